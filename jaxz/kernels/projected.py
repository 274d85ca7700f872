"""Non-negative least squares by accelerated projected gradient, then exact solutions on positive sets.

FISTA (Beck & Teboulle 2009, SIAM J. Imaging Sci. 2, 183) with adaptive restart (O'Donoghue & Candès 2015, Found.
Comput. Math. 15, 715) finds nearly which coefficients are positive. Block pivoting from there (Portugal, Júdice &
Vicente 1994, Math. Comp. 63, 625) solves A_PP w_P = b_P exactly, and moves all indices that violate an optimality
condition across the border of P at once, or only the last of them where that does not lessen their number. All loops
have a fixed length, which is what a device wants that runs thousands of lanes in step.
"""

import functools
import operator

import jax
import jax.numpy as jnp

from jaxz._typing import Array, Bool, Float

STEPS = 100
"""Gradient steps."""

PIVOTS = 3
"""Exact solutions for each coefficient."""

_POWER_STEPS = 8


def solve(
    gram: Float[Array, "basis basis lane"], rhs: Float[Array, "basis lane"], steps: int
) -> Float[Array, "basis lane"]:
    """Return nearly argmin wᵀA w - 2 wᵀb over w ≥ 0 for each lane.

    Args:
        gram: A with a unit diagonal, or zeros in the row and column of a vector that vanishes.
        rhs: b, of the same dtype.
        steps: of the gradient.
    """
    return _polish(gram, rhs, _iterate(gram, rhs, steps))


def _iterate(gram: Float[Array, "basis basis lane"], rhs: Float[Array, "basis lane"], steps: int) -> Array:
    """Projected gradient with momentum; the momentum of a lane restarts where it points uphill.

    The momentum of a step is computed at the beginning of the next: as loop state the new coefficients are computed
    once, where a compiler that fuses them into each of their uses would multiply by A three times.
    """
    rate = 1 / _largest_eigenvalue(gram)[None]

    def step(_: Array, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        coeff, before, momentum = state
        following = (1 + jnp.sqrt(1 + 4 * momentum * momentum)) / 2
        ahead = coeff + (momentum - 1) / following * (coeff - before)
        moved = jnp.maximum(ahead + rate * (rhs - _apply(gram, ahead)), 0)
        uphill = jnp.sum((ahead - moved) * (moved - coeff), axis=0, keepdims=True) > 0
        return moved, jnp.where(uphill, moved, coeff), jnp.where(uphill, 1, following)

    start = jnp.maximum(rhs * rate, 0)
    return jax.lax.fori_loop(0, steps, step, (start, start, jnp.ones_like(rate)))[0]


def _largest_eigenvalue(gram: Float[Array, "basis basis lane"]) -> Float[Array, " lane"]:
    """Return an upper bound of it, made tight by power steps.

    For a matrix B ≥ 0 and any x > 0, max (B x)_i / x_i is one (Collatz 1942, Math. Z. 48, 221), and the largest
    eigenvalue of |A| is not below that of A.
    """
    size = jnp.abs(gram)
    vector = jnp.ones(gram.shape[1:], gram.dtype)
    for _ in range(_POWER_STEPS):
        vector = _apply(size, vector)
        vector = jnp.maximum(vector / jnp.maximum(jnp.max(vector, axis=0, keepdims=True), 1e-30), 1e-3)
    return jnp.maximum(jnp.max(_apply(size, vector) / vector, axis=0), jnp.finfo(gram.dtype).eps)


def _polish(gram: Float[Array, "basis basis lane"], rhs: Float[Array, "basis lane"], coeff: Array) -> Array:
    """Pivot from the positive set of `coeff`, and return the last solution whose conditions all hold, or the best."""
    eps = jnp.finfo(rhs.dtype).eps
    tiny = eps * jnp.max(jnp.abs(rhs), axis=0, keepdims=True)
    order = jnp.arange(len(rhs), dtype=jnp.int32)[:, None]

    def pivot(_: Array, state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        positive, best, cost, fewest = state
        exact, kept = _solve_positive(gram, rhs, positive)
        slope = rhs - _apply(gram, exact)
        violated = jnp.where(positive, exact < 0, (slope > 32 * tiny) & kept)
        count = jnp.sum(violated, axis=0, keepdims=True, dtype=jnp.int32)
        last = violated & (order == jnp.max(jnp.where(violated, order, -1), axis=0, keepdims=True))
        moved = jnp.where(count < fewest, violated, last)
        feasible = jnp.maximum(exact, 0)
        new = _cost(gram, rhs, feasible)[None]
        # Where no condition is violated it is the answer, whatever round-off says of its cost; and it stays.
        better = (count == 0) | (new < cost)
        return (
            positive ^ moved,
            jnp.where(better, feasible, best),
            jnp.where(better, new, cost),
            jnp.minimum(count, fewest),
        )

    most = jnp.full((1, rhs.shape[1]), len(rhs) + 1, jnp.int32)
    start = (coeff > 0, coeff, _cost(gram, rhs, coeff)[None], most)
    return jax.lax.fori_loop(0, PIVOTS * len(rhs), pivot, start)[1]


def _cost(gram: Float[Array, "basis basis lane"], rhs: Float[Array, "basis lane"], coeff: Array) -> Array:
    """wᵀA w - 2 wᵀb of each lane."""
    return jnp.sum(coeff * (_apply(gram, coeff) - 2 * rhs), axis=0)


def _solve_positive(
    gram: Float[Array, "basis basis lane"], rhs: Float[Array, "basis lane"], positive: Bool[Array, "basis lane"]
) -> tuple[Float[Array, "basis lane"], Bool[Array, "basis lane"]]:
    """Solve A_PP w_P = b_P by elimination, L D Lᵀ, and tell which columns are not collinear.

    A column outside P is one of the identity. One that those before it reproduce to round-off gets coefficient 0.
    """
    floor = 32 * jnp.finfo(rhs.dtype).eps
    eye = jnp.eye(len(rhs), dtype=rhs.dtype)[:, :, None]
    left = jnp.where(positive[:, None] & positive[None], gram, eye)
    known = jnp.where(positive, rhs, 0)
    rows: list[tuple[Array, Array]] = []
    kept: list[Array] = []
    for i in range(len(rhs)):
        pivot = left[0, 0]
        good = pivot > floor
        inverse = jnp.where(good, 1 / jnp.where(good, pivot, 1), 0)
        column = left[1:, 0] * inverse[None]
        rows.append((column, known[0] * inverse))
        kept.append(good & (gram[i, i] > 0))
        left = left[1:, 1:] - column[:, None] * left[:1, 1:]
        known = known[1:] - column * known[:1]
    coeff = jnp.zeros((0, *rhs.shape[1:]), rhs.dtype)
    for column, value in reversed(rows):
        coeff = jnp.concatenate([(value - jnp.sum(column * coeff, axis=0))[None], coeff])
    return coeff, jnp.stack(kept)


def _apply(gram: Float[Array, "basis basis lane"], coeff: Float[Array, "basis lane"]) -> Float[Array, "basis lane"]:
    """A w for each lane, one long multiply-add for each column."""
    return functools.reduce(operator.add, [gram[:, i] * coeff[i][None] for i in range(len(coeff))])
