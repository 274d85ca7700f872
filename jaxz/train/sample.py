"""Labelled spectra → what a basis is learned from: flux and ivar on the lattice, in the rest frame."""

import functools
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Float, Int
from jaxz.kernels import resample
from jaxz.kernels.nnls import nnls
from jaxz.models.basis import Basis
from jaxz.pixels import OVERLAP, Pixels, layout
from jaxz.run import run
from jaxz.spectra import LogGrid, Spectra

LOWEST_Z = -0.01
"""Below this, 3000 km/s towards us, a redshift is no label but a mark that there is none."""

COVERED = 0.01
"""Share of the spectra that a rest pixel needs to count."""

FAINTEST = 1e-3
"""What a value that may grow starts from, as a share of the mean: from 0 it could not."""

_NAMED = 5

_ROUND = 512
"""Spectra are put on a multiple of so many lattice pixels, so that few sizes are compiled."""


class Sample(NamedTuple):
    """Spectra in the rest frame.

    Attributes:
        flux, ivar: (spec, obs) float32, each spectrum scaled to a weighted root mean square of 1.
        shift: (spec,) index in `grid` of pixel 0 of each spectrum.
        grid: lattice pixels that all spectra together cover.
    """

    flux: np.ndarray
    ivar: np.ndarray
    shift: np.ndarray
    grid: LogGrid


def labelled(z: np.ndarray) -> np.ndarray:
    """Return where z is a label: finite, and not so negative (below -0.01) that it stands for "unknown".

    Example:
        >>> jaxz.train.labelled(np.array([0.5, -0.001, -9999.0, np.nan]))
        array([ True,  True, False, False])
    """
    z = np.asarray(z, dtype=np.float64)
    return np.isfinite(z) & (z >= LOWEST_Z)


def labels(spectra: Spectra, z: np.ndarray) -> np.ndarray:
    """Return redshifts as (spec,) float64.

    Raises:
        ValueError: if a spectrum has no label (the message names it), or `z` has the wrong length.
    """
    z = np.asarray(z, dtype=np.float64)
    if z.shape != (len(spectra),):
        raise ValueError(f"z has shape {z.shape} for {len(spectra)} spectra: give one for each")
    if len(unknown := np.flatnonzero(~labelled(z))):
        raise ValueError(f"{len(unknown)} spectra have no redshift: {named(spectra, z, unknown)}: leave them out")
    return z


def named(spectra: Spectra, z: np.ndarray, rows: np.ndarray) -> str:
    """Return names and redshifts of some spectra, of the first if they are many, for a message."""
    return ", ".join(f"{spectra.ids[row]} (z = {z[row]:g})" for row in rows[:_NAMED])


