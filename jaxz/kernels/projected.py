"""Non-negative least squares by accelerated projected gradient: the same fixed steps for every problem.

FISTA (Beck & Teboulle 2009, SIAM J. Imaging Sci. 2, 183) with adaptive restart (O'Donoghue & Candès 2015, Found.
Comput. Math. 15, 715) finds most of the set of positive coefficients; the tableau of `jaxz.kernels.pivoting` is swept
on it, and a few pivots correct it and solve exactly. No number of steps depends on the data, as an accelerator without
branches prefers.

A has a unit diagonal, or zeros in the row of a vector that vanishes, and b is at most 1.
"""

import functools
import operator

import jax
import jax.numpy as jnp

from jaxz._typing import Array, Float, Int
from jaxz.kernels import packed, pivoting

STEPS = 30
"""Gradient steps: on normal equations of spectra more of them leave nothing less to the polish."""

_POWER_STEPS = 8


def solve(
    gram: list[Float[Array, "_ lane"]], rhs: Float[Array, "basis lane"], steps: int
) -> Float[Array, "basis lane"]:
    """Return the coefficients.

    Args:
        gram: A by its diagonals, as in `jaxz.kernels.packed`.
        rhs: b.
        steps: of projected gradient. The polish has 3 for each vector: one to enter it, two to correct.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import packed, projected
        >>> gram, rhs = packed.diagonals(jnp.array([[1.0], [1.0], [0.5]]), 2), jnp.array([[1.0], [-1.0]])
        >>> projected.solve(gram, rhs, steps=30)[:, 0].round(4).tolist()
        [1.0, 0.0]
    """
    nbasis = len(rhs)
    start = iterate(gram, rhs, steps) > 0

    def prepare(tableau: tuple[list[Array], Array], step: Int[Array, ""]) -> pivoting.Tableau:
        index = jnp.minimum(step, nbasis - 1)
        enters = start[index] & (tableau[0][0][index] > pivoting.dependent(rhs.dtype))
        corrected = pivoting.choose(*tableau, step < 2 * nbasis)
        return pivoting.ready(*tableau, jnp.where(step < nbasis, jnp.where(enters, index, nbasis), corrected))

    end = jax.lax.fori_loop(
        0,
        3 * nbasis + 1,
        lambda step, tableau: prepare(pivoting.sweep(tableau), step),
        pivoting.at_rest(gram, rhs),
    )
    return pivoting.solution(end, gram, rhs)


def iterate(
    gram: list[Float[Array, "_ lane"]], rhs: Float[Array, "basis lane"], steps: int
) -> Float[Array, "basis lane"]:
    """Return coefficients near the solution, by `steps` of projected gradient with momentum.

    The momentum of a lane restarts where it points uphill. That of a step is computed at the beginning of the next: as
    loop state the new coefficients are computed once, where a compiler that fuses them into each of their uses would
    multiply by A three times.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import packed, projected
        >>> gram, rhs = packed.diagonals(jnp.array([[1.0], [1.0], [0.5]]), 2), jnp.array([[1.0], [-1.0]])
        >>> projected.iterate(gram, rhs, steps=30)[:, 0].round(2).tolist()
        [1.0, 0.0]
    """
    rate = 1 / _largest_eigenvalue(gram, rhs)[None]

    def step(_: Int[Array, ""], state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        coeff, before, ahead, momentum = state
        uphill = functools.reduce(operator.add, list((ahead - coeff) * (coeff - before)))[None] > 0
        momentum = jnp.where(uphill, 1, momentum)
        following = (1 + jnp.sqrt(1 + 4 * momentum * momentum)) / 2
        weight = jnp.where(uphill, 0, (momentum - 1) / following)
        ahead = coeff + weight * (coeff - before)
        return jnp.maximum(ahead + rate * (rhs - packed.apply(gram, ahead)), 0), coeff, ahead, following

    start = jnp.maximum(rhs * rate, 0)
    return jax.lax.fori_loop(0, steps, step, (start, start, start, jnp.ones_like(rate)))[0]


def _largest_eigenvalue(gram: list[Float[Array, "_ lane"]], rhs: Float[Array, "basis lane"]) -> Float[Array, " lane"]:
    """Return an upper bound of it, made tight by power steps.

    For any x > 0, max (|A| x)_i / x_i is one (Collatz 1942, Math. Z. 48, 221), and the least is |A|'s own.
    """
    size = [jnp.abs(part) for part in gram]

    def step(_: Int[Array, ""], vector: Float[Array, "basis lane"]) -> Float[Array, "basis lane"]:
        vector = packed.apply(size, vector)
        return jnp.maximum(vector / jnp.maximum(packed.largest(vector), 1e-30)[None], 1e-3)

    vector = jax.lax.fori_loop(0, _POWER_STEPS, step, jnp.ones_like(rhs))
    return jnp.maximum(packed.largest(packed.apply(size, vector) / vector), jnp.finfo(rhs.dtype).eps)
