"""Principal pivoting, lane by lane side by side: the exact solver of non-negative least squares.

The optimality conditions of min wᵀA w - 2 wᵀb over w ≥ 0 are a linear complementarity problem: with the gradient
g = b - A w, every coefficient has either w_i > 0 and g_i = 0, or w_i = 0 and g_i ≤ 0. Principal pivoting (Murty 1974,
Math. Prog. 7, 63; Júdice & Pires 1994, Comput. Oper. Res. 21, 587) keeps the tableau (A | b) swept on a set P of
positive coefficients, in which

    column b holds  w_i = (A_PP⁻¹ b_P)_i for i in P  and  g_i = b_i - A_iP A_PP⁻¹ b_P for i outside,
    the diagonal    -(A_PP⁻¹)_ii                      and  A_ii - A_iP A_PP⁻¹ A_Pi,

so that a negative w_i and a positive g_i look alike, and moving i across the border of P changes χ² by g_i²/|diagonal|
in both. Each step moves the index with the largest such change. The sweep (Goodnight 1979, Am. Stat. 33, 149) keeps the
tableau symmetric, so that one step is a rank-1 update of K(K+1)/2 + K numbers, the same arithmetic for every problem.

A has a unit diagonal, or zeros in the row of a vector that vanishes, and b is at most 1.
"""

from collections.abc import Iterable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Bool, Float, Int
from jaxz.kernels import packed


class Tableau(NamedTuple):
    """The swept (A | b), with the pivot that is chosen but not yet made.

    What the K²/2 updates share is computed once and not in each of them because it is carried from one step of a loop
    to the next; and with the tableau updated before anything else, no part of it needs a copy.

    Attributes:
        gram: its diagonals, as in `jaxz.kernels.packed`.
        rhs: its last column.
        pick: index to be moved; K in a lane that is done.
        column: of the tableau at that index, `u` of `sweep`, with its first half once more.
        inverse: of the pivot; 0 in a lane that is done.
        rhs_pick: the last column at that index over the pivot.
    """

    gram: list[Float[Array, "_ lane"]]
    rhs: Float[Array, "basis lane"]
    pick: Int[Array, " lane"]
    column: Float[Array, "_ lane"]
    inverse: Float[Array, " lane"]
    rhs_pick: Float[Array, " lane"]


