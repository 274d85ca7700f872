"""Which pixels are bad, by the convention of each kind of file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import io
from jaxz.io.masks import GOOD, MASKS

BAD = np.isin(np.arange(200), [3, 50, 51, 199])


def _table(path: Path, pixels: Any, name: str, values: np.ndarray, **header: object) -> Path:
    table = Table({"wave": pixels.wave, "flux": pixels.flux, "ivar": 1 / pixels.variance, name: values})
    fits.HDUList([fits.PrimaryHDU(header=fits.Header(header)), fits.BinTableHDU(table)]).writeto(path)
    return path


def _csv(path: Path, pixels: Any, name: str, values: np.ndarray, **_: object) -> Path:
    path = path.with_suffix(".csv")
    Table({"wave": pixels.wave, "flux": pixels.flux, "ivar": 1 / pixels.variance, name: values}).write(path)
    return path


def _image(path: Path, pixels: Any, name: str, values: np.ndarray, **header: object) -> Path:
    primary = fits.PrimaryHDU(pixels.flux, fits.Header(header))
    primary.header.update(CTYPE1="WAVE", CRVAL1=4750.0, CRPIX1=1.0, CDELT1=1.25)
    mask = fits.ImageHDU(values.astype(np.uint8 if values.dtype == bool else values.dtype), name=name)
    fits.HDUList([primary, fits.ImageHDU(pixels.variance, name="VARIANCE"), mask]).writeto(path)
    return path


WRITERS: dict[str, Callable[..., Path]] = {"table": _table, "csv": _csv, "image": _image}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", ["mask", "QUALITY", "qual", "flag", "Flags", "and_mask", "DQ", "bpm", "badpix"])
def test_every_value_but_zero_is_bad(tmp_path: Path, pixels: Any, writer: str, name: str) -> None:
    path = WRITERS[writer](tmp_path / "x.fits", pixels, name, np.where(BAD, 1 << np.arange(200) % 15, 0))
    np.testing.assert_array_equal(io.read(path).ivar[0] == 0, BAD)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", ["good", "GPM"])
@pytest.mark.parametrize("dtype", [bool, np.int16])
def test_true_is_good(tmp_path: Path, pixels: Any, writer: str, name: str, dtype: type) -> None:
    path = WRITERS[writer](tmp_path / "x.fits", pixels, name, (~BAD).astype(dtype))
    np.testing.assert_array_equal(io.read(path).ivar[0] == 0, BAD)


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("name", ["mask", "good"])
def test_booleans_and_words(tmp_path: Path, pixels: Any, writer: str, name: str) -> None:
    path = WRITERS[writer](tmp_path / "x.fits", pixels, name, BAD if name == "mask" else ~BAD)
    np.testing.assert_array_equal(io.read(path).ivar[0] == 0, BAD)


@pytest.mark.parametrize("cards", [{"PYP_SPEC": "keck_lris_blue"}, {"DMODCLS": "OneSpec"}])
def test_pypeits_mask_is_one_for_good(tmp_path: Path, pixels: Any, cards: dict[str, object]) -> None:
    path = _table(tmp_path / "x.fits", pixels, "mask", (~BAD).astype(np.int16), **cards)
    np.testing.assert_array_equal(io.read(path).ivar[0] == 0, BAD)


def test_pypeits_counts_are_told(tmp_path: Path, pixels: Any) -> None:
    path = _table(tmp_path / "x.fits", pixels, "mask", (~BAD).astype(np.int16), DMODCLS="OneSpec", FLUXED=False)
    with pytest.warns(io.FileWarning, match=r"x\.fits\[flux\]: the unit counts counts what was detected"):
        io.read(path)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_mask_that_leaves_nothing_is_ignored_aloud(tmp_path: Path, pixels: Any, writer: str) -> None:
    """As one of unsigned integers whose offset was lost."""
    path = WRITERS[writer](tmp_path / "x.fits", pixels, "MASK", np.where(BAD, -(2**31) + 4, -(2**31)).astype(np.int32))
    with pytest.warns(io.FileWarning, match=r"\[MASK\]: marks every pixel of the spectrum as bad: ignored") as caught:
        spectra = io.read(path)
    assert str(path) in str(caught[0].message)
    assert spectra.npixels.tolist() == [200]


def test_a_mask_of_an_mpdaf_file_that_leaves_nothing_is_ignored_aloud(tmp_path: Path, write_mpdaf: Any) -> None:
    path = write_mpdaf(tmp_path / "x.fits")
    with fits.open(path, mode="append") as hdus:
        hdus.append(fits.ImageHDU(np.full(200, -32768, dtype=np.int16), name="DQ"))
    with pytest.warns(io.FileWarning, match=r"x\.fits\[DQ\]: marks every pixel of the spectrum as bad"):
        assert io.read(path).npixels.tolist() == [200]


def test_a_mask_of_a_desi_file_that_leaves_nothing_is_ignored_aloud(
    tmp_path: Path, desi_images: Any, write_desi: Any
) -> None:
    images = desi_images(2)
    plain = io.read(write_desi(tmp_path / "a.fits", images, Table({"TARGETID": [1, 2]})))
    images["R_MASK"] = np.full((2, 60), -(2**31), dtype=np.int32)
    path = write_desi(tmp_path / "b.fits", images, Table({"TARGETID": [1, 2]}))
    with pytest.warns(io.FileWarning, match=r"b\.fits\[R_MASK\]: marks every pixel of all spectra as bad: ignored"):
        spectra = io.read(path)
    np.testing.assert_array_equal(spectra.ivar, plain.ivar)


def test_a_spectrum_that_its_mask_deletes_among_others_is_told(tmp_path: Path, pixels: Any) -> None:
    rows = {name: np.stack([values] * 3) for name, values in zip(("wave", "flux", "ivar"), pixels, strict=True)}
    mask = np.zeros((3, 200), dtype=np.int32)
    mask[1], mask[2, 7] = 4, 4
    Table({"ID": ["a", "b", "c"], **rows, "mask": mask}).write(tmp_path / "x.fits")
    with pytest.warns(io.FileWarning, match=r"x\.fits\[mask\]: leaves no pixel of 1 of 3 spectra: b"):
        assert io.read(tmp_path / "x.fits").npixels.tolist() == [200, 0, 199]


@pytest.mark.parametrize("name", ["sky_mask", "COADD_QUALITY_X"])
def test_what_only_looks_like_a_mask_is_ignored_aloud(tmp_path: Path, pixels: Any, name: str) -> None:
    path = _table(tmp_path / "x.fits", pixels, name, BAD.astype(int))
    with pytest.warns(io.FileWarning, match=rf"x\.fits\[{name}\]: is not among the names of masks"):
        assert io.read(path).npixels.tolist() == [200]


def test_marks_of_whole_spectra_are_no_masks(tmp_path: Path, pixels: Any) -> None:
    rows = {name: np.stack([values] * 2) for name, values in zip(("wave", "flux", "ivar"), pixels, strict=True)}
    Table({**rows, "quality": [1, 4]}).write(tmp_path / "x.fits")
    with pytest.warns(io.FileWarning, match=r"x\.fits\[quality\]: has no number for each pixel: ignored"):
        assert io.read(tmp_path / "x.fits").npixels.tolist() == [200, 200]


def test_names_stand_for_one_convention() -> None:
    assert not {*MASKS} & {*GOOD}


def test_pypeit_spec1d_files(tmp_path: Path, pixels: Any) -> None:
    """Objects with one extraction each; another length, and a box where there is no optimal one."""
    hdus = [fits.PrimaryHDU(header=fits.Header({"PYP_SPEC": "keck_deimos"}))]
    for way, size in (("OPT", 200), ("BOX", 150)):
        values = {"WAVE": pixels.wave, "FLAM": pixels.flux, "FLAM_IVAR": 1 / pixels.variance, "MASK": ~BAD}
        columns = {f"{way}_{name}": column[:size] for name, column in values.items()}
        hdus.append(fits.BinTableHDU(Table({"TRACE_SPAT": np.ones(size), **columns}), name=f"SPAT0{size}-DET01"))
    fits.HDUList(hdus).writeto(tmp_path / "x.fits")
    spectra = io.read(tmp_path / "x.fits")
    assert spectra.ids == ("x-SPAT0200-DET01", "x-SPAT0150-DET01")
    assert spectra.npixels.tolist() == [196, 147]
    np.testing.assert_array_equal(spectra.flux[0, ~BAD], pixels.flux[~BAD])


def test_pypeit_spec1d_files_without_flux(tmp_path: Path, pixels: Any) -> None:
    table = Table({"OPT_WAVE": pixels.wave, "OPT_COUNTS": pixels.flux, "OPT_COUNTS_IVAR": pixels.variance})
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table, name="SPAT0001")]).writeto(tmp_path / "x.fits")
    with pytest.raises(io.FileError, match=r"x\.fits\[SPAT0001\]: counts, and no OPT_FLAM .* run pypeit_flux_calib"):
        io.read(tmp_path / "x.fits")
