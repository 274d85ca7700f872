"""A spectrum with its best fit, and its χ² curve, as [M, fig. 3]."""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

from jaxz.likelihood import best_fit
from jaxz.plot.style import BLUE, RED
from jaxz.redshift import Redshifts
from jaxz.scan import ZScan
from jaxz.spectra import Spectra

_RAW, _MODEL, _NOISE = "#b9c6d2", "#c1121f", "#e9c46a"
SMOOTH_BELOW, SMOOTH_OVER = 3.0, 5
"""Median signal-to-noise of a pixel below which a spectrum is drawn smoothed, and over how many pixels."""


def plot_fit(
    spectra: Spectra, scan: ZScan, redshifts: Redshifts, *, row: int = 0, lines: Mapping[str, float]
) -> Figure:
    """Return a figure of one spectrum as [M, fig. 3]: (a) its best fit, (b) its χ²(z) curve.

    Args:
        spectra: that were scanned.
        scan: of `spectra`.
        redshifts: of `spectra`.
        row: of the spectrum.
        lines: name and rest wavelength (vacuum Å) of the spectral lines to label.
    """
    figure = Figure(figsize=(11, 8), layout="constrained")
    draw_fit(figure, spectra, scan, redshifts, row, lines)
    figure.suptitle(describe(redshifts, row), fontsize=13)
    return figure


def draw_fit(
    figure: FigureBase,
    spectra: Spectra,
    scan: ZScan,
    redshifts: Redshifts,
    row: int,
    lines: Mapping[str, float],
) -> None:
    """Draw the spectrum and the curve of `row`, one above the other, on a figure or a part of one."""
    top, bottom = figure.subplots(2, 1, height_ratios=[1.25, 1])
    z = redshifts.z[row]
    fitted = redshifts.models[redshifts.which[row]]
    model = best_fit(spectra[[row]], fitted, np.array([z]))[0] if np.isfinite(z) else None
    draw_spectrum(top, spectra[[row]], model, z, lines)
    draw_curve(bottom, scan, redshifts, row)


def describe(redshifts: Redshifts, row: int) -> str:
    """Return the name, redshift and error of spectrum `row` in one line."""
    name = redshifts.ids[row]
    if not np.isfinite(redshifts.z[row]):
        return f"{name}: no redshift"
    flag = f"   ZWARN = {redshifts.zwarn[row]}" if redshifts.zwarn[row] else ""
    z, error = float(redshifts.z[row]), float(redshifts.zerr[row])
    digits = 2 - math.floor(math.log10(error)) - 1 if 0 < error < 1 else 5
    return f"{name}   z = {z:.{digits}f} ± {error:.{digits}f}{flag}"


def draw_spectrum(
    axes: Axes, spectrum: Spectra, model: np.ndarray | None, z: float, lines: Mapping[str, float]
) -> None:
    """Draw one spectrum, its noise, its model and the names of the lines above it.

    A spectrum of median signal-to-noise below 3 per pixel is drawn smoothed, over its pixels in a pale colour, and so
    is its model.

    Args:
        axes: to draw on.
        spectrum: one.
        model: (pix,) best fit, or None.
        z: redshift at which lines are labelled; none are if it is NaN.
        lines: name and rest wavelength, vacuum Å.
    """
    wave, flux, ivar = spectrum.wave[0], spectrum.flux[0], spectrum.ivar[0]
    good = ivar > 0
    if not good.any():
        axes.text(0.5, 0.5, "no good pixel", transform=axes.transAxes, ha="center")
        return
    noise = np.full(wave.shape, np.nan)
    noise[good] = 1 / np.sqrt(ivar[good])
    width = 1 if np.median(np.abs(flux[good]) / noise[good]) >= SMOOTH_BELOW else SMOOTH_OVER
    how = f", smoothed over {width} pixels" if width > 1 else ""
    shown = _smooth(flux, ivar, width)
    if width > 1:
        axes.step(wave, np.where(good, flux, np.nan), where="mid", color=_RAW, lw=0.5)
    axes.step(wave, shown, where="mid", color=BLUE, lw=0.8, label=f"spectrum{how}")
    axes.fill_between(wave, 0, noise, step="mid", color=_NOISE, alpha=0.5, lw=0, label="noise of a pixel (1 σ)")
    if model is not None:
        model = _smooth(model, ivar, width)
        axes.plot(wave, model, color=_MODEL, lw=1, label=f"best fit{', likewise' if how else ''}")
    axes.set_xlim(wave[good].min(), wave[good].max())
    axes.set_ylim(*_flux_range(shown, noise, model))
    axes.set_xlabel("observed wavelength, vacuum (Å)", fontsize=11)
    axes.set_ylabel("flux density (unit of the file)", fontsize=11)
    axes.legend(loc="upper right", ncols=3, fontsize=9, framealpha=0.85)
    if np.isfinite(z):
        _label_lines(axes, {name: (1 + z) * rest for name, rest in lines.items()})


