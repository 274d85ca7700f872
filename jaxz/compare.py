"""Redshifts of the same spectra by several models → one redshift and class for each."""

import dataclasses
from collections.abc import Sequence

import equinox as eqx
import numpy as np

from jaxz.arguments import check_types
from jaxz.posterior import CONFIDENCE_WIDTH
from jaxz.redshift import Redshifts
from jaxz.status import ZWarn
from jaxz.summary import EXCLUSION, LIGHT_SPEED


def compare(found: Sequence[Redshifts], *, charge: float = 0.0, shares: Sequence[float] | None = None) -> Redshifts:
    """Return for each spectrum the best of several models, with the candidates of all of them ranked together.

    Candidates are ranked by χ², plus the penalty of a prior, plus `charge` for each sliding coefficient. One that lies
    within 1000 km/s of a better one, of whatever model, is left out, so that DELTACHI2 is to another redshift, as
    Redrock has it. Models with a log-determinant in χ² (`Madgics` with ``logdet=True``) are charged for their freedom
    by it already; models whose χ² has it and models whose χ² has not cannot be compared.

    PCONF is that of the best model times its share of the posterior mass of all, and PCLASS the share of all models of
    its class, at one temperature (see `jaxz.calibration`) for all: the lowest, that of the best fit. ZALT_PROB is of a
    redshift, not of a class: what all models have near a candidate is added.

    Args:
        found: by each model, of the same spectra, with χ² in the same pixels.
        charge: added to χ² for each coefficient: 0 as Redrock, 2 as Akaike (1974), ln(npixels) as Schwarz (1978).
        shares: of all spectra that are what each model is of, before they are looked at: -2 T ln of it is added to χ².

    Raises:
        ValueError: if there are none, or not as many shares; if they are of different spectra or calibrations, or some
            hold a log-determinant and others do not.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> models = jaxz.NonNegative(basis), jaxz.NonNegative(jaxz.load_basis("star"))
        >>> found = [jaxz.find_redshifts(jaxz.scan(spectra, model, zmin=0.0, zmax=0.1), spectra) for model in models]
        >>> jaxz.compare(found).spectype
        array(['GALAXY'], dtype='<U6')
    """
    if not found:
        raise ValueError("nothing to compare: give the redshifts of one model at least")
    for number, one in enumerate(found):
        check_types("compare([redshifts, …])", **{f"number {number}": (one, Redshifts)})
    first = found[0]
    for other in found[1:]:
        if other.ids != first.ids or not np.array_equal(other.fingerprints, first.fingerprints):
            raise ValueError("redshifts to compare are of different spectra: pass those of the same")
        if not eqx.tree_equal(other.calibration, first.calibration):
            raise ValueError("redshifts to compare have different calibrations: find them with the same")
    if len({getattr(model, "logdet", False) for part in found for model in part.models}) > 1:
        raise ValueError("some models hold a log-determinant in χ², others do not: χ² cannot be compared")
    nspec, ncand = len(first), max(part.zalt.shape[1] for part in found)
    if shares is not None and len(shares) != len(found):
        raise ValueError(f"{len(shares)} shares for {len(found)} models: give one for each")
    temperature = np.min([part.temperature for part in found], axis=0)
    rare = -2 * np.log(np.ones(len(found)) if shares is None else np.asarray(shares, dtype=float))
    cost = np.stack([charge * part.ncoeff for part in found], axis=1) + temperature[:, None] * rare
    chi2, z, zerr = (
        np.concatenate([getattr(part, name) for part in found], axis=1) for name in ("zalt_chi2", "zalt", "zalt_err")
    )
    penalty = np.concatenate([part.zalt_penalty * (temperature / part.temperature)[:, None] for part in found], axis=1)
    owner = np.repeat(np.arange(len(found)), [part.zalt.shape[1] for part in found])
    score = chi2 + penalty + cost[:, owner]
    order = _ranked(score, z, ncand)
    taken = order >= 0
    pick = lambda values: np.where(taken, np.take_along_axis(values, np.maximum(order, 0), axis=1), np.nan)  # noqa: E731
    best = np.where(taken[:, 0], owner[order[:, 0]], 0)
    rows = np.arange(nspec)
    of_best = lambda name: _chosen([getattr(part, name) for part in found], best)  # noqa: E731
    ranked = pick(score)
    own = of_best("deltachi2")
    deltachi2 = own if ncand < 2 else np.where(np.isfinite(ranked[:, 1]), ranked[:, 1] - ranked[:, 0], own)
    total, portions = _portions(found, cost, temperature)
    classes = np.stack([part.spectype for part in found], axis=1)
    alike = classes == classes[rows, best][:, None]
    with np.errstate(invalid="ignore"):
        robustness = of_best("robustness") * deltachi2 / np.where(own > 0, own, 1)
    small = ZWarn.SMALL_DELTA_CHI2.value
    zwarn = (of_best("zwarn") & ~small) | small * (
        np.isfinite(of_best("z")) & ~(deltachi2 >= first.calibration.delta_chi2 * temperature)
    )
    width = max(part.coeff.shape[1] for part in found)
    coeff = [np.pad(part.coeff, ((0, 0), (0, width - part.coeff.shape[1])), constant_values=np.nan) for part in found]
    sizes = np.cumsum([0, *(len(part.models) for part in found)])
    which = _chosen([part.which + begin for part, begin in zip(found, sizes, strict=False)], best)
    same = ("z", "zerr", "chi2", "status", "ncoeff", "coverage", "significance", "spectype", "subtype", "fitmethod")
    return dataclasses.replace(
        first,
        **{name: of_best(name) for name in (*same, "chi2_null")},
        coeff=_chosen(coeff, best),
        deltachi2=deltachi2,
        robustness=robustness,
        pconf=of_best("pconf") * portions[rows, best],
        pclass=np.sum(np.where(alike, portions, 0), axis=1),
        logmass=total,
        temperature=temperature,
        zwarn=zwarn.astype(np.int32),
        zalt=pick(z),
        zalt_err=pick(zerr),
        zalt_chi2=pick(chi2),
        zalt_penalty=pick(penalty + cost[:, owner]),
        zalt_prob=_near(pick(z), z, np.concatenate([part.zalt_prob for part in found], axis=1) * portions[:, owner]),
        models=tuple(model for part in found for model in part.models),
        trials=tuple(trials for part in found for trials in part.trials),
        which=which.astype(np.int16),
    )


