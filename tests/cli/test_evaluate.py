"""`jaxz evaluate` on catalogs small enough to work out by hand."""

import numpy as np
import pytest
from astropy.table import Table


@pytest.fixture
def catalog(tmp_path):
    """Four redshifts: two good, one wrong whose third candidate is right, one not measured."""
    table = Table(
        {
            "TARGETID": [1, 2, 3, 4],
            "Z": [1.0001, 2.0002, 3.0, np.nan],
            "ZWARN": [0, 0, 4, 512],
            "ID": ["a", "b", "c", "d"],
            "ZALT": [[1.0001, 0.5, 0.2], [2.0002, 0.5, 0.2], [3.0, 0.9, 0.701], [np.nan] * 3],
        },
        meta={"EXTNAME": "REDSHIFTS"},
    )
    table.write(tmp_path / "z.fits")
    return tmp_path / "z.fits"


@pytest.fixture
def truth(tmp_path):
    """Return a function that writes a truth table and returns its path."""

    def write(**columns):
        Table(columns).write(tmp_path / "truth.ecsv", overwrite=True)
        return tmp_path / "truth.ecsv"

    return write


def words(text):
    """Return the lines of a table, each as its words."""
    return [line.split() for line in text.splitlines()]


def test_numbers_and_failures(run, catalog, truth):
    result = run("evaluate", catalog, truth(ID=["a", "b", "c", "d"], Z=[1.0, 2.0, 0.7, 0.1]))
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = words(result.stdout)
    assert ["good,", "|Δz|", "<", "0.005(1+z)", "2", "of", "4"] in lines
    assert ["good", "fraction", "0.500"] in lines
    assert ["95", "%", "interval", "(Wilson)", "0.150", "to", "0.850"] in lines
    # Relative errors 5.0e-5 and 6.67e-5 (and 1.35): median 6.67e-5, MAD 1.67e-5, so 8.3e-5 is the limit.
    assert ["mean", "|Δz|/(1+z),", "2", "within", "5", "MAD", "5.83e-05"] in lines
    assert ["bias,", "median", "Δz/(1+z)", "of", "the", "good", "+5.83e-05", "(+17", "km/s)"] in lines
    assert ["scatter,", "1.48", "MAD", "of", "the", "same", "1.24e-05"] in lines
    assert ["c", "3.0000", "0.7000", "+1.3529", "number", "3:", "0.7010", "4"] in lines
    assert ["d", "nan", "0.1000", "+nan", "none", "512"] in lines


def test_all_good_lists_no_failures(run, catalog, truth):
    result = run("evaluate", catalog, truth(ID=["a", "b"], Z=[1.0, 2.0]))
    assert "2 of 2" in result.stdout
    assert "failures" not in result.stdout
    assert f"jaxz: {catalog}: 2 without a match: c, d" in result.stderr.splitlines()


def test_tolerance(run, catalog, truth):
    path = truth(ID=["a", "b"], Z=[1.0, 2.0])
    assert "1 of 2" in run("evaluate", catalog, path, "--tolerance", "6e-5").stdout
    result = run("evaluate", catalog, path, "--tolerance", "0")
    assert result.exit_code == 1
    assert result.stderr == "jaxz: --tolerance 0.0: use a number above 0\n"


def test_numbers_as_ids_are_target_ids(run, catalog, truth):
    result = run("evaluate", catalog, truth(ID=[4, 3, 2, 1, 77], Z=[0.1, 0.7, 2.0, 1.0, 5.0]))
    assert "2 of 4" in result.stdout
    assert result.stderr.strip().endswith("truth.ecsv: 1 without a match: 77")


def test_target_ids_on_both_sides(run, catalog, truth):
    assert "1 of 1" in run("evaluate", catalog, truth(TARGETID=[2], Z=[2.0])).stdout


def test_sources_without_a_true_redshift_are_left_out(run, catalog, truth):
    result = run("evaluate", catalog, truth(ID=["a", "b", "c"], Z=[1.0, np.nan, -9999.0]))
    assert "1 of 1" in result.stdout
    assert "2 sources have no true redshift and are left out" in result.stderr


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"ID": ["x"], "Z": [1.0]}, "have no ID or TARGETID in common"),
        ({"ID": ["a", "a"], "Z": [1.0, 1.0]}, "the truth holds 'a' 2 times"),
        (
            {"ID": ["a"], "REDSHIFT": [1.0]},
            "needs a column Z and a column ID or TARGETID, has ID, REDSHIFT",
        ),
        ({"NAME": ["a"], "Z": [1.0]}, "needs a column Z and a column ID or TARGETID, has NAME, Z"),
        ({"ID": ["a"], "Z": ["one"]}, "truth.ecsv: column Z holds no numbers"),
    ],
)
def test_truth_that_cannot_be_used(run, catalog, truth, columns, message):
    result = run("evaluate", catalog, truth(**columns))
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


@pytest.mark.parametrize("name", ["missing.fits", "truth.ecsv"])
def test_what_is_no_catalog(run, truth, name):
    path = truth(ID=["a"], Z=[1.0])
    result = run("evaluate", path.parent / name, path)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"jaxz: {path.parent / name}: ")
    assert result.stderr.count("\n") == 1


def test_a_bias_of_air_is_called_one(run, catalog, truth):
    found = np.array([1.0001, 2.0002, 3.0])
    result = run("evaluate", catalog, truth(ID=["a", "b", "c"], Z=(1 + found) / 1.000277 - 1))
    assert result.exit_code == 0
    assert "the bias is that of wavelengths in air taken for vacuum, 83 km/s" in result.stderr


def test_bins_of_any_column_and_catalogs_of_other_depth(run, catalog, truth, tmp_path):
    deeper = Table.read(catalog)
    deeper["Z"] = [1.0, 2.0, 0.7, 0.1]
    deeper.write(tmp_path / "deep.fits")
    table = truth(ID=["a", "b", "c", "d"], Z=[1.0, 2.0, 0.7, 0.1], MAG=[22.1, 22.9, 23.5, 25.2])
    options = ["--bins", "MAG", "--beside", tmp_path / "deep.fits", "--figures", tmp_path / "figures"]
    result = run("evaluate", catalog, table, *options)
    assert result.exit_code == 0, result.stderr
    assert ["22", "to", "22.5", "1", "of", "1"] in [line[:6] for line in words(result.stdout)]
    assert (tmp_path / "figures" / "depth-MAG.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--bins", "B"], "no such column of numbers: ID, Z"),
        (["--beside", "z.fits"], "give --bins COLUMN and --figures"),
    ],
)
def test_bins_that_cannot_be_are_refused(run, catalog, truth, options, told):
    result = run("evaluate", catalog, truth(ID=["a"], Z=[1.0]), *options)
    assert result.exit_code != 0
    assert told in " ".join(result.stderr.split())
