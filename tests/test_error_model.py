"""The error model: its formula, and the fits that it takes part in."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from numpy.polynomial import legendre

import jaxz
from jaxz import Columns, ErrorModel, LogGrid, NonNegative, OwnColumns, Pixels, Spectra
from jaxz.models.error import SMOOTHING, WIDTH, smoothed
from tests import dense
from tests.test_models import GRID, REST, STEP, WINDOW, ZMAX, ZMIN, at, basis, on_window, spectra  # noqa: F401

WIDE = LogGrid(35600, 4000, STEP)


@pytest.fixture
def pixels(rng):
    """A continuum with two lines, a gap and pixels of two widths."""
    wave = np.concatenate([WIDE.wave[:2000], WIDE.wave[2000::2]])
    flux = 3 + np.sin(np.arange(len(wave)) / 700) + 20 * np.exp(-0.5 * ((wave - wave[900]) / 4) ** 2)
    ivar = rng.uniform(0.5, 2, len(wave)) * 25
    ivar[1200:1300] = 0
    flux = flux + rng.normal(size=len(wave)) / np.sqrt(np.where(ivar > 0, ivar, 1))
    with jax.enable_x64(True):
        return wave, np.where(ivar > 0, flux, 0), ivar, Pixels.of(wave, np.where(ivar > 0, flux, 0), ivar, step=STEP)


def smooth(wave, flux, ivar, width):
    """Gaussian sums over all pixels, as they are written; a pixel's ivar is spread over its width."""
    x = np.log10(wave)
    kernel = np.exp(-0.5 * ((x[:, None] - x[None]) / width) ** 2)
    return np.abs(kernel @ (ivar * flux) / (kernel @ ivar))


def test_the_formula(pixels):
    wave, flux, ivar, given = pixels
    error = ErrorModel(floor=0.1, lines=0.2, continuum=0.3, order=4)
    with jax.enable_x64(True):
        found, columns = error.applied(given, STEP)
        middle = (given.edges[1:] + given.edges[:-1]) / 2
        rows = np.asarray(columns(middle))
        found_level = np.asarray(smoothed(given, SMOOTHING / STEP)(middle))
    good = ivar > 0
    np.testing.assert_allclose(found_level, smooth(wave, flux, ivar, SMOOTHING), rtol=0.01)
    width = np.diff(given.edges) * STEP
    sigma = 1 / np.sqrt(ivar[good])
    level = found_level[good]
    above = np.maximum(np.abs(flux[good] - level) - 3 * sigma, 0)
    added = ((0.1 * level) ** 2 + (0.2 * above) ** 2) * WIDTH / width[good]
    np.testing.assert_allclose(found.ivar[good], 1 / (sigma**2 + added), rtol=1e-10)
    assert np.all(np.asarray(found.ivar)[~good] == 0)
    x = 2 * (np.asarray(middle) - given.edges[0]) / (given.edges[-1] - given.edges[0]) - 1
    assert len(rows) == 4
    for order, row in enumerate(rows, 1):
        expected = 0.3 * legendre.legval(x, np.eye(5)[order]) * found_level
        np.testing.assert_allclose(row, expected, rtol=1e-9, atol=1e-12)


def test_finer_pixels_are_given_the_same_information(rng):
    """Each pixel cut in two, with the noise that a half has: the floor weighs as much as before."""
    flux, ivar = 5 + np.zeros(1000), np.full(1000, 1e3)
    fine = LogGrid(2 * 35600, 2000, STEP / 2)
    with jax.enable_x64(True):
        total = [
            float(np.sum(ErrorModel().applied(Pixels.of(wave, f, v, step=STEP), STEP)[0].ivar))
            for wave, f, v in (
                (LogGrid(35600, 1000, STEP).wave, flux, ivar),
                (fine.wave, np.repeat(flux, 2), np.repeat(ivar, 2) / 2),
            )
        ]
    assert total[1] == pytest.approx(total[0], rel=1e-3)


def test_the_unit_of_flux_does_not_matter(pixels):
    wave, flux, ivar, given = pixels
    with jax.enable_x64(True):
        one, _ = ErrorModel().applied(given, STEP)
        other, _ = ErrorModel().applied(Pixels.of(wave, flux * 1e-17, ivar * 1e34, step=STEP), STEP)
    np.testing.assert_allclose(other.ivar, one.ivar * 1e34, rtol=1e-9)


