"""Simulated Lyα emitters: their redshift is that of the peak, their S/N that of the truth."""

import numpy as np
import pytest

from jaxz import mock
from jaxz.mock import emitters, sky
from jaxz.mock.instruments import FWHM_TO_SIGMA
from jaxz.mock.lines import LIGHT_SPEED, Emission, lyman_alpha

DESI = mock.INSTRUMENTS["desi"]()


@pytest.fixture(scope="module")
def sample():
    return mock.emitter_spectra(DESI, 60, seed=4)


def test_the_truth_is_the_peak_of_the_line(sample):
    """In the mean of many spectra, each shifted to the rest frame of its redshift, the line is highest at 1215.67 Å."""
    spectra, truth = sample
    velocity = np.arange(-600.0, 900.0, 20.0)
    rest = 1215.67 * (1 + velocity / LIGHT_SPEED)
    rows = [
        np.interp(rest * (1 + z), spectra.wave[0], flux * np.sqrt(ivar))
        for z, flux, ivar in zip(truth.z, spectra.flux, spectra.ivar, strict=True)
    ]
    mean = np.mean(rows, axis=0)
    assert abs(velocity[np.argmax(mean)]) <= 40
    assert mean[velocity > 300].max() > mean[velocity < -300].max() / 2


def test_the_peak_of_a_single_gaussian_is_its_centre():
    line = Emission(np.array([1215.67 * (1 + 200 / LIGHT_SPEED)]), np.ones(1), np.array([80.0]), ("Lyα",))
    found = emitters.peak_redshift(line, 2.5, DESI)
    assert (1 + found) / 3.5 == pytest.approx(1 + 200 / LIGHT_SPEED, abs=1e-9)


def test_of_two_peaks_the_red_one_counts():
    wave = 1215.67 * (1 + np.array([-300.0, 250.0]) / LIGHT_SPEED)
    line = Emission(wave, np.array([2.0, 1.0]), np.array([80.0, 80.0]), ("Lyα", "Lyα"))
    assert (emitters.peak_redshift(line, 3.0, DESI) / 4 + 0.25 - 1) * LIGHT_SPEED == pytest.approx(250, abs=2)


@pytest.mark.parametrize("seed", range(8))
def test_the_peak_is_that_of_the_broadened_profile(seed):
    line = lyman_alpha(np.random.default_rng(seed))
    z = 2.2 + 0.2 * seed
    found = 1215.67 * (1 + emitters.peak_redshift(line, z, DESI))
    wave = np.arange(1215.67 * (1 + z), 1223 * (1 + z), 0.02)
    lsf = FWHM_TO_SIGMA * DESI.fwhm(np.array(found))
    total = np.zeros(len(wave))
    for centre, flux, velocity in zip(line.wave * (1 + z), line.flux, line.sigma, strict=True):
        sigma = np.hypot(lsf, centre * velocity / LIGHT_SPEED)
        total += flux / sigma * np.exp(-0.5 * ((wave - centre) / sigma) ** 2)
    assert found == pytest.approx(wave[np.argmax(total)], abs=0.1)


def test_truth_is_complete(sample):
    spectra, truth = sample
    assert set(truth.type) == {"LAE"}
    assert set(truth.line) == {"Lyα"}
    assert emitters.FAINT <= truth.snr_line.min() < truth.snr_line.max() <= emitters.BRIGHT
    assert np.all((truth.z > 2) & (truth.z < 4.01))
    assert spectra.ids == tuple(truth.id)
    assert spectra.ids[0] == "desi-lae-4-00000"


def test_without_a_line_what_is_left_has_the_variance_that_ivar_says(sample):
    spectra, truth = sample
    dark = ~np.any(sky.residual_shapes(DESI).lines, axis=(0, 1))
    blue = (spectra.wave < 1180 * (1 + truth.z[:, None])) & dark
    blue = blue[:, 1:] & blue[:, :-1]
    # Differences of neighbours: continuum and zero level are smooth.
    pull = (np.diff(spectra.flux * np.sqrt(spectra.ivar), axis=1) / np.sqrt(2))[blue]
    assert len(pull) > 10000
    assert pull.std() == pytest.approx(1, abs=0.02)


def test_the_seed_and_the_place_decide():
    few, many = (mock.emitter_spectra(DESI, n, seed=3) for n in (2, 4))
    assert few[0].flux.tobytes() == many[0].flux[:2].tobytes()
    np.testing.assert_array_equal(few[1].z, many[1].z[:2])


@pytest.mark.parametrize("bad", [{"n": 0}, {"zmin": 3.0, "zmax": 3.0}, {"zmin": 1.9}, {"zmax": 7.5}])
def test_bad_arguments(bad):
    with pytest.raises(ValueError, match=r"n=.*, zmin=.*, zmax=.*: use n >= 1 and 1.96 < zmin < zmax < 7.08"):
        mock.emitter_spectra(DESI, **{"n": 2, "seed": 1, **bad})
