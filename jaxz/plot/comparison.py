"""Found against true redshifts, as [M, fig. 7]."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from jaxz import validate
from jaxz.plot.style import BLUE, GREY, RED, Figure
from jaxz.summary import LIGHT_SPEED

MANY = 100
"""Redshifts from which on points are drawn small."""


def plot_comparison(z: np.ndarray, ztrue: np.ndarray, *, tolerance: float = validate.TOLERANCE) -> Figure:
    """Return a figure of found against true redshifts, with their differences below.

    Args:
        z: (spec,) found; NaN is left out of the figure and counted in its legend.
        ztrue: (spec,) true.
        tolerance: largest relative error of a good redshift.

    Example:
        >>> z = np.array([0.1, 0.2, 1.4])
        >>> figure = jaxz.plot.plot_comparison(z, np.array([0.1, 0.2, 0.3]))
        >>> figure.savefig("redshifts.png")
    """
    figure = Figure(figsize=(6.5, 8), layout="constrained")
    draw_panels(figure, z, ztrue, tolerance)
    return figure


def draw_panels(figure: FigureBase, z: np.ndarray, ztrue: np.ndarray, tolerance: float) -> None:
    """Draw the comparison and the differences, one above the other, on a figure or a part of one."""
    top, bottom = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    draw_comparison(top, z, ztrue, tolerance)
    top.set_xlabel("")
    draw_differences(bottom, z, ztrue, tolerance)


def draw_comparison(axes: Axes, z: np.ndarray, ztrue: np.ndarray, tolerance: float) -> None:
    """Draw found against true redshifts, the line z = ztrue and the confusion of [O II] with Lyα."""
    good = validate.is_good(z, ztrue, tolerance=tolerance)
    wrong = ~good & np.isfinite(z)
    top = 1.06 * max(np.max(ztrue, initial=0.1), np.max(z[np.isfinite(z)], initial=0.1))
    line = np.array([0.0, top])
    axes.plot(line, line, color=GREY, lw=0.8, zorder=1)
    lya, oii = validate.STRONG_LINES["Lyα"], validate.STRONG_LINES["[O II]"]
    for ratio in (lya / oii, oii / lya):
        axes.plot(line, (1 + line) * ratio - 1, color=GREY, lw=0.8, ls="--", zorder=1)
    few = len(z) < MANY
    axes.plot(ztrue[good], z[good], "o", ms=5 if few else 2.5, color=BLUE, label=f"good: {good.sum()}")
    axes.plot(
        ztrue[wrong],
        z[wrong],
        "X",
        ms=8 if few else 5,
        color=RED,
        label=f"not within {tolerance:g}(1+z): {wrong.sum()}",
    )
    if missing := int(np.count_nonzero(~np.isfinite(z))):
        axes.plot([], [], " ", label=f"no redshift: {missing}")
    axes.plot([], [], color=GREY, lw=0.8, ls="--", label="[O II] and Lyα confused")
    axes.set_xlim(0, top)
    axes.set_ylim(0, top)
    axes.set_xlabel("true redshift", fontsize=11)
    axes.set_ylabel("found redshift", fontsize=11)
    # Above the axes, as failures may be anywhere in them.
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=9)
    fraction = validate.good_fraction(z, ztrue, tolerance=tolerance)
    axes.set_title(
        f"good fraction {100 * fraction.value:.1f} %   (95 %: {100 * fraction.low:.1f} to {100 * fraction.high:.1f})",
        fontsize=12,
        pad=38,
    )


def draw_differences(axes: Axes, z: np.ndarray, ztrue: np.ndarray, tolerance: float) -> None:
    """Draw the velocity errors c (z - ztrue) / (1 + ztrue) of the good redshifts."""
    good = validate.is_good(z, ztrue, tolerance=tolerance)
    velocity = LIGHT_SPEED * validate.velocity_error(z, ztrue)
    axes.axhline(0, color=GREY, lw=0.8)
    axes.plot(ztrue[good], velocity[good], "o", ms=4 if len(z) < MANY else 2.5, color=BLUE)
    axes.set_xlabel("true redshift", fontsize=11)
    axes.set_ylabel("error of the good\n(km/s)", fontsize=11)
