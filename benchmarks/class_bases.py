"""Learn the bases of stars and quasars in the package: basis-star.fits and basis-qso.fits.

Stars (9 vectors) are learned from 82 of Pickles' library, 21 drawn white dwarfs and the real ones of SDSS, BOSS and
LAMOST (see `benchmarks.class_spectra`), all at rest and complete from 2900 to 11,900 Å. All weigh the same, but that
the library, with its low resolution, says little where real stars do. What is narrower than σ = 70 km/s, as LAMOST sees
lines, is noise: vectors are smoothed by 52 km/s, and redward of 7300 Å, where residuals of the sky would be learned, by
140 km/s outside the strong lines. No cataclysmic variable is among the stars: the ninth vector is drawn, emission lines
of hydrogen and helium without continuum.

Quasars (12 vectors) are learned from real ones of SDSS, BOSS and DESI, of z > 0.03, pixels from 3700 to 10,000 Å, in
two passes. As there are almost none beyond z = 3.6, the second adds 24 up to 6.7: what the first pass makes of real
ones of z > 1.9, with the Lyman forest of the higher redshift. Vectors are smoothed to what quasars show: 90 km/s near
narrow lines, 280 km/s blueward of 2000 Å, where there are absorption lines, 550 km/s redward, and 900 km/s in the
forest, which is other gas for each. At the ends, which few spectra cover, it is 2500 km/s, and blueward of 960 Å, where
they are noise, no vector is brighter than between 960 and 1150 Å.
"""

import argparse
from pathlib import Path

import jax
import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

import jaxz
from benchmarks.class_spectra import (
    BALMER,
    CAMERA,
    LATTICE,
    Labelled,
    Stars,
    completed_stars,
    labelled,
    library,
    white_dwarfs,
)
from benchmarks.common import require
from benchmarks.inputs import data_folder
from jaxz.mock.igm import transmission
from jaxz.models import Basis
from jaxz.spectra import DEFAULT_STEP, LogGrid, Spectra
from jaxz.train import Training, fit_basis
from jaxz.train.sample import best_coeff, on_grid, rest_frame

LIGHT = 299792.458
"""km/s."""

SEED = 0
VERSION = "1"

STAR_RANK, QSO_RANK = 8, 12
"""Vectors that are learned."""

STAR_TRAINING = Training(stage_iter=60, final_iter=300, error_floor=0.05)
QSO_TRAINING = Training(step=1e-4, stage_iter=30, final_iter=100, error_floor=0.1)
"""Quasars have nothing that needs the finer lattice on which their basis is written."""

STAR_ZRANGE, QSO_ZRANGE = (-0.0067, 0.0067), (0.05, 6.7)

MOST_ALIKE = 0.97
"""Largest cosine of two vectors."""

_STAR_ERROR, _LIBRARY_ERROR = 0.05, 0.35
_STAR_LINES = (7667.0, 7701.1, 8185.5, 8197.1, 8500.4, 8544.4, 8664.5)
"""K I, Na I and Ca II redward of 7300 Å."""

_CV_LINES = {
    **dict(zip(BALMER, (1.0, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3), strict=True)),
    4472.73: 0.2,
    4687.02: 0.2,
    4923.3: 0.1,
    5017.1: 0.1,
    5877.25: 0.3,
    6679.99: 0.15,
    7067.2: 0.12,
}
"""Lines of cataclysmic variables and their relative heights; He I and, at 4687 Å, He II."""

_CV_WIDTH = 250.0
"""σ, km/s."""

_LEAST_QSO_Z = 0.03
_DISTANT = 24
"""Simulated quasars."""

_DISTANT_Z, _MODEL_Z = (3.6, 6.7), 1.9
_CAMERAS = (3700.0, 10000.0)
_NARROW = (1215.67, 3728.5, 3869.9, 4862.7, 4960.3, 5008.2, 6549.9, 6564.6, 6585.3, 6718.3, 6732.7)
"""Narrow lines of quasars."""


def finished(vectors: np.ndarray, grid: LogGrid, name: str, zrange: tuple[float, float]) -> Basis:
    """Return vectors as a basis, each of mean 1."""
    vectors = np.maximum(vectors, 0)
    vectors = (vectors / vectors.mean(axis=1, keepdims=True)).astype(np.float32)
    spectype = "QSO" if name == "qso" else "STAR"
    return Basis(vectors, grid, name=name, version=VERSION, spectype=spectype, zrange=zrange)


def star_errors(count: int, nlibrary: int) -> np.ndarray:
    """Return the errors of stars of mean 1, (spec, rest), the first of which are the library's."""
    error = np.full((count, LATTICE.size), _STAR_ERROR)
    error[:nlibrary, (LATTICE.wave > CAMERA[0]) & (LATTICE.wave < CAMERA[1])] = _LIBRARY_ERROR
    return error


