import dataclasses
import errno
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import jax
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

import jaxz
from jaxz import Redshifts, Status, ZWarn, io
from jaxz.io.meanings import COLUMNS, EVERY
from jaxz.models import Madgics, NonNegative
from tests import gaussian, made

Unprivileged = Callable[[], AbstractContextManager[None]]

# Redrock's `write_zbest`: names and FITS types of its columns, for a basis of ten vectors.
REDROCK = {
    "TARGETID": "K",
    "Z": "D",
    "ZERR": "E",
    "ZWARN": "J",
    "CHI2": "E",
    "COEFF": "10E",
    "FITMETHOD": "3A",
    "NPIXELS": "J",
    "SPECTYPE": "6A",
    "SUBTYPE": "7A",
    "NCOEFF": "I",
    "DELTACHI2": "E",
}
OURS = {
    "ID": "4A",
    "STATUS": "I",
    "SIGNIFICANCE": "E",
    "ROBUSTNESS": "E",
    "PCONF": "E",
    "PCLASS": "E",
    "TEMPERATURE": "E",
    "ZALT": "5D",
    "ZALT_ERR": "5E",
    "ZALT_CHI2": "5D",
    "ZALT_PROB": "5E",
    "Z_LO": "D",
    "Z_HI": "D",
    "COVERAGE": "E",
    "ULTRAVIOLET": "L",
}


@pytest.fixture
def redshifts(rng: np.random.Generator) -> Redshifts:
    """Return two measured spectra and one without data."""
    z = np.array([0.123456789012, 5.05, np.nan])
    alternatives = np.stack([z, z + 0.1, z + 0.2, z + 0.3, np.full(3, np.nan)], axis=1)
    return made.redshifts(
        z,
        ids=("near", "far", "none"),
        zerr=z * 1e-4,
        chi2=z * 4000,
        deltachi2=z * 90,
        zwarn=np.array([0, ZWarn.SMALL_DELTA_CHI2, ZWarn.NODATA | ZWarn.LITTLE_COVERAGE], dtype=np.int32),
        status=np.array([Status.OK, Status.OK, Status.NO_DATA]),
        coeff=np.where(np.isnan(z)[:, None], np.nan, rng.uniform(0, 1, (3, 10))),
        npixels=np.array([3681, 3600, 0]),
        significance=z / 10,
        robustness=z / 20,
        pconf=z / 30,
        zalt=alternatives,
        zalt_err=alternatives * 1e-4,
        zalt_chi2=alternatives * 1e6,
        spectype=np.full(3, "GALAXY"),
        subtype=np.full(3, "INTERIM"),
        meta={
            "TARGETID": np.array([2**62 + 1, -7, 3]),
            "RA": np.array([1.0, 2.0, np.nan]),
            "FILE": np.array(["a", "b", "c"]),
        },
    )


def test_columns_and_types_are_redrocks_then_ours(redshifts: Redshifts, tmp_path: Path) -> None:
    io.write(redshifts, tmp_path / "z.fits")
    with fits.open(tmp_path / "z.fits") as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "REDSHIFTS"]
        columns = {column.name: column.format for column in hdus["REDSHIFTS"].columns}
    assert list(columns.items()) == [*REDROCK.items(), *OURS.items(), ("RA", "D"), ("FILE", "1A")]


def test_every_column_says_what_it_is(redshifts: Redshifts) -> None:
    table = io.to_table(redshifts)
    assert [name for name in table.colnames if table[name].description is None] == []
    assert table["PCONF"].description == COLUMNS["PCONF"]
    assert set(EVERY) <= set(table.colnames)


def test_what_was_written_is_read(redshifts: Redshifts, tmp_path: Path) -> None:
    io.write(redshifts, tmp_path / "z.fits")
    table = io.read_catalog(tmp_path / "z.fits")
    np.testing.assert_array_equal(table["TARGETID"], redshifts.meta["TARGETID"])
    np.testing.assert_array_equal(table["Z"], redshifts.z)
    np.testing.assert_array_equal(table["ZALT_CHI2"], redshifts.zalt_chi2)
    np.testing.assert_array_equal(table["COEFF"], redshifts.coeff.astype(np.float32))
    np.testing.assert_array_equal(table["ZWARN"], redshifts.zwarn)
    assert list(table["ID"]) == ["near", "far", "none"]
    assert list(table["SPECTYPE"]) == ["GALAXY"] * 3
    assert set(table["NCOEFF"]) == {10}
    assert set(table["FITMETHOD"]) == {"NMF"}


