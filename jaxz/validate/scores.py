"""Purity and completeness of what is kept at a threshold on a score."""

import dataclasses
import math

import numpy as np

SIGNIFICANT = 0.01
"""The significance at which [M, sec. 4.3] tells true from false sources: log10 Δχ² = -2."""

ROBUST = 3.0
"""The robustness above which [M, sec. 4.1] finds almost all redshifts right."""


@dataclasses.dataclass(frozen=True)
class Cut:
    """What a threshold keeps.

    Args:
        threshold: the lowest score that is kept.
        kept: how many are.
        completeness: fraction of all positives that are kept, NaN if there is none.
        purity: fraction of the kept that are positives, NaN if none is kept.
    """

    threshold: float
    kept: int
    completeness: float
    purity: float


@dataclasses.dataclass(frozen=True)
class Separation:
    """How a score separates positives from the rest, at every threshold that makes a difference.

    Args:
        threshold: (cut,) the distinct scores, increasing; each keeps all scores that are not below it.
        kept: (cut,) how many are kept.
        right: (cut,) how many of these are positives.
        npositive: all positives, those without a score included.

    Example:
        >>> scores = jaxz.validate.separation(np.array([0.9, 0.8, 0.3, 0.1]), np.array([True, True, False, False]))
        >>> scores.at(0.5).purity, scores.balanced().completeness
        (1.0, 1.0)
    """

    threshold: np.ndarray
    kept: np.ndarray
    right: np.ndarray
    npositive: int

    @property
    def completeness(self) -> np.ndarray:
        """(cut,) fraction of all positives that are kept [M, note 4], NaN if there is none."""
        return self.right / self.npositive if self.npositive else np.full(len(self.kept), np.nan)

    @property
    def purity(self) -> np.ndarray:
        """(cut,) fraction of the kept that are positives [M, note 5]."""
        return self.right / self.kept

    def at(self, threshold: float) -> Cut:
        """Return what any threshold keeps."""
        cut = int(np.searchsorted(self.threshold, threshold))
        if cut == len(self.threshold):
            return Cut(threshold, 0, 0.0 if self.npositive else math.nan, math.nan)
        return Cut(threshold, int(self.kept[cut]), float(self.completeness[cut]), float(self.purity[cut]))

    def balanced(self) -> Cut:
        """Return the cut where completeness and purity are equal, or nearest to it; the threshold is NaN without one.

        They are equal where as many are kept as there are positives; of two thresholds that are equally far from this
        it is the lower.
        """
        if not self.threshold.size or not self.npositive:
            return self.at(math.nan)
        return self.at(float(self.threshold[np.argmin(np.abs(self.kept - self.npositive))]))


def separation(score: np.ndarray, positive: np.ndarray) -> Separation:
    """Return how a score separates positives from the rest: true from blank sources, right from wrong redshifts.

    Args:
        score: (spec,) higher is better; NaN (not measured) is kept at no threshold.
        positive: (spec,) bool, what is to be kept.

    Raises:
        ValueError: if they differ in shape.

    Example:
        >>> found = jaxz.validate.separation(np.array([5.0, 3.0, 1.0]), np.array([True, True, False]))
        >>> cut = found.at(2.0)
        >>> cut.kept, float(cut.completeness), float(cut.purity)
        (2, 1.0, 1.0)
    """
    score, positive = np.asarray(score, dtype=np.float64), np.asarray(positive, dtype=bool)
    if score.shape != positive.shape or score.ndim != 1:
        raise ValueError(f"score and positive need one shape (spec,), got {score.shape} and {positive.shape}")
    scored = ~np.isnan(score)
    threshold, place = np.unique(score[scored], return_inverse=True)
    kept, right = (
        np.cumsum(np.bincount(places, minlength=len(threshold))[::-1])[::-1]
        for places in (place, place[positive[scored]])
    )
    return Separation(threshold, kept, right, int(np.count_nonzero(positive)))
