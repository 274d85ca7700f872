"""Spectra → the eigenvectors of their covariance, and what they are made from: flux and ivar on the lattice."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Float, Int
from jaxz.kernels import resample, woodbury
from jaxz.models import GaussianComponent
from jaxz.models.columns import Fixed
from jaxz.pixels import OVERLAP, Pixels
from jaxz.run import run
from jaxz.spectra import LogGrid, Spectra

_BLOCK = 512
"""Rows or columns that are in float64 at a time."""

_EMPTY = 1e-10
"""Share of the largest eigenvalue below which another is round-off."""


def on_lattice(
    spectra: Spectra, grid: LogGrid, *, without: GaussianComponent | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return flux and ivar on a lattice window, (spec, obs) float32, both 0 where there are no data.

    Args:
        spectra: what was measured.
        grid: the window.
        without: a fixed component, whose posterior mean is taken out: what is left is the last part of
            ``jaxz.separate(spectra, [without])``. Pixels that it masks have no data then.
    """
    with jax.enable_x64(True):
        task = _Without(Fixed.of([] if without is None else [without]), jnp.int32(grid.start), grid.size)
    rows = np.flatnonzero(spectra.npixels > 1)
    flux, ivar = run(task, spectra, rows, step=grid.step)
    return np.nan_to_num(flux), np.nan_to_num(ivar)


class _Without(eqx.Module):
    """The task (spectrum) → flux less the posterior mean of fixed columns, and ivar, on one lattice window."""

    fixed: Fixed
    start: Int[Array, ""]
    size: int = eqx.field(static=True)

    def __call__(self, serial: bool, pixels: Pixels) -> tuple[Float[Array, " obs"], Float[Array, " obs"]]:
        """Return them for one spectrum, float32."""
        begin = self.start - pixels.start
        flux, ivar = resample.overlap(pixels.edges, pixels.flux, pixels.ivar, begin, size=self.size, width=OVERLAP)
        vectors, _, keep = self.fixed.on_lattice(self.start, self.size)
        factor = woodbury.factorise([vectors], ivar * keep)
        rest = flux - woodbury.posterior_mean(factor, flux, slice(None))
        return jnp.where(factor.ivar > 0, rest, 0).astype(jnp.float32), factor.ivar.astype(jnp.float32)


def principal(samples: np.ndarray, rank: int) -> np.ndarray:
    """Return the first eigenvectors of XXᵀ/n times the square roots of their eigenvalues [L, eq. 3].

    Of the two products of the samples with themselves, the smaller one is decomposed, so that no obs × obs matrix is
    formed where there are fewer samples than pixels: with X = U S Vᵀ, of samples in columns, U S/√n = X V/√n.

    Args:
        samples: (spec, obs), the transpose of X, of zero mean.
        rank: number of vectors.

    Returns:
        (rank, obs) float64, the largest first, each with its largest value positive.

    Raises:
        ValueError: if the samples span fewer dimensions than `rank`.
    """
    count, size = samples.shape
    few = count < size
    gram = np.zeros((min(count, size),) * 2)
    for begin in range(0, size if few else count, _BLOCK):
        block = samples[:, begin : begin + _BLOCK] if few else samples[begin : begin + _BLOCK].T
        block = block.astype(np.float64)
        gram += block @ block.T
    vectors, values = largest(gram / count, rank, f"{count} spectra")
    if not few:
        return upright(vectors * np.sqrt(values)[:, None])
    result = np.zeros((rank, size))
    for begin in range(0, size, _BLOCK):
        result[:, begin : begin + _BLOCK] = vectors @ samples[:, begin : begin + _BLOCK].astype(np.float64)
    return upright(result / np.sqrt(count))


def largest(matrix: np.ndarray, rank: int, of_what: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the eigenvectors (rank, …) of a symmetric matrix with the largest eigenvalues, and these.

    Args:
        matrix: not necessarily positive.
        rank: number of vectors.
        of_what: for the message.

    Raises:
        ValueError: if there are not that many eigenvalues above zero.
    """
    values, vectors = np.linalg.eigh(matrix)
    found = int(np.count_nonzero(values > max(_EMPTY * values[-1], 0)))
    if rank > found:
        raise ValueError(f"rank={rank}, but {of_what} give {found} vectors: use more spectra, or a lower rank")
    return vectors.T[::-1][:rank], values[::-1][:rank]


def upright(vectors: np.ndarray) -> np.ndarray:
    """Return vectors with signs such that the largest value of each is positive."""
    most = np.take_along_axis(vectors, np.argmax(np.abs(vectors), axis=1)[:, None], axis=1)
    return vectors * np.sign(most)
