"""Wavelength axes of images, as headers of FITS and IRAF describe them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from jaxz import io
from jaxz.io.axis import axis_of

X = np.arange(50)
LOG = 10 ** (3.6 + 1e-4 * X)
TEN = {"CRVAL1": 3.6, "CRPIX1": 1.0, "CDELT1": 1e-4}
AXES: dict[str, tuple[dict[str, object], np.ndarray]] = {
    "linear": ({"CRVAL1": 5000.0, "CRPIX1": 1.0, "CDELT1": 1.5}, 5000 + 1.5 * X),
    "no CRPIX1": ({"CRVAL1": 5000.0, "CD1_1": 1.5}, 5000 + 1.5 * X),
    "nm": ({"CRVAL1": 500.0, "CRPIX1": 11.0, "CDELT1": 0.15, "CUNIT1": "NANOMETERS"}, 5000 + 1.5 * (X - 10)),
    "microns": ({"CRVAL1": 0.5, "CRPIX1": 1.0, "CDELT1": 1.5e-4, "CUNIT1": "microns"}, 5000 + 1.5 * X),
    "WAT1": (
        {"CRVAL1": 500.0, "CDELT1": 0.15, "WAT0_001": "system=linear", "WAT1_001": "wtype=linear units=nm"},
        5000 + 1.5 * X,
    ),
    "DC-FLAG": ({**TEN, "DC-FLAG": 1, "CUNIT1": "Angstroms"}, LOG),
    "LOG-LINEAR": ({**TEN, "CTYPE1": "LOG-LINEAR"}, LOG),
    "AWAV-LOG as log10": ({**TEN, "CTYPE1": "AWAV-LOG"}, io.airtovac(LOG)),
    "WAVE-LOG as log10": ({**TEN, "CTYPE1": "WAVE-LOG", "DC-FLAG": 1}, LOG),
    "WAVE-LOG of the standard": (
        {"CTYPE1": "WAVE-LOG", "CRVAL1": 3621.6, "CRPIX1": 1.0, "CDELT1": 0.834, "CUNIT1": "Angstrom"},
        3621.6 * np.exp(0.834 * X / 3621.6),
    ),
    "log10(Angstrom)": ({**TEN, "CUNIT1": "log10(Angstrom)"}, LOG),
    "label": ({**TEN, "WAT1_001": 'wtype=linear label="Log(Wavelength)" units=Angstroms'}, LOG),
    "multispec": (
        {"WAT0_001": "system=multispec", "WAT2_001": 'wtype=multispec spec1 = "1 1 0 5000. 1.5 50 0. 2.0 3.0"'},
        5000 + 1.5 * X,
    ),
    "multispec, log": (
        {"WAT0_001": "system=multispec", "WAT2_001": 'wtype=multispec spec1 = "1 1 1 3.6 1E-4 50 0.1 2. 3."'},
        LOG / 1.1,
    ),
}


def axis(cards: dict[str, object], shape: tuple[int, ...] = (50,)) -> np.ndarray:
    air = str(cards.get("CTYPE1", "")).startswith("AWAV")
    return axis_of("x", fits.Header(cards), shape, air=air)


@pytest.mark.parametrize("name", AXES)
def test_axes(name: str) -> None:
    cards, expected = AXES[name]
    np.testing.assert_allclose(axis(cards), expected, rtol=1e-12)


def test_rows_of_multispec_have_their_own(tmp_path: Path) -> None:
    text = 'wtype=multispec spec1 = "1 1 0 5000. 1.5 50 0. 2. 3." spec2 = "2 2 0 6000. 2.5 50 0. 2. 3."'
    cards = {"WAT0_001": "system=multispec", "WAT2_001": text[:68], "WAT2_002": text[68:]}
    np.testing.assert_allclose(axis(cards, (2, 50)), [5000 + 1.5 * X, 6000 + 2.5 * X])
    primary = fits.PrimaryHDU(np.ones((2, 50)), fits.Header(cards))
    fits.HDUList([primary, fits.ImageHDU(np.ones((2, 50)), name="IVAR")]).writeto(tmp_path / "x.fits")
    assert io.read(tmp_path / "x.fits", medium="vacuum").wave[1, 0] == 6000


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        ({}, "no wavelengths"),
        ({"CRVAL1": 5000.0, "CDELT1": "nonsense"}, "no wavelengths"),
        ({"CRVAL1": 5000.0, "CDELT1": 1.5, "CUNIT1": "Hz"}, "'Hz' is not a unit of wavelength"),
        ({"CRVAL1": 900.0, "CDELT1": 1.5, "DC-FLAG": 1}, ""),
        ({"WAT0_001": "system=multispec", "WAT2_001": "wtype=multispec"}, "WAT2 gives no wavelengths of row 1"),
        (
            {
                "WAT0_001": "system=multispec",
                "WAT2_001": 'wtype=multispec spec1 = "1 1 2 5000. 1.5 50 0. 2. 3. 1. 0. 1 2"',
            },
            "as a curve, which is not read: linearise it",
        ),
    ],
)
def test_headers_without_wavelengths(cards: dict[str, object], message: str) -> None:
    if not message:
        assert np.isnan(axis(cards)).all() or not np.isfinite(axis(cards)).all()
        return
    with pytest.raises(io.FileError, match=message):
        axis(cards)


@pytest.mark.parametrize("ctype", ["RA---TAN", "GLON-CAR"])
def test_images_of_the_sky_are_no_spectra(tmp_path: Path, ctype: str) -> None:
    header = fits.Header({"CTYPE1": ctype, "CRVAL1": 5000.0, "CDELT1": 1.0})
    hdus = [fits.PrimaryHDU(np.ones((9, 50)), header), fits.ImageHDU(np.ones((9, 50)), name="ERR")]
    fits.HDUList(hdus).writeto(tmp_path / "x.fits")
    with pytest.raises(io.FileError, match="not a known kind of spectrum file"):
        io.read(tmp_path / "x.fits")


@pytest.mark.parametrize("flux", ["PRIMARY", "FLUX", "SCI", "DATA"])
@pytest.mark.parametrize(
    ("noise", "power"),
    [("NOISE", 1), ("ERROR", 1), ("ERR", 1), ("SIGMA", 1), ("VARIANCE", 2), ("VAR", 2), ("STAT", 2), ("IVAR", -2)],
)
def test_names_of_images(tmp_path: Path, flux: str, noise: str, power: int) -> None:
    header = fits.Header({"CTYPE1": "WAVE", "CRVAL1": 5000.0, "CDELT1": 1.0, "CRPIX1": 1.0})
    first: list[Any] = [fits.PrimaryHDU(np.ones(50), header)]
    if flux != "PRIMARY":
        first = [fits.PrimaryHDU(), fits.ImageHDU(np.ones(50), header, name=flux)]
    fits.HDUList([*first, fits.ImageHDU(np.full(50, 0.5**power), name=noise)]).writeto(tmp_path / "x.fits")
    np.testing.assert_allclose(io.read(tmp_path / "x.fits").ivar[0], 4)


@pytest.mark.parametrize("fill", [0.0, np.nan])
def test_pixels_of_images_without_wavelength_are_none(tmp_path: Path, fill: float) -> None:
    wave = 5000.0 + X
    wave[:3] = wave[-4:] = fill
    hdus = [
        fits.PrimaryHDU(np.ones(50), fits.Header({"VACUUM": True})),
        fits.ImageHDU(np.ones(50), name="IVAR"),
        fits.ImageHDU(wave, name="WAVELENGTH"),
    ]
    fits.HDUList(hdus).writeto(tmp_path / "x.fits")
    assert io.read(tmp_path / "x.fits").npixels.tolist() == [43]
