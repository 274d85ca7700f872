"""Low-rank Gaussian algebra: a covariance that is diagonal plus any number of low-rank parts, all in weights.

With inverse variances w and parts V_i (comp, pix), one below the other in V, the covariance of a spectrum d is

    C = diag(1/w) + Σ_i V_iᵀV_i,   A = 1 + V diag(w) Vᵀ = L Lᵀ,
    C⁻¹d = w d - (V w)ᵀ A⁻¹ (V w) d,   χ² = dᵀC⁻¹d,   ln|C| = -Σ ln w + ln|A|   [L, eq. A2-A5; Woodbury 1950].

Nothing is ever divided by w: a pixel without data has w = 0 and takes no part. (Eq. A13 of [L] as printed lacks an
inverse on C_res in its middle term.)

Each function takes one spectrum. Work in float64 where a part is much larger than the noise: C⁻¹d is then a small
difference.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_solve

from jaxz._typing import Array, Float
from jaxz.kernels.normal import NormalEquations

HIGHEST = jax.lax.Precision.HIGHEST


class Factor(NamedTuple):
    """The factorised covariance of one spectrum: computed once, applied many times.

    Attributes:
        vectors: V, all parts one below the other.
        ivar: w.
        weighted: V diag(w).
        lower: L, with L Lᵀ = 1 + V diag(w) Vᵀ.
    """

    vectors: Float[Array, "comp pix"]
    ivar: Float[Array, " pix"]
    weighted: Float[Array, "comp pix"]
    lower: Float[Array, "comp comp"]


def factorise(parts: Sequence[Float[Array, "_ pix"]], ivar: Float[Array, " pix"]) -> Factor:
    """Return the factor of diag(1/w) + Σ_i V_iᵀV_i.

    Args:
        parts: eigenvectors times the square roots of their eigenvalues, one array for each part; there may be none.
        ivar: inverse variances, 0 where there are no data.
    """
    vectors = jnp.concatenate([jnp.zeros((0, len(ivar)), ivar.dtype), *parts])
    weighted = vectors * ivar[None]
    matrix = jnp.eye(len(vectors), dtype=ivar.dtype) + jnp.matmul(weighted, vectors.T, precision=HIGHEST)
    return Factor(vectors, ivar, weighted, jnp.linalg.cholesky(matrix) if len(vectors) else matrix)


def coefficients(factor: Factor, flux: Float[Array, " pix"]) -> Float[Array, " comp"]:
    """Return the posterior mean A⁻¹ V w d of the coefficients of all vectors, whose prior is N(0, 1)."""
    projected = jnp.matmul(factor.weighted, flux, precision=HIGHEST)
    return cho_solve((factor.lower, True), projected) if len(projected) else projected


def coefficient_covariance(factor: Factor) -> Float[Array, "comp comp"]:
    """Return the posterior covariance A⁻¹ of the coefficients of all vectors."""
    unit = jnp.eye(len(factor.lower), dtype=factor.lower.dtype)
    return cho_solve((factor.lower, True), unit) if len(unit) else unit


def solve(factor: Factor, flux: Float[Array, " pix"]) -> Float[Array, " pix"]:
    """Return C⁻¹d; 0 where there are no data."""
    return factor.ivar * (flux - jnp.matmul(coefficients(factor, flux), factor.vectors, precision=HIGHEST))


def chi2(factor: Factor, flux: Float[Array, " pix"]) -> Float[Array, ""]:
    """Return dᵀC⁻¹d [L, eq. A5].

    It is summed as Σ w (d - m)² + |a|² with a the `coefficients` and m = aᵀV, which has no cancellation.
    """
    coeff = coefficients(factor, flux)
    residual = flux - jnp.matmul(coeff, factor.vectors, precision=HIGHEST)
    return jnp.sum(factor.ivar * jnp.square(residual)) + jnp.sum(jnp.square(coeff))


def logdet(factor: Factor) -> Float[Array, ""]:
    """Return ln|C| over the pixels with data."""
    good = factor.ivar > 0
    noise = jnp.sum(jnp.where(good, jnp.log(jnp.where(good, factor.ivar, 1)), 0))
    return logdet_gain(factor) - noise


def logdet_gain(factor: Factor) -> Float[Array, ""]:
    """Return ln|A|, what the low-rank parts add to ln|C|: the noise alone has 0."""
    return 2 * jnp.sum(jnp.log(jnp.diagonal(factor.lower)))


def projected(factor: Factor, pixels: slice = slice(None)) -> Float[Array, "comp pix"]:
    """Return P = L⁻¹ V diag(w), with which C⁻¹ = diag(w) - PᵀP; of some pixels alone, if these are given."""
    weighted = factor.weighted[:, pixels]
    return jnp.matmul(_triangular_inverse(factor.lower), weighted, precision=HIGHEST) if len(weighted) else weighted


def _triangular_inverse(lower: Float[Array, "comp comp"]) -> Float[Array, "comp comp"]:
    """Return L⁻¹, from the diagonal on in blocks of twice the size each time.

    It is made of products only: the triangular solve of LAPACK starts threads of its own for as little as 50 × 50,
    which wait for each other where all cores are busy with spectra.
    """
    side = len(lower)
    full = 1 << (side - 1).bit_length()
    padded = jnp.eye(full, dtype=lower.dtype).at[:side, :side].set(lower)
    inverse = (1 / jnp.diagonal(padded))[:, None, None]
    while len(inverse) > 1:
        size, pair = inverse.shape[1], np.arange(len(inverse) // 2)
        corner = padded.reshape(len(pair), 2 * size, len(pair), 2 * size)[pair, size:, pair, :size]
        first, second = inverse[::2], inverse[1::2]
        below = -jnp.matmul(jnp.matmul(second, corner, precision=HIGHEST), first, precision=HIGHEST)
        upper = jnp.concatenate([first, jnp.zeros_like(first)], axis=2)
        inverse = jnp.concatenate([upper, jnp.concatenate([below, second], axis=2)], axis=1)
    return inverse[0, :side, :side]


def posterior_mean(factor: Factor, flux: Float[Array, " pix"], part: slice) -> Float[Array, " pix"]:
    """Return V_iᵀV_i C⁻¹d, the posterior mean of one part [L, eq. 2], also where there are no data.

    Args:
        factor: of the covariance.
        flux: of the spectrum.
        part: rows of `factor.vectors` that are the part.
    """
    return jnp.matmul(coefficients(factor, flux)[part], factor.vectors[part], precision=HIGHEST)


def posterior_variance(factor: Factor, part: slice) -> Float[Array, " pix"]:
    """Return the diagonal of the posterior covariance of one part [L, eq. 22]; arguments as `posterior_mean`.

    That of all parts together, `slice(None)`, is that of the noise as well where there are data, as their sum is known.
    """
    vectors = factor.vectors[part]
    spread = jnp.matmul(coefficient_covariance(factor)[part, part], vectors, precision=HIGHEST)
    return jnp.sum(spread * vectors, axis=0)


def posterior_covariance(factor: Factor, part: slice) -> Callable[[Float[Array, " pix"]], Float[Array, " pix"]]:
    """Return C_i - C_i C⁻¹ C_i = V_iᵀ [A⁻¹]_ii V_i [L, eq. 22] as a function of a vector; as `posterior_mean`.

    The variance of a line flux Σ_p u_p x_p is u · posterior_covariance(factor, part)(u).
    """
    vectors = factor.vectors[part]
    block = coefficient_covariance(factor)[part, part]

    def apply(values: Float[Array, " pix"]) -> Float[Array, " pix"]:
        inner = jnp.matmul(vectors, values, precision=HIGHEST)
        return jnp.matmul(jnp.matmul(block, inner, precision=HIGHEST), vectors, precision=HIGHEST)

    return apply


def delta_chi2(added: NormalEquations) -> tuple[Float[Array, " lane"], Float[Array, " lane"]]:
    """Return what one more part T changes in χ² and in ln|C|, for many choices of T side by side [L, eq. A12].

        Δχ² = -gᵀ (1 + G)⁻¹ g ≤ 0,   Δln|C| = ln|1 + G|,   G = T C⁻¹ Tᵀ,   g = T C⁻¹ d.

    Args:
        added: G, packed as `jaxz.kernels.normal.pairs`, and g, one lane for each choice.
    """
    lower = _lower(added)
    reduced = jnp.stack(_forward(lower, added.rhs))
    pivots = jnp.stack([row[-1] for row in lower])
    return -jnp.sum(jnp.square(reduced), axis=0), 2 * jnp.sum(jnp.log(pivots), axis=0)


def added_coefficients(added: NormalEquations) -> Float[Array, "comp lane"]:
    """Return the posterior mean (1 + G)⁻¹ g of the coefficients of the added part; as `delta_chi2`."""
    lower = _lower(added)
    reduced = _forward(lower, added.rhs)
    coeff: list[Array] = [jnp.zeros_like(value) for value in reduced]
    for i in reversed(range(len(reduced))):
        known = sum(lower[k][i] * coeff[k] for k in range(i + 1, len(reduced)))
        coeff[i] = (reduced[i] - known) / lower[i][i]
    return jnp.stack(coeff)


def _lower(added: NormalEquations) -> list[list[Array]]:
    """Return the rows of the Cholesky factor of 1 + G, unrolled, with the lanes as vectors.

    As G has no negative eigenvalue, no pivot is below 1: one that round-off brings there is put back.
    """
    gram = added.unpack()
    lower: list[list[Array]] = []
    for i in range(len(added.rhs)):
        row: list[Array] = []
        for j in range(i):
            row.append((gram[i, j] - sum(row[k] * lower[j][k] for k in range(j))) / lower[j][j])
        row.append(jnp.sqrt(jnp.maximum(1 + gram[i, i] - sum(jnp.square(value) for value in row), 1)))
        lower.append(row)
    return lower


def _forward(lower: list[list[Array]], rhs: Float[Array, "comp lane"]) -> list[Array]:
    reduced: list[Array] = []
    for i, row in enumerate(lower):
        reduced.append((rhs[i] - sum(row[k] * reduced[k] for k in range(i))) / row[i])
    return reduced
