"""The calibrations that come with jaxz, learned from VANDELS and FORS2: what they promise spectra they have not seen.

The redshifts are those of `benchmarks.surveys`, each with a basis of galaxies that has not seen the spectrum. With
``--write`` the calibrations in the package are made anew, as they must be when a basis or the error model changes; they
are for the models in the package, of which the bases of the folds are the likes. Pairs of
spectra of one active nucleus, by DESI and SDSS, test errors of z without any truth.
"""

import argparse
import dataclasses
from pathlib import Path

import numpy as np

import jaxz
from benchmarks import class_spectra, common, inputs, samples, surveys
from benchmarks.common import Report, require
from jaxz import Redshifts, Spectra, io, train, validate
from jaxz.calibration import fingerprint
from jaxz.classes import candidates
from jaxz.models import ErrorModel

Parts = list[tuple[np.ndarray, Redshifts]]
"""Rows of a survey, and their redshifts."""

FOLDER = Path(jaxz.__file__).parent / "data"
COVERED = 0.87
"""Share of the truths in Z_LO … Z_HI that is required of what was not learned from: 0.9 less three σ of 334."""


def run(start: jaxz.Basis | None, *, write: bool = False) -> Report:
    """Measure, learn, and try in folds and on the other survey; without `start` four SDSS galaxies in two folds."""
    rows: list[dict[str, str | int | float]] = []
    quick = start is None
    if start is None:
        case, some = inputs.sdss(jaxz.load_basis()), slice(0, 4)
        found = {"sdss": (jaxz.redshifts(case.spectra[some], zmax=0.2), np.asarray(case.ztrue, float)[some])}
    else:
        sets = [samples.vandels(), samples.fors2()]
        every = zip(sets, surveys.held_out(sets, start), strict=True)
        found = {one.name.lower(): (redshifts, np.asarray(one.ztrue, float)) for one, redshifts in every}
    learned = {}
    for name, (redshifts, ztrue) in found.items():
        learned[name] = train.fit_calibration(redshifts, ztrue, name=name)
        rows.append(promises(name, "default", [(np.arange(len(ztrue)), redshifts)], ztrue))
        folds = train.cross_calibrate(redshifts, ztrue, nfolds=2 if quick else 5)
        rows.append(promises(name, "learned on other folds", folds, ztrue))
        require(quick or float(rows[-1]["in Z_LO ... Z_HI"]) > COVERED, f"{name}: Z_LO to Z_HI covers too little")
        if write:
            models = tuple(fingerprint(one.model) for one in candidates(0.0, inputs.ZMAX, error=ErrorModel()))
            shipped = dataclasses.replace(learned[name], models=models)
            note = f"{len(ztrue)} spectra of {name.upper()}: python -m benchmarks.calibrations"
            io.write_calibration(shipped, FOLDER / f"calibration-{name}.json", note=note, overwrite=True)
    for name, (redshifts, ztrue) in found.items():
        for other in learned.keys() - {name}:
            after = train.recalibrated(redshifts, learned[other])
            rows.append(promises(name, f"learned on {other}", [(np.arange(len(ztrue)), after)], ztrue))
    if not quick:
        rows.append(dict.fromkeys(rows[0], "") | pairs())
    notes = [
        "Pull: |z - z_true|/ZERR that 68 % of the right ones do not exceed. Log score: of ZALT_PROB, as jaxz evaluate.",
        "DESI and SDSS: difference of z over both errors; two spectra of one nucleus, whichever class they are given.",
    ]
    return Report("calibrations", rows, {"zmax": inputs.ZMAX}, notes)


def promises(name: str, calibration: str, parts: Parts, ztrue: np.ndarray) -> dict[str, str | int | float]:
    """Return one row: what is promised, and true, of all parts together."""

    def joined(values: list[np.ndarray]) -> np.ndarray:
        return np.concatenate(values)

    good = joined([validate.is_good(one.z, ztrue[rows]) for rows, one in parts])
    certain = joined([one.pconf >= 0.99 for _, one in parts])
    sure = joined([(one.zwarn & ~jaxz.ZWarn.PARTIAL_COVERAGE) == 0 for _, one in parts])
    probability = joined([one.zalt_prob[:, 0] for _, one in parts])
    score = joined([validate.log_score(ztrue[rows], one.zalt, one.zalt_prob) for rows, one in parts])
    pull = joined([validate.pulls(one.z, one.zerr, ztrue[rows]) for rows, one in parts])
    ends = [(one.z_interval, one.z, ztrue[rows]) for rows, one in parts]
    inside = joined([validate.is_inside(*both, truth) for both, _, truth in ends])
    length = joined([(high - low) / (1 + z) for (low, high), z, _ in ends])
    return {
        "spectra": name,
        "calibration": calibration,
        "number": len(good),
        "log score": float(score.mean()),
        "ECE": validate.ece(probability, good),
        "pull": validate.pull_width(pull),
        "in Z_LO ... Z_HI": float(inside.mean()),
        "longer than 0.02(1+z)": float(np.mean(length > 0.02)),
        "ZWARN 0: right/all": f"{np.sum(good & sure)}/{np.sum(sure)}",
        "PCONF >= 0.99: right/all": f"{np.sum(good & certain)}/{np.sum(certain)}",
    }


def pairs() -> dict[str, str | int | float]:
    """Return the row of active nuclei that DESI and SDSS saw, with the default calibration."""
    folder = inputs.data_folder() / "desi_qso"
    desi, sdss = (measured(folder / f"{name}.npz") for name in ("desi", "sdss"))
    with np.load(folder / "desi.npz") as first, np.load(folder / "sdss.npz") as second:
        row_of = {name: row for row, name in enumerate(first["name"])}
        rows = np.array([row_of[name] for name in second["desi_name"]])
    error = np.hypot(desi.zerr[rows], sdss.zerr)
    pull = validate.pulls(desi.z[rows], error, sdss.z)
    return {
        "spectra": "DESI and SDSS",
        "calibration": "default",
        "number": len(pull),
        "pull": validate.pull_width(pull),
    }


def measured(path: Path) -> Redshifts:
    """Return the redshifts of a stored set."""
    spectra: Spectra = class_spectra.stored(path).spectra
    return jaxz.redshifts(spectra, zmax=inputs.ZMAX)


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    if not arguments.quick and arguments.start is None:
        raise SystemExit("--start: give the basis of simulated galaxies that the one in the package began with")
    start = None if arguments.quick else jaxz.load_basis(arguments.start)
    common.finish(run(start, write=arguments.write), arguments)


if __name__ == "__main__":
    options = common.parser(__doc__)
    options.add_argument("--start", help="basis of simulated galaxies to begin with: a file")
    options.add_argument("--write", action="store_true", help="replace the calibrations in the package")
    main(options.parse_args())
