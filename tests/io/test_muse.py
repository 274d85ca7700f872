from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from jaxz import io

Write = Callable[..., Path]


def test_a_spectrum_is_read_with_its_variance_and_names(tmp_path: Path, pixels: Any, write_mpdaf: Write) -> None:
    spectra = io.read(write_mpdaf(tmp_path / "udf_00042.fits"))
    assert spectra.ids == ("udf_00042",)
    assert spectra.flux.dtype == spectra.ivar.dtype == np.float32
    np.testing.assert_array_equal(spectra.flux[0], pixels.flux.astype(np.float32))
    np.testing.assert_allclose(spectra.ivar[0], 1 / pixels.variance, rtol=1e-6)
    assert spectra.meta["TARGETID"].dtype == np.int64
    assert spectra.meta["TARGETID"][0] == 42
    assert (spectra.meta["RA"][0], spectra.meta["DEC"][0]) == (53.1, -27.7)
    assert spectra.meta["FILE"][0] == str(tmp_path / "udf_00042.fits")


@pytest.mark.parametrize(
    "cards",
    [
        {},
        {"CRPIX1": 7.5},
        {"CRPIX1": None},
        {"CDELT1": None, "CD1_1": 0.9},
        {"CRVAL1": 475.0, "CDELT1": 0.125, "CUNIT1": "nm"},
        {"CRVAL1": 4.75e-7, "CDELT1": 1.25e-10, "CUNIT1": "m"},
    ],
)
def test_wavelengths_are_those_of_astropys_wcs(tmp_path: Path, write_mpdaf: Write, cards: dict[str, Any]) -> None:
    path = write_mpdaf(tmp_path / "x.fits", CTYPE1="WAVE", **cards)
    expected = WCS(fits.getheader(path, "DATA")).wcs_pix2world(np.arange(200)[:, None], 0)[:, 0] * 1e10
    np.testing.assert_allclose(io.read(path).wave[0], expected, rtol=1e-12)


def test_air_becomes_vacuum(tmp_path: Path, pixels: Any, write_mpdaf: Write) -> None:
    in_air = io.read(write_mpdaf(tmp_path / "air.fits", CTYPE1="AWAV")).wave[0]
    in_vacuum = io.read(write_mpdaf(tmp_path / "vacuum.fits", CTYPE1="WAVE")).wave[0]
    np.testing.assert_allclose(in_vacuum, pixels.wave, rtol=1e-15)
    np.testing.assert_array_equal(in_air, io.airtovac(pixels.wave))
    assert 1.3 < (in_air - in_vacuum).min() < (in_air - in_vacuum).max() < 1.45


def test_a_spectrum_without_its_unit_is_in_angstrom(tmp_path: Path, pixels: Any, write_mpdaf: Write) -> None:
    spectra = io.read(write_mpdaf(tmp_path / "x.fits", CTYPE1="WAVE", CUNIT1=None))
    np.testing.assert_allclose(spectra.wave[0], pixels.wave, rtol=1e-15)


def test_bad_variances_and_flagged_pixels_do_not_count(
    tmp_path: Path, pixels: Any, mpdaf_image: Callable[..., fits.ImageHDU]
) -> None:
    flux, variance, quality = pixels.flux.copy(), pixels.variance.copy(), np.zeros(200, dtype=np.int32)
    flux[:2] = [np.nan, np.inf]
    variance[2:6] = [0, -1, np.nan, np.inf]
    quality[6] = 1 << 4
    hdus = [fits.PrimaryHDU(), mpdaf_image(flux, "DATA"), mpdaf_image(variance, "STAT")]
    fits.HDUList([*hdus, fits.ImageHDU(quality, name="DQ")]).writeto(tmp_path / "x.fits")
    spectra = io.read(tmp_path / "x.fits")
    assert spectra.npixels[0] == 193
    assert not spectra.ivar[0, :7].any()
    assert not spectra.flux[0, :7].any()


