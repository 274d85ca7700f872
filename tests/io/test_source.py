"""Redshifts in MPDAF's Source files: ours is added, all else stays."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import io
from jaxz.io.source import confidence
from tests import made


@pytest.fixture
def source(tmp_path, pixels, mpdaf_image):
    """Return a function that writes a Source file."""

    def source(name="source-00007.fits", redshifts=None, **cards):
        primary = fits.PrimaryHDU()
        primary.header.update(ID=7, RA=53.2, DEC=-27.8, FORMAT="0.6", REFSPEC="MUSE_TOT", **cards)
        hdus = [
            primary,
            mpdaf_image(pixels.flux, "SPE_MUSE_TOT_DATA"),
            mpdaf_image(pixels.variance, "SPE_MUSE_TOT_STAT"),
            fits.ImageHDU(np.arange(6.0).reshape(2, 3), name="IMA_MUSE_WHITE_DATA"),
        ]
        if redshifts is not None:
            hdus.append(fits.BinTableHDU(redshifts, name="Z"))
        fits.HDUList(hdus).writeto(tmp_path / name)
        return tmp_path / name

    return source


@pytest.fixture
def catalog(tmp_path):
    """Return a function that writes a catalog of one redshift of each file."""

    def catalog(*files, z=0.7, **known):
        spectra = io.read(files)
        known = {name: np.full(len(files), value) for name, value in known.items()}
        io.write(
            made.redshifts(np.full(len(files), z), ids=spectra.ids, meta=spectra.meta, **known), tmp_path / "z.fits"
        )
        return tmp_path / "z.fits"

    return catalog


def table_in(path):
    with fits.open(path) as hdus:
        return Table(hdus["Z"].data)


def test_a_redshift_is_added(source, catalog, tmp_path):
    others = Table(
        {"Z_DESC": ["MUSE", "HST"], "Z": [0.69, 0.71], "Z_MIN": [0.6, 0.7], "Z_MAX": [0.7, 0.8], "Q": [3, 1]}
    )
    path = source(redshifts=others, ZCONF=1)
    before = path.read_bytes()
    (out,) = io.write_sources(catalog(path, zerr=0.001), tmp_path / "out")
    assert out == tmp_path / "out" / "source-00007.fits"
    table = table_in(out)
    assert table["Z_DESC"].tolist() == ["MUSE", "HST", "JAXZ"]
    np.testing.assert_array_equal(table["Z"], [0.69, 0.71, 0.7])
    assert table["Z_MIN"][2] < 0.7 < table["Z_MAX"][2]
    assert table["Q"].tolist() == [3, 1, -9999]
    with fits.open(out) as written, fits.open(path) as original:
        assert (written[0].header["ZCONF"], written[0].header["JAXZCONF"]) == (1, 3)
        assert [hdu.name for hdu in written] == [hdu.name for hdu in original]
        for name in ("SPE_MUSE_TOT_DATA", "SPE_MUSE_TOT_STAT", "IMA_MUSE_WHITE_DATA"):
            np.testing.assert_array_equal(written[name].data, original[name].data)
    assert path.read_bytes() == before
    assert io.read(out).ids == ("source-00007",)


def test_a_source_without_redshifts_gets_a_table(source, catalog, tmp_path):
    (out,) = io.write_sources(catalog(source(), pconf=0.95), tmp_path / "out")
    assert table_in(out).colnames == ["Z_DESC", "Z", "Z_MIN", "Z_MAX"]
    header = fits.getheader(out)
    assert (header["ZCONF"], header["JAXZCONF"]) == (2, 2)


def test_our_former_redshift_is_replaced(source, catalog, tmp_path):
    former = Table({"Z_DESC": ["JAXZ", "MUSE"], "Z": [3.0, 0.69], "Z_ERR": [0.1, 0.2]})
    (out,) = io.write_sources(catalog(source(redshifts=former), zerr=0.001), tmp_path / "out")
    table = table_in(out)
    assert sorted(table["Z_DESC"].tolist()) == ["JAXZ", "MUSE"]
    assert table["Z"][table["Z_DESC"] == "JAXZ"] == 0.7
    assert table["Z_ERR"][table["Z_DESC"] == "JAXZ"] == pytest.approx(0.001)


def test_no_redshift_is_mpdafs(source, catalog, tmp_path):
    (out,) = io.write_sources(catalog(source(), z=np.nan), tmp_path / "out")
    assert table_in(out)["Z"].tolist() == [-9999]
    assert fits.getheader(out)["JAXZCONF"] == 0


@pytest.mark.parametrize(
    ("z", "zwarn", "pconf", "expected"),
    [
        (0.5, 0, 0.995, 3),
        (0.5, 0, 0.95, 2),
        (0.5, 0, 0.5, 1),
        (0.5, 4, 1.0, 1),
        (np.nan, 512, np.nan, 0),
        (0.5, 0, np.nan, 1),
    ],
)
def test_confidence(z, zwarn, pconf, expected):
    assert confidence(z, zwarn, pconf) == expected


def test_the_original_is_kept_unless_asked(source, catalog, tmp_path):
    path = source()
    table = catalog(path)
    before = path.read_bytes()
    with pytest.raises(io.FileError, match=r"source-00007\.fits: is one of the inputs"):
        io.write_sources(table, tmp_path)
    assert path.read_bytes() == before
    io.write_sources(table, tmp_path, overwrite=True)
    assert table_in(path)["Z"].tolist() == [0.7]


def test_an_existing_file_stops_all(source, catalog, tmp_path):
    files = source("a.fits"), source("b.fits")
    table = catalog(*files)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b.fits").touch()
    with pytest.raises(io.FileError, match=r"b\.fits: exists already"):
        io.write_sources(table, tmp_path / "out")
    assert not (tmp_path / "out" / "a.fits").exists()


def test_other_files_are_passed_over(catalog, write_mpdaf, tmp_path):
    path = write_mpdaf(tmp_path / "spectrum.fits")
    table = catalog(path)
    assert io.write_sources(table, tmp_path / "out") == []
    with pytest.raises(io.FileError, match=r"spectrum\.fits: not an MPDAF Source file"):
        io.write_source(path, io.read_catalog(table)[0], tmp_path / "x.fits")
