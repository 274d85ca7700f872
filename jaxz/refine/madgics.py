"""A candidate redshift of a MADGICS scan → z between lattice pixels, its error and χ² [L, §III.2-III.3].

The eigenvectors are shifted by fractions of a pixel, by band-limited interpolation (`jaxz.models.steps.shifted`, which
says how edges are handled), and everything is computed again in float64.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Float, Int
from jaxz.chunks import Chunk, chunks, each, spread
from jaxz.frame import Native, factorised, frame_of, native
from jaxz.kernels import sliding, woodbury
from jaxz.kernels.minima import parabola
from jaxz.models.components import Madgics
from jaxz.models.steps import GUARD, TAPER, shifted
from jaxz.refine.fit import Fit
from jaxz.spectra import Spectra

FINE = 0.1
"""Spacing of the fine grid, in lattice pixels."""

REACH, ARM = 50, 5
"""Fine pixels on either side of a candidate that its minimum is looked for in, and of the minimum that its curvature is
taken over."""

_PLACES = REACH + ARM
_PAD = TAPER + GUARD + 1 + round(_PLACES * FINE)


def refine_madgics(
    spectra: Spectra,
    model: Madgics,
    shifts: np.ndarray,
    trials: tuple[int, int],
    *,
    logdet: bool = False,
    emission: bool = False,
    batch_size: int = 64,
) -> Fit:
    """Return the minimum of χ² within 5 lattice pixels of each candidate, in float64.

    χ² is computed every 0.1 pixel. The parabola through the lowest three gives z and χ². The curvature of Δχ²/2 over
    ±5 of these fine pixels, by least squares, gives the error: Δχ² = a (p - p₀)² has risen by 1 at σ_p = 1/√a, and
    a is the second derivative of Δχ²/2, the negative log-likelihood. (One of the two published codes forgets the ½.)
    It is infinite where the lowest is the first or the last in reach, or Δχ² does not bend upwards.

    Args:
        spectra: what was measured.
        model: what was scanned with.
        shifts: (spec, cand) log10(1+z)/step of the candidates, whole numbers; NaN where there is none.
        trials: first and last of the trial redshifts, in lattice pixels.
        logdet: whether χ² holds the log-determinant.
        emission: whether it holds the penalty on a negative flux.
        batch_size: spectra on the device at a time.
    """
    nspec, ncand = shifts.shape
    shift, shift_err, chi2 = (np.full((nspec, ncand), np.nan) for _ in range(3))
    coeff, converged = np.full((nspec, ncand, len(model)), np.nan), np.zeros((nspec, ncand), dtype=bool)
    result = Fit(shift, shift_err, chi2, coeff, converged)
    frame = frame_of(model, *trials)
    places = shifted(frame.target, FINE * np.arange(-_PLACES, _PLACES + 1), margin=_PAD)
    with jax.enable_x64(True):
        part = sliding.with_products(jnp.asarray(places))
        shared = (jnp.asarray(values) for values in (frame.scale, frame.keep, frame.nuisance))
        arrays = _Arrays(*shared, part=part, area=jnp.asarray(frame.area))

    def task(chunk: Chunk) -> tuple[np.ndarray, ...]:
        at = np.zeros((len(chunk.flux), ncand), dtype=np.int32)
        at[: len(chunk.rows)] = np.nan_to_num(shifts[chunk.rows] - trials[0])
        with jax.enable_x64(True):
            pixels, width = native(chunk, model.step)
            plan = _Plan(frame.window.start, frame.place, width, logdet, emission)
            found = _refine_chunk(plan, arrays, pixels, jnp.asarray(at))
            return tuple(np.array(values[: len(chunk.rows)]) for values in found)

    rows = np.flatnonzero(np.isfinite(shifts).any(axis=1))
    every = (chunk for _, chunk in chunks(spectra, rows, np.zeros((len(rows), 0), dtype=int), batch_size))
    for chunk, (moved, *found) in each(task, every):
        there = np.isfinite(shifts[chunk.rows])
        for values, here in zip(result, (shifts[chunk.rows] + moved, *found, there), strict=True):
            here[~there] = values[chunk.rows][~there]
            values[chunk.rows] = here
    return result


class _Arrays(NamedTuple):
    """The model on the device: all spectra share it."""

    scale: Float[Array, " obs"]
    keep: Float[Array, " obs"]
    nuisance: Float[Array, "comp obs"]
    part: sliding.Slid
    area: Float[Array, " comp"]


class _Plan(NamedTuple):
    """What is static; `place` is the window pixel under target pixel 0 at the first trial redshift."""

    start: int
    place: int
    width: int
    logdet: bool
    emission: bool


@functools.partial(jax.jit, static_argnums=0)
def _refine_chunk(plan: _Plan, arrays: _Arrays, pixels: Native, at: Int[Array, "spec cand"]) -> tuple[Array, ...]:
    return spread(lambda one: _refine_spectrum(plan, arrays, *one), (pixels, at))


def _refine_spectrum(plan: _Plan, arrays: _Arrays, pixels: Native, at: Int[Array, " cand"]) -> tuple[Array, ...]:
    """Return shift from each candidate, its error, χ² and coefficients; `at` counts from the first trial redshift."""
    frame = (arrays.scale, arrays.keep, arrays.nuisance)
    factor, flux, null = factorised(pixels, *frame, start=plan.start, width=plan.width, logdet=plan.logdet)
    given = sliding.Conditioned(woodbury.projected(factor), woodbury.solve(factor, flux), factor.ivar)
    width = arrays.part.vectors.shape[-1]

    def candidate(shift: Int[Array, ""]) -> tuple[Array, ...]:
        begin = shift + (plan.place - _PAD)
        window = [jax.lax.dynamic_slice_in_dim(values, begin, width, axis=-1) for values in given]
        added = sliding.at_places(arrays.part, sliding.Conditioned(*window))
        delta, logdet = woodbury.delta_chi2(added)
        if plan.logdet:
            delta = delta + logdet
        if plan.emission:
            delta = delta + woodbury.emission_penalty(added, arrays.area)
        moved, error, least = _minimum(delta)
        nearest = jnp.round(moved / FINE).astype(jnp.int32) + _PLACES
        return moved, error, null + least, woodbury.added_coefficients(added)[:, nearest]

    return jax.lax.map(candidate, at)


def _minimum(curve: Float[Array, " lane"]) -> tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""]]:
    """Return where a curve on the fine grid is lowest, in lattice pixels from its middle, the error, and the value."""
    lowest = jnp.argmin(curve[ARM:-ARM]) + ARM
    near = jnp.arange(-ARM, ARM + 1)
    offset = FINE * (jnp.arange(-1, 2) + lowest - _PLACES).astype(curve.dtype)
    vertex, least, _ = parabola(offset, jax.lax.dynamic_slice_in_dim(curve, lowest - 1, 3))
    # Least squares on 2 ARM + 1 places: x² less its mean is orthogonal to the constant and to the slope.
    square = np.arange(-ARM, ARM + 1) ** 2.0
    square -= square.mean()
    bend = jnp.sum(jnp.asarray(square) * curve[lowest + near]) / (np.sum(square**2) * FINE**2)
    inside = (lowest > ARM) & (lowest < len(curve) - 1 - ARM)
    error = jnp.where(inside & (bend > 0), jax.lax.rsqrt(jnp.where(bend > 0, bend, 1)), jnp.inf)
    # At the end of the reach the vertex may be far beyond it.
    return jnp.clip(vertex, offset[0], offset[-1]), error, least
