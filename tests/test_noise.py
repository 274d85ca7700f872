"""Variances from the scatter of spectra: right for white noise, blind to galaxies, harmless where nothing is wrong."""

import numpy as np
import pytest

from jaxz import Spectra, noise

WAVE = 4000 + 2.0 * np.arange(1000)
SKY = 1 + 3 * np.exp(-0.5 * ((WAVE - 5577) / 30) ** 2)
"""σ with wavelength: a band of sky lines."""

LEVELS = np.geomspace(0.5, 50, 40)


@pytest.fixture
def flux(rng) -> np.ndarray:
    """Return 40 spectra of a sloping continuum and one bright narrow line, with noise `LEVELS` × `SKY`."""
    continuum = 20 * (WAVE / 5000) ** -1.5 + 300 * np.exp(-0.5 * ((WAVE - 4500) / 4) ** 2)
    return LEVELS[:, None] * (continuum + SKY * rng.standard_normal((len(LEVELS), len(WAVE))))


def sigma_of(ivar):
    return ivar**-0.5


def test_sigma_is_found_with_wavelength_and_spectrum(flux):
    sigma = sigma_of(noise.estimate_ivar(flux, np.ones(flux.shape, bool)))
    relative = sigma / (LEVELS[:, None] * SKY)
    assert 0.9 < np.median(relative) < 1.1
    off_line = np.abs(WAVE - 4500) > 30
    assert np.median(np.abs(relative[:, off_line] - 1)) < 0.15
    in_band = np.abs(WAVE - 5577) < 10
    assert 0.85 < np.median(relative[:, in_band]) < 1.15


def test_bad_pixels_have_no_weight_and_no_influence(flux):
    good = np.ones(flux.shape, bool)
    good[3, 200:230] = False
    damaged = flux.copy()
    damaged[3, 200:230] = [np.nan, 1e9, np.inf] * 10
    ivar = noise.estimate_ivar(damaged, good)
    assert (ivar[~good] == 0).all()
    np.testing.assert_array_equal(ivar, noise.estimate_ivar(flux, good))


def test_not_finite_is_bad(flux):
    flux[0, 10] = np.nan
    ivar = noise.estimate_ivar(flux, np.ones(flux.shape, bool))
    assert ivar[0, 10] == 0
    assert (ivar[0, 20:] > 0).all()


def test_a_spectrum_without_data_gets_none_and_changes_no_other(flux):
    good = np.ones(flux.shape, bool)
    good[5] = False
    ivar = noise.estimate_ivar(flux, good)
    assert not ivar[5].any()
    others = np.arange(len(flux)) != 5
    np.testing.assert_array_equal(ivar[others], noise.estimate_ivar(flux[others], good[others]))


def test_no_data_at_all():
    assert not noise.estimate_ivar(np.zeros((2, 50)), np.zeros((2, 50), bool)).any()


def made(flux, sigma):
    return Spectra(WAVE, flux, np.broadcast_to(sigma**-2.0, flux.shape), ids=[f"s{i}" for i in range(len(flux))])


def test_good_spectra_stay_nearly_as_they_are(flux):
    before = made(flux, LEVELS[:, None] * SKY)
    after = noise.cleaned(before)
    assert np.mean(after.ivar > 0) > 0.999
    assert (after.ivar <= before.ivar).all()
    assert 0.8 < np.median(after.ivar / before.ivar) <= 1
    np.testing.assert_array_equal(after.flux[after.ivar > 0], before.flux[after.ivar > 0])


def test_variances_that_are_too_small_become_those_of_the_scatter(flux):
    after = noise.cleaned(made(flux, 0.1 * LEVELS[:, None] * SKY))
    assert 0.8 < np.median(sigma_of(after.ivar[after.ivar > 0]) / np.median(LEVELS)) < 1.5


def test_pixels_that_cannot_be_right_lose_their_weight(flux):
    flux[1, 300:305] = 7.0
    flux[2, 300:304] = 7.0
    flux[4, 500] = -30 * LEVELS[4]
    flux[6, 500] = 60 * LEVELS[6]
    after = noise.cleaned(made(flux, LEVELS[:, None] * SKY))
    assert (after.ivar[1, 300:305] == 0).all()
    assert (after.ivar[2, 300:304] > 0).all()
    assert (after.ivar[4, 498:503] == 0).all()
    assert after.ivar[4, 497] > 0
    assert after.ivar[4, 503] > 0
    assert (after.ivar[6, 495:505] > 0).all()


def test_each_wavelength_grid_has_its_own_shape(flux):
    one = made(flux, LEVELS[:, None])
    other = Spectra(WAVE + 100, 3 * flux, np.ones_like(flux), ids=[f"t{i}" for i in range(len(flux))])
    together = noise.cleaned(Spectra.concatenate([one, other]))
    np.testing.assert_array_equal(together.ivar[: len(flux)], noise.cleaned(one).ivar)
    np.testing.assert_array_equal(together.ivar[len(flux) :], noise.cleaned(other).ivar)
