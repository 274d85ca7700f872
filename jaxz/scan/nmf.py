"""A non-negative basis and spectra → χ² at every trial redshift."""

import functools
import math
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Float, Int
from jaxz.chunks import Chunk, chunks, each, good_range, on_cpu, round_up, spread
from jaxz.kernels import normal, resample
from jaxz.kernels.nnls import nnls
from jaxz.models.basis import Basis
from jaxz.scan.zscan import Precision, ZScan, trial_shifts
from jaxz.spectra import LogGrid, Spectra
from jaxz.status import Status

MIN_STEP, MAX_STEP = 1e-6, 1e-3
"""Lattice steps that make sense, in dex: 0.7 to 690 km/s."""

LANES = 1480
"""Trial redshifts that a CPU solves together: K = 10 in float32 takes 600 kB, and it is no power of two, whose
multiples would all fall into the same lines of a cache."""

Engine = Literal["fft", "direct"]
Weighting = Literal["ivar", "uniform"]
Resampling = Literal["overlap", "linear"]


def nmf_scan(
    spectra: Spectra,
    basis: Basis,
    *,
    zmin: float = 0.0,
    zmax: float = 6.7,
    step: float | None = None,
    engine: Engine = "fft",
    weighting: Weighting = "ivar",
    precision: Precision = "float32",
    resampling: Resampling = "overlap",
    batch_size: int = 64,
) -> ZScan:
    """Return χ²(z) of the non-negative fit of `basis` at every lattice redshift from `zmin` to `zmax` [M, eq. 5–6].

    The result keeps 4 bytes (float32) for each spectrum and trial redshift. While it runs, a CPU holds the arrays of
    one spectrum for each core, an accelerator those of one batch: about 16 K(K+1) bytes for each trial redshift, 30 MB
    for a spectrum with 17,730 of them and K = 10, whatever the number of spectra.

    The normal equations are summed in float64 in both precisions (see `jaxz.kernels.normal`); `precision` is that of
    the non-negative fit. The χ² of the fitted coefficients is again evaluated in float64, so that float32 enters it
    only in second order, and rounded to `precision` at the end.

    Args:
        spectra: what was measured.
        basis: the model; zero outside its grid, as the part of a spectrum that it does not reach is fitted by nothing.
        zmin, zmax: range of trial redshifts, above -1.
        step: of the lattice, dex; the basis is resampled if its own differs. The basis' step if absent.
        engine: "fft" for all redshifts at once, "direct" for the same sums one redshift after the other.
        weighting: "ivar" minimises χ²; "uniform" is the published recipe, an unweighted fit of λ f_λ.
        precision: of the fit, and of the curve.
        resampling: "overlap" conserves information; "linear" is the published recipe.
        batch_size: spectra on the device at a time. The answer does not depend on it.

    Raises:
        ValueError: if `zmin` is not below `zmax`, `step` is not 1e-6 to 1e-3, or an option is not one of the above.
    """
    for name, value, known in (
        ("engine", engine, ("fft", "direct")),
        ("weighting", weighting, ("ivar", "uniform")),
        ("precision", precision, ("float32", "float64")),
        ("resampling", resampling, ("overlap", "linear")),
    ):
        if value not in known:
            raise ValueError(f"{name}={value!r}: use one of {', '.join(known)}")
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: use 1 or more")
    if step is not None and not MIN_STEP <= step <= MAX_STEP:
        raise ValueError(f"step={step}: use {MIN_STEP:g} to {MAX_STEP:g} dex")
    basis = basis.with_step(basis.grid.step if step is None else step)
    shifts = trial_shifts(zmin, zmax, basis.grid.step)
    status = _status(spectra, basis, shifts)
    chi2 = np.full((len(spectra), len(shifts)), np.nan, dtype=precision)
    rows = np.flatnonzero(status == Status.OK)
    keys = _shapes(spectra, rows, basis.grid, shifts)
    models = _models(basis, engine, np.unique(keys[:, 1]))

    def task(item: tuple[np.ndarray, Chunk]) -> np.ndarray:
        (size, nfft), chunk = item
        edges = resample.pixel_edges(chunk.wave, basis.grid.step)
        plan = _Plan(
            window=LogGrid(0, int(size), basis.grid.step),
            nshift=len(shifts),
            nfft=int(nfft),
            width=resample.overlap_width(edges[: len(chunk.rows)]),
            weighting=weighting,
            precision=precision,
            resampling=resampling,
            lanes=min(LANES, len(shifts)) if on_cpu() else len(shifts),
        )
        start = np.floor(edges[:, 0] + 0.5).astype(np.int32)
        offset = (start - basis.grid.start - shifts[0]).astype(np.int32)
        with jax.enable_x64(True):
            spectra_of_chunk = (edges, chunk.wave, chunk.flux, chunk.ivar, start, offset)
            return np.asarray(_chi2_curves(plan, models[int(nfft)], spectra_of_chunk))

    for (_, chunk), curves in each(task, chunks(spectra, rows, keys, batch_size)):
        chi2[chunk.rows] = curves[: len(chunk.rows)]
    z = 10.0 ** (shifts * basis.grid.step) - 1
    return ZScan(z, chi2, status, ids=spectra.ids, first=int(shifts[0]), step=basis.grid.step)


