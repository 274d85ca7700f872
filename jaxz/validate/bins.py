"""The good fraction in bins of a redshift or a signal-to-noise, as [M, fig. 9]."""

import math
from collections.abc import Sequence

import numpy as np

from jaxz.validate.metrics import TOLERANCE, GoodFraction, fraction_of, is_good

BIN_LEVEL = 0.68
"""Coverage of the intervals of [M, fig. 9]."""

REDSHIFT_EDGES = (-math.inf, *(half / 2 for half in range(15)), math.inf)
"""Edges of bins of redshift, ½ wide up to 7: every redshift is in one."""

SNR_EDGES = (-math.inf, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 14.0, 20.0, 30.0, 50.0, math.inf)
"""Edges of bins of signal-to-noise, narrow where [M, fig. 9] sees the good fraction rise with that of the lines."""


def good_fraction_in_bins(
    z: np.ndarray,
    ztrue: np.ndarray,
    values: np.ndarray,
    edges: Sequence[float] | np.ndarray,
    *,
    tolerance: float = TOLERANCE,
    level: float = BIN_LEVEL,
) -> list[GoodFraction]:
    """Return the good fraction [M, eq. 10] of the spectra in each bin, with its Wilson interval.

    Args:
        z: (spec,) redshifts; NaN where there is none, which counts as not good.
        ztrue: (spec,) true redshifts, finite.
        values: (spec,) what is binned; NaN, and what is outside the edges, is in no bin.
        edges: (bins + 1,) increasing, possibly infinite. A value at an edge is in the bin that begins there.
        tolerance: as of `good_fraction`.
        level: coverage of the intervals.

    Raises:
        ValueError: if the edges do not increase, or the values are not as many as the redshifts.

    Example:
        >>> z, ztrue = np.array([1.0, 2.0, 5.0]), np.array([1.0, 2.0, 3.0])
        >>> [one.value for one in jaxz.validate.good_fraction_in_bins(z, ztrue, ztrue, [0.0, 1.5, 4.0])]
        [1.0, 0.5]
    """
    if len(values) != len(z):
        raise ValueError(f"values to bin need the length of z, {len(z)}, got {len(values)}")
    return fraction_in_bins(is_good(z, ztrue, tolerance=tolerance), values, edges, level=level)


def fraction_in_bins(
    good: np.ndarray, values: np.ndarray, edges: Sequence[float] | np.ndarray, *, level: float = BIN_LEVEL
) -> list[GoodFraction]:
    """Return the fraction of what is good, or confirmed, in each bin, with its Wilson interval.

    Args:
        good: (spec,) bool.
        values, edges, level: as of `good_fraction_in_bins`.

    Raises:
        ValueError: if the edges do not increase.

    Example:
        >>> good, magnitude = np.array([True, True, False]), np.array([22.1, 23.2, 23.9])
        >>> [one.value for one in jaxz.validate.fraction_in_bins(good, magnitude, [22.0, 23.0, 24.0])]
        [1.0, 0.5]
    """
    place = _places(values, edges)
    return [fraction_of(good[place == i], level=level) for i in range(len(edges) - 1)]


def occupied(values: np.ndarray, edges: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return `edges` from that before the smallest of `values` to that after the largest; empty if none is in a bin.

    Args:
        values: (spec,) what is binned, as of `good_fraction_in_bins`.
        edges: likewise.

    Example:
        >>> jaxz.validate.occupied(np.array([1.2, 2.5]), np.arange(5.0))
        array([1., 2., 3.])
    """
    place = _places(values, edges)
    seen = place[(place >= 0) & (place < len(edges) - 1)]
    return np.asarray(edges, dtype=np.float64)[seen.min() : seen.max() + 2] if seen.size else np.zeros(0)


def _places(values: np.ndarray, edges: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the number of the bin of each value; -1 below the first, at least the number of bins above the last."""
    if not np.all(np.diff(edges) > 0):
        raise ValueError(f"edges of bins must increase, got {list(edges)}")
    return np.searchsorted(edges, values, side="right") - 1


def even_edges(values: np.ndarray, *, number: int = 8) -> np.ndarray:
    """Return edges of about so many equal bins of 1, 2 or 5 times a power of ten that hold all values, (bins + 1,).

    Args:
        values: what is binned; what is not finite does not count.
        number: of bins.

    Raises:
        ValueError: if no value is finite.

    Example:
        >>> jaxz.validate.even_edges(np.array([22.1, 25.9]), number=4).tolist()
        [22.0, 23.0, 24.0, 25.0, 26.0]
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        raise ValueError("no finite values to bin")
    low, high = float(known.min()), float(known.max())
    wanted = (high - low) / number or 1.0
    power = 10.0 ** math.floor(math.log10(wanted))
    step = power * min((1, 2, 5, 10), key=lambda factor: abs(math.log(factor * power / wanted)))
    first, last = math.floor(low / step), math.floor(high / step) + 1
    return step * np.arange(first, last + 1)
