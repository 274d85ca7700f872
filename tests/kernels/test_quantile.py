import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from jaxz.kernels.quantile import order_statistic, quantile

statistic = jax.jit(order_statistic)
share_of = jax.jit(quantile, static_argnums=1)


def values_of(dtype):
    """Few lengths, because each is compiled; numbers of either sign, ties, and any size that can be subtracted."""
    width = np.dtype(dtype).itemsize * 8
    limit = {32: 2.0**100, 64: 2.0**1000}[width]
    wide = st.floats(-limit, limit, width=width, allow_subnormal=False)
    few = st.sampled_from([-2.0, -1.0, -0.0, 0.0, 1.0, 1.5])
    return st.sampled_from([1, 2, 5, 40]).flatmap(lambda n: arrays(dtype, n, elements=wide | few))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_order_statistic_is_the_sorted_value(dtype):
    @given(values_of(dtype))
    def check(values):
        ordered = np.sort(values)
        for rank in {0, len(values) // 4, len(values) // 2, len(values) - 1}:
            found = statistic(jnp.asarray(values), jnp.int32(rank))
            assert found.dtype == dtype
            assert float(found) == ordered[rank]

    check()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.9, 1.0])
def test_a_quantile_is_numpys(share, dtype):
    @given(values_of(dtype))
    def check(values):
        found = share_of(jnp.asarray(values), share)
        assert found.dtype == dtype
        expected = np.quantile(values.astype(np.longdouble), share)
        eps = float(np.finfo(dtype).eps)
        # Compiled code takes subnormal numbers for 0.
        assert abs(np.longdouble(found) - expected) <= 4 * eps * np.max(np.abs(values)) + np.finfo(dtype).tiny

    check()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e9])
def test_the_first_quartile_of_long_curves(rng, scale, dtype):
    """As it is used: thousands of χ², with ties from rounding, some negative."""
    values = (scale * np.round(rng.normal(size=17_730), 3)).astype(dtype)
    found = share_of(jnp.asarray(values), 0.25)
    assert float(found) == pytest.approx(
        np.quantile(values.astype(np.float64), 0.25), rel=4 * float(np.finfo(dtype).eps)
    )
    assert np.min(values) < 0
    assert len(np.unique(values)) < len(values)


@pytest.mark.parametrize("value", [0.0, -0.0, -3.5, 7.0])
def test_one_value_over_and_over(value):
    assert float(share_of(jnp.full(100, value), 0.25)) == value


def test_the_largest_and_least_numbers():
    """The search for the middle neither overflows nor misses its ends."""
    limit = float(np.finfo(np.float64).max)
    values = jnp.asarray([limit, -limit, 1e-300, -1e-300, 0.0])
    found = [float(statistic(values, jnp.int32(rank))) for rank in range(5)]
    assert found == [-limit, -1e-300, 0.0, 1e-300, limit]


def test_under_vmap(rng):
    rows = rng.normal(size=(6, 101))
    found = jax.jit(jax.vmap(lambda row: quantile(row, 0.25)))(jnp.asarray(rows))
    np.testing.assert_allclose(found, np.quantile(rows, 0.25, axis=1), rtol=1e-14)
