"""One spectrum on the lattice, its fixed columns taken care of, and what a model that ends inside it costs.

A sliding model says nothing beyond its ends. There, at each trial redshift, the spectrum is compared with its own
running mean instead (`CONTINUUM`), as if the model went on with it: so χ² at two redshifts is a sum over the same
pixels, none of which counts as "model = 0" here and as fitted there. Where less than `LEAST` of the good pixels are
covered this would be a fit by nothing: there the model stays 0, as it does blueward of a model that begins below the
Lyman limit, where no light comes through. With non-negative columns of a spectrum's own it is 0 as well: they are what
goes on.
"""

from typing import NamedTuple

import jax.numpy as jnp

from jaxz._typing import Array, Float, Int
from jaxz.kernels import resample, sliding, woodbury
from jaxz.kernels.nnls import nnls
from jaxz.models.columns import Fixed
from jaxz.pixels import OVERLAP, Pixels

CONTINUUM = 0.05
"""Half width of the running mean, dex. Between 0.025 and 0.06 it makes no difference; a narrow one fits what correlated
noise at the red ends of real spectra looks like, and makes nearby galaxies of distant ones."""

LEAST = 0.5
"""Share of the good pixels that must be covered."""

LYMAN_LIMIT = 912.0
"""Å."""


class OnLattice(NamedTuple):
    """One spectrum on the lattice, conditioned on its fixed columns.

    Attributes:
        start: first lattice pixel.
        flux, ivar: (obs,).
        rows: what slides along it: ivar, P, and C⁻¹ of the spectrum and of each non-negative fixed column.
        factor: of the eliminated columns.
        reduced: L⁻¹ P w d, with which χ² without anything else is Σ w d² - |reduced|².
        fixed_gram, fixed_rhs: products of the non-negative fixed columns with each other and with the spectrum.
        null: χ² of the eliminated columns alone.
    """

    start: Int[Array, ""]
    flux: Float[Array, " obs"]
    ivar: Float[Array, " obs"]
    rows: sliding.Conditioned
    factor: woodbury.Factor
    reduced: Float[Array, " comp"]
    fixed_gram: Float[Array, "fixed fixed"]
    fixed_rhs: Float[Array, " fixed"]
    null: Float[Array, ""]


def on_lattice(
    pixels: Pixels,
    own: Float[Array, "comp pix"] | None,
    fixed: Fixed,
    size: int,
    *,
    linear: bool = False,
    distortion: Float[Array, "order obs"] | None = None,
) -> OnLattice:
    """Return one spectrum on `size` lattice pixels from its own first one on.

    Args:
        pixels: of the spectrum, on the lattice step of the columns.
        own: its own columns, in its pixels.
        fixed: the columns of the model.
        size: lattice pixels.
        linear: whether to interpolate, as the published recipe does, and not to share pixels out.
        distortion: columns of an error model.
    """
    flux, ivar = _placed(pixels, pixels.flux, size, linear)
    eliminated, positive, keep = fixed.on_lattice(pixels.start, size)
    ivar = ivar * keep
    columns = None
    if own is not None:
        columns = jnp.stack([_placed(pixels, row, size, linear)[0] for row in own])
    factor, positive = fixed.joined(eliminated, positive, columns, ivar, distortion)
    data = jnp.concatenate([flux[None], positive])
    solved = jnp.stack([woodbury.solve(factor, row) for row in data])
    projected = woodbury.projected(factor)
    products = jnp.matmul(data, solved.T, precision=woodbury.HIGHEST)
    return OnLattice(
        pixels.start,
        flux,
        ivar,
        sliding.Conditioned(ivar, projected, solved),
        factor,
        jnp.matmul(projected, flux, precision=woodbury.HIGHEST),
        products[1:, 1:],
        products[1:, 0],
        woodbury.chi2(factor, flux),
    )


def _placed(pixels: Pixels, flux: Float[Array, " pix"], size: int, linear: bool) -> tuple[Array, Array]:
    first = jnp.zeros((), pixels.start.dtype)
    if linear:
        middle = (pixels.edges[1:] + pixels.edges[:-1]) / 2
        return resample.interpolate(middle, flux, pixels.ivar, first, size=size)
    return resample.overlap(pixels.edges, flux, pixels.ivar, first, size=size, width=OVERLAP)


def null_chi2(spectrum: OnLattice) -> Float[Array, ""]:
    """Return χ² of all fixed columns and noise, without anything that slides."""
    if not len(spectrum.fixed_rhs):
        return spectrum.null
    solution = nnls(spectrum.fixed_gram[..., None], spectrum.fixed_rhs[:, None])
    return spectrum.null - jnp.sum(solution.coeff[:, 0] * spectrum.fixed_rhs)


class Uncovered(NamedTuple):
    """What the pixels beyond the ends of a sliding model change at each trial redshift.

    Attributes:
        chi2: by how much χ² of the eliminated columns alone falls.
        reduced: what is taken from `OnLattice.reduced`.
        covered: share of the good pixels that the model covers.
    """

    chi2: Float[Array, " shift"]
    reduced: Float[Array, "comp shift"]
    covered: Float[Array, " shift"]


def uncovered(
    spectrum: OnLattice,
    continuum: Float[Array, " obs"],
    first: Int[Array, " shift"],
    end: Int[Array, " shift"],
    *,
    opaque: bool,
) -> Uncovered:
    """Return what running means beyond the ends of a model change.

    Args:
        spectrum: on the lattice.
        continuum: its running mean.
        first, end: window pixel that the model begins at, and one past its last, at each shift.
        opaque: whether there is nothing blueward of the model, and 0 is right.
    """  # fmt: skip
    good = (spectrum.ivar > 0).astype(spectrum.flux.dtype)
    gain = spectrum.ivar * continuum * (2 * spectrum.flux - continuum)
    moved = spectrum.rows.projected * continuum[None]
    rows = jnp.concatenate([good[None], gain[None], moved])
    total = jnp.pad(jnp.cumsum(rows, axis=1), ((0, 0), (1, 0)))
    size = len(good)
    beyond = total[:, -1:] - total[:, jnp.clip(end, 0, size)]
    before = jnp.zeros_like(beyond) if opaque else total[:, jnp.clip(first, 0, size)]
    sums = beyond + before
    share = 1 - sums[0] / jnp.maximum(total[0, -1], 1)
    priced = share >= LEAST
    reduced = jnp.where(priced, sums[2:], 0)
    # |h|² becomes |h - Δh|².
    change = jnp.sum(reduced * (2 * spectrum.reduced[:, None] - reduced), axis=0)
    return Uncovered(jnp.where(priced, sums[1], 0) - change, reduced, share)


def running_mean(pixels: Pixels, at: Float[Array, " place"], half: float) -> Float[Array, " place"]:
    """Return the mean of the flux, weighted by ivar, within `half` lattice pixels of each place; 0 without data.

    Args:
        pixels: of one spectrum.
        at: in lattice pixels from the spectrum's first.
        half: half width of the mean.
    """  # fmt: skip
    rows = jnp.stack([pixels.ivar, pixels.ivar * pixels.flux])
    total = jnp.pad(jnp.cumsum(rows, axis=1), ((0, 0), (1, 0)))
    until, since = jnp.split(resample.between(pixels.edges, total, jnp.concatenate([at + half, at - half])), 2, axis=1)
    weight, flux = until - since
    return jnp.where(weight > 0, flux / jnp.where(weight > 0, weight, 1), 0)
