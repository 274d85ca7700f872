"""The inspection page of simulated MUSE spectra: how large it is, and how long the next spectrum takes in Chromium.

Each spectrum has its true redshift and four others as candidates, which are fitted with the three shipped models, and
a curve of 17,000 trial redshifts. MB per 1000 spectra are without what every page has. Neighbours are unpacked
beforehand, spectra from anywhere in the catalog are not.

Checked: there is no warning or error in the browser's console, and every spectrum that is asked for is on the page.
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import jaxz
from benchmarks import common
from benchmarks.common import Report, require
from jaxz import classes, mock

NCAND = 5
ZMAX = 6.7
STEPS = 50
PATIENCE = 300
"""s that a browser may take for one thing: on a busy machine it is slow, not broken."""

_NEXT = """
const done = arguments[arguments.length - 1], begin = performance.now();
const painted = () => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - begin)));
inspection.ACTION.then(painted);
"""


def run(nspec: int, page: Path) -> Report:
    """Write the page and open it."""
    spectra, catalog = sample(nspec)
    z = np.linspace(0, ZMAX, 17_000)
    rng = np.random.default_rng(3)
    curves = rng.normal(3000, 20, size=(1, len(z))).repeat(nspec, axis=0) - 500 * (
        np.abs(z - catalog["Z"][:, None]) < 1e-3
    )
    models = [one.model for one in classes.candidates(0, ZMAX, error=jaxz.ErrorModel())]

    def written(count: int) -> str:
        columns = {name: values[:count] for name, values in catalog.items()}
        return jaxz.inspect.page(spectra[:count], columns, models=models, curves=(z, curves[:count]), title="benchmark")

    alone = len(written(1).encode())
    begin = time.perf_counter()
    text = written(nspec)
    seconds = time.perf_counter() - begin
    each = (len(text.encode()) - alone) / (nspec - 1)
    page.write_text(text, encoding="utf-8")
    browser = chromium(page.parent)
    try:
        times = timed(browser, page, nspec)
        messages = complaints(browser)
    finally:
        browser.quit()
    require(not messages, f"messages in the console: {messages[:3]}")
    size = {"spectra": nspec, "MB": page.stat().st_size / 1e6, "MB per 1000": each / 1e3, "s to write": seconds}
    rows = [
        {**size, "spectrum": kind, "median ms": np.median(ms), "worst ms": np.max(ms)} for kind, ms in times.items()
    ]
    return Report("inspection", rows, {"pixels": spectra.flux.shape[1], "candidates": NCAND})


def sample(nspec: int) -> tuple[jaxz.Spectra, dict[str, np.ndarray]]:
    """Return galaxies as MUSE sees them, and a catalog of their true redshifts with others beside them."""
    spectra, truth = mock.survey(mock.INSTRUMENTS["muse"](), nspec, seed=1)
    rng = np.random.default_rng(2)
    zalt = np.column_stack([truth.z, rng.uniform(0, ZMAX, (nspec, NCAND - 1))])
    known = {
        "ID": np.array(spectra.ids),
        "Z": truth.z,
        "ZALT": zalt,
        "ZALT_CHI2": 3000 + 10.0 * np.arange(NCAND) + 0 * zalt,
    }
    return spectra, {**known, "ZALT_PROB": np.full(zalt.shape, 1 / NCAND), "SPECTYPE": np.full(nspec, "GALAXY")}


def chromium(downloads: Path) -> Any:
    """Return a headless Chromium, which downloads into a folder, driven by selenium.

    Raises:
        RuntimeError: if there is none, or it does not start.
    """
    from selenium import webdriver
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.chrome.service import Service
    from urllib3.exceptions import HTTPError

    programs = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    program, driver = next(filter(None, programs), None), shutil.which("chromedriver")
    if program is None or driver is None:
        raise RuntimeError("no Chromium with chromedriver: on Debian, apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument("--window-size=1500,1000")
    # ms; selenium waits 120 s for the driver, which has to say that it did not succeed before.
    options.add_experimental_option("browserStartupTimeout", 110_000)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    try:
        browser: Any = webdriver.Chrome(options=options, service=Service(driver))
    except (WebDriverException, HTTPError) as error:
        raise RuntimeError(f"Chromium does not start: {error}") from error
    # Above the limits of what is asked of the browser, so that these say what took too long.
    browser.command_executor.client_config.timeout = 2 * PATIENCE
    browser.set_page_load_timeout(PATIENCE)
    browser.set_script_timeout(PATIENCE)
    return browser


def complaints(browser: Any) -> list[str]:
    """Return what the browser's console has of warnings and errors since it was last asked."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("WARNING", "SEVERE")]


def timed(browser: Any, page: Path, nspec: int) -> dict[str, list[float]]:
    """Return the ms of each step to the next spectrum, and to one anywhere, until it is painted."""
    from selenium.webdriver.support.ui import WebDriverWait

    browser.get(page.absolute().as_uri())
    WebDriverWait(browser, PATIENCE).until(lambda one: one.execute_script("return Boolean(window.inspection)"))
    times: dict[str, list[float]] = {"next": [], "anywhere": []}
    rng, number = np.random.default_rng(4), min(STEPS, nspec - 1)
    for row in range(1, number + 1):
        times["next"].append(browser.execute_async_script(_NEXT.replace("ACTION", "step(1)")))
        require(browser.execute_script("return inspection.row") == row, f"the page does not go on to spectrum {row}")
    for row in rng.choice(nspec, number, replace=False):
        times["anywhere"].append(browser.execute_async_script(_NEXT.replace("ACTION", f"show({row})")))
    return times


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    with tempfile.TemporaryDirectory() as folder:
        page = arguments.output or Path(folder) / "page.html"
        common.finish(run(4 if arguments.quick else arguments.n, page), arguments)


if __name__ == "__main__":
    given = common.parser(__doc__)
    given.add_argument("-n", type=int, default=1000, help="spectra")
    given.add_argument("--output", type=Path, help="page to keep")
    main(given.parse_args())
