"""The spectra and the basis that benchmarks run on.

Real MUSE UDF10 spectra with the interim basis where they and astropy are at hand, otherwise simulated ones. A machine
without astropy takes the basis from an .npz file, which ``python -m benchmarks.inputs BASIS.fits BASIS.npz`` writes, or
a drawn one.
"""

import argparse
import functools
import importlib.util
import os
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxz
from jaxz import mock
from jaxz.kernels import normal, resample, sliding
from jaxz.models import Basis
from jaxz.spectra import DEFAULT_STEP, LogGrid, Spectra

ROOT = Path(__file__).resolve().parents[1]
ZMAX = 6.7

_LINES = (
    (1215.67,),
    (1548.2, 1640.4, 1906.7, 1908.7),
    (2796.4, 2803.5, 3426.8),
    (3727.1, 3729.9, 3869.9),
    (4341.7, 4862.7, 6564.6),
    (4960.3, 5008.2),
    (6549.9, 6585.3, 6718.3, 6732.7),
)
"""Vacuum Å of the lines that a drawn vector has together."""

_LOGLAM = (2.77, 3.97)
_QUICK_STEP = 2e-4
_BREAKS = {1215.67: -2, 3646.0: -1, 4000.0: 0}
"""Å where a drawn continuum breaks, and its slope."""

_LINE_WIDTH = 100 / 299792.458


class Inputs(NamedTuple):
    """What a benchmark runs on.

    Attributes:
        spectra: the spectra.
        basis: the model.
        ztrue: (spec,) their redshifts.
        label: where they come from.
    """

    spectra: Spectra
    basis: Basis
    ztrue: np.ndarray
    label: str

    def take(self, nspec: int) -> "Inputs":
        """Return `nspec` of the spectra, from the first one on, over and over if there are fewer."""
        rows = np.arange(nspec) % len(self.spectra)
        return self._replace(spectra=self.spectra[rows], ztrue=self.ztrue[rows])


def data_folder() -> Path:
    """Return the folder of real spectra, which may not exist."""
    return Path(os.environ.get("JAXZ_DATA", ROOT.parent / "shared" / "data"))


def choose(*, quick: bool, basis_file: Path | None = None) -> Inputs:
    """Return the inputs of a run: real spectra if they are at hand and it is not a quick one."""
    real = importlib.util.find_spec("astropy") is not None and (data_folder() / "muse_udf10").is_dir()
    if quick or not real:
        step = _QUICK_STEP if quick else DEFAULT_STEP
        basis = drawn_basis(step, quick=quick) if basis_file is None else read_basis(basis_file)
        return simulated(basis, 3 if quick else 12)
    return udf10(read_basis(basis_file or interim_file()))


def interim_file() -> Path:
    """Return the file of the interim basis among the real data."""
    return data_folder() / "templates" / "interim-nmf-k10.fits"


def read_basis(path: Path) -> Basis:
    """Return a basis from a FITS file, or from an .npz file for machines without astropy."""
    if path.suffix != ".npz":
        return jaxz.load_basis(path)
    with np.load(path) as stored:
        vectors = stored["vectors"]
        return Basis(vectors, LogGrid(int(stored["start"]), vectors.shape[1], float(stored["step"])), name=path.stem)


def write_npz(basis: Basis, path: Path) -> None:
    """Write a basis for `read_basis` on a machine without astropy."""
    np.savez_compressed(path, vectors=basis.vectors, start=basis.grid.start, step=basis.grid.step)


def udf10(basis: Basis, *, hard: bool = False) -> Inputs:
    """Return the MUSE UDF10 spectra; `hard` adds those that are called ``lowSN`` in their table."""
    folder = data_folder() / "muse_udf10"
    truth = jaxz.io.read_table(folder / "truth.ecsv")
    rows = [row for row in truth if hard or not str(row["TYPE"]).startswith("lowSN")]
    spectra = jaxz.io.read([folder / f"udf10_{row['ID']:05d}.fits" for row in rows])
    return Inputs(spectra, basis, np.array([float(row["Z"]) for row in rows]), f"MUSE UDF10, basis {basis.name}")


def sdss(basis: Basis) -> Inputs:
    """Return the SDSS and BOSS galaxies, with the survey's redshifts."""
    from astropy.io import fits

    files = sorted((data_folder() / "sdss").glob("spec-*.fits"))
    ztrue = np.array([float(fits.getdata(path, 2)["Z"][0]) for path in files])
    return Inputs(jaxz.io.read(files), basis, ztrue, f"SDSS, basis {basis.name}")


def muse_cluster(basis: Basis) -> Inputs:
    """Return the galaxies of a cluster, with their manual redshifts."""
    folder = data_folder() / "muse_cluster"
    truth = jaxz.io.read_table(folder / "truth.ecsv")
    spectra = jaxz.io.read([folder / str(name) for name in truth["file"]])
    return Inputs(spectra, basis, np.array(truth["z"], dtype=float), f"MUSE cluster, basis {basis.name}")