def draw_curve(axes: Axes, scan: ZScan, redshifts: Redshifts, row: int) -> None:
    """Draw χ²(z) of one spectrum with its candidates, numbered from the best, and its scores.

    Args:
        axes: to draw on.
        scan: of the spectra.
        redshifts: of the spectra.
        row: of the spectrum.
    """
    chi2 = np.asarray(scan.chi2[row], dtype=np.float64)
    axes.set_xlabel("redshift", fontsize=11)
    axes.set_ylabel("χ²", fontsize=11)
    if not np.isfinite(chi2).any():
        axes.text(0.5, 0.5, "no χ² curve", transform=axes.transAxes, ha="center")
        return
    axes.plot(scan.z, chi2, color=BLUE, lw=0.7)
    quartile = float(np.nanpercentile(chi2, 25))
    axes.axhline(quartile, color="0.45", lw=0.8, ls=":")
    axes.text(scan.z[-1], quartile, "first quartile ", ha="right", va="top", fontsize=9, color="0.35")
    axes.set_xlim(scan.z[0], scan.z[-1])
    _leave_room(axes, float(np.nanmin(chi2)), float(np.nanmax(chi2)))
    found = redshifts.zalt[row][np.isfinite(redshifts.zalt[row])]
    depth = np.interp(found, scan.z, chi2)
    axes.plot(found[1:], depth[1:], "o", ms=5, mfc="none", color=RED)
    axes.plot(found[:1], depth[:1], "o", ms=6, color=RED)
    axes.vlines(found[:1], depth[:1], axes.get_ylim()[1], color=RED, lw=1, ls="--")
    span = scan.z[-1] - scan.z[0]
    columns = _spread(found, 0.085 * span, scan.z[0] + 0.045 * span, scan.z[-1] - 0.045 * span)
    for rank, (z, value, column) in enumerate(zip(found, depth, columns, strict=True)):
        axes.annotate(
            f"{'best' if rank == 0 else rank + 1}: {z:.4f}",
            xy=(z, value),
            xytext=(column, 0.03),
            textcoords=("data", "axes fraction"),
            ha="center",
            fontsize=9,
            color=RED if rank == 0 else "0.15",
            arrowprops={"arrowstyle": "-", "color": "0.6", "lw": 0.6, "shrinkA": 1, "shrinkB": 4},
        )
    scores = (
        f"significance (Δχ²) = {redshifts.significance[row]:.3g}    R = {redshifts.robustness[row]:.3g}    "
        f"χ² to the next = {redshifts.deltachi2[row]:,.1f}    P within 0.005(1+z) = {redshifts.pconf[row]:.2f}"
    )
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    axes.text(0.01, 0.965, scores, transform=axes.transAxes, ha="left", va="top", fontsize=10, bbox=box)


def _leave_room(axes: Axes, low: float, high: float) -> None:
    """Set a range with room for text at the bottom and top, logarithmic where the values differ by much."""
    if low > 0 and high > 5 * low:
        axes.set_yscale("log")
        axes.set_ylim(low * (low / high) ** 0.22, high * (high / low) ** 0.16)
    else:
        room = (high - low) or 1.0
        axes.set_ylim(low - 0.22 * room, high + 0.16 * room)


def _smooth(values: np.ndarray, ivar: np.ndarray, width: int) -> np.ndarray:
    """Return the mean over `width` pixels with weights ivar, NaN where the pixel itself is masked."""
    box = np.ones(width)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.convolve(np.where(ivar > 0, values, 0) * ivar, box, mode="same") / np.convolve(ivar, box, mode="same")
    return np.where(ivar > 0, mean, np.nan)


def _flux_range(shown: np.ndarray, noise: np.ndarray, model: np.ndarray | None) -> tuple[float, float]:
    """Return a range set by the quiet pixels and the model, so that residuals of bright sky lines do not set it."""
    quiet = np.isfinite(noise) & (noise < 2 * np.nanmedian(noise))
    low, high = np.nanpercentile(shown[quiet], [0.3, 99.7])
    if model is not None:
        low, high = min(low, model[quiet].min()), max(high, model[quiet].max())
    low = min(low, 0.0)
    room = (high - low) or 1.0
    return low - 0.06 * room, high + 0.16 * room


def _label_lines(axes: Axes, lines: Mapping[str, float]) -> None:
    """Mark lines in the axes and write their names above, moved apart where they would overlap."""
    first, last = axes.get_xlim()
    seen = sorted((wave, name) for name, wave in lines.items() if first < wave < last)
    waves = np.array([wave for wave, _ in seen])
    columns = _spread(waves, 0.016 * (last - first), first, last)
    for (wave, name), column in zip(seen, columns, strict=True):
        axes.axvline(wave, color="0.5", lw=0.6, ls=":", zorder=0)
        axes.annotate(
            name,
            xy=(wave, 1),
            xycoords=("data", "axes fraction"),
            xytext=(column, 1.05),
            textcoords=("data", "axes fraction"),
            rotation=90,
            ha="center",
            va="bottom",
            fontsize=9,
            arrowprops={"arrowstyle": "-", "color": "0.5", "lw": 0.5, "shrinkA": 0, "shrinkB": 0},
        )


def _spread(positions: np.ndarray, gap: float, low: float, high: float) -> np.ndarray:
    """Return positions at least `gap` apart, as near to the given ones as least squares can, in their order.

    With the gaps subtracted this is isotonic regression, solved by pooling neighbours that are out of order. Positions
    are kept between `low` and `high` unless there are too many.
    """
    order = np.argsort(positions)
    steps = gap * np.arange(len(order))
    blocks: list[tuple[float, int]] = []
    for value in positions[order] - steps:
        mean, count = float(value), 1
        while blocks and blocks[-1][0] > mean:
            before, size = blocks.pop()
            mean, count = (before * size + mean * count) / (size + count), size + count
        blocks.append((mean, count))
    placed = np.concatenate([np.full(count, mean) for mean, count in blocks]) if blocks else np.zeros(0)
    spread = np.empty(len(order))
    spread[order] = np.clip(placed, low, max(high - gap * (len(order) - 1), low)) + steps
    return spread
