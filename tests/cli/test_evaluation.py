"""The bins, confusions, scores and figures of `jaxz evaluate`, on a catalog small enough to work out by hand."""

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

from tests.cli.test_evaluate import words

PICTURES = ["redshifts.png", "bins.png", "errors.png", "separation.png"]


@pytest.fixture
def catalog(tmp_path):
    """Four galaxies, the third [O II] taken for Lyα, the fourth not measured, and two blank sources."""
    table = Table(
        {
            "TARGETID": [1, 2, 3, 4, 5, 6],
            "Z": [0.2001, 0.7002, 3.6005, np.nan, 1.0, 2.0],
            "ID": ["a", "b", "c", "d", "e", "f"],
            "SIGNIFICANCE": np.array([0.3, 0.2, 0.05, np.nan, 0.02, 0.005], dtype=np.float32),
            "ROBUSTNESS": np.array([6.0, 2.5, 4.0, np.nan, 3.5, 1.0], dtype=np.float32),
        },
        meta={"EXTNAME": "REDSHIFTS"},
    )
    table.write(tmp_path / "z.fits")
    return tmp_path / "z.fits"


@pytest.fixture
def galaxies():
    return Table({"ID": ["a", "b", "c", "d"], "Z": [0.2, 0.7, 0.5, 2.2]})


@pytest.fixture
def evaluate(run, catalog, tmp_path):
    """Return a function that writes a truth table and evaluates the catalog with it."""

    def evaluate(truth, *options, suffix=".ecsv"):
        truth.write(tmp_path / f"truth{suffix}", overwrite=True)
        return run("evaluate", catalog, tmp_path / f"truth{suffix}", *options)

    return evaluate


def with_blank(galaxies):
    truth = Table({"ID": ["a", "b", "c", "d", "e", "f"], "Z": [*galaxies["Z"], np.nan, np.nan]})
    truth["TYPE"] = ["LAE", "OII", "OII", "LAE", "BLANK", "BLANK"]
    return truth


def test_bins_of_redshift(evaluate, galaxies):
    lines = words(evaluate(galaxies).stdout)
    start = lines.index(["true", "redshift", "good", "fraction", "68", "%", "interval"])
    assert [line[:6] for line in lines[start + 1 : start + 6]] == [
        ["0", "to", "0.5", "1", "of", "1"],
        ["0.5", "to", "1", "1", "of", "2"],
        ["1", "to", "1.5", "0", "of", "0"],
        ["1.5", "to", "2", "0", "of", "0"],
        ["2", "to", "2.5", "0", "of", "1"],
    ]
    assert lines[start + 2][6:] == ["0.500", "0.212", "to", "0.788"]
    assert lines[start + 3][6:] == ["–", "–"]


def test_bins_of_signal_to_noise(evaluate, galaxies):
    galaxies["SNR_CONT"] = MaskedColumn([0.2, 0.3, 0.7, 9.0], mask=[False, False, False, True])
    galaxies["SNR_LINE"] = ["high", "low", "low", "low"]
    result = evaluate(galaxies)
    lines = words(result.stdout)
    start = lines.index(["S/N", "of", "the", "continuum", "good", "fraction", "68", "%", "interval"])
    assert lines[start + 1][:5] == ["below", "0.5", "2", "of", "2"]
    assert lines[start + 2][:6] == ["0.5", "to", "1", "0", "of", "1"]
    assert lines[start + 3] == ["no", "value", "1"]
    assert "S/N of the lines" not in result.stdout


def test_confusions(evaluate, galaxies):
    lines = words(evaluate(galaxies).stdout)
    assert ["[O", "II]", "taken", "for", "Lyα", "1"] in lines
    assert ["no", "redshift", "1"] in lines
    assert "taken for" not in evaluate(galaxies[:2]).stdout


