"""What a measuring command says of its catalog, and which spectra it measures."""

import numpy as np
import pytest
from astropy.io import fits

from jaxz import io
from jaxz.batch import Report
from jaxz.cli import summary, zfind
from jaxz.status import ZWarn
from tests import made


@pytest.fixture
def catalog(tmp_path):
    """Return a catalog of 30 redshifts, of which some are flagged, and one is missing."""
    z = np.linspace(0.1, 3.0, 30)
    z[3] = np.nan
    pconf = np.where(np.isnan(z), np.nan, np.linspace(1.0, 0.2, 30))
    zwarn = np.zeros(30, dtype=np.int32)
    zwarn[-2:] = ZWarn.SMALL_DELTA_CHI2 | ZWarn.BAD_FIT
    spectype = np.where(np.arange(30) % 3 == 0, "QSO", "GALAXY")
    path = tmp_path / "z.fits"
    io.write(made.redshifts(z, pconf=pconf, zwarn=zwarn, spectype=spectype), path)
    return path


def test_best_and_worst_rows_and_counts_of_a_large_catalog(catalog, capsys):
    summary.summarise(Report((), 30, 29, 2, (), True), zfind.shown, catalog)
    said = capsys.readouterr().out
    names = [line.split()[0] for line in said.splitlines() if line.startswith("m")]
    assert names == ["m0", "m1", "m2", "m4", "m5", "m26", "m27", "m28", "m29", "m3"]
    lines = [line.split() for line in said.splitlines()]
    assert ["GALAXY", "20", "18"] in lines
    assert ["QSO", "10", "10"] in lines
    assert ["BAD_FIT", "2"] in lines
    assert ["none", "28"] in lines
    assert "29 redshifts, 2 of them with warnings" in said


def names_in(path):
    return [name.strip() for name in fits.getdata(path, "REDSHIFTS")["ID"]]


def test_chosen_spectra_are_measured(run, desi, options, tmp_path):
    out = tmp_path / "z.fits"
    result = run("zfind", desi, "-o", out, *options, "--targetids", "616088619186127404,39633345008634466", "-q")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert names_in(out) == ["39633345008634466", "616088619186127404"]
    assert fits.getheader(out)["CHOICE"] == "targetids=616088619186127404,39633345008634466"
    run("zfind", desi, "-o", out, *options, "--mintarget", 1, "-n", 2, "--overwrite")
    assert names_in(out) == ["39633345008634466", "-7"]


def test_parts_of_another_choice_are_not_mixed_in(run, files, options, tmp_path):
    arguments = "zfind", *files, "none.fits", "-o", tmp_path / "z.fits", *options
    assert run(*arguments, "--ids", "s1").exit_code == 1
    assert names_in(tmp_path / "z.fits") == ["s1"]
    refused = run(*arguments, "--ids", "s2", "--retry-failed")
    assert "its parts were made with CHOICE = ids=s1, this run has ids=s2" in refused.stderr


def test_names_that_are_not_there_are_told(run, files, options, tmp_path):
    result = run("zfind", *files, "-o", tmp_path / "z.fits", *options, "--ids", "s1,s9")
    assert result.exit_code == 1
    assert "no spectrum in the inputs that were read is called s9" in result.stderr
    assert names_in(tmp_path / "z.fits") == ["s1"]


def test_targetids_that_are_no_numbers(run, files, options, tmp_path):
    result = run("zfind", *files, "-o", tmp_path / "z.fits", *options, "--targetids", "1,x")
    assert result.stderr == "jaxz: --targetids 1,x: give whole numbers with commas between them\n"
