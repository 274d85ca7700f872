"""`jaxz simulate`: the file, its header, its use by the other commands, and options that cannot be."""

import numpy as np
import pytest
from astropy.io import fits

from jaxz import __version__, io, mock
from tests import small


def test_writes_what_the_library_simulates(run, tmp_path):
    output = tmp_path / "sim.fits"
    result = run("simulate", "muse", "-n", 6, "--seed", 3, "--blank", 0.4, "--artefacts", "-o", output)
    assert result.exit_code == 0
    assert result.stderr == ""
    spectra, truth = mock.survey(mock.INSTRUMENTS["muse"](), 6, seed=3, blank=0.4, artefacts=True)
    empty = int((truth.type == mock.BLANK).sum())
    assert result.stdout == f"{output}: {6 - empty} galaxies and {empty} blank spectra of muse\n"
    np.testing.assert_array_equal(io.read(output).flux, spectra.flux)
    np.testing.assert_array_equal(np.asarray(io.read_table(output)["Z"]), truth.z)
    assert [entry.name for entry in tmp_path.iterdir()] == ["sim.fits"]


def test_the_header_tells_how(run, tmp_path):
    options = ("-n", 2, "--seed", 9, "--zmin", 0.1, "--zmax", 0.9, "--depth", 2.0)
    run("simulate", "desi", *options, "-o", tmp_path / "sim.fits")
    header = fits.getheader(tmp_path / "sim.fits")
    assert [header[key] for key in ("JAXZVER", "INSTRUME", "SEED", "ZMIN", "ZMAX", "DEPTH")] == [
        __version__, "desi", 9, 0.1, 0.9, 2.0,
    ]  # fmt: skip
    assert (header["NBLANK"], header["ARTEFACT"], header["STARS"]) == (0.0, False, "analytic")


def test_the_same_command_writes_the_same_spectra(run, tmp_path):
    for name in ("one.fits", "two.fits"):
        run("simulate", "vimos", "-n", 3, "-o", tmp_path / name)
    for extension in ("SPECTRA", "TRUTH", "WAVE"):
        one, two = (fits.getdata(tmp_path / name, extension) for name in ("one.fits", "two.fits"))
        assert one.tobytes() == two.tobytes()


def test_zfind_and_evaluate_read_it(run, basis_file, tmp_path):
    simulated, catalog = tmp_path / "sim.fits", tmp_path / "z.fits"
    run("simulate", "vimos", "-n", 4, "--zmin", 0.1, "--zmax", small.ZMAX, "--blank", 0.5, "--seed", 7, "-o", simulated)
    galaxies = int((np.asarray(io.read_table(simulated)["TYPE"]) != mock.BLANK).sum())
    assert 0 < galaxies < 4
    found = run("zfind", simulated, "-o", catalog, "--basis", basis_file, "--zmax", small.ZMAX)
    assert found.exit_code == 0, found.stderr
    assert list(fits.getdata(catalog, "REDSHIFTS")["ID"]) == list(io.read_table(simulated)["ID"])
    judged = run("evaluate", catalog, simulated)
    assert judged.exit_code == 0, judged.stderr
    assert f"of {galaxies}" in judged.stdout


@pytest.mark.parametrize(
    ("sample", "options", "make"),
    [
        ("desi-sky", (), mock.sky_spectra),
        ("desi-lae", ("--zmin", 2.5), lambda *a, **k: mock.emitter_spectra(*a, zmin=2.5, **k)),
    ],
)
def test_samples_to_learn_components_from(run, tmp_path, sample, options, make):
    result = run("simulate", sample, "-n", 3, "--seed", 8, *options, "-o", tmp_path / "sim.fits")
    assert result.exit_code == 0, result.stderr
    spectra, truth = make(mock.INSTRUMENTS["desi"](), 3, seed=8)
    np.testing.assert_array_equal(io.read(tmp_path / "sim.fits").flux, spectra.flux)
    np.testing.assert_array_equal(np.asarray(io.read_table(tmp_path / "sim.fits")["Z"]), truth.z)
    header = fits.getheader(tmp_path / "sim.fits")
    assert (header["INSTRUME"], header["SEED"]) == (sample, 8)
    assert header.get("ZMAX") == (4.0 if sample == "desi-lae" else None)


def test_options_that_a_sample_does_not_take(run, tmp_path):
    result = run("simulate", "desi-sky", "-n", 2, "--zmin", 1, "--depth", 2, "-o", tmp_path / "sim.fits")
    assert result.exit_code == 1
    assert result.stderr == "jaxz: desi-sky takes no --zmin, no --depth: leave that out\n"
    result = run("simulate", "desi-lae", "-n", 2, "--zmin", 1, "-o", tmp_path / "sim.fits")
    assert "n=2, zmin=1.0, zmax=4.0: use n >= 1 and 1.96" in result.stderr
    assert not list(tmp_path.iterdir())


def test_populations_from_a_file(run, tmp_path, data):
    library = data / "templates" / "cb08_ssp.fits"
    result = run("simulate", "muse", "-n", 2, "-o", tmp_path / "sim.fits", "--populations", library)
    assert result.exit_code == 0, result.stderr
    assert fits.getheader(tmp_path / "sim.fits")["STARS"] == "cb08_ssp.fits"
    run("simulate", "muse", "-n", 2, "-o", tmp_path / "plain.fits")
    one, other = (io.read(tmp_path / name).flux for name in ("sim.fits", "plain.fits"))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--zmin", 3, "--zmax", 2), "zmin=3.0, zmax=2.0"),
        (("--blank", 1.5), "blank=1.5"),
        (("--depth", 0), "depth=0.0: use a positive number"),
        (("--populations", "none.fits"), "none.fits: cannot be opened"),
    ],
)
def test_options_that_cannot_be(run, tmp_path, options, message):
    result = run("simulate", "muse", "-n", 2, "-o", tmp_path / "sim.fits", *options)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_kept_without_overwrite(run, tmp_path):
    output = tmp_path / "sim.fits"
    output.write_text("mine")
    result = run("simulate", "vimos", "-n", 1, "-o", output)
    assert result.exit_code == 1
    assert result.stderr == f"jaxz: {output}: exists already: choose another name or give --overwrite\n"
    assert output.read_text() == "mine"
    assert run("simulate", "vimos", "-n", 1, "-o", output, "--overwrite").exit_code == 0
    assert len(io.read(output)) == 1


@pytest.mark.parametrize("arguments", [("keck",), ("muse", "-n", 0), ("muse", "--seed", -1)])
def test_what_the_command_line_refuses(run, tmp_path, arguments):
    result = run("simulate", *arguments, "-o", tmp_path / "sim.fits")
    assert result.exit_code == 2
    assert not list(tmp_path.iterdir())
