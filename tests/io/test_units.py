"""Units as people write them, and what becomes of fluxes in them, in tables and images."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import io
from jaxz.io.units import flux_unit, inside_logarithm, noise_factor, unit_of

FLAM = u.erg / (u.s * u.cm**2 * u.Angstrom)
WAVE = np.array([4000.0, 5000.0, 8000.0])
LIGHT_SPEED = 2.99792458e18  # Å/s
PLANCK = 6.62607015e-27  # erg s


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        *((text, u.Angstrom) for text in ("Angstroms", "ANGSTROM", "Ang", "AA", "A", "Å", "angstroem", "0.1 nm")),
        *((text, u.um) for text in ("microns", "MICRON", "um", "µm", "Micrometers", "micrometre")),
        *((text, u.nm) for text in ("nanometers", "NM", "nanometre")),
        *(
            (text, FLAM)
            for text in (
                "erg/cm2/s/A",
                "ergs/s/cm^2/A",
                "ERG/S/CM**2/ANGSTROM",
                "erg s-1 cm-2 Angstrom-1",
                "erg.s-1.cm-2.Angstrom-1",
                "erg s^{-1} cm^{-2} Å^{-1}",
                "erg s⁻¹ cm⁻² Å⁻¹",
                "ergs/sec/cm**2/AA",
                "erg / (cm2 s Ang)",
                r"erg s$^{-1}$ cm$^{-2}$ \AA$^{-1}$",
            )
        ),
        *(
            (text, 1e-17 * FLAM)
            for text in (
                "1E-17 erg/cm^2/s/Ang",
                "1.0E-17 ergs/s/cm^2/A",
                "10**-17 erg/(s cm2 Angstrom)",
                "10^-17 erg/s/cm2/Å",
                "10-17 erg/s/cm2/Angstrom",
                "10(-17)erg/s/cm^2/Angstrom",
                "1e-17*erg/s/cm**2/AA",
            )
        ),
        ("(10**(-20)*erg/s/cm**2/Angstrom)**2", (1e-20 * FLAM) ** 2),
        ("10**+34 (s2 cm4 Angstrom2) / erg2", (1e-17 * FLAM) ** -2),
        ("MJY", u.MJy),
        ("mjy", u.mJy),
        ("µJy", u.uJy),
        ("microJy", u.uJy),
        ("erg/s/cm^2/Hz", u.erg / u.s / u.cm**2 / u.Hz),
        ("Counts/sec", u.ct / u.s),
        ("e-/s", u.electron / u.s),
        ("ADU", u.adu),
        ("DN", u.adu),
        ("MJy/sr", u.MJy / u.sr),
    ],
)
def test_spellings(text: str, unit: Any) -> None:
    assert unit_of(text).to(u.Unit(unit)) == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("text", [None, "", "  ", "none", "Unitless"])
def test_no_unit(text: str | None) -> None:
    assert unit_of(text) is None


@pytest.mark.parametrize("text", ["Flux", "furlong per fortnight", "((", "erg//", "10**17**"])
def test_what_is_not_understood(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        unit_of(text)


@pytest.mark.parametrize(
    ("text", "inside"), [("log10(Angstrom)", "Angstrom"), ("LOG(A)", "A"), ("log", ""), ("nm", None)]
)
def test_logarithms(text: str, inside: str | None) -> None:
    assert inside_logarithm(text) == inside


NU = LIGHT_SPEED / WAVE**2
DENSITIES = {
    "erg/s/cm2/A": 1.0,
    "10**-17 erg/s/cm2/A": 1.0,
    "W/m2/um": 1.0,
    "1E-17 erg/s/cm^2/Ang/spaxel": 1.0,
    "erg/s/cm2/A/arcsec2": 1.0,
    "Jy": 1e-23 * NU,
    "mJy": 1e-26 * NU,
    "uJy/arcsec2": 1e-29 * NU,
    "erg/s/cm2/Hz": NU,
    "MJy/sr": 1e-17 * NU * u.arcsec.to(u.rad) ** 2,
    "photons/s/cm2/A": PLANCK * LIGHT_SPEED / WAVE,
}


@pytest.mark.parametrize("text", DENSITIES)
def test_flux_densities(text: str) -> None:
    """f_λ stays as it is whatever its scale; all else is converted, and S/N is what it was."""
    found = flux_unit("x", text, WAVE)
    np.testing.assert_allclose(np.broadcast_to(found.factor, 3), np.broadcast_to(DENSITIES[text], 3), rtol=1e-9)
    flux, ivar = found.apply(np.ones(3), np.full(3, 4.0))
    np.testing.assert_allclose(flux**2 * ivar, 4.0)


@pytest.mark.parametrize(
    "text", ["erg/s/cm2", "W m-2", "mag", "mag(AB)", "ABmag", "[mag]", "km/s", "erg/s/A", "Angstrom"]
)
def test_what_is_no_flux_density_is_refused_by_name(text: str) -> None:
    with pytest.raises(io.FileError, match=r"^x: ") as caught:
        flux_unit("x", text, WAVE)
    assert text in str(caught.value)


@pytest.mark.parametrize("text", ["counts", "ADU", "electron/s", "e-", "DN/s", "ct", "1e-17", "relative"])
def test_what_may_be_no_flux_density_is_told_by_name(text: str) -> None:
    with pytest.warns(io.FileWarning, match=f"^x: .*{text}.*: taken as f_λ"):
        assert flux_unit("x", text, WAVE).factor == 1.0


def test_noise_is_brought_to_the_unit_of_the_flux() -> None:
    flux = unit_of("1e-17 erg/s/cm2/A")
    assert noise_factor("x", "1e-19 erg/s/cm2/Ang", flux, 1) == pytest.approx(1e-2)
    assert noise_factor("x", "10**-40 Angstrom-2 cm-4 erg2 s-2", flux, 2) == pytest.approx(1e-6)
    assert noise_factor("x", "10**+34 (s2 cm4 Angstrom2) / erg2", flux, -2) == 1.0
    assert noise_factor("x", "1e-17 erg/s/cm2/A", flux, 2) == 1.0
    assert noise_factor("x", None, flux, 2) == noise_factor("x", "Jy", None, 1) == 1.0
    with pytest.raises(io.FileError, match="x: unit 1 / Jy does not fit the flux in"):
        noise_factor("x", "1/Jy", flux, -2)
    with pytest.warns(io.FileWarning, match=r"x: the unit 'what\?' is not understood: taken as that of the flux"):
        assert noise_factor("x", "what?", flux, 1) == 1.0


def _table(path: Path, pixels: Any, unit: str) -> Path:
    table = Table({"wave": pixels.wave, "flux": pixels.flux, "error": pixels.variance**0.5})
    hdu = fits.BinTableHDU(table)
    hdu.header["TUNIT2"] = hdu.header["TUNIT3"] = unit
    hdu.writeto(path)
    return path


def _image(path: Path, pixels: Any, unit: str) -> Path:
    axis = {"CTYPE1": "WAVE", "CRVAL1": 4750.0, "CRPIX1": 1.0, "CDELT1": 1.25, "BUNIT": unit}
    images = [fits.PrimaryHDU(pixels.flux), fits.ImageHDU(pixels.variance**0.5, name="ERROR")]
    for hdu in images:
        hdu.header.update(axis)
    fits.HDUList(images).writeto(path)
    return path


def _mpdaf(path: Path, pixels: Any, unit: str) -> Path:
    images = [fits.ImageHDU(pixels.flux, name="DATA"), fits.ImageHDU(pixels.variance, name="STAT")]
    for hdu, said in zip(images, (unit, f"({unit})**2"), strict=True):
        hdu.header.update(CTYPE1="WAVE", CRVAL1=4750.0, CRPIX1=1.0, CDELT1=1.25, BUNIT=said)
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(path)
    return path


WRITERS: dict[str, Callable[[Path, Any, str], Path]] = {"table": _table, "image": _image, "mpdaf": _mpdaf}


@pytest.mark.parametrize("writer", WRITERS)
def test_files_with_flux_per_frequency(tmp_path: Path, pixels: Any, writer: str) -> None:
    spectra = io.read(WRITERS[writer](tmp_path / "x.fits", pixels, "uJy"))
    np.testing.assert_allclose(spectra.flux[0], pixels.flux * 1e-29 * LIGHT_SPEED / pixels.wave**2, rtol=1e-9)
    np.testing.assert_allclose(spectra.flux[0] ** 2 * spectra.ivar[0], pixels.flux**2 / pixels.variance, rtol=1e-9)


@pytest.mark.parametrize("writer", WRITERS)
def test_files_with_other_units(tmp_path: Path, pixels: Any, writer: str) -> None:
    plain = io.read(WRITERS[writer](tmp_path / "a.fits", pixels, "1E-17 erg/cm^2/s/Ang"))
    np.testing.assert_allclose(plain.flux[0], pixels.flux)
    with pytest.warns(io.FileWarning, match=r"b\.fits\[.*\]: the unit (counts|ct) counts"):
        assert io.read(WRITERS[writer](tmp_path / "b.fits", pixels, "counts")).npixels.tolist() == [200]
    path = WRITERS[writer](tmp_path / "c.fits", pixels, "erg/s/cm2")
    with pytest.raises(io.FileError, match=r"c\.fits\[.*\]: erg.* is a unit of λ f_λ"):
        io.read(path)


def test_a_desi_file_in_another_unit_is_refused(tmp_path: Path, desi_images: Any, write_desi: Any) -> None:
    path = write_desi(tmp_path / "x.fits", desi_images(2), Table({"TARGETID": [1, 2]}))
    with fits.open(path, mode="update") as hdus:
        hdus["R_FLUX"].header["BUNIT"] = "uJy"
    with pytest.raises(io.FileError, match=r"x\.fits\[R_FLUX\]: flux and ivar need one unit, of f_λ"):
        io.read(path)


@pytest.mark.parametrize(
    ("said", "unit"),
    [
        ("1e-17 erg/s/cm2/A", 1e-17 * FLAM),
        ("mJy", FLAM),
        ("mJy/arcsec2", FLAM / u.arcsec**2),
        ("erg/s/cm2/A/spaxel", FLAM / u.pix),
        (None, None),
        ("counts", None),
    ],
)
@pytest.mark.filterwarnings("ignore::jaxz.io.FileWarning")
def test_the_unit_of_the_flux_is_told_where_it_is_known(
    tmp_path: Path, said: str | None, unit: u.UnitBase | None
) -> None:
    card = fits.Header(
        {"CTYPE1": "WAVE", "CRVAL1": 5000.0, "CRPIX1": 1.0, "CDELT1": 1.0} | ({"BUNIT": said} if said else {})
    )
    ones = np.ones(9)
    for name, noise in (("image", "VARIANCE"), ("mpdaf", "STAT")):
        flux = fits.ImageHDU(ones, card, name="DATA" if name == "mpdaf" else "FLUX")
        fits.HDUList([fits.PrimaryHDU(), flux, fits.ImageHDU(ones, name=noise)]).writeto(tmp_path / f"{name}.fits")
    table = Table({"wave": 5000 + np.arange(9), "flux": ones, "ivar": ones})
    hdu = fits.BinTableHDU(table)
    if said:
        hdu.columns["flux"].unit = said
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "table.fits")
    for name in ("image", "mpdaf", "table"):
        found = io.read(tmp_path / f"{name}.fits", format=name).meta.get("FLUXUNIT")
        assert (found is None) == (unit is None)
        assert unit is None or u.Unit(found[0]) == unit