def _near(kept: np.ndarray, z: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return the sum of probabilities near each of the candidates that are kept, (spec, cand); NaN where there is none.

    Args:
        kept: (spec, cand) redshifts. What is within 0.005(1+z) of several counts for the nearest.
        z, probability: (spec, all) of all models' candidates.
    """
    away = np.abs(z[:, None] - kept[:, :, None]) / (1 + kept[:, :, None])
    away = np.where(np.isnan(away), np.inf, away)
    closest = np.argmin(away, axis=1)[:, None] == np.arange(kept.shape[1])[None, :, None]
    counted = np.where(closest & (away < CONFIDENCE_WIDTH), np.nan_to_num(probability)[:, None], 0)
    return np.where(np.isfinite(kept), np.minimum(np.sum(counted, axis=2), 1), np.nan)


def _portions(found: Sequence[Redshifts], cost: np.ndarray, temperature: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ln of the posterior mass of all models at one temperature, (spec,), and the portion of each in it.

    Args:
        found: by each model.
        cost: (spec, model) what is added to its χ².
        temperature: (spec,).
    """
    masses = [part.logmass + part.chi2 * (1 / part.temperature - 1 / temperature) / 2 for part in found]
    logmass = np.stack(masses, axis=1) - cost / (2 * temperature[:, None])
    logmass = np.where(np.isnan(logmass), -np.inf, logmass)
    with np.errstate(invalid="ignore"):
        total = np.logaddexp.reduce(logmass, axis=1)
        portions = np.exp(logmass - total[:, None])
    return total, np.where(np.isfinite(total)[:, None], portions, np.nan)


def _chosen(values: Sequence[np.ndarray], best: np.ndarray) -> np.ndarray:
    """Return for each spectrum the row of the model that is best."""
    return np.stack(values)[best, np.arange(len(best))]


def _ranked(score: np.ndarray, z: np.ndarray, count: int) -> np.ndarray:
    """Return the best candidates of each spectrum, none within 1000 km/s of a better one; -1 where there are fewer."""
    result = np.full((len(score), count), -1)
    left = np.where(np.isfinite(score), score, np.inf)
    rows = np.arange(len(score))
    for rank in range(count):
        index = np.argmin(left, axis=1)
        there = np.isfinite(left[rows, index])
        result[there, rank] = index[there]
        with np.errstate(invalid="ignore", divide="ignore"):
            velocity = LIGHT_SPEED * np.abs(np.log((1 + z) / (1 + z[rows, index])[:, None]))
        left = np.where((velocity < EXCLUSION) | np.isnan(velocity), np.inf, left)
    return result
