import numpy as np
import pytest

import jaxz
from jaxz import ErrorModel, NonNegative
from jaxz.likelihood import fitted_flux
from jaxz.separation import separate
from jaxz.spectra import Spectra
from tests import gaussian, oracle, small


@pytest.fixture(scope="module")
def sky():
    return gaussian.sky(np.random.default_rng(3), mask=True)


@pytest.fixture(scope="module")
def lae():
    return gaussian.target(scale=10.0)


@pytest.fixture
def drawn(rng, sky, lae):
    """Three spectra with gaps, and the flux of each component in them."""
    z = np.array([2.05, 2.12, 2.2])
    spectra, coeff = gaussian.lattice_spectra(rng, [sky, lae], 3, z=z)
    ivar = spectra.ivar.copy()
    ivar[:, 200:210] = 0
    return Spectra(spectra.wave, spectra.flux, ivar, ids=spectra.ids), coeff, z


def test_means_sum_to_the_data_to_round_off(drawn, sky, lae):
    spectra, _, z = drawn
    parts = separate(spectra, [sky, lae], z=z)
    assert parts.names == ("sky", "LAE")
    data = parts.ivar > 0
    total = parts.mean.sum(axis=1)
    assert np.max(np.abs(total - parts.flux)[data]) < 1e-13 * np.max(np.abs(parts.flux[data]))
    assert np.isnan(parts.mean[:, -1][~data]).all()
    assert np.isfinite(parts.mean[:, :-1]).all()
    np.testing.assert_allclose(parts.ivar.sum(axis=1), spectra.ivar.sum(axis=1), rtol=1e-9)


def test_means_and_variances_are_the_dense_ones(drawn, sky, lae):
    spectra, _, z = drawn
    parts = separate(spectra, [sky, lae], z=z)
    for row in range(3):
        vectors = [sky.in_flux(parts.grid), lae.at(z[row]).in_flux(parts.grid)]
        flux = np.nan_to_num(parts.flux[row])
        masked = np.zeros(parts.grid.size, dtype=bool)
        offset = sky.grid.start - parts.grid.start
        masked[np.flatnonzero(sky.mask) + offset] = True
        ivar = np.where(masked, 0, parts.ivar[row])
        dense, good = oracle.covariance(ivar, *vectors)
        inverse = np.linalg.inv(dense)
        for part, rows in enumerate(vectors):
            prior = rows.T @ rows
            mean = prior[:, good] @ inverse @ flux[good]
            variance = np.diag(prior - prior[:, good] @ inverse @ prior[good])
            there = ~masked if part == 0 else np.ones_like(masked)
            np.testing.assert_allclose(parts.mean[row, part][there], mean[there], atol=1e-7)
            np.testing.assert_allclose(parts.variance[row, part][there], variance[there], atol=1e-7)
        noise = inverse @ flux[good] / ivar[good]
        np.testing.assert_allclose(parts.mean[row, 2][good], noise, atol=1e-7)
        np.testing.assert_allclose(
            parts.variance[row, 2][good], (1 / ivar[good] - np.diag(inverse) / ivar[good] ** 2), atol=1e-7
        )
        assert parts.chi2[row] == pytest.approx(flux[good] @ inverse @ flux[good], rel=1e-9)
        # What the sky masks is its own.
        kept = masked & (parts.ivar[row] > 0)
        assert kept.sum() == 4
        np.testing.assert_allclose(parts.mean[row, 0][kept], (flux - parts.mean[row, 1])[kept])
        np.testing.assert_allclose(parts.variance[row, 0][kept], 1 / parts.ivar[row][kept])
        assert np.all(parts.mean[row, 2][kept] == 0)


def test_line_flux_is_the_integral_and_its_error_holds(rng, lae):
    """Drawn from the prior, the pulls of the flux have unit width."""
    z = np.full(200, 2.1)
    spectra, coeff = gaussian.lattice_spectra(rng, [lae], 200, z=z)
    parts = separate(spectra, [lae], z=z)
    width = np.diff(10.0 ** ((parts.grid.start - 0.5 + np.arange(parts.grid.size + 1)) * parts.grid.step))
    truth = coeff[0] @ lae.at(2.1).in_flux(parts.grid) @ width
    np.testing.assert_allclose(parts.line_flux[:, 0], parts.mean[:, 0] @ width, rtol=1e-9)
    pull = (parts.line_flux[:, 0] - truth) / parts.line_flux_err[:, 0]
    assert 0.85 < np.std(pull) < 1.15
    assert parts.coeff_covariance.shape == (200, 2, 2)
    off = (parts.coeff - coeff[0]) / np.sqrt(np.diagonal(parts.coeff_covariance, axis1=1, axis2=2))
    assert 0.85 < np.std(off) < 1.15


