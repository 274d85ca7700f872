"""`jaxz crossval`: the table, the figure, the same folds by seed, and options that cannot be."""

import jax
import numpy as np
import pytest

from jaxz import io
from jaxz.train import Training, crossval as validated
from tests import small
from tests.cli.labelled import NSPEC, QUICK, write_sample

TRIAL = ("--zmin", small.ZMIN, "--zmax", small.ZMAX)


@pytest.fixture
def crossval(run, tmp_path):
    """Return a function that cross-validates the sample."""

    def crossval(*options):
        files = (tmp_path / "sample.fits", "--truth", tmp_path / "truth.ecsv")
        return run("crossval", *files, *QUICK, *TRIAL, "--folds", 2, *options)

    return crossval


def test_table_and_figure(crossval, tmp_path):
    path, truth, _ = write_sample(tmp_path)
    result = crossval("--ranks", "2", "--seed", 3, "-o", tmp_path / "ranks.png")
    assert result.exit_code == 0, result.stderr
    z = np.asarray(io.read_table(truth)["Z"])
    training = Training(step=4e-4, stage_iter=3, final_iter=4)
    options = {"ranks": [2], "key": jax.random.key(3), "nfolds": 2, "zmin": small.ZMIN, "zmax": small.ZMAX}
    found = validated(io.read(path), z, training=training, **options)
    rows = {line.split()[0]: line.split() for line in result.stdout.splitlines() if line.strip()}
    assert rows["2"][1] == f"{found.good_fraction[0].mean():.4f}"
    assert rows["2"][2] == f"{found.good_fraction[0].std(ddof=1):.4f}"
    assert f"{NSPEC} spectra, 2 folds" in result.stdout
    assert (tmp_path / "ranks.png").read_bytes().startswith(b"\x89PNG")
    assert {entry.name for entry in tmp_path.iterdir()} == {"sample.fits", "truth.ecsv", "ranks.png"}


@pytest.mark.parametrize("ranks", ["0:3", "3:1", "a", "", "2:b"])
def test_ranks_that_are_no_range_are_shown_as_given(crossval, tmp_path, ranks):
    write_sample(tmp_path)
    result = crossval("--ranks", ranks)
    assert result.exit_code == 1
    assert result.stderr == f"jaxz: --ranks {ranks}: give FIRST:LAST, for example 6:13\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--ranks", "1:7"), "rank=7 with 6 spectra that have data"),
        (("--ranks", "1", "--folds", NSPEC + 1), f"nfolds=13 for {NSPEC} spectra: use 2 to {NSPEC}"),
        (("--ranks", "1", "--zmin", 2, "--zmax", 1), "zm"),
        (("--ranks", "1", "--start", "none.fits"), "none.fits"),
    ],
)
def test_options_that_cannot_be(crossval, tmp_path, options, message):
    write_sample(tmp_path)
    result = crossval(*options)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_labels_that_are_missing_are_named(crossval, tmp_path):
    write_sample(tmp_path, z=lambda z: np.where(np.arange(NSPEC) == 0, np.nan, z))
    result = crossval("--ranks", "7")
    assert result.exit_code == 1
    named, why = result.stderr.splitlines()
    assert named == "jaxz: 1 spectra are left out, no true redshift (missing, or below -0.01): s0"
    assert why.startswith("jaxz: rank=7 with 6 spectra that have data")


def test_a_truth_of_other_spectra(crossval, tmp_path):
    write_sample(tmp_path, ids=[f"galaxy-{i}" for i in range(NSPEC)])
    result = crossval("--ranks", "1")
    assert result.exit_code == 1
    assert "holds none of the spectra: it begins with galaxy-0" in result.stderr


def test_an_existing_figure_is_kept(crossval, tmp_path):
    write_sample(tmp_path)
    (tmp_path / "ranks.png").write_text("mine")
    assert crossval("--ranks", "1", "-o", tmp_path / "ranks.png").exit_code == 1
    assert (tmp_path / "ranks.png").read_text() == "mine"
