"""Files of spectra, more than one part of them."""

import numpy as np
import pytest
from astropy.table import Table

from jaxz import batch
from jaxz.batch import plan
from tests import small


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Parts of three files, or of as many rows of a large one."""
    monkeypatch.setattr(plan, "PART_BYTES", 60_000)
    monkeypatch.setattr(plan, "PART_FILES", 3)


@pytest.fixture
def spectra(rng):
    return small.spectra(rng, np.linspace(0.01, 0.2, 10), 10.0)[0]


@pytest.fixture
def files(spectra, tmp_path):
    """Return ten files of one spectrum each."""
    (tmp_path / "in").mkdir()
    for row in range(len(spectra)):
        columns = {"wave": spectra.wave[row], "flux": spectra.flux[row], "ivar": spectra.ivar[row]}
        Table(columns).write(tmp_path / "in" / f"s{row}.fits")
    return sorted((tmp_path / "in").iterdir())


@pytest.fixture
def many(spectra, tmp_path):
    """Return one file of all of them."""
    table = Table({"ID": list(spectra.ids), "wave": spectra.wave, "flux": spectra.flux, "ivar": spectra.ivar})
    table.write(tmp_path / "many.fits")
    return tmp_path / "many.fits"


@pytest.fixture
def job():
    """Return a function that returns the job of a method."""
    return lambda method, **more: batch.Job(method, {"ZMAX": 0.25}, **more)
