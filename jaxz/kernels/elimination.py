"""Gaussian and free coefficients of many small problems side by side, one lane for each, by Cholesky factors.

Minimises χ²(w) = c - 2 wᵀb + wᵀA w + w_Sᵀ Λ w_S, where the first coefficients S are Gaussian (Λ = 1, their prior) or
free (Λ = 0) and any further ones R are non-negative. S is eliminated,

    w_S = (A_SS + Λ)⁻¹ (b_S - A_SR w_R),   A' = A_RR - A_RS (A_SS + Λ)⁻¹ A_SR,   b' = b_R - A_RS (A_SS + Λ)⁻¹ b_S,

and A', b' are left to `jaxz.kernels.nnls`. The K × K algebra is unrolled, with the lanes as vectors.
"""

from typing import NamedTuple

import jax.numpy as jnp

from jaxz._typing import Array, Bool, Float
from jaxz.kernels.nnls import nnls
from jaxz.kernels.normal import NormalEquations


class Solution(NamedTuple):
    """Best coefficients of a batch of problems.

    Attributes:
        coeff: (basis, lane).
        kkt: (lane,) violation of the optimality conditions, as of `nnls`; 0 where none is non-negative.
        converged: (lane,) whether it is one.
    """

    coeff: Float[Array, "basis lane"]
    kkt: Float[Array, " lane"]
    converged: Bool[Array, " lane"]


class Factor(NamedTuple):
    """L of L Lᵀ = A_SS + Λ, row by row, each entry a vector of lanes.

    Attributes:
        rows: of L below its diagonal.
        inverse: 1/L_ii, 0 for a column that is left out.
    """

    rows: list[list[Array]]
    inverse: list[Array]


def factor(gram: Float[Array, "basis basis lane"], *, prior: int) -> Factor:
    """Return the Cholesky factor of A + Λ.

    Args:
        gram: A, positive semi-definite.
        prior: Λ, 1 or 0. With 1 no pivot can be below 1: one that round-off brings there is put back. With 0, a column
            that vanishes, or that those before it reproduce to round-off, is left out.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import elimination
        >>> lower = elimination.factor(jnp.array([[3.0]])[..., None], prior=1)  # 3 + 1 = L²
        >>> lower.inverse[0].tolist()
        [0.5]
    """
    eps = 64 * float(jnp.finfo(gram.dtype).eps)
    rows: list[list[Array]] = []
    inverse: list[Array] = []
    for i in range(len(gram)):
        row: list[Array] = []
        for j in range(i):
            row.append((gram[i, j] - sum(row[k] * rows[j][k] for k in range(j))) * inverse[j])
        pivot = gram[i, i] + prior - sum(jnp.square(value) for value in row)
        if prior:
            inverse.append(1 / jnp.sqrt(jnp.maximum(pivot, prior)))
        else:
            good = pivot > eps * gram[i, i]
            inverse.append(jnp.where(good, 1 / jnp.sqrt(jnp.where(good, pivot, 1)), 0))
        rows.append(row)
    return Factor(rows, inverse)


def forward(lower: Factor, rhs: Float[Array, "basis lane"]) -> list[Array]:
    """Return L⁻¹ b, one vector of lanes for each row.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import elimination
        >>> lower = elimination.factor(jnp.array([[3.0]])[..., None], prior=1)
        >>> elimination.forward(lower, jnp.array([[8.0]]))[0].tolist()
        [4.0]
    """
    reduced: list[Array] = []
    for i, row in enumerate(lower.rows):
        reduced.append((rhs[i] - sum(row[k] * reduced[k] for k in range(i))) * lower.inverse[i])
    return reduced


def backward(lower: Factor, reduced: list[Array]) -> Float[Array, "basis lane"]:
    """Return L⁻ᵀ of what `forward` returns.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import elimination
        >>> lower = elimination.factor(jnp.array([[3.0]])[..., None], prior=1)
        >>> elimination.backward(lower, elimination.forward(lower, jnp.array([[8.0]]))).tolist()
        [[2.0]]
    """
    coeff: list[Array] = [jnp.zeros_like(value) for value in reduced]
    for i in reversed(range(len(reduced))):
        known = sum(lower.rows[k][i] * coeff[k] for k in range(i + 1, len(reduced)))
        coeff[i] = (reduced[i] - known) * lower.inverse[i]
    return jnp.stack(coeff)


def solve(equations: NormalEquations, neliminated: int, *, prior: int) -> Solution:
    """Return the best coefficients, the first ones Gaussian (prior 1) or free (prior 0), the rest non-negative.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import elimination, normal
        >>> equations = normal.NormalEquations(jnp.array([[1.0], [1.0], [0.5]]), jnp.array([[-1.0], [1.0]]))
        >>> found = elimination.solve(equations, 1, prior=0)  # the first is free, the second is not negative
        >>> found.coeff[:, 0].round(3).tolist()
        [-2.0, 2.0]
    """
    gram, rhs = equations.unpack(), equations.rhs
    lower = factor(gram[:neliminated, :neliminated], prior=prior)
    reduced = forward(lower, rhs[:neliminated])
    lane = rhs.shape[1:]
    if neliminated == len(rhs):
        return Solution(backward(lower, reduced), jnp.zeros(lane, rhs.dtype), jnp.ones(lane, bool))
    across = [forward(lower, gram[:neliminated, k]) for k in range(neliminated, len(rhs))]
    left = [
        [gram[neliminated + i, neliminated + j] - _dot(a, b) for j, b in enumerate(across)]
        for i, a in enumerate(across)
    ]
    rest = nnls(
        jnp.stack([jnp.stack(row) for row in left]),
        jnp.stack([rhs[neliminated + i] - _dot(a, reduced) for i, a in enumerate(across)]),
    )
    reduced = [
        value - sum(a[i] * w for a, w in zip(across, rest.coeff, strict=True)) for i, value in enumerate(reduced)
    ]
    return Solution(jnp.concatenate([backward(lower, reduced), rest.coeff]), rest.kkt, rest.converged)


def _dot(a: list[Array], b: list[Array]) -> Array:
    return sum((x * y for x, y in zip(a, b, strict=True)), start=jnp.zeros_like(b[0]))