def simulated(basis: Basis, nspec: int, *, snr: float = 30.0, seed: int = 0) -> Inputs:
    """Return bright spectra drawn from the basis itself, over the whole range of redshifts."""
    z = (1 + ZMAX) ** ((np.arange(nspec) + 0.5) / nspec) - 1
    spectra, _ = mock.from_basis(basis, z, np.full(nspec, snr), seed=seed)
    return Inputs(spectra, basis, z, f"simulated, basis {basis.name}")


def drawn_basis(step: float = DEFAULT_STEP, *, quick: bool = False) -> Basis:
    """Return ten vectors that look like a learned basis: continua with breaks, and groups of lines on a continuum.

    `quick` adds them up in pairs, because the compiler takes half as long for half as many.
    """
    grid = LogGrid(round(_LOGLAM[0] / step), round((_LOGLAM[1] - _LOGLAM[0]) / step), step)
    wave = grid.wave
    continua = [np.where(wave < edge, 0.1, 1.0) * (wave / edge) ** slope for edge, slope in _BREAKS.items()]
    emission = [
        0.02 * continua[i % len(continua)]
        + sum(np.exp(-0.5 * ((wave / line - 1) / _LINE_WIDTH) ** 2) for line in group)
        for i, group in enumerate(_LINES)
    ]
    vectors = np.array(continua + emission)
    return Basis(vectors[::2] + vectors[1::2] if quick else vectors, grid, name="drawn")


class Lattice(NamedTuple):
    """One spectrum on the lattice of a basis, float64.

    Attributes:
        flux, ivar: (obs,).
        offset: index of the basis pixel that meets pixel 0 at z = 0.
        nshift: number of trial redshifts up to `ZMAX`.
    """

    flux: jax.Array
    ivar: jax.Array
    offset: int
    nshift: int


def on_lattice(inputs: Inputs, row: int) -> Lattice:
    """Return one spectrum on the lattice; needs JAX's x64 mode."""
    grid = inputs.basis.grid
    edges = resample.pixel_edges(inputs.spectra.wave[row], grid.step)
    start = int(np.floor(edges[0] + 0.5))
    flux, ivar = resample.overlap(
        jnp.asarray(edges),
        jnp.asarray(inputs.spectra.flux[row], dtype=jnp.float64),
        jnp.asarray(inputs.spectra.ivar[row], dtype=jnp.float64),
        jnp.int32(start),
        size=int(np.ceil(edges[-1] + 0.5)) - start,
        width=resample.overlap_width(edges),
    )
    return Lattice(flux, ivar, start - grid.start, int(np.log10(1 + ZMAX) / grid.step) + 1)


def normal_equations(inputs: Inputs, row: int) -> tuple[normal.NormalEquations, float]:
    """Return the normal equations of one spectrum at every trial redshift, and Σ ivar flux²; needs JAX's x64 mode."""
    flux, ivar, offset, nshift = on_lattice(inputs, row)
    vectors = jnp.asarray(inputs.basis.vectors, dtype=jnp.float64)
    nfft = sliding.fft_length(vectors.shape[1], len(flux), offset - nshift + 1, offset)
    equations = _by_fft(vectors, flux, ivar, jnp.int32(offset), nshift, nfft)
    return equations, float(jnp.sum(ivar * flux**2))


@functools.partial(jax.jit, static_argnums=(4, 5))
def _by_fft(
    vectors: jax.Array, flux: jax.Array, ivar: jax.Array, offset: jax.Array, nshift: int, nfft: int
) -> normal.NormalEquations:
    return by_fft(sliding.transform(vectors, nfft), vectors, flux, ivar, offset, nshift=nshift)


def by_fft(
    part: sliding.Transforms, vectors: jax.Array, flux: jax.Array, ivar: jax.Array, offset: jax.Array, *, nshift: int
) -> normal.NormalEquations:
    """Return the normal equations of one spectrum at all shifts, as the scan solves them."""
    slid = sliding.by_fft(part, alone(flux, ivar), offset, nbasis=len(vectors), nshift=nshift)
    return solvable(slid.equations, vectors, ivar)


def alone(flux: jax.Array, ivar: jax.Array) -> sliding.Conditioned:
    """Return a spectrum on the lattice that has no columns but those that slide."""
    return sliding.Conditioned(ivar, jnp.zeros((0, len(ivar)), ivar.dtype), (ivar * flux)[None])


def solvable(equations: normal.NormalEquations, vectors: jax.Array, ivar: jax.Array) -> normal.NormalEquations:
    """Return normal equations without the vectors of which almost nothing is in the spectrum."""
    power = jnp.sqrt(jnp.sum(jnp.square(jnp.square(vectors)), axis=1))
    return normal.without_vanishing(equations, normal.vanishing(ivar, power))


def main() -> None:
    """Write a basis as .npz."""
    options = argparse.ArgumentParser(description="Write a basis as .npz, for machines without astropy.")
    options.add_argument("basis", type=Path)
    options.add_argument("npz", type=Path)
    arguments = options.parse_args()
    write_npz(read_basis(arguments.basis), arguments.npz)


if __name__ == "__main__":
    main()
