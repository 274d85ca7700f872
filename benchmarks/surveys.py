"""How good redshifts are on real surveys that the basis has not seen: VANDELS and FORS2 in five folds.

The basis of galaxies in the package was learned from both surveys. Here it is learned five times, each time from four
fifths of both (`benchmarks.galaxy_basis`, beginning with `--start`), and the other fifth is measured as
`jaxz.redshifts` does: with the classes, the error model and the default calibration. The recipe was chosen on folds 0
and 1; folds 2 to 4 took part in no choice of the basis, and have a row of their own. Rows "with n(z)" have a prior from
the published redshifts of the other four fifths of the same survey (`jaxz.posterior.population`), as somebody has who
goes on with a survey.

Checked: at least 93 % of VANDELS and of FORS2 are within 0.005 (1 + z).
"""

import argparse
import dataclasses
from pathlib import Path

import jax
import numpy as np

import jaxz
from benchmarks import common, confidence, galaxy_basis, inputs, samples
from benchmarks.common import Report, require
from jaxz import Redshifts, validate
from jaxz.classes import candidates, classified
from jaxz.models import Basis, ErrorModel, NonNegative
from jaxz.posterior import population
from jaxz.train import folds

NFOLDS = 5
CHOSE = 2
"""Folds on which the recipe was chosen."""

LEAST = 0.93


def fold_of(survey: samples.Survey) -> np.ndarray:
    """Return the fold of each spectrum, (spec,)."""
    return folds(np.asarray(survey.ztrue, dtype=float), nfolds=NFOLDS, key=jax.random.key(1))


def held_out(surveys: list[samples.Survey], start: Basis, *, prior: bool = False) -> list[Redshifts]:
    """Return the redshifts of each survey, every spectrum with a basis that it had no part in.

    Args:
        surveys: to learn from, and to measure.
        start: of the bases.
        prior: whether that of the redshifts in the other folds is used.
    """
    fold = [fold_of(survey) for survey in surveys]
    parts: list[list[Redshifts]] = [[] for _ in surveys]
    for number in range(NFOLDS):
        use = [np.flatnonzero(one != number) for one in fold]
        basis = galaxy_basis.learned(
            start, [(survey.spectra[rows], survey.ztrue[rows]) for survey, rows in zip(surveys, use, strict=True)]
        )
        galaxies, *others = candidates(0.0, inputs.ZMAX, error=ErrorModel())
        models = [galaxies._replace(model=NonNegative(basis, error=ErrorModel())), *others]
        for survey, one, found in zip(surveys, fold, parts, strict=True):
            known = population(np.asarray(survey.ztrue, dtype=float)[one != number]) if prior else None
            found.append(classified(survey.spectra[np.flatnonzero(one == number)], models, prior=known)[1])
    return [together(found, one) for found, one in zip(parts, fold, strict=True)]


def together(parts: list[Redshifts], fold: np.ndarray) -> Redshifts:
    """Return the redshifts of all folds in the order of the spectra, given those of fold 0, 1, …, and each one's fold.

    The models of the first stand for those of all.
    """
    alike = [dataclasses.replace(part, models=parts[0].models) for part in parts]
    rows = np.concatenate([np.flatnonzero(fold == number) for number in range(len(parts))])
    return Redshifts.concatenate(alike)[np.argsort(rows)]


def run(start: Basis, *, figures: Path | None = None) -> Report:
    """Cross-validate both surveys."""
    surveys = [samples.vandels(), samples.fors2()]
    rows = []
    kinds = [
        (survey, found, suffix)
        for prior, suffix in ((False, ""), (True, " with n(z)"))
        for survey, found in zip(surveys, held_out(surveys, start, prior=prior), strict=True)
    ]
    for survey, found, suffix in kinds:
        ztrue = np.asarray(survey.ztrue, dtype=float)
        good, new = validate.is_good(found.z, ztrue), fold_of(survey) >= CHOSE
        require(good.mean() >= LEAST, f"{survey.name}: {good.mean():.3f} good, {LEAST} expected")
        title = survey.name + suffix
        for name, use in ((title, new | True), (f"{title}, folds that chose nothing", new)):
            part = np.flatnonzero(use)
            kind = np.where(ztrue[part] == 0, "STAR", "GALAXY")
            case = confidence.Case(name, survey.spectra[part], ztrue[part], kind)
            fraction = validate.good_fraction(found.z[part], ztrue[part])
            good_of = f"{fraction.value:.3f} ({fraction.low:.3f}–{fraction.high:.3f})"
            row = {"spectra": name, "number": len(part), "good": good_of}
            rows.append(row | confidence.counted(found[part], case))
        if figures is not None:
            draw(figures, title, found, ztrue)
    return Report("surveys", rows, {"folds": NFOLDS, "start": f"{start.name} {start.version}"}, confidence.NOTES)


def draw(folder: Path, name: str, found: Redshifts, ztrue: np.ndarray) -> None:
    """Write the figures of one survey, as [M, figs. 7 and 8], and its reliability."""
    folder.mkdir(parents=True, exist_ok=True)
    right = validate.is_good(found.z, ztrue)
    jaxz.plot.plot_comparison(found.z, ztrue).savefig(folder / f"{name}-redshifts.png", dpi=100)
    jaxz.plot.plot_errors(found.z, ztrue, found.significance, found.robustness).savefig(
        folder / f"{name}-scores.png", dpi=100
    )
    jaxz.plot.plot_reliability(found.zalt_prob[:, 0], right).savefig(folder / f"{name}-reliability.png", dpi=100)


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    common.finish(run(jaxz.load_basis(arguments.start), figures=arguments.figures), arguments)


if __name__ == "__main__":
    options = common.parser(__doc__)
    options.add_argument("--start", required=True, help="basis of simulated galaxies to begin with: a file")
    options.add_argument("--figures", type=Path, help="folder to write figures to")
    main(options.parse_args())
