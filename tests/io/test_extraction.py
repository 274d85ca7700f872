"""Spectra of parts of a cube: their flux is the sum, their variance what sums vary by, and bad input is told."""

import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import io
from jaxz.io.cube import open_cube
from jaxz.io.cube_bins import bins, smoothed
from jaxz.io.cube_noise import LAG, CubeNoise
from jaxz.io.extraction import Extraction, is_extracted, write_extracted
from tests import cubes

SOURCE = (6.2, 8.3)
"""Place of a point source, y and x."""


def gaussian(fwhm, y=SOURCE[0], x=SOURCE[1], shape=cubes.SHAPE[1:]):
    row, column = np.indices(shape)
    sigma = fwhm / 2.3548
    return np.exp(-((row - y) ** 2 + (column - x) ** 2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)


@pytest.fixture
def values(rng):
    flux, variance = cubes.noise(rng)
    spectrum = 200 + 100 * np.sin(np.arange(len(flux)) / 9)
    return (flux + spectrum[:, None, None] * gaussian(4.0)).astype(np.float32), variance


@pytest.fixture
def path(values, tmp_path):
    return cubes.write(tmp_path / "field.fits", *values)


@pytest.fixture
def segmentation(tmp_path):
    def write(labels):
        fits.PrimaryHDU(np.asarray(labels)).writeto(tmp_path / "seg.fits", overwrite=True)
        return tmp_path / "seg.fits"

    return write


@pytest.fixture
def table(path, tmp_path):
    def write(places, **columns):
        y, x = np.array(places, dtype=float).reshape(-1, 2).T
        ra, dec = open_cube(path).sky(x, y)
        Table({**columns, "RA": ra, "DEC": dec}).write(tmp_path / "sources.ecsv", overwrite=True)
        return tmp_path / "sources.ecsv"

    return write


def test_labels_are_sums(path, values, segmentation):
    labels = np.zeros(cubes.SHAPE[1:], dtype=np.int32)
    labels[2:5, 3:7], labels[9, 9], labels[0, 0] = 12, 3, -1
    found = io.extract(path, Extraction(segmentation=segmentation(labels)))
    spectra = found.spectra
    assert spectra.ids == ("field-3", "field-12")
    assert spectra.meta["LABEL"].tolist() == [3, 12]
    assert spectra.meta["NSPAXEL"].tolist() == [1, 12]
    flux, variance = values
    np.testing.assert_allclose(spectra.flux[1], flux[:, 2:5, 3:7].sum(axis=(1, 2)), rtol=1e-5)
    expected = variance[:, 2:5, 3:7].sum(axis=(1, 2)) * spectra.meta["NOISEFAC"][1]
    np.testing.assert_allclose(1 / spectra.ivar[1], expected, rtol=1e-5)
    assert (spectra.meta["X"][1], spectra.meta["Y"][1]) == (4.5, 3.0)
    np.testing.assert_array_equal(found.labels, np.maximum(labels, 0))


def test_sums_vary_as_they_say(rng, tmp_path, segmentation):
    flux, variance = cubes.noise(rng, (600, 16, 21))
    path = cubes.write(tmp_path / "noise.fits", cubes.smeared(flux), variance[:, :, 1:])
    labels = np.add.outer(5 * (np.arange(16) // 4), np.arange(20) // 4) + 1
    spectra = io.extract(path, Extraction(segmentation=segmentation(labels))).spectra
    pulls = spectra.flux * np.sqrt(spectra.ivar)
    assert np.std(pulls) == pytest.approx(1, abs=0.03)
    assert np.median(spectra.meta["NOISEFAC"]) > 1.5


def test_missing_voxels_are_stood_for_by_the_others(values, tmp_path, segmentation):
    flux, variance = np.full(cubes.SHAPE, 3, dtype=np.float32), values[1]
    flux[5, 2, :2], flux[6, 2, :3], flux[7] = np.nan, np.nan, np.nan
    labels = np.zeros(cubes.SHAPE[1:], dtype=np.int32)
    labels[2, :4] = 1
    path = cubes.write(tmp_path / "gaps.fits", flux, variance)
    spectra = io.extract(path, Extraction(segmentation=segmentation(labels))).spectra
    np.testing.assert_allclose(spectra.flux[0, [4, 5]], 12)
    assert spectra.ivar[0, 5] == pytest.approx(spectra.ivar[0, 4] / 2)
    assert spectra.ivar[0, [6, 7]].tolist() == [0, 0]


def test_an_aperture_is_the_share_of_each_spaxel(tmp_path, table):
    flat = np.ones(cubes.SHAPE, dtype=np.float32)
    path = cubes.write(tmp_path / "flat.fits", flat, flat)
    how = Extraction(positions=table([(5, 6), (0, 6)]), aperture=0.5)
    spectra = io.extract(path, how).spectra
    # Beyond the edge the cube has nothing, and what it has stands for it.
    np.testing.assert_allclose(spectra.flux[:, 0], np.pi * 2.5**2, rtol=1e-6)
    np.testing.assert_allclose([spectra.meta["X"], spectra.meta["Y"]], [[6, 6], [5, 0]], atol=1e-6)


def test_psf_weights_give_the_flux_of_a_point_source_and_less_noise(path, table):
    place = table([SOURCE])
    aperture = io.extract(path, Extraction(positions=place, aperture=0.9)).spectra
    optimal = io.extract(path, Extraction(positions=place, psf=0.8)).spectra
    expected = 200 + 100 * np.sin(np.arange(120) / 9)
    pulls = (optimal.flux - expected) * np.sqrt(optimal.ivar)
    assert abs(pulls.mean()) < 0.3
    assert pulls.std() == pytest.approx(1, abs=0.2)
    snr = [np.median(one.flux * np.sqrt(one.ivar)) for one in (aperture, optimal)]
    assert snr[1] > 1.1 * snr[0]


def test_names_and_numbers_are_those_of_the_table(path, table):
    spectra = io.extract(path, Extraction(positions=table([SOURCE, (2, 2)], ID=[31, 7]))).spectra
    assert spectra.ids == ("31", "7")
    assert spectra.meta["TARGETID"].tolist() == [31, 7]


def test_positions_outside_are_left_out_and_named(path, table):
    where = table([SOURCE, (100, 3), (3, -2)], ID=["in", "out", "off"])
    with pytest.warns(io.FileWarning, match=r"2 of 3 positions are outside .*field\.fits, and left out: out, off"):
        assert io.extract(path, Extraction(positions=where)).spectra.ids == ("in",)


def _noise(signal, beside=0.0):
    covariance = np.zeros((2 * LAG + 1, 2 * LAG + 1))
    covariance[LAG, LAG] = 1
    covariance[LAG, [LAG - 1, LAG + 1]] = covariance[[LAG - 1, LAG + 1], LAG] = beside
    return CubeNoise(covariance, 1.0, np.ones_like(signal), signal, 500)


@pytest.mark.parametrize("beside", [0.0, 0.12])
def test_bins_have_the_signal_to_noise_asked_for(beside):
    signal = 1500 * gaussian(8, 20, 20, (40, 40)) + 0.01
    noise = _noise(signal, beside)
    labels, best = bins(noise, 10.0)
    assert best >= 10
    assert labels.max() > 5
    for label in range(1, labels.max() + 1):
        y, x = np.nonzero(labels == label)
        variance = len(y) * (noise.factor(y, x, np.ones(len(y))) if beside else 1)
        assert smoothed(signal)[y, x].sum() / np.sqrt(variance) >= 10
        # What 3 x 3 spaxels have less than this source in its middle they have more at its rim: 4 % here.
        assert signal[y, x].sum() / np.sqrt(variance) >= 9.5
        assert np.hypot(y - y.mean(), x - x.mean()).max() < 2 * np.sqrt(len(y) / np.pi) + 1
    # The sky is in none, and what bins are of is in one piece.
    assert labels[0, 0] == labels[-1, -1] == 0
    assert labels[16:24, 16:24].all()


def test_correlated_noise_makes_bins_larger():
    signal = 300 * gaussian(8, 20, 20, (40, 40))
    few, many = (bins(_noise(signal, beside), 10.0)[0].max() for beside in (0.2, 0.0))
    assert few < many


def test_spaxels_without_data_are_in_no_bin():
    signal = 300 * gaussian(8, 20, 20, (40, 40))
    signal[:, 22:] = np.nan
    labels, _ = bins(_noise(signal), 10.0)
    assert not labels[:, 22:].any()
    assert labels.any()


def test_bins_of_a_cube(path):
    found = io.extract(path, Extraction(bin_snr=8.0))
    assert found.labels.max() == len(found.spectra)
    snr = np.median(found.spectra.flux * np.sqrt(found.spectra.ivar), axis=1)
    assert np.all(snr > 8)


def test_what_was_written_is_known_again(path, table, tmp_path):
    how, other = Extraction(positions=table([SOURCE])), Extraction(positions=table([SOURCE]), aperture=0.4)
    found = io.extract(path, how)
    write_extracted(found, tmp_path / "out.fits", how)
    assert is_extracted(tmp_path / "out.fits", how, path)
    assert not is_extracted(tmp_path / "out.fits", other, path)
    assert not is_extracted(tmp_path / "none.fits", how, path)
    assert not is_extracted(path, how, path)
    spectra = io.read(tmp_path / "out.fits")
    np.testing.assert_array_equal(spectra.flux, found.spectra.flux)
    np.testing.assert_array_equal(spectra.meta["NOISEFAC"], found.spectra.meta["NOISEFAC"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give one of bin_snr, segmentation and positions, got none"),
        ({"bin_snr": 3.0, "positions": Path("x")}, "got bin_snr and positions"),
        ({"bin_snr": 3.0, "psf": 0.8}, "an aperture or a PSF is around positions"),
        ({"positions": Path("x"), "psf": 0.8, "aperture": 0.5}, "not both"),
        ({"bin_snr": -1.0}, "bin_snr is -1: give a positive number"),
        ({"positions": Path("x"), "psf": np.inf}, "psf is inf"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Extraction(**options)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.ones((14, 12)), r"seg\.fits: the segmentation map has shape \(14, 12\), an image of .* \(12, 14\)"),
        (np.zeros((12, 14)), r"seg\.fits: the segmentation map has no label above 0"),
        (np.full((12, 14), 0.5), r"seg\.fits: the segmentation map holds other numbers than labels"),
        (np.ones(5), r"seg\.fits: no segmentation map: it holds no image of two axes"),
    ],
)
def test_bad_segmentation_maps_are_refused(path, segmentation, labels, message):
    with pytest.raises(io.FileError, match=message):
        io.extract(path, Extraction(segmentation=segmentation(labels)))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"RA": [], "DEC": []}, "the table has no rows"),
        ({"ID": [1], "DEC": [-27.8]}, "no column RA of degrees among ID, DEC: name them RA and DEC"),
        ({"RA": ["03:32:24"], "DEC": ["-27:48:00"]}, "no column RA and DEC of degrees"),
        ({"RA": [53.1], "DEC": [-127.8]}, "row 0 has RA 53.1, DEC -127.8"),
        ({"RA": [np.nan], "DEC": [-27.8]}, "row 0 has RA nan"),
        ({"RA": [3.54], "DEC": [-27.8]}, r"no position is in .*field\.fits .field-0.: check RA and DEC"),
    ],
)
def test_bad_tables_are_refused(path, tmp_path, columns, message):
    Table(columns, dtype=[float if not len(one) else None for one in columns.values()]).write(tmp_path / "t.fits")
    with pytest.raises(io.FileError, match=rf"t\.fits: {message}"):
        io.extract(path, Extraction(positions=tmp_path / "t.fits"))


