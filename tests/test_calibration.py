"""Temperature, errors and flags that a calibration gives to redshifts."""

import dataclasses

import numpy as np
import pytest

import jaxz
from jaxz import Calibration, ErrorModel, NonNegative, Spectra, ZWarn, posterior
from jaxz.calibration import OPTICAL, PLAIN
from tests import small

RANGE = {"zmin": small.ZMIN, "zmax": small.ZMAX}
MANY = np.linspace(0.02, 0.2, 8)


@pytest.fixture(scope="module")
def sample():
    """Bright and faint spectra, and redshifts as the noise alone has them."""
    spectra, _ = small.spectra(np.random.default_rng(3), MANY, np.geomspace(0.3, 10, len(MANY)))
    scan = jaxz.nmf_scan(spectra, small.basis(), **RANGE)
    return spectra, scan, jaxz.find_redshifts(scan, spectra)


def test_without_an_error_model_chi2_is_taken_at_its_word(sample):
    assert sample[2].calibration is PLAIN
    np.testing.assert_array_equal(sample[2].temperature, 1)


def test_a_temperature_changes_what_delta_chi2_is_worth_and_nothing_else(sample):
    spectra, scan, plain = sample
    hot = Calibration(temperature=4.0, misfit=0.0, optical=0.0, ultraviolet=0.0)
    found = jaxz.find_redshifts(scan, spectra, calibration=hot)
    for name in ("z", "chi2", "deltachi2", "coeff", "zalt", "robustness", "significance"):
        np.testing.assert_array_equal(getattr(found, name), getattr(plain, name))
    np.testing.assert_allclose(found.zerr, 2 * plain.zerr)
    assert np.all(found.pconf <= plain.pconf + 1e-9)
    assert np.any(found.pconf < plain.pconf - 0.01)
    small_step = (found.zwarn & ZWarn.SMALL_DELTA_CHI2) > 0
    np.testing.assert_array_equal(small_step, ~(plain.deltachi2 >= 36))
    assert 0 < small_step.sum() < len(spectra)


@pytest.mark.parametrize("prior", [None, posterior.gaussian(0.1, 0.05)])
def test_pconf_and_zalt_prob_are_masses_of_the_tempered_posterior(sample, prior):
    """Where the closer look finds what the curve has."""
    spectra, scan, _ = sample
    hot = Calibration(temperature=4.0, misfit=1.0)
    found = jaxz.find_redshifts(scan, spectra, prior=prior, calibration=hot)
    probability = posterior.posterior(scan, prior, temperature=found.temperature)
    near = np.abs(scan.z - found.zalt[:, :, None]) < 0.005 * (1 + found.zalt[:, :, None])
    first = near & (np.cumsum(near, axis=1) == 1)
    expected = np.sum(np.where(first, probability[:, None], 0), axis=2)
    np.testing.assert_allclose(found.pconf, expected[:, 0], atol=0.1)
    np.testing.assert_allclose(np.nan_to_num(found.zalt_prob), expected, atol=0.1)
    cold = posterior.posterior(scan, prior)
    assert np.all(np.max(cold, axis=1) >= np.max(probability, axis=1) - 1e-12)


def test_a_temperature_for_each_spectrum_or_one(sample):
    _, scan, _ = sample
    each = posterior.posterior(scan, temperature=np.full(len(MANY), 2.0))
    np.testing.assert_array_equal(posterior.posterior(scan, temperature=2.0), each)
    with pytest.raises(ValueError, match=r"temperature has shape \(3,\): give one number, or one for each of 8"):
        posterior.posterior(scan, temperature=np.ones(3))


def test_a_prior_is_weighed_against_chi2_over_t(sample):
    """The penalty counts T times: two candidates whose χ² differ by less than that change places."""
    spectra, scan, plain = sample
    second = plain.zalt[0, 1]
    gap = plain.zalt_chi2[0, 1] - plain.zalt_chi2[0, 0]
    prior = lambda z: np.where(np.abs(z - second) < 0.004, 0.0, gap / 2)  # noqa: E731
    cold, hot = (
        jaxz.find_redshifts(scan, spectra, prior=prior, calibration=Calibration(t, 0.0, optical=0.0))
        for t in (1.0, 4.0)
    )
    assert cold.z[0] == plain.z[0]
    assert hot.z[0] == pytest.approx(second, abs=1e-6)
    found = hot.zalt_chi2 + hot.zalt_penalty
    np.testing.assert_allclose(hot.deltachi2, found[:, 1] - found[:, 0])
    assert np.all(hot.deltachi2 >= 0)


