"""A candidate redshift → its best fit in the native pixels of a spectrum.

The scan works on the lattice, in float32 if wanted; here the model is integrated over each native pixel, convolved with
the resolution matrix where there is one, and fitted in float64, with χ² summed over the residuals.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Bool, Float
from jaxz.chunks import Chunk, chunks
from jaxz.kernels import resample
from jaxz.kernels.minima import parabola
from jaxz.kernels.nnls import nnls
from jaxz.kernels.resolution import apply_resolution
from jaxz.models.basis import Basis
from jaxz.spectra import Spectra

HIGHEST = jax.lax.Precision.HIGHEST

PLACES = (-2.0, -1.0, 0.0, 1.0, 2.0)
"""Where χ² is fitted around a centre, in units of the spacing of each round."""


class Fit(NamedTuple):
    """Best fits near candidate redshifts.

    Attributes:
        shift: log10(1+z)/step of each candidate, float64.
        shift_err: its 1 σ error (Δχ² = 1); infinite where χ² has no minimum there.
        chi2: of the fit.
        coeff: of the fit.
        converged: whether the fit did.
    """

    shift: Float[Array, "*spec cand"]
    shift_err: Float[Array, "*spec cand"]
    chi2: Float[Array, "*spec cand"]
    coeff: Float[Array, "*spec cand basis"]
    converged: Bool[Array, "*spec cand"]


def refine(spectra: Spectra, basis: Basis, shifts: np.ndarray, step: float, *, batch_size: int = 64) -> Fit:
    """Return the best fit near each candidate, in float64 NumPy arrays.

    χ² is fitted at five places over ±1 step, at five over ±½ step around the lowest, and at five about 1 σ apart around the
    minimum of those. The parabola through the lowest three gives z and its error, and the fit at its vertex gives χ² and the
    coefficients.

    Args:
        spectra: what was measured.
        basis: on its own grid.
        shifts: (spec, cand) log10(1+z)/step of the candidates; NaN where there is none, and so is the result.
        step: of `shifts`, dex.
        batch_size: spectra on the device at a time.
    """
    nspec, ncand = shifts.shape
    result = Fit(*(np.full((nspec, ncand), np.nan) for _ in range(3)), np.full((nspec, ncand, len(basis)), np.nan),
                 np.zeros((nspec, ncand), dtype=bool))
    rows = np.flatnonzero(np.isfinite(shifts).any(axis=1))
    with jax.enable_x64(True):
        integral = resample.cumulative(jnp.asarray(basis.vectors, dtype=jnp.float64))
        for _, chunk in chunks(spectra, rows, np.zeros((len(rows), 0), dtype=int), batch_size):
            at = np.zeros((len(chunk.flux), ncand))
            at[: len(chunk.rows)] = np.nan_to_num(shifts[chunk.rows])
            fit = _refine_chunk(_pixels(chunk, basis), integral, at, step / basis.grid.step, basis.grid.start)
            for values, found in zip(result, fit, strict=True):
                values[chunk.rows] = np.asarray(found)[: len(chunk.rows)]
    absent = ~np.isfinite(shifts)
    for values in result[:4]:
        values[absent] = np.nan
    return result


def best_fit(spectra: Spectra, basis: Basis, z: np.ndarray) -> np.ndarray:
    """Return the model flux of the best fit at given redshifts in native pixels, (spec, pix) float64.

    Outside the good pixels of a spectrum, and where z is NaN, the model is NaN.
    """
    model = np.full(spectra.flux.shape, np.nan)
    rows = np.flatnonzero(np.isfinite(z) & (spectra.npixels > 1))
    with jax.enable_x64(True):
        integral = resample.cumulative(jnp.asarray(basis.vectors, dtype=jnp.float64))
        for _, chunk in chunks(spectra, rows, np.zeros((len(rows), 0), dtype=int), 64):
            at = np.zeros((len(chunk.flux), 1))
            at[: len(chunk.rows), 0] = np.log10(1 + z[chunk.rows]) / basis.grid.step
            found = _model_chunk(_pixels(chunk, basis), integral, at, basis.grid.start)
            for row, pixels, flux in zip(chunk.rows, chunk.pixels, np.asarray(found), strict=False):
                model[row, pixels] = flux[: pixels.stop - pixels.start]
    return model


class _Pixels(NamedTuple):
    """Native pixels of spectra, their edges in lattice pixels of the basis."""

    edges: Float[Array, "*spec edge"]
    flux: Float[Array, "*spec pix"]
    ivar: Float[Array, "*spec pix"]
    resolution: Float[Array, "*spec diag pix"] | None


def _pixels(chunk: Chunk, basis: Basis) -> _Pixels:
    edges = resample.pixel_edges(chunk.wave, basis.grid.step)
    return _Pixels(edges, chunk.flux, chunk.ivar, chunk.resolution)


@functools.partial(jax.jit, static_argnums=4)
def _refine_chunk(pixels: _Pixels, integral: Array, shifts: Array, ratio: Array, first: int) -> Fit:
    one = functools.partial(_refine_candidate, integral=integral, ratio=ratio, first=first)
    return jax.lax.map(lambda spectrum: jax.lax.map(lambda k: one(spectrum[0], k), spectrum[1]), (pixels, shifts))


def _refine_candidate(pixels: _Pixels, shift: Array, *, integral: Array, ratio: Array, first: int) -> Fit:
    """Refine one candidate of one spectrum; `ratio` is the scan step in basis pixels."""
    fit = functools.partial(_fit, pixels, integral=integral, first=first)
    centre, error = shift, jnp.inf
    # Halving at first, because the curve of a bright spectrum has kinks where coefficients reach zero, which would send a
    # parabola astray; then at the scale of the error, which is what the curvature is wanted for.
    for spacing in (0.5, 0.25, None):
        if spacing is None:
            spacing = jnp.clip(error, 1 / 16, 1 / 4)
        places = centre + spacing * jnp.asarray(PLACES)
        chi2 = fit(places * ratio)[0]
        lowest = jnp.clip(jnp.argmin(chi2), 1, len(PLACES) - 2)
        near = lambda values, lowest=lowest: jax.lax.dynamic_slice_in_dim(values, lowest - 1, 3)
        vertex, _, curvature = parabola(near(places), near(chi2))
        centre = jnp.clip(vertex, places[0], places[-1])
        error = jnp.where(curvature > 0, jax.lax.rsqrt(jnp.where(curvature > 0, curvature, 1)), jnp.inf)
    chi2, coeff, converged, _ = fit(centre[None] * ratio)
    return Fit(centre, error, chi2[0], coeff[:, 0], converged[0])


def _fit(
    pixels: _Pixels, shifts: Float[Array, " lane"], *, integral: Array, first: int
) -> tuple[Float[Array, " lane"], Float[Array, "basis lane"], Bool[Array, " lane"], Float[Array, "lane pix"]]:
    """Return χ², coefficients, convergence and model of one spectrum at each shift, in basis pixels."""

    def design(shift: Array) -> Array:
        model = resample.at_pixels(integral, pixels.edges - shift, first)
        return model if pixels.resolution is None else apply_resolution(pixels.resolution, model)

    models = jax.vmap(design)(shifts)
    weighted = models * pixels.ivar[:, None]
    gram = jnp.einsum("lpa,lpb->abl", weighted, models, precision=HIGHEST)
    rhs = jnp.einsum("lpa,p->al", weighted, pixels.flux, precision=HIGHEST)
    solution = nnls(gram, rhs)
    model = jnp.einsum("lpa,al->lp", models, solution.coeff, precision=HIGHEST)
    chi2 = jnp.sum(pixels.ivar * jnp.square(pixels.flux - model), axis=1)
    return chi2, solution.coeff, solution.converged, model


@functools.partial(jax.jit, static_argnums=3)
def _model_chunk(pixels: _Pixels, integral: Array, shifts: Array, first: int) -> Array:
    one = lambda spectrum: _fit(spectrum[0], spectrum[1], integral=integral, first=first)[3][0]
    return jax.lax.map(one, (pixels, shifts))
