"""The continuum that lines are measured on: non-negative vectors of stars, and a stiff polynomial.

The first fit leaves out the pixels of all lines, so that none of them pulls at it. It says which vectors of stars there
are; with the lines, all are fitted once more.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Float
from jaxz.kernels import resample
from jaxz.kernels.nnls import nnls
from jaxz.kernels.resolution import apply_resolution
from jaxz.lines.known import LIGHT_SPEED, LYA, layout
from jaxz.lines.windows import places
from jaxz.models.error import legendre
from jaxz.pixels import Pixels
from jaxz.spectra import LogGrid

HIGHEST = jax.lax.Precision.HIGHEST

ORDER = 10
"""Of the polynomial: it bends over a twentieth of a spectrum at least, which is far wider than a line."""

AROUND = 3000.0
"""km/s on either side of a pixel in which the misfit of the continuum is measured."""

SHAPED = 3000.0
"""km/s on either side of Lyα in which stars are not brighter than beyond."""

FEW = 10.0
"""Pixels of the noise that is expected, beside those that there are: few of these say little."""

RIDGE = 1e-10
"""What is added to the diagonal of normal equations, as a share of it."""


class Continuum(NamedTuple):
    """Columns of the continuum, and their first fit.

    Attributes:
        columns: (column, pix); stars that the first fit has no use for are 0.
        coeff: (column,).
    """

    columns: Float[Array, "column pix"]
    coeff: Float[Array, " column"]


def first_fit(
    pixels: Pixels,
    integral: Float[Array, "basis edge"],
    grid: LogGrid,
    z: Float[Array, ""],
    masked: Float[Array, " pix"],
) -> Continuum:
    """Return the continuum of one spectrum, without the pixels of lines.

    Args:
        pixels: of the spectrum.
        integral: of the vectors of stars, from `jaxz.kernels.resample.cumulative`.
        grid: that they are on.
        z: redshift.
        masked: 0 in pixels of lines, 1 in others.
    """
    shift = jnp.log10(1 + z) / grid.step
    offset = (pixels.start - grid.start).astype(pixels.edges.dtype)
    stars = resample.at_pixels(integral, pixels.edges + offset - shift, 0)
    if pixels.resolution is not None:
        stars = apply_resolution(pixels.resolution, stars)
    smooth = polynomial(pixels)
    nstar, ivar = len(stars), pixels.ivar * masked
    columns = jnp.concatenate([stars, smooth])
    weighted = columns * ivar[None]
    gram = jnp.matmul(weighted, columns.T, precision=HIGHEST)
    rhs = jnp.matmul(weighted, pixels.flux, precision=HIGHEST)
    # Stars are fitted beside the polynomial, which is eliminated.
    given = jnp.concatenate([gram[nstar:, :nstar], rhs[nstar:, None]], axis=1)
    solved = jnp.matmul(inverse(gram[nstar:, nstar:]), given, precision=HIGHEST)
    left = gram[:nstar, :nstar] - jnp.matmul(gram[:nstar, nstar:], solved[:, :nstar], precision=HIGHEST)
    wanted = rhs[:nstar] - jnp.matmul(gram[:nstar, nstar:], solved[:, nstar], precision=HIGHEST)
    weight = nnls(left[..., None], wanted[:, None]).coeff[:, 0]
    stars = shaped(stars, weight, pixels, z, grid.step)
    rest = solved[:, nstar] - jnp.matmul(solved[:, :nstar], weight, precision=HIGHEST)
    used = jnp.where(weight > 0, 1.0, 0.0).astype(weight.dtype)
    return Continuum(jnp.concatenate([stars * used[:, None], smooth]), jnp.concatenate([weight, rest]))


def shaped(
    stars: Float[Array, "star pix"], weight: Float[Array, " star"], pixels: Pixels, z: Float[Array, ""], step: float
) -> Float[Array, "star pix"]:
    """Return the vectors of stars as they may be near Lyα, where stars are absorbed but do not shine.

    There are vectors that fill the troughs of others. In pixels that are masked they are free, and with the lines they
    would take the wings of a bright one for theirs. From 3000 km/s on either side to Lyα the first fit is therefore not
    above what it is at 3000 km/s, and all vectors have its shape.
    """
    known = layout()
    place = places(pixels, known.wave, z, step)[known.name.index(LYA)]
    reach = SHAPED / (LIGHT_SPEED * np.log(10) * step)
    middle = (pixels.edges[1:] + pixels.edges[:-1]) / 2
    last = jnp.maximum(pixels.filled - 1, 0)
    total = jnp.matmul(weight, stars, precision=HIGHEST)
    for low, high, end in ((place - reach, place, place - reach), (place, place + reach, place + reach)):
        pixel = jnp.clip(jnp.searchsorted(middle, end), 0, last)
        share = jnp.minimum(total / jnp.where(total[pixel] > 0, total[pixel], 1), 1)
        near = (middle >= low) & (middle < high)
        stars = jnp.where(near[None], stars[:, pixel, None] * share[None], stars)
    return stars


def misfit(pixels: Pixels, masked: Float[Array, " pix"], step: float) -> Float[Array, " pix"]:
    """Return by how much noise around each pixel exceeds what ivar says, as variance; 1 at least.

    It is χ² per pixel of what the continuum leaves: none is exactly that of a galaxy, and lines are not known better
    than what they are on.

    Args:
        pixels: of the spectrum less its continuum.
        masked: 0 in pixels of lines, 1 in others.
        step: of the lattice.
    """
    half = AROUND / (LIGHT_SPEED * np.log(10) * step)
    middle = (pixels.edges[1:] + pixels.edges[:-1]) / 2
    begin = jnp.maximum(jnp.searchsorted(pixels.edges, middle - half) - 1, 0)
    end = jnp.minimum(jnp.searchsorted(pixels.edges, middle + half), len(middle))
    ivar = pixels.ivar * masked
    each = jnp.stack([jnp.where(ivar > 0, 1.0, 0.0).astype(ivar.dtype), ivar * jnp.square(pixels.flux)])
    total = jnp.pad(jnp.cumsum(each, axis=1), ((0, 0), (1, 0)))
    number, chi2 = total[:, end] - total[:, begin]
    return jnp.maximum((chi2 + FEW) / (number + FEW), 1)


def polynomial(pixels: Pixels) -> Float[Array, "order pix"]:
    """Return the Legendre polynomials of order 0 to `ORDER` over the range of a spectrum."""
    middle = (pixels.edges[1:] + pixels.edges[:-1]) / 2
    begin, end = pixels.edges[0], pixels.edges[pixels.filled]
    x = jnp.clip(2 * (middle - begin) / jnp.where(end > begin, end - begin, 1) - 1, -1, 1)
    return jnp.concatenate([jnp.ones_like(x)[None], legendre(x, ORDER)])


def regular(matrix: Float[Array, "n n"]) -> tuple[Float[Array, "n n"], Float[Array, " n"]]:
    """Return normal equations with a diagonal of 1 that can be solved where columns vanish or repeat each other.

    Returns:
        The matrix, and the numbers that its rows and columns were multiplied by.
    """
    power = jnp.diagonal(matrix)
    scale = jax.lax.rsqrt(jnp.where(power > 0, power, 1))
    scaled = matrix * scale[:, None] * scale[None]
    return scaled + jnp.diag(jnp.where(power > 0, RIDGE, 1).astype(power.dtype)), scale


def inverse(matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Return the inverse of normal equations by Gauss and Jordan's steps.

    LAPACK would start threads of its own for each of so many small matrices.
    """
    scaled, scale = regular(matrix)
    unit = jnp.eye(len(matrix), dtype=matrix.dtype)

    def step(k: Array, known: Array) -> Array:
        row, column, at = known[k], known[:, k], unit[k]
        across, along = at[:, None], at[None]
        rest = known - column[:, None] * row[None] / row[k]
        edges = (across * row[None] - column[:, None] * along) / row[k]
        return jnp.where(across + along > 0, edges, rest) * (1 - across * along) + across * along / row[k]

    return jax.lax.fori_loop(0, len(matrix), step, scaled) * scale[:, None] * scale[None]
