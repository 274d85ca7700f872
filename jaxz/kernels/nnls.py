"""Batched non-negative least squares from normal equations, with its derivative.

Minimises χ²(w) = wᵀA w - 2 wᵀb + c over w ≥ 0 for many small problems side by side, in the scale in which A has a unit
diagonal: by principal pivoting until each is solved, in a layout for many problems (`jaxz.kernels.pivoting`) or for few
(`jaxz.kernels.dense`), or by projected gradient (`jaxz.kernels.projected`) with the same steps for all.
"""

import functools
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Bool, Float
from jaxz.kernels import dense, packed, pivoting, projected

Solver = Literal["pivoting", "gradient", "dense"]

_Matrices = list[Float[Array, "_ lane"]] | Float[Array, "basis basis lane"]
"""A of all lanes, as `jaxz.kernels.pivoting` takes it or as `jaxz.kernels.dense` does."""

_CACHE = 600_000
"""Bytes of the problems that are solved together: of a second-level cache of 1 MB, what leaves room for all else."""


class NNLSResult(NamedTuple):
    """Solution of a batch of problems.

    Attributes:
        coeff: (basis, lane), w ≥ 0.
        kkt: (lane,) largest violation of the optimality conditions, relative to the largest |b_i|/√A_ii: the gradient
            on positive coefficients, its positive part on zero ones, in the scale in which A has a unit diagonal.
        converged: (lane,) whether pivoting ended by itself; of projected gradient, whether `kkt` is below √eps.
    """

    coeff: Float[Array, "basis lane"]
    kkt: Float[Array, " lane"]
    converged: Bool[Array, " lane"]


def nnls(
    gram: Float[Array, "basis basis lane"],
    rhs: Float[Array, "basis lane"],
    *,
    solver: Solver = "dense",
    max_iter: int | None = None,
) -> NNLSResult:
    """Return argmin wᵀA w - 2 wᵀb over w ≥ 0 for each lane.

    A vector that vanishes (A_ii ≤ 0, as round-off can leave it), or that the positive ones already reproduce to
    round-off, gets coefficient 0. Differentiable in both modes: the derivative is that of the solution on its own
    positive set. A lane has the same result to the bit whatever lanes are beside it.

    Args:
        gram: A, symmetric positive semi-definite, float32 or float64.
        rhs: b, of the same dtype.
        solver: "pivoting" and "dense" take as many steps as the hardest lane needs, the first fast for many lanes, the
            second for few, and compiled sooner; "gradient" always the same number, for accelerators on which a loop of
            unknown length is slow.
        max_iter: pivots at most, 10 for each vector if absent, or steps of projected gradient, 30 if absent.

    Returns:
        The solution, of the dtype of `gram`, with its optimality.

    Raises:
        ValueError: if `solver` is not one of the above.

    Example:
        >>> import jax.numpy as jnp
        >>> gram, rhs = jnp.array([[1.0, 0.5], [0.5, 1.0]])[..., None], jnp.array([[1.0], [-1.0]])
        >>> found = jaxz.kernels.nnls.nnls(gram, rhs)
        >>> found.coeff[:, 0].tolist(), found.converged.tolist()
        ([1.0, 0.0], [True])
    """
    first, second = packed.pairs(len(rhs))
    return nnls_packed(gram[first, second], rhs, solver=solver, max_iter=max_iter)


