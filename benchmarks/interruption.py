"""A run of 2000 spectra, killed at 20 random moments: what it costs, and whether the catalog is the same.

`jaxz zfind` runs in a process of its own, gets SIGKILL after a random time, and is started again with --resume, until
it ends by itself. The same spectra are measured by four workers of a Dask cluster too, of which one is killed.

Checked: the catalogs are those of a run that nothing disturbed, to the bit, and no part that was finished is done
again.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

import jaxz
from benchmarks import common, memory
from benchmarks.common import Report, require

_FILES = 100
_RANGE = ("--classes", "galaxy", "--zmax", "0.3")
_WORKERS = 4
_LONGEST = 15.0
"""Seconds to the latest kill."""


def run(nspec: int, kills: int) -> Report:
    """Measure all three ways."""
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        made(where / "in", nspec)
        begin = time.perf_counter()
        command(where, "undisturbed.fits").wait()
        seconds = time.perf_counter() - begin
        whole = (where / "undisturbed.fits").read_bytes()
        rows = [{"run": "undisturbed", "s": seconds, "kills": 0, "finished parts done again": 0, "same catalog": True}]
        rows += [killed(where, kills), worker_killed(where)]
        for row, name in zip(rows[1:], ("killed.fits", "cluster.fits"), strict=True):
            row["same catalog"] = (where / name).read_bytes() == whole
            require(row["same catalog"], f"the catalog of the run {row['run']!r} is another one")
    return Report("interruption", rows, {"spectra": nspec, "pixels": 3681, "files": _FILES})


def made(folder: Path, nspec: int) -> None:
    """Write the spectra, some to a file."""
    folder.mkdir()
    spectra = memory.many(nspec, None).spectra
    for number, rows in enumerate(np.array_split(np.arange(nspec), _FILES)):
        jaxz.io.write(spectra[rows], folder / f"s{number:03d}.fits")


def command(where: Path, name: str, *more: str) -> subprocess.Popen:
    """Start a run."""
    arguments = [sys.executable, "-m", "jaxz", "zfind", where / "in", "-o", where / name, *_RANGE, *more]
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def killed(where: Path, kills: int) -> dict:
    """Kill a run again and again, and let it end."""
    rng = np.random.default_rng(1)
    begin, again, done = time.perf_counter(), 0, 0
    for kill in range(kills + 1):
        kept = records(where)
        process = command(where, "killed.fits", "--resume")
        if kill < kills:
            try:
                process.wait(rng.uniform(0, _LONGEST))
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                done += 1
        _, said = process.communicate()
        # A part that was finished stays as it is, to the time of its file.
        again += sum(when != records(where).get(name, when) for name, when in kept.items())
        require(kill < kills or process.returncode == 0, f"the last run failed: {said}")
    seconds = time.perf_counter() - begin
    return {"run": "killed", "s": seconds, "kills": done, "finished parts done again": again}


def records(where: Path) -> dict[str, int]:
    """Return the finished parts and when each was."""
    return {path.name: path.stat().st_mtime_ns for path in (where / "killed.fits.parts").glob("part-*.json")}


def worker_killed(where: Path) -> dict:
    """Have a cluster do it, and kill a worker when it is at work."""
    begin = time.perf_counter()
    process = command(where, "cluster.fits", "--scheduler", f"local:{_WORKERS}")

    def kill() -> None:
        parts = where / "cluster.fits.parts"
        while not list(parts.glob("part-*.json")) and process.poll() is None:
            time.sleep(0.1)
        os.kill(workers_of(process.pid)[0], signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()
    _, said = process.communicate()
    require(process.returncode == 0, f"the run on a cluster failed: {said}")
    seconds = time.perf_counter() - begin
    return {"run": f"{_WORKERS} workers, one killed", "s": seconds, "kills": 1, "finished parts done again": 0}


def workers_of(pid: int) -> list[int]:
    """Return the processes that a process has spawned, but for the one that counts its resources."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        words = path.read_text().rsplit(")", 1)[1].split()
        if int(words[1]) == pid and b"spawn_main" in (path.parent / "cmdline").read_bytes():
            found.append(int(path.parent.name))
    return sorted(found)


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    if arguments.quick:
        raise SystemExit("--quick: there is no quick size of this one: the tests kill processes of their own")
    common.finish(run(arguments.n, arguments.kills), arguments)


if __name__ == "__main__":
    options = common.parser(__doc__)
    options.add_argument("--n", type=int, default=2000, help="spectra")
    options.add_argument("--kills", type=int, default=20, help="times that the run is killed")
    main(options.parse_args())
