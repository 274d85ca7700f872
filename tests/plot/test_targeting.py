"""The figure of targets draws their rates, their numbers and the cuts."""

import numpy as np
import pytest

from jaxz import plot, validate
from tests.plot.drawn import size_of_png, texts

VALUES = np.array([[23.2, 0.1], [23.4, 0.2], [24.6, 0.3], [24.7, -0.6], [np.nan, 0.4]])
SCORE = np.array([40.0, 12.0, 30.0, np.nan, 90.0])
CONFIRMED = np.array([True, False, True, False, True])
EDGES = [np.array([-np.inf, 23.0, 24.0, np.inf]), np.array([-np.inf, 0.0, np.inf])]
CUTS = {
    "box": validate.TargetCut((-np.inf, 0.0), (24.0, np.inf)),
    "slant": validate.TargetCut((-np.inf, -np.inf), (np.inf, -22.0), -0.95),
}


def draw(naxes, cuts=CUTS, score=SCORE):
    return plot.plot_targeting(
        VALUES[:, :naxes], score, CONFIRMED, cuts,
        edges=EDGES[:naxes], names=["r", "g - r"][:naxes], score_name="DETECTION", least=25.0,
    )  # fmt: skip


def outline(axes, name):
    return next(line for line in axes.lines if line.get_label() == name).get_xydata()


def test_two_quantities():
    figure = draw(2)
    left, right = figure.axes[:2]
    assert (left.get_xlabel(), left.get_ylabel(), right.get_xlabel()) == ("r", "g - r", "r")
    assert left.get_title() == "5 targets, 3 confirmed (ringed); 1 lack a value and are not drawn"
    assert texts(right) == ["2", "1", "1"]
    share = right.collections[0].get_array()
    assert share.compressed().tolist() == [0.0, 0.5, 1.0]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["box", "slant"]
    left_end, top = right.get_xlim()[0], right.get_ylim()[1]
    box = outline(right, "box")
    assert box.min(axis=0) == pytest.approx([left_end, 0.0])
    assert box.max(axis=0) == pytest.approx([24.0, top])
    slant = outline(right, "slant")
    assert slant[2:4, 1] == pytest.approx(-22.0 - 0.95 * slant[2:4, 0])
    assert size_of_png(figure) > 5000


def test_scores_that_are_probabilities():
    figure = draw(2, score=np.array([0.99, 0.2, 0.999, np.nan, 1.0]))
    assert figure.axes[0].collections[-1].norm.vmax == 1
    assert size_of_png(figure) > 5000


def test_one_quantity():
    figure = draw(1, {"side": validate.TargetCut((23.1,), (24.0,))})
    top, bottom = figure.axes
    assert bottom.get_xlabel() == "r"
    assert [text.get_text() for text in top.get_legend().get_texts()] == ["targets: 5", "confirmed: 3"]
    rates = [tuple(line.get_ydata()) for line in bottom.lines if line.get_linestyle() == "-"]
    assert rates == [(0.5, 0.5), (0.5, 0.5)]
    sides = [line.get_xdata()[0] for line in bottom.lines if line.get_linestyle() == "--"]
    assert sides == [23.1, 24.0]
    assert size_of_png(figure) > 5000
