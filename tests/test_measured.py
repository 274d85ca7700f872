"""Spectra from quantities, masked arrays, variances, errors and wavelengths in air are those of the plain arrays."""

from typing import Any

import astropy.units as u
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from astropy.utils.masked import Masked
from hypothesis import given

from jaxz import Spectra
from jaxz.air import airtovac, vactoair

NPIX = 6
ONES = np.ones(NPIX)
WAVE = np.linspace(5000.0, 5010.0, NPIX)
FLAM = u.Unit("1e-17 erg / (s cm2 Angstrom)")
FLUXES = hnp.arrays(np.float64, (2, NPIX), elements=st.floats(-1e3, 1e3, width=16))
ERRORS = hnp.arrays(np.float64, (2, NPIX), elements=st.floats(0.0625, 1e3, width=16))
MASKS = hnp.arrays(bool, (2, NPIX))


def same(one: Spectra, other: Spectra, rtol: float = 0) -> None:
    for name in ("wave", "flux", "ivar"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=rtol)
        assert getattr(one, name).dtype == getattr(other, name).dtype


@given(FLUXES, ERRORS)
def test_quantities_are_the_plain_numbers(flux: np.ndarray, error: np.ndarray) -> None:
    plain = Spectra(WAVE, flux, error**-2)
    noise: dict[str, Any] = {"ivar": error**-2 * FLAM**-2, "var": error**2 * FLAM**2, "error": error * FLAM}
    for kind, values in noise.items():
        for of_noise in (values, values.to(values.unit * 1e6), values.value):
            spectra = Spectra(u.Quantity(WAVE, u.AA).to(u.um), flux * FLAM, **{kind: of_noise})
            same(spectra, plain, rtol=1e-11)
            assert [u.Unit(unit) for unit in spectra.meta["FLUXUNIT"]] == [FLAM] * 2


@given(FLUXES, ERRORS, MASKS, MASKS)
def test_masked_pixels_have_no_data(
    flux: np.ndarray, error: np.ndarray, in_flux: np.ndarray, in_noise: np.ndarray
) -> None:
    plain = Spectra(WAVE, flux, np.where(in_flux | in_noise, 0, error**-2))
    same(Spectra(WAVE, np.ma.array(flux, mask=in_flux), np.ma.array(error**-2, mask=in_noise)), plain)
    same(Spectra(WAVE, np.ma.array(flux, mask=in_flux), error=np.ma.array(error, mask=in_noise)), plain, rtol=1e-12)
    quantities = Masked(flux * FLAM, in_flux), Masked(error**-2 * FLAM**-2, in_noise)
    same(Spectra(WAVE, *quantities), plain)


@given(hnp.arrays(bool, NPIX).filter(lambda masked: np.count_nonzero(~masked) >= 2), FLUXES)
def test_a_masked_wavelength_lies_between_the_others_and_has_no_data(masked: np.ndarray, flux: np.ndarray) -> None:
    wave = np.ma.array(np.where(masked, -7.0, WAVE), mask=masked)
    spectra = Spectra(wave, flux, np.ones_like(flux))
    np.testing.assert_allclose(spectra.wave, np.broadcast_to(WAVE, flux.shape), rtol=1e-14)
    np.testing.assert_array_equal(spectra.ivar > 0, np.broadcast_to(~masked, flux.shape))
    assert (spectra.flux[:, masked] == 0).all()
    each = np.ma.array(np.tile(wave.data, (2, 1)), mask=np.stack([masked, np.zeros_like(masked)]))
    with_whole = Spectra(np.ma.where(np.array([[True], [False]]), each, WAVE), flux, np.ones_like(flux))
    assert with_whole.npixels.tolist() == [np.count_nonzero(~masked), NPIX]


@pytest.mark.parametrize("kind", ["var", "error"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf, -np.inf])
def test_noise_that_is_not_positive_and_finite_is_no_data(kind: str, value: float) -> None:
    values = np.ones(NPIX)
    values[2] = value
    noise: dict[str, Any] = {kind: values}
    assert Spectra(WAVE, np.ones(NPIX), **noise).ivar.tolist() == [[1, 1, 0, 1, 1, 1]]


def test_float32_stays_float32_where_its_range_allows() -> None:
    flux = np.ones(NPIX, np.float32)
    for noise in ({"ivar": flux * FLAM**-2}, {"var": flux * FLAM**2}):
        spectra = Spectra(WAVE, flux * FLAM, **noise)
        assert spectra.flux.dtype == spectra.ivar.dtype == np.float32
    tiny = flux * np.float32(1e-20)
    spectra = Spectra(WAVE, tiny, error=tiny)
    assert spectra.flux.dtype == np.float32
    np.testing.assert_allclose(spectra.flux * np.sqrt(spectra.ivar), 1, rtol=1e-6)


@given(FLUXES, ERRORS)
def test_flux_per_frequency_becomes_flux_per_wavelength(flux: np.ndarray, error: np.ndarray) -> None:
    cgs = u.erg / (u.s * u.cm**2 * u.AA)
    expected = (flux * u.uJy).to(cgs, u.spectral_density(WAVE * u.AA))
    spread = (error * u.uJy).to(cgs, u.spectral_density(WAVE * u.AA))
    spectra = Spectra(WAVE * u.AA, flux * u.uJy, error=error * u.uJy)
    same(spectra, Spectra(WAVE, expected.value, error=spread.value), rtol=1e-12)
    assert u.Unit(spectra.meta["FLUXUNIT"][0]) == cgs


