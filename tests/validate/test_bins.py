"""Good fractions in bins against numpy's histogram, and bins worked out by hand."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from jaxz import validate


def test_bins_by_hand():
    values = np.array([0.0, 0.9, 1.0, 2.0, -0.1, np.nan, 1.5])
    ztrue = np.ones(7)
    z = np.array([1.0, 2.0, 1.0, 1.0, 1.0, 1.0, np.nan])
    found = validate.good_fraction_in_bins(z, ztrue, values, [0.0, 1.0, 2.0])
    assert [(one.ngood, one.ntotal) for one in found] == [(1, 2), (1, 2)]
    assert (found[0].low, found[0].high) == validate.wilson_interval(1, 2, level=0.68)
    wide = validate.good_fraction_in_bins(z, ztrue, values, [0.0, 1.0], level=0.95)
    assert (wide[0].low, wide[0].high) == validate.wilson_interval(1, 2, level=0.95)


def test_tolerance_of_bins():
    z, ztrue = np.array([1.01]), np.array([1.0])
    assert [
        validate.good_fraction_in_bins(z, ztrue, ztrue, [0.0, 2.0], tolerance=tolerance)[0].ngood
        for tolerance in (0.004, 0.006)
    ] == [0, 1]


def test_empty_bin():
    found = validate.good_fraction_in_bins(np.array([1.0]), np.array([1.0]), np.array([1.0]), [0.0, 1.0, 2.0])
    assert (found[0].ntotal, found[0].low, found[0].high) == (0, 0.0, 1.0)
    assert math.isnan(found[0].value)
    assert found[1].value == 1.0


def test_numbers_equal_a_histogram(rng):
    values = rng.normal(2, 2, 500)
    ztrue = rng.uniform(0, 6, 500)
    z = np.where(rng.uniform(size=500) < 0.7, ztrue, ztrue + 0.5)
    edges = np.array([-1.0, 0.0, 0.5, 3.0, 4.0])
    found = validate.good_fraction_in_bins(z, ztrue, values, edges)
    assert [one.ntotal for one in found] == np.histogram(values, edges)[0].tolist()
    assert [one.ngood for one in found] == np.histogram(values[z == ztrue], edges)[0].tolist()


@pytest.mark.parametrize("edges", [validate.REDSHIFT_EDGES, validate.SNR_EDGES])
def test_every_number_is_in_one_of_our_bins(edges, rng):
    values = np.concatenate([rng.normal(0, 30, 200), edges[1:-1], [-1e9, 1e9]])
    found = validate.good_fraction_in_bins(values, values, values, edges)
    assert sum(one.ntotal for one in found) == len(values)


def test_occupied_by_hand():
    edges = [0.0, 1.0, 2.0, 3.0, 4.0, math.inf]
    assert validate.occupied(np.array([1.5, np.nan, 3.0, -7.0]), edges).tolist() == [1.0, 2.0, 3.0, 4.0]
    assert validate.occupied(np.array([9.0]), edges).tolist() == [4.0, math.inf]
    assert validate.occupied(np.array([np.nan, -1.0]), edges).size == 0
    assert validate.occupied(np.zeros(0), edges).size == 0


@given(arrays(np.float64, st.integers(1, 12), elements=st.floats(-3, 9)))
def test_occupied_drops_nothing_but_empty_ends(values):
    edges = np.arange(7.0)
    seen = validate.occupied(values, edges)
    whole = np.histogram(values[values < 6], edges)[0]
    if seen.size:
        counted = [one.ntotal for one in validate.good_fraction_in_bins(values, values, values, seen)]
        assert counted == np.trim_zeros(whole).tolist()
    else:
        assert not whole.any()


def test_edges_that_do_not_increase():
    with pytest.raises(ValueError, match=r"edges of bins must increase, got \[0.0, 0.0\]"):
        validate.good_fraction_in_bins(np.ones(1), np.ones(1), np.ones(1), [0.0, 0.0])


def test_values_of_another_length():
    with pytest.raises(ValueError, match="length of z, 2, got 1"):
        validate.good_fraction_in_bins(np.ones(2), np.ones(2), np.ones(1), [0.0, 2.0])


@pytest.mark.parametrize(("low", "high"), [(22.1, 25.9), (0.0, 1e-3), (-3.0, 700.0), (5.0, 5.0)])
def test_even_edges_hold_all_values_in_about_as_many_bins(low, high):
    values = np.array([low, (low + high) / 2, high, np.nan])
    edges = validate.even_edges(values)
    assert edges[0] <= low <= high < edges[-1]
    np.testing.assert_allclose(np.diff(edges), edges[1] - edges[0], rtol=1e-6)
    assert 2 <= len(edges) <= 20
    with pytest.raises(ValueError, match="no finite values"):
        validate.even_edges(values[3:])
