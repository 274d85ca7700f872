"""Eigenvectors of a covariance: both products give the same, and rank that is not there is refused."""

import numpy as np
import pytest

import jaxz
from jaxz import LogGrid, Spectra
from jaxz.train.covariance import largest, on_lattice, principal, upright
from tests import gaussian, oracle


@pytest.mark.parametrize("shape", [(40, 700), (700, 40), (60, 60), (1100, 30)])
def test_vectors_are_those_of_the_dense_covariance(rng, shape):
    samples = rng.normal(size=shape) @ np.diag(np.geomspace(5, 0.1, shape[1]))
    found = principal(samples, 6)
    expected = oracle.eigenvectors(samples.T @ samples / len(samples), 6)
    np.testing.assert_allclose(found, expected, atol=1e-9 * np.abs(expected).max())
    assert found.dtype == np.float64


def test_float32_samples_are_summed_in_float64(rng):
    samples = (rng.normal(size=(30, 900)) + 100).astype(np.float32)
    expected = principal(samples.astype(np.float64), 3)
    np.testing.assert_allclose(principal(samples, 3), expected, rtol=1e-12)


def test_rank_above_what_the_samples_span(rng):
    samples = rng.normal(size=(20, 3)) @ rng.normal(size=(3, 50))
    assert principal(samples, 3).shape == (3, 50)
    with pytest.raises(ValueError, match="rank=4, but 20 spectra give 3 vectors: use more spectra, or a lower rank"):
        principal(samples, 4)


def test_negative_eigenvalues_do_not_count():
    with pytest.raises(ValueError, match="rank=2, but two give 1 vectors"):
        largest(np.diag([-3.0, 2.0]), 2, "two")


def test_the_largest_value_is_positive():
    np.testing.assert_array_equal(upright(np.array([[1.0, -2.0], [3.0, -1.0]])), [[-1, 2], [3, -1]])


def test_lattice_pixels_stay_what_they_are(rng):
    """Spectra whose pixels are those of the lattice, one of them without data, two pixels beyond the window."""
    grid = LogGrid(72000, 300)
    flux, ivar = rng.normal(size=(3, 300)), rng.uniform(1, 2, size=(3, 300))
    ivar[1], ivar[0, 20] = 0, 0
    spectra = Spectra(grid.wave, flux, ivar)
    found, weight = on_lattice(spectra, LogGrid(72002, 400))
    # The edges of native pixels lie midway in λ, not in log λ: by 1e-4 of a pixel they reach into their neighbours.
    good = spectra.ivar[:, 2:] > 0
    np.testing.assert_allclose(found[:, :298][good], spectra.flux[:, 2:][good], atol=1e-3)
    np.testing.assert_allclose(weight[:, :298], spectra.ivar[:, 2:], atol=1e-3)
    assert not found[:, 300:].any()
    assert not weight[1].any()
    assert found.dtype == weight.dtype == np.float32


def test_without_a_component_is_the_noise_of_the_separation(rng):
    sky = gaussian.sky(rng, mask=True)
    spectra, _ = gaussian.lattice_spectra(rng, [sky], 5)
    place = np.arange(spectra.flux.shape[1])
    spectra = Spectra(spectra.wave, spectra.flux, np.where(np.abs(place - 250) < 3, 0, spectra.ivar))
    parts = jaxz.separate(spectra, [sky])
    flux, ivar = on_lattice(spectra, parts.grid, without=sky)
    np.testing.assert_allclose(flux, np.nan_to_num(parts.mean[:, -1]), atol=1e-5)
    np.testing.assert_array_equal(ivar == 0, np.nan_to_num(parts.mean[:, -1]) == 0)
    assert np.count_nonzero(ivar[0] == 0) >= np.count_nonzero(sky.mask) + 3
