"""Multiplicative updates of a non-negative factorisation of noisy spectra, nearly-NMF and shift-NMF.

Spectra x_s with inverse variances v_s see the window of the rest-frame basis H that begins at pixel o_s. The
coefficients W and the basis that minimise

    χ² = Σ_s Σ_p v_sp (x_sp - Σ_k W_sk H_k,p+o_s)²,   W, H ≥ 0,

are approached by [M, eq. 3] (Green & Bailey 2024, arXiv:2311.04855, eqs. 20-21)

    H ← H ∘ [Wᵀ(V∘X)]⁺ / (Wᵀ(V∘(WH)) + [Wᵀ(V∘X)]⁻),   W ← W ∘ [(V∘X)Hᵀ]⁺ / ((V∘(WH))Hᵀ + [(V∘X)Hᵀ]⁻),

[·]± being the positive and negative parts, both non-negative. Neither ever increases χ². Shift-NMF (ibid., eqs. 12-13)
is the same with a constant added to the data and to the model that makes all data non-negative: `level`.

The spectra are never spread over the rest frame. They come in tiles: a few spectra of nearly the same offset share one
window of H, so that everything is a product of small dense matrices that stay in a processor's cache, and only the sums
over a tile are added to the rest frame.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxz._typing import Array, Bool, Float, Int

HIGHEST = jax.lax.Precision.HIGHEST


class Tiles(NamedTuple):
    """Spectra side by side; those that fill up a tile have ivar 0.

    Attributes:
        flux: on the window of the tile; 0 where ivar is 0.
        ivar: inverse variance.
        first: rest pixel that meets pixel 0 of the window.
    """

    flux: Float[Array, "tile spec pix"]
    ivar: Float[Array, "tile spec pix"]
    first: Int[Array, " tile"]


class Sweep(NamedTuple):
    """What one pass over the spectra gives.

    Attributes:
        coeff: updated coefficients.
        numerator, denominator: Wᵀ(V∘X) and Wᵀ(V∘(WH)) of the updated coefficients, for `updated` of the basis.
        chi2: of each spectrum, with the updated coefficients.
    """

    coeff: Float[Array, "tile spec basis"]
    numerator: Float[Array, "basis rest"]
    denominator: Float[Array, "basis rest"]
    chi2: Float[Array, "tile spec"]


def sweep(
    coeff: Float[Array, "tile spec basis"],
    basis: Float[Array, "basis rest"],
    tiles: Tiles,
    level: Float[Array, ""],
    update: Bool[Array, ""],
) -> Sweep:
    """Update the coefficients of each spectrum and sum what the next update of the basis needs, in one pass.

    Args:
        coeff: non-negative.
        basis: non-negative; each window must lie inside.
        tiles: the spectra.
        level: 0 for nearly-NMF; for shift-NMF a value that makes flux + level non-negative.
        update: whether the coefficients are updated, or only the sums computed.
    """
    size = (len(basis), tiles.flux.shape[-1])

    def one(sums: tuple[Array, Array], tile: tuple[Array, ...]) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        w, flux, ivar, first = tile
        corner = (jnp.zeros_like(first), first)
        window = jax.lax.dynamic_slice(basis, corner, size)
        data = ivar * (flux + level)
        w = jnp.where(update, updated(w, _dot(data, window.T), _dot(ivar * (_dot(w, window) + level), window.T)), w)
        model = _dot(w, window)
        terms = _dot(w.T, data), _dot(w.T, ivar * (model + level))
        sums = add(sums[0], terms[0], corner), add(sums[1], terms[1], corner)
        return sums, (w, _dot(ivar * jnp.square(flux - model), ones)[:, 0])

    # A product with ones: a sum along the last axis takes a CPU a fifth of the whole time.
    ones = jnp.ones((size[1], 1), basis.dtype)
    nothing = jnp.zeros_like(basis)
    (numerator, denominator), (coeff, chi2) = jax.lax.scan(one, (nothing, nothing), (coeff, *tiles))
    return Sweep(coeff, numerator, denominator, chi2)


def updated(
    values: Float[Array, "*shape"], numerator: Float[Array, "*shape"], denominator: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """Return values · [numerator]⁺ / (denominator + [numerator]⁻); 0 where that is 0/0, as without any data."""
    below = denominator + jnp.maximum(-numerator, 0)
    return jnp.where(below > 0, values * jnp.maximum(numerator, 0) / jnp.where(below > 0, below, 1), 0)


def _dot(a: Float[Array, "row inner"], b: Float[Array, "inner column"]) -> Float[Array, "row column"]:
    return jnp.matmul(a, b, precision=HIGHEST)


def add(total: Float[Array, "basis rest"], term: Float[Array, "basis pix"], corner: tuple[Array, Array]) -> Array:
    """Return `total` with `term` added to its window that begins at `corner`."""
    window = jax.lax.dynamic_slice(total, corner, term.shape)
    return jax.lax.dynamic_update_slice(total, window + term, corner)
