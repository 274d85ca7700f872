"""Is there a source at all? P(real) and two other scores, of true and blank spectra, simulated and real.

Simulated MUSE surveys, half of the spectra being of nothing, without and with artefacts. The numbers of P(real), and
the threshold of each score (the balanced one), are from surveys of other seeds, of both kinds together: one for all.
Completeness and purity are of galaxies whose brightest line has a S/N of 7 or more, and as many blank spectra; how true
P(real) is (`jaxz.validate.ece`), of all spectra. Of real data there are the spaxels of an empty piece of a MUSE cube,
and VANDELS and FORS2.

Checked: nine tenths of the simulated galaxies with such a line are told from nothing, and P(real) is true to 0.1.
"""

import argparse
from typing import Any

import numpy as np

import jaxz
from benchmarks import common, inputs, samples
from benchmarks.common import Report, require
from benchmarks.simulated import OTHER_SEEDS, SEEDS, surveyed
from jaxz import Redshifts, Spectra, validate

SCORES = ("preal", "significance", "detection")
PROBABLE = 0.5


def measured(spectra: Spectra) -> Redshifts:
    """Return the redshifts of galaxies in spectra."""
    return jaxz.redshifts(spectra, zmax=inputs.ZMAX, classes=("galaxy",))


def run(n: int, every: int) -> list[Report]:
    """Measure surveys of `n` spectra, and every so many-th real one."""
    stars = jaxz.io.read_populations(inputs.data_folder() / "templates" / "cb08_ssp.fits")
    others = [surveyed(measured, stars, n, seed=seed, artefacts=name == "on") for name, seed in OTHER_SEEDS.items()]
    own = {name: surveyed(measured, stars, n, seed=seed, artefacts=name == "on") for name, seed in SEEDS.items()}
    rows: list[dict[str, Any]] = []
    for score in SCORES:
        values = [np.nan_to_num(getattr(one.found, score)[one.kept]) for one in others]
        cut = validate.separation(np.concatenate(values), np.concatenate([one.real[one.kept] for one in others]))
        threshold = cut.balanced().threshold
        for name, one in own.items():
            of_all = getattr(one.found, score)
            at = validate.separation(np.nan_to_num(of_all[one.kept]), one.real[one.kept]).at(threshold)
            require(at.completeness >= 0.9, f"{score}, artefacts {name}: completeness {at.completeness:.3f}")
            known = np.isfinite(of_all)
            error = validate.ece(of_all[known], one.real[known]) if score == "preal" else float("nan")
            require(not error > 0.1, f"P(real), artefacts {name}: off by {error:.3f}")
            rows.append(
                {
                    "score": score,
                    "artefacts": name,
                    "number": str(np.count_nonzero(one.kept)),
                    "completeness": f"{at.completeness:.4f}",
                    "purity": f"{at.purity:.4f}",
                    "AUC, all": f"{validate.roc(of_all, one.real).auc:.4f}",
                    "ECE": error,
                }
            )
    return [Report("detections", rows, {"spectra": n}), _of_real_data(every)]


def _of_real_data(every: int) -> Report:
    """Return how often P(real) calls a real spectrum that of a source."""
    cube = jaxz.io.read(inputs.data_folder() / "muse_cube" / "subcub_mosaic.fits")
    parts = {"spaxels of a nearly empty cube": cube}
    parts |= {one.name: one.spectra for one in (samples.vandels(), samples.fors2())}
    rows = []
    for name, spectra in parts.items():
        probability = measured(spectra[::every]).preal
        number = np.count_nonzero(np.isfinite(probability))
        shares = {
            f"P > {least:g}": f"{np.count_nonzero(probability > least)} of {number}" for least in (PROBABLE, 0.99)
        }
        rows.append({"real spectra": name, **shares})
    return Report("detections, real", rows, {"every": every})


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    for report in run(24, 100) if arguments.quick else run(arguments.n, arguments.every):
        common.finish(report, arguments)


if __name__ == "__main__":
    options = common.parser(__doc__)
    options.add_argument("--n", type=int, default=1000, help="spectra of each survey, half of them blank")
    options.add_argument("--every", type=int, default=4, help="take every so many-th of the real spectra")
    main(options.parse_args())
