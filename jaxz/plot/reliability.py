"""Whether probabilities are true: the share of right redshifts against the probability that was reported."""

import numpy as np
from matplotlib.axes import Axes

from jaxz import validate
from jaxz.plot.style import BLUE, GREY, Figure, count_up

_EDGES = np.array([-0.1, *(1 - np.geomspace(1, validate.LEAST, 9)[1:]), 1.0])
"""Edges of the bins of p on the logarithmic axes, two for each factor of ten in 1 - p."""


def plot_reliability(probability: np.ndarray, right: np.ndarray) -> Figure:
    """Return a reliability diagram: the share that is right in bins, with 68 % Wilson intervals, and numbers under it.

    On the left bins of equal numbers; on the right those of being wrong, 1 - p, on logarithmic axes, as most redshifts
    of a good survey are nearly certain.

    Args:
        probability: (spec,) that a redshift is right; NaN is left out.
        right: (spec,) bool.

    Example:
        >>> figure = jaxz.plot.plot_reliability(np.array([0.5, 0.9, 0.99]), np.array([False, True, True]))
        >>> figure.savefig("reliability.png")
    """
    found = validate.reliability(probability, right)
    figure = Figure(figsize=(11, 5.6), layout="constrained")
    panels = figure.subplots(2, 2, sharex="col", height_ratios=[3, 1])
    known = np.asarray(probability, dtype=np.float64)
    known = known[np.isfinite(known)]
    _draw(panels[0, 0], found.probability, found.right, found.low, found.high)
    panels[0, 0].plot([0, 1], [0, 1], color=GREY, lw=0.8, ls="--")
    panels[0, 0].set_xlim(-0.02, 1.02)
    panels[0, 0].set_ylim(-0.02, 1.02)
    panels[0, 0].set_ylabel("share of right redshifts", fontsize=11)
    panels[1, 0].hist(known, np.linspace(0, 1, 41).tolist(), color=BLUE, alpha=0.5)
    panels[1, 0].set_xlabel("probability p that was reported", fontsize=11)
    count_up(panels[1, 0])
    name = f"ECE {validate.ece(probability, right):.3f}, {found.number.sum()} redshifts"
    panels[0, 0].text(0.03, 0.95, name, transform=panels[0, 0].transAxes, va="top", fontsize=10)
    _draw_wrong(panels[0, 1], panels[1, 1], validate.reliability(probability, right, bins=_EDGES), known)
    return figure


def _draw(axes: Axes, x: np.ndarray, y: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    axes.vlines(x, low, high, color=BLUE, lw=6, alpha=0.25)
    axes.plot(x, y, "o", ms=4, color=BLUE)


def _draw_wrong(top: Axes, bottom: Axes, found: validate.Reliability, known: np.ndarray) -> None:
    """Draw the share of wrong redshifts against 1 - p, from `validate.LEAST` on."""
    least = validate.LEAST
    _draw(top, *(np.maximum(1 - values, least) for values in (found.probability, found.right, found.high, found.low)))
    top.plot([least, 1], [least, 1], color=GREY, lw=0.8, ls="--")
    for axes in (top, bottom):
        axes.set_xscale("log")
        axes.set_xlim(0.7 * least, 1.2)
    top.set_yscale("log")
    top.set_ylim(0.7 * least, 1.2)
    top.set_ylabel(f"share of wrong redshifts\n(none: drawn at {least:g})", fontsize=11)
    bottom.hist(np.clip(1 - known, least, 1), np.geomspace(0.99 * least, 1.01, 41).tolist(), color=BLUE, alpha=0.5)
    count_up(bottom)
    bottom.set_xlabel(f"1 - p, at least {least:g}", fontsize=11)
