"""Symmetric matrices, one for each lane, as the distinct products of two vectors.

The K(K+1)/2 entries are stored diagonal after diagonal, each going round: A_a,(a+d) mod K for d = 0 … K/2, of which the
last is half as long if K is even. A rank-1 update of a diagonal is then the product of two slices of a vector, which a
compiler turns into one long vector operation with the lanes on the last axis.
"""

import functools
import operator

import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Float


def pairs(nbasis: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices (a, b) of the K(K+1)/2 stored entries, the squares first.

    Example:
        >>> [indices.tolist() for indices in jaxz.kernels.packed.pairs(3)]
        [[0, 1, 2, 0, 1, 2], [0, 1, 2, 1, 2, 0]]
    """
    distance, first = np.divmod(np.arange(nbasis * (nbasis + 1) // 2), nbasis)
    return first, (first + distance) % nbasis


def positions(nbasis: int) -> np.ndarray:
    """Return (basis, basis) where each entry of the full matrix is stored.

    Example:
        >>> jaxz.kernels.packed.positions(2).tolist()
        [[0, 2], [2, 1]]
    """
    first, second = pairs(nbasis)
    stored = np.empty((nbasis, nbasis), dtype=int)
    stored[first, second] = stored[second, first] = np.arange(len(first))
    return stored


def diagonals(gram: Float[Array, "pair lane"], nbasis: int) -> list[Float[Array, "_ lane"]]:
    """Return the stored diagonals one by one.

    Example:
        >>> import jax.numpy as jnp
        >>> [part[:, 0].tolist() for part in jaxz.kernels.packed.diagonals(jnp.array([[1.0], [2.0], [0.5]]), 2)]
        [[1.0, 2.0], [0.5]]
    """
    return [gram[begin : begin + nbasis] for begin in range(0, len(gram), nbasis)]


def round_trip(vector: Float[Array, "basis lane"]) -> Float[Array, "_ lane"]:
    """Return a vector with its first half once more, so that the factors of a diagonal d are slices 0… and d….

    Example:
        >>> import jax.numpy as jnp
        >>> jaxz.kernels.packed.round_trip(jnp.array([[1.0], [2.0], [3.0]]))[:, 0].tolist()
        [1.0, 2.0, 3.0, 1.0]
    """
    return jnp.concatenate([vector, vector[: len(vector) // 2]])


def entries(parts: list[Float[Array, "_ lane"]]) -> list[Float[Array, " lane"]]:
    """Return the stored entries of diagonals one by one, in the order of `pairs`.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import packed
        >>> parts = packed.diagonals(jnp.array([[1.0], [2.0], [0.5]]), 2)
        >>> [entry.tolist() for entry in packed.entries(parts)]
        [[1.0], [2.0], [0.5]]
    """
    return [entry for part in parts for entry in part]


def apply(parts: list[Float[Array, "_ lane"]], coeff: Float[Array, "basis lane"]) -> Float[Array, "basis lane"]:
    """Return A w of each lane, A by its diagonals, written out: each term is one long vector operation.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import packed
        >>> parts = packed.diagonals(jnp.array([[1.0], [2.0], [0.5]]), 2)
        >>> packed.apply(parts, jnp.array([[1.0], [1.0]]))[:, 0].tolist()
        [1.5, 2.5]
    """
    stored = entries(parts)
    rows = [[stored[place] * w for place, w in zip(row, coeff, strict=True)] for row in positions(len(coeff))]
    return jnp.stack([functools.reduce(operator.add, terms) for terms in rows])


def largest(values: Float[Array, "basis lane"]) -> Float[Array, " lane"]:
    """Return the largest of the basis axis, written out like `apply`: reductions of a short axis are slow on a CPU.

    Example:
        >>> import jax.numpy as jnp
        >>> jaxz.kernels.packed.largest(jnp.array([[1.0, 5.0], [2.0, 4.0]])).tolist()
        [2.0, 5.0]
    """
    return functools.reduce(jnp.maximum, list(values))