def test_a_spectrum_that_was_not_measured_says_so(redshifts: Redshifts) -> None:
    table = io.to_table(redshifts)
    assert np.isnan(table["Z"][2])
    assert Status(table["STATUS"][2]) is Status.NO_DATA
    assert table["ZWARN"][2] & ZWarn.NODATA


def test_spectra_without_targetid_have_minus_one(redshifts: Redshifts) -> None:
    redshifts.meta.pop("TARGETID")
    table = io.to_table(redshifts)
    assert table["TARGETID"].tolist() == [-1, -1, -1]
    assert table["TARGETID"].dtype == np.int64


def test_a_column_of_the_input_does_not_replace_one_of_ours(redshifts: Redshifts) -> None:
    redshifts.meta["Z"] = np.full(3, 9.0)
    np.testing.assert_array_equal(io.to_table(redshifts)["Z"], redshifts.z)


def test_headers_say_how_it_was_made(redshifts: Redshifts, tmp_path: Path) -> None:
    basis = io.load_basis()
    options = {"ZMIN": 0.0, "ENGINE": "fft", "NMINIMA": 5, "FLAG": True, "BASISARG": Path("/a/b"), "LONGER NAME": "xyz"}
    found = dataclasses.replace(redshifts, models=(NonNegative(basis),))
    io.write(found, tmp_path / "z.fits", header=options)
    for extension in (0, "REDSHIFTS"):
        header = fits.getheader(tmp_path / "z.fits", extension)
        assert header["BASIS"] == "galaxy"
        assert header["BASISVER"] == "2"
        assert header["BASISSHA"] == basis.sha256
        assert header["JAXZVER"] == jaxz.__version__
        assert header["JAXVER"] == jax.__version__
        assert jax.devices()[0].platform in header["DEVICE"]
        assert header["STATUS1"] == "NO_DATA"
        assert {name: header[name] for name in options} == options | {"BASISARG": "/a/b"}
    assert io.read_catalog(tmp_path / "z.fits").meta["ENGINE"] == "fft"


def test_names_that_are_not_ascii_are_escaped(redshifts: Redshifts, tmp_path: Path) -> None:
    redshifts.meta["FILE"] = np.array(["é.fits", "b.fits", "c.fits"])
    io.write(redshifts, tmp_path / "z.fits", header={"PRIOR": "é"})
    with fits.open(tmp_path / "z.fits") as hdus:
        assert hdus["REDSHIFTS"].data["FILE"][0] == r"\xe9.fits"
    table = io.read_catalog(tmp_path / "z.fits")
    assert (table["FILE"][0], table.meta["PRIOR"]) == ("é.fits", "é")


def test_an_existing_file_is_kept_unless_it_may_be_replaced(redshifts: Redshifts, tmp_path: Path) -> None:
    path = tmp_path / "z.fits"
    path.write_text("precious")
    for attempt in (io.check_output, lambda path: io.write(redshifts, path)):
        with pytest.raises(io.FileError, match=r"z\.fits: exists already: choose another name or ask to overwrite it"):
            attempt(path)
    assert path.read_text() == "precious"
    io.write(redshifts, path, overwrite=True)
    assert len(io.read_catalog(path)) == 3
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_or_a_folder_as_output(redshifts: Redshifts, tmp_path: Path) -> None:
    with pytest.raises(io.FileError, match=r"the folder .*/missing does not exist: create it first"):
        io.write(redshifts, tmp_path / "missing" / "z.fits")
    with pytest.raises(io.FileError, match="is a folder: give the name of a file in it"):
        io.check_output(tmp_path, overwrite=True)


def test_a_folder_without_permission(redshifts: Redshifts, open_folder: Path, unprivileged: Unprivileged) -> None:
    open_folder.chmod(0o555)
    for attempt in (io.check_output, lambda path: io.write(redshifts, path)):
        with unprivileged(), pytest.raises(io.FileError, match=r"cannot write in the folder .*: Permission denied"):
            attempt(open_folder / "z.fits")


def test_a_folder_that_cannot_be_entered(open_folder: Path, unprivileged: Unprivileged) -> None:
    open_folder.chmod(0o000)
    with unprivileged(), pytest.raises(io.FileError, match=r"cannot write in the folder .*: Permission denied"):
        io.check_output(open_folder / "z.fits")


