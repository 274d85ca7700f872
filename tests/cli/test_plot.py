"""`jaxz plot` finds the spectrum of a catalog row again and writes a picture."""

import shutil

import pytest
from astropy.io import fits

from jaxz import io
from tests import small

PNG = b"\x89PNG"


@pytest.fixture
def catalog(run, files, options, tmp_path):
    run("zfind", *files[:2], "-o", tmp_path / "z.fits", *options)
    return tmp_path / "z.fits"


@pytest.fixture
def figures(monkeypatch):
    """Return the list of figures that the command has drawn."""
    from jaxz import plot

    drawn, plot_fit = [], plot.plot_fit
    monkeypatch.setattr(plot, "plot_fit", lambda *args, **kwargs: drawn.append(plot_fit(*args, **kwargs)) or drawn[-1])
    return drawn


def test_picture_of_a_row(run, catalog, figures, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run("plot", catalog, "--id", "s1")
    assert result.exit_code == 0
    assert result.stdout == "s1.png\n"
    assert (tmp_path / "s1.png").read_bytes().startswith(PNG)
    z = fits.getdata(catalog, "REDSHIFTS")["Z"][1]
    assert figures[0].get_suptitle().startswith(f"s1   z = {z:.7f} ± ")


@pytest.mark.parametrize(("suffix", "start"), [(".pdf", b"%PDF"), (".svg", b"<?xml")])
def test_other_kinds_of_pictures(run, catalog, tmp_path, suffix, start):
    picture = tmp_path / f"picture{suffix}"
    assert run("plot", catalog, "--id", "s0", "-o", picture).exit_code == 0
    assert picture.read_bytes().startswith(start)


def test_existing_picture(run, catalog, tmp_path):
    picture = tmp_path / "old.png"
    picture.write_text("old")
    result = run("plot", catalog, "--id", "s0", "-o", picture)
    assert (result.exit_code, picture.read_text()) == (1, "old")
    assert "give --overwrite" in result.stderr
    assert run("plot", catalog, "--id", "s0", "-o", picture, "--overwrite").exit_code == 0
    assert picture.read_bytes().startswith(PNG)


def test_spectrum_that_was_moved(run, catalog, files, tmp_path):
    (tmp_path / "moved").mkdir()
    moved = shutil.move(files[0], tmp_path / "moved" / "s0.fits")
    arguments = "plot", catalog, "--id", "s0", "-o", tmp_path / "s0.png"
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stderr == f"jaxz: {files[0]}: the spectrum is not there: give its file with --spectra\n"
    assert run(*arguments, "--spectra", moved).exit_code == 0
    result = run(*arguments, "--overwrite", "--spectra", files[1])
    assert result.stderr == f"jaxz: {files[1]}: holds no spectrum 's0'\n"


def test_two_rows_of_one_name(run, files, options, tmp_path):
    (tmp_path / "again").mkdir()
    again = shutil.copy(files[0], tmp_path / "again" / "s0.fits")
    run("zfind", files[0], again, "-o", tmp_path / "z.fits", *options)
    arguments = "plot", tmp_path / "z.fits", "--id", "s0", "-o", tmp_path / "s0.png"
    result = run(*arguments)
    assert result.exit_code == 1
    assert "2 rows have the name 's0'" in result.stderr
    assert str(again) in result.stderr
    assert run(*arguments, "--spectra", again).exit_code == 0


def test_another_basis_is_said(run, catalog, tmp_path):
    basis = small.basis()
    io.write_basis(type(basis)(basis.vectors[::-1], basis.grid, name="OTHER", version="2"), tmp_path / "other.fits")
    result = run("plot", catalog, "--id", "s0", "-o", tmp_path / "s0.png", "--basis", tmp_path / "other.fits")
    assert result.exit_code == 0
    assert "was made with another basis than OTHER 2" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--id", "s9"), "z.fits: no ID or TARGETID 's9' among its 2 rows"),
        (("--id", "s0", "-o", "picture.txt"), "picture.txt: choose a name that ends in .png, .pdf, .svg"),
        (("--id", "s0", "-o", "none/s0.png"), "none/s0.png: the folder none does not exist"),
        (("--id", "s0", "--basis", "nonsense"), "known bases: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_arguments(run, catalog, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = run("plot", catalog, *arguments)
    assert result.exit_code == 1
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.glob("*.p*"))