def test_a_spectrum_without_redshift_has_only_the_fixed_components(drawn, sky, lae):
    spectra, _, z = drawn
    gone = separate(spectra, [sky, lae], z=np.array([np.nan, *z[1:]]))
    sky_only = separate(spectra, [sky])
    assert np.all(gone.mean[0, 1] == 0)
    assert np.all(gone.variance[0, 1] == 0)
    assert gone.line_flux_err[0, 1] == 0
    np.testing.assert_allclose(gone.mean[0, 0], sky_only.mean[0, 0], atol=1e-9)
    assert np.isnan(gone.z[0])


def test_neither_batch_size_nor_a_bad_spectrum_changes_a_bit(drawn, sky, lae):
    spectra, _, z = drawn
    alone = separate(spectra, [sky, lae], z=z)
    empty = Spectra(spectra.wave[0], spectra.flux[0], np.zeros(480), ids=["empty"])
    company = Spectra.concatenate([spectra[:1], empty, spectra[1:]])
    other = separate(company, [sky, lae], z=np.insert(z, 1, 2.1), batch_size=1)
    np.testing.assert_array_equal(other.mean[[0, 2, 3]], alone.mean)
    np.testing.assert_array_equal(other.variance[[0, 2, 3]], alone.variance)
    assert np.isnan(other.mean[1]).all()
    assert np.all(other.ivar[1] == 0)
    nothing = separate(empty, [sky, lae], z=np.array([2.1]))
    assert np.isnan(nothing.chi2[0])


def test_it_is_the_decomposition_that_the_scan_measures(drawn, sky, lae):
    """χ² at the redshift found is that of the separation there, less the pixels that no component reaches."""
    spectra, _, _ = drawn
    scan = jaxz.madgics_scan(spectra, target=lae, nuisance=[sky], zmin=2.0, zmax=2.25)
    best = jaxz.find_redshifts(scan, spectra)
    parts = jaxz.separate(spectra, [sky, lae], z=best.z)
    np.testing.assert_allclose(parts.chi2, best.chi2, rtol=1e-4)
    np.testing.assert_allclose(parts.coeff[:, len(sky) :], best.coeff, atol=0.05)


def test_the_continuum_of_an_error_model_is_a_part(rng):
    """It is the one of the best fit, the parts sum to the data, and its variance is that of Gaussian columns."""
    z = np.array([0.1, 0.2])
    spectra, _ = small.spectra(rng, z, 10.0)
    flux = spectra.flux * np.linspace(0.8, 1.2, spectra.flux.shape[1])
    flux[1, 300] += 500 / np.sqrt(spectra.ivar[1, 300])
    spectra = Spectra(spectra.wave, flux, spectra.ivar, ids=spectra.ids)
    model = NonNegative(small.basis(), error=ErrorModel(order=3))
    parts = separate(spectra, model, z=z)
    assert parts.names == ("SMALL", "continuum")
    data = parts.ivar > 0
    np.testing.assert_allclose(parts.mean.sum(axis=1)[data], parts.flux[data], rtol=1e-12)
    assert np.isnan(parts.flux[1, np.searchsorted(parts.grid.wave, spectra.wave[1, 300])])
    given = (spectra, small.basis(), z, parts.coeff[:, :4])
    distortion = fitted_flux(*given, error=model.error) - fitted_flux(*given)
    for row in range(2):
        place = np.searchsorted(parts.grid.wave, spectra.wave[row, 20:-20])
        scale = np.max(np.abs(distortion[row, 20:-20]))
        assert scale > 0.01
        np.testing.assert_allclose(parts.mean[row, 1, place], distortion[row, 20:-20], atol=0.01 * scale)
    assert np.all(parts.variance[:, 1][data] > 0)
    assert np.all(parts.coeff_covariance[:, :4] == 0)
    own = np.diagonal(parts.coeff_covariance, axis1=1, axis2=2)[:, 4:]
    assert np.all((own > 0) & (own <= 1))
    without = separate(spectra, NonNegative(small.basis(), error=ErrorModel(order=0)), z=z)
    assert without.names == ("SMALL",)


def test_wrong_use_raises(drawn, sky, lae):
    spectra, _, z = drawn
    with pytest.raises(ValueError, match="give at least one"):
        separate(spectra, [])
    with pytest.raises(ValueError, match="need one redshift for each spectrum"):
        separate(spectra, [sky, lae])
    with pytest.raises(ValueError, match=r"z has shape \(2,\)"):
        separate(spectra, [lae], z=z[:2])
    with pytest.raises(ValueError, match="with_step"):
        separate(spectra, [sky, lae.with_step(2e-4)], z=z)
