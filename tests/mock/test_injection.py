"""Injected lines have the redshift, the signal-to-noise and the flux that the truth says."""

import dataclasses

import numpy as np
import pytest

from jaxz import mock
from jaxz.models import lattice_z
from jaxz.spectra import LogGrid, Spectra
from tests import gaussian

RANGE = {"zmin": 2.03, "zmax": 2.22}
LINE = gaussian.target()


def noise(count=5, **options):
    return mock.constant_noise(gaussian.SKY_GRID, count, seed=1, **options)


@pytest.mark.parametrize("lattice", [True, False])
def test_signal_to_noise_is_that_of_the_paper(lattice):
    """[L, eq. 16-17] with σ = 0.3 and the whitened line, whose pixels are lattice pixels here."""
    blank = noise(sigma=0.3, whitening=LINE.whitening)
    assert np.std(blank.flux * np.sqrt(blank.ivar)) == pytest.approx(1, abs=0.05)
    wanted = np.array([1.0, 5.0, 20.0, 5.0, 0.0])
    spectra, truth = mock.inject(blank, LINE, snr=wanted, seed=3, sigma=0.3, lattice=lattice, **RANGE)
    line = spectra.flux - blank.flux
    np.testing.assert_allclose(np.sqrt(np.sum(line**2 * blank.ivar, axis=1)), wanted, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(truth.snr, wanted)
    np.testing.assert_allclose(truth.line_flux, np.sum(line * np.gradient(blank.wave[0]), axis=1), rtol=1e-9)
    assert np.all((truth.z >= RANGE["zmin"]) & (truth.z <= RANGE["zmax"]))
    on_lattice = [lattice_z(z, gaussian.STEP) for z in truth.z]
    assert np.allclose(truth.z, on_lattice, rtol=0, atol=1e-9) is lattice


def test_the_line_is_the_profile_where_it_is_said_to_be():
    spectra, truth = mock.inject(noise(), LINE, snr=np.full(5, 9.0), seed=4, sigma=0.3, **RANGE)
    line = spectra.flux - noise().flux
    for row, z in enumerate(truth.z):
        placed = LINE.at(float(z)).in_flux(gaussian.SKY_GRID)[truth.profile[row]]
        scale = line[row] @ placed / (placed @ placed)
        assert scale > 0
        np.testing.assert_allclose(line[row], scale * placed, atol=2e-3 * line[row].max())
    again, _ = mock.inject(noise(), LINE, snr=np.full(5, 9.0), seed=4, sigma=0.3, **RANGE)
    np.testing.assert_array_equal(again.flux, spectra.flux)
    assert len(set(mock.inject(noise(20), LINE, snr=np.ones(20), seed=4, **RANGE)[1].profile)) == 2


def test_wide_pixels_hold_the_mean_of_the_line():
    """Native pixels of 4 lattice pixels hold the same line flux."""
    wave = np.arange(3650.0, 3920.0, 3.0)
    blank = Spectra(wave, np.zeros((1, len(wave))), np.ones((1, len(wave))))
    single = dataclasses.replace(LINE, vectors=LINE.vectors[:1], whitening=None)
    spectra, truth = mock.inject(blank, single, snr=np.array([30.0]), seed=2, sigma=1.0, **RANGE)
    placed = single.at(float(truth.z[0])).in_flux(gaussian.SKY_GRID)[0]
    scale = truth.line_flux[0] / np.sum(placed * np.gradient(gaussian.SKY_GRID.wave))
    assert np.sum(spectra.flux) * 3.0 == pytest.approx(truth.line_flux[0], rel=1e-6)
    near = np.interp(wave, gaussian.SKY_GRID.wave, scale * placed)
    assert np.abs(spectra.flux[0] - near).max() < 0.2 * near.max()


def test_the_noise_is_measured_where_it_is_not_known(rng):
    """From the quartiles: a few bright pixels do not count."""
    blank = noise(3, sigma=2.0)
    flux = np.array(blank.flux)
    flux[:, ::20] += 100
    blank = dataclasses.replace(blank, flux=flux)
    spectra, _ = mock.inject(blank, dataclasses.replace(LINE, whitening=None), snr=np.full(3, 7.0), seed=5, **RANGE)
    line = spectra.flux - blank.flux
    np.testing.assert_allclose(np.sqrt(np.sum(line**2, axis=1)) / 2.0, 7.0, rtol=0.25)
    assert mock.robust_sigma(3 * rng.normal(size=100_000)) == pytest.approx(3, rel=0.02)


def test_lines_are_put_where_there_are_data():
    blank = noise(40)
    ivar = np.array(blank.ivar)
    ivar[:, 150:330] = 0
    blank = dataclasses.replace(blank, ivar=ivar)
    spectra, truth = mock.inject(blank, LINE, snr=np.full(40, 9.0), seed=5, sigma=0.3, **RANGE)
    place = np.log10(gaussian.LINE * (1 + truth.z)) / gaussian.STEP - gaussian.SKY_GRID.start
    assert np.all((place < 155) | (place > 320))
    assert np.all(spectra.flux[:, 150:330] == 0)


def test_profiles_of_a_component_have_unit_power_and_are_in_emission():
    profiles = mock.profiles_of(LINE, 7, seed=2)
    np.testing.assert_allclose(np.sum(profiles.vectors**2, axis=1), 1)
    assert np.all(profiles.vectors.sum(axis=1) > 0)
    assert np.linalg.matrix_rank(profiles.vectors) == 2


def test_what_cannot_be_injected_is_refused(rng):
    blank = noise(2)
    with pytest.raises(ValueError, match=r"spectrum 'noise-00000' has no data at a line between .* z = 3 to 3.5"):
        mock.inject(blank, LINE, snr=np.ones(2), seed=1, zmin=3.0, zmax=3.5)
    masked = dataclasses.replace(blank, ivar=np.stack([blank.ivar[0], 0 * blank.ivar[1]]))
    with pytest.raises(ValueError, match="'noise-00001' has no data: leave it out"):
        mock.inject(masked, LINE, snr=np.ones(2), seed=1, **RANGE)
    with pytest.raises(ValueError, match="snr has shape"):
        mock.inject(blank, LINE, snr=np.ones(3), seed=1, **RANGE)
    with pytest.raises(ValueError, match="a line needs a reference_z"):
        mock.inject(blank, gaussian.sky(rng), snr=np.ones(2), seed=1, **RANGE)
    wide = LogGrid(10, 5, 1e-4)
    assert mock.constant_noise(wide, 2, seed=1).flux.shape == (2, 5)


def test_lines_of_emitters_have_their_peak_at_the_redshift():
    desi = mock.INSTRUMENTS["desi"]()
    plain = dataclasses.replace(gaussian.target(half=60, whiten=False), calibration=1.0)
    lines = mock.emitter_profiles(plain, desi, 6, seed=2)
    np.testing.assert_allclose(np.sum(lines.vectors**2, axis=1), 1)
    peak = 10.0 ** ((lines.rest_start + np.argmax(lines.vectors, axis=1)) * gaussian.STEP)
    np.testing.assert_allclose(peak, gaussian.LINE, rtol=3e-4)
    assert np.all(lines.vectors[:, [0, -1]] < 0.01 * lines.vectors.max(axis=1)[:, None])
    with pytest.raises(ValueError, match="a reference_z above 0"):
        mock.emitter_profiles(dataclasses.replace(plain, reference_z=0.0), desi, 2, seed=1)
