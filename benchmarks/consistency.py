"""What catalogs promise, on real surveys with the basis in the package, and nearby galaxies, seen far to the red.

Checked: DELTACHI2 is never negative, no candidate is better than the best, and at least 46 of 48 simulated DESI
galaxies of 0.003 < z < 0.085 are right.
"""

import argparse
from collections.abc import Iterator

import numpy as np

import jaxz
from benchmarks import common, inputs, samples
from benchmarks.common import Report, require
from jaxz import ZWarn, mock, validate

LEAST = {"DESI, nearby": 46}
"""Right redshifts that are wanted."""


def cases(*, quick: bool) -> Iterator[tuple[str, jaxz.Spectra, np.ndarray, float]]:
    """Yield name, spectra, true redshifts and highest trial redshift."""
    count = 4 if quick else 48
    for instrument, zmax in (("desi", 1.7),) if quick else (("desi", 1.7), ("muse", 1.7), ("muse", inputs.ZMAX)):
        made = mock.INSTRUMENTS[instrument]()
        spectra, truth = mock.survey(made, count, seed=5, depth=3.0, zmin=0.003, zmax=0.085)
        yield f"{instrument.upper()}, nearby{', to z = 6.7' if zmax > 2 else ''}", spectra, truth.z, zmax
    if not quick:
        for survey in (samples.vandels(), samples.fors2()):
            yield survey.name, survey.spectra, survey.ztrue, inputs.ZMAX
        basis = jaxz.load_basis()
        for name, case in (("SDSS", inputs.sdss(basis)), ("UDF10", inputs.udf10(basis, hard=True))):
            yield name, case.spectra, case.ztrue, inputs.ZMAX


def run(*, quick: bool) -> Report:
    """Count what is right, and what contradicts itself."""
    basis = jaxz.load_basis().with_step(1e-4) if quick else jaxz.load_basis()
    rows = []
    for name, spectra, ztrue, zmax in cases(quick=quick):
        found = jaxz.find_redshifts(jaxz.nmf_scan(spectra, basis, zmax=zmax), spectra)
        good = validate.is_good(found.z, ztrue)
        negative = np.count_nonzero(found.deltachi2 < 0)
        score = found.zalt_chi2 + found.zalt_penalty
        better = np.count_nonzero((score[:, 1:] < score[:, :1]).any(axis=1))
        require(negative == better == 0, f"{name}: {negative} negative DELTACHI2, {better} better alternatives")
        require(quick or good.sum() >= LEAST.get(name, 0), f"{name}: {good.sum()} of {len(good)} right")
        rows.append(
            {
                "spectra": name,
                "number": len(good),
                "right": int(good.sum()),
                "wrong, ZWARN 0": int(np.count_nonzero(~good & (found.zwarn == 0))),
                "DELTACHI2 < 0": int(negative),
                "better alternative": int(better),
                "partly covered": int(np.count_nonzero(found.zwarn & ZWarn.PARTIAL_COVERAGE)),
                "no parabola": int(np.count_nonzero(found.zwarn & ZWarn.BAD_MINFIT)),
            }
        )
    return Report("consistency", rows, {"basis": basis.name, "zmax": inputs.ZMAX}, [])


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    common.finish(run(quick=arguments.quick), arguments)


if __name__ == "__main__":
    main(common.parser(__doc__).parse_args())
