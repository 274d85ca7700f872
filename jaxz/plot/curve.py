"""χ²(z) of a spectrum, or its candidates alone, as the lower panel of [M, fig. 3]."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from jaxz.plot.labels import spread
from jaxz.plot.style import BLUE, RED

_SCORES = {
    "significance": "fractional depth = {:.3g}",
    "robustness": "R = {:.3g}",
    "deltachi2": "Δχ² to the next = {:,.1f}",
    "pconf": "P within 0.005(1+z) = {:.2f}",
    "detection": "detection |Δχ²| = {:.1f}",
}
SCORES = ("significance", "robustness", "deltachi2", "pconf")
"""Scores of a fit that are written into its figure, by their names in `Redshifts`; a catalog has them in capitals."""


def draw_curve(
    axes: Axes,
    curve: tuple[np.ndarray, np.ndarray] | None,
    zalt: np.ndarray,
    zalt_chi2: np.ndarray,
    *,
    zrange: tuple[float, float] | None = None,
    scores: Mapping[str, float] | None = None,
) -> None:
    """Draw χ²(z) of one spectrum with its candidates, numbered from the best, and its scores.

    Without a curve each candidate is drawn as a stem that ends at its χ².

    Args:
        axes: to draw on.
        curve: (shift,) trial redshifts and (shift,) χ² there, or None.
        zalt: (cand,) candidates, best first; NaN where there are fewer.
        zalt_chi2: (cand,) their χ²; NaN where it is not known.
        zrange: lowest and highest trial redshift, where there is no curve to tell, or None.
        scores: by name (see `SCORES`); those that are NaN are not written.

    Example:
        >>> from matplotlib.figure import Figure
        >>> figure, z = Figure(), np.linspace(0.0, 1.0, 101)
        >>> curve = z, 100 + (10 * (z - 0.3)) ** 2
        >>> jaxz.plot.draw_curve(figure.subplots(), curve, np.array([0.3]), np.array([100.0]))
        >>> figure.savefig("curve.png")
    """
    axes.set_label("curve")
    axes.set_xlabel("redshift", fontsize=11)
    found = np.isfinite(zalt)
    if curve is not None and np.isfinite(curve[1]).any():
        _draw_line(axes, *curve, zalt[found])
    elif np.any(found & np.isfinite(zalt_chi2)):
        found &= np.isfinite(zalt_chi2)
        _draw_stems(axes, zalt[found], zalt_chi2[found], zrange)
    else:
        axes.set(ylabel="χ²", xticks=[], yticks=[])
        axes.text(0.5, 0.5, "no χ² curve", transform=axes.transAxes, ha="center")
        return
    known = {name: value for name, value in (scores or {}).items() if np.isfinite(value)}
    said = "    ".join(form.format(known[name]) for name, form in _SCORES.items() if name in known)
    # Above the axes, where it hides nothing.
    axes.text(0, 1.03, said, transform=axes.transAxes, ha="left", va="bottom", fontsize=10)


def _draw_line(axes: Axes, z: np.ndarray, chi2: np.ndarray, zalt: np.ndarray) -> None:
    """Draw a curve, and candidates on it with their names below."""
    axes.set_ylabel("χ² of the scan", fontsize=11)
    axes.plot(z, chi2, color=BLUE, lw=0.7)
    quartile = float(np.nanpercentile(chi2, 25))
    axes.axhline(quartile, color="0.45", lw=0.8, ls=":")
    axes.text(z[-1], quartile, "first quartile ", ha="right", va="top", fontsize=9, color="0.35")
    axes.set_xlim(z[0], z[-1])
    _leave_room(axes, float(np.nanmin(chi2)), float(np.nanmax(chi2)), below=0.22, above=0.05)
    depth = np.interp(zalt, z, chi2)
    axes.vlines(zalt[:1], depth[:1], axes.get_ylim()[1], color=RED, lw=1, ls="--")
    _mark_candidates(axes, zalt, depth)
    _name_candidates(axes, zalt, depth, 0.03, {"shrinkB": 4})


def _draw_stems(axes: Axes, zalt: np.ndarray, chi2: np.ndarray, zrange: tuple[float, float] | None) -> None:
    """Draw candidates as stems that hang from their names down to χ², as the minima of a curve would."""
    axes.set_ylabel("χ² of candidates, native pixels", fontsize=10)
    low, high = zalt.min(), zalt.max()
    margin = 0.1 * (high - low) or 0.1 * (1 + high)
    first, last = zrange or (low - margin, high + margin)
    axes.set_xlim(min(first, low), max(last, high))
    _leave_room(axes, float(chi2.min()), float(chi2.max()), below=0.12, above=0.7)
    _, top = axes.transData.inverted().transform(axes.transAxes.transform((0, 0.7)))
    axes.vlines(zalt[1:], chi2[1:], top, color=BLUE, lw=0.9)
    axes.vlines(zalt[:1], chi2[:1], top, color=RED, lw=1.2)
    _mark_candidates(axes, zalt, chi2)
    _name_candidates(axes, zalt, np.full(len(zalt), top), 0.82, {"shrinkB": 0, "relpos": (0.5, 0)})


def _mark_candidates(axes: Axes, zalt: np.ndarray, chi2: np.ndarray) -> None:
    # A marker of nothing that is not clipped has an extent that no layout survives.
    if len(zalt) > 1:
        axes.plot(zalt[1:], chi2[1:], "o", ms=5, mfc="none", color=RED, clip_on=False)
    axes.plot(zalt[:1], chi2[:1], "o", ms=6, color=RED, clip_on=False)


def _name_candidates(axes: Axes, zalt: np.ndarray, tips: np.ndarray, height: float, ends: Mapping[str, object]) -> None:
    """Write rank and redshift of candidates, best first, at a height of the axes, with lines to (zalt, tips).

    Args:
        axes: to write on.
        zalt, tips: (cand,) where the lines go, in units of the axes.
        height: of the text, as a fraction of the axes.
        ends: where lines begin and end, as matplotlib's `arrowprops` have it.
    """
    first, last = axes.get_xlim()
    span = last - first
    columns = spread(zalt, 0.085 * span, first + 0.045 * span, last - 0.045 * span)
    for rank, (z, tip, column) in enumerate(zip(zalt, tips, columns, strict=True)):
        axes.annotate(
            f"{'best' if rank == 0 else rank + 1}: {z:.4f}",
            xy=(z, tip),
            xytext=(column, height),
            textcoords=("data", "axes fraction"),
            ha="center",
            fontsize=9,
            color=RED if rank == 0 else "0.15",
            arrowprops={"arrowstyle": "-", "color": "0.6", "lw": 0.6, "shrinkA": 1, **ends},
        )


def _leave_room(axes: Axes, low: float, high: float, *, below: float, above: float) -> None:
    """Set a range with room for text at the bottom and top, logarithmic where the values differ by much."""
    if low > 0 and high > 5 * low:
        axes.set_yscale("log")
        axes.set_ylim(low * (low / high) ** below, high * (high / low) ** above)
    else:
        room = (high - low) or 1.0
        axes.set_ylim(low - below * room, high + above * room)
        axes.ticklabel_format(axis="y", useOffset=False)
