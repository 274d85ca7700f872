"""χ² curves in files: what is read is what was scanned, and what is no such file is refused."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import jaxz
from jaxz import ErrorModel, NonNegative, io
from jaxz.io.assembly import assemble_curves
from jaxz.models import OwnColumns, Trials
from tests import made, small

RANGE = {"zmin": small.ZMIN, "zmax": small.ZMAX}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_curves(tmp_path: Path, rng: np.random.Generator, dtype: type) -> None:
    chi2 = rng.uniform(1, 2, (2, 50)).astype(dtype)
    z = 10.0 ** (np.arange(50) * 5e-5) - 1
    scan = made.zscan(chi2, Trials(0, 50, 5e-5), status=np.array([0, 1]), ids=("a", "é"), null=np.array([7.0, 8.0]))
    io.write_curves(scan, tmp_path / "curves.fits")
    with fits.open(tmp_path / "curves.fits") as hdus:
        np.testing.assert_array_equal(hdus["Z"].data, z)
        np.testing.assert_array_equal(hdus["CHI2"].data, chi2)
        assert hdus["CHI2"].data.dtype.itemsize == np.dtype(dtype).itemsize
        assert list(hdus["SPECTRA"].data["ID"]) == ["a", r"\xe9"]
        assert hdus["SPECTRA"].data["STATUS"].tolist() == [0, 1]
        assert hdus["SPECTRA"].data["CHI2_NULL"].tolist() == [7.0, 8.0]
    with pytest.raises(io.FileError, match="exists already"):
        io.write_curves(scan, tmp_path / "curves.fits")


def test_curves_are_read_by_name(tmp_path: Path, rng: np.random.Generator) -> None:
    path, chi2 = tmp_path / "curves.fits", rng.uniform(1, 2, (4, 50)).astype(np.float32)
    scan = made.zscan(chi2, Trials(0, 50, 5e-5), ids=("a", "é", "b", "a"))
    io.write_curves(scan, path)
    z, curves = io.read_curves(path, ["b", "é"])
    np.testing.assert_array_equal(z, scan.z)
    np.testing.assert_array_equal(curves, chi2[[2, 1]])
    np.testing.assert_array_equal(io.read_curves(path, scan.ids)[1], chi2)
    assert io.read_curves(path, [])[1].shape == (0, 50)
    with pytest.raises(io.FileError, match=r"curves\.fits: holds no curve of 'c', and 1 is asked for: give the file"):
        io.read_curves(path, ["a", "a", "c"])
    with pytest.raises(io.FileError, match="holds 2 curves of 'a', and 1 is asked for"):
        io.read_curves(path, ["a"])


def test_what_is_no_file_of_curves_is_refused(tmp_path: Path) -> None:
    io.write(made.redshifts([0.1]), tmp_path / "z.fits")
    with pytest.raises(io.FileError, match=r"z\.fits: not a file of χ² curves: no Z, CHI2, SPECTRA .it holds PRIMARY"):
        io.read_curves(tmp_path / "z.fits", ["near"])
    io.write_curves(made.zscan(np.ones((2, 50)), Trials(0, 50, 5e-5)), tmp_path / "curves.fits")
    with fits.open(tmp_path / "curves.fits", mode="update") as hdus:
        hdus["CHI2"].data = hdus["CHI2"].data[:, :49]
    with pytest.raises(io.FileError, match=r"Z has shape \(50,\), CHI2 \(2, 49\), SPECTRA 2 rows: it needs \(shift,\)"):
        io.read_curves(tmp_path / "curves.fits", ["m0"])
    with pytest.raises(io.FileError, match="cannot be opened"):
        io.read_curves(tmp_path / "none.fits", ["m0"])


@pytest.fixture(scope="module")
def spectra():
    return small.spectra(np.random.default_rng(8), np.array([0.05, 0.11, 0.2]), 20.0)[0]


@pytest.fixture(scope="module")
def models():
    """Two, with trial redshifts of their own."""
    return NonNegative(small.basis()), NonNegative(small.basis(), error=ErrorModel())


@pytest.fixture(scope="module")
def scans(spectra, models):
    return [jaxz.scan(spectra, models[0], **RANGE), jaxz.scan(spectra, models[1], zmin=0.0, zmax=0.15)]


@pytest.fixture
def path(scans, tmp_path):
    io.write_curves(scans, tmp_path / "curves.fits")
    return tmp_path / "curves.fits"


def test_curves_of_several_models_are_read_as_the_lowest(spectra, scans, tmp_path):
    star = jaxz.scan(spectra, NonNegative(small.basis(), error=ErrorModel(floor=0.3)), zmin=-0.01, zmax=0.01)
    io.write_curves([scans[0], star], tmp_path / "c.fits")
    z, chi2 = io.read_curves(tmp_path / "c.fits", spectra.ids)
    assert np.all(np.diff(z) > 0)
    both = np.isin(np.round(z, 9), np.round(scans[0].z, 9)), np.isin(np.round(z, 9), np.round(star.z, 9))
    np.testing.assert_array_equal(chi2[:, ~both[1]], scans[0].chi2[:, star.z[star.z >= 0].size :])
    np.testing.assert_array_equal(chi2[:, ~both[0]], star.chi2[:, star.z < 0])
    least = np.minimum(scans[0].chi2[:, : np.count_nonzero(both[0] & both[1])], star.chi2[:, star.z >= 0])
    np.testing.assert_array_equal(chi2[:, both[0] & both[1]], least)


@pytest.mark.parametrize("rows", [[0, 1, 2], [2, 0], []])
def test_kept_curves_are_those_of_the_scan(spectra, models, scans, path, rows):
    kept = io.KeptCurves(path)
    for model, scan, zmax in zip(models, scans, (small.ZMAX, 0.15), strict=True):
        found, expected = kept.scan(spectra[rows], model, zmin=0.0, zmax=zmax), scan[rows]
        assert (found.ids, found.trials, found.model.sha256) == (expected.ids, expected.trials, expected.model.sha256)
        for name in ("chi2", "status", "null", "kkt", "unconverged", "fingerprints"):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), err_msg=name)
        if rows:
            assert found.chi2.dtype == expected.chi2.dtype


def test_redshifts_are_found_again_with_other_options(spectra, models, scans, path):
    kept = io.KeptCurves(path).scan(spectra, models[1], zmin=0.0, zmax=0.15)
    again, first = (jaxz.find_redshifts(scan, spectra, nminima=9) for scan in (kept, scans[1]))
    for name in ("z", "zerr", "chi2", "zalt", "zalt_prob", "pconf", "zwarn", "deltachi2"):
        np.testing.assert_array_equal(getattr(again, name), getattr(first, name), err_msg=name)


def test_spectra_are_known_by_what_was_measured(spectra, models, path):
    kept = io.KeptCurves(path)
    renamed = dataclasses.replace(spectra, ids=("x", "y", "z"))
    assert kept.scan(renamed, models[0], **RANGE).ids == ("x", "y", "z")
    flux = np.array(spectra.flux)
    flux[1, 50] += 1e-3
    changed = dataclasses.replace(spectra, flux=flux)
    assert kept.holds(changed).tolist() == [True, False, True]
    with pytest.raises(io.FileError, match=rf"curves\.fits: holds no curve of {spectra.ids[1]} as it is now: scan it"):
        kept.scan(changed, models[0], **RANGE)


def test_other_models_and_ranges_are_refused(spectra, models, path):
    kept = io.KeptCurves(path)
    with pytest.raises(io.FileError, match=r"holds curves of .*, and none of .* with this error model"):
        kept.check(dataclasses.replace(models[0], error=ErrorModel(floor=0.07)), **RANGE)
    for number, zmax in enumerate((small.ZMAX, 0.15)):
        with pytest.raises(io.FileError, match=r"holds other trial redshifts: give --zmin \S+ --zmax \S+ ") as refused:
            kept.check(models[number], zmin=0.02, zmax=zmax)
        words = str(refused.value).split()
        low, high = (float(words[words.index(name) + 1]) for name in ("--zmin", "--zmax"))
        kept.check(models[number], zmin=low, zmax=high)


def test_curves_with_columns_of_the_spectra_are_for_figures_alone(spectra, models, scans, tmp_path):
    own = OwnColumns(np.ones((3, 1, spectra.flux.shape[1])))
    io.write_curves(dataclasses.replace(scans[0], own=own), tmp_path / "curves.fits")
    assert io.read_curves(tmp_path / "curves.fits", spectra.ids)[1].shape == scans[0].chi2.shape
    with pytest.raises(io.FileError, match="none of"):
        io.KeptCurves(tmp_path / "curves.fits").check(models[0], **RANGE)


def test_parts_together_are_the_whole(scans, path, tmp_path):
    for number, rows in enumerate(([0], [1, 2])):
        io.write_curves([scan[rows] for scan in scans], tmp_path / f"{number}.fits")
    assemble_curves([tmp_path / "0.fits", tmp_path / "1.fits"], tmp_path / "both.fits")
    assert (tmp_path / "both.fits").read_bytes() == path.read_bytes()


def test_a_file_that_was_replaced_is_read_anew(spectra, models, scans, path):
    kept = io.KeptCurves(path)
    io.write_curves([scan[[1]] for scan in scans], path, overwrite=True)
    assert kept.holds(spectra).tolist() == [False, True, False]


def test_a_file_of_an_earlier_version_is_for_figures_alone(spectra, path):
    with fits.open(path, mode="update") as hdus:
        del hdus["Z"].header["MODSHA"]
    assert len(io.read_curves(path, spectra.ids)[1]) == 3
    with pytest.raises(io.FileError, match="lacks MODSHA, as of an earlier version: scan again"):
        io.KeptCurves(path)
    with pytest.raises(io.FileError, match=r"none\.fits: cannot be opened"):
        io.KeptCurves(path.with_name("none.fits"))