def star_basis(*, without: int | None = None) -> tuple[Basis, int]:
    """Return the basis of stars, and how many spectra it was learned from.

    Args:
        without: the half of each set of real ones that is left out.
    """
    known, drawn = library(), white_dwarfs()
    real = completed_stars(np.concatenate([known.flux, drawn.flux]), without=without)
    stars = Stars(*(np.concatenate(parts) for parts in zip(known, drawn, real, strict=True)))
    error = star_errors(len(stars.flux), len(known.flux))
    spectra = Spectra(LATTICE.wave, stars.flux.astype(np.float32), (error**-2).astype(np.float32))
    key = jax.random.key(SEED)
    learned = fit_basis(spectra, np.zeros(len(spectra)), rank=STAR_RANK, key=key, training=STAR_TRAINING)
    vectors = smoothed_stars(np.asarray(learned.vectors, float), learned.grid)
    # Of mean 1 before the lines join them, as after it.
    vectors = finished(vectors, learned.grid, "star", STAR_ZRANGE).vectors
    with_lines = np.concatenate([vectors, emission_lines(learned.grid.wave)[None]])
    return finished(with_lines, learned.grid, "star", STAR_ZRANGE), len(spectra)


def emission_lines(wave: np.ndarray) -> np.ndarray:
    """Return the lines of a cataclysmic variable, without its continuum."""
    heights = _CV_LINES.items()
    return sum((h * np.exp(-0.5 * ((wave / line - 1) * LIGHT / _CV_WIDTH) ** 2) for line, h in heights), 0 * wave)


def quasar_basis(*, without: int | None = None) -> tuple[Basis, int]:
    """Return the basis of quasars, and how many spectra, real and simulated, it was learned from.

    Args:
        without: the half of each set of real ones that is left out.
    """
    real = quasars(without=without)
    key = jax.random.key(SEED)
    learned = fit_basis(real.spectra, real.z, rank=QSO_RANK - 1, key=key, training=QSO_TRAINING)
    vectors = smoothed_quasars(np.asarray(learned.vectors, float), learned.grid)
    first = finished(vectors, learned.grid, "qso", QSO_ZRANGE)
    far = distant_quasars(first, real.take(real.z > _MODEL_Z))
    spectra = Spectra.concatenate([real.spectra, far])
    z = np.concatenate([real.z, np.zeros(len(far))])
    learned = fit_basis(spectra, z, rank=QSO_RANK, key=key, start=first, training=QSO_TRAINING)
    vectors = smoothed_quasars(np.asarray(learned.vectors, float), learned.grid)
    vectors, grid = interpolated(vectors, learned.grid)
    return finished(vectors, grid, "qso", QSO_ZRANGE), len(spectra)


def quasars(*, without: int | None = None) -> Labelled:
    """Return the real quasars, without the ends of the cameras; `without` as of `labelled`."""
    parts = [part.take(part.z > _LEAST_QSO_Z) for part in labelled("QSO", without=without)]
    spectra = Spectra.concatenate([part.spectra for part in parts])
    ivar = np.where((spectra.wave < _CAMERAS[0]) | (spectra.wave > _CAMERAS[1]), 0, spectra.ivar)
    labels = (np.concatenate(values) for values in zip(*(part[1:] for part in parts), strict=True))
    return Labelled(Spectra(spectra.wave, spectra.flux, ivar), *labels)


def distant_quasars(basis: Basis, near: Labelled) -> Spectra:
    """Return noise-free spectra of quasars farther than those at hand, at rest.

    Each is the mixture of vectors that fits a real quasar best, times the ratio of the mean transmissions of the
    intergalactic medium at its new and at its true redshift.
    """
    sample = rest_frame(near.spectra, near.z, step=QSO_TRAINING.step, error_floor=QSO_TRAINING.error_floor)
    wave, vectors = sample.grid.wave, on_grid(basis, sample.grid)
    coeff = best_coeff(sample, vectors)
    rng = np.random.default_rng(SEED)
    chosen = rng.integers(len(near.z), size=_DISTANT)
    low, high = np.log1p(_DISTANT_Z)
    parts = []
    for row, z in zip(chosen, np.expm1(rng.uniform(low, high, _DISTANT)).tolist(), strict=True):
        was = float(near.z[row])
        forest = transmission(wave * (1 + z), z) / np.maximum(transmission(wave * (1 + was), was), 0.02)
        seen = (wave * (1 + z) > _CAMERAS[0]) & (wave * (1 + z) < _CAMERAS[1])
        flux = (coeff[row] @ vectors * np.minimum(forest, 1.5))[seen]
        flux = (flux / flux.mean()).astype(np.float32)
        parts.append(Spectra(wave[seen], flux[None], np.full_like(flux, QSO_TRAINING.error_floor**-2)[None]))
    return Spectra.concatenate(parts)


