"""The target component: against a slow transcription, a shape that is known, and every input that cannot be used."""

import dataclasses

import numpy as np
import pytest

from jaxz import GaussianComponent, Spectra, Whitening, train
from jaxz.models import lattice_z
from jaxz.separation import window_of
from jaxz.train.covariance import on_lattice
from tests import gaussian, oracle

REFERENCE = lattice_z(2.45, gaussian.STEP)
WAVE = (4170.0, 4218.0)
RANGE = (gaussian.ZMIN, gaussian.ZMAX)


def sample(rng, count, *, sigma=0.3, coeff=None):
    """Spectra with sky and a target at random lattice redshifts, and these."""
    sky, target = gaussian.sky(rng, scale=2.0, mask=True), gaussian.target()
    z = np.array([lattice_z(one, gaussian.STEP) for one in rng.uniform(*RANGE, count)])
    return gaussian.lattice_spectra(rng, [sky, target], count, z=z, sigma=sigma, coeff=coeff)[0], z, sky


def learned(spectra, z, sky, **options):
    return train.target_component(spectra, z, sky=sky, **{"wave": WAVE, "spectype": "LAE", **options})


def test_equals_the_slow_transcription(rng):
    spectra, z, sky = sample(rng, 40)
    spectra.ivar[:12, 200:260] = spectra.flux[:12, 200:260] = 0
    found = learned(spectra, z, sky)
    grid = window_of(spectra, gaussian.STEP)
    flux, ivar = (values.astype(float) for values in on_lattice(spectra, grid))
    vectors, used = oracle.target_component(grid.loglam, flux, ivar, z, sky, found.grid, REFERENCE, rank=2, keep=0.75)
    assert (used, found.provenance["NUSED"], found.provenance["NSPEC"]) == (30, "30", "40")
    np.testing.assert_allclose(found.vectors, vectors, atol=1e-4 * np.abs(vectors).max())
    assert found.vectors.dtype == np.float32
    assert (found.reference_z, found.spectype) == (REFERENCE, "LAE")
    np.testing.assert_array_equal(found.whitening.coeff, sky.whitening.coeff)
    np.testing.assert_allclose(found.grid.wave[[0, -1]], WAVE, rtol=gaussian.STEP * 2.4)


def test_recovers_a_covariance_that_is_known(rng):
    """Of many spectra with little noise, VVᵀ is that of the component that they were drawn from."""
    _, z, sky = sample(rng, 600, sigma=0.02)
    sky = dataclasses.replace(sky, vectors=1e-3 * sky.vectors, mask=None)  # it would take part of the line
    flat = gaussian.lattice_spectra(rng, [gaussian.target()], 600, z=z, sigma=0.02)[0]
    found = learned(flat, z, sky, keep=1.0)
    true = gaussian.target()
    expected = np.zeros_like(found.vectors)
    inside = slice(true.grid.start - found.grid.start, true.grid.start - found.grid.start + true.grid.size)
    expected[:, inside] = true.vectors
    np.testing.assert_allclose(
        found.vectors.T @ found.vectors, expected.T @ expected, atol=0.1 * np.max(expected.T @ expected)
    )


def test_the_noisiest_are_left_out(rng):
    spectra, z, sky = sample(rng, 40)
    loud = np.arange(40) % 4 == 1
    noisy = np.where(loud[:, None], 30 * rng.normal(size=spectra.flux.shape), spectra.flux)
    found = learned(Spectra(spectra.wave, noisy, spectra.ivar), z, sky)
    quiet = learned(spectra[~loud], z[~loud], sky, keep=1.0)
    np.testing.assert_array_equal(found.vectors, quiet.vectors)


def test_without_a_whitening_curve(rng):
    spectra, z, sky = sample(rng, 20)
    plain = GaussianComponent(sky.vectors, sky.grid, name="sky")
    assert learned(spectra, z, plain).whitening is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rank": 0}, "rank=0, wave=.*use rank >= 1"),
        ({"wave": (4200.0, 4100.0)}, "increasing Å"),
        ({"keep": 0.0}, "keep=0.0: use .* a share up to 1"),
        ({"rank": 30}, "15 of 20 spectra are left: too few for rank=30"),
        ({"wave": (8000.0, 8050.0)}, "none of 20 spectra has data at its redshift in 8000 to 8050 Å at z = 2.4498"),
    ],
)
def test_options_that_cannot_be(rng, options, message):
    with pytest.raises(ValueError, match=message):
        learned(*sample(rng, 20), **options)


def test_spectra_that_cannot_be_used(rng):
    spectra, z, sky = sample(rng, 8)
    with pytest.raises(ValueError, match="8 spectra need a redshift each, 2 have none: leave the others out"):
        learned(spectra, np.where(np.arange(8) < 2, np.nan, z), sky)
    with pytest.raises(ValueError, match=r"z has shape \(7,\)"):
        learned(spectra, z[:7], sky)
    with pytest.raises(ValueError, match="none of 8 spectra has data"):
        learned(Spectra(spectra.wave, spectra.flux, np.zeros_like(spectra.ivar)), z, sky)
    with pytest.raises(ValueError, match="sky component 'LAE' is shiftable"):
        learned(spectra, z, gaussian.target())
    elsewhere = Spectra(spectra.wave + 1000, spectra.flux, spectra.ivar)
    with pytest.raises(ValueError, match=r"spectra from 46\d\d to .* and sky component 'sky' from 36\d\d to .* Å"):
        learned(elsewhere, z, sky)
    curve = Whitening(np.array([np.log(4.0)]), 3.5, 3.7)
    assert np.all(np.isfinite(learned(spectra, z, dataclasses.replace(sky, whitening=curve)).vectors))
