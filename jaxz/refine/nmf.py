"""A candidate redshift → its best non-negative fit in the native pixels of a spectrum.

The scan works on the lattice, in float32 if wanted; here the model is integrated over each native pixel, convolved with
the resolution matrix where there is one, and fitted in float64, with χ² summed over the residuals.
"""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Bool, Float
from jaxz.chunks import Chunk, chunks, each, spread
from jaxz.kernels import resample
from jaxz.kernels.minima import parabola
from jaxz.kernels.nnls import nnls
from jaxz.kernels.resolution import apply_resolution
from jaxz.models.basis import Basis
from jaxz.refine.fit import Fit
from jaxz.spectra import Spectra

HIGHEST = jax.lax.Precision.HIGHEST

WIDE, NEAR = (-2.0, -1.0, 0.0, 1.0, 2.0), (-1.0, 0.0, 1.0)
"""Where χ² is fitted around a centre in the first and in the last rounds, in units of a round's spacing."""


def refine(spectra: Spectra, basis: Basis, shifts: np.ndarray, step: float, *, batch_size: int = 64) -> Fit:
    """Return the best fit near each candidate, in float64.

    χ² is fitted at five places over ±1 step, then in three more rounds around the vertex of the parabola through the
    lowest three, closer each time: 1/8, 1/32 and 1/512 of a step apart, or 1 σ where that is more, up to 1/4 step. The
    last parabola gives z and its error, the fit at its vertex χ² and the coefficients.

    Args:
        spectra: what was measured.
        basis: on its own grid.
        shifts: (spec, cand) log10(1+z)/step of the candidates; NaN where there is none.
        step: of `shifts`, dex.
        batch_size: spectra on the device at a time.
    """
    nspec, ncand = shifts.shape
    result = Fit(
        shift=np.full((nspec, ncand), np.nan),
        shift_err=np.full((nspec, ncand), np.nan),
        chi2=np.full((nspec, ncand), np.nan),
        coeff=np.full((nspec, ncand, len(basis)), np.nan),
        converged=np.zeros((nspec, ncand), dtype=bool),
    )
    integral = _integral(basis)

    def task(chunk: Chunk) -> tuple[np.ndarray, ...]:
        at = np.zeros((len(chunk.flux), ncand))
        at[: len(chunk.rows)] = np.nan_to_num(shifts[chunk.rows])
        with jax.enable_x64(True):
            ratio = jnp.asarray(step / basis.grid.step)
            found = _refine_chunk(_pixels(chunk, basis), integral, jnp.asarray(at), ratio, basis.grid.start)
            return tuple(np.array(values[: len(chunk.rows)]) for values in found)

    rows = np.flatnonzero(np.isfinite(shifts).any(axis=1))
    for chunk, found in each(task, _chunks(spectra, rows, batch_size)):
        absent = ~np.isfinite(shifts[chunk.rows])
        for values, here in zip(result, found, strict=True):
            here[absent] = values[chunk.rows][absent]
            values[chunk.rows] = here
    return result


def best_fit(spectra: Spectra, basis: Basis, z: np.ndarray) -> np.ndarray:
    """Return the model flux of the best fit at given redshifts in native pixels, (spec, pix) float64.

    Outside the good pixels of a spectrum, and where z is NaN, the model is NaN.
    """
    model = np.full(spectra.flux.shape, np.nan)
    rows = np.flatnonzero(np.isfinite(z) & (spectra.npixels > 1))
    integral = _integral(basis)
    for chunk in _chunks(spectra, rows, 64):
        at = np.zeros((len(chunk.flux), 1))
        at[: len(chunk.rows), 0] = np.log10(1 + z[chunk.rows]) / basis.grid.step
        with jax.enable_x64(True):
            found = _model_chunk(_pixels(chunk, basis), integral, jnp.asarray(at), basis.grid.start)
        for row, pixels, flux in zip(chunk.rows, chunk.pixels, np.asarray(found), strict=False):
            model[row, pixels] = flux[: pixels.stop - pixels.start]
    return model


def basis_in_pixels(basis: Basis, wave: np.ndarray, z: float) -> np.ndarray:
    """Return each vector, redshifted and averaged over each pixel, (basis, pix) float64: what is fitted here.

    Args:
        basis: the vectors.
        wave: (pix,) pixel centres, vacuum Å, at least two.
        z: redshift.
    """
    edges = resample.pixel_edges(wave, basis.grid.step) - np.log10(1 + z) / basis.grid.step
    integral = _integral(basis)
    with jax.enable_x64(True):
        return np.asarray(_at_pixels(integral, jnp.asarray(edges), basis.grid.start))


_at_pixels = jax.jit(resample.at_pixels, static_argnums=2)


def _chunks(spectra: Spectra, rows: np.ndarray, batch_size: int) -> Iterator[Chunk]:
    for _, chunk in chunks(spectra, rows, np.zeros((len(rows), 0), dtype=int), batch_size):
        yield chunk


