"""`jaxz lines`: a table of lines from a catalog and its spectra, or one line that says why not."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import io
from jaxz.air import airtovac
from tests import cubes
from tests.lines import simulated

Z = np.array([0.1, 0.2, np.nan])


@pytest.fixture
def inputs(tmp_path):
    """Return a catalog and a file of three spectra, one of which has no redshift in it."""
    spectra, _ = simulated.spectra(np.random.default_rng(2), [0.1, 0.2, 0.3])
    io.write(spectra, tmp_path / "spectra.fits")
    Table({"ID": list(spectra.ids), "Z": Z}).write(tmp_path / "z.ecsv")
    return tmp_path / "z.ecsv", tmp_path / "spectra.fits"


def test_lines_and_sources_are_written(run, inputs, tmp_path):
    output = tmp_path / "lines.fits"
    result = run("lines", *inputs, "-o", output, "--lsf", "2.5", "--figures", tmp_path / "drawn")
    assert result.exit_code == 0, result.stderr
    with fits.open(output) as hdus:
        lines, sources, header = hdus["LINES"].data, hdus["SOURCES"].data, hdus[0].header
    assert list(sources["ID"]) == ["g0", "g1", "g2"]
    assert np.isfinite(sources["CHI2"]).tolist() == [True, True, False]
    np.testing.assert_array_equal(sources["Z"], Z)
    assert set(lines["ID"]) == {"g0", "g1"}
    strong = lines[lines["LINE"] == "[O III] 5008"]
    assert np.abs((strong["FLUX"] - 200) / strong["FLUX_ERR"]).max() < 5
    np.testing.assert_allclose(strong["LBDA_OBS"], strong["LBDA_REST"] * (1 + Z[:2]), rtol=5e-4)
    np.testing.assert_allclose(strong["SNR"], strong["FLUX"] / strong["FLUX_ERR"])
    assert "Halpha" in lines["LINE"]
    assert (header["LSF"], header["CONTBAS"]) == ("2.5", "continuum")
    assert "1 spectra without a redshift or data" in result.stdout
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["g0.png", "g1.png"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"ID": ["a", "b"], "Z": [0.1, 0.2]}, "holds none of the spectra"),
        ({"ID": ["g0", "g1"], "Z": [np.nan, np.nan]}, "no spectrum has a redshift"),
        ({"ID": ["g0", "g1"]}, "needs a column Z of numbers"),
    ],
)
def test_a_catalog_that_does_not_fit_is_refused(run, inputs, tmp_path, columns, message):
    Table(columns).write(inputs[0], overwrite=True)
    result = run("lines", *inputs, "-o", tmp_path / "lines.fits")
    assert result.exit_code == 1
    assert message in result.stderr
    assert str(inputs[0]) in result.stderr
    assert not (tmp_path / "lines.fits").exists()


@pytest.mark.parametrize("lsf", ["nonsense", "-1", "inf"])
def test_unknown_line_spread_is_refused(run, inputs, tmp_path, lsf):
    result = run("lines", *inputs, "-o", tmp_path / "lines.fits", "--lsf", lsf)
    assert result.exit_code == 1
    assert "give one of muse, desi, vimos" in result.stderr


def test_nothing_is_written_over(run, inputs, tmp_path):
    (tmp_path / "lines.fits").write_text("precious")
    assert run("lines", *inputs, "-o", tmp_path / "lines.fits").exit_code == 1
    assert (tmp_path / "lines.fits").read_text() == "precious"
    assert run("lines", *inputs, "-o", inputs[1], "--overwrite").exit_code == 1


def test_lines_of_a_cube_have_maps(run, tmp_path):
    """Hα of a rotating disc in the middle of an empty field, and nothing at the edge."""
    _, flux = simulated.spectra(np.random.default_rng(3), np.full(6, 0.1))
    flux[[0, 5]] = 0.0
    wave = simulated.WAVE
    shape = (len(wave), 2, 3)
    cubes.write(
        tmp_path / "disc.fits",
        np.asarray(np.random.default_rng(4).normal(flux).T.reshape(shape), dtype=np.float32),
        np.ones(shape, dtype=np.float32),
        CTYPE3="WAVE",
        CD3_3=wave[1] - wave[0],
        CRVAL3=wave[0],
    )
    names = io.read(tmp_path / "disc.fits").ids
    Table({"ID": names, "Z": np.full(6, 0.1)}).write(tmp_path / "z.ecsv")
    output = tmp_path / "lines.fits"
    result = run("lines", tmp_path / "z.ecsv", tmp_path / "disc.fits", "-o", output, "--lsf", "2.5")
    assert result.exit_code == 0, result.stderr
    (maps,) = io.read_maps(output).values()
    assert np.abs(maps["HALPHA"].ravel()[1:5] - 120).max() < 5 * maps["HALPHA ERR"].max()
    assert np.abs(maps["HALPHA"].ravel()[[0, 5]]).max() < 5 * maps["HALPHA ERR"].max()
    assert maps["SNR_LINES"].ravel()[1] > 20
    lines = Table.read(output, "LINES")
    row = lines[(lines["ID"] == names[4]) & (lines["LINE"] == "Halpha")]
    assert np.float32(row["FLUX"][0]) == maps["HALPHA"][1, 1]
    assert "fewer than 100 spaxels are blank" in result.stderr


def test_sources_are_written_with_their_lines(run, inputs, tmp_path):
    spectra = io.read(inputs[1])[[0]]
    primary = fits.PrimaryHDU()
    primary.header.update(ID=7, FORMAT="0.6", REFSPEC="MUSE_TOT")
    images = [
        fits.ImageHDU(spectra.flux[0], name="SPE_MUSE_TOT_DATA"),
        fits.ImageHDU(1 / spectra.ivar[0], name="SPE_MUSE_TOT_STAT"),
    ]
    for image in images:
        image.header.update(CTYPE1="AWAV", CUNIT1="Angstrom", CRVAL1=4750.0, CRPIX1=1.0, CDELT1=2.5)
    images[0].header["BUNIT"] = "10**(-20)*erg/s/cm**2/Angstrom"
    path = tmp_path / "source-7.fits"
    fits.HDUList([primary, *images]).writeto(path)
    Table({"ID": ["source-7"], "Z": [0.1]}).write(tmp_path / "one.ecsv")
    output, folder = tmp_path / "lines.fits", tmp_path / "out"
    result = run("lines", tmp_path / "one.ecsv", path, "-o", output, "--lsf", "2.5", "--sources", folder)
    assert result.exit_code == 0, result.stderr
    with fits.open(folder / path.name) as hdus:
        assert {hdu.name for hdu in hdus} == {"PRIMARY", "LINES", "SPE_MUSE_TOT_DATA", "SPE_MUSE_TOT_STAT"}
        lines, header = Table(hdus["LINES"].data), hdus["LINES"].header
        np.testing.assert_array_equal(hdus["SPE_MUSE_TOT_DATA"].data, spectra.flux[0])
    whole = Table.read(output, "LINES")
    assert header["LBDAMED"] == "air"
    assert lines["LINE"].tolist() == whole["LINE"].tolist()
    np.testing.assert_allclose(airtovac(lines["LBDA_OBS"]), whole["LBDA_OBS"], rtol=1e-12)


@pytest.mark.parametrize("command", ["lines", "zfind"])
@pytest.mark.parametrize("there", ["folder", "file"])
def test_where_sources_cannot_be_written_nothing_is_measured(run, inputs, tmp_path, command, there):
    path, folder = tmp_path / "source-7.fits", tmp_path / "out"
    pixels = [fits.ImageHDU(np.ones(9, np.float32), name=f"SPE_MUSE_TOT_{name}") for name in ("DATA", "STAT")]
    fits.HDUList([fits.PrimaryHDU(), *pixels]).writeto(path)
    if there == "folder":
        folder.mkdir()
        (folder / path.name).touch()
    else:
        folder.touch()
    Table({"ID": ["source-7"], "Z": [0.1]}).write(tmp_path / "one.ecsv")
    files = (tmp_path / "one.ecsv", path) if command == "lines" else (path,)
    result = run(command, *files, "-o", tmp_path / "found.fits", "--sources", folder)
    assert result.exit_code == 1
    assert ("exists already" if there == "folder" else "cannot be a folder of sources") in result.stderr
    assert not (tmp_path / "found.fits").exists()
    assert not (tmp_path / "found.fits.parts").exists()
