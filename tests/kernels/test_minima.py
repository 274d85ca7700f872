import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, strategies as st

from jaxz.kernels.minima import best_minima, parabola


def test_parabola_recovers_a_parabola():
    x = np.array([1.0, 1.5, 2.0])
    vertex, value, curvature = parabola(jnp.asarray(x), jnp.asarray(7 + 3 * (x - 1.6) ** 2))
    assert (float(vertex), float(value), float(curvature)) == pytest.approx((1.6, 7.0, 3.0))


def test_parabola_that_bends_downwards_says_so():
    vertex, value, curvature = parabola(jnp.asarray([0.0, 1.0, 2.0]), jnp.asarray([1.0, 5.0, 2.0]))
    assert float(curvature) < 0
    assert (float(vertex), float(value)) == (0.0, 1.0)


def test_minima_keep_their_distance_and_their_order():
    curve = np.full(100, 10.0)
    curve[[20, 23, 60, 99]] = [1, 2, 3, 4]
    np.testing.assert_array_equal(best_minima(jnp.asarray(curve), 4, 5), [20, 60, 99, 0])
    np.testing.assert_array_equal(best_minima(jnp.asarray(curve), 3, 2), [20, 23, 60])


def test_curves_without_a_minimum_fill_with_minus_one():
    np.testing.assert_array_equal(best_minima(jnp.full(5, jnp.nan), 2, 1), [-1, -1])
    np.testing.assert_array_equal(best_minima(jnp.asarray([3.0, 2.0, 1.0]), 2, 1), [2, -1])


@given(st.lists(st.integers(0, 1000), min_size=40, max_size=40), st.sampled_from([0, 1, 5]))
def test_minima_equal_a_greedy_search(values, exclude):
    curve = np.asarray(values, dtype=float)
    padded = np.concatenate([[np.inf], curve, [np.inf]])
    local = [i for i in range(len(curve)) if padded[i] > curve[i] <= padded[i + 2]]
    expected = []
    for i in sorted(local, key=lambda i: (curve[i], i)):
        if len(expected) < 3 and all(abs(i - j) > exclude for j in expected):
            expected.append(i)
    expected += [-1] * (3 - len(expected))
    np.testing.assert_array_equal(best_minima(jnp.asarray(curve), 3, exclude), expected)
