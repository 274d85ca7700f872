"""Targets in a plane of magnitude and colour, what was confirmed of them, and cuts, as [L, fig. 11]."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from jaxz import validate
from jaxz.plot.style import BLUE, GREY, RED, count_up

_CUTS = (RED, "#d98e04", "0.1")
_MANY = 2000
"""Targets from which points are small."""


def plot_targeting(
    values: np.ndarray,
    score: np.ndarray,
    confirmed: np.ndarray,
    cuts: Mapping[str, validate.TargetCut],
    *,
    edges: Sequence[np.ndarray],
    names: Sequence[str],
    score_name: str,
    least: float,
) -> Figure:
    """Return a figure of targets, their scores, the share of them that was confirmed, and cuts.

    Of two quantities: on the left each target, coloured by its score, on the right the share of confirmed targets in
    bins, with the number of targets. Of one: the number of targets and of confirmed ones, and their share.

    Args:
        values: (target, axis) one or two quantities; targets without a value are not drawn.
        score: (target,) such as DETECTION; drawn in logarithms if it exceeds 1.
        confirmed: (target,) bool.
        cuts: by what the legend says of them.
        edges: of each axis, of its bins; the first and the last may be infinite.
        names: (axis,) of the quantities.
        score_name: of the score.
        least: score from which a target counts as confirmed.

    Example:
        >>> rng = np.random.default_rng(1)
        >>> values, score = rng.normal(23, 1, (200, 1)), rng.uniform(1, 50, 200)
        >>> cut = jaxz.validate.TargetCut(low=(-np.inf,), high=(23.5,))
        >>> figure = jaxz.plot.plot_targeting(
        ...     values, score, score > 25, {"r < 23.5": cut}, edges=[jaxz.validate.open_edges(values)], names=["r"],
        ...     score_name="DETECTION", least=25.0,
        ... )
        >>> figure.savefig("targeting.png")
    """
    limits = [_limits(column, ends) for column, ends in zip(values.T, edges, strict=True)]
    if len(names) == 1:
        return _one(values[:, 0], confirmed, cuts, edges[0], limits[0], names[0])
    figure = Figure(figsize=(13, 7.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    points = _draw_scores(left, values, score, confirmed)
    figure.colorbar(points, ax=left, label=score_name, pad=0.01).ax.axhline(least, color=RED, lw=1.5)
    mesh = _draw_rates(right, values, confirmed, edges, limits)
    figure.colorbar(mesh, ax=right, label="share of confirmed targets", pad=0.01)
    for axes in (left, right):
        axes.set_xlabel(names[0], fontsize=11)
        axes.set_xlim(limits[0])
        axes.set_ylim(limits[1])
        _draw_cuts(axes, cuts, limits)
    left.set_ylabel(names[1], fontsize=11)
    without = np.count_nonzero(~np.all(np.isfinite(values), axis=1))
    told = f"; {without} lack a value and are not drawn" if without else ""
    left.set_title(f"{len(values)} targets, {confirmed.sum()} confirmed (ringed){told}", fontsize=11)
    right.set_title("number of targets in each bin; those at the edges are open", fontsize=11)
    handles, labels = right.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", fontsize=9, frameon=False)
    return figure


def _one(
    values: np.ndarray,
    confirmed: np.ndarray,
    cuts: Mapping[str, validate.TargetCut],
    edges: np.ndarray,
    limits: tuple[float, float],
    name: str,
) -> Figure:
    """Return the figure of one quantity."""
    figure = Figure(figsize=(8, 7), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True)
    fine = np.linspace(*limits, 41).tolist()
    top.hist(values, fine, color=GREY, alpha=0.5, label=f"targets: {len(values)}")
    top.hist(values[confirmed], fine, color=BLUE, label=f"confirmed: {confirmed.sum()}")
    count_up(top)
    ends = np.clip(edges, *limits)
    for one, low, high in zip(validate.fraction_in_bins(confirmed, values, edges), ends[:-1], ends[1:], strict=True):
        if one.ntotal:
            bottom.fill_between([low, high], one.low, one.high, color=BLUE, alpha=0.2, lw=0)
            bottom.plot([low, high], [one.value, one.value], color=BLUE, lw=2)
    for colour, (label, cut) in zip(_CUTS, cuts.items(), strict=False):
        sides = [side for side in (cut.low[0], cut.high[0]) if np.isfinite(side)]
        for number, side in enumerate(sides):
            bottom.axvline(side, color=colour, lw=1.5, ls="--", label=None if number else label)
    bottom.set_xlim(limits)
    bottom.set_ylim(0, 1.03)
    bottom.set_xlabel(name, fontsize=11)
    bottom.set_ylabel(f"share of confirmed targets\n({100 * validate.BIN_LEVEL:.0f} % interval)", fontsize=11)
    top.legend(fontsize=9)
    handles, labels = bottom.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", fontsize=9, frameon=False)
    return figure


def _draw_scores(axes: Axes, values: np.ndarray, score: np.ndarray, confirmed: np.ndarray) -> Any:
    """Draw each target in the colour of its score, the highest on top; return what a colour bar is made of."""
    known = score[np.isfinite(score) & (score > 0)]
    low, high = (float(end) for end in np.quantile(known, [0.02, 0.98])) if known.size else (0.0, 1.0)
    norm = LogNorm(low, high) if high > 1 and low < high else Normalize(0, 1)
    order = np.argsort(np.nan_to_num(score))
    size = 6 if len(values) > _MANY else 18
    ringed = values[confirmed].T
    axes.scatter(*ringed, s=2.2 * size, facecolors="none", edgecolors="0.25", linewidths=0.5)
    return axes.scatter(*values[order].T, c=np.clip(score[order], low, None), s=size, norm=norm, cmap="viridis", lw=0)


def _draw_rates(
    axes: Axes,
    values: np.ndarray,
    confirmed: np.ndarray,
    edges: Sequence[np.ndarray],
    limits: Sequence[tuple[float, float]],
) -> Any:
    """Draw the share of confirmed targets in each bin, and how many targets there are; return the mesh."""
    known = np.all(np.isfinite(values), axis=1)
    places = [np.searchsorted(ends, column[known], side="right") - 1
              for ends, column in zip(edges, values.T, strict=True)]  # fmt: skip
    count = np.zeros([len(ends) - 1 for ends in edges], dtype=int)
    right = np.zeros_like(count)
    np.add.at(count, tuple(places), 1)
    np.add.at(right, tuple(places), confirmed[known])
    share = np.ma.masked_array(right / np.maximum(count, 1), mask=count == 0)
    ends = [np.clip(one, *limit) for one, limit in zip(edges, limits, strict=True)]
    mesh = axes.pcolormesh(*ends, share.T, vmin=0, vmax=1, cmap="Blues")
    middle = [(one[1:] + one[:-1]) / 2 for one in ends]
    for (i, j), number in np.ndenumerate(count):
        if number:
            colour = "white" if share[i, j] > 0.6 else "0.25"
            axes.text(
                float(middle[0][i]),
                float(middle[1][j]),
                str(number),
                ha="center",
                va="center",
                fontsize=8,
                color=colour,
            )
    return mesh


def _draw_cuts(axes: Axes, cuts: Mapping[str, validate.TargetCut], limits: Sequence[tuple[float, float]]) -> None:
    """Draw the outlines of cuts, open sides at the limits of the axes."""
    (left, right), (bottom, top) = limits
    for colour, (label, cut) in zip(_CUTS, cuts.items(), strict=False):
        x = np.clip([cut.low[0], cut.high[0]], left, right)
        below, above = cut.low[1] + cut.slope * x, cut.high[1] + cut.slope * x
        y = np.r_[np.where(np.isfinite(below), below, bottom), np.where(np.isfinite(above), above, top)[::-1]]
        axes.plot([*x, *x[::-1], x[0]], [*y, y[0]], color=colour, lw=1.8, label=label)


def _limits(values: np.ndarray, edges: np.ndarray) -> tuple[float, float]:
    """Return what is drawn of a quantity: the bins that are finite and one more on each side, or all values."""
    inner = edges[np.isfinite(edges)]
    if len(inner) < 2:
        known = values[np.isfinite(values)]
        margin = 0.05 * np.ptp(known) or 0.5
        return float(known.min() - margin), float(known.max() + margin)
    step = inner[1] - inner[0]
    return float(inner[0] - step), float(inner[-1] + step)
