"""Figures of injected lines and of drawn exposures hold the numbers that they are given."""

import numpy as np
import pytest

from jaxz import plot, validate
from tests.plot.drawn import labels, size_of_png, texts


def test_recovered_fractions_are_curves_with_bands():
    fractions = {name: [validate.GoodFraction(n, 4, 0.1, 0.9) for n in counts]
                 for name, counts in (("constant noise", (1, 4)), ("ideal filter", (2, 4)))}  # fmt: skip
    figure = plot.plot_recovered(fractions, np.array([3.0, 5.0]))
    axes = figure.axes[0]
    assert labels(axes) == ["constant noise", "ideal filter"]
    np.testing.assert_allclose([line.get_ydata() for line in axes.lines[:2]], [[0.25, 1], [0.5, 1]])
    assert size_of_png(figure) > 5000


def test_errors_against_signal_to_noise():
    figure = plot.plot_zerr(np.array([3.0, 4.0, 5.0]), np.array([1e-3, np.inf, 1e-4]), pixel=4e-4)
    axes = figure.axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_xdata(), [3.0, 5.0])
    assert labels(axes) == ["recovered lines: 2", "one pixel: 4.0e-04"]
    assert size_of_png(figure) > 5000


@pytest.mark.parametrize("known", [True, False])
def test_bootstrap_draws_scatter_and_converged_shares(known):
    z = np.zeros((2, 3, 4))
    z[0, 0] = [0, 0.01, 0, 0.01]
    time = np.tile([900.0, 1800.0, 3600.0], (2, 1)) if known else np.full((2, 3), np.nan)
    found = validate.Bootstrap(("a", "b"), np.array([1, 2, 4]), z, np.array([2.0, 8.0]), time)
    figure = plot.plot_bootstrap(found)
    left, right = figure.axes
    assert labels(left) == ["a: 2", "b: 8", "converged below 0.001"]
    assert left.lines[0].get_ydata()[0] == pytest.approx(0.005)
    assert texts(right) == ["0.00", "1.00", "1.00", "1.00", "1.00", "1.00"]
    assert [label.get_text() for label in right.get_xticklabels()][2] == ("4\n1 h" if known else "4")
    assert size_of_png(figure) > 5000
