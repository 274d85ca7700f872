"""`jaxz plot` draws a row of a catalog: what it shows is what the catalog says."""

import dataclasses
import shutil

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import Columns, ErrorModel, LogGrid, NonNegative, io
from jaxz.likelihood import best_fit, fitted_flux, sigma_of
from tests import made, small
from tests.cli.conftest import write_spectrum
from tests.plot.drawn import panel, texts

PNG = b"\x89PNG"


@pytest.fixture
def catalog(run, files, options, tmp_path):
    run("zfind", *files[:2], "-o", tmp_path / "z.fits", "--plain", *options)
    return tmp_path / "z.fits"


@pytest.fixture
def curves(run, files, options, tmp_path):
    """Return the curves of `catalog`, of which there is one more."""
    path = tmp_path / "curves.fits"
    run("zfind", *files[:2], "-o", tmp_path / "again.fits", "--plain", "--curves", path, *options)
    return path


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
    assert figures[0].get_suptitle().startswith(f"s1   GALAXY   z = {z:.7f} ± ")


def test_figure_shows_what_the_catalog_says(run, catalog, figures, spectra, tmp_path, monkeypatch):
    with fits.open(catalog, mode="update") as hdus:
        hdus["REDSHIFTS"].data["ROBUSTNESS"][1] = 12.25
        hdus["REDSHIFTS"].data["ZALT"][1][2] = 0.2345
        hdus["REDSHIFTS"].data["ZALT_CHI2"][1] = 500, 600, 650, np.nan, np.nan
    row = fits.getdata(catalog, "REDSHIFTS")[1]
    expected = best_fit(spectra[[1]], NonNegative(small.basis()), np.array([row["Z"]]))[0]
    for name in ("jaxz.redshift.run", "jaxz.likelihood.run"):
        monkeypatch.setattr(name, lambda *_, **__: pytest.fail("measured again"))
    assert run("plot", catalog, "--id", "s1", "-o", tmp_path / "s1.png").exit_code == 0
    top, bottom = panel(figures[0], "spectrum"), panel(figures[0], "curve")
    model = next(line for line in top.lines if line.get_label() == "best fit")
    np.testing.assert_allclose(model.get_ydata(), expected, rtol=0, atol=1e-4 * np.max(np.abs(expected)))
    others, best = bottom.lines
    np.testing.assert_array_equal([best.get_xdata()[0], best.get_ydata()[0]], [row["Z"], 500])
    np.testing.assert_array_equal(others.get_xdata()[:2], row["ZALT"][1:3])
    np.testing.assert_array_equal(others.get_ydata()[:2], [600, 650])
    assert [text for text in texts(bottom) if text[:2] in ("be", "2:", "3:", "4:")] == [
        f"best: {row['Z']:.4f}", f"2: {row['ZALT'][1]:.4f}", "3: 0.2345",
    ]  # fmt: skip
    assert texts(bottom)[-1] == (
        f"fractional depth = {row['SIGNIFICANCE']:.3g}    R = 12.2    "
        f"Δχ² to the next = {row['DELTACHI2']:,.1f}    P within 0.005(1+z) = {row['PCONF']:.2f}"
    )
    assert bottom.get_xlim() == (small.ZMIN, small.ZMAX)


def test_curve_is_that_of_the_file(run, catalog, curves, figures, tmp_path):
    assert run("plot", catalog, "--id", "s1", "-o", tmp_path / "s1.png", "--curves", curves).exit_code == 0
    bottom = panel(figures[0], "curve")
    np.testing.assert_array_equal(bottom.lines[0].get_xdata(), fits.getdata(curves, "Z"))
    np.testing.assert_array_equal(bottom.lines[0].get_ydata(), fits.getdata(curves, "CHI2")[1])
    assert "first quartile " in texts(bottom)


def test_curves_of_other_spectra(run, catalog, files, options, tmp_path):
    run("zfind", files[2], "-o", tmp_path / "other.fits", "--curves", tmp_path / "curves.fits", *options)
    result = run("plot", catalog, "--id", "s1", "-o", tmp_path / "s1.png", "--curves", tmp_path / "curves.fits")
    assert result.exit_code == 1
    assert (
        "curves.fits: holds no curve of 's1', and 1 is asked for: give the file that was written with" in result.stderr
    )
    result = run("plot", catalog, "--id", "s1", "-o", tmp_path / "s1.png", "--curves", catalog)
    assert result.exit_code == 1
    assert "z.fits: not a file of χ² curves: no Z, CHI2, SPECTRA" in result.stderr


