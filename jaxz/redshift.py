"""A χ² curve → redshifts: candidates, their order, scores and flags."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np

from jaxz.kernels.minima import best_minima
from jaxz.models.basis import Basis
from jaxz.models.components import Madgics
from jaxz.posterior import Prior, mass_near, normalise, penalty_of
from jaxz.refine import Fit, refine, refine_madgics
from jaxz.scan import ZScan
from jaxz.spectra import Spectra, concatenate_meta
from jaxz.status import Status, ZWarn

LIGHT_SPEED = 299792.458
"""km/s."""

EXCLUSION = 1000.0
"""Candidates closer than this, in km/s, are one."""

MOST_MINIMA = 100
"""Candidates that can be asked for."""

SMALL_DELTA_CHI2 = 9.0
LITTLE_COVERAGE = 10
"""Redrock's thresholds: Δχ² to the next candidate, and good pixels for each coefficient."""


class Redshifts(eqx.Module):
    """The redshift of each spectrum, with its error, scores, alternatives and flags; all NumPy, float64.

    Args:
        ids: names of the spectra.
        z: (spec,) best redshift; NaN where `status` is one of those that cannot be scanned.
        zerr: (spec,) 1 σ error (Δχ² = 1); infinite where χ² has no minimum (BAD_MINFIT).
        chi2: (spec,) χ² of the best fit in native pixels; after a MADGICS scan the total χ² on the lattice, with target
            and nuisance components marginalised.
        deltachi2: (spec,) χ² of the next candidate minus the best; the depth of the curve where there is no other. Not
            the Δχ² of a detection, which is `detection`.
        zwarn: (spec,) `ZWarn` bits.
        status: (spec,) `Status` codes.
        coeff: (spec, basis) coefficients of the best fit; posterior means of those of the target, for MADGICS.
        npixels: (spec,) good pixels.
        significance: (spec,) 1 - χ²min / Q1(χ²) [M, eq. 7].
        robustness: (spec,) (min2 - min1) / σ(χ² ≤ Q1) [M, eq. 8], min2 the lowest other candidate.
        pconf: (spec,) posterior mass within 0.005(1+z) of z.
        zalt, zalt_err, zalt_chi2: (spec, cand) candidates, best first, the first being z; NaN where there are fewer.
        spectype, subtype: of the basis, or of the target.
        meta: per-spectrum columns handed on from `Spectra`.
        chi2_null: (spec,) χ² without the target; None after an NMF scan.
        fitmethod: "NMF" or "MADGICS".
    """

    ids: tuple[str, ...] = eqx.field(static=True)
    z: np.ndarray
    zerr: np.ndarray
    chi2: np.ndarray
    deltachi2: np.ndarray
    zwarn: np.ndarray
    status: np.ndarray
    coeff: np.ndarray
    npixels: np.ndarray
    significance: np.ndarray
    robustness: np.ndarray
    pconf: np.ndarray
    zalt: np.ndarray
    zalt_err: np.ndarray
    zalt_chi2: np.ndarray
    spectype: str = eqx.field(static=True)
    subtype: str = eqx.field(static=True)
    meta: dict[str, np.ndarray]
    chi2_null: np.ndarray | None = None
    fitmethod: str = eqx.field(static=True, default="NMF")

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def detection(self) -> np.ndarray:
        """(spec,) |Δχ²| by which the target of a MADGICS scan improves the fit [L, eq. 6], not calibrated; else NaN."""
        return np.full(len(self), np.nan) if self.chi2_null is None else self.chi2_null - self.chi2

    @classmethod
    def concatenate(cls, parts: Sequence["Redshifts"]) -> "Redshifts":
        """Return the redshifts of all parts, found with one basis and one number of candidates.

        Raises:
            ValueError: if the bases differ, or there are no parts.
        """
        if not parts:
            raise ValueError("no redshifts to concatenate: give at least one")
        if len({(part.spectype, part.subtype, part.fitmethod) for part in parts}) != 1:
            raise ValueError("redshifts to concatenate need one basis: keep those of different bases apart")
        arrays = [name for name, value in vars(parts[0]).items() if name != "meta" and isinstance(value, np.ndarray)]
        return dataclasses.replace(
            parts[0],
            ids=tuple(name for part in parts for name in part.ids),
            meta=concatenate_meta([part.meta for part in parts], [len(part) for part in parts]),
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in arrays},
        )


