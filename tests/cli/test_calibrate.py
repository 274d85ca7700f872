"""`jaxz calibrate`, and its result in `jaxz zfind`."""

import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

import jaxz
from jaxz import classes, io
from jaxz.models import ErrorModel, NonNegative
from tests import small
from tests.cli.conftest import write_spectrum

RANGE = ("--zmin", small.ZMIN, "--zmax", small.ZMAX)


@pytest.fixture
def few(monkeypatch, tmp_path):
    """Twelve spectra at the redshifts of the second half of a table, with the small basis as that of galaxies."""
    monkeypatch.setattr(classes, "load_basis", lambda name: small.basis())
    z = np.linspace(0.02, 0.22, 12)
    spectra, _ = small.spectra(np.random.default_rng(4), z, 5.0)
    files = [write_spectrum(tmp_path / f"s{row}.fits", spectra, row) for row in range(12)]
    Table({"ID": list(spectra.ids), "Z": z}).write(tmp_path / "truth.ecsv")
    return files, tmp_path / "truth.ecsv"


def test_it_is_learned_written_and_applied(run, few, tmp_path):
    files, truth = few
    path = tmp_path / "mine.json"
    options = ("--name", "mine", "--classes", "galaxy", *RANGE)
    result = run("calibrate", *files, "--truth", truth, "-o", path, *options)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "width of the pulls" in result.stdout
    assert f"{path}: from 12 spectra of s0.fits" in result.stdout
    learned = io.load_calibration(path)
    assert learned.name == "mine"
    assert len(learned.models) == 1
    assert "12 spectra" in json.loads(path.read_text())["note"]
    out = tmp_path / "out.fits"
    result = run("zfind", *files, "-o", out, "--classes", "galaxy", "--calibration", path, *RANGE)
    assert result.exit_code == 0
    assert fits.getheader(out, "REDSHIFTS")["ZCALIB"] == "mine"
    spectra = io.read(files)
    scan = jaxz.scan(spectra, NonNegative(small.basis(), error=ErrorModel()), zmin=small.ZMIN, zmax=small.ZMAX)
    found = jaxz.find_redshifts(scan, spectra, calibration=learned)
    table = io.read_catalog(out)
    np.testing.assert_allclose(table["ZERR"], found.zerr, rtol=1e-6)
    np.testing.assert_array_equal(table["Z_LO"], found.z_interval[0])
    again = run("calibrate", *files, "--truth", truth, "-o", path, *options)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "exists already" in again.stderr


def test_one_for_other_models_is_refused_before_anything_is_measured(run, few, tmp_path):
    files, _ = few
    other = jaxz.Calibration(name="other", models=("0" * 64,))
    io.write_calibration(other, tmp_path / "other.json")
    options = ("--classes", "galaxy", *RANGE)
    result = run("zfind", *files, "-o", tmp_path / "out.fits", "--calibration", tmp_path / "other.json", *options)
    assert result.exit_code == 1
    assert result.stderr.startswith("jaxz: calibration 'other' was learned with other models")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out.fits").exists()
    result = run("zfind", *files, "-o", tmp_path / "out.fits", "--calibration", "nonsense", *options)
    assert "nonsense: no such calibration file or calibration; known calibrations: default" in result.stderr
