"""Identifiers that are missing or have lost digits, and those of the wrong kind."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from jaxz import io

LARGE = 39627000000000001
LOST, MISSING = "beyond 2^53 in floating point", "are missing"
COLUMNS: dict[str, tuple[Any, str, list[int]]] = {
    "float64": (np.array([LARGE, 39.0, LARGE]), LOST, [-1, 39, -1]),
    "NaN": (np.array([7.0, np.nan, 8.0]), MISSING, [7, -1, 8]),
    "null": (MaskedColumn([LARGE, 39, LARGE], mask=[False, True, False]), MISSING, [LARGE, -1, LARGE]),
    "NaN made an integer": (np.array([LARGE, np.iinfo(np.int64).min, 5]), MISSING, [LARGE, -1, 5]),
    "unsigned": (np.array([LARGE, 2**64 - 1, 5], dtype=np.uint64), MISSING, [LARGE, -1, 5]),
}


@pytest.mark.parametrize("name", ["ID", "TARGETID"])
@pytest.mark.parametrize("case", COLUMNS)
def test_identifiers_of_spectra(tmp_path: Path, case: str, name: str) -> None:
    values, why, expected = COLUMNS[case]
    wave = np.tile([4000.0, 5000.0, 6000.0], (3, 1))
    Table({name: values, "wave": wave, "flux": wave, "ivar": wave}).write(tmp_path / "x.fits")
    count = expected.count(-1)
    with pytest.warns(io.FileWarning, match=rf"x\.fits\[{name}\]: {count} of 3 identifiers .*{why[-8:]}.*") as caught:
        spectra = io.read(tmp_path / "x.fits")
    assert why in str(caught[0].message)
    names = [f"x-{row}" if number == -1 else str(number) for row, number in enumerate(expected)]
    assert list(spectra.ids) == names
    if name == "TARGETID":
        assert spectra.meta["TARGETID"].tolist() == expected


@pytest.mark.parametrize("form", ["csv", "ecsv", "fits"])
@pytest.mark.parametrize("case", ["float64", "NaN", "null"])
def test_identifiers_of_tables(tmp_path: Path, form: str, case: str) -> None:
    values, why, expected = COLUMNS[case]
    Table({"TARGETID": values, "ID": values, "Z": [0.1, 0.2, 0.3]}).write(tmp_path / f"t.{form}")
    with pytest.warns(io.FileWarning, match=why.replace("^", r"\^")):
        table = io.read_table(tmp_path / f"t.{form}")
    assert table["TARGETID"].tolist() == expected
    assert table["ID"].tolist() == [f"t-{row}" if number == -1 else str(number) for row, number in enumerate(expected)]


def test_a_number_that_a_spreadsheet_rounded(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("TARGETID,Z\n3.9627E+16,0.5\n39,0.6\n")
    with pytest.warns(io.FileWarning, match=r"t\.csv\[TARGETID\]: 1 of 2 identifiers are beyond 2\^53"):
        assert io.read_table(tmp_path / "t.csv")["TARGETID"].tolist() == [-1, 39]


def test_whole_numbers_in_floating_point_are_integers(tmp_path: Path) -> None:
    Table({"TARGETID": [4.0, 5.0], "ID": [1.5, 2.5], "Z": [1.0, 2.0]}).write(tmp_path / "t.fits")
    table = io.read_table(tmp_path / "t.fits")
    assert table["TARGETID"].dtype.kind == "i"
    assert table["ID"].tolist() == [1.5, 2.5]


def test_null_targets_of_desi_are_several(tmp_path: Path, desi_images: Any, write_desi: Any) -> None:
    """Single exposures of one target are one spectrum; those of unknown targets are not."""
    null = np.iinfo(np.int64).min
    path = write_desi(tmp_path / "x.fits", desi_images(4), Table({"TARGETID": np.array([null, 7, null, 7])}))
    with pytest.warns(io.FileWarning, match=r"x\.fits\[FIBERMAP\]\[TARGETID\]: 2 of 4 identifiers are missing"):
        spectra = io.read(path)
    assert spectra.meta["TARGETID"].tolist() == [-1, 7, -1]
    assert spectra.ids == ("x-0", "7", "x-2")


@pytest.mark.parametrize("values", [np.ones((2, 2), dtype=np.int64), np.array(["a", "b"]), np.array([0.5, 1.5])])
def test_columns_of_the_wrong_kind_are_refused(tmp_path: Path, values: np.ndarray) -> None:
    wave = np.tile([4000.0, 5000.0, 6000.0], (2, 1))
    Table({"TARGETID": values, "wave": wave, "flux": wave, "ivar": wave}).write(tmp_path / "x.fits")
    with pytest.raises(io.FileError, match=r"x\.fits\[TARGETID\]: needs one integer in each row"):
        io.read(tmp_path / "x.fits")
    hdu = fits.BinTableHDU(Table({"TARGETID": values, "Z": [1.0, 2.0]}), name="REDSHIFTS")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "z.fits")
    with pytest.raises(io.FileError, match=r"z\.fits\[TARGETID\]: needs one integer in each row"):
        io.read_catalog(tmp_path / "z.fits")


def test_redshifts_of_the_wrong_kind_are_refused(tmp_path: Path) -> None:
    hdu = fits.BinTableHDU(Table({"TARGETID": [1, 2], "Z": ["a", "b"]}), name="REDSHIFTS")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "z.fits")
    with pytest.raises(io.FileError, match=r"z\.fits\[REDSHIFTS\]: the column Z needs one number in each row"):
        io.read_catalog(tmp_path / "z.fits")


def test_missing_ones_among_names_that_look_like_numbers_are_missing(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("ID,Z\nnan,1\n1.10,2\n,3\n")
    with pytest.warns(io.FileWarning, match="2 of 3 identifiers are missing"):
        table = io.read_table(tmp_path / "t.csv")
    assert table["ID"].tolist() == ["t-0", "1.10", "t-2"]


@pytest.mark.parametrize("names", [["1.10", "1.100"], ["0e2", "1e2"], ["1e5", "x"], ["a  b", "a b"]])
def test_names_that_look_like_numbers_are_what_is_written(tmp_path: Path, names: list[str]) -> None:
    rows = [f'"{name}",{0.1 * row}' for row, name in enumerate(names)]
    (tmp_path / "t.csv").write_text("\n".join(["ID,Z", *rows]) + "\n")
    assert io.read_table(tmp_path / "t.csv")["ID"].tolist() == names