def test_spectrum_without_redshift(run, spectra, options, figures, tmp_path):
    blank = write_spectrum(tmp_path / "blank.fits", spectra, 0, ivar=np.zeros(spectra.flux.shape[1]))
    run("zfind", blank, "-o", tmp_path / "z.fits", "--curves", tmp_path / "curves.fits", *options)
    arguments = "plot", tmp_path / "z.fits", "--id", "blank", "-o", tmp_path / "blank.png", "--overwrite"
    for more in ((), ("--curves", tmp_path / "curves.fits")):
        assert run(*arguments, *more).exit_code == 0
        assert figures[-1].get_suptitle() == "blank: no redshift"
        assert texts(panel(figures[-1], "curve")) == ["no χ² curve"]


def test_redrocks_own_columns_are_drawn_as_far_as_they_go(run, catalog, files, basis_file, figures, tmp_path):
    table = Table.read(catalog, "REDSHIFTS")
    table["TARGETID"] = [7, 8]
    path = tmp_path / "redrock.fits"
    arguments = "plot", path, "--spectra", files[1], "-o", tmp_path / "s1.png", "--overwrite", "--id", 8
    of_redrock = ["TARGETID", "Z", "ZERR", "ZWARN", "CHI2", "COEFF", "NCOEFF", "SPECTYPE", "SUBTYPE", "DELTACHI2", "ID"]

    def write(*columns):
        fits.BinTableHDU(Table(dict(table[columns].columns)), name="REDSHIFTS").writeto(path, overwrite=True)

    write(*of_redrock)
    unfitted = run(*arguments)
    assert unfitted.exit_code == 0
    assert "its header names no basis, so that no fit is drawn; give it with --basis" in unfitted.stderr
    assert "best fit" not in [line.get_label() for line in panel(figures[-1], "spectrum").lines]
    assert run(*arguments, "--basis", basis_file).exit_code == 0
    top, bottom = panel(figures[-1], "spectrum"), panel(figures[-1], "curve")
    assert "best fit" in [line.get_label() for line in top.lines]
    z, deltachi2 = table["Z"][1], table["DELTACHI2"][1]
    assert texts(bottom) == [f"best: {z:.4f}", f"Δχ² to the next = {deltachi2:,.1f}"]
    assert bottom.lines[-1].get_ydata() == pytest.approx(table["CHI2"][1])
    table["NCOEFF"] = 3
    write(*of_redrock)
    assert "s1 has 3 coefficients, SMALL 1 has 4 vectors" in run(*arguments, "--basis", basis_file).stderr
    write("TARGETID", "Z", "ID")
    assert run(*arguments).exit_code == 0
    assert figures[-1].get_suptitle() == f"s1   z = {z:.5f}"
    assert texts(panel(figures[-1], "curve")) == ["no χ² curve"]


def test_row_of_one_of_several_models(run, files, basis_file, figures, tmp_path):
    basis, spectrum, coeff = small.basis(), io.read(files[0]), np.array([[1.0, 0.0, 2.0, 3.0]])
    other = type(basis)(basis.vectors[:2], basis.grid, name="OTHER")
    io.write_basis(other, tmp_path / "other.fits")
    known = {"ids": spectrum.ids, "meta": spectrum.meta, "coeff": coeff, "subtype": np.array(["SMALL"])}
    found = made.redshifts([0.05], models=(NonNegative(other), NonNegative(basis)), **known)
    io.write(found, tmp_path / "z.fits")
    arguments = "plot", tmp_path / "z.fits", "--id", "s0", "-o", tmp_path / "s0.png"
    result = run(*arguments, "--basis", tmp_path / "other.fits")
    assert result.exit_code == 1
    assert "COEFF of s0 are of SMALL 1 (SHA-256" in result.stderr
    assert run(*arguments, "--basis", basis_file).exit_code == 0
    model = next(line for line in figures[-1].axes[0].lines if line.get_label() == "best fit")
    np.testing.assert_allclose(model.get_ydata(), fitted_flux(spectrum, basis, np.array([0.05]), coeff)[0], rtol=1e-12)
    io.write(dataclasses.replace(found, models=2 * found.models[1:]), tmp_path / "z.fits", overwrite=True)
    result = run(*arguments, "--overwrite", "--basis", basis_file)
    assert "its header does not tell which of its models s0 was fitted with" in result.stderr


