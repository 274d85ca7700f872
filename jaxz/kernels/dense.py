"""Principal pivoting of whole matrices: for the few problems of a spectrum's candidates, in a program that is short.

The steps, and the tableau, are those of `jaxz.kernels.pivoting`. There each entry of the tableau is a vector operation
of its own, which is fastest for many lanes and takes a compiler several seconds; here a step is a few operations on
(basis, basis, lane), which take longer for many lanes and are compiled in a quarter of the time.

A has a unit diagonal, or zeros in the row of a vector that vanishes, and b is at most 1.
"""

import jax
import jax.numpy as jnp

from jaxz._typing import Array, Bool, Float, Int
from jaxz.kernels.pivoting import dependent


def solve(
    gram: Float[Array, "basis basis lane"], rhs: Float[Array, "basis lane"], max_iter: int
) -> tuple[Float[Array, "basis lane"], Bool[Array, " lane"]]:
    """Return the coefficients, and where no condition is violated; arguments as of `pivoting.solve`.

    Example:
        >>> import jax.numpy as jnp
        >>> gram, rhs = jnp.array([[1.0, 0.5], [0.5, 1.0]])[..., None], jnp.array([[1.0], [-1.0]])
        >>> coeff, done = jaxz.kernels.dense.solve(gram, rhs, max_iter=20)
        >>> coeff[:, 0].tolist(), done.tolist()
        ([1.0, 0.0], [True])
    """
    nbasis = len(rhs)
    eps = float(jnp.finfo(rhs.dtype).eps)
    index = jnp.arange(nbasis, dtype=jnp.int32)
    on_diagonal = (index[:, None] == index[None])[:, :, None]

    def diagonal_of(tableau: Array) -> Float[Array, "basis lane"]:
        return jnp.sum(jnp.where(on_diagonal, tableau, 0), axis=0)

    def choose(tableau: Array, last: Array, worst: Bool[Array, ""]) -> Int[Array, " lane"]:
        diagonal = diagonal_of(tableau)
        size = jnp.abs(diagonal)
        violated = ((last > 0) != (diagonal < 0)) & (size > dependent(rhs.dtype))
        change = jnp.where(violated, jnp.square(last) / jnp.where(violated, size, 1), 0)
        some = change > eps**1.5
        first = jnp.argmax(jnp.where(worst, change, some.astype(change.dtype)), axis=0).astype(jnp.int32)
        return jnp.where(jnp.any(some, axis=0), first, nbasis)

    def sweep(tableau: Array, last: Array, pick: Int[Array, " lane"]) -> tuple[Array, Array]:
        at = index[:, None] == pick[None]
        column = jnp.sum(jnp.where(at[None], tableau, 0), axis=1)
        pivot = jnp.sum(jnp.where(at, column, 0), axis=0)
        inverse = jnp.where(pick < nbasis, 1 / jnp.where(pick < nbasis, pivot, 1), 0)
        inside = (diagonal_of(tableau) < 0) != at
        along = jnp.where(at, jnp.where(pivot < 0, 1.0, -1.0).astype(rhs.dtype)[None], column)
        kept = jnp.where(at[:, None] | at[None], 0, tableau)
        swept = kept - along[:, None] * (along * inverse[None])[None]
        # As in `pivoting.sweep`.
        bounded = jnp.where(inside[None], jnp.minimum(swept, -1), jnp.clip(swept, 0, 1))
        picked = jnp.sum(jnp.where(at, last, 0), axis=0) * inverse
        return jnp.where(on_diagonal, bounded, swept), jnp.where(at, 0, last) - along * picked[None]

    def step(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        tableau, last, pick, pivots = state
        tableau, last = sweep(tableau, last, pick)
        return tableau, last, choose(tableau, last, pivots < max_iter // 2), pivots + 1

    # The first step moves nothing, so that there is one program for all.
    start = (gram, rhs, jnp.full(rhs.shape[1:], nbasis, jnp.int32), jnp.int32(0))
    tableau, last, pick, _ = jax.lax.while_loop(
        lambda state: (state[3] == 0) | ((state[3] <= max_iter) & (jnp.min(state[2]) < nbasis)), step, start
    )
    positive = diagonal_of(tableau) < 0
    coeff = jnp.where(positive, jnp.maximum(last, 0), 0)
    residual = jnp.where(positive, rhs - apply(gram, coeff), 0)
    refined = jnp.where(positive, jnp.maximum(coeff - apply(tableau, residual), 0), 0)
    return refined, pick == nbasis


def apply(gram: Float[Array, "basis basis lane"], coeff: Float[Array, "basis lane"]) -> Float[Array, "basis lane"]:
    """Return A w of each lane.

    Example:
        >>> import jax.numpy as jnp
        >>> gram, coeff = jnp.array([[1.0, 0.5], [0.5, 1.0]])[..., None], jnp.array([[1.0], [2.0]])
        >>> jaxz.kernels.dense.apply(gram, coeff)[:, 0].tolist()
        [2.0, 2.5]
    """
    return jnp.sum(gram * coeff[None], axis=1)
