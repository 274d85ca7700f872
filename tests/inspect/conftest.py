"""A page of four small spectra, and a browser to open it in."""

from pathlib import Path

import numpy as np
import pytest

import jaxz.inspect
from benchmarks.inspection import chromium
from jaxz import Spectra

EVIL = "<script>document.title='owned'</script>"
"""Name of a spectrum that must stay text."""


def sample() -> tuple[Spectra, dict[str, np.ndarray]]:
    """Return four spectra, Gaussian lines on a continuum, and their catalog; the second has no good pixel at the end.

    The first is a blend, the third has the name `EVIL` and a warning, the last no redshift.
    """
    rng, wave, z = np.random.default_rng(5), 5000 + 1.25 * np.arange(800), np.array([0.05, 0.1, 0.3, np.nan])
    line = np.exp(-0.5 * ((wave - 5008.24 * (1 + np.nan_to_num(z))[:, None]) / 4) ** 2)
    flux = 1 + 5 * line + rng.normal(0, 0.2, size=line.shape)
    ivar = np.full(flux.shape, 25.0)
    ivar[1, 700:] = 0
    nan = np.nan
    catalog = {
        "TARGETID": np.array([39633345008634465, -7, 3, -1]),
        "Z": z,
        "ZERR": np.array([1e-4, 2e-4, 3e-4, nan]),
        "ZWARN": np.array([0, 0, 4, 512]),
        "DELTACHI2": np.array([90.0, 40.0, 5.0, nan]),
        "SPECTYPE": np.array(["GALAXY", "QSO", "GALAXY", "GALAXY"]),
        "ID": np.array(["s0", "s1, the second", EVIL, "s3"]),
        "PCONF": np.array([1.0, 0.9, 0.2, nan], dtype=np.float32),
        "ZALT": np.array([[0.05, 0.18], [0.1, 0.15], [0.3, 0.01], [nan, nan]]),
        "ZALT_CHI2": np.array([[700.0, 790], [650, 690], [800, 805], [nan, nan]]),
        "ZALT_PROB": np.array([[1.0, 0], [0.9, 0.1], [0.2, 0.1], [nan, nan]]),
        "Z2": np.array([0.08, nan, nan, nan]),
    }
    return Spectra(wave, flux, ivar, ids=list(catalog["ID"])), catalog


@pytest.fixture(scope="session")
def page_file(tmp_path_factory) -> Path:
    """Return a page of `sample`, with curves, in a file."""
    spectra, catalog = sample()
    z = np.linspace(0, 0.4, 3000)
    chi2 = 900 - 200 * np.exp(-0.5 * ((z - np.nan_to_num(catalog["Z"])[:, None]) / 1e-3) ** 2)
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(jaxz.inspect.page(spectra, catalog, curves=(z, chi2), title="four <b> spectra"), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Return a headless Chromium that downloads into its `downloads`, or skip where none starts, tried twice."""
    pytest.importorskip("selenium")
    downloads = tmp_path_factory.mktemp("downloads")
    try:
        opened = chromium(downloads)
    except RuntimeError:  # a busy machine may starve it
        try:
            opened = chromium(downloads)
        except RuntimeError as error:
            pytest.skip(str(error))
    opened.downloads = downloads
    yield opened
    opened.quit()
