"""Non-negative least squares by accelerated projected gradient: the comparator of `benchmarks.nnls`.

FISTA (Beck & Teboulle 2009, SIAM J. Imaging Sci. 2, 183) with adaptive restart (O'Donoghue & Candès 2015, Found.
Comput. Math. 15, 715) on the problem scaled to a unit diagonal, a fixed number of steps, then a polish: the
least-squares solution on the positive set that the iteration found. Problems lie side by side on the last axis, as in
`jaxz.kernels.nnls`.
"""

import functools
import operator

import jax
import jax.numpy as jnp

from jaxz._typing import Array, Bool, Float

_POWER_STEPS = 8
_POLISHES = 3


def solve(
    gram: Float[Array, "basis basis lane"], rhs: Float[Array, "basis lane"], *, niter: int, chunk: int
) -> Float[Array, "basis lane"]:
    """Return nearly argmin wᵀA w - 2 wᵀb over w ≥ 0 for each lane.

    Args:
        gram: A, symmetric, with non-negative entries as a non-negative basis gives them.
        rhs: b, of the same dtype.
        niter: gradient steps.
        chunk: lanes that are iterated together, few enough for their A to stay near the processor.
    """
    nbasis, nlane = rhs.shape
    diagonal = jnp.stack([gram[i, i] for i in range(nbasis)])
    scale = jnp.where(diagonal > 0, 1 / jnp.sqrt(jnp.where(diagonal > 0, diagonal, 1)), 0)
    nchunk = -(-nlane // chunk)
    margin = nchunk * chunk - nlane
    unit_gram = jnp.pad(gram * scale[:, None] * scale[None], ((0, 0), (0, 0), (0, margin)))
    unit_rhs = jnp.pad(rhs * scale, ((0, 0), (0, margin)))
    coeff = jax.lax.map(
        lambda one: _polish(one[0], one[1], _iterate(one[0], one[1], niter)),
        (
            jnp.moveaxis(unit_gram.reshape(nbasis, nbasis, nchunk, chunk), 2, 0),
            jnp.moveaxis(unit_rhs.reshape(nbasis, nchunk, chunk), 1, 0),
        ),
    )
    return jnp.moveaxis(coeff, 0, 1).reshape(nbasis, nchunk * chunk)[:, :nlane] * scale


def _iterate(gram: Float[Array, "basis basis lane"], rhs: Float[Array, "basis lane"], niter: int) -> Array:
    """Projected gradient with momentum; the momentum of a lane restarts where it points uphill.

    The momentum of a step is computed at the beginning of the next: as loop state the new coefficients are computed
    once, where a compiler that fuses them into each of their uses would multiply by A three times.
    """
    rate = 1 / _largest_eigenvalue(gram)[None]

    def step(_: int, state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        coeff, before, ahead, momentum = state
        uphill = jnp.sum((ahead - coeff) * (coeff - before), axis=0, keepdims=True) > 0
        momentum = jnp.where(uphill, 1, momentum)
        following = (1 + jnp.sqrt(1 + 4 * momentum * momentum)) / 2
        weight = jnp.where(uphill, 0, (momentum - 1) / following)
        ahead = coeff + weight * (coeff - before)
        return jnp.maximum(ahead + rate * (rhs - _apply(gram, ahead)), 0), coeff, ahead, following

    start = jnp.maximum(rhs * rate, 0)
    return jax.lax.fori_loop(0, niter, step, (start, start, start, jnp.ones_like(rate)))[0]


def _largest_eigenvalue(gram: Float[Array, "basis basis lane"]) -> Float[Array, " lane"]:
    """Return an upper bound of it, made tight by power steps.

    For a non-negative A and any x > 0, max (A x)_i / x_i is one (Collatz 1942, Math. Z. 48, 221).
    """
    vector = jnp.ones(gram.shape[1:], gram.dtype)
    for _ in range(_POWER_STEPS):
        vector = _apply(gram, vector)
        vector = jnp.maximum(vector / jnp.maximum(jnp.max(vector, axis=0, keepdims=True), 1e-30), 1e-3)
    return jnp.maximum(jnp.max(_apply(gram, vector) / vector, axis=0), jnp.finfo(gram.dtype).eps)


def _polish(gram: Float[Array, "basis basis lane"], rhs: Float[Array, "basis lane"], coeff: Array) -> Array:
    """Solve exactly on the positive set, drop what turns negative, and keep the result where it lowers χ²."""

    def shrink(_: int, state: tuple[Array, Array]) -> tuple[Array, Array]:
        exact = _solve_positive(gram, rhs, state[1])
        return exact, state[1] & (exact > 0)

    exact = jnp.maximum(jax.lax.fori_loop(0, _POLISHES, shrink, (coeff, coeff > 0))[0], 0)
    better = _cost(gram, rhs, exact) < _cost(gram, rhs, coeff)
    return jnp.where(better[None], exact, coeff)


def _cost(gram: Float[Array, "basis basis lane"], rhs: Float[Array, "basis lane"], coeff: Array) -> Array:
    """wᵀA w - 2 wᵀb of each lane."""
    return jnp.sum(coeff * (_apply(gram, coeff) - 2 * rhs), axis=0)


def _solve_positive(
    gram: Float[Array, "basis basis lane"], rhs: Float[Array, "basis lane"], positive: Bool[Array, "basis lane"]
) -> Float[Array, "basis lane"]:
    """Solve A_PP w_P = b_P by a Cholesky factorisation written out, with the identity outside P."""
    nbasis = len(rhs)
    floor = 8 * jnp.finfo(rhs.dtype).eps
    zero = jnp.zeros_like(rhs[0])
    total = functools.partial(sum, start=zero)
    lower: dict[tuple[int, int], Array] = {}
    forward: list[Array] = []
    for i in range(nbasis):
        for j in range(i):
            entry = jnp.where(positive[i] & positive[j], gram[i, j], 0)
            lower[i, j] = (entry - total(lower[i, k] * lower[j, k] for k in range(j))) / lower[j, j]
        pivot = jnp.where(positive[i], gram[i, i], 1) - total(lower[i, k] * lower[i, k] for k in range(i))
        lower[i, i] = jnp.sqrt(jnp.maximum(pivot, floor))
        known = total(lower[i, k] * forward[k] for k in range(i))
        forward.append((jnp.where(positive[i], rhs[i], 0) - known) / lower[i, i])
    backward = [zero] * nbasis
    for i in reversed(range(nbasis)):
        known = total(lower[k, i] * backward[k] for k in range(i + 1, nbasis))
        backward[i] = (forward[i] - known) / lower[i, i]
    return jnp.stack(backward)


def _apply(gram: Float[Array, "basis basis lane"], coeff: Float[Array, "basis lane"]) -> Float[Array, "basis lane"]:
    """A w for each lane, one long multiply-add for each column."""
    return functools.reduce(operator.add, [gram[:, i] * coeff[i][None] for i in range(len(coeff))])
