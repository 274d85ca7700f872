"""Learn the basis of galaxies in the package: basis-galaxy.fits.

It begins with a basis of simulated galaxies, `--start`, made by the commands in the README, and is adapted jointly to
the real spectra of VANDELS and FORS2 and to noise-free simulated ones that cover the rest frame as a whole, 640 to
11,200 Å: those below z = 1.8 from 1700 to 2600 Å on, the others up to 4200 to 6500 Å, so that vectors have no steps
where spectra end. Beyond its own red end, at 9000 Å, the start goes on as its last 500 Å are on average.

The stars of the simulated ones are E-MILES (Vazdekis et al. 2016) from 63 Myr on, and CB08 for younger ones and
blueward of 1700 Å. CB08 has steps where its parts meet; each part is scaled to meet the one before.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

import jaxz
from benchmarks import samples
from benchmarks.class_bases import MOST_ALIKE, blueward, blurred, largest_cosine, mixed
from benchmarks.common import require
from benchmarks.inputs import data_folder
from jaxz.mock.continuum import Populations
from jaxz.mock.galaxy import LYMAN_BREAK, draw, observe
from jaxz.mock.instruments import Instrument
from jaxz.mock.lines import Emission
from jaxz.models import Basis
from jaxz.spectra import DEFAULT_STEP, LogGrid, Spectra
from jaxz.train import Training, fit_basis

SEED = 7
VERSION = "2"
NSIMULATED = 200
"""Simulated galaxies; with 600 they outweigh the real ones."""

TRAINING = Training(final_iter=100, rtol=0.0)

ZRANGE = (0.0, 6.7)
"""Trial redshifts of the basis."""

WAVE = np.arange(600.0, 11301.0)
"""Of the populations, vacuum Å."""

SEAMS = (3321.0, 7302.0, 9302.5)
"""Where parts of CB08 meet, vacuum Å."""

YOUNG = 2
"""Ages of CB08, 5 and 25 Myr, that E-MILES lacks."""

RESOLVING_POWER = 2500.0
_JOIN = 1700.0
_METAL_RICH = 4
"""First of four metallicities of CB08 that go with those of E-MILES."""

_REST = (640.0, 11200.0)
_OPTICAL_Z = 1.8
BLUE_ENDS, _RED_ENDS = (1700.0, 2600.0), (4200.0, 6500.0)
_MEAN_OF = 500.0
_NOTHING = Emission(np.zeros(0), np.zeros(0), np.zeros(0), ())
IVAR = 1e4
"""What is added to the errors when a basis is learned is far larger."""


def populations() -> Populations:
    """Return stellar populations without steps: four metallicities, 15 ages from 5 Myr to 16 Gyr."""
    templates = data_folder() / "templates"
    young = jaxz.io.read_populations(templates / "cb08_ssp.fits")
    whole = np.stack([np.stack([np.interp(WAVE, young.wave, row) for row in rows]) for rows in young.flux])
    for seam in SEAMS:
        before, after = between(seam - 80, seam - 15), between(seam + 15, seam + 80)
        ratio = whole[..., before].mean(axis=-1) / whole[..., after].mean(axis=-1)
        whole[..., between(seam, np.inf)] *= ratio[..., None]
    whole = whole[_METAL_RICH:]
    with np.load(templates / "emiles_ssp.npz") as stored:
        wave, flux, age = stored["wave"], stored["flux"][:, ::2], stored["age"][::2]
    old = np.empty((*flux.shape[:2], len(WAVE)))
    for metallicity, rows in enumerate(flux):
        for place, row in enumerate(rows):
            like = whole[metallicity, np.argmin(np.abs(np.log(young.age / age[place])))]
            old[metallicity, place] = completed(np.interp(WAVE, wave, row), like)
    optical = between(4000, 5500)
    same = old[:, 1, optical].mean() / whole[:, YOUNG, optical].mean()
    return Populations(
        WAVE, np.concatenate([same * whole[:, :YOUNG], old], axis=1), np.concatenate([young.age[:YOUNG], age])
    )


def between(low: float, high: float) -> np.ndarray:
    """Return which wavelengths are at least `low` and below `high`, (pix,) bool."""
    return (low <= WAVE) & (high > WAVE)


def completed(flux: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return a population of E-MILES, continued by one of CB08 blueward of 1700 Å and where it is zero.

    Args:
        flux, like: (pix,) on `WAVE`.
    """
    blue = between(_JOIN, _JOIN + 50)
    flux = np.where(between(0, _JOIN), like * flux[blue].mean() / like[blue].mean(), flux)
    empty = (flux == 0) & between(5000, np.inf)
    if not empty.any():
        return flux
    end = WAVE[empty][0] - 20
    red = between(end - 75, end)
    return np.where(between(end, np.inf), like * flux[red].mean() / like[red].mean(), flux)


