"""Files that cannot be read: one clear line each, and nothing passed over in silence."""

import gzip
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import io
from jaxz.io import files

Write = Callable[..., Path]
Unprivileged = Callable[[], AbstractContextManager[None]]


def refused(path: Path | list[Path], **options: str) -> str:
    with pytest.raises(io.FileError) as caught:
        io.read(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_missing(tmp_path: Path) -> None:
    assert refused(tmp_path / "x.fits") == f"{tmp_path}/x.fits: cannot be opened: No such file or directory"


def test_empty(tmp_path: Path) -> None:
    (tmp_path / "x.fits").touch()
    assert refused(tmp_path / "x.fits").startswith(f"{tmp_path}/x.fits: the file is empty")


def test_unreadable(open_folder: Path, write_mpdaf: Write, unprivileged: Unprivileged) -> None:
    path = write_mpdaf(open_folder / "x.fits")
    path.chmod(0o000)
    with unprivileged():
        assert refused(path) == f"{path}: cannot be opened: Permission denied"
    open_folder.chmod(0o000)
    with unprivileged():
        assert refused(path) == f"{path}: cannot be opened: Permission denied"


def test_no_input_at_all() -> None:
    assert refused([]) == "no input files: give at least one file or folder"


@pytest.mark.parametrize("zipped", [False, True])
def test_truncated_anywhere(tmp_path: Path, write_mpdaf: Write, zipped: bool) -> None:
    whole = write_mpdaf(tmp_path / "whole.fits").read_bytes()
    whole = gzip.compress(whole) if zipped else whole
    path = tmp_path / "x.fits"
    lengths = [1, 5, *range(100, len(whole), len(whole) // 60), len(whole) - 1]
    for length in lengths:
        path.write_bytes(whole[:length])
        assert str(path) in refused(path)
    path.write_bytes(whole)
    assert len(io.read(path)) == 1


def test_gzipped_files_are_read_and_named_without_their_endings(tmp_path: Path, write_mpdaf: Write) -> None:
    plain = write_mpdaf(tmp_path / "x.fits")
    (tmp_path / "y.fits.gz").write_bytes(gzip.compress(plain.read_bytes()))
    spectra = io.read(tmp_path / "y.fits.gz")
    assert spectra.ids == ("y",)
    np.testing.assert_array_equal(spectra.flux, io.read(plain).flux)


def test_noise_after_a_fits_signature(tmp_path: Path, rng: np.random.Generator) -> None:
    (tmp_path / "x.fits").write_bytes(b"SIMPLE  =" + rng.bytes(5000))
    assert "truncated or damaged" in refused(tmp_path / "x.fits")


def test_fits_of_no_known_kind_lists_what_it_holds_and_what_is_known(tmp_path: Path) -> None:
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros((2, 3)), name="MAP")]).writeto(tmp_path / "x.fits")
    message = refused(tmp_path / "x.fits")
    assert "PRIMARY (no data), MAP (image 2 x 3)" in message
    assert all(kind in message for kind in io.FORMATS)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((2, 3), "not a spectrum: DATA has 2 axes"), ((5, 2, 3), "no extension STAT: a cube without")],
)
def test_an_image_and_a_bare_cube_are_no_spectra(tmp_path: Path, shape: tuple[int, ...], message: str) -> None:
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros(shape), name="DATA")]).writeto(tmp_path / "x.fits")
    assert message in refused(tmp_path / "x.fits")


@pytest.mark.parametrize("contents", [b"dear reader\n", b"\x89PNG\r\n\x1a\n\0\0,", b"4000 1 1\n4001 2 1\n"])
def test_neither_fits_nor_a_table(tmp_path: Path, contents: bytes) -> None:
    (tmp_path / "x.fits").write_bytes(contents)
    assert "neither FITS, ECSV nor CSV" in refused(tmp_path / "x.fits")


def test_damaged_ecsv(tmp_path: Path) -> None:
    (tmp_path / "x.ecsv").write_text("# %ECSV 1.0\n# ---\n# datatype:\n# - {name: wave\nwave flux\n1 2\n")
    assert "cannot be read as ECSV" in refused(tmp_path / "x.ecsv")


def test_a_kind_that_is_not_that_of_the_file(tmp_path: Path, write_mpdaf: Write) -> None:
    path = write_mpdaf(tmp_path / "x.fits")
    assert "format 'sdss' is SDSS or BOSS spec file" in refused(path, format="sdss")
    (tmp_path / "x.csv").write_text("wave,flux,ivar\n4000,1,1\n")
    assert "is CSV, not MPDAF spectrum" in refused(tmp_path / "x.csv", format="mpdaf")


