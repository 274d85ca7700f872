"""Spectra → the eigenvectors of their covariance, and what they are made from: flux and ivar on the lattice."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Float
from jaxz.chunks import Chunk, chunks, each, spread
from jaxz.frame import Native, native, on_window
from jaxz.kernels import woodbury
from jaxz.models.components import GaussianComponent, placed
from jaxz.spectra import LogGrid, Spectra

_BATCH = 64
"""Spectra on the device at a time."""

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
    flux, ivar = np.zeros((2, len(spectra), grid.size), np.float32)
    vectors, keep = np.zeros((0, grid.size)), np.ones(grid.size)
    if without is not None:
        vectors = without.in_flux(grid)
        if without.mask is not None:
            keep[placed(without.mask, without.grid, grid)] = 0
    with jax.enable_x64(True):
        model = jnp.asarray(vectors), jnp.asarray(keep)

    def task(item: tuple[np.ndarray, Chunk]) -> tuple[np.ndarray, np.ndarray]:
        with jax.enable_x64(True):
            pixels, width = native(item[1], grid.step)
            found, weight = _on_window(pixels, *model, grid.start, grid.size, width)
            return np.asarray(found), np.asarray(weight)

    rows = np.flatnonzero(spectra.npixels > 1)
    for (_, chunk), (found, weight) in each(task, chunks(spectra, rows, np.zeros((len(rows), 0), dtype=int), _BATCH)):
        flux[chunk.rows], ivar[chunk.rows] = found[: len(chunk.rows)], weight[: len(chunk.rows)]
    return flux, ivar


@functools.partial(jax.jit, static_argnums=(3, 4, 5))
def _on_window(
    pixels: Native, vectors: Float[Array, "comp obs"], keep: Float[Array, " obs"], start: int, size: int, width: int
) -> tuple[Float[Array, "spec obs"], Float[Array, "spec obs"]]:
    def one(spectrum: Native) -> tuple[Array, Array]:
        flux, ivar, _ = on_window(spectrum, start, size, width)
        factor = woodbury.factorise([vectors], ivar * keep)
        rest = flux - woodbury.posterior_mean(factor, flux, slice(None))
        return jnp.where(factor.ivar > 0, rest, 0), factor.ivar

    return spread(one, pixels)


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
