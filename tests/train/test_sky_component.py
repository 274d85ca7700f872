"""The sky component: against a slow transcription, a covariance that is known, and every input that cannot be used."""

import numpy as np
import pytest

import jaxz
from jaxz import LogGrid, Spectra, train
from jaxz.train.covariance import on_lattice
from jaxz.train.sky import outlier_mask
from tests import oracle

STEP = 1e-4
GRID = LogGrid(36000, 240, STEP)
NOISE = 0.5 + np.linspace(1, 0, GRID.size) ** 2
LINES = (50, 120, 121, 190)


def shapes():
    """Two patterns of lines, in flux."""
    place = np.arange(GRID.size)
    first = sum(np.exp(-0.5 * ((place - centre) / 2.0) ** 2) for centre in LINES[:2])
    second = np.exp(-0.5 * ((place - LINES[3]) / 3.0) ** 2)
    return np.stack([2.0 * first, 1.2 * second])


def draws(rng, count, *, noise=1.0):
    flux = rng.normal(size=(count, 2)) @ shapes() + noise * NOISE * rng.normal(size=(count, GRID.size))
    return Spectra(GRID.wave, flux, np.broadcast_to((noise * NOISE) ** -2, flux.shape))


def learned(spectra, **options):
    return train.sky_component(spectra, **{"rank": 2, "step": STEP, **options})


def test_equals_the_slow_transcription(rng):
    spectra = draws(rng, 150)
    spectra.flux[4] += 2e4  # sums to more than max_sum
    spectra.ivar[9, 30:150] = spectra.flux[9, 30:150] = 0  # lacks more than max_masked
    spectra.ivar[11, 60:70] = spectra.flux[11, 60:70] = 0
    found = learned(spectra, rank=5, max_sum=1e6, max_masked=100, outlying=0.2, degree=3)
    flux, ivar = (values.astype(float) for values in on_lattice(spectra, found.grid))
    vectors, mask, log_variance, used = oracle.sky_component(
        found.grid.loglam, flux, ivar, rank=5, max_sum=1e6, max_masked=100, outlying=0.2, degree=3
    )
    assert (used, found.provenance["NUSED"], found.provenance["NSPEC"]) == (148, "148", "150")
    assert mask.any()
    np.testing.assert_array_equal(found.mask, mask)
    assert found.provenance["NMASKED"] == str(mask.sum())
    np.testing.assert_allclose(found.whitening.log_variance(found.grid.loglam), log_variance, atol=1e-5)
    np.testing.assert_allclose(found.vectors, vectors, atol=2e-4 * np.abs(vectors).max())
    assert found.vectors.dtype == np.float32
    assert (found.grid.step, found.reference_z, found.spectype) == (STEP, None, "SKY")


def test_recovers_a_covariance_that_is_known(rng):
    """Of many draws with little noise, VVᵀ in flux is that of the two patterns."""
    found = learned(draws(rng, 4000, noise=0.05), outlying=1.0, degree=2)
    assert found.mask is None
    vectors = found.in_flux(GRID)
    expected = shapes().T @ shapes()
    np.testing.assert_allclose(vectors.T @ vectors, expected, atol=0.06 * expected.max())


def test_whitened_noise_has_unit_variance(rng):
    noise = NOISE * rng.normal(size=(3000, GRID.size))
    found = learned(Spectra(GRID.wave, noise, np.broadcast_to(NOISE**-2, noise.shape)))
    np.testing.assert_allclose(np.exp(found.whitening.log_variance(GRID.loglam)), NOISE**2, rtol=0.1)
    assert found.mask is None


def test_pixels_of_prominent_lines_are_masked_with_three_beside_them(rng):
    flux = rng.normal(size=(400, 60))
    flux[:, 30] *= 4
    mask = outlier_mask(flux, np.ones_like(flux), share=1 / 3)
    np.testing.assert_array_equal(np.flatnonzero(mask), np.arange(27, 34))
    # In units of the noise it is no outlier; and pixels that few spectra have are judged by those.
    assert not outlier_mask(flux, np.where(np.arange(60) == 30, 1 / 16, 1.0) * np.ones_like(flux), share=1 / 3).any()
    few = np.ones_like(flux)
    few[20:, 30] = 0
    assert outlier_mask(np.where(few > 0, flux, 0), few, share=1 / 3)[30]


def test_separation_and_scan_take_it(rng):
    spectra = draws(rng, 200)
    found = learned(spectra)
    parts = jaxz.separate(spectra[:3], [found])
    np.testing.assert_allclose(parts.mean.sum(axis=1), parts.flux, atol=1e-9)


def test_gaps_and_empty_spectra_are_passed_over(rng):
    spectra = draws(rng, 100)
    empty = Spectra(spectra.wave, spectra.flux, spectra.ivar * (np.arange(100) > 3)[:, None])
    found = learned(empty, max_masked=100)
    assert found.provenance["NUSED"] == "96"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 0}, "rank=0: use 1 or more"),
        ({"rank": 31}, r"30 of 30 spectra are left .*: too few for rank=31"),
        ({"max_sum": 1e-6}, r"0 of 30 spectra are left \(30 sum to more than 1e-06, .*too few for rank=2"),
        ({"max_sum": 1e9, "outlying": -1.0}, "0 pixels that are not masked"),
    ],
)
def test_options_that_leave_nothing(rng, options, message):
    with pytest.raises(ValueError, match=message):
        learned(draws(rng, 30), **options)


def test_spectra_that_cannot_be_used(rng):
    spectra = draws(rng, 6)
    with pytest.raises(ValueError, match="none of 6 spectra has data: nothing can be learned"):
        learned(Spectra(spectra.wave, spectra.flux, np.zeros_like(spectra.ivar)))
    ivar = np.where(np.arange(240) % 10 < 3, 0, spectra.ivar) + np.eye(6, 240) + np.eye(6, 240)[:, ::-1]
    with pytest.raises(ValueError, match=r"0 of 6 spectra are left .*6 lack more than 5 of 241 pixels"):
        learned(Spectra(spectra.wave, spectra.flux, ivar), max_masked=5)
    other = Spectra(np.linspace(4750, 9350, 240), spectra.flux, spectra.ivar, ids=[f"muse{i}" for i in range(6)])
    with pytest.raises(ValueError, match=r"'0' and 'muse0' begin at 3981 and 4750 Å .*is of one instrument"):
        learned(Spectra.concatenate([spectra, other]))
