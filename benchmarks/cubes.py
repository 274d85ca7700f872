"""Cubes of MUSE: peak memory of one of 300 x 300 spaxels, and the time of a spaxel against a spectrum in memory.

The large cube, 3681 wavelengths of faint galaxies in noise, is written plane by plane. In processes of their own, some
of its parts are measured as spaxels, up to a low redshift, as all of it would take hours and no more memory, and bins
of all of it are extracted. The time is that of a small cube, read, measured and written by `jaxz.batch.run_job`, and of
the same spectra held in memory.

Checked: no peak is above 3 GB, and a spaxel takes no more than 1.1 times what a spectrum does.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from astropy.io import fits

import jaxz
from benchmarks import common, inputs
from benchmarks.common import Report, require
from jaxz import batch, classes
from jaxz.models import ErrorModel

_WAVES, _SIGMA, _BIN_SNR = 3681, 2.0, 3.0
_ZMAX = 0.1
_MOST, _RATIO = 3.0, 1.1
_SHARE = 40
"""Of so many parts of the large cube one is measured."""


def written(path: Path, side: int) -> Path:
    """Write a cube of galaxies with a break and a line, at z of 0 to `_ZMAX`, in noise."""
    rng = np.random.default_rng(7)
    y, x = np.indices((side, side))
    count = max(side**2 // 1500, 1)
    z = rng.uniform(0, _ZMAX, count)
    places = rng.uniform(0, side, (count, 2))
    light = np.array([20 * rng.exponential() * np.exp(-np.hypot(y - a, x - b) / 3) for a, b in places])
    wave = jaxz.io.airtovac(4750 + 1.25 * np.arange(_WAVES))
    variance = np.full((side, side), _SIGMA**2, dtype=">f4").tobytes()
    with path.open("wb") as stream:
        stream.write(fits.PrimaryHDU().header.tostring().encode())
        for name in ("DATA", "STAT"):
            header = _header(name, side)
            stream.write(header.tostring().encode())
            for one in wave:
                if name == "STAT":
                    stream.write(variance)
                    continue
                rest = one / (1 + z)
                spectrum = 1 + 0.5 * (rest > 5100) + 8 * np.exp(-(((rest - 5008.24) / 3) ** 2) / 2)
                flux = rng.normal(0, _SIGMA, (side, side)) + np.tensordot(spectrum, light, 1)
                stream.write(flux.astype(">f4").tobytes())
            stream.write(bytes(-(_WAVES * side**2 * 4) % 2880))
    return path


def _header(name: str, side: int) -> fits.Header:
    header = fits.ImageHDU(np.zeros((1, 1, 1), dtype=np.float32), name=name).header
    header.update({"NAXIS1": side, "NAXIS2": side, "NAXIS3": _WAVES})
    header.update({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CTYPE3": "AWAV", "CUNIT3": "Angstrom"})
    header.update({"CRVAL1": 53.1, "CRVAL2": -27.8, "CRVAL3": 4750.0, "CRPIX1": 1.0, "CRPIX2": 1.0, "CRPIX3": 1.0})
    header.update({"CD1_1": -0.2 / 3600, "CD2_2": 0.2 / 3600, "CD3_3": 1.25, "CD1_2": 0.0, "CD2_1": 0.0})
    return header


def models() -> list[classes.Candidate]:
    """Return what is scanned with."""
    return classes.candidates(0.0, _ZMAX, classes=["galaxy"], error=ErrorModel())


def method(spectra: jaxz.Spectra, *, devices: object, progress: object) -> tuple:
    """Measure spectra of a part."""
    return classes.classified(spectra, models())


def peak_of(what: str, path: Path) -> dict[str, float]:
    """Do a part of the work with a cube, and return how many spectra it had, the seconds, and the peak in GB."""
    begin = time.perf_counter()
    if what == "spaxels":
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out.fits"
            count = batch.run_job(batch.Job(method, {}), [path], out, part=f"1/{_SHARE}").rows
    else:
        count = len(jaxz.io.extract(path, jaxz.io.Extraction(bin_snr=_BIN_SNR)).spectra)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return {"spectra": count, "s": time.perf_counter() - begin, "peak GB": peak / 1e9}


def inside(what: str, path: Path) -> dict[str, float]:
    """Do it in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.cubes", "--inside", what, "--cube", str(path)]
    done = subprocess.run(command, cwd=inputs.ROOT, capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"the measured process failed: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def ratio(folder: Path, side: int, repeats: int) -> dict[str, float]:
    """Return the processor time of a spaxel and of a spectrum in memory, in ms, and their ratio."""
    path = written(folder / "small.fits", side)
    spectra = jaxz.io.read(path)

    def from_file() -> None:
        report = batch.run_job(batch.Job(method, {}), [path], folder / "out.fits", overwrite=True)
        require(report.rows == side**2, f"{report.rows} rows of {side**2} spaxels")

    def in_memory() -> None:
        for begin in range(0, len(spectra), batch.GROUP):
            classes.classified(spectra[begin : begin + batch.GROUP], models())

    spent = common.measure({"file": from_file, "memory": in_memory}, repeats)
    cpu = {name: 1e3 * one.cpu / side**2 for name, one in spent.items()}
    wall = {name: 1e3 * one.best / side**2 for name, one in spent.items()}
    return {
        "spaxel cpu ms": cpu["file"],
        "in memory cpu ms": cpu["memory"],
        "of in memory": cpu["file"] / cpu["memory"],
        "wall": wall["file"] / wall["memory"],
    }


def run(side: int, small: int, repeats: int) -> Report:
    """Measure both cubes; they are removed afterwards."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large = written(folder / "large.fits", side)
        rows = [{"what": what, **inside(what, large)} for what in ("spaxels", "bins")]
        large.unlink()
        times = ratio(folder, small, repeats)
    peak = max(row["peak GB"] for row in rows)
    require(peak < _MOST, f"a peak of {peak:.2f} GB, less than {_MOST} expected")
    require(times["of in memory"] <= _RATIO, f"a spaxel takes {times['of in memory']:.2f} times what a spectrum does")
    notes = [f"{small} x {small} spaxels: " + ", ".join(f"{key} {value:.3g}" for key, value in times.items())]
    settings = {"spaxels": f"{side} x {side}", "wavelengths": _WAVES, "zmax": _ZMAX, "measured": f"1/{_SHARE}"}
    return Report("cubes", rows, settings, notes)


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    if arguments.inside:
        print(json.dumps(peak_of(arguments.inside, arguments.cube)))
        return
    if arguments.quick:
        raise SystemExit("--quick: there is no quick size of this one: give --side and --small")
    common.finish(run(arguments.side, arguments.small, arguments.repeats), arguments)


if __name__ == "__main__":
    options = common.parser(__doc__)
    options.add_argument("--side", type=int, default=300, help="of the large cube, spaxels")
    options.add_argument("--small", type=int, default=24, help="of the small one")
    options.add_argument("--repeats", type=int, default=3, help="of each time")
    options.add_argument("--inside", help=argparse.SUPPRESS)
    options.add_argument("--cube", type=Path, help=argparse.SUPPRESS)
    main(options.parse_args())
