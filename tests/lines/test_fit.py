"""Lines of known fluxes are found, their errors are right, and what cannot be measured is said to be so."""

import numpy as np
import pytest

from jaxz import Spectra, fit_lines, io, mock
from jaxz.lines.known import LIGHT_SPEED
from jaxz.models import Basis
from jaxz.spectra import LogGrid
from tests.lines import simulated
from tests.lines.simulated import OPTICAL, REST, WAVE

NSPEC = 60
RESOLVING = 2500.0


def fitted(spectra, z, **options):
    return fit_lines(spectra, np.atleast_1d(z), simulated.basis(), **options)


def column(found, name, what="flux"):
    return getattr(found, what)[:, found.names.index(name)]


@pytest.fixture(scope="module")
def many():
    """Return fits of many spectra with the same lines."""
    z = np.linspace(0.05, 0.35, NSPEC)
    spectra, clean = simulated.spectra(np.random.default_rng(4), z)
    return fitted(spectra, z), spectra, clean


@pytest.mark.parametrize("name", OPTICAL)
def test_fluxes_and_their_errors(many, name):
    found, _, _ = many
    pull = (column(found, name) - OPTICAL[name]) / column(found, name, "fluxerr")
    assert abs(pull.mean()) < 4 / np.sqrt(NSPEC)
    assert 0.7 < pull.std() < 1.3


def test_velocity_width_and_their_errors(many):
    found, _, _ = many
    for what, true in (("velocity", 60.0), ("width", 90.0)):
        pull = (column(found, "[O III] 5008", what) - true) / column(found, "[O III] 5008", what + "err")
        assert abs(pull.mean()) < 4 / np.sqrt(NSPEC)
        assert 0.7 < pull.std() < 1.3


def test_lines_that_are_not_there_scatter_about_zero(many):
    found, _, _ = many
    absent = [line for line, name in enumerate(found.names) if name not in OPTICAL]
    snr = found.snr[:, absent]
    snr = snr[np.isfinite(snr)]
    assert len(snr) > 10 * NSPEC
    assert abs(snr.mean()) < 0.15
    assert 0.85 < snr.std() < 1.15


def test_equivalent_widths_are_flux_over_continuum(many):
    found, _, _ = many
    line = found.names.index("Hα")
    ratio = found.flux[:, line] / found.level[:, line] / (1 + found.z)
    positive = found.level[:, line] > 0
    assert 0.5 < positive.mean() < 1
    np.testing.assert_allclose(found.ew[:, line], np.where(positive, ratio, np.nan), rtol=1e-12)
    assert (found.ewerr[positive, line] > 0).all()
    row, pixel = 3, np.argmin(np.abs(WAVE - REST["Hα"] * (1 + found.z[3])))
    assert found.level[row, line] == pytest.approx(found.continuum[row, pixel], rel=0.02)


def test_model_is_the_spectrum_without_noise(many):
    found, spectra, clean = many
    assert found.model.shape == spectra.flux.shape
    residual = found.continuum + found.lines - clean
    assert np.sqrt(np.mean(residual**2)) < 0.25
    np.testing.assert_allclose(found.chi2, np.sum((spectra.flux - found.continuum - found.lines) ** 2, axis=1))
    assert abs(np.mean(found.chi2 / found.npixels) - 0.98) < 0.02
    assert (found.model >= 0).all()


def test_total_signal_to_noise_counts_what_is_detected(many):
    found, _, _ = many
    snr = np.where(found.snr > 3, found.snr, 0) * (np.array(found.kind) != "absorption")
    assert (found.total_snr >= 0.99 * np.sqrt(np.sum(snr**2, axis=1))).all()
    assert found.detected[:, found.names.index("[O III] 5008")].all()


def test_line_spread_is_taken_out(many):
    _, spectra, _ = many
    wide = fitted(spectra, np.linspace(0.05, 0.35, NSPEC), lsf=lambda wave: wave / RESOLVING)
    observed = many[0]
    line = observed.names.index("[O III] 5008")
    spread = LIGHT_SPEED / 2.3548 / RESOLVING
    np.testing.assert_allclose(np.hypot(wide.width[:, line], spread), observed.width[:, line], rtol=0.02)
    np.testing.assert_allclose(wide.flux[:, line], observed.flux[:, line], rtol=0.01)


def test_what_cannot_be_fitted_is_nan_and_changes_nothing_else(many):
    found, spectra, _ = many
    ivar = spectra.ivar.copy()
    ivar[1] = 0
    z = found.z[:4].copy()
    z[2] = np.nan
    again = fitted(Spectra(WAVE, spectra.flux[:4], ivar[:4], ids=spectra.ids[:4]), z)
    for name in ("flux", "ew", "velocity", "continuum"):
        values = getattr(again, name)
        assert np.isnan(values[1:3]).all()
        np.testing.assert_array_equal(values[[0, 3]], getattr(found, name)[[0, 3]])
    assert np.isnan(again.chi2[1:3]).all()
    assert np.isnan(again.total_snr[1:3]).all()


def test_lines_without_good_pixels_are_nan(many):
    found, spectra, _ = many
    centre = REST["Hβ"] * (1 + found.z[0])
    ivar = np.where(np.abs(WAVE - centre) < 12, 0, spectra.ivar[:1])
    again = fitted(Spectra(WAVE, spectra.flux[:1], ivar), found.z[:1])
    assert np.isnan(column(again, "Hβ"))
    assert np.isnan(column(found, "[O II] 3727")[0])
    assert column(again, "Hα")[0] == pytest.approx(column(found, "Hα")[0], rel=0.05)


