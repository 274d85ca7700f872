"""The calibrations that come with jaxz, learned from VANDELS and FORS2: what they promise spectra they have not seen.

With ``--write`` those in the package are made anew, as they must be when a basis or the error model changes. Pairs of
spectra of one active nucleus, by DESI and SDSS, test errors of z without any truth.
"""

import argparse
from pathlib import Path

import numpy as np

import jaxz
from benchmarks import class_spectra, common, inputs, samples
from benchmarks.common import Report, require
from jaxz import Redshifts, Spectra, io, train, validate

Parts = list[tuple[np.ndarray, Redshifts]]
"""Rows of a survey, and their redshifts."""

FOLDER = Path(jaxz.__file__).parent / "data"
COVERED = 0.87
"""Share of the truths in Z_LO … Z_HI that is required of what was not learned from: 0.9 less three σ of 334."""


def run(*, quick: bool, write: bool = False) -> Report:
    """Measure, learn, and try in folds and on the other survey; if `quick` four SDSS galaxies in two folds."""
    rows: list[dict[str, str | int | float]] = []
    found, learned = {}, {}
    surveys = (samples.vandels(), samples.fors2()) if not quick else ()
    sets = {survey.name.lower(): survey for survey in surveys} or {"sdss": inputs.sdss(jaxz.load_basis())}
    for name, survey in sets.items():
        some = slice(0, 4) if quick else slice(None)
        spectra, ztrue = survey.spectra[some], np.asarray(survey.ztrue, dtype=float)[some]
        found[name] = (jaxz.redshifts(spectra, zmax=0.2 if quick else inputs.ZMAX), ztrue)
        learned[name] = train.fit_calibration(*found[name], name=name)
        rows.append(promises(name, "default", [(np.arange(len(ztrue)), found[name][0])], ztrue))
        folds = train.cross_calibrate(*found[name], nfolds=2 if quick else 5)
        rows.append(promises(name, "learned on other folds", folds, ztrue))
        require(quick or float(rows[-1]["in Z_LO ... Z_HI"]) > COVERED, f"{name}: Z_LO to Z_HI covers too little")
        if write:
            note = f"{len(ztrue)} spectra of {name.upper()}: python -m benchmarks.calibrations --write"
            io.write_calibration(learned[name], FOLDER / f"calibration-{name}.json", note=note, overwrite=True)
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
    common.finish(run(quick=arguments.quick, write=arguments.write), arguments)


if __name__ == "__main__":
    options = common.parser(__doc__)
    options.add_argument("--write", action="store_true", help="replace the calibrations in the package")
    main(options.parse_args())