def test_photons_and_surface_brightness_become_flux_per_wavelength() -> None:
    cgs = u.erg / (u.s * u.cm**2 * u.AA)
    photons = u.ph / (u.s * u.cm**2 * u.AA)
    expected = (ONES * photons).to_value(cgs, u.spectral_density(WAVE * u.AA))
    found = Spectra(WAVE, ONES * photons, error=2 * ONES * photons)
    same(found, Spectra(WAVE, expected, error=2 * expected), rtol=1e-12)
    assert u.Unit(found.meta["FLUXUNIT"][0]) == cgs
    for area in (u.arcsec**2, u.pix):
        kept = Spectra(WAVE, ONES * FLAM / area, ONES)
        same(kept, Spectra(WAVE, ONES, ONES))
        assert u.Unit(kept.meta["FLUXUNIT"][0]) == FLAM / area
        found = Spectra(WAVE, ONES * u.uJy / area, error=ONES * u.uJy / area)
        same(found, Spectra(WAVE, ONES * u.uJy, error=ONES * u.uJy))
        assert u.Unit(found.meta["FLUXUNIT"][0]) == cgs / area


def test_columns_of_tables_are_taken_with_their_units_and_masks() -> None:
    table = Table({"wave": WAVE / 10, "flux": np.ones(NPIX)}, units={"wave": "nm", "flux": FLAM})
    table["error"] = MaskedColumn(np.full(NPIX, 200.0), mask=np.arange(NPIX) == 3, unit=FLAM / 100)
    spectra = Spectra(table["wave"], table["flux"], error=table["error"])
    np.testing.assert_allclose(spectra.wave[0], WAVE, rtol=1e-14)
    np.testing.assert_allclose(spectra.ivar[0], [0.25, 0.25, 0.25, 0, 0.25, 0.25], rtol=1e-12)


def test_wavelengths_in_air_become_vacuum() -> None:
    ones = np.ones(NPIX)
    same(Spectra(WAVE, ones, ones, air=True), Spectra(airtovac(WAVE), ones, ones))
    per_frequency = Spectra(WAVE, ones * u.Jy, ones, air=True)
    np.testing.assert_array_equal(per_frequency.flux, Spectra(airtovac(WAVE), ones * u.Jy, ones).flux)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "frequency": ({"wave": WAVE * u.GHz}, "wave is in GHz: give increasing wavelengths, in Angstrom"),
    "velocity": ({"wave": WAVE * u.km / u.s}, "wave is in km / s"),
    "length": ({"flux": ONES * u.m}, "flux is in m: give f_λ"),
    "counts": ({"flux": ONES * u.ct}, "flux is in ct: .* flux.value"),
    "magnitudes": ({"flux": ONES * u.ABmag}, r"flux is in mag\(AB\)"),
    "all of a band": ({"flux": ONES * FLAM * u.AA}, "flux is in .*: give f_λ"),
    "ivar in error's unit": ({"ivar": ONES * FLAM}, "ivar is in .*, and flux is in .*: give ivar in 1e.34 cm4"),
    "error in Jy": ({"ivar": None, "error": ONES * u.Jy}, "error is in Jy, and flux is in .*: give error in 1e-17 erg"),
    "flux without unit": ({"flux": ONES, "ivar": ONES * FLAM**-2}, "ivar is in .*, and flux has no unit: give it one"),
    "two": ({"var": ONES}, "give one of ivar, var and error, got ivar and var"),
    "three": ({"var": ONES, "error": ONES}, "got ivar and var and error"),
    "none": ({"ivar": None}, "give one of ivar, var and error, got none"),
    "shape of var": ({"ivar": None, "var": np.ones(3)}, r"flux and var need one shape .*\(1, 6\) and \(1, 3\)"),
    "shape of wave": ({"wave": WAVE[:3] * u.AA, "flux": ONES * u.Jy}, "wave has shape"),
    "no wavelengths": ({"wave": np.ma.array(WAVE, mask=True)}, "row 0 has 0 wavelengths that are not masked"),
    "not increasing": ({"wave": WAVE[::-1] * u.AA}, "strictly increasing"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(case: str) -> None:
    change, message = REFUSED[case]
    good: dict[str, Any] = {"wave": WAVE * u.AA, "flux": ONES * FLAM, "ivar": ONES}
    Spectra(**good)
    with pytest.raises(ValueError, match=message):
        Spectra(**good | change)


def test_plain_numbers_and_dimensionless_ones_have_no_unit() -> None:
    for flux in (ONES, ONES * u.dimensionless_unscaled):
        assert not Spectra(WAVE, flux, ONES).meta


def test_air_and_vacuum_are_each_others_inverse() -> None:
    wave = np.concatenate([np.linspace(1000, 1999, 7), np.linspace(2001, 17000, 100)])
    np.testing.assert_allclose(airtovac(vactoair(wave)), wave, rtol=1e-12)
    np.testing.assert_allclose(vactoair(airtovac(wave)), wave, rtol=1e-12)