def test_right_redshifts_without_blank_sources(evaluate, galaxies):
    result = evaluate(galaxies)
    assert "right redshifts: 2, wrong redshifts: 2" in result.stdout
    # Of a (6), b (2.5), c (4, wrong) and d (none) a and c are kept.
    assert ["ROBUSTNESS,", "published", "3", "2", "0.500", "0.500"] in words(result.stdout)


@pytest.mark.parametrize("suffix", [".ecsv", ".fits"])
def test_true_against_blank_sources(evaluate, galaxies, suffix):
    result = evaluate(with_blank(galaxies), suffix=suffix)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "true sources: 4, blank sources: 2" in result.stdout
    lines = words(result.stdout)
    assert ["good,", "|Δz|", "<", "0.005(1+z)", "2", "of", "4"] in lines
    # 0.3, 0.2, 0.05 and none are true, 0.02 and 0.005 blank; 6, 2.5, 4 and none, 3.5 and 1.
    assert ["SIGNIFICANCE,", "balanced", "0.02", "4", "0.750", "0.750"] in lines
    assert ["SIGNIFICANCE,", "published", "0.01", "4", "0.750", "0.750"] in lines
    assert ["ROBUSTNESS,", "balanced", "2.5", "4", "0.750", "0.750"] in lines
    assert not any(line[:1] == ["e"] for line in lines)


def test_nothing_but_blank_sources(evaluate, galaxies, tmp_path):
    result = evaluate(with_blank(galaxies)[4:], "--figures", tmp_path)
    assert result.exit_code == 0
    assert "0 of 0" in result.stdout
    assert ["SIGNIFICANCE,", "published", "0.01", "1", "nan", "0.000"] in words(result.stdout)
    assert not (tmp_path / "bins.png").exists()


def test_figures(evaluate, galaxies, tmp_path, monkeypatch):
    from jaxz import plot

    drawn = []
    plot_separation = plot.plot_separation
    monkeypatch.setattr(
        plot, "plot_separation", lambda *args, **more: drawn.append(args) or plot_separation(*args, **more)
    )
    folder = tmp_path / "figures"
    folder.mkdir()
    result = evaluate(with_blank(galaxies), "--figures", folder)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-4:] == [str(folder / name) for name in PICTURES]
    assert all((folder / name).read_bytes().startswith(b"\x89PNG") for name in PICTURES)
    np.testing.assert_allclose(drawn[0][1], [6, 2.5, 4, np.nan, 3.5, 1])
    assert drawn[0][2].tolist() == [True, True, True, True, False, False]


