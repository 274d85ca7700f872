"""Every benchmark runs at its quick size with the right answer, and refuses to report a wrong one."""

import argparse
import dataclasses
import json

import jax
import numpy as np
import pytest

import jaxz
from benchmarks import (
    accuracy,
    agreement,
    bad_pixels,
    calibrations,
    class_bases,
    common,
    compilation,
    confidence,
    consistency,
    inputs,
    memory,
    mutants,
    nmf,
    nnls,
    normal,
    refine,
    rivals,
    scan,
)
from benchmarks.common import Report, WrongAnswerError

NSPEC = 3


@pytest.fixture(scope="module")
def case() -> inputs.Inputs:
    return inputs.choose(quick=True)


@pytest.fixture
def basis_file(case, tmp_path):
    inputs.write_npz(case.basis, tmp_path / "basis.npz")
    return tmp_path / "basis.npz"


@pytest.fixture
def shifted(monkeypatch):
    """Make `find_redshifts` wrong by 0.1 in z."""
    find = jaxz.find_redshifts

    def wrong(*args, **options):
        found = find(*args, **options)
        return dataclasses.replace(found, z=found.z + 0.1)

    monkeypatch.setattr(jaxz, "find_redshifts", wrong)


def needs_numba():
    pytest.importorskip("numba", reason="numba is needed by the baseline alone: pip install jaxz[bench]")
    from benchmarks import baseline

    return baseline


def test_inputs_are_simulated_at_the_quick_size(case):
    assert len(case.spectra) == len(case.ztrue) == NSPEC
    assert case.label.startswith("simulated")
    assert len(case.take(7).spectra) == 7
    assert np.array_equal(case.take(7).ztrue[3:6], case.ztrue)


def test_basis_survives_npz(case, basis_file):
    again = inputs.read_basis(basis_file)
    assert again.grid == case.basis.grid
    assert again.sha256 == case.basis.sha256


@pytest.mark.parametrize(("module", "nspec"), [(nnls, 1), (normal, 1), (scan, NSPEC), (refine, NSPEC)])
def test_runs(module, nspec, case):
    rows = module.run(case.take(nspec), quick=True).rows
    assert all(row["ms/spectrum"] > 0 for row in rows)


def test_consistency_runs():
    rows = consistency.run(quick=True).rows
    assert [(row["number"], row["DELTACHI2 < 0"]) for row in rows] == [(4, 0)]


def test_confidence_runs(data):
    report, flags = confidence.run(quick=True)
    (row,) = report.rows
    assert (row["number"], row["right"], row["class right"]) == (4, 4, 4)
    assert {row["of wrong"] for row in flags.rows} <= {"0/0"}


def test_bad_pixels_run(data):
    rows = bad_pixels.run(quick=True).rows
    assert [row["with"] for row in rows] == ["nothing", "cosmic rays", "trenches"]
    assert all(row["same z"] == 1 for row in rows)


def test_calibrations_runs(data):
    rows = calibrations.run(None).rows
    assert [(row["calibration"], row["number"]) for row in rows] == [("default", 4), ("learned on other folds", 4)]


def test_rivals_runs():
    rows = rivals.run(n=4).rows
    assert [row["lines"] for row in rows] == ["of galaxies", "of galaxies without a continuum", "of Lyα"]
    assert rows[2]["number"] > 0


def test_compilation_is_counted():
    (row,) = compilation.run(quick=True).rows
    assert 2 <= row["programs of the loop"] <= 4
    assert row["seconds in XLA"] > 0


def test_mutants_run_and_each_seed_is_one_of_them(monkeypatch, tmp_path):
    monkeypatch.setenv("JAXZ_DATA", str(tmp_path))
    report = mutants.run(24, processes=0)
    assert [sum(row[what] for what in mutants.OUTCOMES) for row in report.rows] == [24] * len(mutants.READERS)
    raw = bytes(range(256)) * 30
    first, again = (mutants.mutant(raw, np.random.default_rng(3)) for _ in range(2))
    assert first == again != raw


def test_readers_that_fail_are_told_from_those_that_refuse(monkeypatch, tmp_path):
    def divide(path):
        return np.float64(1) / np.zeros(1)

    def spin(path):
        while True:
            pass

    def unclear(path):
        raise jaxz.io.FileError("something is wrong")

    monkeypatch.setattr(mutants, "PATIENCE", 1)
    readers = {"divide": (divide, ValueError), "spin": (spin, ValueError), "unclear": (unclear, ValueError)}
    monkeypatch.setattr(mutants, "READERS", readers)
    found = [mutants.outcome(name, tmp_path / "x.fits")[0] for name in readers]
    assert found == ["RuntimeWarning", "hang", "other error"]
    monkeypatch.setenv("JAXZ_DATA", str(tmp_path))
    del readers["spin"]
    with pytest.raises(WrongAnswerError, match=r"2 of 1 mutants:\ndivide, number 0 of"):
        mutants.run(1, processes=0)


def test_nmf_runs(monkeypatch):
    # Other tests go on with what is compiled in this process.
    monkeypatch.setattr(jax, "clear_caches", lambda: None)
    rows = nmf.run(quick=True).rows
    assert [row["form"] for row in rows] == ["jaxz, in tiles", "NumPy, dense"]
    assert all(row["best ms"] > 0 and row["GFLOP/s"] > 0 for row in rows)


def test_baseline_runs(case):
    assert len(needs_numba().run(case, quick=True).rows) == 2


def test_accuracy_runs(case):
    report = accuracy.run("simulated", case, least=NSPEC)
    assert [row["good"] for row in report.rows] == ["yes"] * NSPEC
    assert "3 of 3 good" in report.notes[0]


