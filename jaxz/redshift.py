"""χ² curves → redshifts: candidates, their order, scores and flags."""

from collections.abc import Sequence

import jax
import numpy as np

from jaxz._typing import Device
from jaxz.arguments import check_types
from jaxz.calibration import PLAIN, Calibration, check_models
from jaxz.models import Fit
from jaxz.pixels import FINE, WINDOW, bucket, layout
from jaxz.posterior import Prior, penalty_of
from jaxz.results import Redshifts as Redshifts
from jaxz.run import run
from jaxz.scan import ZScan, check_scanned, own_columns
from jaxz.spectra import Spectra
from jaxz.status import Status, ZWarn
from jaxz.summary import LIGHT_SPEED, CloserLook, LookCloser, Mass, Summarise, Summary, Weigh

MOST_MINIMA = 100
"""Candidates that can be asked for."""

LITTLE_COVERAGE = 10
"""Good pixels for each coefficient, Redrock's threshold."""

PARTIAL_COVERAGE = 0.01
"""Share of the good pixels that the model may leave out without a flag."""


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

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> best = jaxz.find_redshifts(scan, spectra)
        >>> round(float(best.z[0]), 3), best.to_table().colnames[:2], best.model(0, spectra).shape
        (0.05, ['TARGETID', 'Z'], (3681,))
    """
    check_types("find_redshifts(scan, spectra)", scan=(scan, ZScan), spectra=(spectra, Spectra))
    if calibration is not None:
        check_types("calibration=…", calibration=(calibration, Calibration))
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
        spectype=np.where(found, model.spectype, ""),
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