def test_existing_figures(evaluate, galaxies, tmp_path):
    (tmp_path / "bins.png").write_text("old")
    result = evaluate(galaxies, "--figures", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "bins.png: exists already: choose another name or give --overwrite" in result.stderr
    assert not (tmp_path / "redshifts.png").exists()
    assert evaluate(galaxies, "--figures", tmp_path, "--overwrite").exit_code == 0
    assert (tmp_path / "bins.png").read_bytes().startswith(b"\x89PNG")


def test_folder_that_is_not_there_is_made(evaluate, galaxies, tmp_path):
    assert evaluate(galaxies, "--figures", tmp_path / "new" / "folder").exit_code == 0
    assert (tmp_path / "new" / "folder" / "bins.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "file").write_text("")
    result = evaluate(galaxies, "--figures", tmp_path / "file")
    assert result.exit_code == 1
    assert "file: the folder cannot be made: File exists: choose another" in result.stderr
    assert result.stderr.count("\n") == 1


def test_catalog_of_redrock(run, galaxies, tmp_path):
    Table({"TARGETID": [1, 2], "Z": [0.2, 0.7]}, meta={"EXTNAME": "REDSHIFTS"}).write(tmp_path / "redrock.fits")
    Table({"TARGETID": [1, 2], "Z": [0.2, 0.7]}).write(tmp_path / "truth.csv")
    result = run("evaluate", tmp_path / "redrock.fits", tmp_path / "truth.csv", "--figures", tmp_path)
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "ROBUSTNESS" not in result.stdout
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["bins.png", "redshifts.png"]


def test_infinite_redshifts_are_no_true_ones(evaluate, galaxies):
    galaxies["Z"][3] = np.inf
    result = evaluate(galaxies)
    assert "2 of 3" in result.stdout
    assert "1 sources have no true redshift" in result.stderr


@pytest.fixture
def promising(tmp_path):
    """Three redshifts, the last wrong and its second candidate right, with all that a catalog promises of them."""
    table = Table(
        {
            "TARGETID": [1, 2, 3],
            "Z": [0.2001, 0.7, 3.0],
            "ZERR": [0.0001, 0.0002, 0.0003],
            "ZWARN": [0, 1 << 21, 4],
            "SPECTYPE": ["GALAXY", "GALAXY", "QSO"],
            "ID": ["a", "b", "c"],
            "PCONF": [0.999, 0.99, 0.6],
            "ZALT": [[0.2001, 1.0], [0.7, 1.0], [3.0, 0.5]],
            "ZALT_PROB": [[1.0, 0.0], [0.99, 0.01], [0.6, 0.4]],
            "Z_LO": [0.1999, 0.6998, 0.4],
            "Z_HI": [0.2003, 0.6999, 3.1],
        },
        meta={"EXTNAME": "REDSHIFTS"},
    )
    table.write(tmp_path / "promising.fits")
    Table({"ID": ["a", "b", "c"], "Z": [0.2, 0.7001, 0.5], "SNR_CONT": [2.5, 2.6, 9.0]}).write(tmp_path / "t.ecsv")
    return tmp_path / "promising.fits", tmp_path / "t.ecsv"


def test_what_is_promised(run, promising, tmp_path):
    result = run("evaluate", *promising, "--figures", tmp_path)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = words(result.stdout)
    assert ["ZWARN", "=", "0", "(but", "for", "PARTIAL_COVERAGE)", "2", "of", "2", "right", "(1.000)"] in lines
    assert ["of", "the", "right", "ones", "it", "keeps", "2", "of", "2", "(1.000)"] in lines
    assert ["PCONF", "≥", "0.99", "2", "of", "2", "right", "(1.000)"] in lines
    assert ["Z_LO", "…", "Z_HI", "2", "of", "3", "inside", "(0.667)"] in lines
    score = -np.log([1.0, 0.99, 0.4]).mean()
    assert ["mean", "log", "score,", "-ln", "P(0.005(1+z)),", "of", "ZALT_PROB", f"{score:.3f}"] in lines
    assert ["ECE,", "1", "bin", f"{(1 + 0.99 + 0.6) / 3 - 2 / 3:.3f}"] in lines
    assert ["0.8633", "3", "0.667"] in [line[:3] for line in lines]
    # Pulls +1 and -0.5; the third redshift is wrong.
    assert ["all", "2", "+0.25", "0.84"] in lines
    assert ["GALAXY", "2", "+0.25", "0.84"] in lines
    assert ["S/N", "of", "the", "continuum,", "2", "to", "3", "2", "+0.25", "0.84"] in lines
    assert not any(line[:1] == ["QSO"] for line in lines)
    assert (tmp_path / "reliability.png").read_bytes().startswith(b"\x89PNG")


def test_an_older_catalog_has_the_score_of_pconf(run, promising, tmp_path):
    table = Table.read(promising[0])
    table.remove_columns(["ZALT_PROB", "Z_LO", "Z_HI"])
    table.meta["EXTNAME"] = "REDSHIFTS"
    table.write(tmp_path / "older.fits")
    result = run("evaluate", tmp_path / "older.fits", promising[1])
    assert result.exit_code == 0
    score = -np.log([0.999 + 0.001 / 204, 0.99 + 0.01 / 204, 0.4 / 204]).mean()
    assert ["PCONF", f"{score:.3f}"] in [line[-2:] for line in words(result.stdout)]
    assert "Z_LO" not in result.stdout