class _Pixels(NamedTuple):
    """Native pixels of spectra on the device, their edges in lattice pixels of the basis."""

    edges: Float[Array, "*spec edge"]
    flux: Float[Array, "*spec pix"]
    ivar: Float[Array, "*spec pix"]
    resolution: Float[Array, "*spec diag pix"] | None


def _pixels(chunk: Chunk, basis: Basis) -> _Pixels:
    return _Pixels(
        jnp.asarray(resample.pixel_edges(chunk.wave, basis.grid.step)),
        jnp.asarray(chunk.flux),
        jnp.asarray(chunk.ivar),
        None if chunk.resolution is None else jnp.asarray(chunk.resolution),
    )


def _integral(basis: Basis) -> Float[Array, "basis edge"]:
    with jax.enable_x64(True):
        return resample.cumulative(jnp.asarray(basis.vectors, dtype=jnp.float64))


@functools.partial(jax.jit, static_argnums=4)
def _refine_chunk(
    pixels: _Pixels,
    integral: Float[Array, "basis edge_rest"],
    shifts: Float[Array, "spec cand"],
    ratio: Float[Array, ""],
    first: int,
) -> tuple[Array, ...]:
    """Return the values of `Fit`, in its order, for each spectrum; `ratio` is the scan step in basis pixels."""
    one = functools.partial(_refine_spectrum, integral=integral, ratio=ratio, first=first)
    return spread(lambda spectrum: one(*spectrum), (pixels, shifts))


def _refine_spectrum(
    pixels: _Pixels,
    shifts: Float[Array, " cand"],
    *,
    integral: Float[Array, "basis edge_rest"],
    ratio: Float[Array, ""],
    first: int,
) -> tuple[Array, ...]:
    fit = functools.partial(_fit, pixels, integral=integral, first=first)
    centre, error = shifts, jnp.zeros_like(shifts)
    # Step by step, because the curve of a bright spectrum has kinks where coefficients reach zero, which would send a
    # parabola astray; at last at the scale of the error where that is small, as the curvature is wanted there.
    for places, finest in ((WIDE, 1 / 2), (WIDE, 1 / 8), (NEAR, 1 / 32), (NEAR, 1 / 512)):
        spacing = jnp.clip(error, finest, max(finest, 1 / 4))
        at = centre[:, None] + spacing[:, None] * jnp.asarray(places)[None]
        chi2 = fit(at.ravel() * ratio)[0].reshape(at.shape)
        centre, error = jax.vmap(_vertex)(at, chi2)
    chi2, coeff, converged, _ = fit(centre * ratio)
    return centre, error, chi2, coeff.T, converged


def _vertex(at: Float[Array, " place"], chi2: Float[Array, " place"]) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Return the vertex of the parabola through the lowest place and its neighbours, within them, and its error."""
    begin = jnp.clip(jnp.argmin(chi2), 1, len(at) - 2) - 1
    vertex, _, curvature = parabola(
        jax.lax.dynamic_slice_in_dim(at, begin, 3), jax.lax.dynamic_slice_in_dim(chi2, begin, 3)
    )
    error = jnp.where(curvature > 0, jax.lax.rsqrt(jnp.where(curvature > 0, curvature, 1)), jnp.inf)
    return jnp.clip(vertex, at[0], at[-1]), error


def _fit(
    pixels: _Pixels, shifts: Float[Array, " lane"], *, integral: Float[Array, "basis edge_rest"], first: int
) -> tuple[Float[Array, " lane"], Float[Array, "basis lane"], Bool[Array, " lane"], Float[Array, "lane pix"]]:
    """Return χ², coefficients, convergence and model of one spectrum at each shift, in basis pixels."""

    def design(shift: Float[Array, ""]) -> tuple[Float[Array, "basis pix"], Array, Array]:
        model = resample.at_pixels(integral, pixels.edges - shift, first)
        if pixels.resolution is not None:
            model = apply_resolution(pixels.resolution, model)
        weighted = model * pixels.ivar[None]
        gram = jnp.matmul(weighted, model.T, precision=HIGHEST)
        return model, gram, jnp.matmul(weighted, pixels.flux, precision=HIGHEST)

    def residual(one: tuple[Float[Array, "basis pix"], Float[Array, " basis"]]) -> tuple[Array, Array]:
        model = jnp.matmul(one[1], one[0], precision=HIGHEST)
        return jnp.sum(pixels.ivar * jnp.square(pixels.flux - model)), model

    designs, gram, rhs = spread(design, shifts)
    solution = nnls(jnp.moveaxis(gram, 0, -1), rhs.T)
    chi2, models = spread(residual, (designs, solution.coeff.T))
    return chi2, solution.coeff, solution.converged, models


@functools.partial(jax.jit, static_argnums=3)
def _model_chunk(
    pixels: _Pixels, integral: Float[Array, "basis edge_rest"], shifts: Float[Array, "spec 1"], first: int
) -> Float[Array, "spec pix"]:
    return spread(lambda one: _fit(one[0], one[1], integral=integral, first=first)[3][0], (pixels, shifts))