def _status(spectra: Spectra, basis: Basis, shifts: np.ndarray) -> np.ndarray:
    """Say which spectra can be scanned at all."""
    bluest, reddest = basis.grid.wave[[0, -1]] * 10.0 ** (shifts[[0, -1]] * basis.grid.step)
    covered = (spectra.ivar > 0) & (spectra.wave >= bluest) & (spectra.wave <= reddest)
    status = np.where(covered.any(axis=1), Status.OK, Status.NO_COVERAGE)
    status = np.where(spectra.npixels <= len(basis), Status.TOO_FEW_PIXELS, status)
    return np.where(spectra.npixels == 0, Status.NO_DATA, status)


def _models(
    basis: Basis, engine: Engine, lengths: np.ndarray
) -> dict[int, normal.BasisTransforms | Float[Array, "basis rest"]]:
    """Return what the scan needs of the basis for each FFT length, in float64, each vector with unit mean square."""
    peak = np.max(basis.vectors, axis=1, keepdims=True).astype(np.float64)
    rms = peak * np.sqrt(np.mean(np.square(basis.vectors / peak), axis=1, keepdims=True))
    with jax.enable_x64(True):
        vectors = jnp.asarray(basis.vectors / rms, dtype=jnp.float64)
        if engine == "direct":
            return dict.fromkeys(map(int, lengths), vectors)
        return {int(nfft): normal.transform_basis(vectors, int(nfft)) for nfft in lengths}


def _shapes(spectra: Spectra, rows: np.ndarray, grid: LogGrid, shifts: np.ndarray) -> np.ndarray:
    """Return (lattice pixels, FFT length) of each spectrum, both from its own wavelengths alone."""
    first, end = good_range(spectra)
    shapes = np.empty((len(rows), 2), dtype=int)
    for place, row in enumerate(rows):
        edges = resample.pixel_edges(spectra.wave[row, first[row] : end[row]], grid.step)
        start = math.floor(edges[0] + 0.5)
        size = round_up(math.ceil(edges[-1] + 0.5) - start)
        offset = start - grid.start
        nfft = normal.fft_length(grid.size, size, int(offset - shifts[-1]), int(offset - shifts[0]))
        shapes[place] = size, nfft
    return shapes


class _Plan(NamedTuple):
    """What is static in a scan: sizes and options."""

    window: LogGrid
    nshift: int
    nfft: int
    width: int
    weighting: Weighting
    precision: Precision
    resampling: Resampling
    lanes: int


@functools.partial(jax.jit, static_argnums=0)
def _chi2_curves(
    plan: _Plan, model: normal.BasisTransforms | Float[Array, "basis rest"], spectra: tuple
) -> Float[Array, "spec shift"]:
    return spread(lambda one: _chi2_curve(plan, model, *one), spectra)


def _chi2_curve(
    plan: _Plan,
    model: normal.BasisTransforms | Float[Array, "basis rest"],
    edges: Float[Array, " edge"],
    wave: Float[Array, " pix"],
    flux: Float[Array, " pix"],
    ivar: Float[Array, " pix"],
    start: Int[Array, ""],
    offset: Int[Array, ""],
) -> Float[Array, " shift"]:
    """Scan one spectrum; `offset` is the basis pixel under spectrum pixel 0 at the first trial redshift."""
    size, step = plan.window.size, plan.window.step
    # χ² does not change with the units of flux and ivar; unit ivar keeps every product within the range of float32.
    unit = jnp.maximum(jnp.mean(ivar), jnp.finfo(ivar.dtype).tiny)
    flux, ivar = flux * jnp.sqrt(unit), ivar / unit
    if plan.resampling == "overlap":
        flux, ivar = resample.overlap(edges, flux, ivar, start, size=size, width=plan.width)
    else:
        flux, ivar = resample.interpolate(jnp.log10(wave) / step, flux, ivar, start, size=size)

    def equations(weight: Float[Array, " obs"]) -> normal.NormalEquations:
        if isinstance(model, normal.BasisTransforms):
            return normal.by_fft(model, flux, weight, offset, nshift=plan.nshift, nfft=plan.nfft)
        return normal.direct(model, flux, weight, offset - jnp.arange(plan.nshift, dtype=offset.dtype))

    weighted = equations(ivar)
    if plan.weighting == "uniform":
        # The published recipe fits λ f_λ without weights, which is f_λ with weights λ².
        relative = 10.0 ** (2 * step * jnp.arange(size, dtype=flux.dtype))
        fitted = equations(jnp.where(ivar > 0, relative, 0))
    else:
        fitted = weighted
    return _fitted_chi2(plan, fitted, weighted, jnp.sum(ivar * jnp.square(flux)))


def _fitted_chi2(
    plan: _Plan, fitted: normal.NormalEquations, weighted: normal.NormalEquations, const: Float[Array, ""]
) -> Float[Array, " shift"]:
    """Solve `fitted` and return the χ² of `weighted`, block by block of trial redshifts.

    The matrices of a block stay in a processor's own cache.
    """

    def block(begin: Int[Array, ""]) -> Float[Array, " lane"]:
        lanes = functools.partial(jax.lax.dynamic_slice_in_dim, start_index=begin, slice_size=plan.lanes, axis=1)
        lean = normal.NormalEquations(*(lanes(values).astype(plan.precision) for values in fitted))
        coeff = nnls(lean.unpack(), lean.rhs).coeff.astype(const.dtype)
        return normal.chi2(normal.NormalEquations(*map(lanes, weighted)), const, coeff).astype(plan.precision)

    begins = np.minimum(np.arange(0, plan.nshift, plan.lanes), plan.nshift - plan.lanes)
    blocks = jax.lax.map(block, jnp.asarray(begins))
    # The last block begins early enough to be whole, and repeats the end of the one before.
    return jnp.concatenate([blocks[:-1].ravel(), blocks[-1, plan.lanes * len(begins) - plan.nshift :]])
