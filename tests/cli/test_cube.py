"""`jaxz zfind` on a cube: maps beside the catalog, and spectra of its parts."""

import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import io
from tests import cubes, small

ROWS, COLUMNS = 4, 5


@pytest.fixture
def cube(rng, tmp_path):
    """Return a cube of a galaxy at z = 0.1, the last column of which has no data."""
    air = 3800 + 2.0 * np.arange(700)
    one = small.spectra(rng, [0.1], 1e4, wave=io.airtovac(air))[0].flux[0]
    light = np.exp(-np.hypot(*np.indices((ROWS, COLUMNS)) - np.array([[[1.5]], [[1.5]]])) / 3)
    sigma = 0.03 * np.median(one)
    flux = one[:, None, None] * light + rng.normal(0, sigma, (700, ROWS, COLUMNS))
    flux[:, :, -1] = np.nan
    variance = np.full(flux.shape, sigma**2)
    return cubes.write(tmp_path / "cube.fits", flux, variance, CRVAL3=3800.0, CD3_3=2.0)


def test_a_cube_gives_a_catalog_and_maps(run, cube, options, tmp_path):
    out = tmp_path / "maps.fits"
    result = run("zfind", cube, "-o", out, *options)
    assert result.exit_code == 0
    assert "16 redshifts" in result.stdout
    assert result.stderr == (
        f"jaxz: {cube}: fewer than 100 spaxels are blank: the covariance of its noise is not known, and STAT is taken "
        f"as it is, also where spaxels are summed\njaxz: {cube}: 4 of 20 spaxels have no data, and no row\n"
    )
    catalog = io.read_catalog(out)
    assert list(catalog["ID"])[:5] == ["cube-0-0", "cube-0-1", "cube-0-2", "cube-0-3", "cube-1-0"]
    z = io.read_maps(out)[str(cube)]["Z"]
    assert np.isnan(z[:, -1]).all()
    np.testing.assert_allclose(z[:, :-1], 0.1, atol=1e-3)
    np.testing.assert_array_equal(z[catalog["Y"], catalog["X"]], catalog["Z"])
    # The figures of it.
    assert run("plot", out, "-o", tmp_path / "maps.png").exit_code == 0
    assert run("plot", out, "--id", "cube-1-2", "-o", tmp_path / "row.png").exit_code == 0
    assert (tmp_path / "maps.png").stat().st_size > 5000


def test_parts_are_joined_to_the_same_maps(run, cube, options, tmp_path, monkeypatch):
    monkeypatch.setattr("jaxz.batch.plan.PART_BYTES", cube.stat().st_size // 3)
    whole, out = tmp_path / "whole.fits", tmp_path / "out.fits"
    run("zfind", cube, "-o", whole, *options)
    for job in ("2/2", "1/2"):
        assert run("zfind", cube, "-o", out, *options, "--part", job).exit_code == 0
    parts = json.loads((tmp_path / "out.fits.parts" / "manifest.json").read_text())["parts"]
    assert len(parts) == 3
    assert run("merge", out).exit_code == 0
    assert out.read_bytes() == whole.read_bytes()


def test_labels_are_measured_and_mapped(run, cube, options, tmp_path):
    labels = np.zeros((ROWS, COLUMNS), dtype=np.int16)
    labels[:2, :2], labels[3, 1:] = 4, 9
    fits.PrimaryHDU(labels).writeto(tmp_path / "seg.fits")
    out = tmp_path / "out.fits"
    result = run("zfind", cube, "-o", out, "--segmentation", tmp_path / "seg.fits", *options)
    assert result.exit_code == 0
    assert f"{tmp_path / 'out-spectra.fits'}: 2 spectra of {cube}" in result.stderr
    catalog = io.read_catalog(out)
    assert list(catalog["LABEL"]) == [4, 9]
    maps = io.read_maps(out)[str(cube)]
    np.testing.assert_array_equal(maps["Z"][labels == 4], catalog["Z"][0])
    assert np.isnan(maps["Z"][labels == 0]).all()
    assert fits.getheader(out)["SEGMENT"] == str(tmp_path / "seg.fits")
    assert run("plot", out, "--id", "cube-9", "-o", tmp_path / "row.png").exit_code == 0
    # The spectra are there already.
    again = run("zfind", cube, "-o", tmp_path / "out.fits", "--segmentation", tmp_path / "seg.fits", *options)
    assert again.exit_code == 1
    assert "exists already" in again.stderr
    assert (
        run("zfind", cube, "-o", out, "--segmentation", tmp_path / "seg.fits", *options, "--overwrite").exit_code == 0
    )


def test_sources_are_measured(run, cube, options, tmp_path):
    source = io.open_spectra(cube)[6:7].meta
    where = {name: np.append(source[name], 10.0) for name in ("RA", "DEC")}
    Table({"ID": ["galaxy", "far"], **where}).write(tmp_path / "t.ecsv")
    out = tmp_path / "out.fits"
    result = run("zfind", cube, "-o", out, "--positions", tmp_path / "t.ecsv", "--aperture", 0.4, *options)
    assert result.exit_code == 0
    catalog = io.read_catalog(out)
    assert list(catalog["ID"]) == ["galaxy"]
    assert f"jaxz: {tmp_path / 't.ecsv'}: 1 of 2 positions are outside {cube}, and left out: far\n" in result.stderr
    assert abs(catalog["Z"][0] - 0.1) < 1e-3
    np.testing.assert_allclose([catalog["X"][0], catalog["Y"][0]], [1, 1], atol=1e-6)
    assert io.read_maps(out) == {}
    drawn = run("plot", out, "-o", tmp_path / "galaxy.png")
    assert drawn.exit_code == 0, drawn.stderr
    assert (tmp_path / "galaxy.png").stat().st_size > 20_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--psf", 0.8), "an aperture or a PSF is around positions: give these too"),
        (("--bin-snr", 0), "bin_snr is 0: give a positive number"),
        (("--bin-snr", 1e6), "no bin has a continuum of S/N 1e+06"),
        (("--positions", "none.ecsv"), "none.ecsv"),
    ],
)
def test_bad_options_are_one_line(run, cube, options, tmp_path, arguments, message):
    result = run("zfind", cube, "-o", tmp_path / "out.fits", *arguments, *options)
    assert result.exit_code == 1
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out.fits").exists()


def test_parts_of_a_cube_need_a_cube(run, files, options, tmp_path):
    one = run("zfind", files[0], "-o", tmp_path / "out.fits", "--bin-snr", 3, *options)
    assert (one.exit_code, one.stderr.count("\n")) == (1, 1)
    assert f"{files[0]}: not a cube" in one.stderr
    several = run("zfind", *files, "-o", tmp_path / "out.fits", "--bin-snr", 3, *options)
    assert "4 files with --bin-snr, --segmentation or --positions: give one cube" in several.stderr


def test_a_cube_without_noise_is_told_and_the_others_go_on(run, cube, files, options, tmp_path):
    bare = cubes.write(tmp_path / "bare.fits", np.ones((20, 3, 3)), None)
    result = run("zfind", bare, files[0], "-o", tmp_path / "out.fits", *options)
    assert result.exit_code == 1
    assert f"{bare}: no extension STAT" in result.stderr
    assert list(io.read_catalog(tmp_path / "out.fits")["ID"]) == ["s0"]
