"""Is float32 enough for the scan? Redshifts after scans in each precision, of spectra of S/N 1 to 300.

Checked: |Δz| < 0.1 zerr for every spectrum against float64; the refinement is in float64 after all of them.
"""

import argparse
import itertools
import math

import numpy as np

import jaxz
from benchmarks import common, inputs
from benchmarks.common import Report, require
from jaxz import mock
from jaxz.models import Basis
from jaxz.redshift import Redshifts

TOLERANCE = 0.1
_SNR = (1.0, 300.0)
_BINS = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
_LISTED = 20


def run(basis: Basis, nspec: int) -> Report:
    """Compare the redshifts of `nspec` spectra drawn from `basis`, z up to 6.7, S/N uniform in its logarithm."""
    rng = np.random.default_rng(7)
    z = np.exp(rng.uniform(0, np.log(1 + inputs.ZMAX), nspec)) - 1
    snr = np.exp(rng.uniform(math.log(_SNR[0]), math.log(_SNR[1]), nspec))
    spectra, _ = mock.from_basis(basis, z, snr, seed=8)
    found = {
        precision: jaxz.find_redshifts(jaxz.nmf_scan(spectra, basis, zmax=inputs.ZMAX, precision=precision), spectra)
        for precision in ("float32", "mixed", "float64")
    }
    double = found.pop("float64")
    apart = {precision: compare(single, double) for precision, single in found.items()}
    rows = []
    for low, high in itertools.pairwise(_BINS):
        inside = (snr >= low) & (snr < high)
        if inside.any():
            true = int(np.sum(np.abs(double.z - z)[inside] < 0.005 * (1 + z[inside])))
            row: dict[str, str | int | float] = {"S/N": f"{low:g} to {high:g}", "spectra": int(inside.sum())}
            for precision, far in apart.items():
                row |= {f"{precision} agree": int(np.sum(far[inside] < TOLERANCE))}
                row |= {f"{precision} worst |Δz|/zerr": float(np.max(far[inside]))}
            rows.append(row | {"true z found": true})
    exceptions = [
        f"  {precision}, {spectra.ids[i]}: S/N {snr[i]:.1f}, z {found[precision].z[i]:.6f} and {double.z[i]:.6f} ± "
        f"{double.zerr[i]:.1e}, Δχ² to the next {double.deltachi2[i]:.3g}"
        for precision, far in apart.items()
        for i in np.flatnonzero(~(far < TOLERANCE))
    ]
    require(not exceptions, "\n".join([f"{len(exceptions)} of {len(apart) * nspec} differ:", *exceptions[:_LISTED]]))
    settings = {"basis": basis.name, "spectra": nspec, "tolerance": f"{TOLERANCE} zerr"}
    notes = [
        *(f"{precision}: all {nspec} agree; worst {np.max(far):.1e} zerr." for precision, far in apart.items()),
        "S/N is the root mean square of the signal of a pixel over its noise.",
    ]
    return Report("agreement", rows, settings, notes)


def compare(single: Redshifts, double: Redshifts) -> np.ndarray:
    """Return |Δz| / zerr; 0 where both are the same number, whatever the error."""
    difference = np.abs(single.z - double.z)
    return np.where(difference == 0, 0, difference / np.where(np.isfinite(double.zerr), double.zerr, np.nan))


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    basis = inputs.choose(quick=arguments.quick, basis_file=arguments.basis).basis
    common.finish(run(basis, 4 if arguments.quick else arguments.n), arguments)


if __name__ == "__main__":
    options = common.parser(__doc__)
    options.add_argument("--n", type=int, default=1000, help="spectra")
    main(options.parse_args())
