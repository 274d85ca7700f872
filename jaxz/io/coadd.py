"""Exposures and cameras of one target → one spectrum on one wavelength grid, with its resolution matrix."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

LEAST_LIGHT = 0.99
"""A pixel counts only if its row of the resolution matrix sums to this at least, as in Redrock: otherwise a part of its
light comes from beyond the camera, or the row was never filled, and no model can be compared with it."""

_SAME = 1e-3
"""Pixels that differ by less than this fraction of their width are the same pixel."""

_UNMEASURED = 1e-20
"""Weight of the resolution of pixels without data, relative to the best pixel: it counts where there is nothing else,
so that a model drawn through such a pixel has a value there."""


class Exposure(NamedTuple):
    """One spectrum of one camera, or the combination of several.

    Attributes:
        flux, ivar: (pix,).
        resolution: (diag, pix) in the layout of `Spectra`, or None.
    """

    flux: np.ndarray
    ivar: np.ndarray
    resolution: np.ndarray | None


class _Links(NamedTuple):
    """Elements of a camera's resolution matrix and where they are added, with what factor; no target occurs twice."""

    diagonal: int
    column: np.ndarray
    row_to: np.ndarray
    column_to: np.ndarray
    factor: np.ndarray


class _Placing(NamedTuple):
    """Pixels of a camera and where they are added, with what factor; no target occurs twice in one of the pairs."""

    pixels: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
    links: list[_Links]


class CommonGrid:
    """One wavelength grid for cameras that may overlap, and how their spectra are combined on it.

    The grid is that of the bluest camera, continued by the pixels of the next that lie beyond, and so on, with pixels
    without data at both ends of a gap. With S_ip the fraction of pixel i of one exposure of one camera that falls in
    pixel p of the grid, ivar v, flux f and resolution matrix R,

        v_p = Σ S_ip v_i,   f_p = Σ S_ip v_i f_i / v_p,   R_pq = Σ S_ip v_i R_ij S_jq / v_p,

    summed over exposures, cameras and their pixels: the weighted means of what was measured, and of what a model on the
    grid predicts for it. Where cameras share a grid, as DESI's do, S is 1 or 0, nothing is resampled, and noise stays
    independent; else S shares a pixel out by area, as `jaxz.kernels.resample.overlap` does, in the overlap only.

    Args:
        waves: of each camera, (pix,) increasing Å, two pixels at least.
        ndiags: diagonals of each camera's resolution matrix, odd; 0 where it has none, which is the identity if another
            camera has one.

    Attributes:
        wave: (pix,) Å.
        ndiag: diagonals of the combined resolution matrix; 0 if no camera has one.
    """

    def __init__(self, waves: Mapping[str, np.ndarray], ndiags: Mapping[str, int]) -> None:
        self.wave = _joined(list(waves.values()))
        edges = _edges(self.wave)
        with_resolution = any(ndiags.values())
        self._placings = {
            camera: _place(_edges(wave), edges, max(ndiags[camera], 1) if with_resolution else 0)
            for camera, wave in waves.items()
        }
        links = [link for placing in self._placings.values() for link in placing.links]
        reach = max((int(np.abs(link.column_to - link.row_to).max()) for link in links), default=0)
        self.ndiag = 2 * reach + 1 if with_resolution else 0

    def combined(self, exposures: Mapping[str, Sequence[Exposure]]) -> Exposure:
        """Return all exposures of one target in one, float64.

        A pixel counts if its flux is finite, its ivar finite and positive, and its row of the resolution matrix sums to
        `LEAST_LIGHT`. So a spectrum whose matrix is all zero has no data, whatever its ivar.

        Args:
            exposures: of each camera, none or more.
        """
        npix = len(self.wave)
        ivar, flux, weight = np.zeros((3, npix))
        bands = np.zeros((self.ndiag, npix))
        for camera, several in exposures.items():
            if not several:
                continue
            one, placing = _summed(several, with_resolution=self.ndiag > 0), self._placings[camera]
            for pixel, to, share in placing.pixels:
                ivar[to] += share * one.ivar[pixel]
                flux[to] += share * one.flux[pixel]
                weight[to] += share * one.weight[pixel]
            for link in placing.links:
                to = self.ndiag // 2 - (link.column_to - link.row_to), link.column_to
                bands[to] += link.factor * one.bands[link.diagonal, link.column]
        flux = np.divide(flux, ivar, out=np.zeros(npix), where=ivar > 0)
        if not self.ndiag:
            return Exposure(flux, ivar, None)
        return Exposure(flux, ivar, _times_rows(bands, np.divide(1, weight, out=np.zeros(npix), where=weight > 0)))


class _Sum(NamedTuple):
    """Sums over the exposures of one camera: ivar, ivar·flux, the weights of the rows of R, and weight·R."""

    ivar: np.ndarray
    flux: np.ndarray
    weight: np.ndarray
    bands: np.ndarray


