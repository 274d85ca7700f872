"""Spectra as arrays on the device: their native pixels, measured in lattice pixels.

A spectrum's arrays are trimmed to its good pixels and padded to one of few sizes. Nothing about them depends on other
spectra, so that results do not depend on the company a spectrum is in, to the bit; and few sizes mean few compilations.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Either, Float, Int
from jaxz.kernels import resample
from jaxz.spectra import Spectra

PIXELS, WINDOW = 8192, 10240
"""Native and lattice pixels that hold an optical spectrum; others get 4, 16, … times as many."""

PARTS = 4
"""Native pixels that begin in the same quarter of a lattice pixel are put together; halves would blur narrow lines."""

OVERLAP = PARTS + 1
"""Native pixels that one lattice pixel can meet, then."""

FINE = 5
"""The same for a closer look: 7 km/s, a tenth of the width of a narrow line. What is fitted is integrated over such
pixels, so that they blur nothing; and spectra on absurdly fine pixels take no more memory than others."""


class Pixels(NamedTuple):
    """Native pixels of one spectrum, or of several with a leading axis.

    Attributes:
        start: lattice pixel that the first edge is in.
        edges: of the native pixels, increasing, in lattice pixels from the centre of `start`.
        flux, ivar: mean f_λ of the pixels and its inverse variance, 0 in bad pixels.
        filled: pixels from which on there is nothing but padding.
        resolution: banded matrix as of `jaxz.kernels.resolution`, or None.

    Example:
        >>> wave = np.arange(5000.0, 6000.0)
        >>> pixels = jaxz.Pixels.of(wave, np.ones(1000), np.ones(1000), step=5e-5)
        >>> pixels.edges.shape
        (1001,)
    """

    start: Int[Either, "*spec"]
    edges: Float[Either, "*spec edge"]
    flux: Float[Either, "*spec pix"]
    ivar: Float[Either, "*spec pix"]
    filled: Int[Either, "*spec"]
    resolution: Float[Either, "*spec diag pix"] | None = None

    @classmethod
    def of(cls, wave: np.ndarray, flux: Array | np.ndarray, ivar: Array | np.ndarray, *, step: float) -> "Pixels":
        """Return the pixels of one spectrum, for `jaxz.chi2`.

        Args:
            wave: (pix,) centres, vacuum Å, increasing; a NumPy array, because a lattice position needs nine digits.
            flux, ivar: (pix,), may be traced; of what is not finite or has no positive ivar both must be 0.
            step: of the lattice, dex: that of the model.
        """
        edges = resample.pixel_edges(np.asarray(wave, dtype=np.float64), step)
        start = int(np.floor(edges[0] + 0.5))
        flux, ivar = jnp.asarray(flux), jnp.asarray(ivar)
        return cls(jnp.int32(start), jnp.asarray(edges - start, dtype=flux.dtype), flux, ivar, jnp.int32(len(wave)))


class Layout(NamedTuple):
    """Where the pixels of each spectrum lie that matter, all (spec,).

    These are the good ones and, where there is a resolution matrix, those from which light is spread into them.

    Attributes:
        first, end: index of the first native pixel, and one past the last; equal where there is none.
        start: lattice pixel that the first edge is in.
        size: lattice pixels from there to the last edge.
    """

    first: np.ndarray
    end: np.ndarray
    start: np.ndarray
    size: np.ndarray


def layout(spectra: Spectra, step: float) -> Layout:
    """Return where the pixels of each spectrum lie on a lattice of `step` dex."""
    good = spectra.ivar > 0
    npix = good.shape[1]
    reach = 0 if spectra.resolution is None else spectra.resolution.shape[1] // 2
    first = np.maximum(np.argmax(good, axis=1) - reach, 0)
    end = np.minimum(npix - np.argmax(good[:, ::-1], axis=1) + reach, npix)
    end = np.where(good.any(axis=1), end, first)
    if npix < 2:
        return Layout(first, first, np.zeros_like(first), np.ones_like(first))
    row, last = np.arange(len(good)), np.maximum(end - 1, first + 1)
    ends = [spectra.wave[row, np.clip(place, 0, npix - 1)] for place in (first, first + 1, last - 1, last)]
    low, high = 1.5 * ends[0] - 0.5 * ends[1], 1.5 * ends[3] - 0.5 * ends[2]
    start = np.floor(np.log10(low) / step + 0.5).astype(int)
    return Layout(first, end, start, np.ceil(np.log10(high) / step + 0.5).astype(int) - start)


def bucket(size: int, least: int) -> int:
    """Return `least` times the smallest power of 4 that is not below `size`."""
    while least < size:
        least *= 4
    return least


def gather(
    spectra: Spectra,
    rows: np.ndarray,
    where: Layout,
    step: float,
    batch: int,
    size: int,
    *,
    parts: int | None,
    columns: np.ndarray | None = None,
) -> tuple[Pixels, np.ndarray | None]:
    """Return some spectra side by side, as NumPy arrays of (batch, size) pixels, and columns in the same pixels.

    Args:
        spectra: the whole sample.
        rows: of the spectra wanted, no more than `batch`; the rest are copies of the first without data.
        where: `layout` of the sample.
        step: of the lattice, dex.
        batch, size: spectra and pixels of the arrays.
        parts: pixels that begin in the same of so many parts of a lattice pixel are put together; none are if None. A
            resolution matrix is of the native pixels: with `PARTS`, for scans, it is left out; else it keeps all apart.
        columns: (spec, comp, pix) of the whole sample, or None.
    """  # fmt: skip
    edges, flux, ivar = np.zeros((batch, size + 1)), np.zeros((batch, size)), np.zeros((batch, size))
    count = np.zeros(batch, np.int32)
    matrix = None if parts == PARTS else spectra.resolution
    parts = parts if matrix is None else None
    resolution = None if matrix is None else np.zeros((batch, matrix.shape[1], size))
    given = None if columns is None else np.zeros((batch, columns.shape[1], size))
    for place, row in enumerate(rows):
        pixels = slice(int(where.first[row]), int(where.end[row]))
        own = resample.pixel_edges(spectra.wave[row, pixels], step) - where.start[row]
        values = spectra.flux[row, pixels].astype(np.float64), spectra.ivar[row, pixels].astype(np.float64)
        if given is not None and columns is not None:
            more = columns[row, :, pixels].astype(np.float64)
            more = more if parts is None else rebinned(own, more, values[1], parts)[1]
            given[place, :, : more.shape[1]] = more
        own, *values = (own, *values) if parts is None else rebinned(own, *values, parts)
        n = len(own) - 1
        edges[place, : n + 1], flux[place, :n], ivar[place, :n], count[place] = own, *values, n
        # Pixels that fill up go on with the last pixel's width: they have no weight, but edges must increase.
        edges[place, n + 1 :] = own[-1] + (own[-1] - own[-2]) * np.arange(1, size - n + 1)
        if resolution is not None and matrix is not None:
            resolution[place, :, :n] = matrix[row, :, pixels]
    edges[len(rows) :] = edges[0]
    start = np.resize(where.start[rows], batch).astype(np.int32)
    return Pixels(start, edges, flux, ivar, count, resolution), given


def native(values: np.ndarray, rows: np.ndarray, where: Layout, npix: int) -> np.ndarray:
    """Return what belongs to the pixels of `gather` where these are in the sample, (spec, …, npix); NaN elsewhere.

    Args:
        values: (spec, …, size) of pixels that were not put together.
        rows: indices of the spectra that have any.
        where: `layout` of the sample.
        npix: its pixels.
    """
    placed = np.full((*values.shape[:-1], npix), np.nan)
    for row in rows:
        pixels = slice(int(where.first[row]), int(where.end[row]))
        placed[row, ..., pixels] = values[row, ..., : pixels.stop - pixels.start]
    return placed


def rebinned(
    edges: np.ndarray, flux: np.ndarray, ivar: np.ndarray, parts: int = PARTS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put pixels of one spectrum together that begin in the same part of a lattice pixel, weighted by ivar.

    Args:
        edges: (edge,) in lattice pixels.
        flux, ivar: (…, pix).
        parts: of a lattice pixel.
    """
    part = np.floor(parts * edges[:-1])
    begins = np.flatnonzero(np.concatenate([[True], part[1:] != part[:-1]]))
    if len(begins) == len(part):
        return edges, flux, ivar
    total = np.add.reduceat(ivar, begins)
    mean = np.add.reduceat(flux * ivar, begins, axis=-1) / np.where(total > 0, total, 1)
    return np.concatenate([edges[begins], edges[-1:]]), mean, total
