"""Names of columns: those that are known, and those that the caller gives."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import io
from jaxz.cli.columns import chosen_columns
from jaxz.io.columns import columns_of

WORDS = ("err", "unc", "std", "sig", "stddev", "error", "sigma", "noise", "uncertainty")
NAMES = {
    "error": [
        form.format(word) for word in WORDS for form in ("{}", "flux_{}", "flux{}", "{}_flux", "{}flux", "FLUX_{}")
    ]
    + ["e_flux", "eflux", "flux_e"],
    "var": ["var", "variance", "flux_var", "VAR_FLUX", "fluxvariance"],
    "ivar": ["ivar", "invvar", "flux_ivar", "IVAR_FLUX", "inverse_variance"],
    "weight": ["weight", "WEIGHTS"],
}


@pytest.mark.parametrize(("role", "name"), [(role, name) for role, names in NAMES.items() for name in names])
def test_usual_names_of_noise(role: str, name: str) -> None:
    found = columns_of(["wave", "flux", "other", name])
    assert (found.wave, found.flux, found.noise, found.role) == ("wave", "flux", name, role)


@pytest.mark.parametrize("name", ["e", "stderr_flag", "flux_fit", "reflux", "signal", "noisy", "variable"])
def test_other_names(name: str) -> None:
    assert columns_of(["wave", "flux", name]).noise == ""


@pytest.fixture
def odd(tmp_path: Path, pixels: Any) -> Path:
    """Return a table whose columns have no usual names, and some that mislead."""
    columns = {"L": pixels.wave, "F1": pixels.flux, "S1": pixels.variance**0.5, "ok": np.arange(200) > 9}
    columns["flux"] = columns["ivar"] = np.full(200, np.nan)
    fits.HDUList(
        [fits.PrimaryHDU(), fits.BinTableHDU(Table({"a": [1]})), fits.BinTableHDU(Table(columns), name="S")]
    ).writeto(tmp_path / "odd.fits")
    return tmp_path / "odd.fits"


def test_columns_that_the_caller_names(odd: Path, pixels: Any) -> None:
    spectra = io.read(odd, columns={"wave": "L", "flux": "f1", "error": "S1"})
    np.testing.assert_array_equal(spectra.wave[0], pixels.wave)
    np.testing.assert_array_equal(spectra.flux[0], pixels.flux)
    np.testing.assert_allclose(spectra.ivar[0], 1 / pixels.variance)
    source = io.open_spectra(odd, columns={"wave": "L", "flux": "F1", "error": "S1", "mask": "ok"})
    assert source[:].npixels.tolist() == [10]


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("ivar", lambda p: 1 / p.variance),
        ("var", lambda p: p.variance),
        ("error", lambda p: p.variance**0.5),
    ],
)
@pytest.mark.parametrize("form", ["ascii.csv", "ascii.ecsv", "ascii.basic", "fits"])
def test_each_key_in_each_kind_of_table(tmp_path: Path, pixels: Any, key: str, values: Any, form: str) -> None:
    table = Table({"ll": np.log10(pixels.wave), "y": pixels.flux, "dy": values(pixels), "err": np.ones(200)})
    table.write(tmp_path / "x", format=form)
    spectra = io.read(tmp_path / "x", columns={"loglam": "ll", "flux": "y", key: "dy"})
    np.testing.assert_allclose(spectra.ivar[0], 1 / pixels.variance, rtol=1e-12)
    np.testing.assert_allclose(spectra.wave[0], pixels.wave, rtol=1e-12)


def test_columns_that_are_not_there_are_named_with_those_that_are(odd: Path, tmp_path: Path) -> None:
    with pytest.raises(io.FileError, match=r"odd\.fits: no table has the columns flux=F2 .there are a, L, F1, S1, ok"):
        io.read(odd, columns={"flux": "F2"})
    (tmp_path / "x.csv").write_text("wave,flux,ivar\n4000,1,1\n4001,1,1\n")
    with pytest.raises(io.FileError, match=r"x\.csv: no column 'F2' .there are wave, flux, ivar.: correct"):
        io.read(tmp_path / "x.csv", columns={"flux": "F2"})


def test_a_refusal_says_how_to_name_columns(odd: Path) -> None:
    with pytest.raises(
        io.FileError, match=r"--columns, by wave, loglam, flux, ivar, var, error, mask .there are L, F1"
    ):
        io.read(odd, columns={"flux": "F1"})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"fluxes": "F"}, "unknown key 'fluxes': choose of wave, loglam, flux, ivar, var, error, mask"),
        ({"wave": "a", "loglam": "b"}, "wave and loglam say the same thing"),
        ({"ivar": "a", "error": "b"}, "ivar and error say the same thing"),
    ],
)
def test_choices_that_make_no_sense(odd: Path, columns: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        io.read(odd, columns=columns)


def test_kinds_without_columns_to_choose(odd: Path, tmp_path: Path, write_mpdaf: Any) -> None:
    path = write_mpdaf(tmp_path / "x.fits")
    with pytest.raises(io.FileError, match="a file of kind mpdaf has no columns to choose"):
        io.read(path, format="mpdaf", columns={"flux": "F"})
    with pytest.raises(io.FileError, match=r"no table has the columns flux=F .there are none"):
        io.read(path, columns={"flux": "F"})


def test_further_tables_of_spectra_are_told(tmp_path: Path, pixels: Any) -> None:
    table = Table({"wave": pixels.wave, "flux": pixels.flux, "ivar": 1 / pixels.variance})
    hdus = [fits.PrimaryHDU(), *(fits.BinTableHDU(table, name=name) for name in ("A", "B", "C"))]
    fits.HDUList(hdus).writeto(tmp_path / "x.fits")
    with pytest.warns(io.FileWarning, match=r"x\.fits: further tables of spectra are not read: B, C"):
        assert len(io.read(tmp_path / "x.fits")) == 1


def test_the_option_of_the_command() -> None:
    assert chosen_columns(None) == {}
    assert chosen_columns("wave=LAM, flux = F,error=E") == {"wave": "LAM", "flux": "F", "error": "E"}


@pytest.mark.parametrize("text", ["wave", "wave=", "=F", "flux=F,flux=G", "colour=red"])
def test_options_that_make_no_sense(text: str) -> None:
    with pytest.raises(ValueError, match="columns"):
        chosen_columns(text)
