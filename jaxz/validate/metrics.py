"""The metrics of [M, sec. 3.4]."""

import dataclasses
import math
import statistics

import numpy as np

TOLERANCE = 0.005
"""The |Δz| / (1+z) below which [M] calls a redshift good."""

REJECTION = 5.0
"""The number of MADs beyond which a relative error is an outlier of `mean_absolute_error` [M, eq. 11]."""


@dataclasses.dataclass(frozen=True)
class GoodFraction:
    """How many redshifts are good, or targets confirmed, with the Wilson interval of their fraction.

    Args:
        ngood: redshifts within the tolerance.
        ntotal: all redshifts, those that were not measured included.
        low: lower end of the interval.
        high: upper end of the interval.

    Example:
        >>> good = jaxz.validate.good_fraction(np.array([0.1, 0.2, 1.4]), np.array([0.1, 0.2, 0.3]))
        >>> good.ngood, good.ntotal, round(good.value, 2)
        (2, 3, 0.67)
    """

    ngood: int
    ntotal: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The good fraction [M, eq. 10], NaN if there is no redshift."""
        return self.ngood / self.ntotal if self.ntotal else math.nan


def velocity_error(z: np.ndarray, ztrue: np.ndarray) -> np.ndarray:
    """Return the signed error (z - ztrue) / (1 + ztrue), float64, of the shape of `z`; NaN where either is NaN.

    Example:
        >>> jaxz.validate.velocity_error(np.array([1.002]), np.array([1.0])).round(4)
        array([0.001])
    """
    z, ztrue = (np.asarray(x, dtype=np.float64) for x in (z, ztrue))
    if z.shape != ztrue.shape:
        raise ValueError(f"z and ztrue need one shape, got {z.shape} and {ztrue.shape}")
    return (z - ztrue) / (1 + ztrue)


def relative_error(z: np.ndarray, ztrue: np.ndarray) -> np.ndarray:
    """Return |z - ztrue| / (1 + ztrue) [M, eq. 9], float64, of the shape of `z`; NaN where either is NaN.

    Example:
        >>> jaxz.validate.relative_error(np.array([0.998]), np.array([1.0])).round(4)
        array([0.001])
    """
    return np.abs(velocity_error(z, ztrue))


def is_good(z: np.ndarray, ztrue: np.ndarray, *, tolerance: float = TOLERANCE) -> np.ndarray:
    """Return where |z - ztrue| < tolerance (1 + ztrue), bool; a redshift that was not measured (NaN) is not good.

    Example:
        >>> jaxz.validate.is_good(np.array([1.002, 1.2, np.nan]), np.ones(3))
        array([ True, False, False])
    """
    return relative_error(z, ztrue) < tolerance


def wilson_interval(ngood: int, ntotal: int, *, level: float = 0.95) -> tuple[float, float]:
    """Return the Wilson score interval of a binomial fraction.

    With p = ngood/n and q the normal quantile of `level`:
    (p + q²/2n ± q √(p(1-p)/n + q²/4n²)) / (1 + q²/n). Unlike p ± σ it stays within 0 … 1 and is not empty at p = 1.

    Args:
        ngood: successes.
        ntotal: trials; without any the interval is 0 … 1.
        level: coverage, between 0 and 1.

    Raises:
        ValueError: if not 0 <= ngood <= ntotal.

    Example:
        >>> [round(end, 3) for end in jaxz.validate.wilson_interval(9, 10)]
        [0.596, 0.982]
    """
    if not 0 <= ngood <= ntotal:
        raise ValueError(f"a fraction needs 0 <= ngood <= ntotal, got {ngood} of {ntotal}")
    if ntotal == 0:
        return 0.0, 1.0
    quantile = statistics.NormalDist().inv_cdf(0.5 + level / 2)
    fraction, spread = ngood / ntotal, quantile**2 / ntotal
    middle = fraction + spread / 2
    half = quantile * math.sqrt(fraction * (1 - fraction) / ntotal + spread / (4 * ntotal))
    return max((middle - half) / (1 + spread), 0.0), min((middle + half) / (1 + spread), 1.0)


def good_fraction(
    z: np.ndarray, ztrue: np.ndarray, *, tolerance: float = TOLERANCE, level: float = 0.95
) -> GoodFraction:
    """Return the good fraction [M, eq. 10] with its Wilson interval.

    Args:
        z: (spec,) redshifts; NaN where there is none, which counts as not good.
        ztrue: (spec,) true redshifts, finite.
        tolerance: largest |z - ztrue| / (1 + ztrue) of a good redshift, exclusive.
        level: coverage of the interval.

    Example:
        >>> found = jaxz.validate.good_fraction(np.array([1.002, 1.2]), np.ones(2))
        >>> found.ngood, found.ntotal, found.value
        (1, 2, 0.5)
    """
    return fraction_of(is_good(z, ztrue, tolerance=tolerance), level=level)


def fraction_of(good: np.ndarray, *, level: float = 0.95) -> GoodFraction:
    """Return the fraction of what is good, or confirmed, with its Wilson interval.

    Args:
        good: (spec,) bool.
        level: coverage of the interval.

    Example:
        >>> jaxz.validate.fraction_of(np.array([True, True, False, True])).value
        0.75
    """
    ngood = int(np.count_nonzero(good))
    return GoodFraction(ngood, len(good), *wilson_interval(ngood, len(good), level=level))


def mean_absolute_error(z: np.ndarray, ztrue: np.ndarray) -> tuple[float, int]:
    """Return the mean absolute error with outlier rejection [M, eq. 11] and the number of redshifts it is the mean of.

    Rejected are relative errors δz > 5 median(|δz - median(δz)|), as the paper has it: for errors of either sign spread
    as a Gaussian this is 2 σ, and where all errors are equal nothing may be left, which gives NaN and 0.

    Args:
        z: (spec,) redshifts; NaN is rejected.
        ztrue: (spec,) true redshifts.

    Example:
        >>> mae, kept = jaxz.validate.mean_absolute_error(np.array([1.001, 1.002, 1.003, 3.0]), np.ones(4))
        >>> round(mae, 6), kept
        (0.001, 3)
    """
    error = relative_error(z, ztrue)
    error = error[np.isfinite(error)]
    if not error.size:
        return math.nan, 0
    kept = error[error <= REJECTION * np.median(np.abs(error - np.median(error)))]
    return (float(np.mean(kept)) if kept.size else math.nan), len(kept)


def bias_and_scatter(z: np.ndarray, ztrue: np.ndarray, *, tolerance: float = TOLERANCE) -> tuple[float, float]:
    """Return the median of (z - ztrue) / (1 + ztrue) of the good redshifts, and 1.4826 times the MAD about it.

    The factor makes the scatter σ for Gaussian errors. Both are NaN if no redshift is good.

    Args:
        z: (spec,) redshifts.
        ztrue: (spec,) true redshifts.
        tolerance: as of `good_fraction`.

    Example:
        >>> bias, scatter = jaxz.validate.bias_and_scatter(np.array([1.001, 1.002, 1.003, 3.0]), np.ones(4))
        >>> round(bias, 6), round(scatter, 6)
        (0.001, 0.000741)
    """
    error = velocity_error(z, ztrue)[is_good(z, ztrue, tolerance=tolerance)]
    if not error.size:
        return math.nan, math.nan
    bias = float(np.median(error))
    return bias, 1.4826 * float(np.median(np.abs(error - bias)))