@pytest.mark.parametrize("peaks", [1, 2])
def test_lya_with_one_peak_and_two(rng, peaks):
    z = np.full(4, 4.0)
    spectra, _ = simulated.spectra(rng, z, {}, level=0.3)
    centre, flux = REST["Lyα"] * 5.0, np.array(spectra.flux)
    for velocity, total in [(250.0, 300.0), (-350.0, 150.0)][:peaks]:
        flux += simulated.line(WAVE, centre * (1 + velocity / LIGHT_SPEED), total, 120.0)[None]
    found = fitted(Spectra(WAVE, flux, spectra.ivar), z)
    assert np.isfinite(column(found, "Lyα blue")).all() == (peaks == 2)
    pull = (column(found, "Lyα") - (450.0 if peaks == 2 else 300.0)) / column(found, "Lyα", "fluxerr")
    assert np.abs(pull).max() < 3.5
    assert np.abs(column(found, "Lyα", "velocity") - 250).max() < 100


@pytest.mark.parametrize("velocity", [-250.0, -520.0, -750.0])
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_a_blue_peak_is_found_where_it_is(rng, velocity, share):
    z = np.full(2, 4.0)
    spectra, _ = simulated.spectra(rng, z, {}, level=0.3)
    centre, flux = REST["Lyα"] * 5.0, np.array(spectra.flux)
    for at, total in ((270.0, 300.0), (velocity, share * 300.0)):
        flux += simulated.line(WAVE, centre * (1 + at / LIGHT_SPEED), total, 110.0)[None]
    found = fitted(Spectra(WAVE, flux, spectra.ivar), z)
    assert np.abs(column(found, "Lyα blue", "velocity") - velocity).max() < 60
    assert column(found, "Lyα blue", "width") == pytest.approx(110, rel=0.3)
    assert np.abs(column(found, "Lyα") / (1 + share) / 300 - 1).max() < 0.05


def test_finer_pixels_of_another_spectrum_change_nothing(rng):
    coarse, _ = simulated.spectra(rng, np.full(1, 4.0), {}, level=0.3)
    centre, fine = REST["Lyα"] * 5.0, np.linspace(WAVE[0], WAVE[-1], 2 * len(WAVE))
    flux = np.array(coarse.flux)
    for at, total, width in ((270.0, 300.0, 110.0), (-520.0, 250.0, 110.0), (900.0, 100.0, 500.0)):
        flux += simulated.line(WAVE, centre * (1 + at / LIGHT_SPEED), total, width)[None]
    one = Spectra(WAVE, flux, coarse.ivar, ids=["coarse"])
    other = Spectra(fine, rng.normal(0.3, 1, (1, len(fine))), np.ones((1, len(fine))), ids=["fine"])
    alone, together = fitted(one, np.array([4.0])), fitted(Spectra.concatenate([other, one]), np.full(2, 4.0))
    for name in ("flux", "fluxerr", "ew", "ewerr", "velocity", "velocityerr", "width", "level", "chi2"):
        expected, found = getattr(alone, name)[0], getattr(together, name)[1]
        np.testing.assert_allclose(found, expected, rtol=1e-9, err_msg=name)


def test_a_wing_that_is_in_no_model_makes_lya_less_certain(rng):
    z = np.full(2, 4.0)
    spectra, _ = simulated.spectra(rng, z, {}, level=0.3)
    centre, flux = REST["Lyα"] * 5.0, [np.array(spectra.flux), np.array(spectra.flux)]
    for at, total, width in ((200.0, 3000.0, 100.0), (900.0, 300.0, 500.0)):
        line = simulated.line(WAVE, centre * (1 + at / LIGHT_SPEED), total, width)[None]
        flux[0] += line
        flux[1] += line if width < 200 else 0
    winged, plain = (fitted(Spectra(WAVE, one, spectra.ivar), z) for one in flux)
    assert np.all(column(winged, "Lyα", "fluxerr") > 1.5 * column(plain, "Lyα", "fluxerr"))
    assert np.abs(column(winged, "Lyα") / 3300 - 1).max() < 0.1
    assert not np.any(column(winged, "Lyα blue") < 0)


@pytest.mark.parametrize(("name", "z", "off"), [("00053", 4.776, 0.1), ("00106", 3.278, 0.06), ("00109", 3.082, 0.06)])
def test_lya_of_real_galaxies_is_what_the_pixels_sum_to(data, name, z, off):
    spectrum = io.read(data / "muse_udf10" / f"udf10_{name}.fits")
    found = fit_lines(spectrum, np.array([z]), io.load_basis("continuum"), lsf=mock.INSTRUMENTS["muse"]().fwhm)
    wave, flux = spectrum.wave[0], spectrum.flux[0]
    velocity = (wave / (REST["Lyα"] * (1 + z)) - 1) * LIGHT_SPEED
    beside = [np.median(flux[(np.abs(velocity) < 6000) & (sign * velocity > 2500)]) for sign in (-1, 1)]
    near = np.abs(velocity) < 1800
    total = np.sum((flux - np.where(velocity < 0, *beside))[near] * np.gradient(wave)[near])
    assert column(found, "Lyα")[0] == pytest.approx(total, rel=off)


def test_wrong_arguments_are_named(many):
    _, spectra, _ = many
    with pytest.raises(ValueError, match="give one redshift for each spectrum"):
        fit_lines(spectra, np.zeros(2), simulated.basis())
    grid = LogGrid.covering(3000.0, 4000.0)
    negative = Basis(np.linspace(-1, 1, grid.size)[None], grid, method="PCA", name="PCA")
    with pytest.raises(ValueError, match=r"'PCA' has negative values: .*load_basis\('continuum'\)"):
        fit_lines(spectra, np.zeros(NSPEC), negative)