def test_the_curve_is_that_of_the_dense_model(basis, spectra):  # noqa: F811
    """With own columns of another kind beside those of the error model, and free nuisance columns."""
    error = ErrorModel(floor=0.05, lines=0.1, continuum=0.5, order=2)
    tilt = Columns(np.linspace(0, 1, GRID.size)[None], GRID, kind="free")
    own = np.linspace(1, 0, GRID.size)[None, None] * np.ones((3, 1, 1))
    model = NonNegative(basis, [tilt], error=error)
    found = jaxz.scan(spectra, model, zmin=ZMIN, zmax=ZMAX, precision="float64", own=OwnColumns(own))
    for row in range(3):
        with jax.enable_x64(True):
            given = Pixels.of(spectra.wave[row], spectra.flux[row], spectra.ivar[row], step=STEP)
            changed, columns = error.applied(given, STEP)
            distortion = np.asarray(columns(jnp.arange(WINDOW.size, dtype=float) - (int(given.start) - WINDOW.start)))
        with_floor = Spectra(spectra.wave[row], spectra.flux[row], np.asarray(changed.ivar))
        flux, ivar, one = on_window(with_floor, 0, own[row, 0])
        fixed = dense.shifted(tilt.vectors, GRID.start - WINDOW.start, WINDOW.size)
        for k in (0, 33, 128):
            parts = (at(basis.vectors, k), "non-negative"), (fixed, "free"), (distortion, "gaussian")
            expected, _ = dense.minimum(flux, ivar, *parts, (one[None], "non-negative"))
            assert found.chi2[row, k] == pytest.approx(expected, rel=1e-7)


def test_the_closer_look_and_the_best_fit_have_it_too(basis, spectra):  # noqa: F811
    model = NonNegative(basis, error=ErrorModel(continuum=0.3, order=3))
    found = jaxz.scan(spectra, model, zmin=ZMIN, zmax=ZMAX, precision="float64")
    best = jaxz.find_redshifts(found, spectra)
    lowest = found.chi2.min(axis=1)
    assert np.all(best.chi2 <= lowest * (1 + 1e-3))
    assert np.all(best.chi2 > lowest - 30)
    with jax.enable_x64(True):
        given = Pixels.of(GRID.wave, spectra.flux[0], spectra.ivar[0], step=STEP)
        z = jnp.asarray(best.z[0])
        assert float(jaxz.chi2(model, given, z)) == pytest.approx(best.chi2[0], rel=1e-6)
        parts = model.predict(given, z)
        changed, columns = model.error.applied(given, STEP)
        rows = columns((given.edges[1:] + given.edges[:-1]) / 2)
        coeff = np.linalg.lstsq(np.asarray(rows).T, np.asarray(parts[-1]), rcond=None)[0]
        residual = np.asarray(given.flux - parts.sum(axis=0))
    np.testing.assert_allclose(coeff @ np.asarray(rows), parts[-1], atol=1e-8)
    total = np.sum(residual**2 * np.asarray(changed.ivar)) + np.sum(coeff**2)
    assert total == pytest.approx(best.chi2[0], rel=1e-6)


def test_chi2_can_be_differentiated_by_the_error_model(basis, spectra):  # noqa: F811
    pixels = Pixels.of(GRID.wave, spectra.flux[0], spectra.ivar[0], step=STEP)

    def value(floor, lines, continuum, z):
        error = ErrorModel(floor, lines, continuum, order=2)
        return jaxz.chi2(NonNegative(basis, error=error), pixels, z) / 1000

    with jax.enable_x64(True):
        given = tuple(map(jnp.asarray, (0.1, 0.2, 0.3, 10 ** (20.3 * STEP) - 1)))
        check_grads(jax.jit(value), given, order=1, modes=("fwd", "rev"), atol=1e-5, rtol=1e-5, eps=1e-7)


@pytest.mark.parametrize(
    "wrong", [{"floor": -0.1}, {"lines": np.inf}, {"continuum": np.nan}, {"fwhm": -1.0}, {"order": -1}]
)
def test_wrong_numbers_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ErrorModel(**wrong)


def test_it_has_no_place_in_a_fit_without_weights(basis):  # noqa: F811
    with pytest.raises(ValueError, match="use weighting='ivar'"):
        NonNegative(basis, error=ErrorModel(), weighting="uniform")
