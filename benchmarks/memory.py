"""Peak memory of many spectra in one run: the scan and the refinement of 10,000 spectra of 3681 pixels.

Runs in a process of its own, whose peak resident size the system keeps.

Checked: at least 95 % of the redshifts are good.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import jaxz
from benchmarks import common, inputs
from benchmarks.common import Report, require
from jaxz import validate
from jaxz.spectra import Spectra

_DISTINCT = 50
_GOOD = 0.95
_SNR = 10.0


def measure(nspec: int, basis_file: Path | None) -> list[dict]:
    """Scan and refine `nspec` simulated spectra, and return the peak memory after each step."""
    steps = []

    def record(step: str) -> None:
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        steps.append({"after": step, "peak GB": peak / 1e9, "s": time.perf_counter() - begin})

    begin = time.perf_counter()
    record("imports")
    case = many(nspec, basis_file)
    record(f"{nspec} spectra made")
    scan = jaxz.nmf_scan(case.spectra, case.basis, zmax=inputs.ZMAX)
    record("nmf_scan")
    found = jaxz.find_redshifts(scan, case.spectra)
    record("find_redshifts")
    good = validate.good_fraction(found.z, case.ztrue)
    require(good.value >= _GOOD, f"only {good.ngood} of {good.ntotal} redshifts are good")
    return steps


def many(nspec: int, basis_file: Path | None) -> inputs.Inputs:
    """Return `nspec` spectra: a few simulated ones over and over, with noise of their own."""
    basis = inputs.drawn_basis() if basis_file is None else inputs.read_basis(basis_file)
    few = inputs.simulated(basis, min(nspec, _DISTINCT), snr=_SNR)
    case = few.take(1)
    flux = np.empty((nspec, few.spectra.flux.shape[1]), dtype=np.float32)
    rng = np.random.default_rng(1)
    rows = np.arange(nspec) % len(few.spectra)
    for i, row in enumerate(rows):
        flux[i] = few.spectra.flux[row] + rng.standard_normal(flux.shape[1], dtype=np.float32)
    ivar = np.full_like(flux, 0.5)
    return case._replace(spectra=Spectra(few.spectra.wave[0], flux, ivar), ztrue=few.ztrue[rows])


def run(nspec: int, *, basis_file: Path | None) -> Report:
    """Measure in a new process."""
    command = [sys.executable, "-m", "benchmarks.memory", "--inside", "--n", str(nspec)]
    command += [] if basis_file is None else ["--basis", str(basis_file)]
    done = subprocess.run(command, cwd=inputs.ROOT, capture_output=True, text=True, check=False)
    require(done.returncode == 0, f"the measured process failed: {done.stderr}")
    rows = json.loads(done.stdout.splitlines()[-1])
    return Report("memory", rows, {"spectra": nspec, "pixels": 3681, "dtype": "float32"})


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    nspec = 20 if arguments.quick else arguments.n
    if arguments.inside:
        print(json.dumps(measure(nspec, arguments.basis)))
    else:
        common.finish(run(nspec, basis_file=arguments.basis), arguments)


if __name__ == "__main__":
    options = common.parser(__doc__)
    options.add_argument("--n", type=int, default=10_000, help="spectra")
    options.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    main(options.parse_args())
