"""χ² curves → redshifts: candidates, their order, scores and flags."""

import dataclasses
from collections.abc import Sequence

import equinox as eqx
import jax
import numpy as np

from jaxz._typing import Device
from jaxz.calibration import OPTICAL, PLAIN, Calibration, check_models
from jaxz.intervals import Peaks, interval
from jaxz.models import AbstractModel, Fit, Trials
from jaxz.pixels import FINE, WINDOW, bucket, layout
from jaxz.posterior import Prior, penalty_of
from jaxz.run import run
from jaxz.scan import ZScan, check_scanned, own_columns
from jaxz.spectra import Spectra, concatenate_meta
from jaxz.status import Status, ZWarn
from jaxz.summary import LIGHT_SPEED, CloserLook, LookCloser, Mass, Summarise, Summary, Weigh

MOST_MINIMA = 100
"""Candidates that can be asked for."""

LITTLE_COVERAGE = 10
"""Good pixels for each coefficient, Redrock's threshold."""

PARTIAL_COVERAGE = 0.01
"""Share of the good pixels that the model may leave out without a flag."""


class Redshifts(eqx.Module):
    """The redshift of each spectrum, with its error, scores, alternatives and flags; all NumPy, float64.

    Args:
        ids: names of the spectra.
        z: (spec,) best redshift; NaN where `status` is one of those that cannot be scanned.
        zerr: (spec,) 1 σ error: Δχ² = T, and the velocity of the calibration; infinite where χ² has no minimum
            (BAD_MINFIT).
        chi2: (spec,) χ² of the best fit in native pixels; after a MADGICS scan the total χ² on the lattice, with target
            and nuisance components marginalised.
        deltachi2: (spec,) χ² of the next candidate minus the best, penalties of a prior included; the depth of the
            curve where there is no other. Not the Δχ² of a detection, which is `detection`.
        zwarn: (spec,) `ZWarn` bits.
        status: (spec,) `Status` codes.
        coeff: (spec, basis) coefficients of what slides, NaN beyond `ncoeff`; posterior means of those of a target.
        ncoeff: (spec,) how many there are.
        npixels: (spec,) good pixels.
        coverage: (spec,) share of them that the model covers at the best redshift.
        significance: (spec,) 1 - χ²min / Q1(χ²) [M, eq. 7].
        robustness: (spec,) (min2 - min1) / σ(χ² ≤ Q1) [M, eq. 8]: `deltachi2` in units of the scatter of the curve.
        pconf: (spec,) posterior mass within 0.005(1+z) of z.
        pclass: (spec,) posterior mass of all models of this `spectype`.
        logmass: (spec,) ln ∫ p(z) exp(-χ²/2T) dz, with which models are compared.
        temperature: (spec,) T, the Δχ² that is worth one (see `jaxz.calibration`).
        zalt, zalt_err, zalt_chi2: (spec, cand) candidates, best first, the first being z; NaN where there are fewer.
        zalt_penalty: (spec, cand) -2 T ln p(z) of the prior, by which they are ranked as well.
        zalt_prob: (spec, cand) posterior mass within 0.005(1+z) of each and of no better one, whatever the class: they
            sum to 1 at most. The first is `pconf`, but for what models of other classes find there.
        spectype, subtype, fitmethod: (spec,) of the model that fits best.
        reddest: (spec,) wavelength of the last good pixel, Å.
        meta: per-spectrum columns handed on from `Spectra`.
        chi2_null: (spec,) χ² without what slides.
        fingerprints: (spec,) of the spectra.
        models: that were compared; one after `find_redshifts`.
        which: (spec,) index of the best of them.
        trials: of each model.
        calibration: that was applied.
    """

    ids: tuple[str, ...] = eqx.field(static=True)
    z: np.ndarray
    zerr: np.ndarray
    chi2: np.ndarray
    deltachi2: np.ndarray
    zwarn: np.ndarray
    status: np.ndarray
    coeff: np.ndarray
    ncoeff: np.ndarray
    npixels: np.ndarray
    coverage: np.ndarray
    significance: np.ndarray
    robustness: np.ndarray
    pconf: np.ndarray
    pclass: np.ndarray
    logmass: np.ndarray
    temperature: np.ndarray
    zalt: np.ndarray
    zalt_err: np.ndarray
    zalt_chi2: np.ndarray
    zalt_penalty: np.ndarray
    zalt_prob: np.ndarray
    spectype: np.ndarray
    subtype: np.ndarray
    fitmethod: np.ndarray
    reddest: np.ndarray
    meta: dict[str, np.ndarray]
    chi2_null: np.ndarray
    fingerprints: np.ndarray
    models: tuple[AbstractModel, ...]
    which: np.ndarray
    trials: tuple[Trials, ...] = eqx.field(static=True)
    calibration: Calibration

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: slice | Sequence[int] | np.ndarray) -> "Redshifts":
        """Return those of a slice, a list of indices or a mask."""
        index = np.arange(len(self))[rows]
        return dataclasses.replace(
            self,
            ids=tuple(self.ids[i] for i in index),
            meta={name: column[index] for name, column in self.meta.items()},
            **{name: getattr(self, name)[index] for name in self._columns()},
        )

    def _columns(self) -> list[str]:
        """Return the names of the arrays, (spec, …)."""
        return [name for name, value in vars(self).items() if isinstance(value, np.ndarray)]

    @property
    def detection(self) -> np.ndarray:
        """(spec,) |Δχ²| by which what slides improves the fit [L, eq. 6], not calibrated."""
        return self.chi2_null - self.chi2

    @property
    def ultraviolet(self) -> np.ndarray:
        """(spec,) whether nothing redward of [O II] is seen at z, so that it rests on Lyα and the ultraviolet alone."""
        return self.reddest <= OPTICAL * (1 + self.z)

    @property
    def peaks(self) -> Peaks:
        """P(z) as a sum of Gaussians at the candidates (see `jaxz.intervals`)."""
        return Peaks.of(self.zalt, self.zalt_err, self.zalt_prob)

    @property
    def z_interval(self) -> tuple[np.ndarray, np.ndarray]:
        """(spec,) ends of the region of P(z) that holds 90 % of the truths, as far as the calibration knows.

        Where the candidates do not have as much probability as it takes, they are those of the trial redshifts.
        """
        ends = np.array([(trials.first, trials.last) for trials in self.trials])
        limits = 10.0 ** (ends * np.array([trials.step for trials in self.trials])[:, None]) - 1
        return interval(self.peaks, self.z, self.calibration.level, (float(limits.min()), float(limits.max())))

    @classmethod
    def concatenate(cls, parts: Sequence["Redshifts"]) -> "Redshifts":
        """Return the redshifts of all parts, found with the same models and one number of candidates.

        Raises:
            ValueError: if the models differ, or there are no parts.
        """
        if not parts:
            raise ValueError("no redshifts to concatenate: give at least one")
        if len({tuple(model.sha256 for model in part.models) for part in parts}) != 1:
            raise ValueError("redshifts to concatenate need the same models: keep those of different ones apart")
        return dataclasses.replace(
            parts[0],
            ids=tuple(name for part in parts for name in part.ids),
            meta=concatenate_meta([part.meta for part in parts], [len(part) for part in parts]),
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in parts[0]._columns()},
        )


