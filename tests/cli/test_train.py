"""`jaxz train`: the basis file and its provenance, and every input that cannot be learned from."""

import jax
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import io
from jaxz.cli import train as command
from jaxz.train import Training, Tuning, checkpoint, fine_tune as learned, fit_basis
from jaxz.train.tuning import NotFiniteError
from tests import small
from tests.cli.labelled import NSPEC, QUICK, write_sample

TRAINING = Training(step=4e-4, stage_iter=3, final_iter=4)


@pytest.fixture
def train(run, tmp_path):
    """Return a function that learns a basis of `basis.fits` from the sample."""

    def train(*options, rank=2):
        files = (tmp_path / "sample.fits", "--truth", tmp_path / "truth.ecsv", "-o", tmp_path / "basis.fits")
        return run("train", *files, "--rank", rank, *QUICK, *options)

    return train


def refused(result, tmp_path, message):
    assert result.exit_code == 1
    assert message in result.stderr.splitlines()[-1]
    assert result.stdout == ""
    assert not (tmp_path / "basis.fits").exists()


def test_writes_the_basis_that_the_library_learns(train, tmp_path):
    path, _, _ = write_sample(tmp_path)
    result = train("--seed", 5, "--name", "TOY", "--version", "3")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    assert result.stdout.startswith(f"{tmp_path / 'basis.fits'}: 2 vectors from {NSPEC} spectra, rest frame ")
    z = np.asarray(io.read_table(tmp_path / "truth.ecsv")["Z"])
    expected = fit_basis(io.read(path), z, rank=2, key=jax.random.key(5), training=TRAINING, name="TOY", version="3")
    found = io.read_basis(tmp_path / "basis.fits")
    assert found.sha256 == expected.sha256
    assert (found.name, found.version, found.grid) == ("TOY", "3", expected.grid)
    assert {entry.name for entry in tmp_path.iterdir()} == {"sample.fits", "truth.ecsv", "basis.fits"}


def test_the_header_tells_how(train, tmp_path):
    write_sample(tmp_path)
    train("--seed", 5, "--floor", 0.1)
    header = fits.getheader(tmp_path / "basis.fits")
    keys = ("SPECTRA", "SOURCES", "START", "FLOOR", "NITER", "NFINAL", "SEED")
    assert [header[key] for key in keys] == [NSPEC, "sample.fits", "none", 0.1, 3, 4, 5]


def test_names_that_fits_cannot_spell_do_not_lose_the_basis(run, tmp_path):
    path, truth, _ = write_sample(tmp_path)
    path.rename(tmp_path / "données.fits")
    files = (tmp_path / "données.fits", "--truth", truth, "-o", tmp_path / "basis.fits")
    result = run("train", *files, "--rank", 2, *QUICK, "--name", "Lyα")
    assert result.exit_code == 0, result.stderr
    header = fits.getheader(tmp_path / "basis.fits")
    assert (header["SOURCES"], header["RRSUBTYP"]) == ("donn\\xe9es.fits", "Ly\\u03b1")


def test_starts_from_another_basis(train, tmp_path):
    write_sample(tmp_path)
    train()
    (tmp_path / "basis.fits").rename(tmp_path / "first.fits")
    assert train("--start", tmp_path / "first.fits", rank=3).exit_code == 0
    assert len(io.read_basis(tmp_path / "basis.fits")) == 3
    assert fits.getheader(tmp_path / "basis.fits")["START"] == str(tmp_path / "first.fits")


def test_spectra_without_a_label_are_named_and_left_out(train, tmp_path):
    write_sample(tmp_path, z=lambda z: np.where(np.arange(NSPEC) == 3, np.nan, np.where(np.arange(NSPEC) == 5, -1, z)))
    result = train()
    assert result.exit_code == 0
    assert result.stderr == "jaxz: 2 spectra are left out, no true redshift (missing, or below -0.01): s3, s5\n"
    assert "2 vectors from 10 spectra" in result.stdout


