"""Magnitudes and colours, from whatever table says what the fluxes of targets are."""

import warnings

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Column, Table

from jaxz import io

FLUXES = {"FLUX_G": [1.0, 10.0, -0.1, np.nan], "FLUX_R": [10.0, 10.0, 1.0, 1.0]}


def test_columns_and_differences():
    table = Table({**FLUXES, "I464": [24.0, 23.0, np.inf, 22.0], "FLUX_IVAR_R": [4.0, 4.0, 4.0, 0.0]})
    magnitude = io.photometry("t", table, "FLUX_G")
    assert magnitude.name == "mag(FLUX_G)"
    np.testing.assert_allclose(magnitude.values, [22.5, 20.0, np.nan, np.nan])
    # What is not known is not below 0.
    assert magnitude.nonpositive.tolist() == [False, False, True, False]
    colour = io.photometry("t", table, "FLUX_G - FLUX_R")
    assert colour.name == "mag(FLUX_G) - mag(FLUX_R)"
    np.testing.assert_allclose(colour.values, [2.5, 0.0, np.nan, np.nan])
    mixed = io.photometry("t", table, "I464-FLUX_R")
    assert mixed.name == "I464 - mag(FLUX_R)"
    np.testing.assert_allclose(mixed.values, [4.0, 3.0, np.nan, -0.5])
    plain = io.photometry("t", table, "FLUX_IVAR_R")
    assert plain.name == "FLUX_IVAR_R"
    assert plain.values.tolist() == [4.0, 4.0, 4.0, 0.0]


def test_a_name_with_a_minus_is_a_name_first():
    table = Table({"g-r": [0.5], "g": [1.0], "r": [9.0], "a-b": [3.0]})
    assert io.photometry("t", table, "g-r").values.tolist() == [0.5]
    assert io.photometry("t", table, "a-b-g").values.tolist() == [2.0]


@pytest.mark.parametrize("unit", ["nanomaggy", "nanomaggies", "nmgy", "3.6307805 uJy"])
def test_units_of_fluxes(unit):
    table = Table({"FIBERFLUX_R": [1.0]})
    table["FIBERFLUX_R"].unit = u.Unit(unit, parse_strict="silent")
    assert io.photometry("t", table, "FIBERFLUX_R").values == pytest.approx([22.5], abs=1e-6)


def test_microjansky_agree_with_astropy():
    table = Table({"FLUX_R": [0.7, 30.0] * u.uJy})
    expected = (table["FLUX_R"].quantity.to(u.ABmag)).value
    np.testing.assert_allclose(io.photometry("t", table, "FLUX_R").values, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("columns", "text", "told"),
    [
        (FLUXES, "FLUX_Z", "t.fits: no column FLUX_Z, and no two whose difference it is, among FLUX_G, FLUX_R"),
        (FLUXES, "FLUX_G-FLUX_Z", "no column FLUX_G-FLUX_Z"),
        ({"CLASS": ["a"]}, "CLASS", r"t.fits\[CLASS\]: needs one number in each row"),
        ({"FLUX_R": [[1.0, 2.0]]}, "FLUX_R", "needs one number in each row"),
        ({"FLUX_R": [1.0] * u.erg}, "FLUX_R", "made of nanomaggies or f_ν, not of erg: add a column of magnitudes"),
        ({"FLUX_R": Column([1.0], unit=u.Unit("blib", parse_strict="silent"))}, "FLUX_R", "not of blib"),
    ],
)
def test_what_is_no_photometry(columns, text, told):
    with pytest.raises(io.FileError, match=told):
        io.photometry("t.fits", Table(columns), text)


def test_a_fibermap_goes_before_other_tables(tmp_path):
    fluxes = fits.BinTableHDU(Table({"TARGETID": [3, 4], "FLUX_R": [1.0, 2.0]}), name="FIBERMAP")
    fluxes.header["TUNIT2"] = "nanomaggy"
    other = fits.BinTableHDU(Table({"TARGETID": [3, 4], "Z": [0.1, 0.2]}), name="REDSHIFTS")
    path = tmp_path / "z.fits"
    fits.HDUList([fits.PrimaryHDU(), other, fluxes]).writeto(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = io.read_targets(path)
    assert table.colnames == ["TARGETID", "FLUX_R"]
    assert io.photometry(path, table, "FLUX_R").values[0] == 22.5
    fits.HDUList([fits.PrimaryHDU(), other]).writeto(path, overwrite=True)
    assert io.read_targets(path).colnames == ["TARGETID", "Z"]


def test_parquet(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {"TARGETID": [3], "Z": [0.1], "FIBERMAP.TARGETID": [3], "FIBERMAP.FLUX_R": [1.0]}
    parquet.write_table(arrow.table(columns), tmp_path / "z.parquet")
    assert io.read_targets(tmp_path / "z.parquet").colnames == ["TARGETID", "FLUX_R"]
    assert io.read_catalog(tmp_path / "z.parquet").colnames == ["TARGETID", "Z", "ID"]
    parquet.write_table(arrow.table({"ID": ["a"], "MAG": [22.0]}), tmp_path / "t.parquet")
    assert io.read_targets(tmp_path / "t.parquet").colnames == ["ID", "MAG"]


def test_a_table_is_written_whole(tmp_path):
    path = tmp_path / "cuts.ecsv"
    io.write_table({"CUT": ["r < 24 and g-r < 1"], "LOW": [-np.inf]}, path, header={"TABLE": "t.fits"})
    table = io.read_table(path)
    assert (table["CUT"][0], table["LOW"][0], table.meta["TABLE"]) == ("r < 24 and g-r < 1", -np.inf, "t.fits")
    with pytest.raises(io.FileError, match="exists already"):
        io.write_table({"CUT": ["none"]}, path)
    assert io.read_table(path)["CUT"][0] == "r < 24 and g-r < 1"