def solve(
    gram: list[Float[Array, "_ lane"]], rhs: Float[Array, "basis lane"], max_iter: int
) -> tuple[Float[Array, "basis lane"], Bool[Array, " lane"]]:
    """Pivot until no lane has a violated condition; return the coefficients, and where there is none.

    Args:
        gram: A by its diagonals.
        rhs: b.
        max_iter: pivots at most. The second half takes the first violated index instead of the worst, which cannot
            cycle (Murty 1974).

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import packed, pivoting
        >>> gram, rhs = packed.diagonals(jnp.array([[1.0], [1.0], [0.5]]), 2), jnp.array([[1.0], [-1.0]])
        >>> coeff, done = pivoting.solve(gram, rhs, max_iter=20)
        >>> coeff[:, 0].tolist(), done.tolist()
        ([1.0, 0.0], [True])
    """

    def step(state: tuple[Tableau, Int[Array, ""]]) -> tuple[Tableau, Int[Array, ""]]:
        tableau, pivots = sweep(state[0]), state[1]
        return ready(*tableau, choose(*tableau, pivots < max_iter // 2)), pivots + 1

    # The first sweep moves nothing, so that what makes a tableau ready is compiled once.
    end, _ = jax.lax.while_loop(
        lambda state: (state[1] == 0) | ((state[1] <= max_iter) & (jnp.min(state[0].pick) < len(rhs))),
        step,
        (at_rest(gram, rhs), jnp.int32(0)),
    )
    return solution(end, gram, rhs), end.pick == len(rhs)


def choose(
    gram: list[Float[Array, "_ lane"]], rhs: Float[Array, "basis lane"], worst: Bool[Array, ""]
) -> Int[Array, " lane"]:
    """Return the violated index with the largest change of χ², or else the first one; K where there is none.

    A change of χ² below eps^1.5 is round-off. Fractions are compared by their products: a division takes longer than
    the rest of a comparison.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import packed, pivoting
        >>> gram, rhs = packed.diagonals(jnp.array([[1.0], [1.0], [0.5]]), 2), jnp.array([[0.2], [0.9]])
        >>> pivoting.choose(gram, rhs, jnp.array(True)).tolist()
        [1]
    """
    eps = float(jnp.finfo(rhs.dtype).eps)
    change, over = jnp.full_like(rhs[0], eps**1.5), jnp.ones_like(rhs[0])
    pick = jnp.full(rhs.shape[1:], len(rhs), jnp.int32)
    for i, (value, pivot) in enumerate(zip(rhs, gram[0], strict=True)):
        square, size = jnp.square(value), jnp.abs(pivot)
        violated = ((value > 0) != _inside(pivot)) & (size > dependent(rhs.dtype))
        better = violated & (square * over > change * size)
        # Nothing is better than infinity.
        change = jnp.where(better, jnp.where(worst, square, jnp.inf), change)
        over = jnp.where(better, size, over)
        pick = jnp.where(better, jnp.int32(i), pick)
    return pick


def dependent(dtype: np.dtype) -> float:
    """Return the Schur complement up to which the positive vectors are taken to reproduce another one.

    Pivots closer to its round-off, some eps, leave a tableau without right digits.

    Example:
        >>> jaxz.kernels.pivoting.dependent(np.dtype("float64")) < jaxz.kernels.pivoting.dependent(np.dtype("float32"))
        True
    """
    return float(jnp.finfo(dtype).eps) ** 0.75


def ready(gram: list[Float[Array, "_ lane"]], rhs: Float[Array, "basis lane"], pick: Int[Array, " lane"]) -> Tableau:
    """Return the tableau with what moving the index `pick` takes.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import packed, pivoting
        >>> gram, rhs = packed.diagonals(jnp.array([[1.0], [1.0], [0.5]]), 2), jnp.array([[0.2], [0.9]])
        >>> pivoting.ready(gram, rhs, jnp.array([1])).pick.tolist()
        [1]
    """
    stored = packed.entries(gram)
    column = []
    for j, places in enumerate(packed.positions(len(rhs))):
        values = [stored[place] for place in places]
        values[j] = jnp.where(_inside(values[j]), jnp.ones_like(values[j]), -1)
        column.append(_picked(pick, values, 0.0))
    pivot = _picked(pick, gram[0], jnp.inf)
    around = jnp.stack(column + column[: len(rhs) // 2])
    return Tableau(gram, rhs, pick, around, 1 / pivot, _picked(pick, rhs, 0.0) / pivot)


def at_rest(gram: list[Float[Array, "_ lane"]], rhs: Float[Array, "basis lane"]) -> Tableau:
    """Return the tableau of which no index is to be moved.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import packed, pivoting
        >>> gram, rhs = packed.diagonals(jnp.array([[1.0], [1.0], [0.5]]), 2), jnp.array([[0.2], [0.9]])
        >>> pivoting.at_rest(gram, rhs).inverse.tolist()
        [0.0]
    """
    nbasis, lane = len(rhs), rhs.shape[1:]
    nothing = jnp.zeros((nbasis + nbasis // 2, *lane), rhs.dtype)
    pick = jnp.full(lane, nbasis, jnp.int32)
    return Tableau(gram, rhs, pick, nothing, jnp.zeros_like(rhs[0]), jnp.zeros_like(rhs[0]))


def sweep(tableau: Tableau) -> tuple[list[Float[Array, "_ lane"]], Float[Array, "basis lane"]]:
    """Move the index k = `pick` across the border of P.

    With d = A_kk and A_kj = 0 cleared first, A_ij - u_i u_j/d with u_i = A_ik elsewhere and u_k = -sign(d) makes
    A_kj into A_kj/|d| and A_kk into -1/d without round-off of the old values.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import packed, pivoting
        >>> gram, rhs = packed.diagonals(jnp.array([[1.0], [1.0], [0.5]]), 2), jnp.array([[0.25], [0.75]])
        >>> pivoting.sweep(pivoting.ready(gram, rhs, jnp.array([1])))[1][:, 0].tolist()  # g_0 and w_1
        [-0.125, 0.75]
    """
    nbasis = len(tableau.rhs)
    index = np.arange(len(tableau.column), dtype=np.int32) % nbasis
    cleared = jnp.asarray(index)[:, None] == tableau.pick[None]
    scaled = tableau.column * tableau.inverse[None]
    gram = []
    for distance, part in enumerate(tableau.gram):
        one, other = slice(len(part)), slice(distance, distance + len(part))
        kept = jnp.where(cleared[one] | cleared[other], 0, part)
        gram.append(kept - tableau.column[one] * scaled[other])
    # Where A is nearly singular, round-off leaves the bounds of a unit diagonal: 0 to 1 outside P, -1 or less inside.
    inside = _inside(tableau.gram[0]) != cleared[:nbasis]
    gram[0] = jnp.where(inside, jnp.minimum(gram[0], -1), jnp.clip(gram[0], 0, 1))
    kept = jnp.where(cleared[:nbasis], 0, tableau.rhs)
    return gram, kept - tableau.column[:nbasis] * tableau.rhs_pick[None]


def solution(
    end: Tableau, gram: list[Float[Array, "_ lane"]], rhs: Float[Array, "basis lane"]
) -> Float[Array, "basis lane"]:
    """Return the coefficients of a tableau after one step of iterative refinement with the original A and b.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import packed, pivoting
        >>> gram, rhs = packed.diagonals(jnp.array([[1.0], [1.0], [0.5]]), 2), jnp.array([[0.25], [0.75]])
        >>> swept = pivoting.sweep(pivoting.ready(gram, rhs, jnp.array([1])))
        >>> pivoting.solution(pivoting.at_rest(*swept), gram, rhs)[:, 0].tolist()
        [0.0, 0.75]
    """
    positive = _inside(end.gram[0])
    coeff = jnp.where(positive, jnp.maximum(end.rhs, 0), 0)
    residual = jnp.where(positive, rhs - packed.apply(gram, coeff), 0)
    return jnp.where(positive, jnp.maximum(coeff - packed.apply(end.gram, residual), 0), 0)


def _inside(diagonal: Float[Array, "*any"]) -> Bool[Array, "*any"]:
    """Return whether an index is in P, by its diagonal, which is -1 or less inside and 0 to 1 outside."""
    return diagonal < 0


def _picked(
    pick: Int[Array, " lane"], values: Iterable[Float[Array, " lane"]], default: float
) -> Float[Array, " lane"]:
    """Return the value at the picked index, `default` in a lane that is done."""
    chosen = jnp.full(pick.shape, default, next(iter(values)).dtype)
    for i, value in enumerate(values):
        chosen = jnp.where(pick == i, value, chosen)
    return chosen
