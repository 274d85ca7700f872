"""A spectrum with its best fit, and its χ² curve, as [M, fig. 3]."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

from jaxz.likelihood import best_fit, fitted_flux, sigma_of
from jaxz.models.templates import AbstractTemplates
from jaxz.plot.style import BLUE, RED
from jaxz.redshift import Redshifts
from jaxz.scan import ZScan
from jaxz.spectra import Spectra

_RAW, _MODEL, _NOISE = "#b9c6d2", "#c1121f", "#e9c46a"
SMOOTH_BELOW, SMOOTH_OVER = 3.0, 5
"""Median signal-to-noise of a pixel below which a spectrum is drawn smoothed, and over how many pixels."""

_SCORES = {
    "significance": "significance (Δχ²) = {:.3g}",
    "robustness": "R = {:.3g}",
    "deltachi2": "χ² to the next = {:,.1f}",
    "pconf": "P within 0.005(1+z) = {:.2f}",
}
SCORES = tuple(_SCORES)
"""Names of the scores that are written into a figure: those of `Redshifts`; a catalog has them in capitals."""


@dataclasses.dataclass(frozen=True, eq=False)
class ZFit:
    """One spectrum and what is known of its redshift: all that its figure shows.

    Attributes:
        spectrum: one.
        z: redshift, NaN if it has none.
        zerr: 1 σ error, NaN if it is not known.
        zwarn: `ZWarn` bits.
        model: (pix,) flux of the best fit, NaN where there is none, or None.
        basis: (pix,) that of its basis alone, where an error model lets the continuum differ, or None.
        sigma: (pix,) noise with the error model's floor, NaN in pixels that it leaves out, or None.
        zalt: (cand,) candidates, best first; NaN where there are fewer.
        zalt_chi2: (cand,) their χ²; NaN where it is not known.
        scores: by name (see `SCORES`); those that are missing or NaN are not written.
        curve: (shift,) trial redshifts and (shift,) χ² there, or None.
        zrange: lowest and highest trial redshift, where there is no curve to tell, or None.
    """

    spectrum: Spectra
    z: float
    zerr: float
    zwarn: int
    model: np.ndarray | None
    zalt: np.ndarray
    zalt_chi2: np.ndarray
    scores: Mapping[str, float]
    curve: tuple[np.ndarray, np.ndarray] | None = None
    zrange: tuple[float, float] | None = None
    basis: np.ndarray | None = None
    sigma: np.ndarray | None = None

    @classmethod
    def of(cls, spectra: Spectra, scan: ZScan, redshifts: Redshifts, row: int) -> "ZFit":
        """Return what is known of spectrum `row`, whose best fit is computed again.

        Args:
            spectra: that were scanned.
            scan: of `spectra`.
            redshifts: of `spectra`.
            row: of the spectrum.
        """
        spectrum, z = spectra[[row]], redshifts.z[row]
        fitted = redshifts.models[redshifts.which[row]]
        basis = sigma = None
        if isinstance(fitted, AbstractTemplates) and fitted.error is not None and np.isfinite(z):
            coeff = redshifts.coeff[[row], : redshifts.ncoeff[row]]
            basis = fitted_flux(spectrum, fitted.basis, np.array([z]), coeff)[0]
            sigma = sigma_of(spectrum, fitted.error, fitted.step)[0]
        return cls(
            spectrum=spectrum,
            z=float(z),
            zerr=float(redshifts.zerr[row]),
            zwarn=int(redshifts.zwarn[row]),
            model=best_fit(spectrum, fitted, np.array([z]))[0] if np.isfinite(z) else None,
            zalt=redshifts.zalt[row],
            zalt_chi2=redshifts.zalt_chi2[row],
            scores={name: float(getattr(redshifts, name)[row]) for name in SCORES},
            curve=(scan.z, np.asarray(scan.chi2[row], dtype=np.float64)),
            basis=basis,
            sigma=sigma,
        )


def plot_fit(fit: ZFit, *, lines: Mapping[str, float]) -> Figure:
    """Return a figure of one spectrum as [M, fig. 3]: (a) its best fit, (b) its χ²(z) curve, or its candidates alone.

    Args:
        fit: what to draw.
        lines: name and rest wavelength (vacuum Å) of the spectral lines to label.
    """
    figure = Figure(figsize=(11, 8), layout="constrained")
    draw_fit(figure, fit, lines)
    figure.suptitle(describe(fit), fontsize=13)
    return figure


def draw_fit(figure: FigureBase, fit: ZFit, lines: Mapping[str, float]) -> None:
    """Draw a spectrum, what is left of it where an error model says how much that may be, and its curve."""
    if fit.sigma is None or fit.model is None:
        top, bottom = figure.subplots(2, 1, height_ratios=[1.25, 1])
    else:
        top, middle, bottom = figure.subplots(3, 1, height_ratios=[1.25, 0.4, 1.1])
        draw_residual(middle, fit.spectrum, fit.model, fit.sigma)
    draw_spectrum(top, fit.spectrum, fit.model, fit.z, lines, basis=fit.basis)
    draw_curve(bottom, fit)


def describe(fit: ZFit) -> str:
    """Return the name, redshift and error of a spectrum in one line."""
    name = fit.spectrum.ids[0]
    if not np.isfinite(fit.z):
        return f"{name}: no redshift"
    flag = f"   ZWARN = {fit.zwarn}" if fit.zwarn else ""
    digits = 2 - math.floor(math.log10(fit.zerr)) - 1 if 0 < fit.zerr < 1 else 5
    error = "" if np.isnan(fit.zerr) else f" ± {fit.zerr:.{digits}f}"
    return f"{name}   z = {fit.z:.{digits}f}{error}{flag}"


def draw_residual(axes: Axes, spectrum: Spectra, model: np.ndarray, sigma: np.ndarray) -> None:
    """Draw what the model leaves of a spectrum, in units of the noise with the error model's floor.

    Pixels that the error model leaves out are marked at the bottom.

    Args:
        axes: to draw on.
        spectrum: one.
        model: (pix,) best fit.
        sigma: (pix,) noise with the floor, NaN in pixels that are left out.
    """
    wave, good = spectrum.wave[0], spectrum.ivar[0] > 0
    axes.axhspan(-1, 1, color="0.9", lw=0)
    axes.step(wave, (spectrum.flux[0] - model) / sigma, where="mid", color=BLUE, lw=0.5)
    out = good & np.isnan(sigma)
    axes.plot(wave[out], np.full(np.count_nonzero(out), -5.5), "|", color=RED, ms=6, label="left out")
    axes.set_xlim(wave[good].min(), wave[good].max())
    axes.set_ylim(-6, 6)
    axes.set_ylabel("residual (σ with\nerror model)", fontsize=9)
    if out.any():
        axes.legend(loc="lower right", fontsize=8)


def draw_spectrum(
    axes: Axes,
    spectrum: Spectra,
    model: np.ndarray | None,
    z: float,
    lines: Mapping[str, float],
    *,
    basis: np.ndarray | None = None,
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
        basis: (pix,) the basis alone, where the best fit is more, or None.
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
        whole = "" if basis is None else ": basis and continuum distortion"
        axes.plot(wave, model, color=_MODEL, lw=1, label=f"best fit{whole}{', likewise' if how else ''}")
    if basis is not None:
        axes.plot(wave, _smooth(basis, ivar, width), color=_MODEL, lw=0.8, alpha=0.35, label="basis alone")
    axes.set_xlim(wave[good].min(), wave[good].max())
    axes.set_ylim(*_flux_range(shown, noise, model))
    axes.set_xlabel("observed wavelength, vacuum (Å)", fontsize=11)
    axes.set_ylabel("flux density (unit of the file)", fontsize=11)
    axes.legend(loc="upper right", ncols=4, fontsize=9, framealpha=0.85)
    if np.isfinite(z):
        _label_lines(axes, {name: (1 + z) * rest for name, rest in lines.items()})


def draw_curve(axes: Axes, fit: ZFit) -> None:
    """Draw χ²(z) of one spectrum with its candidates, numbered from the best, and its scores.

    Without a curve each candidate is drawn as a stem that ends at its χ².

    Args:
        axes: to draw on.
        fit: what to draw.
    """
    axes.set_xlabel("redshift", fontsize=11)
    found = np.isfinite(fit.zalt)
    if fit.curve is not None and np.isfinite(fit.curve[1]).any():
        _draw_line(axes, *fit.curve, fit.zalt[found])
    elif np.any(found & np.isfinite(fit.zalt_chi2)):
        found &= np.isfinite(fit.zalt_chi2)
        _draw_stems(axes, fit.zalt[found], fit.zalt_chi2[found], fit.zrange)
    else:
        axes.set_ylabel("χ²", fontsize=11)
        axes.text(0.5, 0.5, "no χ² curve", transform=axes.transAxes, ha="center")
        return
    known = {name: value for name, value in fit.scores.items() if np.isfinite(value)}
    scores = "    ".join(form.format(known[name]) for name, form in _SCORES.items() if name in known)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
    axes.text(0.01, 0.965, scores, transform=axes.transAxes, ha="left", va="top", fontsize=10, bbox=box)


def _draw_line(axes: Axes, z: np.ndarray, chi2: np.ndarray, zalt: np.ndarray) -> None:
    """Draw a curve, and candidates on it with their names below."""
    axes.set_ylabel("χ²", fontsize=11)
    axes.plot(z, chi2, color=BLUE, lw=0.7)
    quartile = float(np.nanpercentile(chi2, 25))
    axes.axhline(quartile, color="0.45", lw=0.8, ls=":")
    axes.text(z[-1], quartile, "first quartile ", ha="right", va="top", fontsize=9, color="0.35")
    axes.set_xlim(z[0], z[-1])
    _leave_room(axes, float(np.nanmin(chi2)), float(np.nanmax(chi2)), below=0.22, above=0.16)
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
    columns = _spread(zalt, 0.085 * span, first + 0.045 * span, last - 0.045 * span)
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