def rest_frame(spectra: Spectra, z: np.ndarray, *, step: float, error_floor: float) -> Sample:
    """Return spectra with known redshifts on the lattice in the rest frame.

    Pixels are shared out by overlap (`jaxz.kernels.resample`) after their edges are divided by 1 + z: the redshift is
    not rounded to the lattice. The variance becomes σ² + `error_floor`² (flux² + rms²), rms being that of the
    spectrum's flux: a bright spectrum weighs no more than others, for beyond some S/N it tells of itself, not of other
    galaxies, and neither the brightest nor the darkest of its pixels outweigh the rest.

    Args:
        spectra: with at least two pixels each.
        z: (spec,) redshifts.
        step: of the lattice, dex.
        error_floor: share of the flux, and of its root mean square.

    Raises:
        ValueError: if a spectrum has no label (the message names it), or `z` has the wrong length.
    """
    z = labels(spectra, z)
    if not 0 <= error_floor < 1:
        raise ValueError(f"error_floor={error_floor}: use a share of the flux, from 0 to below 1")
    rows = np.flatnonzero(spectra.npixels > 1)
    if not len(rows):
        raise ValueError(f"none of {len(spectra)} spectra has data: nothing can be learned")

    where = layout(spectra, step)
    obs = int(where.size[rows].max()) + 1
    start, flux, ivar = run(_RestFrame(-(-obs // _ROUND) * _ROUND, step), spectra, rows, (z,), step=step)
    flux, ivar = np.nan_to_num(flux), np.nan_to_num(ivar)
    start[spectra.npixels < 2] = start[rows].min()
    obs = int(np.flatnonzero(ivar.any(axis=0))[-1]) + 1
    flux, ivar = flux[:, :obs], ivar[:, :obs]
    weight = ivar.sum(axis=1, keepdims=True)
    rms = np.sqrt(np.sum(ivar * flux**2, axis=1, keepdims=True) / np.where(weight > 0, weight, 1))
    rms[rms == 0] = 1
    ivar /= 1 + ivar * error_floor**2 * (flux**2 + rms**2)
    first = int(start.min())
    return Sample(
        (flux / rms).astype(np.float32),
        (ivar * rms**2).astype(np.float32),
        start - first,
        LogGrid(first, int(start.max()) + obs - first, step),
    )


class _RestFrame(eqx.Module):
    """The task (spectrum, z) → first lattice pixel in the rest frame, flux and ivar from there on."""

    size: int = eqx.field(static=True)
    step: float = eqx.field(static=True)

    def __call__(self, serial: bool, pixels: Pixels, z: Float[Array, ""]) -> tuple[Array, Array, Array]:
        """Return them for one spectrum."""
        edges = pixels.edges - jnp.log10(1 + z) / self.step
        start = jnp.floor(edges[0] + 0.5).astype(jnp.int32)
        flux, ivar = resample.overlap(edges, pixels.flux, pixels.ivar, start, size=self.size, width=OVERLAP + 1)
        return start + pixels.start, flux, ivar


def well_covered(sample: Sample) -> Sample:
    """Return a sample without data in the rest pixels that less than 1 % of its spectra cover.

    At the ends of the rest frame a few noisy pixels would make spikes, brighter than all of a vector that other spectra
    know of.
    """
    place = sample.shift[:, None] + np.arange(sample.ivar.shape[1])
    spectra = np.bincount(place[sample.ivar > 0], minlength=sample.grid.size)
    few = spectra < COVERED * np.count_nonzero(sample.ivar.any(axis=1))
    return sample._replace(ivar=np.where(few[place], np.float32(0), sample.ivar))


def on_grid(basis: Basis, grid: LogGrid) -> np.ndarray:
    """Return the vectors of a basis on another window, (basis, rest) float32 of mean 1, none of them zero anywhere."""
    if basis.method != "NMF":
        raise ValueError(f"the basis {basis.name!r} to start from is one of PCA: a non-negative one is wanted")
    basis = basis.with_step(grid.step)
    vectors = np.zeros((len(basis), grid.size))
    begin, end = max(grid.start, basis.grid.start), min(grid.start + grid.size, basis.grid.start + basis.grid.size)
    if begin < end:
        vectors[:, begin - grid.start : end - grid.start] = basis.vectors[
            :, begin - basis.grid.start : end - basis.grid.start
        ]
    mean = vectors.mean(axis=1, keepdims=True)
    if not np.all(mean > 0):
        raise ValueError(f"the basis {basis.name!r} to start from is zero where the spectra are: choose another")
    return np.maximum(vectors / mean, FAINTEST).astype(np.float32)


def best_coeff(sample: Sample, vectors: np.ndarray) -> np.ndarray:
    """Return the non-negative coefficients that fit each spectrum best, (spec, basis) float32, none of them zero."""
    every = np.arange(len(sample.flux))
    task = _Normal(jnp.asarray(vectors))
    gram, rhs = run(task, None, every, (sample.flux, sample.ivar, sample.shift.astype(np.int32)))
    with jax.enable_x64(True):
        coeff = np.asarray(nnls(jnp.moveaxis(jnp.asarray(gram), 0, -1), jnp.asarray(rhs.T)).coeff.T)
    return np.maximum(coeff, FAINTEST * coeff.mean()).astype(np.float32)


class _Normal(eqx.Module):
    """The task (flux, ivar, shift) → normal equations of vectors in the rest frame."""

    vectors: Float[Array, "basis rest"]

    def __call__(
        self, serial: bool, flux: Float[Array, " obs"], ivar: Float[Array, " obs"], shift: Int[Array, ""]
    ) -> tuple[Float[Array, "basis basis"], Float[Array, " basis"]]:
        """Return A and b of one spectrum, float64."""
        window = jax.lax.dynamic_slice_in_dim(self.vectors, shift, len(flux), axis=1).astype(jnp.float64)
        weighted = window * ivar.astype(jnp.float64)[None]
        product = functools.partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
        return product(weighted, window.T), product(weighted, flux.astype(jnp.float64))
