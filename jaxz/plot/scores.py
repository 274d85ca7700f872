"""The scores of redshifts: errors against them, as [M, fig. 8], and what thresholds on them keep, as [M, fig. 11]."""

import numpy as np
from matplotlib.axes import Axes

from jaxz import validate
from jaxz.plot.style import BLUE, GREY, RED, Figure, count_up

_COMPLETENESS, _PURITY = "0.2", "#d98e04"
LEAST_ERROR, LEAST_SIGNIFICANCE = 1e-6, 1e-4
"""What is smaller is drawn here, as the axes are logarithmic."""


def plot_errors(
    z: np.ndarray,
    ztrue: np.ndarray,
    significance: np.ndarray,
    robustness: np.ndarray,
    *,
    tolerance: float = validate.TOLERANCE,
) -> Figure:
    """Return a figure of the relative error of each redshift against (a) its significance and (b) its robustness.

    Args:
        z: (spec,) found redshifts; NaN is left out.
        ztrue: (spec,) true redshifts.
        significance: (spec,) 1 - χ²min / Q1(χ²) [M, eq. 7].
        robustness: (spec,) (min2 - min1) / σ(χ² ≤ Q1) [M, eq. 8].
        tolerance: largest relative error of a good redshift.

    Example:
        >>> z, ztrue = np.array([0.1, 0.2, 1.4]), np.array([0.1, 0.2, 0.3])
        >>> figure = jaxz.plot.plot_errors(z, ztrue, np.array([0.5, 0.2, 0.01]), np.array([9.0, 5.0, 1.0]))
        >>> figure.savefig("errors.png")
    """
    figure = Figure(figsize=(11, 4.8), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    error = np.maximum(validate.relative_error(z, ztrue), LEAST_ERROR)
    good = validate.is_good(z, ztrue, tolerance=tolerance)
    wrong = ~good & np.isfinite(error)
    _name_axes(left, right)
    left.set_yscale("log")
    left.set_ylim(0.5 * LEAST_ERROR, 10)
    for axes, (score, threshold) in zip((left, right), _scores(significance, robustness), strict=True):
        axes.plot(score[good], error[good], "o", ms=3, alpha=0.6, color=BLUE, label=f"good: {good.sum()}")
        axes.plot(score[wrong], error[wrong], "X", ms=6, color=RED, label=f"wrong: {wrong.sum()}")
        axes.axhline(tolerance, color=GREY, lw=0.8, ls="--", label=f"tolerance: {tolerance:g}")
        axes.axvline(threshold, color=GREY, lw=0.8, ls=":", label=f"published threshold: {threshold:g}")
        # Above the axes, as failures may be anywhere in them.
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=9)
    left.set_ylabel("relative error |Δz|/(1+z)", fontsize=11)
    return figure


def plot_separation(
    significance: np.ndarray, robustness: np.ndarray, positive: np.ndarray, *, names: tuple[str, str]
) -> Figure:
    """Return a figure of both scores: above how positives and the rest are distributed, below what thresholds keep.

    Args:
        significance: (spec,) [M, eq. 7]; NaN is kept at no threshold.
        robustness: (spec,) [M, eq. 8]; likewise.
        positive: (spec,) bool, what is to be kept.
        names: of the positives and of the rest, e.g. "true sources" and "blank sources".

    Example:
        >>> significance, robustness = np.array([0.5, 0.2, 0.01]), np.array([9.0, 5.0, 1.0])
        >>> figure = jaxz.plot.plot_separation(
        ...     significance, robustness, np.array([True, True, False]), names=("sources", "blank")
        ... )
        >>> figure.savefig("separation.png")
    """
    figure = Figure(figsize=(11, 7), layout="constrained")
    panels = figure.subplots(2, 2, sharex="col", height_ratios=[1, 1.1])
    _name_axes(*panels[1])
    for (top, bottom), (score, threshold) in zip(panels.T, _scores(significance, robustness), strict=True):
        _draw_histograms(top, score, positive, names)
        count_up(top)
        draw_separation(bottom, validate.separation(score, positive))
        for axes in (top, bottom):
            axes.axvline(threshold, color=GREY, lw=0.8, ls=":", label=f"published threshold: {threshold:g}")
        top.set_ylim(0, 1.3 * top.get_ylim()[1])
        top.legend(loc="upper right", fontsize=9)
    for axes in panels[1]:
        axes.legend(loc="best", fontsize=9)
    panels[1, 0].set_ylabel("fraction", fontsize=11)
    return figure


def draw_separation(axes: Axes, found: validate.Separation) -> None:
    """Draw completeness and purity against the threshold, and where they balance."""
    # Between two scores a threshold keeps what the higher one keeps.
    axes.step(found.threshold, found.completeness, where="pre", color=_COMPLETENESS, lw=1.5, label="completeness")
    axes.step(found.threshold, found.purity, where="pre", color=_PURITY, lw=1.5, label="purity")
    best = found.balanced()
    if np.isfinite(best.threshold):
        label = f"balance at {best.threshold:.3g}: {best.completeness:.3f} and {best.purity:.3f}"
        axes.plot(best.threshold, best.completeness, "o", ms=7, mfc="none", color="0.15", label=label)
    axes.set_ylim(0, 1.04)


def _draw_histograms(axes: Axes, score: np.ndarray, positive: np.ndarray, names: tuple[str, str]) -> None:
    shown = np.isfinite(score)
    if not shown.any():
        axes.text(0.5, 0.5, "no score", transform=axes.transAxes, ha="center")
        return
    if axes.get_xscale() == "log":
        # A little wider than the scores, whose logarithms are rounded.
        edges = np.geomspace(0.9999 * score[shown].min(), 1.0001 * score[shown].max(), 31).tolist()
    else:
        edges = np.histogram_bin_edges(score[shown], 30).tolist()
    for name, colour, chosen in ((names[0], BLUE, shown & positive), (names[1], RED, shown & ~positive)):
        axes.hist(score[chosen], edges, histtype="stepfilled", color=colour, alpha=0.35)
        axes.hist(score[chosen], edges, histtype="step", color=colour, lw=1.2, label=f"{name}: {chosen.sum()}")


def _scores(significance: np.ndarray, robustness: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Return both scores as they are drawn, each with the paper's threshold."""
    return [(np.maximum(significance, LEAST_SIGNIFICANCE), validate.SIGNIFICANT), (robustness, validate.ROBUST)]


def _name_axes(left: Axes, right: Axes) -> None:
    left.set_xscale("log")
    left.set_xlim(0.7 * LEAST_SIGNIFICANCE, 1.4)
    left.set_xlabel("significance: fractional depth 1 − χ²min/Q1(χ²)", fontsize=11)
    right.set_xlabel("robustness R", fontsize=11)
