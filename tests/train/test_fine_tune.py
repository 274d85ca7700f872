"""Fine-tuning: its gradients are those of the whole score, and it gets better, stops, and goes on where it was."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxz import Basis, Calibration, ErrorModel
from jaxz.models import Trials
from jaxz.train import Tuning, checkpoint, fine_tune, tuning as tuning_module
from jaxz.train.checkpoint import Checkpoint
from jaxz.train.score import RIGHT, log_score
from jaxz.train.tuning import Parameters, Problem
from tests import small

NSPEC = 24
KEY = jax.random.key(3)
TUNING = Tuning(zmax=small.ZMAX, epochs=3, batch=7, validation=0.25, rate=0.3)
HOT = Calibration(temperature=8.0)


@pytest.fixture(scope="module")
def sample():
    """Faint spectra whose continuum is off, so that all numbers matter."""
    rng = np.random.default_rng(5)
    z = rng.uniform(0.01, 0.24, NSPEC)
    spectra, _ = small.spectra(rng, z, 1.0, npix=400)
    tilt = 1 + 0.2 * np.sin(spectra.wave[0] / 100)
    return dataclasses.replace(spectra, flux=spectra.flux * tilt, ivar=spectra.ivar / tilt**2), z


def tuned(sample, **change):
    arguments = {"key": KEY, "calibration": HOT, "train_basis": True, "tuning": TUNING, **change}
    return fine_tune(*sample, small.basis(), **arguments)


@pytest.fixture(scope="module")
def whole(sample):
    return tuned(sample)


def same(one, other):
    assert one.basis.sha256 == other.basis.sha256
    assert one.error == other.error
    assert one.calibration == other.calibration
    np.testing.assert_array_equal(np.array(one.history), np.array(other.history))


def test_gradients_are_those_of_the_whole_score(sample, rng):
    spectra, z = sample
    few = np.arange(6)
    options = {"train_basis": True, "precision": "float64", "kept": 10**6}
    problem = Problem(spectra, z, small.basis(), ErrorModel(), Calibration(), TUNING, **options)
    u = rng.normal(size=problem.begin.bumps.shape)
    at = Parameters(problem.begin.numbers + 0.1, u)
    slope = problem.slopes(at, few)
    assert np.all(np.abs(slope.kept - 1) < 1e-12)
    assert np.all(np.ptp(slope.score) > 0.1)
    numbers, direction = rng.normal(size=(2, 5)), rng.normal(size=(2, *u.shape))
    for along, bumps in [*((row, 0 * u) for row in np.eye(5)), *zip(0 * numbers, direction, strict=True)]:
        step = 1e-4
        ahead, behind = (
            problem.slopes(Parameters(at.numbers + way * along, at.bumps + way * bumps), few).score
            for way in (step, -step)
        )
        exact = slope.numbers @ along + TUNING.width * np.sum(slope.bumps * bumps, axis=(1, 2))
        np.testing.assert_allclose(exact, (ahead - behind) / (2 * step), rtol=1e-4, atol=1e-7)
    # The canary: no derivative is next to nothing for all spectra.
    assert np.all(np.abs(slope.numbers).max(axis=0) > 1e-3)


def test_the_score_is_that_of_its_equation(rng):
    trials = Trials.between(0.0, 0.1, 1e-3)
    chi2, z, outlier = 5 * rng.uniform(size=trials.number), 0.05, 0.1
    weight = (1 + trials.z) * np.exp(-chi2 / 2)
    right = np.abs(trials.z - z) < RIGHT * (1 + z)
    flat = (1 + trials.z)[right].sum() / (1 + trials.z).sum()
    expected = -np.log(0.9 * weight[right].sum() / weight.sum() + 0.1 * flat)
    found = log_score(jnp.asarray(chi2), trials, jnp.asarray(z), jnp.asarray(outlier))
    assert float(found) == pytest.approx(expected, rel=1e-12)
    far = log_score(jnp.where(jnp.asarray(right), 1e6, 0.0), trials, jnp.asarray(z), jnp.asarray(outlier))
    assert float(far) == pytest.approx(-np.log(0.1 * flat), rel=1e-12)


def test_it_gets_better(whole):
    first, *_ = whole.history
    assert [epoch.number for epoch in whole.history] == list(range(TUNING.epochs + 1))
    assert min(epoch.validation for epoch in whole.history) < first.validation - 0.1
    assert whole.history[-1].training < whole.history[1].training
    assert all(0.5 < epoch.kept <= 1 for epoch in whole.history[1:])
    assert 0 < whole.calibration.temperature < 6
    assert (whole.calibration.name, whole.calibration.optical) == ("fine-tuned", HOT.optical)
    basis = small.basis()
    assert (whole.basis.grid, whole.basis.name) == (basis.grid, basis.name)
    ratio = whole.basis.vectors / basis.vectors
    assert 1e-3 < np.ptp(np.log(ratio)) < 1
    # The change is smooth: far less from pixel to pixel than over the vector.
    assert np.abs(np.diff(np.log(ratio), axis=1)).max() < 1e-2 * np.ptp(np.log(ratio))


@pytest.mark.parametrize("count", [1, 2, 4, 5])
def test_an_interrupted_run_goes_on_to_the_same_bits(sample, whole, tmp_path, monkeypatch, count):
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    save, saved = Checkpoint.save, []

    def interrupted(self, arrays, *, now=False):
        save(self, arrays, now=now)
        saved.append(now)
        if len(saved) == count:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tuned(sample, checkpoint=tmp_path / "run.npz")
    again = []
    same(tuned(sample, checkpoint=tmp_path / "run.npz", callback=again.append), whole)
    assert len(again) == TUNING.epochs + 1 - sum(saved[:count])


def test_a_finished_run_is_not_done_again_and_another_is_refused(sample, whole, tmp_path):
    kept = {"checkpoint": tmp_path / "run.npz"}
    tuned(sample, **kept)
    again = []
    same(tuned(sample, **kept, callback=again.append), whole)
    assert not again
    with pytest.raises(ValueError, match=r"another run \(rate 0\.3, now 0\.2\)"):
        tuned(sample, **kept, tuning=TUNING._replace(rate=0.2))
    with pytest.raises(ValueError, match=r"another run \(learned numbers and basis, now numbers\)"):
        tuned(sample, **kept, train_basis=False)


def test_it_stops_early(sample):
    still = tuned(sample, tuning=TUNING._replace(rate=0.0, epochs=9, patience=2))
    assert [epoch.number for epoch in still.history] == [0, 1, 2]
    assert still.basis.sha256 == small.basis().sha256
    assert still.calibration.temperature == pytest.approx(HOT.temperature)


def test_it_stops_with_the_last_good_numbers(sample, monkeypatch):
    run, calls = tuning_module.run, []

    def broken(task, spectra, rows, *arguments, **options):
        found = run(task, spectra, rows, *arguments, **options)
        calls.append(rows)
        if len(calls) == 7:
            found.numbers[rows[1], 2] = np.nan
        return found

    expected = tuned(sample, tuning=TUNING._replace(epochs=3))
    monkeypatch.setattr(tuning_module, "run", broken)
    with pytest.warns(RuntimeWarning, match=r"stops at step 5 \(epoch 2\): no finite score of s\d+ \(z = 0\.\d+\)"):
        found = tuned(sample)
    assert len(found.history) == 2
    assert np.array_equal(np.array(found.history), np.array(expected.history[:2]), equal_nan=True)
    assert np.isfinite(found.calibration.temperature)


def test_what_cannot_be_learned_from_is_refused(sample):
    spectra, z = sample
    unknown = np.where(np.arange(NSPEC) == 4, np.nan, z)
    with pytest.raises(ValueError, match=r"1 spectra have no redshift: s4 \(z = nan\): leave them out"):
        tuned((spectra, unknown))
    with pytest.raises(ValueError, match=r"not tried: s4 \(z = 0\.9\): leave them out, or widen zmin=0 to zmax=0\.25"):
        tuned((spectra, np.where(np.arange(NSPEC) == 4, 0.9, z)))
    with pytest.raises(ValueError, match="z has shape"):
        tuned((spectra, z[1:]))
    blank = dataclasses.replace(spectra, ivar=spectra.ivar * (np.arange(NSPEC) == 2)[:, None])
    with pytest.raises(ValueError, match="1 of 24 spectra have data"):
        tuned((blank, z))
    with pytest.raises(ValueError, match="lines=0 to begin with"):
        tuned(sample, error=ErrorModel(lines=0.0))


def test_a_basis_of_both_signs_is_not_learned(sample):
    vectors = small.basis().vectors
    basis = Basis(np.concatenate([vectors, -vectors[:1]]), small.GRID, name="BOTH", method="PCA")
    with pytest.raises(ValueError, match="the basis 'BOTH' is one of PCA"):
        fine_tune(*sample, basis, key=KEY, train_basis=True, tuning=TUNING)
    problem = Problem(*sample, basis, ErrorModel(), HOT, TUNING, train_basis=False)
    assert problem.begin.bumps.shape == (5, 0)
    found, error, calibration = problem.tuned(problem.begin)
    assert found is basis
    assert error.floor == pytest.approx(ErrorModel().floor)
    assert calibration.temperature == pytest.approx(HOT.temperature)
