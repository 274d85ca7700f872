"""Figures of how good redshifts are draw the numbers that were worked out elsewhere, also where there are few."""

import numpy as np
import pytest

from jaxz import plot, validate
from tests.plot.drawn import labels, size_of_png, texts

NAMES = ("true", "blank")


def points(axes, label):
    """Return x and y of what has a label in the legend, its counts left out."""
    return next(line for line in axes.lines if str(line.get_label()).startswith(label)).get_data()


def area(outline):
    """Return the area of a polygon."""
    x, y = outline.T
    return abs(np.sum(x * np.roll(y, 1) - y * np.roll(x, 1))) / 2


def test_bins_hold_fractions_intervals_and_numbers():
    ztrue = np.array([0.1, 0.2, 0.3, 2.5])
    z = np.array([0.1, 0.2, 3.0, np.nan])
    edges = np.array([-np.inf, 1.0, 2.0, 3.0])
    figure = plot.plot_bins(z, ztrue, {"true redshift": (ztrue, edges), "S/N": (10 * ztrue, edges)})
    top, bottom = figure.axes
    assert (top.get_xlabel(), bottom.get_xlabel()) == ("true redshift", "S/N")
    assert texts(top) == ["3", "0", "1", "number"]
    assert texts(bottom) == ["0", "1", "1", "number"]
    drawn = [tuple(line.get_ydata()) for line in top.lines if line.get_linestyle() == "-"]
    assert drawn == [(2 / 3, 2 / 3), (0.0, 0.0)]
    first = top.collections[0].get_paths()[0].get_extents()
    assert (first.y0, first.y1) == pytest.approx(validate.wilson_interval(2, 3, level=0.68))
    assert (first.x0, first.x1) == (0, 1)
    assert [(tick, label.get_text()) for tick, label in zip(top.get_xticks(), top.get_xticklabels(), strict=True)] == [
        (1, "1"),
        (2, "2"),
        (3, "3"),
    ]
    assert size_of_png(figure) > 5000


def test_errors_against_both_scores():
    ztrue = np.array([1.0, 1.0, 1.0, 1.0])
    z = np.array([1.0002, 1.0, 2.0, np.nan])
    significance, robustness = np.array([0.2, 0.1, 0.0, np.nan]), np.array([5.0, 6.0, 1.0, np.nan])
    figure = plot.plot_errors(z, ztrue, significance, robustness)
    left, right = figure.axes
    assert labels(left) == ["good: 2", "wrong: 1", "tolerance: 0.005", "published threshold: 0.01"]
    assert labels(right)[-1] == "published threshold: 3"
    # No error is drawn at 1e-6 and no significance at 1e-4, the lowest that the axes show.
    np.testing.assert_allclose(points(left, "good"), [[0.2, 0.1], [1e-4, 1e-6]], rtol=1e-9)
    np.testing.assert_allclose(points(left, "wrong"), [[1e-4], [0.5]])
    np.testing.assert_allclose(points(right, "good"), [[5.0, 6.0], [1e-4, 1e-6]], rtol=1e-9)
    np.testing.assert_allclose(points(right, "wrong"), [[1.0], [0.5]])
    assert left.get_ylim()[0] < 1e-6
    assert size_of_png(figure) > 5000


def test_reliability_draws_shares_and_intervals(rng):
    probability = rng.uniform(0.5, 1, 400)
    right = rng.uniform(size=400) < probability
    figure = plot.plot_reliability(probability, right)
    left, wrong = figure.axes[:2]
    found = validate.reliability(probability, right)
    np.testing.assert_allclose(left.lines[0].get_data(), (found.probability, found.right))
    bars = np.array([segment[:, 1] for segment in left.collections[0].get_segments()])
    np.testing.assert_allclose(bars, np.stack([found.low, found.high], axis=1))
    x, y = wrong.lines[0].get_data()
    assert np.all(np.diff(x) < 0)
    assert y[0] == pytest.approx(1 - right[probability < 1 - 10**-0.5].mean())
    assert texts(left) == [f"ECE {validate.ece(probability, right):.3f}, 400 redshifts"]
    assert size_of_png(figure) > 5000


def test_separation_draws_distributions_and_curves(rng):
    positive = np.arange(300) < 200
    robustness = np.where(positive, rng.normal(6, 2, 300), rng.normal(2, 1, 300))
    significance = 10 ** (0.4 * robustness - 3.5)
    significance[:5] = robustness[:5] = np.nan
    figure = plot.plot_separation(significance, robustness, positive, names=NAMES)
    top, bottom = figure.axes[1], figure.axes[3]
    assert labels(top)[:2] == ["true: 195", "blank: 100"]
    threshold, completeness = points(bottom, "completeness")
    purity = points(bottom, "purity")[1]
    for cut in (0, 100, 294):
        kept = robustness >= threshold[cut]
        assert completeness[cut] == np.sum(kept & positive) / 200
        assert purity[cut] == np.sum(kept & positive) / np.sum(kept)
    best = validate.separation(robustness, positive).balanced()
    assert points(bottom, "balance") == (pytest.approx([best.threshold]), pytest.approx([best.completeness]))
    width = np.ptp(robustness[5:]) / 30
    assert [area(patch.get_xy()) / width for patch in top.patches[::2]] == pytest.approx([195, 100])
    assert size_of_png(figure) > 5000


@pytest.mark.parametrize(
    ("z", "score"),
    [([], []), ([np.nan], [np.nan]), ([1.0], [5.0]), ([3.0, 0.0], [0.0, 5.0])],
    ids=["none", "not measured", "one", "all wrong"],
)
def test_figures_of_few(z, score):
    z, score, ztrue = np.array(z), np.array(score), np.ones(len(z))
    size_of_png(plot.plot_comparison(z, ztrue))
    size_of_png(plot.plot_errors(z, ztrue, score / 10, score))
    size_of_png(plot.plot_separation(score / 10, score, z == ztrue, names=NAMES))
    size_of_png(plot.plot_reliability(np.where(z == ztrue, 1.0, score / 5), z == ztrue))


def test_crossval_draws_mean_and_deviation_of_the_folds():
    ranks = np.array([6, 8, 10])
    fraction = np.array([[0.8, 0.9], [0.9, 0.9], [0.92, 0.94]])
    mae = np.array([[2e-4, 4e-4], [3e-4, 3e-4], [3e-4, 5e-4]])
    figure = plot.plot_crossval(ranks, fraction, mae)
    top, bottom = figure.axes
    for axes, mean, deviation in ((top, [85, 90, 93], [50**0.5, 0, 2**0.5]), (bottom, [3, 3, 4], [2**0.5, 0, 2**0.5])):
        x, y = axes.lines[0].get_data()
        assert list(x) == [6, 8, 10]
        np.testing.assert_allclose(y, mean)
        bars = np.array([segment[:, 1] for segment in axes.collections[0].get_segments()])
        np.testing.assert_allclose(bars[:, 1] - bars[:, 0], 2 * np.array(deviation), atol=1e-12)
    assert "2 folds" in top.get_title()
    assert size_of_png(figure) > 5000


def test_crossval_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"\(2,\), \(3, 2\) and \(3, 2\)"):
        plot.plot_crossval(np.arange(2), np.zeros((3, 2)), np.zeros((3, 2)))
