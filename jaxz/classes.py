"""Spectra → redshifts and classes, by the models that come with jaxz: galaxies, stars and quasars, compared.

Candidates of all models are ranked together by χ², `CHARGE` for each coefficient and the share of each class, as
-2 T ln of it (see `jaxz.compare`). A spectrum in which the galaxies find next to nothing, neither noise nor continuum
being known that well, is called BLANK.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxz._typing import Device
from jaxz.arguments import check_types
from jaxz.calibration import Calibration
from jaxz.compare import compare
from jaxz.io import KeptCurves, load_basis
from jaxz.models import AbstractModel, ErrorModel, NonNegative
from jaxz.models.columns import Nuisance
from jaxz.models.model import Engine, Precision
from jaxz.models.templates import check_option
from jaxz.posterior import Prior
from jaxz.redshift import Redshifts, find_redshifts
from jaxz.run import Progress
from jaxz.scan import ZScan, scan
from jaxz.spectra import Spectra
from jaxz.status import ZWarn

CLASSES = ("galaxy", "star", "qso")

CHARGE = 4.0
"""Δχ² that a coefficient must be worth; 2 to 6 class SDSS, BOSS and LAMOST spectra as well."""

SHARES = {"galaxy": 5.0, "star": 1.0, "qso": 1.0}
"""What a spectrum is before it is looked at: with 1 to 1 faint galaxies are taken for stars and quasars, with 90 to 1
stars and quasars for galaxies."""

STAR_Z = 0.0067
"""Highest |z| of a star: 2000 km/s."""

QSO_Z = 0.05
"""Lowest redshift of a quasar: nearer ones are galaxies, as their host is seen."""

BLANK = 55.0
"""Least Δχ² by which a galaxy must improve on noise and continuum distortion, times χ²/n of these if that is above 1.
Of six sky fibres of SDSS four have 7 to 39, one 87 and one, on which a continuum is left, 2500; of 914 VANDELS and
FORS2 spectra the least have 73, 96 and 155."""


class Candidate(NamedTuple):
    """One model to compare.

    Attributes:
        model: of the class.
        zmin, zmax: range of its trial redshifts.
        share: from `SHARES`.
    """

    model: AbstractModel
    zmin: float
    zmax: float
    share: float


def candidates(
    zmin: float,
    zmax: float,
    *,
    classes: Sequence[str] = CLASSES,
    error: ErrorModel | None = None,
    nuisance: Sequence[Nuisance] = (),
) -> list[Candidate]:
    """Return the shipped models of some classes.

    Args:
        zmin, zmax: range of trial redshifts of galaxies; quasars have those of it from 0.05 on, stars ±2000 km/s.
        classes: wanted; "galaxy" first.
        error: of all models.
        nuisance: what may lie beside all of them in the observed frame, such as residuals of the sky.

    Raises:
        ValueError: if a class is not known, "galaxy" is not the first, or `zmin` is not below `zmax`.
    """
    if isinstance(classes, str):
        raise ValueError(f"classes={classes!r}: give a list of names, as {classes.split(',')}")
    if not -1 < zmin < zmax:
        raise ValueError(f"zmin={zmin} and zmax={zmax}: zmin must be below zmax, and both above -1")
    for name in classes:
        check_option("classes", name, CLASSES)
    if not classes or classes[0] != "galaxy":
        raise ValueError(f"classes={', '.join(classes)}: begin with galaxy, with which the others are compared")
    ranges = {"galaxy": (zmin, zmax), "star": (-STAR_Z, STAR_Z), "qso": (max(zmin, QSO_Z), zmax)}
    wanted = [name for name in classes if ranges[name][0] < ranges[name][1]]
    return [
        Candidate(NonNegative(load_basis(name), nuisance, error=error), *ranges[name], SHARES[name]) for name in wanted
    ]


def redshifts(
    spectra: Spectra,
    *,
    zmin: float = 0.0,
    zmax: float = 6.7,
    classes: Sequence[str] = CLASSES,
    nuisance: Sequence[Nuisance] = (),
    prior: Prior | None = None,
    nminima: int = 5,
    calibration: Calibration | None = None,
    batch_size: int = 64,
    devices: Sequence[Device] | None = None,
) -> Redshifts:
    """Return the redshift and class of each spectrum: shipped models, with error model and calibration.

    Args:
        spectra: what was measured.
        zmin, zmax: range of trial redshifts of galaxies and quasars.
        classes: to compare; "galaxy" alone takes half the time.
        nuisance: as of `candidates`. Each vector makes a scan longer by a seventh.
        prior: penalty on z, see `jaxz.posterior`; of stars it is that at their redshifts.
        nminima: candidates for each spectrum and model.
        calibration: of such spectra, from `jaxz.load_calibration` or `jaxz.train.fit_calibration`; the default, for any
            instrument, if absent.
        batch_size: spectra on a device at a time. The answer does not depend on it.
        devices: that share the work; all that JAX shows if absent.

    Raises:
        ValueError: as `candidates`, `scan` and `find_redshifts`.

    Example:
        >>> import numpy as np, jaxz
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> best = jaxz.redshifts(spectra, zmax=0.1, classes=["galaxy"])
        >>> print(f"{best.z[0]:.3f}", best.spectype[0])
        0.050 GALAXY
    """
    check_types("redshifts(spectra)", spectra=(spectra, Spectra))
    models = candidates(zmin, zmax, classes=classes, error=ErrorModel(), nuisance=nuisance)
    options = {"prior": prior, "nminima": nminima, "calibration": calibration}
    options |= {"batch_size": batch_size, "devices": devices}
    return classified(spectra, models, **options)[1]


def classified(
    spectra: Spectra,
    models: Sequence[Candidate],
    *,
    every: bool = False,
    kept: KeptCurves | None = None,
    prior: Prior | None = None,
    nminima: int = 5,
    calibration: Calibration | None = None,
    engine: Engine | None = None,
    precision: Precision | None = None,
    batch_size: int = 64,
    devices: Sequence[Device] | None = None,
    progress: Progress | None = None,
) -> tuple[list[ZScan], Redshifts]:
    """Return the curves of the first of some models, or of all, and what comparing all of them gives.

    Args:
        spectra: what was measured.
        models: from `candidates`.
        every: whether the curves of all are returned; they take more memory than all else.
        kept: curves of an earlier scan; spectra that are not among them are scanned.
        prior, nminima, calibration: as of `find_redshifts`.
        engine, precision, batch_size, devices: as of `scan`.
        progress: called with the number of spectra scanned, with all models, and to be scanned, after each batch.

    Raises:
        FileError: if `kept` has not the curves of these models and ranges.
    """
    options = {"batch_size": batch_size, "devices": devices}

    def measured(number: int, one: Candidate) -> tuple[ZScan, Redshifts]:
        def told(done: int, count: int) -> None:
            if progress is not None:
                progress(number * count + done, len(models) * count)

        how = {"zmin": one.zmin, "zmax": one.zmax, "engine": engine, "precision": precision, "progress": told}
        curves = _scanned(spectra, one, kept, how | options)
        known = {"nminima": nminima, "prior": prior, "calibration": calibration}
        return curves, find_redshifts(curves, spectra, **known, **options)

    scans, found = [], []
    for number, one in enumerate(models):
        curves, redshifts = measured(number, one)
        found.append(redshifts)
        if every or not number:
            scans.append(curves)
    first = found[0]
    best = first if len(models) == 1 else compare(found, charge=CHARGE, shares=[one.share for one in models])
    if models[0].model.error is None:
        return scans, best
    blank = _blank(first)
    zwarn = best.zwarn | np.where(blank, ZWarn.BLANK, 0).astype(best.zwarn.dtype)
    return scans, dataclasses.replace(best, zwarn=zwarn, spectype=np.where(blank, "BLANK", best.spectype))


def _scanned(spectra: Spectra, one: Candidate, kept: KeptCurves | None, how: dict[str, Any]) -> ZScan:
    """Return the curves of a model, from where they are kept as far as they are."""
    if kept is None:
        return scan(spectra, one.model, **how)
    held = kept.holds(spectra)
    there, others = np.flatnonzero(held), np.flatnonzero(~held)
    scans = [kept.scan(spectra[there], one.model, zmin=one.zmin, zmax=one.zmax)]
    if len(others):
        scans.append(scan(spectra[others], one.model, **how))
    return ZScan.concatenate(scans)[np.argsort(np.concatenate([there, others]))]


def _blank(galaxies: Redshifts) -> np.ndarray:
    """Return where the galaxies improve on nothing by less than `BLANK`, (spec,) bool."""
    null = galaxies.chi2_null
    with np.errstate(invalid="ignore"):
        return null - galaxies.chi2 < BLANK * np.maximum(null / np.maximum(galaxies.npixels, 1), 1)
