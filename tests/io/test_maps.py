"""Rows of a catalog at their places in the cube."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from jaxz import io
from jaxz.io.assembly import assemble
from jaxz.io.extraction import Extraction, write_extracted
from tests import cubes, made


@pytest.fixture
def path(rng, tmp_path):
    flux, variance = cubes.noise(rng)
    flux[:, 4] = np.nan
    return cubes.write(tmp_path / "field.fits", flux, variance)


@pytest.fixture
def assembled(tmp_path):
    """Return a function that writes the catalog of redshifts of spectra, in two parts, and what is said of it."""

    def assembled(spectra, z, name="out.fits", **known):
        found = made.redshifts(z, ids=spectra.ids, meta=spectra.meta, **known)
        half = len(z) // 2
        for number, rows in enumerate((slice(half), slice(half, None))):
            io.write(found[np.arange(len(z))[rows]], tmp_path / f"{number}.fits", overwrite=True)
        notes = assemble([tmp_path / "0.fits", tmp_path / "1.fits"], tmp_path / name)
        return tmp_path / name, notes

    return assembled


def test_each_spaxel_has_its_place(path, assembled):
    spectra = io.read(path)
    z = spectra.meta["Y"] + spectra.meta["X"] / 100
    z[3] = np.nan
    out, notes = assembled(spectra, z, spectype=np.where(np.arange(len(z)) == 20, "STAR", "GALAXY"))
    maps = io.read_maps(out)[str(path)]
    expected = np.add.outer(np.arange(12), np.arange(14) / 100)
    expected[4], expected[0, 3] = np.nan, np.nan
    np.testing.assert_array_equal(maps["Z"], expected)
    assert maps["ZWARN"][4].tolist() == 14 * [512]
    assert maps["ZWARN"][0, 0] == 0
    np.testing.assert_allclose(maps["CHI2N"][0, 0], 1)
    assert (maps["SPECTYPE"][0, 0], maps["SPECTYPE"][1, 6], maps["SPECTYPE"][4, 0], maps["SPECTYPE"][0, 3]) == (
        1,
        2,
        0,
        0,
    )
    assert "LINEFLUX" not in maps
    assert notes[0].startswith(f"{path}: the variance of the noise is")
    assert notes[1:] == (f"{path}: 14 of 168 spaxels have no data, and no row",)


def test_maps_are_on_the_sky(path, assembled):
    spectra = io.read(path)
    out, _ = assembled(spectra, np.ones(len(spectra)))
    header = fits.getheader(out, "Z")
    x, y = WCS(header).world_to_pixel_values(spectra.meta["RA"], spectra.meta["DEC"])
    np.testing.assert_allclose([x, y], [spectra.meta["X"], spectra.meta["Y"]], atol=1e-6)
    assert header["CUBE"] == str(path)
    assert 0.9 < header["NOISEVAR"] < 1.1
    with fits.open(out) as hdus:
        hdus.verify("exception")
    assert len(io.read_catalog(out)) == len(spectra) == 154


def test_a_bin_has_one_value(path, assembled, tmp_path):
    labels = np.zeros((12, 14), dtype=np.int16)
    labels[:3, :5], labels[8:, 10:] = 7, 2
    fits.PrimaryHDU(labels).writeto(tmp_path / "seg.fits")
    how = Extraction(segmentation=tmp_path / "seg.fits")
    write_extracted(io.extract(path, how), tmp_path / "sums.fits", how)
    out, notes = assembled(io.read(tmp_path / "sums.fits"), np.array([0.2, 0.7]))
    ((cube, maps),) = io.read_maps(out).items()
    assert cube == str(path)
    np.testing.assert_array_equal(maps["Z"], np.where(labels == 7, 0.7, np.where(labels == 2, 0.2, np.nan)))
    np.testing.assert_array_equal(maps["NSPAXEL"], np.where(labels == 7, 15, np.where(labels == 2, 16, 0)))
    assert notes == ()


def test_two_cubes_have_maps_of_their_own(rng, path, assembled, tmp_path):
    other = cubes.write(tmp_path / "other.fits", *cubes.noise(rng, (120, 10, 11)))
    spectra = io.read([path, other])
    out, _ = assembled(spectra, np.arange(len(spectra)) / 1000)
    maps = io.read_maps(out)
    assert {cube: one["Z"].shape for cube, one in maps.items()} == {str(path): (12, 14), str(other): (10, 11)}
    assert maps[str(other)]["Z"][0, 0] == 0.154
    assert fits.getheader(out, ("Z", 2))["CUBE"] == str(other)


def test_other_spectra_have_no_maps(assembled):
    from jaxz import Spectra

    spectra = Spectra(np.arange(4000.0, 4010), np.ones((2, 10)), np.ones((2, 10)))
    out, notes = assembled(spectra, np.array([0.1, 0.2]))
    assert io.read_maps(out) == {}
    assert notes == ()


def test_parquet_has_no_maps_and_says_so(path, assembled):
    pytest.importorskip("pyarrow")
    spectra = io.read(path)
    out, notes = assembled(spectra, np.ones(len(spectra)), "out.parquet")
    assert notes[-1] == f"{out}: Parquet has no room for maps: for these, let the name end in .fits"
    assert io.read_catalog(out)["X"][5] == spectra.meta["X"][5]


def test_a_cube_that_is_gone_is_named(path, assembled):
    spectra = io.read(path)
    path.unlink()
    with pytest.raises(io.FileError, match=r"field\.fits: cannot be opened"):
        assembled(spectra, np.ones(len(spectra)))