@pytest.mark.parametrize("overwrite", [False, True])
def test_half_a_file_is_never_left(
    redshifts: Redshifts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    path = tmp_path / "z.fits"
    if overwrite:
        path.write_text("precious")

    def full_disk(_: fits.HDUList, name: Path) -> None:
        Path(name).write_bytes(b"SIMPLE  =")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fits.HDUList, "writeto", full_disk)
    with pytest.raises(io.FileError, match=r"z\.fits: could not be written: No space left on device"):
        io.write(redshifts, path, overwrite=overwrite)
    assert [file.read_text() for file in tmp_path.iterdir()] == (["precious"] if overwrite else [])


def test_the_check_leaves_nothing_behind(tmp_path: Path) -> None:
    assert io.check_output(str(tmp_path / "z.fits")) == tmp_path / "z.fits"
    assert not list(tmp_path.iterdir())


def test_a_gzipped_catalog(redshifts: Redshifts, tmp_path: Path) -> None:
    io.write(redshifts, tmp_path / "z.fits.gz")
    assert (tmp_path / "z.fits.gz").read_bytes().startswith(b"\x1f\x8b")
    assert len(io.read_catalog(tmp_path / "z.fits.gz")) == 3


def test_old_redrock_catalogs_are_read(tmp_path: Path) -> None:
    """Wide types, bytes padded with blanks, no FITMETHOD, HDU ZBEST, a TARGETID that is NULL."""
    columns = [
        fits.Column("TARGETID", "K", array=[39633345008634465, 999999], null=999999),
        fits.Column("Z", "D", array=[0.5, 1.5]),
        fits.Column("ZWARN", "K", array=[4, 0]),
        fits.Column("CHI2", "D", array=[1.0, 2.0]),
        fits.Column("SPECTYPE", "6A", array=["QSO", "GALAXY"]),
        fits.Column("SUBTYPE", "20A", array=["", "x"]),
    ]
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns, name="ZBEST")]).writeto(tmp_path / "z.fits")
    with pytest.warns(io.FileWarning, match=r"z\.fits\[TARGETID\]: 1 of 2 identifiers are missing"):
        table = io.read_catalog(tmp_path / "z.fits")
    assert table["TARGETID"].tolist() == [39633345008634465, -1]
    assert list(table["ID"]) == ["39633345008634465", "z-1"]
    assert list(table["SPECTYPE"]) == ["QSO", "GALAXY"]
    assert list(table["SUBTYPE"]) == ["", "x"]


def test_what_is_no_catalog_is_refused(tmp_path: Path) -> None:
    fits.PrimaryHDU(np.zeros(3)).writeto(tmp_path / "x.fits")
    with pytest.raises(io.FileError, match=r"not a redshift catalog: no table REDSHIFTS .it holds PRIMARY"):
        io.read_catalog(tmp_path / "x.fits")
    fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(np.zeros(3), name="REDSHIFTS")]).writeto(tmp_path / "basis.fits")
    with pytest.raises(io.FileError, match=r"basis\.fits: not a redshift catalog: no table .* REDSHIFTS .image 3."):
        io.read_catalog(tmp_path / "basis.fits")
    hdu = fits.BinTableHDU(Table({"TARGETID": [1]}), name="REDSHIFTS")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "y.fits")
    with pytest.raises(io.FileError, match=r"y\.fits\[REDSHIFTS\]: not a redshift catalog: no column Z"):
        io.read_catalog(tmp_path / "y.fits")


def test_truth_tables_of_any_kind_are_read(tmp_path: Path) -> None:
    table = Table({"ID": ["a", "b"], "Z": [0.5, np.nan], "N": [1, 2]})
    for form, name in (("fits", "t.fits"), ("ascii.ecsv", "t.ecsv"), ("ascii.csv", "t.csv")):
        table.write(tmp_path / name, format=form)
        read = io.read_table(tmp_path / name)
        assert list(read["ID"]) == ["a", "b"]
        np.testing.assert_array_equal(read["Z"], [0.5, np.nan])
        assert read["N"].dtype.kind == "i"