def find_redshifts(
    scan: ZScan,
    spectra: Spectra,
    *,
    nminima: int = 5,
    prior: Prior | None = None,
    calibration: Calibration | None = None,
    joins: Sequence[tuple[float, float]] = (),
    batch_size: int = 64,
    devices: Sequence[Device] | None = None,
) -> Redshifts:
    """Return the redshift of each spectrum from its χ² curve.

    The `nminima` lowest minima of the curve that are more than 1000 km/s apart are looked at closely, in float64: with
    a basis in native pixels, with Gaussian components on the lattice. Their z, errors, χ² and order come from there,
    and with them DELTACHI2, ROBUSTNESS and P(z), whose mass near each candidate is weighed with its χ² there. The best
    is the one of lowest χ² (plus the penalty of a prior), whether or not its parabola has a minimum, or it lies at the
    end of the range: that is flagged.

    Args:
        scan: of the same spectra.
        spectra: what was measured. Bits of a column ``ZWARN`` in their `meta` are set in the result too.
        nminima: candidates for each spectrum.
        prior: penalty on z (see `jaxz.posterior`). It takes part in the choice and the order of candidates, in
            `deltachi2`, `robustness` and `pconf`; `chi2` and `significance` stay those of the data.
        calibration: of P(z), errors and flags. If absent: the default one where the model has an error model, and none,
            χ² being taken at its word, where it has not. One that was learned is for the models it was learned with.
        joins: wavelength ranges (vacuum Å) where two cameras meet, such as (5760, 5800) and (7520, 7620) of DESI. A
            target whose line, the mean position of its power, is found in one gets the bit CAMERA_JOIN. They belong to
            the instrument, so that none is assumed. For models of one line only.
        batch_size: spectra on a device at a time. The answer does not depend on it.
        devices: that share the work; all that JAX shows if absent.

    Raises:
        ValueError: if `scan` is not of `spectra`, or `calibration` is for other models; if `nminima` is not positive,
            or `prior` has the wrong shape.
    """
    check_scanned(scan.ids, scan.fingerprints, spectra)
    if not 1 <= nminima <= MOST_MINIMA or batch_size < 1:
        raise ValueError(f"nminima={nminima}, batch_size={batch_size}: use 1 to {MOST_MINIMA}, and 1 or more")
    if joins and scan.model.line is None:
        raise ValueError("joins are for models of one line, as Madgics: a basis has lines everywhere")
    chosen = calibration or (PLAIN if scan.model.error is None else Calibration())
    check_models(chosen, scan.model)
    penalty = penalty_of(scan, prior)
    rows = np.flatnonzero(scan.status == Status.OK)
    options = {"batch_size": batch_size, "devices": devices}
    # Two at least, because Δχ² needs the second.
    task = Summarise(penalty if penalty.ndim == 1 else None, scan.trials, max(nminima, 2))
    inputs = (scan.chi2,) if penalty.ndim == 1 else (scan.chi2, penalty)
    summary: Summary = run(task, None, rows, inputs, **options)
    found = np.isfinite(summary.chi2)
    shifts = np.where(found, scan.trials.first + summary.place, np.nan)
    fit, order, temperature, mass = _look_closer(scan, spectra, (shifts, *inputs), task.penalty, chosen, options)
    summary = summary._replace(penalty=summary.penalty * temperature[:, None])
    summary, fit = summary._replace(**_reordered(summary, order)), fit._replace(**_reordered(fit, order))
    temperature = np.where(np.isfinite(temperature), temperature, chosen.temperature)
    return _measured(scan, spectra, summary, mass, fit, temperature, chosen, nminima, joins)


