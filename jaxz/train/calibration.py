"""Redshifts of spectra whose truth is known → the numbers of a `Calibration`, for data of that kind.

Nothing is scanned again: what another temperature makes of a spectrum is worked out from its candidates. With E_k the
χ² of candidate k (and the penalty of its prior) above that of the best, and σ_k its error,

    p_k(T') ∝ p_k(T) √(T'/T) exp[-E_k (1/T' - 1/T)/2],   σ_k² ∝ T,

as of Gaussian peaks; what lies near no candidate counts as one at the last of them. It is that close to what
`find_redshifts` gives with the new calibration as there are candidates.
"""

import dataclasses

import jax
import numpy as np

from jaxz.calibration import Calibration, fingerprint
from jaxz.intervals import COVERAGE, denser
from jaxz.redshift import Redshifts
from jaxz.status import ZWarn
from jaxz.summary import LIGHT_SPEED
from jaxz.train.crossval import folds
from jaxz.validate import is_good, log_score, pull_width, pulls

FACTOR = 2.0
"""By which T₀, and t, are thought to be known before there are spectra."""

PURITY = 0.99
"""Share of right redshifts that is asked of Δχ²/T."""

ENOUGH = 10
"""Right redshifts to learn a velocity from, and wrong ones to learn where the flag SMALL_DELTA_CHI2 begins."""

_TEMPERATURES = np.geomspace(0.25, 32, 57)
_MISFITS = np.array([0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0])
_FASTEST = 3000.0
"""Largest velocity that is looked at, km/s."""


def fit_calibration(
    redshifts: Redshifts, ztrue: np.ndarray, *, name: str, start: Calibration | None = None
) -> Calibration:
    """Return the calibration that spectra of known redshift ask for.

    * T₀ and t: the least sum of the log scores (`jaxz.validate.log_score`), plus what it costs to leave `start`, half
      the squares of log₂(T₀'/T₀) and of t'/t - 1: a few spectra that are all right say little of T.
    * velocities: 68 % of the right redshifts are within ZERR, offsets of a convention included. Regimes of fewer than
      ten keep that of `start`.
    * delta_chi2: the least at which 0.99 of the redshifts above are right; of `start` if fewer than ten are wrong.
    * level: as in `jaxz.intervals`; all of P(z), 1, if fewer than ten spectra are given.

    The calibration is bound to the models with which the redshifts were found, error model included.

    Args:
        redshifts: of the spectra, with all the candidates that were found.
        ztrue: (spec,) true redshifts, finite, of the convention that is wanted.
        name: for the header of catalogs.
        start: what is known before; the default calibration if absent.

    Raises:
        ValueError: if there is not one true redshift for each, or one is not finite.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> best = jaxz.find_redshifts(scan, spectra)
        >>> jaxz.train.fit_calibration(best, np.array([0.05]), name="mine").name
        'mine'
    """
    if np.shape(ztrue) != (len(redshifts),):
        raise ValueError(f"{len(redshifts)} redshifts and {np.size(ztrue)} true ones: give one for each, in one order")
    if not np.all(np.isfinite(ztrue)):
        raise ValueError("true redshifts must be finite: leave out the spectra that have none")
    first = start or Calibration()
    models = tuple(fingerprint(model) for model in redshifts.models)
    known = dataclasses.replace(first, name=name, models=models)
    known = _with_temperature(redshifts, ztrue, known)
    known = _with_velocities(redshifts, ztrue, known)
    found = recalibrated(redshifts, known)
    good = is_good(found.z, ztrue)
    if np.count_nonzero(~good & np.isfinite(found.z)) >= ENOUGH:
        known = dataclasses.replace(known, delta_chi2=_least_cut(found.deltachi2 / found.temperature, good))
    return dataclasses.replace(known, level=conformal_level(denser(found.peaks, ztrue)))