def test_spectra_that_the_truth_does_not_hold_are_named(train, tmp_path):
    write_sample(tmp_path, ids=[f"s{i}" for i in range(NSPEC - 2)] + ["other", "s99"])
    result = train()
    assert result.exit_code == 0
    assert result.stderr == f"jaxz: 2 spectra are left out, not in {tmp_path / 'truth.ecsv'}: s10, s11\n"


def test_a_truth_of_other_spectra(train, tmp_path):
    write_sample(tmp_path, ids=[f"galaxy-{i}" for i in range(NSPEC)])
    result = train()
    refused(result, tmp_path, "truth.ecsv: holds none of the spectra: it begins with galaxy-0, galaxy-1")
    assert "they with s0, s1" in result.stderr


@pytest.mark.parametrize("value", [np.nan, -0.5, -9999.0])
def test_no_label_at_all(train, tmp_path, value):
    write_sample(tmp_path, z=lambda z: np.full_like(z, value))
    refused(train(), tmp_path, "no spectrum has a true redshift")


def test_two_redshifts_for_one_spectrum(train, tmp_path):
    write_sample(tmp_path)
    Table({"ID": ["s1"], "Z": [0.9]}).write(tmp_path / "more.ecsv")
    refused(train("--truth", tmp_path / "more.ecsv"), tmp_path, "more.ecsv: 's1' has two redshifts")


@pytest.mark.parametrize("columns", [{"NAME": ["s0"], "Z": [0.1]}, {"ID": ["s0"]}, {"ID": ["s0"], "Z": ["one"]}])
def test_a_table_without_the_columns(train, tmp_path, columns):
    write_sample(tmp_path)
    Table(columns).write(tmp_path / "truth.ecsv", overwrite=True)
    refused(train(), tmp_path, "truth.ecsv: needs a column Z of numbers and a column ID or TARGETID")


def test_a_rank_above_the_number_of_spectra(train, tmp_path):
    write_sample(tmp_path)
    refused(train(rank=NSPEC + 1), tmp_path, f"rank=13 with {NSPEC} spectra that have data: use 1 to {NSPEC}")


def test_spectra_that_are_negative_everywhere(train, tmp_path):
    write_sample(tmp_path, flux=lambda flux: -np.abs(flux))
    refused(train(), tmp_path, "no spectrum has a pixel of positive flux")


def test_a_file_that_cannot_be_read_beside_others(train, run, tmp_path):
    path, truth, _ = write_sample(tmp_path)
    (tmp_path / "bad.fits").write_bytes(b"SIMPLE  = no")
    arguments = (path, tmp_path / "bad.fits", "--truth", truth, "-o", tmp_path / "basis.fits", "--rank", 2, *QUICK)
    result = run("train", *arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"jaxz: {tmp_path / 'bad.fits'}: ")
    assert result.stderr.count("\n") == 1
    both = io.read_basis(tmp_path / "basis.fits").sha256
    train("--overwrite")
    assert io.read_basis(tmp_path / "basis.fits").sha256 == both


def test_no_file_can_be_read(run, tmp_path):
    _, truth, _ = write_sample(tmp_path)
    result = run("train", tmp_path / "none.fits", "--truth", truth, "-o", tmp_path / "basis.fits")
    refused(result, tmp_path, "no spectrum could be read")


def test_an_existing_basis_is_kept(train, tmp_path):
    write_sample(tmp_path)
    (tmp_path / "basis.fits").write_text("mine")
    result = train()
    assert result.exit_code == 1
    assert "exists already" in result.stderr
    assert (tmp_path / "basis.fits").read_text() == "mine"


def test_a_checkpoint_of_another_configuration(train, tmp_path):
    write_sample(tmp_path)
    kept = ("--checkpoint", tmp_path / "run.npz")
    assert train(*kept).exit_code == 0
    (tmp_path / "basis.fits").unlink()
    result = train(*kept, "--seed", 1)
    refused(result, tmp_path, "run.npz: a checkpoint of another run (key [0, 0], now [0, 1])")
    refused(train(*kept, rank=3), tmp_path, "rank 2, now 3")


