"""Catalogs larger than memory: peak memory, rate, and how long the device waits, of 10,000 and of 100,000 spectra.

`jaxz.batch.run` measures files of 1000 spectra of 3681 pixels, in a process of its own. The same spectra are measured
in memory for comparison. Beside them, sixty files of one spectrum and one of a million pixels.

Checked: the peak is below 3 GB and no higher for 100,000 spectra than for 10,000, within a tenth; the long spectrum
takes less than 0.3 GB more than none.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import jaxz
from benchmarks import common, inputs, memory
from benchmarks.common import Report, require
from jaxz import batch, classes
from jaxz.batch import survey
from jaxz.models import ErrorModel

_PER_FILE = 1000
_DISTINCT = 5
_ZMAX = 0.1
_MOST, _GROWTH, _LONG = 3.0, 1.1, 0.3


def run(sizes: list[int]) -> Report:
    """Measure each size in a process of its own."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        made(where)
        cases = [*(("batch", size) for size in sizes), ("memory", sizes[0]), ("short", 60), ("long", 61)]
        for case in cases:
            rows.append(inside(where, *case))
            print(rows[-1], flush=True)
    for row in rows:
        row["of in memory"] = row["spectra/s"] / rows[len(sizes)]["spectra/s"]
    peaks = [row["peak GB"] for row in rows]
    require(max(peaks[: len(sizes)]) < _MOST, f"peaks of {peaks} GB, less than {_MOST} expected")
    require(peaks[len(sizes) - 1] < _GROWTH * peaks[0], f"peaks of {peaks[: len(sizes)]} GB: memory grows")
    require(peaks[-1] - peaks[-2] < _LONG, f"a long spectrum takes {peaks[-1] - peaks[-2]:.2f} GB")
    notes = ["waits: share of the time in which nothing is computed, reading and writing being done beside it."]
    return Report("parts", rows, {"pixels": 3681, "zmax": _ZMAX, "spectra in a file": _PER_FILE}, notes)


def made(where: Path) -> None:
    """Write a few files of many spectra, sixty of one, and one of a long one."""
    spectra = memory.many(_PER_FILE * _DISTINCT, None).spectra
    for number in range(_DISTINCT):
        jaxz.io.write(spectra[number * _PER_FILE : (number + 1) * _PER_FILE], where / f"file{number}.fits")
    (where / "single").mkdir()
    for row in range(60):
        jaxz.io.write(spectra[row : row + 1], where / "single" / f"s{row}.fits")
    wave = np.linspace(4700.0, 9300.0, 1_000_000)
    long = jaxz.Spectra(wave, np.ones((1, len(wave)), np.float32), np.ones((1, len(wave)), np.float32))
    jaxz.io.write(long, where / "long.fits")


def files_of(where: Path, what: str, size: int) -> list[Path]:
    """Return the inputs of a case; a file that is needed several times has several names."""
    if what in ("short", "long"):
        return [where / "single", *([where / "long.fits"] if what == "long" else [])]
    folder = where / f"{what}{size}"
    folder.mkdir()
    for number in range(size // _PER_FILE):
        os.link(where / f"file{number % _DISTINCT}.fits", folder / f"f{number:04d}.fits")
    return [folder]


def inside(where: Path, what: str, size: int) -> dict:
    """Measure one case in a process of its own."""
    files = [str(path) for path in files_of(where, what, size)]
    command = [sys.executable, "-m", "benchmarks.parts", "--inside", what, *files]
    done = subprocess.run(command, cwd=inputs.ROOT, capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"the measured process failed: {done.stderr}")
    return {"run": {"batch": "in parts", "memory": "in memory"}.get(what, what), "spectra": size} | json.loads(
        done.stdout.splitlines()[-1]
    )


class Timed:
    """A watcher that leaves out what the first part takes, most of which is compilation."""

    def __init__(self) -> None:
        self.rows, self.first, self.begin, self.computing = 0, 0, time.perf_counter(), 0.0

    def timed(self, function: Callable) -> Callable:
        """Return a function that does the same, its time being counted as that of the device."""

        def counted(*arguments: Any, **options: Any) -> Any:
            begin = time.perf_counter()
            result = function(*arguments, **options)
            self.computing += time.perf_counter() - begin if self.first else 0
            return result

        return counted

    def began(self, finished: int, parts: int, failures: object) -> None:
        """Nothing is to be told."""

    def working(self, share: float) -> None:
        """Nothing is to be told."""

    def finished(self, record: batch.Record) -> None:
        """Count, from the end of the first part on."""
        self.rows += record.rows
        if not self.first:
            self.first, self.begin = self.rows, time.perf_counter()


def measured(what: str, files: list[str]) -> dict:
    """Measure files, and return the rate and the peak memory."""
    models = classes.candidates(0.0, _ZMAX, classes=["galaxy"], error=ErrorModel())
    if what == "memory":
        spectra = jaxz.io.read(files)
        classes.classified(spectra[:512], models)
        begin = time.perf_counter()
        classes.classified(spectra, models)
        rate, waits = len(spectra) / (time.perf_counter() - begin), 0.0
    else:
        watcher = Timed()
        survey.classified = watcher.timed(classes.classified)
        with tempfile.TemporaryDirectory() as folder:
            report = batch.run(files, models, Path(folder) / "out.fits", watcher=watcher)
        seconds = time.perf_counter() - watcher.begin
        rate, waits = (report.rows - watcher.first) / seconds, 1 - watcher.computing / seconds
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"spectra/s": rate, "waits": waits, "peak GB": peak / 1e9}


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    if arguments.inside:
        print(json.dumps(measured(arguments.inside, arguments.files)))
        return
    if arguments.quick:
        raise SystemExit("--quick: there is no quick size of this one: memory is flat from some thousand spectra on")
    common.finish(run(arguments.n), arguments)


if __name__ == "__main__":
    options = common.parser(__doc__)
    options.add_argument("--n", type=int, nargs="+", default=[10_000, 100_000], help="spectra, of each run")
    options.add_argument("--inside", help=argparse.SUPPRESS)
    options.add_argument("files", nargs="*", help=argparse.SUPPRESS)
    main(options.parse_args())
