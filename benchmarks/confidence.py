"""What `jaxz.redshifts` promises of real spectra, and what is true of it: classes, ZWARN = 0, PCONF, errors.

VANDELS, FORS2 and most quasars and stars helped to learn the bases of their classes, and to choose the numbers of the
error model and of the calibration (see `jaxz.calibration`): their rows are what a user of such data meets, not a blind
test. `benchmarks.surveys` measures both surveys with bases that have not seen the spectra.

A second table, "flags", says how often each bit of ZWARN is set among wrong and among right redshifts, and so for two
of SDSS's that are not set, as they do not separate: MANY_OUTLIERS (more than 0.5 % of the pixels beyond 5 σ, with the
error model's floor) and NEGATIVE_EMISSION (a forbidden line below the fit by more than 3 σ).
"""

import argparse
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

import jaxz
from benchmarks import class_spectra, common, inputs, samples
from benchmarks.common import Report, require
from benchmarks.galaxy_basis import populations
from jaxz import Redshifts, Spectra, ZWarn, mock, validate
from jaxz.likelihood import best_fit, sigma_of
from jaxz.mock.instruments import muse

OUTLYING, MANY = 5.0, 0.005
"""σ of an outlier, and their share of the pixels that is many."""

FORBIDDEN = (3728.5, 3869.9, 4960.3, 5008.2, 6585.3, 6718.3)
"""Vacuum Å of lines that are never seen in absorption: [O II], [Ne III], [O III], [N II], [S II]."""

NSIMULATED, SEED, LINE_SNR = 600, 2026, 7.0
"""Of the simulated deep field."""

NOTES = [
    "Right: z within 0.005(1+z), of quasars 0.01(1+z). Completeness: ZWARN = 0 among right.",
    "ECE: of ZALT_PROB. Log score: mean of -ln P(|z - z_true| < 0.005(1+z_true)), see jaxz.validate.log_score.",
    "Pull: |z - z_true|/ZERR that 68 % of those within 0.005(1+z) do not exceed.",
    "Sky fibres have no redshift: of them it counts how many are BLANK.",
    "PARTIAL_COVERAGE, which says nothing of the redshift being wrong, is not counted as a warning.",
]

RIGHT = 0.9
"""Share of right redshifts of galaxies that is required of each survey of more than a hundred."""


class Case(NamedTuple):
    """Spectra with their classes and redshifts.

    Attributes:
        name: of the set.
        spectra: that were measured.
        ztrue: (spec,) redshifts; of stars their velocity's, or 0; of blank sky NaN.
        spectype: (spec,) GALAXY, QSO, STAR or BLANK.
    """

    name: str
    spectra: Spectra
    ztrue: np.ndarray
    spectype: np.ndarray


def cases(*, quick: bool) -> Iterator[Case]:
    """Yield the real sets; if `quick` four spectra of the first."""
    few = slice(0, 4) if quick else slice(None)
    basis = jaxz.load_basis()
    galaxies = [("SDSS", inputs.sdss(basis))]
    if not quick:
        galaxies += [("UDF10", inputs.udf10(basis, hard=True)), ("MUSE cluster", inputs.muse_cluster(basis))]
        galaxies += [(survey.name, survey) for survey in (samples.vandels(), samples.fors2())]
    for name, case in galaxies:
        ztrue = np.asarray(case.ztrue, dtype=float)[few]
        yield Case(name, case.spectra[few], ztrue, np.where(ztrue == 0, "STAR", "GALAXY"))
    if quick:
        return
    yield simulated()
    sets = class_spectra.sets()
    files = sets["sdss_files"]
    sets |= {"sdss_files": files.take(files.spectype != "SKY"), "sky fibres": files.take(files.spectype == "SKY")}
    for name, part in sets.items():
        sky = part.spectype == "SKY"
        yield Case(name, part.spectra, np.where(sky, np.nan, part.z), np.where(sky, "BLANK", part.spectype))


def simulated() -> Case:
    """Return simulated galaxies of a deep field in MUSE, artefacts on, whose brightest line has a S/N of 7 or more."""
    spectra, truth = mock.survey(muse(), NSIMULATED, seed=SEED, populations=populations(), artefacts=True)
    bright = np.flatnonzero(truth.snr_line >= LINE_SNR)
    return Case("simulated MUSE", spectra[bright], truth.z[bright], np.full(len(bright), "GALAXY"))


