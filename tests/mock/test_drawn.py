"""Simulated spectra: what is promised of them, against a slow sum."""

import numpy as np
import pytest

from jaxz import LogGrid, mock
from jaxz.models import Basis
from jaxz.models.native import basis_in_pixels

GRID = LogGrid.covering(1000.0, 9000.0, 1e-4)


def _vectors(wave):
    lines = [np.exp(-0.5 * ((wave - centre) / 3.0) ** 2) for centre in (1216.0, 3728.0, 5008.0, 6564.0)]
    return np.stack([*lines, wave / 4000, 4000 / wave])


@pytest.fixture
def basis() -> Basis:
    fine = GRID.loglam[:, None] + GRID.step * ((np.arange(40) + 0.5) / 40 - 0.5)
    return Basis(_vectors(10 ** fine.ravel()).reshape(-1, GRID.size, 40).mean(axis=2), GRID)


def test_pixel_means_equal_a_fine_sum(basis):
    wave, z = np.concatenate([np.arange(4750.0, 6500.0, 1.25), np.arange(6500.0, 9000.0, 3.0)]), 0.27431
    middle = (wave[1:] + wave[:-1]) / 2
    edges = np.concatenate([[2 * wave[0] - middle[0]], middle, [2 * wave[-1] - middle[-1]]])
    fine = edges[:-1, None] + np.diff(edges)[:, None] * (np.arange(400) + 0.5) / 400
    expected = _vectors((fine / (1 + z)).ravel()).reshape(len(basis), len(wave), 400).mean(axis=2)
    np.testing.assert_allclose(basis_in_pixels(basis, wave, z), expected, rtol=1e-5, atol=3e-3)


def test_pixel_means_are_zero_outside_the_basis(basis):
    means = basis_in_pixels(basis, np.linspace(9100.0, 9200.0, 50), 0.0)
    assert not means.any()


def test_spectra_are_the_coefficients_times_the_basis_plus_unit_noise(basis):
    z, snr = np.array([0.1, 1.0, 3.0]), np.array([1.0, 10.0, 300.0])
    spectra, coeff = mock.from_basis(basis, z, snr, seed=5)
    assert spectra.flux.shape == (3, 3681)
    assert spectra.flux.dtype == np.float32
    assert (spectra.ivar == 1).all()
    assert (coeff >= 0).all()
    model = np.stack([w @ basis_in_pixels(basis, spectra.wave[0], one) for w, one in zip(coeff, z, strict=True)])
    np.testing.assert_allclose(np.sqrt(np.mean(model**2, axis=1)), snr, rtol=1e-12)
    noise = spectra.flux - model
    assert np.abs(noise.mean(axis=1)).max() < 4 / np.sqrt(3681)
    np.testing.assert_allclose(noise.std(axis=1), 1, atol=4 / np.sqrt(2 * 3681))


def test_the_seed_decides(basis):
    args = basis, np.array([0.5, 2.0]), np.array([3.0, 3.0])
    first, again, other = (mock.from_basis(*args, seed=seed)[0].flux for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()


def test_another_pixel_grid(basis):
    wave = np.array([5000.0, 5002.0, 5005.0])
    spectra, _ = mock.from_basis(basis, np.array([0.3]), np.array([5.0]), seed=1, wave=wave)
    np.testing.assert_array_equal(spectra.wave, wave[None])


@pytest.mark.parametrize(
    ("z", "snr", "message"),
    [
        ([0.1, 0.2], [1.0], "one shape"),
        ([0.1], [0.0], "positive snr"),
        ([20.0], [5.0], "z = 20 the basis is zero in all of 4750 to 9350"),
    ],
)
def test_what_cannot_be_simulated(basis, z, snr, message):
    with pytest.raises(ValueError, match=message):
        mock.from_basis(basis, np.array(z), np.array(snr), seed=1)