def simulated(
    stars: Populations,
    rows: Sequence[int],
    *,
    seed: int = SEED,
    blue_ends: tuple[float, float] = BLUE_ENDS,
    ivar_seen: float = IVAR,
    lines: bool = True,
) -> tuple[Spectra, np.ndarray]:
    """Return noise-free galaxies over a wide range of rest wavelengths, and their redshifts, evenly in ln(1+z).

    Args:
        stars: of the continua.
        rows: numbers of the galaxies; each depends on its own and on the seed.
        seed: of the random numbers.
        blue_ends: least and greatest rest wavelength (Å) from which those of low redshift are seen.
        ivar_seen: where they are, their mean square being 1.
        lines: whether gas emits and absorbs.
    """
    rest = LogGrid.covering(*_REST, DEFAULT_STEP).wave
    flux, ivar, z = np.zeros((len(rows), len(rest))), np.zeros((len(rows), len(rest))), np.zeros(len(rows))
    for place, row in enumerate(rows):
        rng = np.random.default_rng([seed, row])
        z[place] = np.expm1(rng.uniform(0, np.log1p(ZRANGE[1])))
        galaxy = draw(_kind(rng.uniform(), z[place]), z[place], stars, rng)
        if not lines:
            galaxy = galaxy._replace(absorbed=np.zeros((0, 2)), emission=_NOTHING)
        wide = Instrument("wide", rest * (1 + z[place]), lambda wave: wave / RESOLVING_POWER, np.ones(len(rest)), 1.0)
        flux[place] = observe(galaxy, wide)[0]
        near = z[place] < _OPTICAL_Z
        end = rng.uniform(*(blue_ends if near else _RED_ENDS))
        seen = rest > end if near else rest < end
        flux[place] /= np.sqrt(np.mean(flux[place, seen] ** 2))
        ivar[place, seen] = ivar_seen
    return Spectra(np.outer(1 + z, rest), flux.astype(np.float32), ivar.astype(np.float32)), z


def _kind(dice: float, z: float) -> str:
    if dice < 0.02:
        return "AGN"
    if z > LYMAN_BREAK:
        return "LAE" if dice < 0.4 else "LBG"
    return "PASSIVE" if z < 2 and dice < 0.3 else "SFG"


def continued(start: Basis) -> Basis:
    """Return the start with vectors that go on beyond its red end."""
    wave, size = start.grid.wave, LogGrid.covering(start.grid.wave[0], _REST[1], start.grid.step).size
    end = np.asarray(start.vectors)[:, wave > wave[-1] - _MEAN_OF].mean(axis=1, keepdims=True)
    vectors = np.concatenate([start.vectors, np.repeat(end, size - len(wave), axis=1)], axis=1)
    return Basis(vectors, LogGrid(start.grid.start, size, start.grid.step), name=start.name, version=start.version)


def learned(start: Basis, real: list[tuple[Spectra, np.ndarray]]) -> Basis:
    """Return the basis of galaxies; what it has blueward of 900 Å is smoothed, as no spectrum tells of it.

    Args:
        start: of simulated galaxies.
        real: spectra and their redshifts.
    """
    parts = [*real, simulated(populations(), range(NSIMULATED))]
    spectra, z = Spectra.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
    key = jax.random.key(SEED)
    found = fit_basis(spectra, z, rank=len(start), key=key, start=continued(start), training=TRAINING)
    vectors = np.asarray(found.vectors, float)
    vectors = mixed(vectors, blurred(vectors, found.grid, 2000), blueward(found.grid.wave, 900, 1000))
    return Basis(vectors.astype(np.float32), found.grid, name="galaxy", version=VERSION, zrange=ZRANGE)


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    if not (data_folder() / "vandels.npz").is_file():
        raise SystemExit(f"{data_folder()}: no VANDELS spectra: set JAXZ_DATA to the folder that has them")
    start = jaxz.load_basis(arguments.start)
    surveys = [samples.vandels(), samples.fors2()]
    basis = learned(start, [(survey.spectra, survey.ztrue) for survey in surveys])
    alike = largest_cosine(np.asarray(basis.vectors, float))
    require(alike < MOST_ALIKE, f"two vectors have a cosine of {alike:.3f}, below {MOST_ALIKE} expected")
    nspec = NSIMULATED + sum(len(survey.spectra) for survey in surveys)
    header = {
        "SPECTRA": nspec,
        "SOURCES": "VANDELS, FORS2, simulated (E-MILES, CB08)",
        "START": f"{start.name} {start.version}, SHA-256 {start.sha256[:16]}",
        "FLOOR": TRAINING.error_floor,
        "NFINAL": TRAINING.final_iter,
        "SEED": SEED,
    }
    arguments.output_dir.mkdir(parents=True, exist_ok=True)
    path = arguments.output_dir / "basis-galaxy.fits"
    jaxz.io.write_basis(basis, path, header=header, overwrite=True)
    low, high = basis.grid.wave[[0, -1]]
    print(f"{path}: {len(basis)} vectors, {low:.0f} to {high:.0f} Å, {nspec} spectra, largest cosine {alike:.3f}")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--start", required=True, help="basis of simulated galaxies to begin with: a file")
    options.add_argument("--output-dir", type=Path, required=True, help="folder to write the file to")
    main(options.parse_args())
