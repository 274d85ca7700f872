"""Vectors from a lattice of one step to a lattice of another, or to places between its pixels."""

import numpy as np

from jaxz.spectra import LogGrid

TAPER, GUARD = 16, 16
"""Pixels over which a vector falls to zero beyond its ends before it is shifted, and that are kept beyond these."""


def averaged(vectors: np.ndarray, grid: LogGrid, step: float) -> tuple[np.ndarray, LogGrid]:
    """Return vectors (basis, rest) on a lattice of another step, each new pixel holding the mean over its width.

    They are zero outside their grid, and constant within each pixel.
    """
    low, high = grid.loglam[0] - grid.step / 2, grid.loglam[-1] + grid.step / 2
    new = LogGrid.covering(10**low, 10**high, step)
    edges = (np.arange(grid.size + 1) - 0.5 + grid.start) * grid.step
    new_edges = (np.arange(new.size + 1) - 0.5 + new.start) * step
    integral = np.pad(np.cumsum(vectors, axis=1, dtype=np.float64), ((0, 0), (1, 0))) * grid.step
    return np.array([np.diff(np.interp(new_edges, edges, row)) for row in integral]) / step, new


def shifted(vectors: np.ndarray, shifts: np.ndarray, *, margin: int = TAPER + GUARD) -> np.ndarray:
    """Return vectors shifted redwards by fractions of a pixel, by band-limited interpolation.

    A vector that does not end at zero would ring for many pixels. So each is first continued from its end values to
    zero by half a cosine over `TAPER` pixels on either side; a whole shift then returns the vector itself with these
    two tails, and what rings beyond the margin is cut off.

    Args:
        vectors: (comp, rest).
        shifts: (place,) in pixels, no more than margin - TAPER.
        margin: pixels added on either side.

    Returns:
        (comp, place, rest + 2 margin) float64.
    """
    ncomp, rest = vectors.shape
    tail = 0.5 + 0.5 * np.cos(np.pi * (np.arange(TAPER) + 1) / (TAPER + 1))
    size = 1 << (rest + 2 * margin + 2 * GUARD - 1).bit_length()
    padded = np.zeros((ncomp, size))
    padded[:, margin : margin + rest] = vectors
    padded[:, margin - TAPER : margin] = vectors[:, :1] * tail[::-1]
    padded[:, margin + rest : margin + rest + TAPER] = vectors[:, -1:] * tail
    phase = np.exp(-2j * np.pi * np.outer(shifts, np.fft.rfftfreq(size)))
    # The highest frequency has no phase of its own: half of it goes each way.
    phase[:, -1] = np.real(phase[:, -1])
    return np.fft.irfft(np.fft.rfft(padded)[:, None] * phase[None], n=size)[..., : rest + 2 * margin]