def _summed(exposures: Sequence[Exposure], *, with_resolution: bool) -> _Sum:
    ivar, flux, weight, bands = 0, 0, 0, 0
    for exposure in exposures:
        good = _good(exposure)
        this_ivar = np.where(good, exposure.ivar, 0).astype(np.float64)
        this_weight = np.maximum(this_ivar, _UNMEASURED * this_ivar.max())
        ivar = ivar + this_ivar
        flux = flux + this_ivar * np.where(good, exposure.flux, 0)
        weight = weight + this_weight
        if with_resolution:
            bands = bands + _times_rows(_bands(exposure), this_weight)
    return _Sum(*(np.asarray(total) for total in (ivar, flux, weight, bands)))


def _joined(waves: Sequence[np.ndarray]) -> np.ndarray:
    grid, *others = sorted(waves, key=lambda wave: wave[0])
    for wave in others:
        step = grid[-1] - grid[-2]
        more = wave[wave > grid[-1] + step / 2]
        if len(more) and more[0] > grid[-1] + 1.5 * step:
            # Else the pixels beside the gap would reach half-way across.
            ends = [grid[-1] + step, wave[0] - (wave[1] - wave[0])]
            more = np.concatenate([ends[: 1 + (ends[1] > ends[0] + step / 2)], more])
        grid = np.concatenate([grid, more])
    return grid


def _edges(wave: np.ndarray) -> np.ndarray:
    middle = (wave[1:] + wave[:-1]) / 2
    return np.concatenate([[2 * wave[0] - middle[0]], middle, [2 * wave[-1] - middle[-1]]])


def _place(edges: np.ndarray, grid: np.ndarray, ndiag: int) -> _Placing:
    """Return how pixels with `edges` fall into those of the grid, and with them a matrix of `ndiag` diagonals."""
    pixels, links, columns_to = [], [], []
    for met, column_to in _meetings(edges, grid):
        columns_to.append(np.full(len(edges) - 1, -1))
        columns_to[-1][met] = column_to
    for to, pixel in _meetings(grid, edges):
        share = _share(edges, grid, pixel, to)
        pixels.append((pixel, to, share))
        for diagonal in range(ndiag):
            column = pixel + ndiag // 2 - diagonal
            inside = (column >= 0) & (column < len(edges) - 1)
            for column_to in columns_to:
                use = np.flatnonzero(inside)
                use = use[column_to[column[use]] >= 0]
                target = column_to[column[use]]
                factor = share[use] * _share(edges, grid, column[use], target)
                links.append(_Links(diagonal, column[use], to[use], target, factor))
    return _Placing(pixels, [link for link in links if len(link.column)])


def _meetings(edges: np.ndarray, others: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return pairs of pixels that overlap, (of `edges`, of `others`); each list has a pixel of `edges` once at most."""
    margin = _SAME * np.diff(edges)
    count = len(others) - 1
    first = np.clip(np.searchsorted(others, edges[:-1] + margin, side="right") - 1, 0, count)
    end = np.clip(np.searchsorted(others, edges[1:] - margin, side="left"), 0, count)
    pairs = [(np.flatnonzero(first + k < end), first + k) for k in range(int((end - first).max()))]
    return [(pixel, other[pixel]) for pixel, other in pairs]


def _share(edges: np.ndarray, grid: np.ndarray, pixel: np.ndarray, to: np.ndarray) -> np.ndarray:
    shared = np.minimum(edges[pixel + 1], grid[to + 1]) - np.maximum(edges[pixel], grid[to])
    share = shared / (edges[pixel + 1] - edges[pixel])
    return np.where(share > 1 - 2 * _SAME, 1.0, share)


def _good(exposure: Exposure) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        good = np.isfinite(exposure.flux) & np.isfinite(exposure.ivar) & (exposure.ivar > 0)
    return good if exposure.resolution is None else good & (_row_sums(_bands(exposure)) >= LEAST_LIGHT)


def _bands(exposure: Exposure) -> np.ndarray:
    if exposure.resolution is None:
        return np.ones((1, len(exposure.flux)))
    return np.nan_to_num(exposure.resolution, nan=0.0, posinf=0.0, neginf=0.0)


def _row_sums(bands: np.ndarray) -> np.ndarray:
    ndiag, npix = bands.shape
    padded = np.pad(bands.astype(np.float64), [(0, 0), (ndiag // 2, ndiag // 2)])
    return np.sum([padded[d, ndiag - 1 - d :][:npix] for d in range(ndiag)], axis=0)


def _times_rows(bands: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Return the matrix with each row multiplied by a factor of its own; elements outside the matrix become 0."""
    half = len(bands) // 2
    return bands * np.lib.stride_tricks.sliding_window_view(np.pad(factor, half), len(factor))
