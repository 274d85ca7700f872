"""Found against true redshifts: the points, the counts and the lines of confusion."""

import numpy as np
import pytest

from jaxz import plot
from tests.plot.drawn import labels, size_of_png


def test_comparison_counts(rng):
    ztrue = rng.uniform(0, 6, 40)
    z = ztrue + 1e-4
    z[:3], z[3] = 6.5 - ztrue[:3], np.nan
    figure = plot.plot_comparison(z, ztrue)
    top, bottom = figure.axes
    assert labels(top)[:3] == ["good: 36", "not within 0.005(1+z): 3", "no redshift: 1"]
    assert top.get_title().startswith("good fraction 90.0 %")
    velocity = bottom.lines[-1].get_ydata()
    np.testing.assert_allclose(velocity, 29.9792458 / (1 + ztrue[4:]), rtol=1e-9)
    assert size_of_png(figure) > 5000


def test_wrong_points_lie_on_the_lines_of_confusion():
    # [O II] at z = 0.5 is at 5592.7 Å, which Lyα reaches at z = 3.6005; the other way round z = 5 becomes 0.9563.
    figure = plot.plot_comparison(np.array([3.6005, 0.9563]), np.array([0.5, 5.0]))
    lines = [line for line in figure.axes[0].lines if line.get_linestyle() == "--" and len(line.get_xdata())]
    oii_for_lya, lya_for_oii = sorted(lines, key=lambda line: -line.get_ydata()[1])
    assert np.interp(0.5, *oii_for_lya.get_data()) == pytest.approx(3.6005, abs=2e-4)
    assert np.interp(5.0, *lya_for_oii.get_data()) == pytest.approx(0.9563, abs=2e-4)


def test_points_shrink_where_there_are_many():
    z = np.linspace(0, 6, 500)
    sizes = [plot.plot_comparison(z[:n], z[:n]).axes[0].lines[3].get_markersize() for n in (20, 500)]
    assert sizes[0] > sizes[1]
