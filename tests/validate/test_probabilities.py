"""Reliability, log score and pulls against numbers worked out by hand, and against probabilities that are true."""

import math

import numpy as np
import pytest

from jaxz import validate


def test_reliability_by_hand():
    probability = np.array([0.9, 0.1, np.nan, 0.7, 0.3])
    right = np.array([True, False, False, False, True])
    found = validate.reliability(probability, right, bins=2)
    assert found.number.tolist() == [2, 2]
    np.testing.assert_allclose(found.probability, [0.2, 0.8])
    np.testing.assert_allclose(found.right, [0.5, 0.5])
    np.testing.assert_allclose((found.low[0], found.high[0]), validate.wilson_interval(1, 2, level=0.68))
    assert validate.ece(probability, right, bins=2) == pytest.approx(0.3)


def test_bins_can_have_edges():
    probability = np.array([0.0, 0.5, 0.51, 1.0, 0.2])
    edges = [-0.1, 0.5, 0.9, 0.95, 1.0]
    found = validate.reliability(probability, probability > 0.4, bins=np.array(edges))
    assert found.number.tolist() == validate.reliability(probability, probability > 0.4, bins=edges).number.tolist()
    assert found.number.tolist() == [3, 1, 1]
    np.testing.assert_allclose(found.right, [1 / 3, 1, 1])


def test_true_probabilities_have_no_error_but_chance(rng):
    probability = rng.uniform(size=20000)
    assert validate.ece(probability, rng.uniform(size=20000) < probability) < 0.015
    assert validate.ece(probability, rng.uniform(size=20000) < probability**2) > 0.1


@pytest.mark.parametrize(("nspec", "bins"), [(0, 0), (1, 1), (12, 1), (25, 2), (99, 9), (100, 10), (5000, 10)])
def test_bins_have_ten_redshifts_at_least(rng, nspec, bins):
    probability = rng.uniform(size=nspec)
    found = validate.reliability(probability, probability > 0.5)
    assert len(found.number) == bins
    assert found.number.sum() == nspec
    assert np.all(found.number >= min(nspec, 10))


def test_nothing_has_no_reliability():
    assert validate.reliability(np.zeros(0), np.zeros(0, dtype=bool)).number.size == 0
    assert math.isnan(validate.ece(np.array([np.nan]), np.array([False])))


@pytest.mark.parametrize(
    ("probability", "right", "message"),
    [([0.5], [True, False], r"\(1,\) and \(2,\)"), ([1.2], [True], "between 0 and 1")],
)
def test_wrong_input_is_refused(probability, right, message):
    with pytest.raises(ValueError, match=message):
        validate.reliability(np.array(probability), np.array(right))


def test_log_score_by_hand():
    zalt = np.array([[1.0, 3.0], [1.0, 3.0], [1.0, 3.0], [1.0, np.nan], [np.nan, np.nan], [1.0, 3.0]])
    probability = np.array([[0.7, 0.2], [0.7, 0.2], [0.7, 0.2], [0.4, np.nan], [np.nan, np.nan], [1.0, 0.0]])
    ztrue = np.array([1.001, 3.0, 5.0, 1.0, 1.0, 2.0])
    rest = np.array([0.1, 0.1, 0.1, 0.6, 1.0, 0.0]) / validate.WINDOWS
    expected = np.maximum(np.array([0.7, 0.2, 0.0, 0.4, 0.0, 0.0]) + rest, validate.LEAST)
    np.testing.assert_allclose(validate.log_score(ztrue, zalt, probability), -np.log(expected))


def test_log_score_is_lowest_for_the_truth(rng):
    """Two candidates: what is reported as 0.8 is 0.8; to say 0.6 or 0.95 costs."""
    zalt = np.tile([1.0, 2.0], (20000, 1))
    ztrue = np.where(rng.uniform(size=20000) < 0.8, 1.0, 2.0)
    score = [validate.log_score(ztrue, zalt, np.tile([p, 1 - p], (20000, 1))).mean() for p in (0.6, 0.8, 0.95)]
    assert score[1] < min(score[0], score[2])
    assert score[1] == pytest.approx(-0.8 * np.log(0.8) - 0.2 * np.log(0.2), abs=0.01)


def test_log_score_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"\(2,\), \(2, 3\) and \(2,\)"):
        validate.log_score(np.zeros(2), np.zeros((2, 3)), np.zeros(2))


def test_pulls_are_those_of_the_right_redshifts(rng):
    ztrue = np.array([1.0, 1.0, 1.0, 1.0])
    z, zerr = np.array([1.002, 1.5, 0.999, np.nan]), np.array([0.001, 0.001, np.inf, 0.001])
    np.testing.assert_allclose(validate.pulls(z, zerr, ztrue), [2.0])
    assert validate.pull_width(rng.normal(size=40000)) == pytest.approx(1, abs=0.02)
    assert math.isnan(validate.pull_width(np.zeros(0)))
