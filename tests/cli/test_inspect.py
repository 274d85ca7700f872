"""`jaxz inspect` binds the spectra of a catalog into one page."""

import json
import shutil

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from tests.inspect.test_page import Elements


@pytest.fixture
def catalog(run, files, options, tmp_path):
    run("zfind", *files[:2], "-o", tmp_path / "z.fits", "--plain", "--curves", tmp_path / "curves.fits", *options)
    return tmp_path / "z.fits"


def book_of(path):
    return json.loads(Elements(path.read_text(encoding="utf-8")).texts["book"])


def test_page_of_a_catalog(run, catalog, files, tmp_path):
    page, curves = tmp_path / "page.html", tmp_path / "curves.fits"
    result = run("inspect", catalog, *files, "-o", page, "--curves", curves)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{page}: 2 spectra, ")
    book, found = book_of(page), fits.getdata(catalog, "REDSHIFTS")
    assert book["columns"]["ID"] == ["s0", "s1"]
    assert book["zrange"][0] < 0 < 0.25 < book["zrange"][1]
    for sheet, row in zip(book["sheets"], found, strict=True):
        best = sheet["candidates"][0]
        assert best["z"] == row["Z"]
        assert best["chi2"] == pytest.approx(row["CHI2"], rel=1e-6)
        assert best["model"]["count"] == 700
        assert "curve" in sheet
    assert book["versions"] == {"spectra": "-1", "redshifts": "jaxz 0.1.0", "templates": "1"}


def test_files_are_those_of_the_catalog_unless_they_are_given(run, catalog, files, tmp_path):
    page = tmp_path / "page.html"
    assert run("inspect", catalog, "-o", page).exit_code == 0
    assert len(book_of(page)["sheets"]) == 2
    (tmp_path / "moved").mkdir()
    moved = shutil.move(files[1], tmp_path / "moved" / "s1.fits")
    result = run("inspect", catalog, "-o", page, "--overwrite")
    assert result.exit_code == 1
    assert str(files[1]) in result.stderr.splitlines()[0]
    assert f"jaxz: {catalog}: 1 rows have no spectrum: s1" in result.stderr.splitlines()
    assert book_of(page)["columns"]["ID"] == ["s0"]
    assert run("inspect", catalog, moved, files[0], "-o", page, "--overwrite").exit_code == 0
    assert book_of(page)["columns"]["ID"] == ["s0", "s1"]


def test_page_is_truth_for_evaluate(run, catalog, tmp_path):
    z = fits.getdata(catalog, "REDSHIFTS")["Z"]
    text = f"TARGETID,Redrock_z,VI_quality,VI_issue,VI_z,ID\n-1,{z[0]},4,,,s0\n-1,{z[1]},2,,,s1\n"
    (tmp_path / "vi.csv").write_text(text)
    result = run("evaluate", catalog, tmp_path / "vi.csv")
    assert result.exit_code == 0
    assert "1 of 1" in result.stdout
    assert "1 sources have no true redshift" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "z.fits", "--overwrite"), "z.fits: is one of the inputs"),
        (("other.fits", "-o", "page.html"), "none of its 2 rows has a spectrum in the files"),
        (("-o", "page.html", "--basis", "galaxy"), "z.fits: was measured with SMALL 1 (SHA-256 "),
    ],
)
def test_what_is_refused(run, catalog, files, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    shutil.copy(files[3], tmp_path / "other.fits")
    result = run("inspect", "z.fits", *arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert not (tmp_path / "page.html").exists()
    assert np.isfinite(fits.getdata(catalog, "REDSHIFTS")["Z"]).all()


def test_spectra_of_one_name_are_those_of_their_rows(run, spectra, options, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        table = Table(
            {"ID": ["a", "a", "b"], "wave": spectra.wave[:3], "flux": spectra.flux[:3], "ivar": spectra.ivar[:3]}
        )
        table.write(tmp_path / folder / "same.fits")
    files = tmp_path / "one" / "same.fits", tmp_path / "two" / "same.fits"
    run("zfind", *files, "-o", tmp_path / "z.fits", *options)
    result = run("inspect", tmp_path / "z.fits", "-o", tmp_path / "page.html")
    assert (result.exit_code, result.stderr) == (0, "")
    book, z = book_of(tmp_path / "page.html"), fits.getdata(tmp_path / "z.fits", "REDSHIFTS")["Z"]
    assert [sheet["candidates"][0]["z"] for sheet in book["sheets"]] == list(z)
    # Said of one file each, which the export tells apart.
    rows = [f"{z[row]},4,,b,{file}" for row, file in ((2, files[0]), (5, files[1]))]
    (tmp_path / "vi.csv").write_text("\n".join(["Redrock_z,VI_quality,VI_z,ID,FILE", *rows]) + "\n")
    result = run("evaluate", tmp_path / "z.fits", tmp_path / "vi.csv")
    assert result.exit_code == 0, result.stderr
    assert "2 of 2" in result.stdout


@pytest.mark.parametrize("suffix", ["fits", "parquet"])
@pytest.mark.parametrize("name", ["a b é", r"a\x41"])
def test_names_that_are_not_ascii(run, files, options, tmp_path, name, suffix):
    folder = tmp_path / "uni"
    folder.mkdir()
    shutil.copy(files[0], folder / f"{name}.fits")
    out, curves = tmp_path / f"z.{suffix}", tmp_path / "c.fits"
    model = ["--model", tmp_path / "m.fits"] if suffix == "fits" else []
    result = run("zfind", folder, "-o", out, "--ids", name, "-d", curves, *model, *options)
    assert (result.exit_code, result.stderr) == (0, "")
    drawn = "plot", out, "--id", name, "-o", tmp_path / "p.png", "--curves", curves
    for arguments in (("inspect", out, "-o", tmp_path / "p.html", "--curves", curves), drawn):
        result = run(*arguments)
        assert (result.exit_code, result.stderr) == (0, "")
