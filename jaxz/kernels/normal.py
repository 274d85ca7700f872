"""Normal equations of many small least-squares problems side by side, one lane for each.

χ²(w) = c - 2 wᵀb + wᵀA w, with A symmetric: only its distinct products of two vectors are kept.
"""

import functools
import operator
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from jaxz._typing import Array, Float
from jaxz.kernels.packed import pairs, positions

FAINT = {"float64": 1e-7, "float32": 3e-6}
"""Share of its power that a vector must keep in the window to be fitted, by the precision of the sums over pixels; see
`without_vanishing`."""


class NormalEquations(NamedTuple):
    """A and b in every lane; A packed as in `jaxz.kernels.packed`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import normal
        >>> equations = normal.NormalEquations(jnp.array([[1.0], [1.0], [0.5]]), jnp.array([[1.0], [-1.0]]))
        >>> equations.gram.shape, equations.rhs.shape  # A_00, A_11, A_01 and b of one lane
        ((3, 1), (2, 1))
    """

    gram: Float[Array, "pair lane"]
    rhs: Float[Array, "basis lane"]

    def unpack(self) -> Float[Array, "basis basis lane"]:
        """Return A as full symmetric matrices."""
        return self.gram[positions(len(self.rhs))]


def chi2(
    equations: NormalEquations, const: Float[Array, ""] | Float[Array, " lane"], coeff: Float[Array, "basis lane"]
) -> Float[Array, " lane"]:
    """Return c - 2 wᵀb + wᵀA w = c - wᵀ(b + g) in each lane, with the gradient g = b - A w.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import normal
        >>> equations = normal.NormalEquations(jnp.array([[1.0], [1.0], [0.5]]), jnp.array([[1.0], [-1.0]]))
        >>> normal.chi2(equations, jnp.array(3.0), jnp.array([[1.0], [0.0]])).tolist()
        [2.0]
    """
    gained = [w * (b + g) for w, b, g in zip(coeff, equations.rhs, gradient(equations, coeff), strict=True)]
    return const - functools.reduce(operator.add, gained)


def kkt(equations: NormalEquations, coeff: Float[Array, "basis lane"], *, nfree: int = 0) -> Float[Array, " lane"]:
    """Return the largest violation of the optimality conditions, relative to the largest |b_i|/√A_ii.

    It is |g_i| for positive coefficients and free ones, the positive part of g_i for zero ones, in the scale in which A
    has a unit diagonal.

    Args:
        equations: A and b.
        coeff: w.
        nfree: how many of them, the first, may have any sign.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import normal
        >>> equations = normal.NormalEquations(jnp.array([[1.0], [1.0], [0.5]]), jnp.array([[1.0], [-1.0]]))
        >>> normal.kkt(equations, jnp.array([[1.0], [0.0]])).tolist()
        [0.0]
    """
    largest = functools.partial(functools.reduce, jnp.maximum)
    violations, sizes = [], []
    for i, slope in enumerate(gradient(equations, coeff)):
        square = equations.gram[i]
        scale = jax.lax.rsqrt(jnp.where(square > 0, square, jnp.inf))
        held = jnp.abs(slope) if i < nfree else jnp.where(coeff[i] > 0, jnp.abs(slope), jnp.maximum(slope, 0))
        violations.append(held * scale)
        sizes.append(jnp.abs(equations.rhs[i]) * scale)
    size = largest(sizes)
    return largest(violations) / jnp.where(size > 0, size, 1)


def gradient(equations: NormalEquations, coeff: Float[Array, "basis lane"]) -> list[Float[Array, " lane"]]:
    """Return g = b - A w, one vector of lanes for each coefficient: stacked, they would be computed one by one.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import normal
        >>> equations = normal.NormalEquations(jnp.array([[1.0], [1.0], [0.5]]), jnp.array([[1.0], [-1.0]]))
        >>> [g.tolist() for g in normal.gradient(equations, jnp.array([[1.0], [0.0]]))]
        [[0.0], [-1.5]]
    """
    first, second = (index.tolist() for index in pairs(len(coeff)))
    slope = list(equations.rhs)
    for gram, a, b in zip(equations.gram, first, second, strict=True):
        slope[a] = slope[a] - gram * coeff[b]
        if a != b:
            slope[b] = slope[b] - gram * coeff[a]
    return slope


def vanishing(
    ivar: Float[Array, " obs"], power: Float[Array, " basis"], dtype: DTypeLike = jnp.float64
) -> Float[Array, " basis"]:
    """Return the A_aa at or below which a sliding vector has vanished: `FAINT` ‖v‖ ‖B_a²‖.

    Args:
        ivar: v, of the spectrum.
        power: ‖B_a²‖ = √Σ B_a⁴ of each vector.
        dtype: of the sums over pixels.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import normal
        >>> floor = normal.vanishing(jnp.ones(4), jnp.array([1.0]), jnp.float32)
        >>> 0 < float(floor[0]) < 1e-3
        True
    """
    return FAINT[jnp.dtype(dtype).name] * power * jnp.sqrt(jnp.sum(jnp.square(ivar)))


def without_vanishing(equations: NormalEquations, floor: Float[Array, " basis"]) -> NormalEquations:
    """Remove a vector where almost nothing of it is in the window.

    It could only matter with a coefficient that puts light thousands of times brighter outside the window, and its A_aa
    drowns in the round-off of transforms, which is relative to ‖v‖ ‖B_a²‖. Its A_aa becomes exactly zero, which makes
    its coefficient zero.

    Args:
        equations: of sliding vectors, and of fixed columns after them, if any.
        floor: from `vanishing`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import normal
        >>> equations = normal.NormalEquations(jnp.array([[1.0], [1e-9], [1e-6]]), jnp.array([[1.0], [1e-6]]))
        >>> normal.without_vanishing(equations, jnp.array([1e-6, 1e-6])).gram[:2, 0].tolist()
        [1.0, 0.0]
    """
    nslide = len(floor)
    squares = equations.gram[:nslide]
    squares = jnp.where(squares > floor[:, None], squares, 0)
    return equations._replace(gram=jnp.concatenate([squares, equations.gram[nslide:]]))


def extended(
    equations: NormalEquations,
    across: Float[Array, "fixed basis lane"],
    gram: Float[Array, "fixed fixed"],
    rhs: Float[Array, "fixed lane"],
) -> NormalEquations:
    """Return normal equations with further columns, whose products with each other are the same in all lanes.

    Args:
        equations: of the first columns.
        across: products of the new columns with the first.
        gram: products of the new columns with each other.
        rhs: b of the new columns.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import normal
        >>> equations = normal.NormalEquations(jnp.array([[1.0]]), jnp.array([[3.0]]))
        >>> both = normal.extended(equations, jnp.array([[[0.5]]]), jnp.array([[2.0]]), jnp.array([[4.0]]))
        >>> both.gram[:, 0].tolist(), both.rhs[:, 0].tolist()
        ([1.0, 2.0, 0.5], [3.0, 4.0])
    """
    nbasis, nfixed = len(equations.rhs), len(rhs)
    place, rows = positions(nbasis), []
    for pair in zip(*pairs(nbasis + nfixed), strict=True):
        a, b = min(pair), max(pair)
        if b < nbasis:
            rows.append(equations.gram[place[a, b]])
        elif a < nbasis:
            rows.append(across[b - nbasis, a])
        else:
            rows.append(jnp.broadcast_to(gram[a - nbasis, b - nbasis], rhs.shape[1:]))
    return NormalEquations(jnp.stack(rows), jnp.concatenate([equations.rhs, rhs]))