def test_what_the_error_model_adds_is_in_the_model_line(run, files, options, spectra, figures, tmp_path):
    run("zfind", files[0], "-o", tmp_path / "z.fits", *options)
    result = run("plot", tmp_path / "z.fits", "--id", "s0", "-o", tmp_path / "s0.png")
    assert (result.exit_code, result.stderr) == (0, "")
    z = fits.getdata(tmp_path / "z.fits", "REDSHIFTS")["Z"]
    top, middle = panel(figures[0], "spectrum"), panel(figures[0], "residual")
    lines = {line.get_label(): line.get_ydata() for line in top.lines}
    model = NonNegative(small.basis(), error=ErrorModel())
    expected = best_fit(spectra[[0]], model, z)[0]
    whole = lines["best fit: basis and continuum distortion"]
    np.testing.assert_allclose(whole, expected, rtol=0, atol=2e-4 * np.max(expected))
    assert np.max(np.abs(lines["basis alone"] - whole)) > 1e-3 * np.max(expected)
    residual = (spectra.flux[0] - whole) / sigma_of(spectra[[0]], model.error, model.step)[0]
    np.testing.assert_allclose(middle.lines[0].get_ydata(), residual, atol=1e-3)


def test_what_lies_beside_the_basis_is_said_to_be_missing(run, files, basis_file, tmp_path):
    spectrum, grid = io.read(files[0]), LogGrid.covering(3700.0, 5300.0)
    model = NonNegative(small.basis(), [Columns(np.ones((1, grid.size)), grid, kind="free", name="level")])
    known = {"ids": spectrum.ids, "meta": spectrum.meta, "coeff": np.ones((1, 4))}
    io.write(made.redshifts([0.05], models=(model,), **known), tmp_path / "z.fits")
    result = run("plot", tmp_path / "z.fits", "--id", "s0", "-o", tmp_path / "s0.png", "--basis", basis_file)
    assert result.exit_code == 0
    assert "the figure does not show them" in result.stderr


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
    assert (
        result.stderr == f"jaxz: {files[0]}: the spectrum is not there: give its file, or its folder, with --spectra\n"
    )
    assert run(*arguments, "--spectra", moved).exit_code == 0
    assert run(*arguments, "--overwrite", "--spectra", tmp_path / "moved").exit_code == 0
    result = run(*arguments, "--overwrite", "--spectra", files[1])
    assert result.stderr == f"jaxz: {files[1]}: holds no spectrum 's0'\n"


def test_two_rows_of_one_name(run, files, options, figures, tmp_path):
    (tmp_path / "again").mkdir()
    again = shutil.copy(files[0], tmp_path / "again" / "s0.fits")
    curves = tmp_path / "curves.fits"
    run("zfind", files[0], again, "-o", tmp_path / "z.fits", "--curves", curves, *options)
    with fits.open(curves, mode="update") as hdus:
        hdus["CHI2"].data[1] += 1000
    with fits.open(tmp_path / "z.fits", mode="update") as hdus:
        hdus["REDSHIFTS"].data["ROBUSTNESS"] = 1.5, 2.5
    arguments = "plot", tmp_path / "z.fits", "--id", "s0", "-o", tmp_path / "s0.png", "--curves", curves
    result = run(*arguments)
    assert result.exit_code == 1
    assert "2 rows have the name 's0'" in result.stderr
    assert str(again) in result.stderr
    assert run(*arguments, "--spectra", again).exit_code == 0
    bottom = panel(figures[0], "curve")
    assert "R = 2.5 " in texts(bottom)[-1]
    np.testing.assert_array_equal(bottom.lines[0].get_ydata(), fits.getdata(curves, "CHI2")[1])
    assert "choose one with --spectra" in run(*arguments, "--overwrite", "--spectra", files[1]).stderr


def test_another_basis_is_refused(run, catalog, tmp_path):
    basis = small.basis()
    io.write_basis(type(basis)(basis.vectors[:3], basis.grid, name="LESS", version="2"), tmp_path / "less.fits")
    result = run("plot", catalog, "--id", "s0", "-o", tmp_path / "s0.png", "--basis", tmp_path / "less.fits")
    assert result.exit_code == 1
    assert f"z.fits: COEFF of s0 are of SMALL 1 (SHA-256 {basis.sha256[:8]}…), not of LESS 2 (" in result.stderr
    assert "give that basis with --basis, or measure again" in result.stderr
    assert not (tmp_path / "s0.png").exists()


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


def test_several_spectra_are_pages(run, catalog, figures, tmp_path):
    refused = run("plot", catalog)
    assert refused.exit_code == 1
    assert "2 spectra need pages: choose one with --id, or give -o NAME.pdf" in refused.stderr
    for more in ((), ("--id", "s1", "--id", "s0")):
        assert run("plot", catalog, "-o", tmp_path / "all.pdf", "--overwrite", *more).exit_code == 0
        assert (tmp_path / "all.pdf").read_bytes().startswith(b"%PDF")
    assert [figure.get_suptitle()[:2] for figure in figures] == ["s0", "s1", "s1", "s0"]