def cross_calibrate(
    redshifts: Redshifts, ztrue: np.ndarray, *, nfolds: int = 5, start: Calibration | None = None
) -> list[tuple[np.ndarray, Redshifts]]:
    """Return redshifts as the calibration learned from the other folds has them: what a new spectrum would meet.

    Args:
        redshifts, ztrue, start: as of `fit_calibration`.
        nfolds: number of folds, drawn so that all have the same redshifts.

    Returns:
        Of each fold its rows, and their redshifts.

    Raises:
        ValueError: as `fit_calibration` and `jaxz.train.folds`.

    Example:
        >>> basis, z = jaxz.load_basis(), np.array([0.03, 0.05])
        >>> spectra, _ = jaxz.mock.from_basis(basis, z, np.full(2, 30.0), seed=1)
        >>> best = jaxz.find_redshifts(jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1), spectra)
        >>> parts = jaxz.train.cross_calibrate(best, z, nfolds=2)
        >>> [len(held_out) for rows, held_out in parts]
        [1, 1]
    """
    fold = folds(np.asarray(ztrue), nfolds=nfolds, key=jax.random.key(0))
    parts = []
    for number in range(nfolds):
        others, rows = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        learned = fit_calibration(redshifts[others], ztrue[others], name=f"without fold {number}", start=start)
        parts.append((rows, recalibrated(redshifts[rows], learned)))
    return parts


