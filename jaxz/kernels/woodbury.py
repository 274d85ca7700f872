"""Low-rank Gaussian algebra: a covariance that is diagonal plus any number of low-rank parts, all in weights.

With inverse variances w and parts V_i (comp, pix), one below the other in V, the covariance of a spectrum d is

    C = diag(1/w) + Σ_i V_iᵀV_i,   A = Λ + V diag(w) Vᵀ = L Lᵀ,   Λ = 1,
    C⁻¹d = w d - (V w)ᵀ A⁻¹ (V w) d,   χ² = dᵀC⁻¹d,   ln|C| = -Σ ln w + ln|A|   [L, eq. A2-A5; Woodbury 1950].

A column whose coefficient is *free*, with no prior at all, is the limit of an infinite variance: its Λ is 0. (`FREE` of
its A_ii is kept, so that columns which reproduce each other, or have no data, do no harm.)

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
from jax.scipy.special import log_ndtr

from jaxz._typing import Array, Float
from jaxz.kernels import elimination
from jaxz.kernels.normal import NormalEquations

HIGHEST = jax.lax.Precision.HIGHEST

FREE = 1e-14
"""Λ_ii of a free column in units of its A_ii."""


class Factor(NamedTuple):
    """The factorised covariance of one spectrum: computed once, applied many times.

    Attributes:
        vectors: V, all parts one below the other.
        ivar: w.
        weighted: V diag(w).
        prior: the diagonal of Λ.
        lower: L, with L Lᵀ = Λ + V diag(w) Vᵀ.
    """

    vectors: Float[Array, "comp pix"]
    ivar: Float[Array, " pix"]
    weighted: Float[Array, "comp pix"]
    prior: Float[Array, " comp"]
    lower: Float[Array, "comp comp"]


def factorise(
    parts: Sequence[Float[Array, "_ pix"]], ivar: Float[Array, " pix"], free: Sequence[bool] | None = None
) -> Factor:
    """Return the factor of diag(1/w) + Σ_i V_iᵀV_i.

    Args:
        parts: eigenvectors times the square roots of their eigenvalues, one array for each part; there may be none.
        ivar: inverse variances, 0 where there are no data.
        free: whether the coefficient of each vector has no prior; none of them if absent.

    Example:
        >>> import jax.numpy as jnp
        >>> factor = jaxz.kernels.woodbury.factorise([jnp.array([[1.0, 1.0]])], jnp.array([1.0, 2.0]))
        >>> factor.lower.tolist()  # 1 + 1 + 2 = L²
        [[2.0]]
    """
    vectors = jnp.concatenate([jnp.zeros((0, len(ivar)), ivar.dtype), *parts])
    weighted = vectors * ivar[None]
    matrix = jnp.matmul(weighted, vectors.T, precision=HIGHEST)
    without = np.zeros(len(vectors), bool) if free is None else np.asarray(free, bool)
    power = jnp.diagonal(matrix)
    prior = jnp.where(without & (power > 0), FREE * power, 1)
    matrix = matrix + jnp.diag(prior)
    return Factor(vectors, ivar, weighted, prior, jnp.linalg.cholesky(matrix) if len(vectors) else matrix)


def coefficients(factor: Factor, flux: Float[Array, " pix"]) -> Float[Array, " comp"]:
    """Return the posterior mean A⁻¹ V w d of the coefficients of all vectors, whose prior is N(0, 1).

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import woodbury
        >>> factor = woodbury.factorise([jnp.array([[1.0, 1.0]])], jnp.array([1.0, 2.0]))
        >>> woodbury.coefficients(factor, jnp.array([4.0, 0.0])).tolist()
        [1.0]
    """
    projected = jnp.matmul(factor.weighted, flux, precision=HIGHEST)
    return cho_solve((factor.lower, True), projected) if len(projected) else projected


def coefficient_covariance(factor: Factor) -> Float[Array, "comp comp"]:
    """Return the posterior covariance A⁻¹ of the coefficients of all vectors.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import woodbury
        >>> factor = woodbury.factorise([jnp.array([[1.0, 1.0]])], jnp.array([1.0, 2.0]))
        >>> woodbury.coefficient_covariance(factor).tolist()
        [[0.25]]
    """
    unit = jnp.eye(len(factor.lower), dtype=factor.lower.dtype)
    return cho_solve((factor.lower, True), unit) if len(unit) else unit


def solve(factor: Factor, flux: Float[Array, " pix"]) -> Float[Array, " pix"]:
    """Return C⁻¹d; 0 where there are no data.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import woodbury
        >>> factor = woodbury.factorise([jnp.array([[1.0, 1.0]])], jnp.array([1.0, 2.0]))
        >>> woodbury.solve(factor, jnp.array([4.0, 0.0])).tolist()
        [3.0, -2.0]
    """
    return factor.ivar * (flux - jnp.matmul(coefficients(factor, flux), factor.vectors, precision=HIGHEST))


def chi2(factor: Factor, flux: Float[Array, " pix"]) -> Float[Array, ""]:
    """Return dᵀC⁻¹d [L, eq. A5].

    It is summed as Σ w (d - m)² + aᵀΛa with a the `coefficients` and m = aᵀV, which has no cancellation.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import woodbury
        >>> factor = woodbury.factorise([jnp.array([[1.0, 1.0]])], jnp.array([1.0, 2.0]))
        >>> float(woodbury.chi2(factor, jnp.array([4.0, 0.0])))
        12.0
    """
    coeff = coefficients(factor, flux)
    residual = flux - jnp.matmul(coeff, factor.vectors, precision=HIGHEST)
    return jnp.sum(factor.ivar * jnp.square(residual)) + jnp.sum(factor.prior * jnp.square(coeff))


def logdet(factor: Factor) -> Float[Array, ""]:
    """Return ln|C| over the pixels with data.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import woodbury
        >>> factor = woodbury.factorise([jnp.array([[1.0, 1.0]])], jnp.array([1.0, 2.0]))
        >>> round(float(jnp.exp(woodbury.logdet(factor))), 3)
        2.0
    """
    good = factor.ivar > 0
    noise = jnp.sum(jnp.where(good, jnp.log(jnp.where(good, factor.ivar, 1)), 0))
    return logdet_gain(factor) - noise


def logdet_gain(factor: Factor) -> Float[Array, ""]:
    """Return ln|A|, what the low-rank parts add to ln|C|: the noise alone has 0.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import woodbury
        >>> factor = woodbury.factorise([jnp.array([[1.0, 1.0]])], jnp.array([1.0, 2.0]))
        >>> round(float(jnp.exp(woodbury.logdet_gain(factor))), 3)
        4.0
    """
    return 2 * jnp.sum(jnp.log(jnp.diagonal(factor.lower)))


def projected(factor: Factor, pixels: slice = slice(None)) -> Float[Array, "comp pix"]:
    """Return P = L⁻¹ V diag(w), with which C⁻¹ = diag(w) - PᵀP; of some pixels alone, if these are given.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import woodbury
        >>> factor = woodbury.factorise([jnp.array([[1.0, 1.0]])], jnp.array([1.0, 2.0]))
        >>> woodbury.projected(factor).tolist()
        [[0.5, 1.0]]
    """
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

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import woodbury
        >>> factor = woodbury.factorise([jnp.array([[1.0, 1.0]])], jnp.array([1.0, 2.0]))
        >>> woodbury.posterior_mean(factor, jnp.array([4.0, 0.0]), slice(None)).tolist()
        [1.0, 1.0]
    """
    return jnp.matmul(coefficients(factor, flux)[part], factor.vectors[part], precision=HIGHEST)


