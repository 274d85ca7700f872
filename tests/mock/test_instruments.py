"""Spectrographs: range, sampling, resolution and noise."""

import numpy as np
import pytest

from jaxz.mock import INSTRUMENTS


@pytest.mark.parametrize(
    ("name", "first", "last", "step", "resolution"),
    [
        ("muse", 4750, 9352, 1.25, (1550, 3700)),
        ("desi", 3600, 9824, 0.8, (1900, 5600)),
        ("vimos", 4800, 10300, 5, (640, 660)),
    ],
)
def test_range_sampling_and_resolution(name, first, last, step, resolution):
    instrument = INSTRUMENTS[name]()
    wave = instrument.wave
    assert instrument.name == name
    assert first <= wave[0] < first + 2 * step
    assert last - 2 * step < wave[-1] <= last + step
    np.testing.assert_allclose(np.diff(wave), step, rtol=0.1)
    power = wave / instrument.fwhm(wave)
    assert resolution[0] < power.min() < power.max() < resolution[1]


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_noise_is_in_units_of_its_median(name):
    instrument = INSTRUMENTS[name]()
    assert instrument.noise.shape == instrument.wave.shape
    assert np.isfinite(instrument.noise).all()
    assert (instrument.noise > 0).all()
    assert np.median(instrument.noise) == pytest.approx(1, abs=0.01)
    assert instrument.level > 0


@pytest.mark.parametrize("name", ["muse", "desi"])
def test_sky_lines_are_in_the_noise(name):
    instrument = INSTRUMENTS[name]()
    near = np.abs(instrument.wave - 5578.9) < 3
    around = (np.abs(instrument.wave - 5578.9) > 10) & (np.abs(instrument.wave - 5578.9) < 60)
    assert instrument.noise[near].max() > 2 * np.median(instrument.noise[around])
