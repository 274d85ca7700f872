"""Lines that `jaxz lae` finds and that are not Lyα: how many of them `jaxz.rivals` names, and how many of Lyα's.

Simulated galaxies below z = 0.65, whose bright lines are where Lyα is searched for, half as bright as in a deep field,
and Lyα emitters, both on residuals of DESI's sky. The margin was chosen on other random numbers. Galaxies of which
lines alone are seen are the harder part, and have a row of their own.

Checked: nine tenths of the lines that are not Lyα are named, and no more than 3 % of Lyα's.
"""

import argparse

import numpy as np

import jaxz
from benchmarks import common
from benchmarks.common import Report, require
from jaxz import Madgics, Spectra, mock, validate
from jaxz.cli.lae import AMPLITUDE
from jaxz.mock.instruments import desi
from jaxz.mock.sky import residual, residual_shapes
from jaxz.rivals import LEAST, rivals

SEED, DETECTION = 2026, 25.0
DEPTH, ZMAX = 0.5, 0.65
FAINT = 0.5
"""Continuum S/N of a pixel below which lines alone are seen."""


def galaxies(n: int) -> tuple[Spectra, np.ndarray]:
    """Return galaxies on residuals of the sky, and the S/N of their continuum."""
    spectra, truth = mock.survey(desi(), n, seed=SEED, zmin=0.0, zmax=ZMAX, depth=DEPTH)
    shapes = residual_shapes(desi())
    left = np.stack([residual(shapes, np.random.default_rng([SEED, 1, row])) for row in range(n)])
    flux = (spectra.flux + left).astype(np.float32)
    return Spectra(spectra.wave[0], flux, spectra.ivar, ids=spectra.ids), np.asarray(truth.snr_cont)


def run(*, n: int) -> Report:
    """Search both samples for Lyα."""
    target, sky, basis = jaxz.load_component("desi-lae"), jaxz.load_component("desi-sky"), jaxz.load_basis()
    model = Madgics(target.scaled(AMPLITUDE), [sky], emission=True)
    others, continuum = galaxies(n)
    emitters, truth = mock.emitter_spectra(desi(), n, seed=SEED)

    def measured(spectra: Spectra) -> tuple[jaxz.Redshifts, np.ndarray, np.ndarray]:
        found = jaxz.find_redshifts(jaxz.scan(spectra, model, zmin=2.0, zmax=4.0), spectra)
        rival = rivals(found, spectra, basis, least=LEAST * target.calibration**2)
        seen = found.detection > DETECTION * target.calibration**2
        return found, seen, rival.is_better

    _, seen, named = measured(others)
    found, lines, wrong = measured(emitters)
    lines &= validate.is_good(found.z, truth.z)
    rows = [
        {"lines": name, "number": int(use.sum()), "named OTHER_LINE": int((use & flag).sum())}
        for name, use, flag in (
            ("of galaxies", seen, named),
            ("of galaxies without a continuum", seen & (continuum < FAINT), named),
            ("of Lyα", lines, wrong),
        )
    ]
    require(np.sum(seen & named) >= 0.9 * seen.sum(), "less than nine tenths of other lines are named")
    require(np.sum(lines & wrong) <= 0.03 * lines.sum(), "more than 3 % of lines of Lyα are taken for others")
    return Report("rivals", rows, {"n": n, "DETECTION above": DETECTION, "depth": DEPTH})


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    common.finish(run(n=6 if arguments.quick else arguments.n), arguments)


if __name__ == "__main__":
    options = common.parser(__doc__)
    options.add_argument("-n", type=int, default=600, help="spectra of each sample")
    main(options.parse_args())
