"""The picture of `jaxz demo`."""

from collections.abc import Mapping

import numpy as np

from jaxz import validate
from jaxz.plot.comparison import draw_panels
from jaxz.plot.fit import ZFit, describe, draw_fit
from jaxz.plot.style import Figure
from jaxz.redshift import Redshifts
from jaxz.scan import ZScan
from jaxz.spectra import Spectra


def plot_demo(
    spectra: Spectra,
    scan: ZScan,
    redshifts: Redshifts,
    ztrue: np.ndarray,
    *,
    row: int,
    lines: Mapping[str, float],
) -> Figure:
    """Return `plot_fit` of spectrum `row` beside `plot_comparison` of all, in one figure.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> best = jaxz.find_redshifts(scan, spectra)
        >>> figure = jaxz.plot.plot_demo(spectra, scan, best, np.array([0.05]), row=0, lines={"Hα": 6564.614})
        >>> figure.savefig("demo.png")
    """
    figure = Figure(figsize=(17, 9.5), layout="constrained")
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=[1.75, 1])[0]
    fit = ZFit.of(spectra, scan, redshifts, row)
    draw_fit(left, fit, lines)
    left.suptitle(f"{describe(fit)}   (true z = {ztrue[row]:.5f})", fontsize=12)
    draw_panels(right, redshifts.z, ztrue, validate.TOLERANCE)
    return figure