def recalibrated(redshifts: Redshifts, calibration: Calibration) -> Redshifts:
    """Return redshifts as another calibration has them, as far as their candidates tell (see above).

    Errors, PCONF, ZALT_PROB, Z_LO, Z_HI, TEMPERATURE and the flags of a calibration are those of the new one. The order
    of candidates, and with it Z, and PCLASS stay as they were.

    Args:
        redshifts: as they were found.
        calibration: the new one.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> best = jaxz.find_redshifts(scan, spectra)
        >>> again = jaxz.train.recalibrated(best, jaxz.Calibration(temperature=4.0))
        >>> bool(again.zerr[0] > best.zerr[0])
        True
    """
    temperature = redshifts.temperature
    measured = np.isfinite(redshifts.z)
    lowest = np.min(np.where(np.isfinite(redshifts.zalt_chi2), redshifts.zalt_chi2, np.inf), axis=1)
    excess = np.where(measured, lowest, 0) / np.maximum(redshifts.npixels, 1) - 1
    new = calibration.temperature * (1 + calibration.misfit * np.maximum(excess, 0))
    new = np.where(measured, new, calibration.temperature)
    zalt_err = _errors(redshifts, calibration, new / temperature)
    probability = _probability(redshifts, new)
    first = redshifts.zalt_prob[:, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        of_class = np.where(first > 0, redshifts.pconf / first, 1.0)
        small = ~(redshifts.deltachi2 >= calibration.delta_chi2 * new)
        bad = redshifts.chi2 / np.maximum(redshifts.npixels, 1) > calibration.bad_fit
    own = ZWarn.SMALL_DELTA_CHI2 | ZWarn.BAD_FIT
    flags = ZWarn.SMALL_DELTA_CHI2.value * (measured & small) | ZWarn.BAD_FIT.value * (measured & bad)
    unmeasured = redshifts.zwarn & ZWarn.SMALL_DELTA_CHI2.value * ~measured
    zwarn = (redshifts.zwarn & ~own.value) | flags | unmeasured
    return dataclasses.replace(
        redshifts,
        zerr=zalt_err[:, 0],
        zalt_err=zalt_err,
        zalt_prob=probability,
        pconf=probability[:, 0] * of_class,
        temperature=new,
        zwarn=zwarn.astype(np.int32),
        calibration=calibration,
    )


def conformal_level(score: np.ndarray, *, coverage: float = COVERAGE) -> float:
    """Return the ⌈coverage (n+1)⌉-th smallest of n scores, and 1 where there is none: split conformal prediction.

    Args:
        score: (spec,) share of P(z) that is denser than at the truth, `jaxz.intervals.denser`.
        coverage: share of the truths to cover.

    Example:
        >>> round(jaxz.train.conformal_level(np.linspace(0, 1, 99)), 2)
        0.91
    """
    rank = int(np.ceil(coverage * (len(score) + 1)))
    return float(np.sort(score)[rank - 1]) if rank <= len(score) else 1.0


def _errors(redshifts: Redshifts, calibration: Calibration, ratio: np.ndarray) -> np.ndarray:
    """Return the errors of all candidates, (spec, cand), with T higher by a ratio (spec,) and other velocities."""
    reddest = redshifts.reddest
    with np.errstate(invalid="ignore"):
        relative = redshifts.zalt_err / (1 + redshifts.zalt)
        added = redshifts.calibration.velocity(redshifts.zalt, reddest) / LIGHT_SPEED
        statistical = np.maximum(np.square(relative) - np.square(added), 0) * ratio[:, None]
        floor = calibration.velocity(redshifts.zalt, reddest) / LIGHT_SPEED
        return (1 + redshifts.zalt) * np.sqrt(statistical + np.square(floor))


def _probability(redshifts: Redshifts, temperature: np.ndarray) -> np.ndarray:
    """Return the probability of all candidates, (spec, cand), at other temperatures (spec,)."""
    there = np.isfinite(redshifts.zalt_prob)
    probability = np.where(there, redshifts.zalt_prob, 0)
    score = redshifts.zalt_chi2 + redshifts.zalt_penalty
    above = np.where(there, score - np.where(there[:, :1], score[:, :1], 0), 0)
    change = (1 / temperature - 1 / redshifts.temperature)[:, None] / 2
    wider = np.sqrt(temperature / redshifts.temperature)[:, None]
    weight = probability * wider * np.exp(-np.clip(above * change, -600, 600))
    rest = np.clip(1 - probability.sum(axis=1), 0, 1)
    rest = rest * np.exp(-np.clip(np.max(above, axis=1) * change[:, 0], -600, 600))
    total = weight.sum(axis=1) + rest
    return np.where(there, weight / np.where(total > 0, total, 1)[:, None], np.nan)


def _with_temperature(redshifts: Redshifts, ztrue: np.ndarray, start: Calibration) -> Calibration:
    """Return the calibration with the T₀ and t, of a grid, that cost least."""

    def cost(temperature: float, misfit: float) -> float:
        tried = dataclasses.replace(start, temperature=temperature, misfit=misfit)
        found = recalibrated(redshifts, tried)
        leaving = np.log2(temperature / start.temperature) ** 2
        leaving += (misfit / start.misfit - 1) ** 2 if start.misfit > 0 else 0.0
        return float(log_score(ztrue, found.zalt, found.zalt_prob).sum()) + leaving / (2 * np.log2(FACTOR) ** 2)

    grid = [(float(temperature), float(misfit)) for temperature in _TEMPERATURES for misfit in _MISFITS]
    temperature, misfit = min(grid, key=lambda one: cost(*one))
    return dataclasses.replace(start, temperature=temperature, misfit=misfit)


def _with_velocities(redshifts: Redshifts, ztrue: np.ndarray, start: Calibration) -> Calibration:
    """Return the calibration with the velocities that make the pulls as wide as they should be, by bisection."""
    good = is_good(redshifts.z, ztrue)
    learned = {}
    for regime, rows in (("optical", good & ~redshifts.ultraviolet), ("ultraviolet", good & redshifts.ultraviolet)):
        if np.count_nonzero(rows) < ENOUGH:
            continue

        def width(velocity: float, rows: np.ndarray = rows) -> float:
            tried = dataclasses.replace(start, optical=velocity, ultraviolet=velocity)
            zerr = recalibrated(redshifts, tried).zerr
            return pull_width(pulls(redshifts.z[rows], zerr[rows], ztrue[rows]))

        low, high = 0.0, _FASTEST
        for _ in range(20):
            middle = (low + high) / 2
            low, high = (middle, high) if width(middle) > 1 else (low, middle)
        learned[regime] = round(high, 1)
    return dataclasses.replace(start, **learned)


def _least_cut(step: np.ndarray, good: np.ndarray) -> float:
    """Return the least Δχ²/T above which a share `PURITY` of the redshifts is right, or else the largest."""
    known = np.flatnonzero(np.isfinite(step))
    order = known[np.argsort(step[known])]
    purity = np.cumsum(good[order][::-1])[::-1] / np.arange(len(order), 0, -1)
    enough = np.flatnonzero(purity >= PURITY)
    return float(step[order[enough[0] if enough.size else -1]])