def run(*, quick: bool) -> tuple[Report, Report]:
    """Measure all sets and count: what is right, and which flags are set."""
    rows, flags = [], []
    for case in cases(quick=quick):
        found = jaxz.redshifts(case.spectra, zmax=0.2 if quick else inputs.ZMAX)
        galaxy = case.spectype == "GALAXY"
        good = validate.is_good(found.z, case.ztrue)
        enough = not galaxy.all() or len(galaxy) < 100 or good.mean() > RIGHT
        require(enough, f"{case.name}: {good.sum()} of {len(good)} right")
        rows.append({"spectra": case.name, "number": len(good)} | counted(found, case))
        if np.isfinite(case.ztrue).any():
            flags += flagged(found, case, right(found, case))
    settings = {"zmax": inputs.ZMAX}
    ratio = (
        "False/true: the share of right redshifts that have the flag over the share of wrong ones; below 1 it helps."
    )
    return Report("confidence", rows, settings, NOTES), Report("flags", flags, settings, [ratio])


def right(found: Redshifts, case: Case) -> np.ndarray:
    """Return which redshifts are right: within 0.005(1+z), of quasars 0.01(1+z)."""
    wide = (case.spectype == "QSO") & (np.abs(found.z - case.ztrue) < 0.01 * (1 + case.ztrue))
    return validate.is_good(found.z, case.ztrue) | wide


def flagged(found: Redshifts, case: Case, good: np.ndarray) -> list[dict[str, str | float]]:
    """Return a row for each flag that is set in a set of spectra."""
    many, negative = unset_flags(found, case.spectra)
    flags = {str(bit.name): (found.zwarn & bit) > 0 for bit in ZWarn}
    flags |= {"MANY_OUTLIERS, not set": many, "NEGATIVE_EMISSION, not set": negative}
    rows = []
    for name, here in flags.items():
        if not here.any():
            continue
        wrong, true = np.sum(here & ~good), np.sum(here & good)
        shares = wrong / max(np.sum(~good), 1), true / max(np.sum(good), 1)
        row = {"spectra": case.name, "flag": name, "of wrong": f"{wrong}/{np.sum(~good)}"}
        ratio = shares[1] / shares[0] if wrong else float("inf")
        rows.append(row | {"of right": f"{true}/{np.sum(good)}", "false/true": ratio})
    return rows


def unset_flags(found: Redshifts, spectra: Spectra) -> tuple[np.ndarray, np.ndarray]:
    """Return where there are many outliers, and where a forbidden line is negative, (spec,) bool."""
    many, negative = np.zeros((2, len(spectra)), dtype=bool)
    for number, model in enumerate(found.models):
        rows = np.flatnonzero((found.which == number) & np.isfinite(found.z))
        if not len(rows) or model.error is None:
            continue
        some = spectra[rows]
        pull = (some.flux - best_fit(some, model, found.z[rows])) / sigma_of(some, model.error, model.step)
        many[rows] = np.sum(np.abs(np.nan_to_num(pull)) > OUTLYING, axis=1) > MANY * some.npixels
        for one, row in enumerate(rows):
            for line in FORBIDDEN:
                place = int(np.searchsorted(some.wave[one], line * (1 + found.z[row])))
                if 1 < place < some.wave.shape[1] - 2:
                    negative[row] |= bool(pull[one, place - 1 : place + 2].sum() < -3 * np.sqrt(3))
    return many, negative


def counted(found: Redshifts, case: Case) -> dict[str, str | int | float]:
    """Return the columns of one set."""
    good = right(found, case)
    sure = (found.zwarn & ~jaxz.ZWarn.PARTIAL_COVERAGE) == 0
    certain = found.pconf >= 0.99
    sky = case.spectype == "BLANK"
    score = validate.log_score(case.ztrue[~sky], found.zalt[~sky], found.zalt_prob[~sky])
    inside = validate.is_inside(*found.z_interval, case.ztrue)
    return {
        "right": int(good.sum()),
        "class right": int(np.sum(found.spectype == case.spectype)),
        "ZWARN 0: right/all": f"{np.sum(good & sure)}/{np.sum(sure)}",
        "completeness": float(np.sum(good & sure) / max(np.sum(good), 1)),
        "PCONF >= 0.99: right/all": f"{np.sum(good & certain)}/{np.sum(certain)}",
        "ECE": validate.ece(found.zalt_prob[:, 0], good),
        "log score": float(score.mean()) if len(score) else np.nan,
        "pull": validate.pull_width(validate.pulls(found.z, found.zerr, case.ztrue)),
        "in Z_LO ... Z_HI": float(inside.mean()),
    }


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    for report in run(quick=arguments.quick):
        common.finish(report, arguments)


if __name__ == "__main__":
    main(common.parser(__doc__).parse_args())