def test_an_unknown_kind_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="unknown format 'muse': choose one of mpdaf, mpdaf-source, cube, sdss, desi, image"
    ):
        io.read(tmp_path / "x.fits", format="muse")


def test_the_kind_is_seen_from_the_contents_not_from_the_name(tmp_path: Path, write_mpdaf: Write) -> None:
    fits_file = write_mpdaf(tmp_path / "x.csv")
    (tmp_path / "y.fits").write_text("wave,flux,ivar\n4000,1,1\n4001,1,1\n")
    assert io.read([fits_file, tmp_path / "y.fits"]).npixels.tolist() == [200, 2]


@pytest.fixture
def mixed(tmp_path: Path, write_mpdaf: Write) -> Path:
    """Return a folder of three spectra, of two lengths, among other things."""
    write_mpdaf(tmp_path / "c.fits")
    write_mpdaf(tmp_path / "a.fits")
    (tmp_path / "b.csv").write_text("wave,flux,ivar\n4000,1,1\n4001,1,1\n4002,1,1\n")
    (tmp_path / ".hidden.csv").write_text("wave,flux,ivar\n4000,1,1\n")
    (tmp_path / "README.md").write_text("Spectra, and what they are\n\nSome, of, them\nare good, others\n")
    (tmp_path / "truth.ecsv").write_text("# %ECSV 1.0\n# ---\n# datatype:\n# - {name: Z, datatype: int64}\nZ\n1\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n\0")
    (tmp_path / "inner").mkdir()
    fits.PrimaryHDU(np.zeros((4, 4))).writeto(tmp_path / "image.fits")
    return tmp_path


def test_a_folder_gives_its_spectra_sorted(mixed: Path) -> None:
    assert [path.name for path in io.expand(mixed)] == ["a.fits", "b.csv", "c.fits"]
    spectra = io.read(mixed)
    assert spectra.ids == ("a", "b", "c")
    assert spectra.npixels.tolist() == [200, 3, 200]
    assert spectra.meta["TARGETID"].tolist() == [42, -1, 42]
    assert np.isnan(spectra.meta["RA"][1])
    np.testing.assert_array_equal(spectra.flux[2], io.read(mixed / "c.fits").flux[0])


def test_a_damaged_spectrum_in_a_folder_is_not_passed_over(mixed: Path) -> None:
    damaged = mixed / "b.fits"
    damaged.write_bytes((mixed / "a.fits").read_bytes()[:9000])
    assert damaged in io.expand(mixed)
    assert str(damaged) in refused(mixed)


def test_files_and_folders_are_read_in_the_order_given(mixed: Path, tmp_path: Path) -> None:
    assert io.read([mixed / "c.fits", str(mixed)]).ids == ("c", "a", "b", "c")
    assert io.expand(mixed / "missing.fits") == [mixed / "missing.fits"]


