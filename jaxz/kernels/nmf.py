"""Multiplicative updates of a non-negative factorisation of noisy spectra, nearly-NMF and shift-NMF.

Spectra x_s with inverse variances v_s see the window of the rest-frame basis H that begins at pixel o_s. The
coefficients W and the basis that minimise

    χ² = Σ_s Σ_p v_sp (x_sp - Σ_k W_sk H_k,p+o_s)²,   W, H ≥ 0,

are approached by [M, eq. 3] (Green & Bailey 2024, arXiv:2311.04855, eqs. 20-21)

    H ← H ∘ [Wᵀ(V∘X)]⁺ / (Wᵀ(V∘(WH)) + [Wᵀ(V∘X)]⁻),   W ← W ∘ [(V∘X)Hᵀ]⁺ / ((V∘(WH))Hᵀ + [(V∘X)Hᵀ]⁻),

[·]± being the positive and negative parts, both non-negative. Neither ever increases χ². Shift-NMF (ibid., eqs. 12-13)
is the same with a constant added to the data and to the model that makes all data non-negative: `level`.

A product never leaves 0, whatever the gradient. So values stop at a floor above it wherever there are data, `FLOOR` of
what the other values are, and from 0 they are raised to it; the reference code does so where it finds 0/0 (nearly_nmf:
1e-6). χ² does not increase by that: it is below a sum of parabolas, one for each value, that touches it at the old
values and has its minimum at the new ones, and a value that stops on its way still descends its parabola. Only values
raised from 0 may increase χ², once, by about `FLOOR` of it.

The spectra are never spread over the rest frame. They come in tiles: a few spectra of nearly the same offset share one
window of H, so that everything is a product of small dense matrices that stay in a processor's cache, and only the sums
over a tile are added to the rest frame.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxz._typing import Array, Bool, Float, Int

HIGHEST = jax.lax.Precision.HIGHEST

FLOOR = 1e-6
"""The floor, as a share: small beside the noise of any spectrum, and a doubling value leaves it in 20 iterations."""


class Tiles(NamedTuple):
    """Spectra side by side; those that fill up a tile have ivar 0.

    Attributes:
        flux: on the window of the tile; 0 where ivar is 0.
        ivar: inverse variance.
        size: mean |flux| of each spectrum; 0 of one without data.
        first: rest pixel that meets pixel 0 of the window.
    """

    flux: Float[Array, "tile spec pix"]
    ivar: Float[Array, "tile spec pix"]
    size: Float[Array, "tile spec"]
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
    floor: Float[Array, " basis"],
    level: Float[Array, ""],
    update: Bool[Array, ""],
) -> Sweep:
    """Update the coefficients of each spectrum and sum what the next update of the basis needs, in one pass.

    Args:
        coeff: non-negative.
        basis: non-negative; each window must lie inside.
        tiles: the spectra.
        floor: `coeff_floor` of the whole basis.
        level: 0 for nearly-NMF; for shift-NMF a value that makes flux + level non-negative.
        update: whether the coefficients are updated, or only the sums computed.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import nmf
        >>> basis, flux = jnp.array([[1.0, 2.0, 1.0]]), jnp.array([[[3.0, 6.0, 3.0]]])
        >>> tiles = nmf.Tiles(flux, jnp.ones((1, 1, 3)), jnp.array([[4.0]]), jnp.array([0]))
        >>> found = nmf.sweep(jnp.ones((1, 1, 1)), basis, tiles, jnp.zeros(1), jnp.array(0.0), jnp.array(True))
        >>> round(float(found.coeff[0, 0, 0]), 3), round(float(found.chi2[0, 0]), 3)
        (3.0, 0.0)
    """
    shape = (len(basis), tiles.flux.shape[-1])

    def one(sums: tuple[Array, Array], tile: tuple[Array, ...]) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        w, flux, ivar, size, first = tile
        corner = (jnp.zeros_like(first), first)
        window = jax.lax.dynamic_slice(basis, corner, shape)
        data = ivar * (flux + level)
        fitted = ivar * (_dot(w, window) + level)
        least = size[:, None] * floor[None]
        w = jnp.where(update, updated(w, _dot(data, window.T), _dot(fitted, window.T), least), w)
        model = _dot(w, window)
        terms = _dot(w.T, data), _dot(w.T, ivar * (model + level))
        sums = add(sums[0], terms[0], corner), add(sums[1], terms[1], corner)
        return sums, (w, _dot(ivar * jnp.square(flux - model), ones)[:, 0])

    # A product with ones: a sum along the last axis takes a CPU a fifth of the whole time.
    ones = jnp.ones((shape[1], 1), basis.dtype)
    nothing = jnp.zeros_like(basis)
    (numerator, denominator), (coeff, chi2) = jax.lax.scan(one, (nothing, nothing), (coeff, *tiles))
    return Sweep(coeff, numerator, denominator, chi2)


def updated(
    values: Float[Array, "row column"],
    numerator: Float[Array, "row column"],
    denominator: Float[Array, "row column"],
    floor: Float[Array, "row column"],
) -> Float[Array, "row column"]:
    """Return values · [numerator]⁺ / (denominator + [numerator]⁻), where that is below the floor the floor.

    A value below the floor stays what it is, to keep χ² from increasing; but 0 becomes the floor. Where the floor is 0,
    as without any data, 0/0 is 0.

    Example:
        >>> import jax.numpy as jnp
        >>> values, numerator, denominator = jnp.array([[2.0, 1.0]]), jnp.array([[3.0, -1.0]]), jnp.array([[1.0, 1.0]])
        >>> jaxz.kernels.nmf.updated(values, numerator, denominator, jnp.zeros((1, 2))).tolist()
        [[6.0, 0.0]]
    """
    below = denominator + jnp.maximum(-numerator, 0)
    moved = jnp.where(below > 0, values * jnp.maximum(numerator, 0) / jnp.where(below > 0, below, 1), 0)
    return jnp.maximum(moved, jnp.where(values > 0, jnp.minimum(values, floor), floor))


def basis_floor(basis: Float[Array, "basis rest"], seen: Bool[Array, " rest"]) -> Float[Array, "basis rest"]:
    """Return the floor of a basis: `FLOOR` of the vector's mean, or `FLOOR`² of the largest mean if that is more.

    Args:
        basis: non-negative.
        seen: rest pixels in which a spectrum has data; the floor of the others is 0.

    Example:
        >>> import jax.numpy as jnp
        >>> floor = jaxz.kernels.nmf.basis_floor(jnp.ones((1, 3)), jnp.array([True, True, False]))
        >>> (floor > 0).tolist()
        [[True, True, False]]
    """
    mean = basis.mean(axis=1, keepdims=True)
    return jnp.where(seen, FLOOR * jnp.maximum(mean, FLOOR * mean.max()), 0)


def coeff_floor(basis: Float[Array, "basis rest"]) -> Float[Array, " basis"]:
    """Return the floor of the coefficients of a spectrum of size 1: the largest value of the vector gives `FLOOR`.

    For any other spectrum it is as many times more.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import nmf
        >>> basis = jnp.array([[1.0, 4.0]])
        >>> bool(jnp.allclose(nmf.coeff_floor(basis) * 4.0, nmf.FLOOR))
        True
    """
    largest = basis.max(axis=1)
    return jnp.where(largest > 0, FLOOR / jnp.where(largest > 0, largest, 1), 0)


def _dot(a: Float[Array, "row inner"], b: Float[Array, "inner column"]) -> Float[Array, "row column"]:
    return jnp.matmul(a, b, precision=HIGHEST)


def add(total: Float[Array, "basis rest"], term: Float[Array, "basis pix"], corner: tuple[Array, Array]) -> Array:
    """Return `total` with `term` added to its window that begins at `corner`.

    Example:
        >>> import jax.numpy as jnp
        >>> jaxz.kernels.nmf.add(jnp.zeros((1, 4)), jnp.ones((1, 2)), (jnp.array(0), jnp.array(1))).tolist()
        [[0.0, 1.0, 1.0, 0.0]]
    """
    window = jax.lax.dynamic_slice(total, corner, term.shape)
    return jax.lax.dynamic_update_slice(total, window + term, corner)