@pytest.fixture
def source(tmp_path: Path, pixels: Any, mpdaf_image: Callable[..., fits.ImageHDU]) -> Path:
    """Return a Source file, FORMAT 0.6, of two spectra, an image and a table."""
    primary = fits.PrimaryHDU()
    primary.header.update(ID=7, RA=53.2, DEC=-27.8, FORMAT="0.6", REFSPEC="MUSE_TOT_SKYSUB", CUBE="cube.fits", SIZE=5.0)
    redshifts = fits.BinTableHDU.from_columns([fits.Column("Z_DESC", "4A", array=["MUSE"])], name="Z")
    hdus = [
        primary,
        redshifts,
        fits.ImageHDU(np.zeros((25, 25), dtype=np.float32), name="IMA_MUSE_WHITE_DATA"),
        mpdaf_image(pixels.flux, "SPE_MUSE_TOT_SKYSUB_DATA"),
        mpdaf_image(pixels.variance, "SPE_MUSE_TOT_SKYSUB_STAT"),
        mpdaf_image(2 * pixels.flux, "SPE_MUSE_PSF_DATA"),
        mpdaf_image(4 * pixels.variance, "SPE_MUSE_PSF_STAT"),
        mpdaf_image(pixels.flux, "SPE_SKY_DATA"),
    ]
    fits.HDUList(hdus).writeto(tmp_path / "source-00007.fits")
    return tmp_path / "source-00007.fits"


def test_a_source_gives_its_reference_spectrum(source: Path, pixels: Any) -> None:
    spectra = io.read(source)
    np.testing.assert_array_equal(spectra.flux[0], pixels.flux.astype(np.float32))
    np.testing.assert_array_equal(spectra.wave[0], io.airtovac(pixels.wave))
    assert spectra.ids == ("source-00007",)
    assert spectra.meta["TARGETID"][0] == 7


def test_a_source_gives_the_spectrum_asked_for(source: Path, pixels: Any) -> None:
    spectra = io.read(source, spectrum="MUSE_PSF")
    np.testing.assert_array_equal(spectra.flux[0], 2 * pixels.flux.astype(np.float32))
    np.testing.assert_allclose(spectra.ivar[0], 0.25 / pixels.variance, rtol=1e-6)


def test_a_wrong_name_lists_the_spectra_of_a_source(source: Path) -> None:
    with pytest.raises(io.FileError, match=r"no spectrum 'X': choose one of MUSE_TOT_SKYSUB, MUSE_PSF, SKY$"):
        io.read(source, spectrum="X")


def test_a_source_spectrum_without_variance_is_refused(source: Path) -> None:
    with pytest.raises(io.FileError, match="no extension SPE_SKY_STAT: add one with the variance"):
        io.read(source, spectrum="SKY")


def test_a_source_without_reference_spectrum_asks_for_one(source: Path) -> None:
    with fits.open(source, mode="update") as hdus:
        del hdus[0].header["REFSPEC"]
    with pytest.raises(io.FileError, match="names no REFSPEC: choose a spectrum of MUSE_TOT_SKYSUB, MUSE_PSF, SKY"):
        io.read(source)
    assert len(io.read(source, spectrum="MUSE_PSF")) == 1


def test_a_plain_spectrum_has_no_named_spectra(tmp_path: Path, write_mpdaf: Write) -> None:
    with pytest.raises(io.FileError, match="a file of kind mpdaf has no spectrum named 'MUSE_PSF'"):
        io.read(write_mpdaf(tmp_path / "x.fits"), spectrum="MUSE_PSF")


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        ({"CTYPE1": None}, "CTYPE1 is '': set it to AWAV .wavelengths in air. or WAVE .in vacuum."),
        ({"CTYPE1": "LINEAR"}, "CTYPE1 is 'LINEAR'"),
        ({"CRVAL1": None}, "no wavelengths: the header needs CRVAL1 and CDELT1 .or CD1_1."),
        ({"CDELT1": None}, "no wavelengths"),
        ({"CUNIT1": "um"}, "wavelengths run from 4.75e.07 to 4.99875e.07 Å, read with the unit um"),
        ({"CUNIT1": "Hz"}, "'Hz' is not a unit of wavelength"),
        ({"CDELT1": -1.25}, "spectrum 'x': wavelengths must be finite, positive and strictly increasing"),
    ],
)
def test_bad_wavelengths_are_refused(tmp_path: Path, write_mpdaf: Write, cards: dict[str, Any], message: str) -> None:
    path = write_mpdaf(tmp_path / "x.fits", **cards)
    with pytest.raises(io.FileError, match=message) as caught:
        io.read(path)
    assert str(path) in str(caught.value)