def _look_closer(
    scan: ZScan,
    spectra: Spectra,
    inputs: tuple,
    penalty: np.ndarray | None,
    calibration: Calibration,
    options: dict,
) -> CloserLook:
    """Return the best fits near candidates, (spec, cand, …), and what follows from them."""
    model, (columns, kind) = scan.model, own_columns(spectra, scan.own)
    rows = np.flatnonzero(np.isfinite(inputs[0]).any(axis=1))
    sizes = np.array([bucket(int(n), WINDOW) for n in layout(spectra, model.step).size], dtype=int)
    weigh, shares = Weigh(penalty, scan.trials), []
    for size in np.unique(sizes[rows]) if len(rows) else [WINDOW]:
        task = LookCloser(model.fits(scan.trials, int(size), own=kind), weigh, calibration)
        members = rows[sizes[rows] == size]
        found = run(task, spectra, members, inputs, step=model.step, columns=columns, parts=FINE, **options)
        shares.append((members, found))
    result: CloserLook = shares[0][1]
    for members, found in shares[1:]:
        for whole, values in zip(jax.tree.leaves(result), jax.tree.leaves(found), strict=True):
            whole[members] = values[members]
    return result


def _reordered(values: Fit | Summary, order: np.ndarray) -> dict[str, np.ndarray]:
    """Return what is kept of each candidate in another order, by name; what is kept of the spectrum stays as it is."""
    rows = np.arange(len(order))[:, None]
    return {name: part[rows, order] for name, part in values._asdict().items() if part.ndim > 1}


