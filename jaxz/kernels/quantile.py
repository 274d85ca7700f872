"""Order statistics without sorting, which is slow in compiled code."""

import jax
import jax.numpy as jnp

from jaxz._typing import Array, Float, Int


def order_statistic(values: Float[Array, " shift"], rank: Int[Array, ""]) -> Float[Array, ""]:
    """Return the value that `rank` others are not above, of finite values: exactly one of them.

    Read as integers, with those of negative numbers turned round, floating-point numbers keep their order; the integer
    is found bit by bit from the number of values below.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import quantile
        >>> float(quantile.order_statistic(jnp.array([4.0, 1.0, 3.0]), jnp.array(1)))
        3.0
    """
    kind = jnp.int32 if values.dtype == jnp.float32 else jnp.int64
    bits = jax.lax.bitcast_convert_type(values, kind)
    lowest = jnp.iinfo(kind).min
    # -0.0 and 0.0 are one number.
    keys = jnp.where(values == 0, 0, jnp.where(bits < 0, lowest - bits, bits))

    def halve(_: Int[Array, ""], limits: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = limits
        # The mean without overflow, rounded down.
        middle = (low & high) + ((low ^ high) >> 1)
        enough = jnp.sum(keys <= middle, dtype=jnp.int32) > rank
        return jnp.where(enough, low, middle + 1), jnp.where(enough, middle, high)

    limits = jnp.min(keys), jnp.max(keys)
    key = jax.lax.fori_loop(0, keys.dtype.itemsize * 8, halve, limits)[0]
    return jax.lax.bitcast_convert_type(jnp.where(key < 0, lowest - key, key), values.dtype)


def quantile(values: Float[Array, " shift"], share: float) -> Float[Array, ""]:
    """Return the quantile of finite values, linear between the two nearest, as `numpy.quantile` does.

    Example:
        >>> import jax.numpy as jnp
        >>> from jaxz.kernels import quantile
        >>> float(quantile.quantile(jnp.array([4.0, 1.0, 3.0]), 0.25))
        2.0
    """
    place = share * (len(values) - 1)
    rank = int(place)
    below = order_statistic(values, jnp.int32(rank))
    above = order_statistic(values, jnp.int32(min(rank + 1, len(values) - 1)))
    return below + (above - below) * (place - rank)
