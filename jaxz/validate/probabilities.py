"""Are the probabilities true: of redshifts that are reported with probability p, is a share p right? And the errors?"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from jaxz.validate.bins import BIN_LEVEL
from jaxz.validate.metrics import TOLERANCE, velocity_error, wilson_interval

BINS, FEWEST = 10, 10
"""Bins of equal numbers, of `ece`, and redshifts that each has at least: the share of one or two says nothing."""

WINDOWS = 204
"""Redshifts from 0 to 6.7 that are 0.01(1+z) apart, over which what no candidate has is spread: ln(7.7)/0.01."""

LEAST = 1e-4
"""No probability is taken to be lower than this, as one wrong redshift of a large sample would else be all that its
mean log score says."""

ONE_SIGMA = 0.6827
"""Share of errors that is within 1 σ of a Gaussian."""


@dataclasses.dataclass(frozen=True)
class Reliability:
    """How often redshifts of about one probability are right.

    Args:
        number: (bins,) redshifts in each.
        probability: (bins,) mean probability that is reported.
        right: (bins,) share that is right.
        low, high: (bins,) its 68 % Wilson interval.
    """

    number: np.ndarray
    probability: np.ndarray
    right: np.ndarray
    low: np.ndarray
    high: np.ndarray


def reliability(
    probability: np.ndarray, right: np.ndarray, *, bins: int | Sequence[float] | np.ndarray | None = None
) -> Reliability:
    """Return how often redshifts are right, in bins of their probability.

    Args:
        probability: (spec,) that is reported; NaN, where there is no redshift, is left out.
        right: (spec,) bool.
        bins: how many of equal numbers, 10 if absent, or fewer that have 10 redshifts each; or increasing edges,
            (bins + 1,), a probability at an edge being in the bin that ends there. Empty bins are left out.

    Raises:
        ValueError: if they differ in shape, or a probability is not between 0 and 1.

    Example:
        >>> probability, right = np.array([0.5, 0.5, 0.9, 0.9]), np.array([True, False, True, True])
        >>> found = jaxz.validate.reliability(probability, right, bins=2)
        >>> found.probability, found.right
        (array([0.5, 0.9]), array([0.5, 1. ]))
    """
    probability, right = np.asarray(probability, dtype=np.float64), np.asarray(right, dtype=bool)
    if probability.shape != right.shape or probability.ndim != 1:
        raise ValueError(f"probability and right need one shape (spec,), got {probability.shape} and {right.shape}")
    known = np.flatnonzero(np.isfinite(probability))
    if np.any((probability[known] < 0) | (probability[known] > 1)):
        raise ValueError("probabilities must be between 0 and 1: give PCONF or ZALT_PROB as they are in the catalog")
    order = known[np.argsort(probability[known], kind="stable")]
    if bins is None or isinstance(bins, int):
        parts = np.array_split(order, bins or max(min(BINS, len(order) // FEWEST), 1))
    else:
        parts = np.split(order, np.searchsorted(probability[order], bins, side="right"))[1:-1]
    parts = [part for part in parts if len(part)]
    ends = [wilson_interval(int(right[part].sum()), len(part), level=BIN_LEVEL) for part in parts]
    low, high = np.array(ends).reshape(-1, 2).T
    return Reliability(
        number=np.array([len(part) for part in parts], dtype=np.int64),
        probability=np.array([probability[part].mean() for part in parts]),
        right=np.array([right[part].mean() for part in parts]),
        low=low,
        high=high,
    )


def ece(probability: np.ndarray, right: np.ndarray, *, bins: int | None = None) -> float:
    """Return the expected calibration error, the mean |share right - mean probability| over bins of equal numbers.

    Args:
        probability, right, bins: as of `reliability`. A few redshifts in each bin are a few times √(p(1-p)/n) off by
            chance.

    Returns:
        NaN if there is no redshift.

    Example:
        >>> round(jaxz.validate.ece(np.array([0.5, 0.5, 0.9, 0.9]), np.array([True, False, True, True]), bins=2), 3)
        0.05
    """
    found = reliability(probability, right, bins=bins)
    if not found.number.size:
        return math.nan
    return float(np.average(np.abs(found.right - found.probability), weights=found.number))


def log_score(ztrue: np.ndarray, zalt: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return -ln P(|z - ztrue| < 0.005(1+ztrue)) of each spectrum, (spec,): the lower its mean, the better.

    P is the probability of the nearest candidate if that is as near, plus an even share (1 of `WINDOWS`) of what all
    candidates together leave of 1; at least `LEAST`. Where nothing was measured it is that share of 1.

    Args:
        ztrue: (spec,) true redshifts, finite.
        zalt: (spec, cand) ZALT; NaN where there are fewer. Z alone, (spec, 1), does too.
        probability: (spec, cand) ZALT_PROB, or PCONF.

    Raises:
        ValueError: if the shapes differ.

    Example:
        >>> jaxz.validate.log_score(np.array([1.0, 1.0]), np.array([[1.0], [2.0]]), np.array([[0.99], [0.99]])).round(1)
        array([0. , 9.2])
    """
    zalt, probability = np.asarray(zalt, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    if zalt.ndim != 2 or zalt.shape != probability.shape or np.shape(ztrue) != zalt.shape[:1]:
        raise ValueError(
            f"ztrue, zalt and probability need shapes (spec,), (spec, cand) and (spec, cand), got {np.shape(ztrue)}, "
            f"{zalt.shape} and {probability.shape}"
        )
    away = np.abs(velocity_error(zalt, np.broadcast_to(np.asarray(ztrue)[:, None], zalt.shape)))
    away = np.where(np.isnan(away), np.inf, away)
    nearest = np.argmin(away, axis=1)
    rows = np.arange(len(zalt))
    share = np.nan_to_num(probability)
    near = np.where(away[rows, nearest] < TOLERANCE, share[rows, nearest], 0)
    rest = np.clip(1 - share.sum(axis=1), 0, 1)
    return -np.log(np.clip(near + rest / WINDOWS, LEAST, 1))


def is_inside(low: np.ndarray, high: np.ndarray, ztrue: np.ndarray) -> np.ndarray:
    """Return which (spec,) true redshifts are in Z_LO … Z_HI; not those of spectra without a redshift.

    Example:
        >>> jaxz.validate.is_inside(np.array([0.9, 1.1]), np.array([1.1, 1.2]), np.ones(2))
        array([ True, False])
    """
    with np.errstate(invalid="ignore"):
        return (np.asarray(low) <= ztrue) & (ztrue <= np.asarray(high))


def pulls(z: np.ndarray, zerr: np.ndarray, ztrue: np.ndarray) -> np.ndarray:
    """Return (z - ztrue)/zerr of the right redshifts that have an error, in their order.

    Example:
        >>> jaxz.validate.pulls(np.array([1.002, 3.0]), np.array([0.001, 0.001]), np.ones(2)).round(3)
        array([2.])
    """
    with np.errstate(invalid="ignore"):
        chosen = (np.abs(velocity_error(z, ztrue)) < TOLERANCE) & np.isfinite(zerr) & (np.asarray(zerr) > 0)
    return (np.asarray(z)[chosen] - np.asarray(ztrue)[chosen]) / np.asarray(zerr)[chosen]


def pull_width(pull: np.ndarray) -> float:
    """Return the |pull| that 68.27 % do not exceed: 1 where errors are what they say, NaN without any.

    Unlike the standard deviation it is not that of a few, and unlike the distance of quartiles it knows an offset.

    Example:
        >>> round(jaxz.validate.pull_width(np.linspace(-2, 2, 101)), 2)
        1.37
    """
    return float(np.quantile(np.abs(pull), ONE_SIGMA)) if len(pull) else math.nan
