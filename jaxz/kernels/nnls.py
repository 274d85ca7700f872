"""Batched non-negative least squares from normal equations, by principal pivoting.

Minimises χ²(w) = wᵀA w - 2 wᵀb + c over w ≥ 0 for many small problems side by side. The optimality conditions are a
linear complementarity problem: with the gradient g = b - A w, every coefficient has either w_i > 0 and g_i = 0, or
w_i = 0 and g_i ≤ 0. Principal pivoting (Murty 1974, Math. Prog. 7, 63; Júdice & Pires 1994, Comput. Oper. Res. 21, 587)
keeps the tableau (A | b) pivoted on a set P of positive coefficients, in which

    column b holds  w_i = (A_PP⁻¹ b_P)_i for i in P  and  g_i = b_i - (A_iP A_PP⁻¹ b_P) for i outside,
    the diagonal    (A_PP⁻¹)_ii                       and  A_ii - A_iP A_PP⁻¹ A_Pi,

so that a negative w_i and a positive g_i look alike, and moving i across the border of P changes χ² by g_i²/diagonal in
both. Each step moves the index with the largest such change. One step is one rank-1 update of K × (K+1) numbers, the
same arithmetic for every problem, and a typical problem of K = 10 is solved in eight.

`jaxz.kernels.projected` solves the same problems by steps of a fixed number.
"""

import functools
import operator
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from jaxz._typing import Array, Bool, Float, Int
from jaxz.kernels import projected

Solver = Literal["pivoting", "gradient"]


class NNLSResult(NamedTuple):
    """Solution of a batch of problems.

    Attributes:
        coeff: (basis, lane), w ≥ 0.
        kkt: (lane,) largest violation of the optimality conditions, relative to the largest |b_i|/√A_ii: the gradient
            on positive coefficients, its positive part on zero ones, in the scale in which A has a unit diagonal.
        converged: (lane,) whether pivoting ended by itself, or the gradient solver's violation is no more than
            round-off makes (ε^0.6).
    """

    coeff: Float[Array, "basis lane"]
    kkt: Float[Array, " lane"]
    converged: Bool[Array, " lane"]


def nnls(
    gram: Float[Array, "basis basis lane"],
    rhs: Float[Array, "basis lane"],
    *,
    solver: Solver = "pivoting",
    max_iter: int | None = None,
) -> NNLSResult:
    """Return argmin wᵀA w - 2 wᵀb over w ≥ 0 for each lane.

    A vector that vanishes (A_ii ≤ 0, as round-off can leave it), or that the positive ones already reproduce to
    round-off, gets coefficient 0. Differentiable in both modes: the derivative is that of the solution on its own
    positive set.

    Args:
        gram: A, symmetric positive semi-definite, float32 or float64.
        rhs: b, of the same dtype.
        solver: "pivoting", which ends where all lanes are solved: three times as fast on a CPU; or "gradient", whose
            loops have a fixed length, for devices that cannot wait for the slowest lane.
        max_iter: pivots at most; 10 for each vector if absent. The second half takes the first violated index instead
            of the worst, which cannot cycle (Murty 1974). Or gradient steps; `projected.STEPS` if absent.

    Returns:
        The solution, of the dtype of `gram`, with its optimality.
    """
    nbasis = rhs.shape[0]
    diagonal = jnp.stack([gram[i, i] for i in range(nbasis)])
    scale = jax.lax.rsqrt(jnp.where(diagonal > 0, diagonal, jnp.inf))
    unit_gram, unit_rhs = gram * scale[:, None] * scale[None], rhs * scale
    if solver == "pivoting":
        limit = 10 * nbasis if max_iter is None else max_iter
    else:
        limit = projected.STEPS if max_iter is None else max_iter
    coeff, converged = _solve(unit_gram, unit_rhs, limit, solver)
    gradient = unit_rhs - _apply(unit_gram, coeff)
    violation = jnp.where(coeff > 0, jnp.abs(gradient), jnp.maximum(gradient, 0))
    size = jnp.max(jnp.abs(unit_rhs), axis=0)
    kkt = jnp.max(violation, axis=0) / jnp.where(size > 0, size, 1)
    if solver == "gradient":
        converged = kkt < float(jnp.finfo(rhs.dtype).eps) ** 0.6
    return NNLSResult(coeff * scale, kkt, converged)


class _Pivoting(NamedTuple):
    """State of the iteration, with the pivot that is chosen but not yet made.

    Attributes:
        gram, rhs: the tableau.
        side: 1 outside P, -1 inside.
        pick: 1 at the index to be moved, 0 elsewhere, and everywhere in a lane that is done.
        row: of the tableau at that index.
        side_row, rhs_row, pivot: its side, its right-hand side over the pivot, and the pivot; 1 in a lane that is done.
        active: lanes with a violated condition.
        pivots: made so far.
    """

    gram: Float[Array, "basis basis lane"]
    rhs: Float[Array, "basis lane"]
    side: Float[Array, "basis lane"]
    pick: Float[Array, "basis lane"]
    row: Float[Array, "basis lane"]
    side_row: Float[Array, " lane"]
    rhs_row: Float[Array, " lane"]
    pivot: Float[Array, " lane"]
    active: Bool[Array, " lane"]
    pivots: Int[Array, ""]


