"""`jaxz deblend`: the catalog of `jaxz zfind` with second redshifts, and its figure."""

import functools

import numpy as np
import pytest
from astropy.io import fits

from jaxz import Spectra, classes
from tests import small
from tests.cli.conftest import write_spectrum

ZFIRST, ZSECOND = 0.05, 0.195


@pytest.fixture(autouse=True)
def _small_basis(monkeypatch):
    """Galaxies alone, with the small basis, as what is compiled for each class takes long."""
    for module in ("classes", "blends"):
        monkeypatch.setattr(f"jaxz.{module}.load_basis", lambda name=None: small.basis())
    monkeypatch.setattr("jaxz.classes.candidates", functools.partial(classes.candidates, classes=["galaxy"]))


@pytest.fixture
def blends(tmp_path):
    """Files of a sum of two galaxies and of one of them, and one that is none."""
    rng = np.random.default_rng(3)
    first, second = (small.spectra(rng, z, 60.0, coeff=np.array([[1.0, 0.8, 0.5, 1.0]]))[0] for z in (ZFIRST, ZSECOND))
    flux = np.concatenate([first.flux + 0.5 * second.flux, first.flux])
    ivar = np.concatenate([1 / (1 / first.ivar + 0.25 / second.ivar), first.ivar])
    spectra = Spectra(first.wave[0], flux, ivar, ids=["both", "one"])
    (tmp_path / "bad.fits").write_bytes(b"SIMPLE  =                    T")
    return [write_spectrum(tmp_path / f"{name}.fits", spectra, row) for row, name in enumerate(spectra.ids)]


OPTIONS = ("--first", "model", "--zmax", small.ZMAX)


def test_second_redshifts_are_columns_of_the_catalog(run, blends, tmp_path):
    out = tmp_path / "out.fits"
    result = run("deblend", *blends, tmp_path / "bad.fits", "-o", out, *OPTIONS)
    assert result.exit_code == 1
    assert "bad.fits" in result.stderr
    rows, header = fits.getdata(out, "REDSHIFTS"), fits.getheader(out, "REDSHIFTS")
    both = rows[list(rows["ID"]).index("both")]
    assert sorted([both["Z"], both["Z2"]]) == pytest.approx([ZFIRST, ZSECOND], abs=3e-4)
    assert both["PBLEND"] > 0.5 > rows[list(rows["ID"]).index("one")]["PBLEND"]
    assert both["Z2ERR"] > 0
    assert both["DELTACHI2_2"] > 100
    assert (header["FIRST"], header["NREDSH"]) == ("model", 2)
    assert "P(blend)" in result.stdout
    plotted = run("plot", out, "--id", "both", "-o", tmp_path / "blend.png")
    assert plotted.exit_code == 0, plotted.stderr
    assert (tmp_path / "blend.png").stat().st_size > 20_000


def test_count_asks_for_more(run, blends, tmp_path):
    result = run("deblend", blends[0], "-o", tmp_path / "out.fits", *OPTIONS, "--count", 3)
    assert result.exit_code == 0, result.stderr
    assert {"Z3", "Z3ERR", "DELTACHI2_3", "PBLEND_3"} <= {*fits.getdata(tmp_path / "out.fits", "REDSHIFTS").names}
