"""P(z) from a χ² curve, and priors on z.

A prior is a function of the trial redshifts that returns a penalty -2 ln p(z), to be added to χ²: shape (shift,) for
all spectra alike or (spec, shift). Three of those here are those of Redrock's priors file, and one is the distribution
of redshifts that are known.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from jaxz.scan import ZScan

Prior = Callable[[np.ndarray], np.ndarray]

CONFIDENCE_WIDTH = 0.005
"""Half width, in units of 1+z, of the redshift interval that counts as agreement [M, §3.4]."""


class Density(NamedTuple):
    """P(z) of one spectrum.

    Attributes:
        z: (shift,) trial redshifts.
        probability: (shift,) of each, summing to 1; NaN where the spectrum has none.

    Example:
        >>> import numpy as np
        >>> from jaxz.posterior import Density
        >>> z = np.linspace(0, 1, 1001)
        >>> bump = np.exp(-0.5 * ((z - 0.5) / 0.01) ** 2)
        >>> Density(z, bump / bump.sum()).quantiles([0.16, 0.5, 0.84]).round(3)
        array([0.49, 0.5 , 0.51])
    """

    z: np.ndarray
    probability: np.ndarray

    def quantiles(self, shares: float | Sequence[float]) -> np.ndarray:
        """Return the redshifts below which lie given shares of the probability, in the shape of `shares`.

        The probability of a trial redshift is spread evenly half-way to its neighbours.

        Raises:
            ValueError: if a share is not between 0 and 1.
        """
        if not np.all((np.asarray(shares) >= 0) & (np.asarray(shares) <= 1)):
            raise ValueError(f"shares={shares}: give numbers between 0 and 1")
        middle = (self.z[1:] + self.z[:-1]) / 2
        edges = np.concatenate([self.z[:1], middle, self.z[-1:]])
        below = np.concatenate([[0.0], np.cumsum(self.probability)])
        return np.asarray(np.interp(shares, below / below[-1], edges))


def gaussian(z0: float | np.ndarray, sigma: float | np.ndarray) -> Prior:
    """Return the penalty ((z - z0)/σ)², for numbers or one value for each spectrum.

    Example:
        >>> jaxz.posterior.gaussian(0.8, 0.1)(np.array([0.7, 0.8, 1.0])).round(3)
        array([1., 0., 4.])
    """
    centre, width = _columns(z0, sigma)
    return lambda z: ((z - centre) / width) ** 2


def lorentzian(z0: float | np.ndarray, sigma: float | np.ndarray) -> Prior:
    """Return the penalty 2 ln(1 + ((z - z0)/σ)²), for numbers or one value for each spectrum.

    Example:
        >>> jaxz.posterior.lorentzian(0.8, 0.1)(np.array([0.7, 0.8, 1.0])).round(2)
        array([1.39, 0.  , 3.22])
    """
    centre, width = _columns(z0, sigma)
    return lambda z: 2 * np.log1p(((z - centre) / width) ** 2)


def tophat(z0: float | np.ndarray, width: float | np.ndarray) -> Prior:
    """Return a penalty that is 0 where |z - z0| < width/2 and infinite elsewhere.

    Example:
        >>> jaxz.posterior.tophat(0.8, 0.1)(np.array([0.7, 0.8, 1.0]))
        array([inf,  0., inf])
    """
    centre, full = _columns(z0, width)
    return lambda z: np.where(np.abs(z - centre) < full / 2, 0.0, np.inf)


FARTHEST = 6.7
"""Redshift."""

KERNEL, UNIFORM = 0.05, 0.1
"""Of `population`: σ of the kernel in ln(1+z), wider than the structure along one line of sight, and the share of
sources that are not as the known ones."""


def population(known: np.ndarray, *, kernel: float = KERNEL, uniform: float = UNIFORM) -> Prior:
    """Return the penalty -2 ln p(z) of a distribution of redshifts.

    p is the mean of Gaussians in ln(1+z) at the known redshifts and, for a share of the sources, uniform in ln(1+z) up
    to `FARTHEST`, so that none is excluded. It is for spectra selected as those of the known redshifts were.

    Args:
        known: (any,) redshifts; what is not finite is left out.
        kernel: σ of the Gaussians.
        uniform: the share, above 0.

    Raises:
        ValueError: if no redshift above -1 is known, or a number is out of range.

    Example:
        >>> import numpy as np
        >>> from jaxz.posterior import population
        >>> penalty = population(np.array([0.7, 0.8, 0.9]))(np.array([0.2, 0.8, 3.0]))
        >>> [round(float(value)) for value in penalty]
        [6, -2, 9]
    """
    known = np.asarray(known, dtype=np.float64).ravel()
    at = np.log1p(known[np.isfinite(known) & (known > -1)])
    if not len(at):
        raise ValueError("a prior from known redshifts needs one at least: give finite ones above -1")
    if not (0 < kernel < np.inf and 0 < uniform <= 1):
        raise ValueError(f"kernel={kernel}, uniform={uniform}: use a positive kernel, and a share above 0 and up to 1")

    def penalty(z: np.ndarray) -> np.ndarray:
        x = np.log1p(z)
        # One redshift after the other: together they would be a large array.
        density = sum(np.exp(-0.5 * ((x - one) / kernel) ** 2) for one in at) / (len(at) * kernel * np.sqrt(2 * np.pi))
        return -2 * np.log(((1 - uniform) * density + uniform / np.log1p(FARTHEST)) / (1 + z))

    return penalty


def _columns(centre: float | np.ndarray, width: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    centre, width = np.asarray(centre, dtype=float), np.asarray(width, dtype=float)
    if not (np.all(width > 0) and np.all(np.isfinite(centre))):
        raise ValueError("a prior on z needs a finite centre and a positive width")
    return np.expand_dims(centre, -1), np.expand_dims(width, -1)


def posterior(scan: ZScan, prior: Prior | None = None, *, temperature: float | np.ndarray = 1.0) -> np.ndarray:
    """Return the probability of each trial redshift, (spec, shift) float64, summing to 1.

    P(z) ∝ p(z) exp(-χ²(z)/2T) dz. Without `prior`, p is flat in z, and as the grid is uniform in log(1+z), dz ∝ 1+z. A
    row is NaN where there is no curve, or where the prior leaves no redshift.

    With `Redshifts.temperature` it is what PCONF and ZALT_PROB are masses of, but that these correct χ² of each
    candidate by the closer look (see `jaxz.find_redshifts`). With T = 1 it is as good as the noise: where χ² of the
    best fit is far above the number of pixels, P(z) is too narrow.

    Args:
        scan: the curves.
        prior: penalty on z.
        temperature: T, one number or (spec,), positive.

    Raises:
        ValueError: if `prior` or `temperature` has the wrong shape, or the latter is not positive.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> probability = jaxz.posterior.posterior(scan, jaxz.posterior.gaussian(0.05, 0.01))
        >>> probability.sum(axis=1).round(6)
        array([1.])
    """
    worth = np.asarray(temperature, dtype=np.float64)
    if worth.shape not in ((), (len(scan.chi2),)):
        raise ValueError(f"temperature has shape {worth.shape}: give one number, or one for each of {len(scan.chi2)}")
    if np.any(worth <= 0):
        raise ValueError(f"temperature={worth.min():g}: give numbers above 0, as `best.temperature`")
    chi2 = np.asarray(scan.chi2, dtype=np.float64) / np.expand_dims(worth, -1)
    return normalise(chi2 + penalty_of(scan, prior), scan.z)


def penalty_of(scan: ZScan, prior: Prior | None) -> np.ndarray:
    """Return the penalty of a prior, 0 without one: (shift,), or (spec, shift) for one a spectrum.

    Raises:
        TypeError: if it is no function.
        ValueError: if the prior has another shape than (shift,) or (spec, shift).

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> penalty = jaxz.posterior.penalty_of(scan, jaxz.posterior.gaussian(0.05, 0.01))
        >>> penalty.shape == scan.z.shape
        True
    """
    if prior is not None and not callable(prior):
        raise TypeError(
            f"prior must be a function from redshifts to penalties, is {type(prior).__name__} {prior!r}: make one with "
            "jaxz.posterior.gaussian(z0, sigma), lorentzian, tophat or population"
        )
    penalty = np.zeros(len(scan.z)) if prior is None else np.asarray(prior(scan.z), dtype=np.float64)
    if penalty.shape not in (scan.z.shape, scan.chi2.shape):
        raise ValueError(
            f"prior has shape {penalty.shape}: return {scan.z.shape}, or {scan.chi2.shape} for one a spectrum"
        )
    return penalty


def normalise(score: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the probability of each trial redshift for χ² plus the penalty of a prior, both (…, shift).

    Example:
        >>> z = np.linspace(0.0, 1.0, 101)
        >>> probability = jaxz.posterior.normalise(((z - 0.5) / 0.1) ** 2, z)
        >>> round(float(probability.sum()), 6)
        1.0
    """
    with np.errstate(invalid="ignore"):
        weight = np.exp(-(score - score.min(axis=-1, keepdims=True)) / 2) * (1 + z)
        return weight / weight.sum(axis=-1, keepdims=True)
