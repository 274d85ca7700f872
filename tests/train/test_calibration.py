"""A calibration learned where the truth is known by construction, and what it makes of redshifts already found."""

import dataclasses

import numpy as np
import pytest

import jaxz
from jaxz import Calibration, validate
from jaxz.calibration import fingerprint
from jaxz.summary import LIGHT_SPEED
from jaxz.train import conformal_level, cross_calibrate, fit_calibration, recalibrated
from tests import made, small

TEMPERATURE, VELOCITY, MANY = 4.0, 150.0, 800
FLAT = Calibration(temperature=1.5, misfit=0.0, optical=0.0, ultraviolet=0.0)


@pytest.fixture(scope="module")
def sample():
    """Two candidates each, of which the first is right as often as exp(-Δχ²/2T) says; z is off by both errors."""
    rng = np.random.default_rng(5)
    step = rng.exponential(20, MANY)
    zalt = np.stack([rng.uniform(0.2, 0.5, MANY), rng.uniform(0.7, 0.9, MANY)], axis=1)
    stat = 1e-4 * (1 + zalt)
    share = 1 / (1 + np.exp(-step / 2))
    first = rng.uniform(size=MANY) < 1 / (1 + np.exp(-step / 2 / TEMPERATURE))
    right = np.where(first, zalt[:, 0], zalt[:, 1])
    error = np.hypot(1e-4 * np.sqrt(TEMPERATURE), VELOCITY / LIGHT_SPEED) * (1 + right)
    ztrue = right + error * rng.normal(size=MANY)
    found = made.redshifts(
        zalt[:, 0],
        zerr=stat[:, 0],
        zalt=zalt,
        zalt_err=stat,
        zalt_chi2=100 + np.stack([np.zeros(MANY), step], axis=1),
        zalt_penalty=np.zeros((MANY, 2)),
        zalt_prob=np.stack([share, 1 - share], axis=1),
        pconf=share,
        deltachi2=step,
    )
    return found, ztrue


@pytest.fixture(scope="module")
def learned(sample):
    return fit_calibration(*sample, name="made", start=FLAT)


def test_temperature_velocity_and_level_are_found_again(sample, learned):
    assert learned.temperature == pytest.approx(TEMPERATURE, rel=0.25)
    assert learned.misfit == 0
    assert learned.optical == pytest.approx(VELOCITY, rel=0.1)
    assert learned.ultraviolet == FLAT.ultraviolet  # no redshift is seen without optical lines
    assert learned.level == pytest.approx(0.9, abs=0.03)
    assert (learned.name, learned.models) == ("made", (fingerprint(sample[0].models[0]),))


def test_what_is_promised_is_true(sample, learned):
    found, ztrue = sample
    after = recalibrated(found, learned)
    good = validate.is_good(after.z, ztrue)
    assert validate.ece(found.pconf, good) > 0.1
    assert validate.ece(after.pconf, good) < 0.05
    assert validate.pull_width(validate.pulls(after.z, after.zerr, ztrue)) == pytest.approx(1, abs=0.02)
    kept = (after.zwarn & jaxz.ZWarn.SMALL_DELTA_CHI2) == 0
    assert np.mean(good[kept]) >= 0.99
    assert not np.all(kept)


def test_spectra_that_were_not_learned_from_are_covered_too(sample):
    found, ztrue = sample
    parts = cross_calibrate(found, ztrue, nfolds=2, start=FLAT)
    np.testing.assert_array_equal(np.sort(np.concatenate([rows for rows, _ in parts])), np.arange(MANY))
    inside = np.concatenate([validate.is_inside(*one.z_interval, ztrue[rows]) for rows, one in parts])
    assert 0.88 < inside.mean() < 0.95
    pull = np.concatenate([validate.pulls(one.z, one.zerr, ztrue[rows]) for rows, one in parts])
    assert validate.pull_width(pull) == pytest.approx(1, abs=0.1)


def test_few_spectra_that_are_all_right_say_little(sample):
    found, ztrue = sample
    right = np.flatnonzero(validate.is_good(found.z, ztrue) & (found.deltachi2 > 30))[:8]
    few = fit_calibration(found[right], ztrue[right], name="few", start=FLAT)
    assert few.temperature == pytest.approx(FLAT.temperature, rel=0.15)
    assert (few.delta_chi2, few.optical, few.level) == (FLAT.delta_chi2, FLAT.optical, 1.0)


def test_the_level_is_a_quantile_corrected_for_the_number():
    assert conformal_level(np.arange(9) / 10) == 0.8
    assert conformal_level(np.arange(8) / 10) == 1
    assert conformal_level(np.arange(99) / 100) == 0.89


def test_recalibrated_is_what_another_calibration_finds():
    """Errors and flags to the digit, probabilities as far as the candidates tell."""
    spectra, _ = small.spectra(np.random.default_rng(3), np.linspace(0.02, 0.2, 8), np.geomspace(0.3, 10, 8))
    scan = jaxz.nmf_scan(spectra, small.basis(), zmin=small.ZMIN, zmax=small.ZMAX)
    options = {"nminima": 8}
    before = jaxz.find_redshifts(scan, spectra, calibration=Calibration(2.0, 1.0), **options)
    other = Calibration(4.0, 2.0, delta_chi2=12.0, optical=70.0, ultraviolet=300.0, level=0.8)
    expected = jaxz.find_redshifts(scan, spectra, calibration=other, **options)
    found = recalibrated(before, other)
    for name in ("zerr", "zalt_err", "temperature"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-6)
    np.testing.assert_array_equal(found.zwarn, expected.zwarn)
    np.testing.assert_allclose(found.zalt_prob, expected.zalt_prob, atol=0.1)
    np.testing.assert_allclose(found.pconf, expected.pconf, atol=0.1)
    same = recalibrated(before, before.calibration)
    for name in ("zerr", "zalt_prob", "pconf", "zwarn"):
        np.testing.assert_allclose(getattr(same, name), getattr(before, name), rtol=1e-9, atol=1e-12)


def test_what_does_not_belong_together_is_refused(sample):
    found, ztrue = sample
    with pytest.raises(ValueError, match="3 redshifts and 800 true ones: give one for each"):
        fit_calibration(found[:3], ztrue, name="x")
    with pytest.raises(ValueError, match="true redshifts must be finite"):
        fit_calibration(found, np.full(MANY, np.nan), name="x")


def test_a_calibration_is_for_the_models_it_was_learned_with(sample, learned):
    spectra, _ = small.spectra(np.random.default_rng(3), np.array([0.1]), np.array([10.0]))
    scan = jaxz.nmf_scan(spectra, small.basis(), zmin=small.ZMIN, zmax=small.ZMAX)
    with pytest.raises(
        ValueError, match=r"'made' was learned with other models, .* than BASIS=SMALL.*scan with the ones"
    ):
        jaxz.find_redshifts(scan, spectra, calibration=learned)
    own = dataclasses.replace(learned, models=(fingerprint(scan.model),))
    assert jaxz.find_redshifts(scan, spectra, calibration=own).calibration.name == "made"