def test_a_cube_that_is_nowhere_has_no_positions(values, tmp_path, table):
    path = cubes.write(tmp_path / "c.fits", *values, CTYPE1="LINEAR", CTYPE2="LINEAR", CUNIT1=None, CUNIT2=None)
    with pytest.raises(io.FileError, match=r"c\.fits: its header has no RA and DEC"):
        io.extract(path, Extraction(positions=table([SOURCE])))


def test_a_target_that_no_bin_reaches_is_refused(path):
    with pytest.raises(io.FileError, match=r"field\.fits: no bin has a continuum of S/N 1000 in a pixel; the best has"):
        io.extract(path, Extraction(bin_snr=1000.0))


def test_an_image_is_refused(values, tmp_path):
    path = cubes.write(tmp_path / "image.fits", values[0][0], values[1][0])
    with pytest.raises(io.FileError, match=r"image\.fits: not a cube: DATA has 2 axes"):
        io.extract(path, Extraction(bin_snr=3.0))


def test_without_photutils_it_is_asked_for(path, table, monkeypatch):
    monkeypatch.setitem(sys.modules, "photutils.aperture", None)
    with pytest.raises(io.FileError, match=r"need photutils: pip install 'jaxz\[cube\]'"):
        io.extract(path, Extraction(positions=table([SOURCE])))