@functools.partial(jax.jit, static_argnames=("solver", "max_iter"))
def nnls_packed(
    gram: Float[Array, "pair lane"],
    rhs: Float[Array, "basis lane"],
    *,
    solver: Solver = "pivoting",
    max_iter: int | None = None,
) -> NNLSResult:
    """Return what `nnls` does, of matrices that are stored as in `jaxz.kernels.packed`."""
    if solver not in ("pivoting", "gradient", "dense"):
        raise ValueError(f"solver={solver!r}: use one of pivoting, gradient, dense")
    nbasis = len(rhs)
    if max_iter is None:
        max_iter = projected.STEPS if solver == "gradient" else 10 * nbasis
    diagonal = gram[:nbasis]
    scale = jax.lax.rsqrt(jnp.where(diagonal > 0, diagonal, jnp.inf))
    unit_rhs = rhs * scale
    if solver == "dense":
        unit_gram = gram[packed.positions(nbasis)] * scale[:, None] * scale[None]
    else:
        around = packed.round_trip(scale)
        unit_gram = [
            part * around[: len(part)] * around[distance : distance + len(part)]
            for distance, part in enumerate(packed.diagonals(gram, nbasis))
        ]
    coeff, converged = _solve(unit_gram, unit_rhs, solver, max_iter)
    gradient = unit_rhs - _apply(unit_gram, coeff)
    violation = jnp.where(coeff > 0, jnp.abs(gradient), jnp.maximum(gradient, 0))
    kkt = packed.largest(violation) / _size(unit_rhs)
    if solver == "gradient":
        converged = kkt < jnp.finfo(kkt.dtype).eps ** 0.5
    return NNLSResult(coeff * scale, kkt, converged)


def lanes(nbasis: int, dtype: np.dtype | str) -> int:
    """Return how many lanes a CPU solves together at best, for a caller with many more than fit into its cache.

    A lane has A, the tableau and its right-hand side and column. The number is a multiple of 8 for the vector unit, and
    no power of two, whose multiples would all fall into the same lines of a cache.

    Example:
        >>> jaxz.kernels.nnls.lanes(12, "float32") % 8
        0
    """
    lane = np.dtype(dtype).itemsize * (nbasis * (nbasis + 1) + 3 * nbasis)
    return _CACHE // lane // 16 * 16 + 8


@functools.partial(jax.custom_jvp, nondiff_argnums=(2, 3))
def _solve(
    gram: _Matrices, rhs: Float[Array, "basis lane"], solver: Solver, max_iter: int
) -> tuple[Float[Array, "basis lane"], Bool[Array, " lane"]]:
    """Return the coefficients at unit diagonal, and whether the solver ended by itself."""
    size = _size(rhs)[None]
    if not isinstance(gram, list):
        coeff, ended = dense.solve(gram, rhs / size, max_iter)
    elif solver == "pivoting":
        coeff, ended = pivoting.solve(gram, rhs / size, max_iter)
    else:
        coeff = projected.solve(gram, rhs / size, max_iter)
        ended = jnp.ones(rhs.shape[1:], dtype=bool)
    return coeff * size, ended


@_solve.defjvp
def _solve_jvp(solver: Solver, max_iter: int, primals: tuple, tangents: tuple) -> tuple:
    """Implicit differentiation of A_PP w_P = b_P: dw_P = A_PP⁻¹ (db - dA w)_P."""
    gram, rhs = primals
    dgram, drhs = tangents
    coeff, ended = _solve(gram, rhs, solver, max_iter)
    positive = coeff > 0
    both = positive[:, None] & positive[None]
    eye = jnp.eye(len(rhs), dtype=rhs.dtype)[:, :, None]
    whole = jnp.concatenate(gram)[packed.positions(len(rhs))] if isinstance(gram, list) else gram
    system = jnp.where(both, whole, eye)
    change = jnp.where(positive, drhs - _apply(dgram, coeff), 0)
    dcoeff = jnp.linalg.solve(jnp.moveaxis(system, -1, 0), change.T[..., None])[..., 0].T
    return (coeff, ended), (dcoeff, jnp.zeros(ended.shape, dtype=jax.dtypes.float0))


def _apply(gram: _Matrices, coeff: Float[Array, "basis lane"]) -> Float[Array, "basis lane"]:
    """Return A w of each lane."""
    return packed.apply(gram, coeff) if isinstance(gram, list) else dense.apply(gram, coeff)


def _size(rhs: Float[Array, "basis lane"]) -> Float[Array, " lane"]:
    """Return max |b_i|, or 1 where all are zero."""
    size = packed.largest(jnp.abs(rhs))
    return jnp.where(size > 0, size, 1)
