"""The minimum of χ² near candidates, from few evaluations: parabolas through three places, closer each time.

χ² is evaluated at five places over ±1 lattice pixel, at three 1/8 apart around the vertex of the parabola through the
lowest three, and at three 1 σ apart (1/64 to 1/4 of a pixel) around the new vertex; over more where native pixels are
wider than two of the lattice. Step by step, because the curve of
a bright spectrum has kinks where coefficients reach zero, which would send a parabola astray; at last at the scale of
the error, as the curvature is wanted there. Where the last parabola does not bend upwards, at a kink, the error is that
of the one before, which is wider.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxz._typing import Array, Float, Int
from jaxz.kernels.minima import parabola

PLACES = 5
ROUNDS = ((0, 5, 1 / 2, 1 / 2), (1, 4, 1 / 8, 1 / 8), (1, 4, 1 / 64, 1 / 4), (2, 3, 0.0, 0.0))
"""Of each round: first place of five, one past the last, and the limits of their spacing in units of `scale`."""

Evaluate = Callable[[Float[Array, " cand"]], tuple[Float[Array, " cand"], Any]]


def refine(
    evaluate: Evaluate, shifts: Float[Array, " cand"], scale: Float[Array, ""]
) -> tuple[Array, Array, Array, Any]:
    """Return shift, error, χ² of each candidate, and what else `evaluate` gives there.

    Args:
        evaluate: shifts of all candidates → their χ², and more.
        shifts: to begin with.
        scale: lattice pixels in which χ² is smooth, 1 or more.
    """
    nothing = jax.eval_shape(evaluate, shifts)[1]
    more = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), nothing)
    begins, ends, least, most = (jnp.asarray(column) for column in zip(*ROUNDS, strict=True))

    def each_round(state: tuple, limits: tuple) -> tuple[tuple, None]:
        centre, error, _, _ = state
        begin, end, low, high = limits
        spacing = jnp.clip(error, scale * low.astype(centre.dtype), scale * high.astype(centre.dtype))
        places = centre[None] + spacing[None] * (jnp.arange(PLACES) - PLACES // 2).astype(centre.dtype)[:, None]

        def place(number: Int[Array, ""], known: tuple) -> tuple:
            chi2, _ = known
            value, more = evaluate(places[number])
            return chi2.at[number].set(value), more

        chi2, more = jax.lax.fori_loop(begin, end, place, (jnp.full_like(places, jnp.inf), state[3]))
        vertex, bend = jax.vmap(_vertex, in_axes=(1, 1, None, None))(places, chi2, begin, end)
        single = end - begin < 3
        # A kink bends by nothing, or downwards: the wider parabola before it knows better.
        narrow = jnp.where(bend > 0, jax.lax.rsqrt(jnp.where(bend > 0, bend, 1)), error)
        return (
            jnp.where(single, centre, vertex),
            jnp.where(single, error, narrow),
            chi2[PLACES // 2],
            more,
        ), None

    start = (shifts, jnp.full_like(shifts, jnp.inf), jnp.zeros_like(shifts), more)
    (centre, error, chi2, more), _ = jax.lax.scan(each_round, start, (begins, ends, least, most))
    return centre, error, chi2, more


def _vertex(
    at: Float[Array, " place"], chi2: Float[Array, " place"], begin: Int[Array, ""], end: Int[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Return the vertex of the parabola through the lowest place and its neighbours, within all, and its bend."""
    middle = jnp.clip(jnp.argmin(chi2), begin + 1, jnp.maximum(end - 2, begin + 1))
    first = jnp.clip(middle - 1, 0, PLACES - 3)
    vertex, _, bend = parabola(jax.lax.dynamic_slice_in_dim(at, first, 3), jax.lax.dynamic_slice_in_dim(chi2, first, 3))
    return jnp.clip(vertex, at[begin], at[end - 1]), bend
