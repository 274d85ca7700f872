"""Batches of bounded size in which every spectrum has its own, fixed array shape.

A spectrum's arrays are trimmed to its good pixels and padded to a multiple of `ROUND`. Nothing about them depends on
the other spectra, so that results do not depend on the company a spectrum is in, to the bit; and few shapes means few
compilations.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np

from jaxz.spectra import Spectra

ROUND = 512

Item = TypeVar("Item")
Result = TypeVar("Result")


class Chunk(NamedTuple):
    """Some spectra of one shape, in the order of `rows`; rows beyond `len(rows)` are empty spectra that fill the batch.

    Attributes:
        rows: indices into the `Spectra`.
        pixels: where the arrays come from in the rows of the `Spectra`.
        wave: (batch, pix) float64 Å.
        flux, ivar: (batch, pix) float64.
        resolution: (batch, diag, pix) float64, or None.
    """

    rows: np.ndarray
    pixels: list[slice]
    wave: np.ndarray
    flux: np.ndarray
    ivar: np.ndarray
    resolution: np.ndarray | None


def round_up(size: int) -> int:
    """Return the least multiple of `ROUND` that is not below `size`."""
    return -(-size // ROUND) * ROUND


def good_range(spectra: Spectra) -> tuple[np.ndarray, np.ndarray]:
    """Return the first pixel of each spectrum that matters and one past its last; equal where there is none.

    These are the good pixels and, where there is a resolution matrix, those from which light is spread into them.
    """
    good = spectra.ivar > 0
    npix = good.shape[1]
    reach = 0 if spectra.resolution is None else spectra.resolution.shape[1] // 2
    first = np.maximum(np.argmax(good, axis=1) - reach, 0)
    end = np.minimum(npix - np.argmax(good[:, ::-1], axis=1) + reach, npix)
    return first, np.where(good.any(axis=1), end, first)


def chunks(spectra: Spectra, rows: np.ndarray, keys: np.ndarray, batch_size: int) -> Iterator[tuple[np.ndarray, Chunk]]:
    """Yield (key, chunk) for the spectra `rows`, all of one chunk with equal keys.

    Args:
        spectra: the whole batch.
        rows: indices of the spectra wanted.
        keys: (len(rows), …) integers; spectra are put together only if theirs are equal.
        batch_size: spectra on the device at a time. A chunk has fewer where several are worked on at once (`each`); it
            is filled up to a power of two, so that few sizes are compiled.
    """
    first, end = good_range(spectra)
    width = np.array([round_up(int(n)) for n in (end - first)[rows]], dtype=int)
    together = np.column_stack([width, keys])
    for key in np.unique(together, axis=0):
        members = rows[(together == key).all(axis=1)]
        size = -(-min(batch_size, len(members)) // workers())
        for begin in range(0, len(members), size):
            part = members[begin : begin + size]
            batch = min(batch_size, 1 << (len(part) - 1).bit_length())
            yield key[1:], _gather(spectra, part, first, end, int(key[0]), batch)


def on_cpu() -> bool:
    """Return whether the default device is a CPU, which wants work in small pieces, or an accelerator."""
    return jax.default_backend() == "cpu"


def workers() -> int:
    """Return how many chunks are worked on at once: one for each core of a CPU, one on an accelerator.

    A CPU is filled by many spectra, each on a core of its own, better than by the operations of one.
    """
    if not on_cpu():
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(task: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[tuple[Item, Result]]:
    """Yield each item with the result of `task`, in order, `workers()` of them in work and no more waiting."""
    with ThreadPoolExecutor(workers()) as pool:
        pending: deque = deque()
        for item in items:
            pending.append((item, pool.submit(task, item)))
            if len(pending) > workers():
                done, future = pending.popleft()
                yield done, future.result()
        for done, future in pending:
            yield done, future.result()


def spread(task: Callable[..., Any], items: Any) -> Any:
    """Return `task` of each leading element of `items`, inside a compiled function.

    Side by side on an accelerator; one after the other on a CPU, whose cache holds the arrays of one.
    """
    return jax.lax.map(task, items) if on_cpu() else jax.vmap(task)(items)


def _gather(spectra: Spectra, rows: np.ndarray, first: np.ndarray, end: np.ndarray, width: int, batch: int) -> Chunk:
    wave, flux, ivar = np.zeros((3, batch, width))
    ndiag = 0 if spectra.resolution is None else spectra.resolution.shape[1]
    resolution = np.zeros((batch, ndiag, width))
    taken = [slice(int(first[row]), int(end[row])) for row in rows]
    for place, (row, pixels) in enumerate(zip(rows, taken, strict=True)):
        length = pixels.stop - pixels.start
        wave[place, :length] = spectra.wave[row, pixels]
        # Pixels that fill up go on with the last pixel's width: they have no weight, but edges must increase.
        last_width = wave[place, length - 1] - wave[place, length - 2]
        wave[place, length:] = wave[place, length - 1] + last_width * np.arange(1, width - length + 1)
        flux[place, :length] = spectra.flux[row, pixels]
        ivar[place, :length] = spectra.ivar[row, pixels]
        if spectra.resolution is not None:
            resolution[place, :, :length] = spectra.resolution[row, :, pixels]
    wave[len(rows) :] = wave[0]
    return Chunk(rows, taken, wave, flux, ivar, resolution if ndiag else None)