def interpolated(vectors: np.ndarray, grid: LogGrid) -> tuple[np.ndarray, LogGrid]:
    """Return smooth vectors on the lattice of `DEFAULT_STEP`."""
    first, last = np.ceil(grid.loglam[0] / DEFAULT_STEP), np.floor(grid.loglam[-1] / DEFAULT_STEP)
    fine = LogGrid(int(first), int(last - first) + 1, DEFAULT_STEP)
    return PchipInterpolator(grid.loglam, vectors, axis=1)(fine.loglam), fine


def smoothed_stars(vectors: np.ndarray, grid: LogGrid) -> np.ndarray:
    """Return vectors of stars without noise."""
    wave, vectors = grid.wave, blurred(vectors, grid, 52)
    red = (1 - blueward(wave, 7300, 800)) * (1 - near_lines(wave, _STAR_LINES, 550))
    return mixed(vectors, blurred(vectors, grid, 140), red)


def smoothed_quasars(vectors: np.ndarray, grid: LogGrid) -> np.ndarray:
    """Return vectors of quasars without noise."""
    wave = grid.wave
    out = blurred(vectors, grid, 550)
    for velocity, where in (
        (280, blueward(wave, 2000, 800)),
        (900, blueward(wave, 1190, 800)),
        (90, near_lines(wave, _NARROW, 900)),
        (2500, blueward(wave, 960, 3000) + 1 - blueward(wave, 7400, 3000)),
    ):
        out = mixed(out, blurred(vectors, grid, velocity), where)
    cap = np.median(out[:, (wave > 960) & (wave < 1150)], axis=1, keepdims=True)
    out = np.where(wave < 960, np.minimum(out, cap), out)
    return mixed(out, blurred(out, grid, 1800), blueward(wave, 1000, 1500))


def blurred(vectors: np.ndarray, grid: LogGrid, velocity: float) -> np.ndarray:
    """Return vectors smoothed by a Gaussian of σ = `velocity` in km/s."""
    return gaussian_filter1d(vectors, velocity / (np.log(10) * grid.step * LIGHT), axis=1, mode="nearest")


def mixed(one: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Return vectors of which `share`, (rest,), is from `other`."""
    return one * (1 - share) + other * share


def blueward(wave: np.ndarray, edge: float, width: float) -> np.ndarray:
    """Return a share that falls from 1 to 0 at the wavelength `edge`, over `width` in km/s."""
    return 0.5 - 0.5 * np.tanh(np.log(wave / edge) * LIGHT / (2 * width))


def near_lines(wave: np.ndarray, lines: tuple[float, ...], width: float) -> np.ndarray:
    """Return a share that is 1 within about `width`, km/s, of lines, and 0 farther away."""
    return np.max([np.exp(-0.5 * ((wave / line - 1) * LIGHT / width) ** 4) for line in lines], axis=0)


def largest_cosine(vectors: np.ndarray) -> float:
    """Return the largest cosine of two vectors: 1 if one is a copy."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return float(np.max(unit @ unit.T - np.eye(len(unit))))


def written(basis: Basis, nspec: int, training: Training, sources: str, folder: Path) -> None:
    """Write a basis with how it was made.

    Raises:
        WrongAnswerError: if it has a vector twice.
    """
    alike = largest_cosine(np.asarray(basis.vectors, float))
    require(alike < MOST_ALIKE, f"{basis.name}: two vectors have a cosine of {alike:.3f}, below {MOST_ALIKE} expected")
    header = {
        "SPECTRA": nspec,
        "SOURCES": sources,
        "FLOOR": training.error_floor,
        "NITER": training.stage_iter,
        "NFINAL": training.final_iter,
        "SEED": SEED,
    }
    path = folder / f"basis-{basis.name}.fits"
    jaxz.io.write_basis(basis, path, header=header, overwrite=True)
    low, high = basis.grid.wave[[0, -1]]
    print(f"{path}: {len(basis)} vectors, {low:.0f} to {high:.0f} Å, {nspec} spectra, largest cosine {alike:.3f}")


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    if not (data_folder() / "classes").is_dir():
        raise SystemExit(f"{data_folder()}: no labelled spectra (classes/): set JAXZ_DATA to the folder that has them")
    arguments.output_dir.mkdir(parents=True, exist_ok=True)
    sources = "Pickles 1998, drawn white dwarfs, LAMOST, SDSS, BOSS"
    basis, nspec = star_basis()
    written(basis, nspec, STAR_TRAINING, sources, arguments.output_dir)
    basis, nspec = quasar_basis()
    written(basis, nspec, QSO_TRAINING, "SDSS, BOSS, DESI, simulated z > 3.6", arguments.output_dir)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("--output-dir", type=Path, required=True, help="folder to write the two files to")
    main(options.parse_args())
