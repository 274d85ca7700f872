"""Spectra as images: the layouts of surveys, air and vacuum, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from jaxz import io
from jaxz.air import airtovac

LINEAR = {"CTYPE1": "WAVE", "CRVAL1": 4750.0, "CRPIX1": 1.0, "CDELT1": 1.25}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write(*images: tuple[str, np.ndarray, dict[str, object]], name: str = "x") -> Path:
        (first, values, cards), *others = images
        hdus: list[Any] = [fits.PrimaryHDU(values, fits.Header(cards))]
        if first != "PRIMARY":
            hdus = [fits.PrimaryHDU(), fits.ImageHDU(values, fits.Header(cards), name=first)]
        hdus += [fits.ImageHDU(values, fits.Header(cards), name=extension) for extension, values, cards in others]
        fits.HDUList(hdus).writeto(tmp_path / f"{name}.fits")
        return tmp_path / f"{name}.fits"

    return write


def rows(values: np.ndarray) -> np.ndarray:
    return np.stack([values, 2 * values])


LAYOUTS: dict[str, Callable[[Any], list[tuple[str, np.ndarray, dict[str, object]]]]] = {
    "ESO survey": lambda p: [("PRIMARY", p.flux, LINEAR), ("NOISE", p.variance**0.5, {})],
    "2dF": lambda p: [
        ("PRIMARY", p.flux, {**LINEAR, "CTYPE1": "Wavelength", "CUNIT1": "Angstroms", "VACUUM": True}),
        ("VARIANCE", p.variance, {}),
    ],
    "linetools": lambda p: [
        ("FLUX", p.flux, {"VACUUM": True}),
        ("ERROR", p.variance**0.5, {}),
        ("WAVELENGTH", p.wave, {}),
    ],
    "cluster": lambda p: [("SPECTRUM", p.flux, LINEAR), ("VARIANCE", p.variance, {}), ("NAN_MASK", 0 * p.flux, {})],
    "middle": lambda p: [
        ("PRIMARY", p.flux, {**LINEAR, "CRPIX1": 101.0, "CRVAL1": 4875.0}),
        ("IVAR", 1 / p.variance, {}),
    ],
    "CD1_1": lambda p: [
        ("PRIMARY", p.flux, {"CTYPE1": "WAVE", "CRVAL1": 475.0, "CD1_1": 0.125, "CUNIT1": "nm"}),
        ("STAT", p.variance, {}),
    ],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(write: Callable[..., Path], pixels: Any, layout: str) -> None:
    spectra = io.read(write(*LAYOUTS[layout](pixels)))
    assert spectra.ids == ("x",)
    for name, expected in (("wave", pixels.wave), ("flux", pixels.flux), ("ivar", 1 / pixels.variance)):
        np.testing.assert_allclose(getattr(spectra, name)[0], expected, rtol=1e-12)


@pytest.mark.parametrize("card", [{"DC-FLAG": 1}, {"CTYPE1": "WAVE-LOG"}])
def test_logarithmic_axes(write: Callable[..., Path], pixels: Any, card: dict[str, object]) -> None:
    axis = {"CTYPE1": "WAVE", "CRVAL1": 3.6, "CRPIX1": 1.0, "CDELT1": 1e-4, **card}
    spectra = io.read(write(("PRIMARY", pixels.flux, axis), ("ERROR", pixels.variance**0.5, {})))
    np.testing.assert_allclose(spectra.wave[0], 10 ** (3.6 + 1e-4 * np.arange(200)), rtol=1e-12)


def test_a_row_is_a_spectrum(write: Callable[..., Path], pixels: Any) -> None:
    path = write(
        ("PRIMARY", rows(pixels.flux), {"VACUUM": True, "LOGSCALE": True}),
        ("VARIANCE", rows(pixels.variance), {}),
        ("WAVELENGTH", np.log10(np.stack([pixels.wave, pixels.wave + 7])), {}),
    )
    spectra = io.read(path)
    assert spectra.ids == ("x-0", "x-1")
    np.testing.assert_allclose(spectra.flux[1], 2 * pixels.flux)
    np.testing.assert_allclose(spectra.wave[1], pixels.wave + 7)


def test_masked_pixels_have_no_data(write: Callable[..., Path], pixels: Any) -> None:
    mask = (np.arange(200) < 7).astype(np.uint8)
    spectra = io.read(
        write(("SPECTRUM", pixels.flux, LINEAR), ("VARIANCE", pixels.variance, {}), ("NAN_MASK", mask, {}))
    )
    assert spectra.npixels.tolist() == [193]


def test_air_or_vacuum_is_what_the_file_says_then_the_caller(write: Callable[..., Path], pixels: Any) -> None:
    noise = ("VARIANCE", pixels.variance, {})
    silent = {key: value for key, value in LINEAR.items() if key != "CTYPE1"}
    for number, (cards, medium, vacuum) in enumerate(
        [
            ({**silent, "CTYPE1": "AWAV"}, "vacuum", False),
            ({**silent, "CTYPE1": "WAVE"}, "air", True),
            ({**silent, "VACUUM": False}, "vacuum", False),
            ({**silent, "VACUUM": True}, "air", True),
            ({**silent, "AIRORVAC": "vac"}, None, True),
            (silent, "air", False),
            (silent, "vacuum", True),
        ]
    ):
        spectra = io.read(write(("PRIMARY", pixels.flux, cards), noise, name=str(number)), medium=medium)
        np.testing.assert_allclose(spectra.wave[0], pixels.wave if vacuum else airtovac(pixels.wave), rtol=1e-12)
    path = write(("PRIMARY", pixels.flux, silent), noise)
    with pytest.warns(io.FileWarning, match=r"x\.fits: does not say whether .* taken as air; give --air or --vacuum"):
        spectra = io.read(path)
    np.testing.assert_allclose(spectra.wave[0], airtovac(pixels.wave), rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"VARIANCE": np.ones(199)}, "PRIMARY has shape (200,), VARIANCE (199,): they need one value for each pixel"),
        ({"NAN_MASK": np.zeros(201)}, "PRIMARY has shape (200,), NAN_MASK (201,): they need one value"),
        ({"WAVELENGTH": np.ones(199)}, "[WAVELENGTH]: has shape (199,), PRIMARY (200,): each pixel"),
        ({"WAVELENGTH": np.full(200, 5.0)}, "[WAVELENGTH]: wavelengths run from 5 to 5 Å"),
    ],
)
def test_images_that_do_not_fit(write: Callable[..., Path], pixels: Any, change: Any, message: str) -> None:
    others = {"VARIANCE": pixels.variance, **change}
    path = write(("PRIMARY", pixels.flux, LINEAR), *((name, values, {}) for name, values in others.items()))
    with pytest.raises(io.FileError) as caught:
        io.read(path)
    assert f"{path}" in str(caught.value)
    assert message in str(caught.value)


def test_a_flux_without_noise(write: Callable[..., Path], pixels: Any) -> None:
    with pytest.raises(io.FileError, match=r"x\.fits: no noise: beside SPECTRUM, add an image VARIANCE, ERROR or IVAR"):
        io.read(write(("SPECTRUM", pixels.flux, LINEAR)))


def test_what_is_no_spectrum(write: Callable[..., Path]) -> None:
    with pytest.raises(
        io.FileError, match=r"x\.fits: not a known kind of spectrum file: .*SPECTRUM .image 3 x 5 x 200"
    ):
        io.read(write(("SPECTRUM", np.ones((3, 5, 200)), LINEAR), ("VARIANCE", np.ones((3, 5, 200)), {})))


def test_what_the_header_says_of_the_target(write: Callable[..., Path], pixels: Any) -> None:
    path = write(("PRIMARY", pixels.flux, {**LINEAR, "ID": 95, "RA": 177.7}), ("VARIANCE", pixels.variance, {}))
    meta = io.read(path).meta
    assert (meta["TARGETID"][0], meta["RA"][0]) == (95, 177.7)


def test_an_image_without_axis(write: Callable[..., Path], pixels: Any) -> None:
    path = write(("PRIMARY", pixels.flux, {"CTYPE1": "WAVE"}), ("VARIANCE", pixels.variance, {}))
    with pytest.raises(io.FileError, match=r"x\.fits\[PRIMARY\]: no wavelengths: add an image WAVELENGTH, or CRVAL1"):
        io.read(path)


def test_real_files_of_2df(data: Path) -> None:
    with pytest.warns(io.FileWarning, match="taken as air"):
        one = io.read(data / "formats" / "emlLinearSkyAirHelio.fits")
    three = io.read(data / "formats" / "emlLogVacuumHelioMultiple.fits")
    assert (len(one), len(three)) == (1, 3)
    assert (np.concatenate([one.npixels, three.npixels]) > 4900).all()
    np.testing.assert_allclose(one.wave[0, [0, -1]], three.wave[0, [0, -1]], atol=1)
