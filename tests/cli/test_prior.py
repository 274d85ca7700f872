"""`jaxz prior sky` and `jaxz prior target`: the files, where they say they come from, and bad input."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import Spectra, __version__, io, train
from tests import gaussian

WINDOW = ("--wave", 4170, 4218)


@pytest.fixture
def sample(rng, tmp_path):
    """Write spectra of sky with a target, as a table with their redshifts, and return them."""
    sky = gaussian.sky(rng, scale=2.0)
    z = rng.uniform(gaussian.ZMIN, gaussian.ZMAX, 12)
    spectra, _ = gaussian.lattice_spectra(rng, [sky, gaussian.target()], 12, z=z, sigma=0.3)
    table = Table({"ID": spectra.ids, "Z": z, "FLUX": spectra.flux, "IVAR": spectra.ivar})
    table["WAVE"] = spectra.wave
    table.write(tmp_path / "sample.fits")
    io.write_component(sky, tmp_path / "sky.fits")
    return spectra, z, sky


def test_sky_is_what_the_library_learns(run, sample, tmp_path):
    output = tmp_path / "c.fits"
    options = ("--rank", 3, "--step", gaussian.STEP, "--degree", 2, "--max-masked", 900, "--outlying", 0.5)
    result = run("prior", "sky", tmp_path / "sample.fits", *options, "--name", "mine", "--note", "by λ", "-o", output)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"{output}: 3 vectors from 12 of 12 spectra, 36")
    expected = train.sky_component(sample[0], rank=3, step=gaussian.STEP, degree=2, max_masked=900, outlying=0.5)
    found = io.load_component(output)
    assert found.sha256 == expected.sha256
    assert (found.name, found.spectype) == ("mine", "SKY")
    origin = {"SOURCES": "sample.fits", "RANK": "3", "MADEBY": __version__, "NOTE": "by λ", "NUSED": "12"}
    assert origin.items() <= found.provenance.items()
    assert {**expected.provenance, **origin} == found.provenance
    header = fits.getheader(output)
    keys = ("SOURCES", "NSPEC", "NUSED", "MAXMASK", "OUTLYING", "DEGREE", "RANK")
    assert [header[key] for key in keys] == ["sample.fits", "12", "12", "900", "0.5", "2", "3"]


def test_target_is_what_the_library_learns(run, sample, tmp_path):
    spectra, z, sky = sample
    output, path = tmp_path / "c.fits", tmp_path / "sample.fits"
    options = ("--sky", tmp_path / "sky.fits", *WINDOW, "--keep", 0.9, "--name", "lae")
    result = run("prior", "target", path, "--truth", path, *options, "-o", output)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"{output}: 2 vectors from 10 of 12 spectra, 4170 to 4218 Å")
    expected = train.target_component(spectra, z, sky=sky, wave=(4170.0, 4218.0), keep=0.9)
    found = io.load_component(output)
    assert found.sha256 == expected.sha256
    assert (found.name, found.spectype, found.reference_z) == ("lae", "LAE", expected.reference_z)
    assert (found.provenance["TRUTH"], found.provenance["SKYSHA"]) == ("sample.fits", sky.sha256)
    assert fits.getheader(output)["KEEP"] == "0.9"


def test_of_desi_files_only_the_sky_fibres(run, desi, tmp_path):
    """Of four targets one is on the sky."""
    result = run("prior", "sky", desi, "--rank", 2, "-o", tmp_path / "c.fits")
    assert result.exit_code == 1
    assert "1 of 1 spectra are left" in result.stderr
    with fits.open(desi, mode="update") as hdus:
        hdus["FIBERMAP"].data["OBJTYPE"] = "TGT"
    result = run("prior", "sky", desi, "-o", tmp_path / "c.fits")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "jaxz: none of 4 spectra is of the sky: their OBJTYPE is TGT"


def test_an_unreadable_input_is_reported_and_the_others_are_used(run, sample, tmp_path):
    options = ("--rank", 2, "--step", gaussian.STEP, "-o", tmp_path / "c.fits")
    result = run("prior", "sky", tmp_path / "sample.fits", tmp_path / "none.fits", *options)
    assert result.exit_code == 1
    assert "none.fits" in result.stderr
    assert len(io.load_component(tmp_path / "c.fits")) == 2


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ("sky", ("--rank", 40), "too few for rank=40"),
        ("target", ("--rank", 40), "too few for rank=40"),
        ("target", ("--sky", "nonsense"), "nonsense: no such component file or component"),
    ],
)
def test_what_cannot_be_learned_is_one_line(run, sample, tmp_path, command, options, message):
    path = tmp_path / "sample.fits"
    needed = ("--truth", path, "--sky", tmp_path / "sky.fits", *WINDOW) if command == "target" else ()
    result = run("prior", command, path, *needed, *options, "-o", tmp_path / "c.fits")
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "c.fits").exists()


def test_without_labels(run, sample, tmp_path):
    Table({"ID": ["other"], "Z": [2.1]}).write(tmp_path / "truth.ecsv")
    options = ("--truth", tmp_path / "truth.ecsv", "--sky", tmp_path / "sky.fits", "-o", tmp_path / "c.fits")
    result = run("prior", "target", tmp_path / "sample.fits", *options)
    assert result.exit_code == 1
    assert "holds none of the spectra" in result.stderr


def test_nothing_but_masked_pixels(run, sample, tmp_path):
    spectra, _, _ = sample
    empty = Spectra(spectra.wave, spectra.flux, np.zeros_like(spectra.ivar))
    table = Table({"ID": empty.ids, "WAVE": empty.wave, "FLUX": empty.flux, "IVAR": empty.ivar})
    table.write(tmp_path / "empty.fits")
    result = run("prior", "sky", tmp_path / "empty.fits", "-o", tmp_path / "c.fits")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "jaxz: none of 12 spectra has data: nothing can be learned"


@pytest.mark.parametrize("command", ["sky", "target"])
def test_help(run, command):
    result = run("prior", command, "--help")
    assert result.exit_code == 0
    assert "--rank" in result.stdout
