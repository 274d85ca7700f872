"""What fine-tuning gains on real surveys: the log score and redshifts of spectra that were held out of it.

VANDELS and FORS2 are cut into folds. Each fold is measured with the basis in the package and the default numbers of
error model and calibration, with numbers fine-tuned on the other folds, and with numbers and basis fine-tuned on them;
when to stop is said by a part of the other folds. All is on a coarse lattice.

Checked: fine-tuned numbers are no worse by more than 0.02 in mean score than the default ones.
"""

import argparse
import time
from typing import Any

import jax
import numpy as np

import jaxz
from benchmarks import common, samples
from benchmarks.common import Report, require
from jaxz import validate
from jaxz.calibration import Calibration
from jaxz.models import Basis, ErrorModel, NonNegative
from jaxz.spectra import Spectra
from jaxz.train import Tuned, Tuning, fine_tune, folds
from jaxz.train.tuning import Problem

WORSE = 0.02
"""Nats by which fine-tuned numbers may be worse than the default ones."""


def scores(spectra: Spectra, z: np.ndarray, tuned: Tuned, tuning: Tuning) -> np.ndarray:
    """Return the log score of each spectrum."""
    problem = Problem(spectra, z, tuned.basis, tuned.error, tuned.calibration, tuning, train_basis=False)
    return problem.slopes(problem.begin, problem.rows).score


def measured(spectra: Spectra, z: np.ndarray, tuned: Tuned, tuning: Tuning) -> tuple[np.ndarray, np.ndarray]:
    """Return which redshifts are right, and their PCONF."""
    model = NonNegative(tuned.basis.with_step(tuning.step), error=tuned.error)
    scan = jaxz.scan(spectra, model, zmin=tuning.zmin, zmax=tuning.zmax)
    found = jaxz.find_redshifts(scan, spectra, calibration=tuned.calibration)
    return validate.is_good(found.z, z), found.pconf


def run(survey: samples.Survey, basis: Basis, *, nfolds: int, tuning: Tuning) -> Report:
    """Cross-validate one survey."""
    spectra, z = survey.spectra, np.asarray(survey.ztrue, dtype=float)
    fold = folds(z, nfolds=nfolds, key=jax.random.key(1))
    names = ("default", "numbers", "numbers and basis")
    score, good, pconf = ({name: np.zeros(len(z)) for name in names} for _ in range(3))
    notes, seconds = [], dict.fromkeys(names, 0.0)
    for number in range(nfolds):
        use, rows = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        for name in names:
            begin = time.perf_counter()
            if name == "default":
                tuned = Tuned(basis, ErrorModel(), Calibration(), ())
            else:
                learned = name == "numbers and basis"
                tuned = fine_tune(
                    spectra[use], z[use], basis, key=jax.random.key(number), train_basis=learned, tuning=tuning
                )
                best = min(tuned.history, key=lambda epoch: epoch.validation)
                kept = np.nanmean([epoch.kept for epoch in tuned.history])
                notes.append(
                    f"{survey.name} fold {number}, {name}: epoch {best.number} of {len(tuned.history) - 1}, training "
                    f"{best.training:.3f}, validation {tuned.history[0].validation:.3f} → {best.validation:.3f}, "
                    f"kept {kept:.3f}; {told(tuned)}"
                )
            seconds[name] += time.perf_counter() - begin
            score[name][rows] = scores(spectra[rows], z[rows], tuned, tuning)
            good[name][rows], pconf[name][rows] = measured(spectra[rows], z[rows], tuned, tuning)
    require(
        score["numbers"].mean() < score["default"].mean() + WORSE,
        f"{survey.name}: fine-tuned numbers score {score['numbers'].mean():.3f}, "
        f"default ones {score['default'].mean():.3f}",
    )
    table = [row_of(name, score, good[name] > 0, pconf[name], seconds[name]) for name in names]
    return Report(f"fine-tuning {survey.name}", table, {"spectra": len(z), "folds": nfolds}, notes)


def row_of(name: str, score: dict[str, np.ndarray], good: np.ndarray, pconf: np.ndarray, seconds: float) -> dict:
    """Return a line of the table; the change of the score is paired, spectrum by spectrum."""
    change = score[name] - score["default"]
    sure = pconf >= 0.99
    return {
        "what": name,
        "mean log score": f"{score[name].mean():.3f}",
        "less default": f"{change.mean():+.3f} ± {change.std() / np.sqrt(len(change)):.3f}",
        "good": f"{good.sum()} of {len(good)}",
        "right of PCONF ≥ 0.99": f"{np.sum(good & sure)} of {sure.sum()}",
        "ECE": f"{validate.ece(pconf, good):.3f}",
        "s": f"{seconds:.0f}",
    }


def told(tuned: Tuned) -> str:
    """Return the numbers in words."""
    error, calibration = tuned.error, tuned.calibration
    numbers: dict[str, Any] = {"f": error.floor, "g": error.lines, "a": error.continuum}
    numbers |= {"T₀": calibration.temperature, "t": calibration.misfit}
    return ", ".join(f"{name} {float(value):.3g}" for name, value in numbers.items())


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    basis = jaxz.load_basis(arguments.basis)
    tuning = Tuning(epochs=arguments.epochs, batch=arguments.batch)
    for survey in (samples.vandels(), samples.fors2()):
        common.finish(run(survey, basis, nfolds=arguments.folds, tuning=tuning), arguments)


if __name__ == "__main__":
    options = common.parser(__doc__)
    options.add_argument("--folds", type=int, default=3)
    options.add_argument("--epochs", type=int, default=Tuning().epochs)
    options.add_argument("--batch", type=int, default=Tuning().batch)
    main(options.parse_args())