def find_redshifts(
    scan: ZScan,
    spectra: Spectra,
    model: Basis | Madgics,
    *,
    nminima: int = 5,
    prior: Prior | None = None,
    joins: Sequence[tuple[float, float]] = (),
    batch_size: int = 64,
) -> Redshifts:
    """Return the redshift of each spectrum from its χ² curve.

    The `nminima` lowest minima of the curve that are more than 1000 km/s apart are looked at closely, in float64: with
    a basis in native pixels (`jaxz.refine.nmf`), with Gaussian components on the lattice (`jaxz.refine.madgics`). Their
    z, errors, χ² and order come from there, the scores and P(z) from the curve. A candidate at the end of the range, or
    without a minimum of χ² near it, comes after all others.

    Args:
        scan: of the same spectra with the same model.
        spectra: what was measured. Bits of a column ``ZWARN`` in their `meta` are set in the result too.
        model: the basis of an `nmf_scan`; ``Madgics(target, nuisance)`` after a `madgics_scan`.
        nminima: candidates for each spectrum.
        prior: penalty on z (see `jaxz.posterior`). It takes part in the choice and the order of candidates, in
            `deltachi2` and in `pconf`; `chi2` and the scores stay those of the data.
        joins: wavelength ranges (vacuum Å) where two cameras meet, such as (5760, 5800) and (7520, 7620) of DESI. A
            target whose line, the mean position of its power, is found in one gets the bit CAMERA_JOIN. They belong to
            the instrument, so that none is assumed. For `Madgics` only.
        batch_size: spectra on the device at a time. The answer does not depend on it.

    Raises:
        ValueError: if `scan` is not of `spectra`, or not with such a model; if `nminima` is not positive, or `prior`
            has the wrong shape.
    """
    if scan.ids != spectra.ids:
        raise ValueError("scan and spectra have different ids: pass the spectra that were scanned")
    if not 1 <= nminima <= MOST_MINIMA or batch_size < 1:
        raise ValueError(f"nminima={nminima}, batch_size={batch_size}: use 1 to {MOST_MINIMA}, and 1 or more")
    _check_model(scan, model, joins)
    penalty = penalty_of(scan, prior)
    # Two at least, because Δχ² needs the second.
    index = _candidates(scan, penalty, max(nminima, 2), batch_size)
    fit = _fits(scan, spectra, model, np.where(index >= 0, scan.first + index, np.nan), batch_size)

    extra = np.where(index >= 0, np.take_along_axis(penalty, index, axis=1), np.nan)
    at_limit = (index >= 0) & _beside_the_end(penalty, index)
    order = np.lexsort((fit.chi2 + extra, at_limit | ~np.isfinite(fit.shift_err)), axis=1)
    fit = fit.reordered(order)
    index, at_limit, score = (np.take_along_axis(x, order, axis=1) for x in (index, at_limit, fit.chi2 + extra))

    z = 10.0 ** (fit.shift * scan.step) - 1
    curve = _curve_scores(scan, penalty, index, z[:, 0])
    deltachi2 = np.where(np.isnan(score[:, 1]), curve.depth, score[:, 1] - score[:, 0])
    no_minimum = ~np.isfinite(fit.shift_err[:, 0]) | ~fit.converged[:, 0]
    measured = scan.status == Status.OK
    status = np.where(measured & (index[:, 0] < 0), Status.NO_CANDIDATE, scan.status)
    status = np.where(measured & (index[:, 0] >= 0) & ~fit.converged[:, 0], Status.NOT_CONVERGED, status)
    zwarn = (
        ZWarn.LITTLE_COVERAGE * (~measured | (spectra.npixels < LITTLE_COVERAGE * len(model)))
        + ZWarn.SMALL_DELTA_CHI2 * (measured & ~(deltachi2 >= SMALL_DELTA_CHI2))
        + ZWarn.Z_FITLIMIT * (measured & at_limit[:, 0])
        + ZWarn.NODATA * (spectra.npixels == 0)
        + ZWarn.BAD_MINFIT * (measured & no_minimum)
        + ZWarn.CAMERA_JOIN * _in_a_join(model, z[:, 0], joins)
    )
    zerr = (1 + z) * np.log(10) * scan.step * fit.shift_err
    return Redshifts(
        ids=spectra.ids,
        z=z[:, 0],
        zerr=zerr[:, 0],
        chi2=fit.chi2[:, 0],
        deltachi2=deltachi2,
        zwarn=(zwarn | spectra.meta.get("ZWARN", 0)).astype(np.int32),
        status=status,
        coeff=fit.coeff[:, 0],
        npixels=spectra.npixels,
        significance=curve.significance,
        robustness=curve.robustness,
        pconf=curve.pconf,
        zalt=z[:, :nminima],
        zalt_err=zerr[:, :nminima],
        zalt_chi2=fit.chi2[:, :nminima],
        spectype=model.spectype,
        subtype=model.name,
        meta=spectra.meta,
        chi2_null=scan.null,
        fitmethod="NMF" if isinstance(model, Basis) else "MADGICS",
    )


