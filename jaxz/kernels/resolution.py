"""Banded resolution matrices: how a spectrograph spreads a spectrum over its pixels."""

import jax.numpy as jnp

from jaxz._typing import Array, Float


def apply_resolution(bands: Float[Array, "diag pix"], model: Float[Array, "basis pix"]) -> Float[Array, "basis pix"]:
    """Return R m for the banded matrix R of one spectrum.

    Args:
        bands: row d holds the diagonal of offset o_d = diag//2 - d stored by column, bands[d, j] = R[j - o_d, j]: the
            layout of DESI's files (Bolton & Schlegel 2010, PASP 122, 248, for what R means).
        model: rows to be convolved.

    Example:
        >>> import jax.numpy as jnp
        >>> bands = jnp.array([[0.25] * 4, [0.5] * 4, [0.25] * 4])
        >>> jaxz.kernels.resolution.apply_resolution(bands, jnp.array([[0.0, 1.0, 0.0, 0.0]])).tolist()
        [[0.25, 0.5, 0.25, 0.0]]
    """
    half = len(bands) // 2
    npix = model.shape[1]
    total = jnp.zeros_like(model)
    for d in range(len(bands)):
        spread = jnp.pad(bands[d][None] * model, ((0, 0), (half, half)))
        begin = half + half - d
        total = total + spread[:, begin : begin + npix]
    return total
