"""What every benchmark shares: fair timing, a record of the machine, one table, one JSON file."""

import argparse
import dataclasses
import datetime
import importlib.metadata
import json
import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

import jaxz

RESULTS = Path(__file__).parent / "results"

_PACKAGES = ("jax", "jaxlib", "equinox", "numpy", "scipy", "numba")


class WrongAnswerError(AssertionError):
    """A benchmark computed something wrong, so that its time means nothing."""


def require(right: bool, answer: str) -> None:
    """Stop the benchmark unless its answer is right.

    Args:
        right: whether it is.
        answer: what was found and what was expected.

    Raises:
        WrongAnswerError: if it is not.
    """
    if not right:
        raise WrongAnswerError(answer)


@dataclasses.dataclass(frozen=True)
class Timing:
    """Seconds that one call took.

    Args:
        first: the first call, compilation included.
        median: of the later calls.
        best: the shortest of them, which other programs on the machine disturb least.
        cpu: processor time of the whole process, all threads together, median of the later calls.
    """

    first: float
    median: float
    best: float
    cpu: float

    def columns(self, nspec: float) -> dict[str, float]:
        """Return cells of a table for a call that did `nspec` spectra; compilation is what only the first call took."""
        return {
            "ms/spectrum": 1e3 * self.median / nspec,
            "best ms": 1e3 * self.best / nspec,
            "cpu ms": 1e3 * self.cpu / nspec,
            "compile s": max(self.first - self.median, 0.0),
        }


def measure(calls: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, Timing]:
    """Time calls in turn, so that whatever else the machine does falls on all of them alike.

    Args:
        calls: what to run, by name; arrays that they return are waited for.
        repeats: calls of each after the first.
    """
    wall: dict[str, list[float]] = {name: [] for name in calls}
    cpu: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats + 1):
        for name, call in calls.items():
            begin, cpu_begin = time.perf_counter(), time.process_time()
            jax.block_until_ready(call())
            wall[name].append(time.perf_counter() - begin)
            cpu[name].append(time.process_time() - cpu_begin)
    return {
        name: Timing(t[0], statistics.median(t[1:]), min(t[1:]), statistics.median(cpu[name][1:]))
        for name, t in wall.items()
    }


def machine_limits(dtype: Any, *, small: bool) -> tuple[float, float]:
    """Return what this machine can do: bytes/s and flop/s of a dtype; float64 needs JAX's x64 mode.

    The first in an update in place of an array larger than the caches, the second in a matrix product.
    """
    size = 1 << (20 if small else 25)
    side = 256 if small else 2048
    long, square = jnp.ones(size, dtype), jnp.ones((side, side), dtype)
    passes = 10
    update = jax.jit(lambda x: jax.lax.fori_loop(0, passes, lambda _, y: y * 0.999, x))
    product = jax.jit(lambda x: x @ x)
    spent = measure({"update": lambda: update(long), "product": lambda: product(square)}, 5)
    moved = 2.0 * long.nbytes * passes
    return moved / spent["update"].best, 2.0 * side**3 / spent["product"].best


@dataclasses.dataclass(frozen=True)
class Report:
    """The outcome of one benchmark.

    Args:
        name: of the benchmark.
        rows: lines of its table, with the same columns.
        settings: sizes, dtypes and where the spectra come from.
        notes: sentences under the table.
    """

    name: str
    rows: list[dict[str, Any]]
    settings: dict[str, Any]
    notes: list[str] = dataclasses.field(default_factory=list)

    def __str__(self) -> str:
        columns = list(self.rows[0])
        cells = [columns, *([_cell(row[column]) for column in columns] for row in self.rows)]
        width = [max(len(line[i]) for line in cells) for i in range(len(columns))]
        table = [
            "  ".join([line[0].ljust(width[0]), *(text.rjust(w) for text, w in zip(line[1:], width[1:], strict=True))])
            for line in cells
        ]
        settings = ", ".join(f"{key} {value}" for key, value in self.settings.items())
        return "\n".join([f"{self.name}: {settings}", *table, *self.notes])


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def batch_size() -> int:
    """Return how many spectra are timed together: enough to fill the device."""
    return 64 if jax.default_backend() == "cpu" else 256


def device_name() -> str:
    """Return the name of the processor that JAX computes on."""
    device = jax.devices()[0]
    if device.platform != "cpu":
        return device.device_kind
    known = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", known.read_text()) if known.is_file() else None
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{found[1] if found else platform.machine()}, {cores} cores"


def environment() -> dict[str, Any]:
    """Return what a time depends on besides the code: machine, versions, settings, and how busy the machine was."""
    versions: dict[str, str | None] = {"jaxz": jaxz.__version__}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "device": device_name(),
        "python": platform.python_version(),
        "versions": versions,
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def save(report: Report, path: Path) -> None:
    """Put a report into a JSON file, in place of an earlier one of the same name; other benchmarks stay as they are."""
    known = json.loads(path.read_text()) if path.is_file() else {}
    known[report.name] = {
        "environment": environment(),
        "settings": report.settings,
        "rows": report.rows,
        "notes": report.notes,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known, indent=1, sort_keys=True, ensure_ascii=False, default=float) + "\n")


def results_file() -> Path:
    """Return where results of this device are kept."""
    return RESULTS / (re.sub(r"[^a-z0-9]+", "-", device_name().lower()).strip("-") + ".json")


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return the options that all benchmarks have."""
    options = argparse.ArgumentParser(description=(description or "").split("\n")[0])
    options.add_argument("--quick", action="store_true", help="a few simulated spectra; nothing is saved")
    options.add_argument("--basis", type=Path, help="basis file, FITS or .npz (see benchmarks.inputs)")
    options.add_argument("--results", type=Path, help="JSON file to write, instead of results/<device>.json here")
    return options


def finish(report: Report, options: argparse.Namespace) -> None:
    """Print a report and save it, unless it was a quick one."""
    print(report)
    if not options.quick:
        save(report, options.results or results_file())
