"""Which pixels are left out: spikes that no instrument makes of a line, and negative flux; never a line."""

import dataclasses

import jax
import numpy as np
import pytest
from scipy.special import erf

import jaxz
from jaxz import Basis, ErrorModel, LogGrid, NonNegative, Pixels, Spectra, ZWarn
from jaxz.models.outliers import BESIDE, MOST, NEGATIVE, most_of_beside, outliers
from tests import small

NPIX, STEP = 400, 5e-5
WAVE = 5000 + 1.25 * np.arange(NPIX)


def line(centre, fwhm):
    """A line of unit flux, averaged over pixels."""
    edges = (np.arange(NPIX + 1) - 0.5 - centre) / (fwhm / np.sqrt(4 * np.log(2)))
    return np.diff(erf(edges)) / 2


def left_out(flux, ivar=None, fwhm=1.5):
    ivar = np.ones(NPIX) if ivar is None else ivar
    with jax.enable_x64(True):
        pixels = Pixels.of(WAVE, np.where(ivar > 0, flux, 0), ivar, step=STEP)
        return np.flatnonzero(np.asarray(outliers(pixels, fwhm)))


@pytest.mark.parametrize(("width", "fwhm"), [(1, 1.5), (2, 1.5), (1, 2.4), (2, 2.4)])
def test_the_bound_is_the_most_that_a_line_reaches_wherever_it_is(width, fwhm):
    def ratio(offset):
        values = line(200 + (width - 1) / 2 + offset, fwhm)
        return values[200 : 200 + width].sum() / (values[199] + values[200 + width])

    ratios = [ratio(offset) for offset in np.linspace(-1.5, 1.5, 61)]
    assert max(ratios) == pytest.approx(most_of_beside(width, fwhm), rel=1e-9)


@pytest.mark.parametrize("fwhm", [1.5, 2.0, 3.0, 6.0])
@pytest.mark.parametrize("snr", [10.0, 1e2, 1e4])
def test_no_line_is_left_out(rng, fwhm, snr):
    for centre in rng.uniform(100, 300, 20):
        second = line(centre + rng.uniform(1, 8), fwhm)
        flux = 1 + snr * (line(centre, fwhm) + rng.uniform() * second) / line(200, fwhm).max()
        assert not len(left_out(flux + 0.5 * rng.normal(size=NPIX)))


def test_absorption_to_zero_is_not_left_out(rng):
    flux = 30 * (1 - np.exp(-0.5 * ((np.arange(NPIX) - 200) / 0.7) ** 2)) + rng.normal(size=NPIX)
    assert not len(left_out(flux))


@pytest.mark.parametrize("profile", [[15], [1000], [60, 60], [300, 100]])
def test_spikes_are_left_out_with_the_pixels_beside_them(rng, profile):
    flux = 3 + 0.5 * rng.normal(size=NPIX)
    flux[150 : 150 + len(profile)] += profile
    found = left_out(flux)
    assert {*range(150 - BESIDE, 150 + len(profile) + BESIDE)} <= {*found}
    assert len(found) <= len(profile) + 2 * BESIDE + 2
    assert not len(left_out(flux, fwhm=0.0))


def test_negative_flux_is_left_out_and_faint_noise_is_not(rng):
    flux = 0.3 * rng.normal(size=NPIX)
    flux[200:205] = -NEGATIVE - 1
    for fwhm in (0.0, 1.5):
        np.testing.assert_array_equal(left_out(flux, fwhm=fwhm), np.arange(198, 207))


def test_beside_a_pixel_without_data_or_at_an_end_nothing_is_known():
    flux, ivar = np.ones(NPIX), np.ones(NPIX)
    flux[[0, 100, NPIX - 1]] = 100
    ivar[101] = 0
    assert not len(left_out(flux, ivar))


def test_where_many_pixels_are_bad_it_is_not_they_that_are_wrong():
    flux = np.zeros(NPIX)
    few = np.arange(10, NPIX, int((2 * BESIDE + 1) / MOST) + 10)
    flux[few] = -10
    assert len(left_out(flux)) == len(few) * (2 * BESIDE + 1)
    assert not len(left_out(np.full(NPIX, -10.0)))


@pytest.mark.parametrize("hit", [[300.0], [100.0, 300.0], [-40.0] * 8])
def test_redshift_error_and_chi2_stay_what_they_were(hit):
    z = np.array([0.1, 0.15, 0.21])
    clean, _ = small.spectra(np.random.default_rng(8), z, 8.0)
    flux = clean.flux.copy()
    for row, place in enumerate((80, 350, 600)):
        flux[row, place : place + len(hit)] += np.array(hit) / np.sqrt(clean.ivar[row, place])
    model = NonNegative(small.basis(), error=ErrorModel())

    def found(values, model):
        spectra = Spectra(clean.wave, values, clean.ivar, ids=clean.ids)
        return jaxz.find_redshifts(jaxz.scan(spectra, model, zmin=small.ZMIN, zmax=small.ZMAX), spectra)

    before, after = found(clean.flux, model), found(flux, model)
    np.testing.assert_allclose(after.z, before.z, atol=3e-5)
    np.testing.assert_allclose(after.zerr, before.zerr, rtol=0.1)
    np.testing.assert_allclose(after.chi2, before.chi2, atol=30)
    trusting = dataclasses.replace(model.error, fwhm=0.0)
    if min(hit) > 0:
        assert np.all(found(flux, NonNegative(small.basis(), error=trusting)).chi2 > after.chi2)


def test_three_pixels_that_decide_are_flagged(rng):
    """A hit worth more than the two lines of a galaxy, neither of which is seen where it puts the redshift."""
    waves, z = (3728.0, 4341.0), 0.12
    grid = LogGrid.covering(3000.0, 5600.0)
    lines = [np.exp(-0.5 * ((grid.wave / wave - 1) * 3500) ** 2) for wave in waves]
    model = NonNegative(Basis(np.array([*lines, np.ones(grid.size)]), grid), error=ErrorModel())
    wave = 3800 + 2.0 * np.arange(700)
    flux = np.tile(4 + sum(6 * np.exp(-0.5 * ((wave / (1 + z) / one - 1) * 3500) ** 2) for one in waves), (2, 1))
    flux += rng.normal(size=flux.shape)
    flux[1, 350:353] += [160, 400, 160]
    spectra = Spectra(wave, flux, np.ones_like(flux))
    found = jaxz.find_redshifts(jaxz.scan(spectra, model, zmin=small.ZMIN, zmax=small.ZMAX), spectra)
    np.testing.assert_array_equal(np.abs(found.z - z) < 0.001, [True, False])
    assert np.min(np.abs(found.zalt[1] - z)) < 0.001
    np.testing.assert_array_equal((found.zwarn & ZWarn.FEW_PIXELS) > 0, [False, True])
