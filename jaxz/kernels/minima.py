"""Minima of a sampled curve, and the parabola through three points."""

import jax.numpy as jnp

from jaxz._typing import Array, Float, Int


def best_minima(curve: Float[Array, " shift"], count: int, exclude: int) -> Int[Array, " cand"]:
    """Return the indices of the `count` lowest local minima, lowest first, no two within `exclude` samples.

    A local minimum is below its left and not above its right neighbour; the ends of the curve count as minima if the
    curve rises inwards. NaN is never a minimum. Places that cannot be filled hold -1.

    Example:
        >>> import jax.numpy as jnp
        >>> curve = jnp.array([3.0, 1.0, 2.0, 0.0, 4.0, 3.5, 5.0])
        >>> jaxz.kernels.minima.best_minima(curve, count=3, exclude=1).tolist()
        [3, 1, 5]
    """
    curve = jnp.where(jnp.isnan(curve), jnp.inf, curve)
    beyond = jnp.full(1, jnp.inf, curve.dtype)
    left = jnp.concatenate([beyond, curve[:-1]])
    right = jnp.concatenate([curve[1:], beyond])
    remaining = jnp.where((curve < left) & (curve <= right), curve, jnp.inf)
    place = jnp.arange(len(curve))
    found = []
    for _ in range(count):
        index = jnp.argmin(remaining)
        found.append(jnp.where(jnp.isfinite(remaining[index]), index, -1))
        remaining = jnp.where(jnp.abs(place - index) <= exclude, jnp.inf, remaining)
    return jnp.stack(found)


def parabola(x: Float[Array, "3"], y: Float[Array, "3"]) -> tuple[Float[Array, ""], Float[Array, ""], Float[Array, ""]]:
    """Return vertex x₀, value y₀ and curvature a of y = y₀ + a (x - x₀)² through three equally spaced points.

    Where the points do not bend upwards, a ≤ 0 tells so and the vertex is the lowest of the three.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.array([0.0, 1.0, 2.0])
        >>> [float(value) for value in jaxz.kernels.minima.parabola(x, 3 + 2 * (x - 1) ** 2)]
        [1.0, 3.0, 2.0]
    """
    spacing = x[1] - x[0]
    bend = y[0] - 2 * y[1] + y[2]
    slope = (y[2] - y[0]) / 2
    curvature = bend / (2 * spacing**2)
    safe = jnp.where(bend > 0, bend, 1)
    vertex = jnp.where(bend > 0, x[1] - spacing * slope / safe, x[jnp.argmin(y)])
    value = jnp.where(bend > 0, y[1] - slope**2 / (2 * safe), jnp.min(y))
    return vertex, value, curvature
