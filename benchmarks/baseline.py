"""The published recipe: what one spectrum costs at 13,401 trial redshifts, in native code and in plain NumPy.

Checked: both give the same χ², and its minimum is at the true redshift.
"""

import argparse
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks import common, inputs, recipe, recipe_numba
from benchmarks.common import Report, require

_EVERY = 100
_SAME = 2e-3
"""Relative difference of χ²; the round-off of an unweighted fit enters the weighted χ² to first order."""

NOTES = [
    "Gram matrices and the resampled basis are the same for all spectra and not charged to the recipe.",
    f"NumPy is timed on one spectrum and every {_EVERY}th of the {recipe.Z_SIZE} trial redshifts, and scaled.",
]


class Call(NamedTuple):
    """Something to time.

    Attributes:
        run: the call.
        nspec: how many spectra it does.
    """

    run: Callable[[], object]
    nspec: float


def recipes(case: inputs.Inputs) -> dict[str, Call]:
    """Return both forms of the recipe on the spectra of `case`, which share one wavelength grid; checked."""
    spectra = case.spectra
    tables = recipe.prepare(case.basis, spectra.wave[0])
    observed = [recipe.observed(*row) for row in zip(spectra.wave, spectra.flux, spectra.ivar, strict=True)]
    trials = np.arange(0, recipe.Z_SIZE, _EVERY)

    def native() -> list[np.ndarray]:
        return [recipe_numba.scan(tables, *one) for one in observed]

    def plain() -> np.ndarray:
        return recipe.transcription(tables, *observed[0], trials)

    curves = native()
    found = tables.z[np.argmin(curves, axis=1)]
    apart = float(np.max(np.abs(curves[0][trials] / plain() - 1)))
    require(apart < _SAME, f"χ² of the native code is {apart:.1e} off the transcription")
    wrong = np.abs(found - case.ztrue) > 0.005 * (1 + case.ztrue)
    require(not wrong.any(), f"the published recipe found z = {found[wrong]} for {case.ztrue[wrong]}")
    return {
        "published recipe, native code": Call(native, len(observed)),
        "published recipe, NumPy and SciPy": Call(plain, len(trials) / recipe.Z_SIZE),
    }


def run(case: inputs.Inputs, *, quick: bool) -> Report:
    """Time the recipe on the spectra of `case`."""
    calls = recipes(case)
    spent = common.measure({name: call.run for name, call in calls.items()}, 1 if quick else 5)
    rows = [{"what": name, **spent[name].columns(call.nspec)} for name, call in calls.items()]
    settings = {"inputs": case.label, "spectra": len(case.spectra), "trial z": recipe.Z_SIZE, "dtype": "float32"}
    return Report("baseline", rows, settings, NOTES)


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    case = inputs.choose(quick=arguments.quick, basis_file=arguments.basis)
    common.finish(run(case, quick=arguments.quick), arguments)


if __name__ == "__main__":
    main(common.parser(__doc__).parse_args())
