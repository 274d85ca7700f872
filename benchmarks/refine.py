"""From χ² curves to redshifts: minima, the refinement in native pixels, errors and scores.

The baseline makes the same number of fits in native pixels, one after the other, with NumPy and SciPy.

Checked: every redshift is the true one, within 0.005 (1 + z), and χ² is that of SciPy's fit at the same redshift.
"""

import argparse
import functools
import importlib.util

import numpy as np

import jaxz
from benchmarks import common, inputs
from benchmarks.common import Report, require
from jaxz import validate
from jaxz.models.native import basis_in_pixels
from jaxz.models.refinement import ROUNDS

FITS = 5 * sum(end - begin for begin, end, *_ in ROUNDS)
"""Fits in native pixels that the refinement of five candidates makes."""


def run(case: inputs.Inputs, *, quick: bool) -> Report:
    """Time `find_redshifts` on a batch."""
    batch = case if quick else case.take(common.batch_size())
    nspec = len(batch.spectra)
    scan = jaxz.nmf_scan(batch.spectra, batch.basis, zmax=inputs.ZMAX, batch_size=common.batch_size())

    def find(nminima: int) -> np.ndarray:
        found = jaxz.find_redshifts(scan, batch.spectra, nminima=nminima, batch_size=common.batch_size())
        return found.z

    calls = {f"{n} candidates": functools.partial(find, n) for n in ((5,) if quick else (5, 2))}
    spent = common.measure(calls, 1 if quick else 5)
    for name, call in calls.items():
        z = call()
        good = validate.is_good(z, batch.ztrue)
        require(bool(good.all()), f"{name}: found z = {z[~good]} for {batch.ztrue[~good]}")
    rows = [{"refinement": name, **time.columns(nspec)} for name, time in spent.items()]
    notes = []
    if importlib.util.find_spec("scipy"):
        loop = common.measure({"loop": functools.partial(slow_fits, batch.take(1), batch.ztrue[:1])}, 1)["loop"]
        rows.append({"refinement": "NumPy and SciPy in a loop, 5 candidates", **loop.columns(1)})
        notes.append(
            f"Ratio of the loop to jaxz, 5 candidates: {rows[-1]['ms/spectrum'] / rows[0]['ms/spectrum']:.1f}."
        )
        found = jaxz.find_redshifts(scan, batch.spectra, batch_size=common.batch_size())
        expected = slow_fits(batch.take(1), found.z[:1])
        require(
            bool(np.isclose(found.chi2[0], expected, rtol=1e-6)), f"χ² is {found.chi2[0]}, SciPy's fit has {expected}"
        )
    settings = {"inputs": case.label, "spectra": nspec, "pixels": case.spectra.flux.shape[1], "basis": len(case.basis)}
    return Report("refine", rows, settings | {"dtype": "float64"}, notes)


def slow_fits(case: inputs.Inputs, z: np.ndarray) -> float:
    """Fit the first spectrum at its redshift as often as the refinement of 5 candidates does, and return χ²."""
    import scipy.optimize

    noise = np.sqrt(case.spectra.ivar[0].astype(np.float64))
    flux = case.spectra.flux[0] * noise
    norm = np.nan
    for _ in range(FITS):
        design = basis_in_pixels(case.basis, case.spectra.wave[0], float(z[0])) * noise
        _, norm = scipy.optimize.nnls(design.T, flux)
    return float(norm**2)


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    case = inputs.choose(quick=arguments.quick, basis_file=arguments.basis)
    common.finish(run(case, quick=arguments.quick), arguments)


if __name__ == "__main__":
    main(common.parser(__doc__).parse_args())