def test_missing_numbers_of_a_table_are_nan_but_identifiers_keep_their_digits(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("TARGETID,Z,NAME\n39633345008634465,,a\n,2,\n")
    with pytest.warns(io.FileWarning, match=r"t\.csv\[TARGETID\]: 1 of 2 identifiers are missing"):
        table = io.read_table(tmp_path / "t.csv")
    np.testing.assert_array_equal(table["Z"], [np.nan, 2.0])
    assert table["TARGETID"].tolist() == [39633345008634465, -1]
    assert list(table["NAME"]) == ["a", ""]


def test_a_file_without_table(tmp_path: Path) -> None:
    fits.PrimaryHDU(np.zeros(3)).writeto(tmp_path / "x.fits")
    with pytest.raises(io.FileError, match="holds no table"):
        io.read_table(tmp_path / "x.fits")
    (tmp_path / "x.txt").write_text("1 2\n1 2\n")
    with pytest.raises(io.FileError, match="not a table: give FITS, ECSV, or text with a line of names"):
        io.read_table(tmp_path / "x.txt")


def test_columns_of_other_extensions_become_tables_of_their_own(redshifts: Redshifts, tmp_path: Path) -> None:
    redshifts.meta["FIBERMAP.OBJTYPE"] = np.array(["TGT", "", "SKY"])
    redshifts.meta["FIBERMAP.FLUX"] = np.arange(6, dtype=np.float32).reshape(3, 2)
    redshifts.meta["OTHER.N"] = np.arange(3)
    assert not any("." in name for name in io.to_table(redshifts).colnames)
    io.write(redshifts, tmp_path / "z.fits")
    with fits.open(tmp_path / "z.fits") as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "REDSHIFTS", "FIBERMAP", "OTHER"]
        assert list(hdus["FIBERMAP"].data["OBJTYPE"]) == ["TGT", "", "SKY"]
        np.testing.assert_array_equal(hdus["FIBERMAP"].data["FLUX"], np.arange(6).reshape(3, 2))
        assert hdus["OTHER"].data["N"].tolist() == [0, 1, 2]
    assert len(io.read_catalog(tmp_path / "z.fits")) == 3


def test_what_a_line_improves_is_in_the_table_of_models_that_have_one(redshifts: Redshifts) -> None:
    target = Madgics(gaussian.target())
    found = made.redshifts(
        redshifts.z, chi2=redshifts.chi2, chi2_null=redshifts.chi2 + 30, models=(target,), meta={"RA": np.zeros(3)}
    )
    table = io.to_table(found)
    assert set(table["FITMETHOD"]) == {"MADGICS"}
    np.testing.assert_array_equal(table["CHI2_NULL"], found.chi2_null)
    np.testing.assert_allclose(table["DETECTION_RAW"][:2], 30)
    np.testing.assert_allclose(found.detection[:2], 30)
    assert table.colnames[-4:] == ["ULTRAVIOLET", "CHI2_NULL", "DETECTION_RAW", "RA"]
    assert not {"CHI2_NULL", "DETECTION_RAW"} & set(io.to_table(redshifts).colnames)


def test_each_of_several_models_is_in_the_header(redshifts: Redshifts, tmp_path: Path) -> None:
    basis, target = io.load_basis(), gaussian.target()
    model = Madgics(target, [gaussian.sky(np.random.default_rng(1))])
    io.write(dataclasses.replace(redshifts, models=(NonNegative(basis), model)), tmp_path / "z.fits")
    header = fits.getheader(tmp_path / "z.fits", "REDSHIFTS")
    assert (header["MODEL0"], header["MODVER0"], header["MODSHA0"]) == ("galaxy", basis.version, basis.sha256)
    assert (header["MODEL1"], header["MODSHA1"], header["NNUIS1"]) == ("LAE", target.sha256, 1)
    assert (header["NUIS10"], header["NUSHA10"]) == ("sky", model.nuisance[0].sha256)


def test_coefficients_beyond_those_of_the_best_model_are_zero(redshifts: Redshifts) -> None:
    coeff = redshifts.coeff.copy()
    coeff[0, 4:] = coeff[2] = np.nan
    table = io.to_table(dataclasses.replace(redshifts, coeff=coeff, ncoeff=np.array([4, 10, 10])))
    assert np.all(table["COEFF"][0][4:] == 0)
    np.testing.assert_array_equal(table["COEFF"][0][:4], coeff[0, :4].astype(np.float32))
    assert np.isnan(table["COEFF"][2]).all()
    assert list(table["NCOEFF"]) == [4, 10, 10]


@pytest.mark.parametrize("name", ["z.csv", "z.h5", "z.txt.gz"])
def test_fits_is_not_written_under_the_name_of_something_else(redshifts: Redshifts, tmp_path: Path, name: str) -> None:
    with pytest.raises(io.FileError, match=rf"{name}: FITS is written, or Parquet if the name ends in .parquet"):
        io.write(redshifts, tmp_path / name)
    assert not (tmp_path / name).exists()


def test_what_is_no_fits_file_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "truth.ecsv").write_text("# %ECSV 1.0\n")
    with pytest.raises(io.FileError, match="is no FITS file: give one, or see whether arguments are swapped"):
        io.read_catalog(tmp_path / "truth.ecsv")