def _measured(
    scan: ZScan,
    spectra: Spectra,
    summary: Summary,
    mass: Mass,
    fit: Fit,
    temperature: np.ndarray,
    calibration: Calibration,
    nminima: int,
    joins: Sequence[tuple[float, float]],
) -> Redshifts:
    """Return scores and flags of candidates that are in order."""
    model, nspec = scan.model, len(spectra)
    z = 10.0 ** (fit.shift * scan.trials.step) - 1
    score = fit.chi2 + summary.penalty
    deltachi2 = np.where(np.isnan(score[:, 1]), summary.depth, score[:, 1] - score[:, 0])
    probability, logmass = _posterior_mass(mass, summary.chi2, fit.chi2, temperature)
    measured = scan.status == Status.OK
    found = np.isfinite(fit.chi2[:, 0])
    converged = fit.converged[:, 0].astype(bool)
    status = np.where(measured & ~found, Status.NO_CANDIDATE, scan.status)
    status = np.where(measured & found & ~converged, Status.NOT_CONVERGED, status)
    coverage = fit.covered[:, 0]
    seen = spectra.npixels * np.nan_to_num(coverage)
    line = np.nan if model.line is None else model.line * (1 + z[:, 0])
    joined = np.zeros(nspec, dtype=bool)
    for low, high in joins:
        joined |= (low < line) & (line < high)
    # Negative where another candidate would be better without three pixels.
    rest = np.nanmin(np.where(np.isfinite(fit.chi2), fit.chi2 - fit.chi2[:, :1] - fit.few, np.inf), axis=1)
    zwarn = (
        ZWarn.LITTLE_COVERAGE * (~measured | ~found | (seen < LITTLE_COVERAGE * len(model)))
        + ZWarn.SMALL_DELTA_CHI2 * (measured & ~(deltachi2 >= calibration.delta_chi2 * temperature))
        + ZWarn.Z_FITLIMIT * (measured & summary.at_limit[:, 0].astype(bool))
        + ZWarn.NODATA * (spectra.npixels == 0)
        + ZWarn.BAD_MINFIT * (measured & (~np.isfinite(fit.shift_err[:, 0]) | ~converged))
        + ZWarn.CAMERA_JOIN * joined
        + ZWarn.BAD_FIT * (found & (fit.chi2[:, 0] / np.maximum(spectra.npixels, 1) > calibration.bad_fit))
        + ZWarn.FEW_PIXELS * (found & (model.error is not None) & (rest < -calibration.delta_chi2 * temperature))
        + ZWarn.PARTIAL_COVERAGE * (found & (coverage < 1 - PARTIAL_COVERAGE))
    )
    statistical = np.log(10) * scan.trials.step * fit.shift_err * np.sqrt(temperature)[:, None]
    zerr = (1 + z) * np.hypot(statistical, calibration.velocity(z, spectra.reddest) / LIGHT_SPEED)
    with np.errstate(divide="ignore", invalid="ignore"):
        significance = 1 - summary.chi2[:, 0] / summary.quartile
        robustness = np.where(deltachi2 == 0, 0, deltachi2 / summary.scatter)
    return Redshifts(
        ids=spectra.ids,
        z=z[:, 0],
        zerr=zerr[:, 0],
        chi2=fit.chi2[:, 0],
        deltachi2=deltachi2,
        zwarn=(zwarn | spectra.meta.get("ZWARN", 0)).astype(np.int32),
        status=status,
        coeff=fit.coeff[:, 0],
        ncoeff=np.full(nspec, len(model), dtype=np.int16),
        npixels=spectra.npixels,
        coverage=coverage,
        significance=significance,
        robustness=robustness,
        pconf=probability[:, 0],
        pclass=np.where(found, 1.0, np.nan),
        logmass=logmass,
        temperature=temperature,
        zalt=z[:, :nminima],
        zalt_err=zerr[:, :nminima],
        zalt_chi2=fit.chi2[:, :nminima],
        zalt_penalty=summary.penalty[:, :nminima],
        zalt_prob=probability[:, :nminima],
        spectype=np.full(nspec, model.spectype),
        subtype=np.full(nspec, model.name),
        fitmethod=np.full(nspec, model.fitmethod),
        reddest=spectra.reddest,
        meta=spectra.meta,
        chi2_null=fit.null,
        fingerprints=scan.fingerprints,
        models=(model,),
        which=np.zeros(nspec, dtype=np.int16),
        trials=(scan.trials,),
        calibration=calibration,
    )


def _posterior_mass(
    mass: Mass, on_curve: np.ndarray, chi2: np.ndarray, temperature: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of P(z) near each candidate (spec, cand), NaN where there is none, and ln of all mass (spec,).

    χ² of the curve is wrong near a candidate by what the closer look found, and elsewhere by as much in the median.

    Args:
        mass: of the curves, candidates in order.
        on_curve, chi2: (spec, cand) of the candidates on the curve and from the closer look.
        temperature: (spec,) T.
    """
    found = np.isfinite(chi2)
    change = np.where(found, chi2 - on_curve, np.nan) / temperature[:, None]
    some = found.any(axis=1)
    usual = np.full(len(chi2), np.nan)
    usual[some] = np.nanmedian(change[some], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        masses = np.where(found, mass.mass - change / 2, -np.inf)
        every = np.column_stack([masses, mass.rest - usual / 2])
        total = np.logaddexp.reduce(every, axis=1)
        share = np.where(found, np.exp(masses - total[:, None]), 0)
        near = np.einsum("ijk,ik->ij", np.where(found[:, None], mass.near, 0), share)
    return np.where(found, np.minimum(near, 1), np.nan), np.where(some, total, np.nan)