def test_data_and_variance_of_different_lengths_are_refused(
    tmp_path: Path, pixels: Any, mpdaf_image: Callable[..., fits.ImageHDU]
) -> None:
    hdus = [fits.PrimaryHDU(), mpdaf_image(pixels.flux, "DATA"), mpdaf_image(pixels.variance[:-1], "STAT")]
    fits.HDUList(hdus).writeto(tmp_path / "x.fits")
    with pytest.raises(io.FileError, match="DATA and STAT have different lengths"):
        io.read(tmp_path / "x.fits")


def test_no_variance_says_what_to_add(tmp_path: Path, pixels: Any, mpdaf_image: Callable[..., fits.ImageHDU]) -> None:
    fits.HDUList([fits.PrimaryHDU(), mpdaf_image(pixels.flux, "DATA")]).writeto(tmp_path / "x.fits")
    with pytest.raises(io.FileError, match=r"x\.fits: no extension STAT: add one with the variance of each pixel"):
        io.read(tmp_path / "x.fits")


@pytest.fixture
def specex(tmp_path: Path, pixels: Any, mpdaf_image: Callable[..., fits.ImageHDU]) -> Callable[..., Path]:
    """Return a function that writes a specex file of `pixels`; an extension that is None is left out."""

    def write(**changed: Any) -> Path:
        mask = np.zeros(200, dtype=np.uint8)
        primary = fits.PrimaryHDU()
        primary.header.update(ID=95, RA=177.7, DEC=-28.1, EXT_MODE="circular_aperture")
        images = {"SPECTRUM": pixels.flux, "VARIANCE": pixels.variance, "NAN_MASK": mask} | changed
        hdus = [mpdaf_image(image, name, CTYPE1="WAVE") for name, image in images.items() if image is not None]
        fits.HDUList([primary, *hdus]).writeto(tmp_path / "spec_95.fits")
        return tmp_path / "spec_95.fits"

    return write


def test_a_specex_spectrum_is_read_without_what_its_mask_leaves_out(specex: Write, pixels: Any) -> None:
    mask = np.isin(np.arange(200), [3, 77]).astype(np.uint8)
    spectra = io.read(specex(NAN_MASK=mask))
    assert spectra.ids == ("spec_95",)
    assert (spectra.meta["TARGETID"][0], spectra.meta["RA"][0]) == (95, 177.7)
    np.testing.assert_allclose(spectra.wave[0], pixels.wave, rtol=1e-15)
    np.testing.assert_allclose(spectra.ivar[0], np.where(mask, 0, 1 / pixels.variance), rtol=1e-6)
    np.testing.assert_array_equal(spectra.flux[0][mask == 0], pixels.flux.astype(np.float32)[mask == 0])


def test_a_specex_spectrum_needs_no_mask(specex: Write) -> None:
    assert io.read(specex(NAN_MASK=None), format="specex").npixels[0] == 200


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"VARIANCE": None}, "no extension VARIANCE: add one with the variance of each pixel of SPECTRUM"),
        ({"VARIANCE": np.ones(199)}, "SPECTRUM and VARIANCE have different lengths: they need one value for each"),
        ({"VARIANCE": np.ones((2, 200))}, "SPECTRUM and VARIANCE have different lengths"),
        ({"NAN_MASK": np.zeros(201)}, "SPECTRUM and NAN_MASK have different lengths"),
        ({"SPECTRUM": np.ones((3, 200))}, "not a known kind of spectrum file: .*SPECTRUM .image 3 x 200"),
    ],
)
def test_specex_files_that_do_not_fit_are_refused(specex: Write, changed: dict[str, Any], message: str) -> None:
    with pytest.raises(io.FileError, match=rf"spec_95\.fits: {message}"):
        io.read(specex(**changed))
