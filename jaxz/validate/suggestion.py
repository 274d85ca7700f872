"""The cut on one or two quantities that keeps most of the confirmed targets and little else."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxz.validate.metrics import wilson_interval
from jaxz.validate.targeting import TargetCut, tilted

_EDGES = 16
"""Quantiles of a quantity at which a side of a cut may be."""

_TILTS = np.radians([-75, -60, -45, -30, -15, 15, 30, 45, 60, 75])
"""Angles of the slanted sides that are tried, in units of the widths of both quantities."""

_ONE_SIGMA = 0.68

_WORTH_A_SIDE = 0.01
"""Purity that a further side has to bring, however well it is measured."""


def suggest_cut(values: np.ndarray, confirmed: np.ndarray, *, completeness: float) -> TargetCut:
    """Return a simple cut of high purity among those that keep so many of the confirmed targets.

    Sides are tried at quantiles of the values, and of two quantities at ten slopes. Of all such boxes that are as pure
    as the purest within its error (68 % Wilson), or 0.01, it is the purest of those with the fewest sides.

    Args:
        values: (target, axis) one or two quantities, NaN where there is none, which no cut in this quantity keeps.
        confirmed: (target,) bool.
        completeness: share of the confirmed targets to keep at least, 0 to 1.

    Returns:
        The cut. How good it looks here says little: measure it on other targets (`cut_quality`).

    Raises:
        ValueError: if the shapes do not fit, or the targets are all confirmed or all not.

    Example:
        >>> magnitude = np.linspace(22, 26, 200)[:, None]
        >>> jaxz.validate.suggest_cut(magnitude, magnitude[:, 0] < 24, completeness=0.9).high
        (23.9,)
    """
    values, confirmed = np.asarray(values, dtype=np.float64), np.asarray(confirmed, dtype=bool)
    if values.ndim != 2 or values.shape[1] not in (1, 2) or confirmed.shape != values.shape[:1]:
        raise ValueError(
            f"a cut needs values (target, 1 or 2) and confirmed (target,), got {values.shape} and {confirmed.shape}"
        )
    if not confirmed.any() or confirmed.all():
        raise ValueError(f"{confirmed.sum()} of {len(confirmed)} targets are confirmed: a cut needs some of both")
    values = np.where(np.isfinite(values), values, np.nan)
    boxes = _Boxes.joined([_boxes(values, confirmed, slope) for slope in _slopes(values)])
    least = max(math.ceil(completeness * confirmed.sum()), 1)
    purity = np.where(boxes.right >= least, boxes.right / np.maximum(boxes.kept, 1), -1.0)
    purest = np.argmax(purity)
    least_pure, _ = wilson_interval(int(boxes.right[purest]), int(boxes.kept[purest]), level=_ONE_SIGMA)
    sides = np.isfinite(boxes.low).sum(axis=1) + np.isfinite(boxes.high).sum(axis=1) + (boxes.slope != 0)
    enough = purity >= min(least_pure, purity[purest] - _WORTH_A_SIDE)
    simplest = np.argmax(np.where(enough & (sides == sides[enough].min()), purity, -1.0))
    return TargetCut(
        tuple(boxes.low[simplest].tolist()), tuple(boxes.high[simplest].tolist()), float(boxes.slope[simplest])
    )


class _Boxes(NamedTuple):
    """Boxes, and what they keep.

    Attributes:
        low, high: (box, axis) sides.
        slope: (box,) of the sides of the second quantity.
        kept, right: (box,) targets, and confirmed ones, inside.
    """

    low: np.ndarray
    high: np.ndarray
    slope: np.ndarray
    kept: np.ndarray
    right: np.ndarray

    @classmethod
    def joined(cls, several: "Sequence[_Boxes]") -> "_Boxes":
        return cls(*(np.concatenate(parts) for parts in zip(*several, strict=True)))


def _boxes(values: np.ndarray, confirmed: np.ndarray, slope: float) -> _Boxes:
    """Return all boxes between quantiles of the values at one slope."""
    columns = tilted(values, slope).T
    edges = [_edges(column) for column in columns]
    pairs = [np.triu_indices(len(one), k=1) for one in edges]
    places = np.array([np.searchsorted(one, column, side="right") for one, column in zip(edges, columns, strict=True)])
    kept, right = (_inside(places[:, chosen], pairs) for chosen in (slice(None), confirmed))
    low, high = (
        np.stack(np.meshgrid(*(one[pair[end]] for one, pair in zip(edges, pairs, strict=True)), indexing="ij"), axis=-1)
        for end in (0, 1)
    )
    naxes = len(edges)
    return _Boxes(
        low.reshape(-1, naxes), high.reshape(-1, naxes), np.full(kept.size, slope), kept.ravel(), right.ravel()
    )


def _inside(places: np.ndarray, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Return how many targets are between each pair of edges of one quantity, and of the other: an axis for each.

    Args:
        places: (axis, target) how many edges are not above a target; all where it has no value, as NaN is above all.
        pairs: (axis,) numbers of the lower and of the upper edges.
    """
    counts = np.zeros([high.max() + 1 for _, high in pairs], dtype=np.int64)
    np.add.at(counts, tuple(places - 1), 1)
    for axis, (low, high) in enumerate(pairs):
        below = np.insert(np.cumsum(counts, axis=axis), 0, 0, axis=axis)
        # Between the first and the last edge are those without a value, too.
        end = high + ((low == 0) & (high == high.max()))
        counts = np.take(below, end, axis=axis) - np.take(below, low, axis=axis)
    return counts


def _slopes(values: np.ndarray) -> list[float]:
    """Return 0 and, of two quantities that both vary, slopes of two digits."""
    known = values[np.all(np.isfinite(values), axis=1)]
    if values.shape[1] == 1 or not len(known):
        return [0.0]
    across, along = (np.diff(np.quantile(column, [0.16, 0.84]))[0] for column in known.T)
    if not (across > 0 and along > 0):
        return [0.0]
    return [0.0, *(float(f"{slope:.2g}") for slope in np.tan(_TILTS) * along / across)]


def _edges(values: np.ndarray) -> np.ndarray:
    """Return -∞, quantiles rounded to some hundredth of their spread, and ∞."""
    known = values[np.isfinite(values)]
    quantiles = np.quantile(known, np.linspace(0, 1, _EDGES + 2))[1:-1] if known.size else np.zeros(1)
    spread = quantiles[-1] - quantiles[0]
    digits = 1 - math.floor(math.log10(spread)) if spread > 0 else 0
    return np.r_[-np.inf, np.unique(np.round(quantiles, digits)), np.inf]