def test_a_folder_without_spectra(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here\n")
    assert refused(tmp_path).startswith(f"{tmp_path}: the folder holds no spectra; known kinds: mpdaf")


def test_a_folder_that_cannot_be_listed(open_folder: Path, unprivileged: Unprivileged) -> None:
    open_folder.chmod(0o000)
    with unprivileged():
        assert "the folder cannot be listed: Permission denied" in refused(open_folder)


@pytest.mark.parametrize("card", ["CRPIX1", "CRVAL1", "CDELT1", "CTYPE1", "CUNIT1"])
def test_a_header_that_makes_no_sense_is_one_clear_error(tmp_path, card):
    path = tmp_path / "odd.fits"
    data = fits.ImageHDU(np.ones(50, dtype=np.float32), name="DATA")
    data.header.update(CRVAL1=5000.0, CDELT1=1.25, CRPIX1=1.0, CTYPE1="AWAV", CUNIT1="Angstrom")
    data.header[card] = "nonsense"
    fits.HDUList([fits.PrimaryHDU(), data, fits.ImageHDU(np.ones(50, dtype=np.float32), name="STAT")]).writeto(path)
    with pytest.raises(io.FileError, match=r"odd\.fits"):
        io.read(path)


def test_a_quality_extension_of_another_length_is_named(tmp_path):
    path = tmp_path / "odd.fits"
    data = fits.ImageHDU(np.ones(50, dtype=np.float32), name="DATA")
    data.header.update(CRVAL1=5000.0, CDELT1=1.25, CRPIX1=1.0, CTYPE1="AWAV", CUNIT1="Angstrom")
    stat, quality = fits.ImageHDU(np.ones(50), name="STAT"), fits.ImageHDU(np.zeros(49, dtype=np.int16), name="DQ")
    fits.HDUList([fits.PrimaryHDU(), data, stat, quality]).writeto(path)
    with pytest.raises(io.FileError, match="DQ have different lengths"):
        io.read(path)


def test_a_flux_in_magnitudes_is_refused(tmp_path):
    path = tmp_path / "mag.ecsv"
    wave = np.arange(5000.0, 5050.0) * u.Angstrom
    Table({"wave": wave, "flux": np.ones(50) * u.mag, "error": np.ones(50)}).write(path)
    with pytest.raises(io.FileError, match="logarithmic"):
        io.read(path)


@pytest.mark.parametrize("reader", [io.read, io.read_table, io.read_catalog, io.read_basis])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, reader: Callable[[Path], object]) -> None:
    os.mkfifo(tmp_path / "x.fits")
    with pytest.raises(io.FileError, match=r"x\.fits: is no file but a pipe: give a file"):
        reader(tmp_path / "x.fits")


def test_what_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_UNZIPPED", 1 << 20)
    with gzip.open(tmp_path / "x.fits.gz", "wb") as stream:
        stream.write(b"SIMPLE  =" + bytes(2 << 20))
    assert (tmp_path / "x.fits.gz").stat().st_size < 4000
    with pytest.raises(io.FileError, match=r"x\.fits\.gz: holds more than .*: unpack it with gunzip"):
        io.read(tmp_path / "x.fits.gz")


@pytest.mark.parametrize("error", [AssertionError(), RuntimeError("no"), MemoryError("17 GiB"), UnboundLocalError("x")])
def test_whatever_a_library_raises_is_a_file_error(
    tmp_path: Path, write_mpdaf: Write, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    path = write_mpdaf(tmp_path / "x.fits")

    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(fits, "open", broken)
    with pytest.raises(io.FileError, match=rf"x\.fits: truncated or damaged \({type(error).__name__}"):
        io.read(path)


CARDS = ("BITPIX", "NAXIS1", "NAXIS2", "PCOUNT", "GCOUNT", "TFIELDS", "TTYPE2", "TFORM2", "TDIM2", "TUNIT1", "XTENSION")
VALUES = ("3", "-1", "0", "9223372036854775807", "'open", "'A'", "T", "1.5E400", "= =", "'10E'")


def said(reader: Callable[[Path], object], path: Path) -> str:
    """Return the message of a FileError, or the name of the file where it is read."""
    try:
        reader(path)
    except io.FileError as error:
        return str(error)
    return str(path)


@pytest.mark.parametrize("seed", range(3))
def test_damaged_files_give_spectra_or_an_error_that_names_them(tmp_path: Path, write_mpdaf: Write, seed: int) -> None:
    """Bytes and cards of files are changed at random; each reader answers, in one line and without a warning."""
    rng = np.random.default_rng(seed)
    table = Table({"wave": np.arange(4000, 4400, 2.0), "flux": np.ones(200), "ivar": np.ones(200)})
    table["wave"].unit = "Angstrom"
    table.write(tmp_path / "table.fits")
    wholes = [write_mpdaf(tmp_path / "mpdaf.fits").read_bytes(), (tmp_path / "table.fits").read_bytes()]
    path = tmp_path / "mutant.fits"
    for number in range(40):
        raw = bytearray(wholes[number % 2])
        if number % 4 < 2:
            for place in rng.integers(len(raw), size=rng.integers(1, 9)):
                raw[place] = rng.integers(256)
        else:
            key = str(rng.choice(CARDS))
            at = raw.find(key.ljust(8).encode() + b"=")
            if at >= 0:
                raw[at : at + 80] = f"{key:8}= {rng.choice(VALUES)}".ljust(80).encode()[:80]
        if number % 7 == 0:
            del raw[rng.integers(len(raw)) :]
        path.write_bytes(raw)
        for reader in (io.read, io.read_table, io.read_catalog, io.read_basis):
            answer = said(reader, path)
            assert str(path) in answer
            assert "\n" not in answer
