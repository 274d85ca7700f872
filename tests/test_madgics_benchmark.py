"""The MADGICS benchmark runs at its quick size with the right answer, and refuses to report a wrong one."""

import dataclasses

import numpy as np
import pytest

import jaxz
from benchmarks import madgics, madgics_loop
from benchmarks.common import WrongAnswerError
from tests import oracle


@pytest.fixture(scope="module")
def case():
    return madgics.simulated(quick=True, nspec=3)


def test_runs(case):
    report = madgics.run(case, quick=True)
    assert len(report.rows) == 5
    assert all(row["ms/spectrum"] > 0 for row in report.rows)
    assert any("Ratio of published loop" in note for note in report.notes)


@pytest.mark.parametrize("whole", [False, True])
def test_the_loop_is_the_dense_answer(rng, whole):
    nuisance, target = 3 * rng.normal(size=(4, 80)), rng.normal(size=(2, 15))
    ivar = np.where(np.arange(80) % 11 == 0, 0, rng.uniform(0.5, 2, size=80))
    flux = np.where(ivar > 0, rng.normal(size=80), 0)
    delta = madgics_loop.loop(flux, ivar, nuisance, target, np.array([0, 31, 65]), whole=whole)
    for begin, found in zip((0, 31, 65), delta, strict=True):
        moved = np.zeros((2, 80))
        moved[:, begin : begin + 15] = target
        assert found == pytest.approx(oracle.delta_chi2(flux, ivar, nuisance, moved)[0], rel=1e-9)


def test_a_wrong_curve_is_refused(case, monkeypatch):
    right = jaxz.madgics_scan

    def wrong(*args, **options):
        result = right(*args, **options)
        return dataclasses.replace(result, chi2=result.chi2 * (1 + 1e-3))

    monkeypatch.setattr(jaxz, "madgics_scan", wrong)
    with pytest.raises(WrongAnswerError, match="off the published loop's"):
        madgics.run(case, quick=True)
