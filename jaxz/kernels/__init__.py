"""Arrays in, arrays out: the numerical kernels, public for those who build on them."""

from jaxz.kernels import (
    minima as minima,
    nmf as nmf,
    nnls as nnls,
    normal as normal,
    packed as packed,
    pivoting as pivoting,
    projected as projected,
    resample as resample,
    resolution as resolution,
    sliding as sliding,
    woodbury as woodbury,
)