def test_agreement_runs(case):
    rows = agreement.run(case.basis, 4).rows
    for name in ("spectra", "float32 agree", "mixed agree"):
        assert sum(row[name] for row in rows) == 4


def test_memory_runs_in_its_own_process(basis_file):
    rows = memory.run(NSPEC, basis_file=basis_file).rows
    peaks = [row["peak GB"] for row in rows]
    assert [row["after"] for row in rows] == ["imports", "3 spectra made", "nmf_scan", "find_redshifts"]
    assert 0 < peaks[0] <= peaks[-1] < 8


def test_wrong_baseline_is_refused(case, monkeypatch):
    baseline = needs_numba()
    right = baseline.recipe_numba.scan
    monkeypatch.setattr(baseline.recipe_numba, "scan", lambda *args: 1.01 * right(*args))
    with pytest.raises(WrongAnswerError, match="off the transcription"):
        baseline.run(case, quick=True)


def test_wrong_solver_is_refused(case, monkeypatch):
    right = nnls.nnls_packed

    def wrong(*args, **options):
        found = right(*args, **options)
        return found._replace(coeff=1.01 * found.coeff)

    monkeypatch.setattr(nnls, "nnls_packed", wrong)
    with pytest.raises(WrongAnswerError, match="off SciPy's"):
        nnls.run(case.take(1), quick=True)


def test_wrong_normal_equations_are_refused(case, monkeypatch):
    right = inputs.normal_equations

    def wrong(*args):
        equations, const = right(*args)
        return equations._replace(gram=equations.gram * (1 + 1e-6)), const

    monkeypatch.setattr(inputs, "normal_equations", wrong)
    with pytest.raises(WrongAnswerError, match="off the direct sums"):
        normal.run(case.take(1), quick=True)


def test_wrong_scan_is_refused(case, monkeypatch):
    right = jaxz.nmf_scan

    def wrong(*args, **options):
        result = right(*args, **options)
        return dataclasses.replace(result, chi2=np.roll(result.chi2, 1000, axis=1))

    monkeypatch.setattr(jaxz, "nmf_scan", wrong)
    with pytest.raises(WrongAnswerError, match="jaxz found z"):
        scan.run(case, quick=True)


@pytest.mark.parametrize(("place", "what"), [(0, "coefficients"), (1, "basis"), (2, "χ²")])
def test_wrong_factorisation_is_refused(monkeypatch, place, what):
    right = nmf.Problem.iterate

    def wrong(*args):
        for state in right(*args):
            yield tuple(values * (1.001 if number == place else 1) for number, values in enumerate(state))

    monkeypatch.setattr(nmf.Problem, "iterate", wrong)
    with pytest.raises(WrongAnswerError, match=f"{what} in tiles: 1.0e-03 off the dense form"):
        nmf.run(quick=True)


@pytest.mark.usefixtures("shifted")
def test_wrong_redshifts_are_refused(case, basis_file):
    with pytest.raises(WrongAnswerError, match="5 candidates: found z"):
        refine.run(case, quick=True)
    with pytest.raises(WrongAnswerError, match="0 of 3 good"):
        accuracy.run("simulated", case, least=NSPEC)
    with pytest.raises(WrongAnswerError, match="only 0 of 3 redshifts are good"):
        memory.measure(NSPEC, basis_file)


def test_disagreement_is_refused_and_listed(case, monkeypatch):
    find = jaxz.find_redshifts

    def wrong(curves, *args, **options):
        found = find(curves, *args, **options)
        return dataclasses.replace(found, z=found.z + (0.2 * found.zerr if curves.chi2.dtype == np.float32 else 0))

    monkeypatch.setattr(jaxz, "find_redshifts", wrong)
    with pytest.raises(WrongAnswerError, match=r"8 of 8 differ:\n  float32, mock-0000: S/N"):
        agreement.run(case.basis, 4)


def test_calls_are_timed_in_turn():
    order = []
    spent = common.measure({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 4
    assert set(spent) == {"a", "b"}
    assert all(0 <= time.best <= time.median for time in spent.values())


def test_results_are_merged_by_name(tmp_path):
    path = tmp_path / "results" / "device.json"
    for name, value in (("one", 1.0), ("two", 2.0), ("one", 3.0)):
        common.save(Report(name, [{"value": value}], {"spectra": 1}), path)
    stored = json.loads(path.read_text())
    assert [stored[name]["rows"] for name in ("one", "two")] == [[{"value": 3.0}], [{"value": 2.0}]]
    assert stored["one"]["environment"]["versions"]["jaxz"] == jaxz.__version__


def test_report_is_one_table():
    text = str(Report("name", [{"what": "a", "ms": 1.23456}, {"what": "bcd", "ms": 10.0}], {"spectra": 2}, ["A note."]))
    assert text.splitlines() == ["name: spectra 2", "what     ms", "a     1.235", "bcd      10", "A note."]


def test_bases_of_classes_need_the_spectra(monkeypatch, tmp_path):
    monkeypatch.setenv("JAXZ_DATA", str(tmp_path))
    with pytest.raises(SystemExit, match="no labelled spectra"):
        class_bases.main(argparse.Namespace(output_dir=tmp_path / "bases"))
    assert not (tmp_path / "bases").exists()


def test_vectors_of_classes_keep_their_level_when_smoothed():
    """Whatever the width, the shares of what is mixed sum to 1; noise goes."""
    grid = jaxz.LogGrid.covering(800.0, 11000.0, 1e-4)
    noisy = 1 + 0.1 * np.random.default_rng(0).standard_normal((2, grid.size))
    for smoothed in (class_bases.smoothed_stars, class_bases.smoothed_quasars):
        out = smoothed(noisy, grid)
        np.testing.assert_allclose(smoothed(np.ones((2, grid.size)), grid), 1, rtol=1e-12)
        assert out.std() < noisy.std() / 1.5
