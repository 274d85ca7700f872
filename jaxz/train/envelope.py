"""χ² at a few redshifts as a function of the model, its coefficients held: what is differentiated in their place.

χ²(z; θ) is the minimum over the coefficients. By the envelope theorem its derivative with respect to what else it
depends on, θ, is the partial one at the minimum, so that no solver is differentiated:

    dχ²/dθ = ∂/∂θ [Σ ivar (d - Σ c B(z) - Σ a V)² + Σ Λ a²],   c, a held,

c being those of the basis B and a those of the eliminated columns V. It is summed over residuals, which costs a
fraction of what the normal equations of all columns do.
"""

import jax
import jax.numpy as jnp

from jaxz._typing import Array, Float, Int
from jaxz.kernels import woodbury
from jaxz.models.lattice import CONTINUUM, LEAST, LYMAN_LIMIT, OnLattice, running_mean
from jaxz.models.template_tasks import TemplateCurves
from jaxz.pixels import Pixels


def held_chi2(
    curves: TemplateCurves,
    vectors: Float[Array, "basis rest"],
    spectrum: OnLattice,
    pixels: Pixels,
    coeff: Float[Array, "basis place"],
    place: Int[Array, " place"],
) -> Float[Array, " place"]:
    """Return χ² at some trial redshifts: that of the curve, where the coefficients are those that made it.

    Args:
        curves: the scan, of a model without non-negative columns beside the basis.
        vectors: of the basis, as the scan has them; may depend on what is learned.
        spectrum, pixels: from `TemplateCurves.conditioned`; may depend on what is learned.
        coeff: from `TemplateCurves.fitted`, at these places.
        place: of the trial redshifts, from 0.
    """
    data = _beside_the_basis(curves, spectrum, pixels, place)
    rest = jnp.matmul(coeff.T, vectors, precision=woodbury.HIGHEST)
    size = curves.size
    first = jnp.clip(spectrum.start - (curves.grid.start + curves.trials.first) - place, -size, curves.grid.size) + size
    window = jax.vmap(lambda row, begin: jax.lax.dynamic_slice_in_dim(row, begin, size))
    residual = data - window(jnp.pad(rest, ((0, 0), (size, size))), first)
    factor = spectrum.factor
    held = jax.vmap(lambda row: woodbury.coefficients(factor, row))(residual)
    held, prior = jax.lax.stop_gradient((held, factor.prior))
    residual = residual - jnp.matmul(held, factor.vectors, precision=woodbury.HIGHEST)
    return jnp.sum(spectrum.ivar[None] * jnp.square(residual), axis=1) + jnp.sum(prior[None] * jnp.square(held), axis=1)


def _beside_the_basis(
    curves: TemplateCurves, spectrum: OnLattice, pixels: Pixels, place: Int[Array, " place"]
) -> Float[Array, "place obs"]:
    """Return the data less their running mean where the basis does not reach, as `jaxz.models.lattice` has it."""
    pixel = jnp.arange(curves.size, dtype=jnp.int32)
    first = ((curves.grid.start + curves.trials.first) + place - spectrum.start)[:, None]
    beyond = pixel[None] >= first + curves.grid.size
    if curves.grid.wave[0] > LYMAN_LIMIT:
        beyond = beyond | (pixel[None] < first)
    good = (spectrum.ivar > 0).astype(spectrum.flux.dtype)
    covered = jnp.sum(jnp.where(beyond, 0, good[None]), axis=1) >= LEAST * jnp.sum(good)
    mean = running_mean(pixels, pixel.astype(pixels.edges.dtype), CONTINUUM / curves.grid.step)
    return spectrum.flux[None] - jnp.where(beyond & covered[:, None], mean[None], 0)