def test_a_misfit_raises_the_temperature_and_a_flag(sample):
    spectra, _, _ = sample
    wrong = Spectra(spectra.wave, spectra.flux, spectra.ivar * 9)
    scan = jaxz.nmf_scan(wrong, small.basis(), **RANGE)
    found = jaxz.find_redshifts(scan, wrong, calibration=Calibration(1.5, 5.0))
    excess = found.chi2 / found.npixels - 1
    assert np.all(excess > 5)
    np.testing.assert_allclose(found.temperature, 1.5 * (1 + 5 * excess))
    assert np.all(found.zwarn & ZWarn.BAD_FIT)
    assert not np.any(sample[2].zwarn & ZWarn.BAD_FIT)


def test_the_error_floor_is_a_velocity_by_what_is_seen():
    calibration = Calibration(optical=25.0, ultraviolet=120.0)
    reddest = np.array([9000.0])
    edge = 9000 / OPTICAL - 1
    found = calibration.velocity(np.array([[edge - 0.01, edge + 0.01, np.nan]]), reddest)
    np.testing.assert_array_equal(found, [[25, 120, 120]])


def test_it_is_added_in_quadrature(sample):
    spectra, scan, plain = sample
    found = jaxz.find_redshifts(scan, spectra, calibration=Calibration(1.0, 0.0, optical=300.0, ultraviolet=300.0))
    floor = 300 / 299792.458 * (1 + plain.z)
    np.testing.assert_allclose(found.zerr, np.hypot(plain.zerr, floor))


def test_with_an_error_model_the_default_is_applied(sample):
    spectra, _, _ = sample
    scan = jaxz.scan(spectra, NonNegative(small.basis(), error=ErrorModel()), **RANGE)
    found = jaxz.find_redshifts(scan, spectra)
    assert found.calibration.name == "default"
    np.testing.assert_array_less(1.49, found.temperature)
    assert np.sum(np.abs(found.z - MANY) < 0.005) >= 5


@pytest.mark.parametrize("wrong", [{"temperature": 0.0}, {"misfit": -1.0}, {"optical": np.nan}])
def test_wrong_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Calibration(**wrong)


def test_models_of_different_calibrations_are_not_compared(sample):
    spectra, scan, plain = sample
    other = jaxz.find_redshifts(scan, spectra, calibration=Calibration())
    with pytest.raises(ValueError, match="calibrations"):
        jaxz.compare([plain, other])


def test_classes_have_the_probability_of_all_their_models(sample):
    """And a rare model must be better by -2 ln of its share."""
    _, _, plain = sample
    rare = dataclasses.replace(plain, spectype=np.full(len(plain), "QSO"), chi2=plain.chi2 - 4,
                               zalt_chi2=plain.zalt_chi2 - 4, logmass=plain.logmass + 2)  # fmt: skip
    twin = dataclasses.replace(plain)
    best = jaxz.compare([plain, twin, rare], shares=[0.5, 0.4, 0.1])
    share = np.array([0.5, 0.4, 0.1 * np.exp(2)])
    won = best.spectype == "QSO"
    assert np.all(won == (share[2] > 0.5))
    np.testing.assert_allclose(best.pclass, share[2] / share.sum())
    fair = jaxz.compare([plain, twin, rare], shares=[0.6, 0.39, 0.01])
    assert np.all(fair.spectype == "GALAXY")
    share = np.array([0.6, 0.39, 0.01 * np.exp(2)])
    np.testing.assert_allclose(fair.pclass, share[:2].sum() / share.sum())
    with pytest.raises(ValueError, match="one for each"):
        jaxz.compare([plain, twin], shares=[1.0])
