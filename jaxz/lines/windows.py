"""Blends of lines in the native pixels around them: Gaussians integrated over pixels, and their derivatives.

A component of unit flux at velocity v with the width s (both in km/s, c ln λ) has in a pixel of Δλ the mean

    L = [Φ((u₁ - v)/s) - Φ((u₀ - v)/s)] / Δλ,   s² = σ² + σ_LSF²,

with Φ the cumulative normal distribution and u₀, u₁ the velocities of the pixel's edges. Pixels of a resolution matrix
are mixed by it afterwards, and σ_LSF is 0.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Float, Int
from jaxz.kernels.resolution import apply_resolution
from jaxz.lines.known import LIGHT_SPEED, Layout
from jaxz.pixels import Pixels

MARGIN = 1300.0
"""km/s from the outermost line of a blend to the end of its window."""

ROUND = 32
"""Windows are a multiple of so many pixels, so that few sizes are compiled."""

FAR = 7.0
"""Widths from its centre at which a line is nothing."""


class Windows(NamedTuple):
    """One spectrum around each blend.

    Attributes:
        pixel: (blend, win) numbers of them.
        edges: (blend, win + 1) velocities of their edges from the middle of the blend, km/s.
        width: (blend, win) Å.
        flux, ivar: (blend, win).
        columns: (blend, column, win) of the continuum.
        bands: (blend, diag, win) of the resolution matrix, or None.
        lsf: (blend, part) σ of the line-spread function at each component, km/s.
    """

    pixel: Int[Array, "blend win"]
    edges: Float[Array, "blend edge"]
    width: Float[Array, "blend win"]
    flux: Float[Array, "blend win"]
    ivar: Float[Array, "blend win"]
    columns: Float[Array, "blend column win"]
    bands: Float[Array, "blend diag win"] | None
    lsf: Float[Array, "blend part"]


def window_size(wave: np.ndarray, reach: np.ndarray) -> int:
    """Return how many pixels a window needs to hold any blend and `MARGIN` on either side.

    Args:
        wave: (spec, pix) Å.
        reach: (blend,) km/s, as of `Layout`.
    """
    narrowest = LIGHT_SPEED * np.min(np.diff(wave, axis=1) / wave[:, 1:], initial=1.0)
    size = 2 * (MARGIN + np.max(reach)) / narrowest
    return min(ROUND * int(np.ceil(size / ROUND)), wave.shape[1])


def places(pixels: Pixels, rest: np.ndarray, z: Float[Array, ""], step: float) -> Array:
    """Return where rest wavelengths (Å) are, in lattice pixels from the spectrum's first."""
    return jnp.log10(rest * (1 + z)) / step - pixels.start.astype(pixels.edges.dtype)


def around(
    pixels: Pixels,
    columns: Float[Array, "column pix"],
    lines: Layout,
    lsf: Float[Array, "blend part"],
    z: Float[Array, ""],
    *,
    size: int,
    step: float,
) -> Windows:
    """Return a spectrum around each blend; where that lies outside, the nearest pixels there are."""
    place = places(pixels, lines.centre, z, step)
    middle = jnp.searchsorted(pixels.edges, place) - 1
    begin = jnp.clip(middle - size // 2, 0, pixels.flux.shape[0] - size)
    at_edges = begin[:, None] + jnp.arange(size + 1, dtype=begin.dtype)[None]
    pixel = at_edges[:, :-1]
    kms = LIGHT_SPEED * np.log(10) * step
    edges = pixels.edges[at_edges]
    start = pixels.start.astype(edges.dtype)
    return Windows(
        pixel=pixel,
        edges=kms * (edges - place[:, None]),
        width=jnp.diff(10.0 ** ((edges + start) * step), axis=1),
        flux=pixels.flux[pixel],
        ivar=pixels.ivar[pixel],
        columns=jnp.moveaxis(columns[:, pixel], 0, 1),
        bands=None if pixels.resolution is None else jnp.moveaxis(pixels.resolution[:, pixel], 0, 1),
        lsf=lsf,
    )


def profiles(
    windows: Windows, lines: Layout, velocity: Float[Array, " family"], width: Float[Array, " family"]
) -> tuple[Float[Array, "blend part win"], Float[Array, "blend part win"], Float[Array, "blend part win"]]:
    """Return the components of unit flux, and their derivatives with respect to velocity and ln width.

    Args:
        windows: of one spectrum.
        lines: all.
        velocity, width: of each family, km/s.
    """
    own = lines.stretch * width[lines.family_of]
    moved = lines.shift * width[lines.family_of]
    sigma = jnp.sqrt(jnp.square(own) + jnp.square(windows.lsf))
    centre = lines.offset + velocity[lines.family_of] + moved
    x = (windows.edges[:, None] - centre[..., None]) / sigma[..., None]
    # Numbers so small that processors are slow with them must not come of it.
    density = jnp.where(jnp.abs(x) < FAR, jnp.exp(-0.5 * jnp.square(x)) / np.sqrt(2 * np.pi), 0)
    grown = (moved / sigma)[..., None] + x * jnp.square(own / sigma)[..., None]
    values = jnp.stack([0.5 * jax.lax.erf(x / np.sqrt(2)), -density / sigma[..., None], -density * grown])
    mean = jnp.diff(values, axis=-1) / windows.width[None, :, None]
    if windows.bands is not None:
        blend = lambda bands, rows: apply_resolution(bands, rows.reshape(-1, rows.shape[-1])).reshape(rows.shape)  # noqa: E731
        mean = jax.vmap(blend, in_axes=(0, 1), out_axes=1)(windows.bands, mean)
    # Windows are as wide as the finest pixels of all spectra ask for: what counts must not depend on the others.
    middle = (windows.edges[:, 1:] + windows.edges[:, :-1]) / 2
    mean = jnp.where((jnp.abs(middle) < MARGIN + lines.reach[:, None])[None, :, None], mean, 0)
    return mean[0], mean[1], mean[2]