def posterior_variance(factor: Factor, part: slice) -> Float[Array, " pix"]:
    """Return the diagonal of the posterior covariance of one part [L, eq. 22]; arguments as `posterior_mean`.

    That of all parts together, `slice(None)`, is that of the noise as well where there are data, as their sum is known.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import woodbury
        >>> factor = woodbury.factorise([jnp.array([[1.0, 1.0]])], jnp.array([1.0, 2.0]))
        >>> woodbury.posterior_variance(factor, slice(None)).tolist()
        [0.25, 0.25]
    """
    vectors = factor.vectors[part]
    spread = jnp.matmul(coefficient_covariance(factor)[part, part], vectors, precision=HIGHEST)
    return jnp.sum(spread * vectors, axis=0)


def posterior_covariance(factor: Factor, part: slice) -> Callable[[Float[Array, " pix"]], Float[Array, " pix"]]:
    """Return C_i - C_i C⁻¹ C_i = V_iᵀ [A⁻¹]_ii V_i [L, eq. 22] as a function of a vector; as `posterior_mean`.

    The variance of a line flux Σ_p u_p x_p is u · posterior_covariance(factor, part)(u).

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import woodbury
        >>> factor = woodbury.factorise([jnp.array([[1.0, 1.0]])], jnp.array([1.0, 2.0]))
        >>> woodbury.posterior_covariance(factor, slice(None))(jnp.ones(2)).tolist()
        [0.5, 0.5]
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
        added: G, packed as in `jaxz.kernels.packed`, and g, one lane for each choice.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import normal, woodbury
        >>> added = normal.NormalEquations(jnp.array([[3.0]]), jnp.array([[4.0]]))
        >>> change, volume = woodbury.delta_chi2(added)
        >>> change.tolist(), jnp.exp(volume).round(3).tolist()
        ([-4.0], [4.0])
    """
    lower = elimination.factor(added.unpack(), prior=1)
    reduced = jnp.stack(elimination.forward(lower, added.rhs))
    return -jnp.sum(jnp.square(reduced), axis=0), -2 * jnp.sum(jnp.log(jnp.stack(lower.inverse)), axis=0)


def emission_penalty(added: NormalEquations, area: Float[Array, " comp"]) -> Float[Array, " lane"]:
    """Return what a prior that allows the added part positive sums alone changes in χ² beside `delta_chi2`.

    The sum F = Σ_p (c T)_p = c · area has mean F̂ and deviation σ_F in the posterior. That part of a Gaussian which has
    F > 0 is Φ(F̂/σ_F), so that χ² rises by -2 ln Φ: by nothing for a line that is seen, by what it had gained, and a
    little more, for one of the other sign. (The prior has half of its mass there: -2 ln 2 less makes a likelihood.)

    Args:
        added: as for `delta_chi2`.
        area: Σ_p T_p of each vector.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import normal, woodbury
        >>> added = normal.NormalEquations(jnp.array([[99.0, 99.0]]), jnp.array([[60.0, -60.0]]))  # a line, a trough
        >>> (woodbury.emission_penalty(added, jnp.array([1.0])) > 1).tolist()
        [False, True]
    """
    lower = elimination.factor(added.unpack(), prior=1)
    reduced = jnp.stack(elimination.forward(lower, added.rhs))
    own = jnp.stack(elimination.forward(lower, jnp.broadcast_to(area[:, None], added.rhs.shape)))
    return -2 * log_ndtr(jnp.sum(own * reduced, axis=0) * jax.lax.rsqrt(jnp.sum(jnp.square(own), axis=0)))
