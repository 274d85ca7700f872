"""Purity and completeness against a slow loop and cases worked out by hand."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from jaxz import validate

SCORES = st.lists(st.tuples(st.sampled_from([0.0, 1.0, 2.5, 3.0, math.inf, math.nan]), st.booleans()), max_size=20)


def slow(score, positive, threshold):
    """Return how many are kept, completeness and purity, spectrum by spectrum."""
    kept = [is_positive for value, is_positive in zip(score, positive, strict=True) if value >= threshold]
    completeness = sum(kept) / sum(positive) if sum(positive) else math.nan
    return len(kept), completeness, sum(kept) / len(kept) if kept else math.nan


@given(SCORES)
def test_separation_equals_the_slow_loop(pairs):
    score, positive = [value for value, _ in pairs], [is_positive for _, is_positive in pairs]
    found = validate.separation(np.array(score), np.array(positive, dtype=bool))
    assert found.threshold.tolist() == sorted({value for value in score if not math.isnan(value)})
    for cut, threshold in enumerate(found.threshold):
        whole = found.kept[cut], found.completeness[cut], found.purity[cut]
        np.testing.assert_equal(whole, slow(score, positive, threshold))
    for threshold in (-1.0, 0.0, 0.5, 2.5, 99.0, math.inf):
        cut = found.at(threshold)
        assert cut.threshold == threshold
        np.testing.assert_equal((cut.kept, cut.completeness, cut.purity), slow(score, positive, threshold))


def test_separation_by_hand():
    # The two positives without a score are never kept.
    score = np.array([0.1, 0.2, 0.2, 0.5, 0.9, np.nan, np.nan])
    positive = np.array([False, True, False, False, True, True, True])
    found = validate.separation(score, positive)
    assert found.kept.tolist() == [5, 4, 2, 1]
    np.testing.assert_allclose(found.completeness, [2 / 4, 2 / 4, 1 / 4, 1 / 4])
    np.testing.assert_allclose(found.purity, [2 / 5, 2 / 4, 1 / 2, 1])
    assert found.balanced() == validate.Cut(0.2, 4, 0.5, 0.5)


def test_balance_of_a_clean_separation():
    found = validate.separation(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, False, True, True]))
    assert found.balanced() == validate.Cut(3.0, 2, 1.0, 1.0)


def test_balance_does_not_fall_for_a_bad_highest_score():
    # At 9 nothing right is kept: completeness and purity are equal there too, and zero.
    score, positive = np.array([9.0, 3.0, 2.0, 1.0]), np.array([False, True, True, False])
    assert validate.separation(score, positive).balanced() == validate.Cut(3.0, 2, 0.5, 0.5)


def test_balance_is_where_both_are_nearest(rng):
    positive = rng.uniform(size=400) < 0.6
    found = validate.separation(rng.normal(size=400) + 2 * positive, positive)
    best = found.balanced()
    assert abs(best.completeness - best.purity) == np.min(np.abs(found.completeness - found.purity)[:-50])
    assert 0.7 < best.purity < 1


@pytest.mark.parametrize(
    ("score", "positive"),
    [([], []), ([np.nan], [True]), ([1.0, 2.0], [False, False])],
    ids=["none", "not measured", "no positive"],
)
def test_without_a_balance(score, positive):
    cut = validate.separation(np.array(score), np.array(positive, dtype=bool)).balanced()
    assert cut.kept == 0
    assert math.isnan(cut.threshold)
    assert math.isnan(cut.purity)


def test_shapes_that_differ():
    with pytest.raises(ValueError, match=r"one shape \(spec,\), got \(2,\) and \(3,\)"):
        validate.separation(np.zeros(2), np.zeros(3, dtype=bool))
