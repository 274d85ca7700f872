"""How well a score tells two kinds of spectra apart, whatever the share of each: the ROC curve [M, fig. 13]."""

from typing import NamedTuple

import numpy as np

from jaxz.validate.scores import separation


class Roc(NamedTuple):
    """Rates at every threshold that makes a difference, from that which keeps none to that which keeps all.

    Attributes:
        threshold: (cut,) decreasing; each keeps all scores that are not below it.
        false_positive: (cut,) share of the negatives that are kept.
        true_positive: (cut,) share of the positives that are kept.

    Example:
        >>> roc = jaxz.validate.roc(np.array([0.9, 0.8, 0.3, 0.1]), np.array([True, False, True, False]))
        >>> roc.auc, roc.at(0.5)
        (0.75, (1.0, 0.3))
    """

    threshold: np.ndarray
    false_positive: np.ndarray
    true_positive: np.ndarray

    @property
    def auc(self) -> float:
        """Area under the curve: the probability that a positive has a higher score than a negative."""
        return float(np.trapezoid(self.true_positive, self.false_positive))

    def at(self, false_positive: float) -> tuple[float, float]:
        """Return the most positives that are kept where no more than this share of the negatives is, and the threshold.

        Args:
            false_positive: share, 0 to 1.
        """
        cut = np.flatnonzero(self.false_positive <= false_positive)[-1]
        return float(self.true_positive[cut]), float(self.threshold[cut])


def roc(score: np.ndarray, positive: np.ndarray) -> Roc:
    """Return the ROC curve of a score.

    Args:
        score: (spec,) higher is more likely positive; NaN counts as the lowest.
        positive: (spec,) bool.

    Raises:
        ValueError: if they differ in shape, or there are no positives or no negatives.

    Example:
        >>> import numpy as np
        >>> from jaxz import validate
        >>> validate.roc(np.array([3.0, 2.0, 1.0, 0.0]), np.array([True, False, True, False])).auc
        0.75
    """
    score = np.where(np.isnan(score), -np.inf, score)
    cuts = separation(score, positive)
    nnegative = len(score) - cuts.npositive
    if not cuts.npositive or not nnegative:
        raise ValueError(f"{cuts.npositive} positives, {nnegative} negatives: give some of both")
    right, wrong = cuts.right[::-1], (cuts.kept - cuts.right)[::-1]
    return Roc(np.r_[np.inf, cuts.threshold[::-1]], np.r_[0.0, wrong / nnegative], np.r_[0.0, right / cuts.npositive])