def _check_model(scan: ZScan, model: Basis | Madgics, joins: Sequence[tuple[float, float]]) -> None:
    if isinstance(model, Basis):
        if scan.null is not None:
            raise ValueError("the scan is one of madgics_scan: pass Madgics(target, nuisance), not a basis")
        if joins:
            raise ValueError("joins are for a Madgics model: a basis has lines everywhere")
    elif scan.null is None or model.step != scan.step:
        raise ValueError("the scan is not one of madgics_scan with these components: pass those that were scanned with")


def _fits(scan: ZScan, spectra: Spectra, model: Basis | Madgics, shifts: np.ndarray, batch_size: int) -> Fit:
    if isinstance(model, Basis):
        return refine(spectra, model, shifts, scan.step, batch_size=batch_size)
    trials = (scan.first, scan.first + len(scan.z) - 1)
    return refine_madgics(spectra, model, shifts, trials, logdet=scan.logdet, batch_size=batch_size)


def _in_a_join(model: Basis | Madgics, z: np.ndarray, joins: Sequence[tuple[float, float]]) -> np.ndarray:
    if isinstance(model, Basis):
        return np.zeros(len(z), dtype=bool)
    line = 10.0 ** (model.target.centre * model.step) * (1 + z)
    return sum((low < line) & (line < high) for low, high in joins) > np.zeros(len(z), dtype=int)


def _beside_the_end(penalty: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Tell whether a candidate is the last that the range, or a prior, allows on either side."""
    last = penalty.shape[1] - 1
    beside = (np.take_along_axis(penalty, np.clip(index + step, 0, last), axis=1) for step in (-1, 1))
    return (index == 0) | (index == last) | ~np.isfinite(sum(beside))


def _candidates(scan: ZScan, penalty: np.ndarray, count: int, batch_size: int) -> np.ndarray:
    """Return the indices of the lowest minima of each curve, (spec, cand), -1 where there are fewer."""
    exclude = int(EXCLUSION / (LIGHT_SPEED * np.log(10) * scan.step))
    found = [np.zeros((0, count), dtype=int)]
    for begin in range(0, len(scan), batch_size):
        rows = slice(begin, begin + batch_size)
        with jax.enable_x64(True):
            curves = scan.chi2[rows] + penalty[rows]
            found.append(np.asarray(_batch_minima(curves, count, exclude)))
    return np.concatenate(found)


_batch_minima = jax.jit(jax.vmap(best_minima, in_axes=(0, None, None)), static_argnums=(1, 2))


class _CurveScores(NamedTuple):
    significance: np.ndarray
    robustness: np.ndarray
    pconf: np.ndarray
    depth: np.ndarray


def _curve_scores(scan: ZScan, penalty: np.ndarray, index: np.ndarray, z: np.ndarray) -> _CurveScores:
    """Return the scores of each curve, one at a time so that no second copy of all curves is made."""
    scores = np.full((4, len(scan)), np.nan)
    for row in np.flatnonzero(index[:, 0] >= 0):
        chi2 = scan.chi2[row].astype(np.float64)
        quartile = np.quantile(chi2, 0.25)
        lowest = chi2[index[row, 0]]
        others = index[row, 1:][index[row, 1:] >= 0]
        second = chi2[others].min() if len(others) else np.nan
        probability = normalise(chi2 + penalty[row], scan.z)
        with np.errstate(divide="ignore", invalid="ignore"):
            scores[:, row] = (
                1 - lowest / quartile,
                (second - lowest) / np.std(chi2[chi2 <= quartile]),
                mass_near(probability, scan.z, z[row]),
                chi2[np.isfinite(penalty[row])].max() - lowest,
            )
    return _CurveScores(*scores)
