"""ROC curves against what they are by definition."""

import numpy as np
import pytest

from jaxz import plot, validate


def test_the_area_is_the_probability_that_a_positive_is_ahead(rng):
    score, positive = np.round(rng.normal(size=200), 1), rng.uniform(size=200) < 0.4
    score[positive] += 0.7
    ahead = score[positive][:, None] - score[~positive][None]
    expected = np.mean((ahead > 0) + 0.5 * (ahead == 0))
    assert validate.roc(score, positive).auc == pytest.approx(expected)


def test_rates_at_a_threshold_are_those_of_counting(rng):
    score, positive = rng.normal(size=100), rng.uniform(size=100) < 0.5
    curve = validate.roc(score, positive)
    rate, threshold = curve.at(0.18)
    assert rate == np.mean(score[positive] >= threshold)
    assert np.mean(score[~positive] >= threshold) <= 0.18
    assert curve.at(0.0)[0] == np.mean(score[positive] > score[~positive].max())


def test_what_was_not_measured_comes_last():
    curve = validate.roc(np.array([1.0, np.nan, 0.5, np.nan]), np.array([True, True, False, False]))
    assert curve.at(0.0)[0] == 0.5
    assert curve.true_positive[-1] == curve.false_positive[-1] == 1


def test_two_kinds_are_needed():
    with pytest.raises(ValueError, match="2 positives, 0 negatives"):
        validate.roc(np.ones(2), np.ones(2, bool))


def test_the_figure_has_a_curve_and_a_dot_for_each(rng):
    score, positive = rng.normal(size=50), rng.uniform(size=50) < 0.5
    figure = plot.plot_roc({"one": validate.roc(score, positive), "other": validate.roc(-score, positive)})
    assert len(figure.axes[0].lines) == 5
    assert [text.get_text()[:5] for text in figure.axes[0].get_legend().get_texts()] == ["one: ", "other"]
