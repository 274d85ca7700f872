"""The good fraction in bins, as [M, fig. 9]."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from jaxz import validate
from jaxz.plot.style import BLUE, GREY, Figure


def plot_bins(
    z: np.ndarray,
    ztrue: np.ndarray,
    bins: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    tolerance: float = validate.TOLERANCE,
) -> Figure:
    """Return a figure of the good fraction in bins of each quantity, with its 68 % Wilson interval.

    Args:
        z: (spec,) found redshifts; NaN counts as not good.
        ztrue: (spec,) true redshifts.
        bins: for each panel its name, the (spec,) values that are binned and the (bins + 1,) edges. Bins are drawn
            equally wide, so that the first may begin at -∞ and the last end at ∞.
        tolerance: largest relative error of a good redshift.

    Example:
        >>> z, ztrue = np.array([0.1, 0.2, 1.4]), np.array([0.1, 0.2, 0.3])
        >>> figure = jaxz.plot.plot_bins(z, ztrue, {"true redshift": (ztrue, np.array([0.0, 0.15, 0.5]))})
        >>> figure.savefig("bins.png")
    """
    figure = Figure(figsize=(9, 0.6 + 2.9 * len(bins)), layout="constrained")
    panels = figure.subplots(len(bins), 1, squeeze=False)[:, 0]
    for axes, (name, (values, edges)) in zip(panels, bins.items(), strict=True):
        draw_bins(axes, validate.good_fraction_in_bins(z, ztrue, values, edges, tolerance=tolerance), edges)
        axes.set_xlabel(name, fontsize=11)
    return figure


def draw_bins(axes: Axes, fractions: list[validate.GoodFraction], edges: np.ndarray) -> None:
    """Draw the good fraction of each bin, its interval, and under it the number of spectra in the bin."""
    for place, one in enumerate(fractions):
        middle = place + 0.5
        axes.text(middle, -0.1, str(one.ntotal), ha="center", va="center", fontsize=9, color="0.35")
        if one.ntotal:
            axes.fill_between([place, place + 1], one.low, one.high, color=BLUE, alpha=0.2, lw=0)
            axes.plot([place, place + 1], [one.value, one.value], color=BLUE, lw=2)
    axes.text(-0.1, -0.1, "number", ha="right", va="center", fontsize=9, color="0.35")
    axes.axhline(1, color=GREY, lw=0.8, ls=":")
    axes.set_xlim(0, len(fractions))
    axes.set_ylim(-0.2, 1.05)
    axes.set_yticks(np.linspace(0, 1, 6))
    inner = [place for place, edge in enumerate(edges) if np.isfinite(edge)]
    axes.set_xticks(inner, [f"{edges[place]:g}" for place in inner])
    axes.set_ylabel(f"good fraction\n({100 * validate.BIN_LEVEL:.0f} % interval)", fontsize=11)