@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def _solve(
    gram: Float[Array, "basis basis lane"], rhs: Float[Array, "basis lane"], max_iter: int, solver: Solver
) -> tuple[Float[Array, "basis lane"], Bool[Array, " lane"]]:
    """Return the coefficients, and where pivoting converged, for matrices with a unit diagonal."""
    if solver == "pivoting":
        return _pivoted(gram, rhs, max_iter)
    return projected.solve(gram, rhs, max_iter), jnp.ones(rhs.shape[1:], bool)


def _pivoted(
    gram: Float[Array, "basis basis lane"], rhs: Float[Array, "basis lane"], max_iter: int
) -> tuple[Float[Array, "basis lane"], Bool[Array, " lane"]]:
    """Pivot until no lane has a violated condition; then one step of iterative refinement with the original matrix."""
    eps = float(jnp.finfo(rhs.dtype).eps)
    # A change of χ² below this is round-off; a Schur complement below `collinear` is a vector that others reproduce.
    threshold = eps**1.5 * _largest(jnp.square(rhs))
    collinear = 32 * eps

    def choose(gram: Float[Array, "basis basis lane"], rhs: Array, side: Array, pivots: Array) -> _Pivoting:
        diagonal = jnp.stack([gram[i, i] for i in range(len(rhs))])
        violated = (rhs * side > 0) & (diagonal > collinear)
        change = jnp.where(violated, jnp.square(rhs) / jnp.where(violated, diagonal, 1), 0)
        order = jnp.arange(len(rhs), 0, -1, dtype=rhs.dtype)[:, None]
        rank = jnp.where(pivots < max_iter // 2, change, jnp.where(change > threshold[None], order, 0))
        active = _largest(change) > threshold
        index = jnp.where(active, jax.lax.argmax(rank, 0, jnp.int32), len(rhs))
        pick = (jnp.arange(len(rhs), dtype=jnp.int32)[:, None] == index[None]).astype(rhs.dtype)
        pivot, side_row = (jnp.where(active, _combine(pick, values), 1) for values in (diagonal, side))
        row, rhs_row = _combine(pick, gram), _combine(pick, rhs) / pivot
        return _Pivoting(gram, rhs, side, pick, row, side_row, rhs_row, pivot, active, pivots)

    def step(state: _Pivoting) -> _Pivoting:
        # The pivoted tableau is symmetric within each side of the border and antisymmetric across it.
        # What the K² updates share must be computed once, not K times: `row`, a pass over the tableau, is made in the
        # iteration before, and the sign ±1 is divided out because XLA does not repeat a division in a broadcast.
        left = state.row / (state.side * state.side_row[None]) - state.pick
        right = (state.row + state.pick) / state.pivot[None]
        return choose(
            state.gram - left[:, None] * right[None],
            state.rhs - left * state.rhs_row[None],
            state.side * (1 - 2 * state.pick),
            state.pivots + 1,
        )

    start = choose(gram, rhs, jnp.ones_like(rhs), jnp.int32(0))
    end = jax.lax.while_loop(lambda s: (s.pivots < max_iter) & jnp.any(s.active), step, start)
    positive = end.side < 0
    coeff = jnp.where(positive, jnp.maximum(end.rhs, 0), 0)
    residual = jnp.where(positive, rhs - _apply(gram, coeff), 0)
    coeff = jnp.where(positive, jnp.maximum(coeff + _apply(end.gram, residual), 0), 0)
    return coeff, ~end.active


@_solve.defjvp
def _solve_jvp(max_iter: int, solver: Solver, primals: tuple, tangents: tuple) -> tuple:
    """Implicit differentiation of A_PP w_P = b_P: dw_P = A_PP⁻¹ (db - dA w)_P."""
    gram, rhs = primals
    dgram, drhs = tangents
    coeff, converged = _solve(gram, rhs, max_iter, solver)
    positive = coeff > 0
    both = positive[:, None] & positive[None]
    eye = jnp.eye(len(rhs), dtype=rhs.dtype)[:, :, None]
    system = jnp.where(both, gram, eye)
    change = jnp.where(positive, drhs - _apply(dgram, coeff), 0)
    dcoeff = jnp.linalg.solve(jnp.moveaxis(system, -1, 0), change.T[..., None])[..., 0].T
    return (coeff, converged), (dcoeff, jnp.zeros(converged.shape, dtype=jax.dtypes.float0))


def _combine(weight: Float[Array, "basis lane"], values: Float[Array, "basis *any lane"]) -> Float[Array, "*any lane"]:
    """Σ_i weight_i values_i, written out: with the batch on the last axis each term is one long vector operation."""
    terms = [jnp.expand_dims(weight[i], range(values.ndim - 2)) * values[i] for i in range(len(weight))]
    return functools.reduce(operator.add, terms)


def _largest(values: Float[Array, "basis lane"]) -> Float[Array, " lane"]:
    """Largest of the basis axis, written out like `_combine`."""
    return functools.reduce(jnp.maximum, list(values))


def _apply(gram: Float[Array, "basis basis lane"], coeff: Float[Array, "basis lane"]) -> Float[Array, "basis lane"]:
    """A w for each lane; A symmetric on the entries that matter."""
    return functools.reduce(operator.add, [gram[:, i] * coeff[i][None] for i in range(len(coeff))])