def test_an_interrupted_command_goes_on_to_the_same_basis(train, tmp_path, monkeypatch):
    write_sample(tmp_path)
    train()
    whole = io.read_basis(tmp_path / "basis.fits").sha256
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)
    save = checkpoint.Checkpoint.save
    saved = []

    def interrupted(self, arrays, *, now=False):
        save(self, arrays, now=now)
        saved.append(arrays["stage"])
        if len(saved) == 6:
            raise OSError("the disk is gone")

    monkeypatch.setattr(checkpoint.Checkpoint, "save", interrupted)
    kept = ("--checkpoint", tmp_path / "run.npz", "--overwrite")
    result = train(*kept)
    assert result.exit_code == 1
    assert result.stderr == "jaxz: the disk is gone\n"
    assert train(*kept).exit_code == 0
    assert io.read_basis(tmp_path / "basis.fits").sha256 == whole


@pytest.fixture
def fine_tune(run, basis_file, tmp_path):
    """Return a function that fine-tunes `small.basis` on the sample."""

    def fine_tune(*options):
        files = (tmp_path / "sample.fits", "--truth", tmp_path / "truth.ecsv", "-o", tmp_path / "basis.fits")
        options = ("--start", basis_file, "--zmax", small.ZMAX, "--epochs", 2, *options)
        return run("train", *files, "--fine-tune-basis", *options)

    return fine_tune


def test_fine_tunes_what_it_starts_from(fine_tune, basis_file, tmp_path):
    path, _, _ = write_sample(tmp_path)
    result = fine_tune("--name", "TUNED", "--seed", 4)
    assert result.exit_code == 0, result.stderr
    rows = result.stderr.splitlines()
    assert [row.split(":")[0] for row in rows] == [f"epoch {number} of 2" for number in range(3)]
    assert rows[0].startswith("epoch 0 of 2: validation ")
    assert rows[2].startswith("epoch 2 of 2: training ")
    z = np.asarray(io.read_table(tmp_path / "truth.ecsv")["Z"])
    options = {"train_basis": True, "tuning": Tuning(zmax=small.ZMAX, epochs=2)}
    expected = learned(io.read(path), z, io.load_basis(basis_file), key=jax.random.key(4), **options)
    found, numbers = io.load_basis(tmp_path / "basis.fits"), io.load_numbers(tmp_path / "basis.fits")
    assert found.sha256 == expected.basis.sha256
    assert found.name == "TUNED"
    assert numbers == io.Numbers(expected.error, expected.calibration)
    header = fits.getheader(tmp_path / "basis.fits")
    assert (header["TUNED"], header["START"], header["SPECTRA"]) == ("numbers and basis", str(basis_file), NSPEC)
    assert "NITER" not in header


def test_fine_tuning_refuses_before_it_fits(fine_tune, tmp_path, monkeypatch):
    write_sample(tmp_path, z=lambda z: np.where(np.arange(NSPEC) == 3, 0.9, z))
    refused(fine_tune("--rank", 4, *QUICK), tmp_path, "a redshift that is not tried: s3 (z = 0.9): leave them out")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    refused(fine_tune(), tmp_path, "--fine-tune needs optax: pip install 'jaxz[train]'")


def test_fine_tuning_that_breaks_off_is_said_and_kept(fine_tune, tmp_path, monkeypatch):
    write_sample(tmp_path)
    monkeypatch.setattr("jaxz.train.tuning.Problem.slopes", not_finite)
    result = fine_tune()
    assert result.exit_code == 1
    assert result.stderr == (
        "jaxz: fine-tuning stops at step 1 (epoch 1): no finite score of s1; what epoch 0 had is returned\n"
    )
    assert io.load_numbers(tmp_path / "basis.fits") is not None


def not_finite(self, parameters, rows):
    raise NotFiniteError("no finite score of s1")


def test_defaults_are_those_of_training():
    given = {"step": command.STEP, "error_floor": command.FLOOR}
    assert Training(stage_iter=command.STAGE_ITER, final_iter=command.FINAL_ITER, **given) == Training()
    assert Tuning(epochs=command.EPOCHS, zmin=0.0, zmax=6.7) == Tuning()
