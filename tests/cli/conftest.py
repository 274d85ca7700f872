"""A basis file and spectrum files small enough that each command takes a second."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from typer.testing import CliRunner, Result

from jaxz import Spectra, io
from jaxz.cli import app
from tests import small

ZTRUE = np.array([0.05, 0.1, 0.15, 0.2])


@pytest.fixture(autouse=True)
def _process_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests share a process, whose settings are not those of a command."""
    monkeypatch.setattr("jaxz.cli.process.prepare", lambda: None)


@pytest.fixture
def run() -> Callable[..., Result]:
    """Return a function that runs `jaxz` with arguments; an exception that it lets out fails the test."""

    def run(*args: object) -> Result:
        result = CliRunner().invoke(app, [str(arg) for arg in args])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture(scope="session")
def basis_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of `small.basis`."""
    path = tmp_path_factory.mktemp("basis") / "small.fits"
    io.write_basis(small.basis(), path)
    return path


@pytest.fixture
def spectra(rng: np.random.Generator) -> Spectra:
    """Return four spectra at `ZTRUE`."""
    return small.spectra(rng, ZTRUE, 10.0)[0]


@pytest.fixture
def files(spectra: Spectra, tmp_path: Path) -> list[Path]:
    """Return the files of `spectra`, s0.fits to s3.fits, in a folder of their own."""
    (tmp_path / "in").mkdir()
    return [write_spectrum(tmp_path / "in" / f"s{row}.fits", spectra, row) for row in range(len(spectra))]


@pytest.fixture
def options(basis_file: Path) -> tuple[object, ...]:
    """Return the options of `jaxz zfind` that suit the basis."""
    return "--basis", basis_file, "--zmin", small.ZMIN, "--zmax", small.ZMAX


@pytest.fixture
def desi(spectra: Spectra, tmp_path: Path) -> Path:
    """Return a DESI file of eight exposures of the four spectra, the second on sky, the third without data."""
    targetid = np.array([39633345008634465, 39633345008634466, -7, 616088619186127404], dtype=np.int64)
    names = np.array(["TGT", "SKY", "TGT", "TGT"])
    table = Table({"TARGETID": np.tile(targetid, 2), "OBJTYPE": np.tile(names, 2), "EXPID": np.arange(8) // 4})
    ivar = np.tile(spectra.ivar / 2, (2, 1))
    ivar[[2, 6]] = 0
    images = {
        "BRZ_WAVELENGTH": spectra.wave[0],
        "BRZ_FLUX": np.tile(spectra.flux, (2, 1)),
        "BRZ_IVAR": ivar,
    }
    hdus = [fits.ImageHDU(image, name=name) for name, image in images.items()]
    path = tmp_path / "spectra-x.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table, name="FIBERMAP"), *hdus]).writeto(path)
    return path


def write_spectrum(path: Path, spectra: Spectra, row: int, ivar: np.ndarray | None = None) -> Path:
    """Write one spectrum as a table with the columns wave, flux and ivar, in vacuum Å."""
    ivar = spectra.ivar[row] if ivar is None else ivar
    table = Table({"wave": spectra.wave[row], "flux": spectra.flux[row], "ivar": ivar})
    table["wave"].unit = "Angstrom"
    table.write(path)
    return path
