"""Learn the basis of continua in the package: basis-continuum.fits, stars and dust without any line of gas.

It is what `jaxz.fit_lines` sets emission lines on. The stars are those of `galaxy_basis`, mixed and reddened as in
simulated surveys, with the damped wings of Lyα and the absorption of the intergalactic medium at the redshift of each,
and a few power laws of nuclei; lines of gas, in emission and absorption, are left out. Spectra are free of noise and
cover the rest frame as those of `galaxy_basis` do.

Checked: of galaxies that were not learned from, the continuum within 0.1 dex of Hβ and Hα is drawn to 1.5 %.
"""

import argparse
from pathlib import Path

import jax
import numpy as np

import jaxz
from benchmarks import galaxy_basis
from benchmarks.common import require
from benchmarks.galaxy_basis import ZRANGE, populations
from jaxz.mock.continuum import Populations
from jaxz.models import Basis
from jaxz.spectra import Spectra
from jaxz.train import Training, fit_basis

SEED, RANK = 11, 12
NSIMULATED, NOTHERS = 400, 60
TRAINING = Training(error_floor=0.01, stage_iter=40, final_iter=800, rtol=0.0)
"""The errors are those that lines of a hundredth of the continuum are wanted with."""

_BLUE_ENDS = (1000.0, 2600.0)
_IVAR = 1e6


def simulated(stars: Populations, rows: range) -> tuple[Spectra, np.ndarray]:
    """Return continua without noise, and their redshifts."""
    return galaxy_basis.simulated(stars, rows, seed=SEED, blue_ends=_BLUE_ENDS, ivar_seen=_IVAR, lines=False)


def learned(stars: Populations) -> Basis:
    """Return the basis."""
    spectra, z = simulated(stars, range(NSIMULATED))
    found = fit_basis(spectra, z, rank=RANK, key=jax.random.key(SEED), training=TRAINING)
    return Basis(np.asarray(found.vectors, np.float32), found.grid, name="continuum", version="1", zrange=ZRANGE)


def misfit(basis: Basis, stars: Populations, line: float) -> float:
    """Return the median over galaxies of the rms misfit within 0.1 dex of a line, as a share of the continuum."""
    from scipy.optimize import nnls

    spectra, z = simulated(stars, range(NSIMULATED, NSIMULATED + NOTHERS))
    wave = spectra.wave / (1 + z[:, None])
    found = []
    for row in range(len(spectra)):
        seen = spectra.ivar[row] > 0
        near = np.abs(np.log10(wave[row] / line)) < 0.1
        if not seen[near].all():
            continue
        place = np.round(np.log10(wave[row]) / basis.grid.step).astype(int) - basis.grid.start
        seen &= (place >= 0) & (place < basis.grid.size)
        columns = np.asarray(basis.vectors, float)[:, place[seen]]
        fit = nnls(columns.T, spectra.flux[row, seen].astype(float))[0] @ columns
        share = fit[near[seen]] / spectra.flux[row, near & seen] - 1
        found.append(np.sqrt(np.mean(share**2)))
    return float(np.median(found))


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    stars = populations()
    basis = learned(stars)
    off = {line: misfit(basis, stars, line) for line in (4862.7, 6564.6)}
    print(", ".join(f"{line:.0f} Å: {100 * share:.2f} %" for line, share in off.items()))
    require(max(off.values()) < 0.015, f"the continuum is off by {off}")
    header = {
        "SPECTRA": NSIMULATED,
        "SOURCES": "simulated (E-MILES, CB08)",
        "FLOOR": TRAINING.error_floor,
        "SEED": SEED,
    }
    path = arguments.output_dir / "basis-continuum.fits"
    jaxz.io.write_basis(basis, path, header=header, overwrite=True)
    low, high = basis.grid.wave[[0, -1]]
    print(f"{path}: {len(basis)} vectors, {low:.0f} to {high:.0f} Å")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--output-dir", type=Path, required=True, help="folder to write the file to")
    main(options.parse_args())
