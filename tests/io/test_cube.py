"""Cubes are read as the spectra of their spaxels, some rows at a time."""

import gzip

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from jaxz import io
from jaxz.io import cube as cube_module
from tests import cubes


@pytest.fixture
def values(rng):
    flux, variance = cubes.noise(rng)
    return flux + np.arange(flux[0].size).reshape(flux[0].shape), variance * rng.uniform(0.5, 2, variance.shape)


@pytest.fixture
def path(values, tmp_path):
    return cubes.write(tmp_path / "field.fits", *(part.astype(np.float32) for part in values))


def test_each_spaxel_is_a_spectrum(path, values):
    spectra = io.read(path)
    flux, variance = (part.reshape(len(part), -1).T for part in values)
    np.testing.assert_array_equal(spectra.flux, flux.astype(np.float32))
    np.testing.assert_allclose(spectra.ivar, 1 / variance, rtol=1e-6)
    assert spectra.flux.dtype == spectra.ivar.dtype == np.float32
    assert (spectra.ids[0], spectra.ids[15], spectra.ids[-1]) == ("field-0-0", "field-1-1", "field-11-13")
    assert set(spectra.meta["FILE"]) == {str(path)}
    assert set(spectra.meta["FLUXUNIT"]) == {"1e-20 erg / (Angstrom s cm2)"}
    air = 4750 + 1.25 * np.arange(120)
    np.testing.assert_array_equal(spectra.wave[0], io.airtovac(air))


def test_places_are_those_of_astropys_wcs(path):
    meta = io.read(path).meta
    world = WCS(fits.getheader(path, "DATA")).celestial
    sky = world.pixel_to_world(meta["X"], meta["Y"])
    np.testing.assert_allclose(meta["RA"], sky.ra.deg, rtol=0, atol=1e-9)
    np.testing.assert_allclose(meta["DEC"], sky.dec.deg, rtol=0, atol=1e-9)
    assert np.ptp(meta["RA"]) > 10 * cubes.STEP


@pytest.mark.parametrize(
    "part", [slice(0, 5), slice(10, 40), slice(27, 28), slice(165, None), slice(5, 5), slice(3, 90, 7)]
)
def test_a_slice_is_that_of_all(path, part):
    source, whole = io.open_spectra(path), io.read(path)
    assert len(source) == 168
    piece = source[part]
    assert piece.ids == whole.ids[part] == source.ids[part]
    np.testing.assert_array_equal(piece.flux, whole.flux[part])
    np.testing.assert_array_equal(piece.ivar, whole.ivar[part])
    np.testing.assert_array_equal(piece.meta["Y"], whole.meta["Y"][part])


def test_slices_read_no_more_than_their_rows(path, monkeypatch):
    sizes, slab = [], cube_module.CubeFile._slab

    def counted(*args):
        found = slab(*args)
        sizes.append(found.flux.size)
        return found

    monkeypatch.setattr(cube_module.CubeFile, "_slab", counted)
    _ = io.open_spectra(path)[14:28]
    assert sizes == [120 * 14]


def test_gaps_flags_and_empty_spaxels_do_not_count(values, tmp_path):
    flux, variance = (part.astype(np.float32) for part in values)
    quality = np.zeros(flux.shape, dtype=np.int32)
    flux[40:50] = np.nan  # the notch filter
    flux[:, 3] = np.nan
    variance[:, 5, 2] = np.nan
    variance[:, 6, 2] = 0
    quality[7, 0, 0] = 4
    spectra = io.read(cubes.write(tmp_path / "c.fits", flux, variance, quality=quality))
    assert len(spectra) == 168 - 14 - 2
    assert not np.any(spectra.meta["Y"] == 3)
    assert "c-5-2" not in spectra.ids
    assert not spectra.ivar[:, 40:50].any()
    assert spectra.ivar[0, 7] == 0
    assert spectra.npixels.tolist() == [109] + 151 * [110]


def test_a_cube_without_data_has_no_spectra(tmp_path):
    nothing = np.full(cubes.SHAPE, np.nan, dtype=np.float32)
    assert len(io.open_spectra(cubes.write(tmp_path / "c.fits", nothing, nothing))[:]) == 0


def test_flux_per_frequency_becomes_per_wavelength(values, path, tmp_path):
    flux, variance = (part.astype(np.float32) for part in values)
    other = cubes.write(tmp_path / "mjy.fits", flux, variance, BUNIT="mJy")
    with fits.open(other, mode="update") as hdus:
        hdus["STAT"].header["BUNIT"] = "mJy2"
    spectra, plain = io.read(other)[:3], io.read(path)[:3]
    factor = 2.99792458e-8 / plain.wave**2  # erg/s/cm²/Å of a mJy
    np.testing.assert_allclose(spectra.flux, plain.flux * factor, rtol=1e-5)
    np.testing.assert_allclose(spectra.ivar, plain.ivar / factor**2, rtol=1e-5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"CTYPE3": "FREQ"}, r"field2\.fits\[DATA\]: CTYPE3 is 'FREQ': set it to AWAV"),
        ({"CD3_3": None}, "no wavelengths: the header needs CRVAL3 and CDELT3 .or CD3_3."),
        ({"CRPIX3": "one"}, "CRPIX3 is no number"),
    ],
)
def test_bad_wavelengths_are_refused(values, tmp_path, changed, message):
    path = cubes.write(tmp_path / "field2.fits", *values, **changed)
    with pytest.raises(io.FileError, match=message):
        io.read(path)


def test_a_cube_without_variance_says_what_to_add(values, tmp_path):
    path = cubes.write(tmp_path / "c.fits", values[0], None)
    with pytest.raises(
        io.FileError, match=r"c\.fits: no extension STAT: .* add the variance of each voxel, 120 x 12 x 14"
    ):
        io.read(path)


def test_shapes_must_agree(values, tmp_path):
    with pytest.raises(io.FileError, match=r"DATA has shape \(120, 12, 14\), STAT \(119, 12, 14\)"):
        io.read(cubes.write(tmp_path / "c.fits", values[0], values[1][1:]))


def test_a_gzipped_cube_is_refused(path, tmp_path):
    (tmp_path / "c.fits.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    with pytest.raises(io.FileError, match=r"c\.fits\.gz: a gzipped cube .*: unpack it with gunzip"):
        io.read(tmp_path / "c.fits.gz")


def test_an_image_is_no_cube(values, tmp_path):
    path = cubes.write(tmp_path / "image.fits", values[0][0], values[1][0])
    with pytest.raises(io.FileError, match="not a spectrum: DATA has 2 axes: give a spectrum, or a cube"):
        io.read(path)


def test_the_real_cube(data):
    spectra = io.open_spectra(data / "muse_cube" / "subcub_mosaic.fits")[435:465]
    assert spectra.flux.shape == (30, 500)
    assert spectra.npixels.min() == 500
    assert abs(np.median(spectra.meta["RA"]) - 53.175) < 0.01
