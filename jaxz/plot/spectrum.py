"""A spectrum with its noise, its best fit and its lines; what the fit leaves; a closer look at the strongest lines."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

from jaxz.plot.labels import label_lines
from jaxz.plot.style import BLUE, RED
from jaxz.spectra import Spectra

_RAW, _MODEL, _NOISE = "#b9c6d2", "#c1121f", "#e9c46a"
SMOOTH_BELOW, SMOOTH_OVER = 3.0, 5
"""Median signal-to-noise of a pixel below which a spectrum is drawn smoothed, and over how many pixels."""

NZOOM, ZOOM = 3, 0.013
"""Lines to look at closely, and Δλ/λ that is shown on either side: both of [O III] with either of them."""

_WITHIN, _LEAST = 0.002, 3.0
"""Δλ/λ that a line has, and the S/N from which it is worth a closer look."""

_SEEN = 5.0
"""S/N of a pixel of a line, from which it has to be in the picture."""


class _Drawn(NamedTuple):
    """What is drawn of a spectrum, (pix,) each; NaN where there is no data."""

    flux: np.ndarray
    noise: np.ndarray
    model: np.ndarray | None
    basis: np.ndarray | None
    width: int

    def near(self, pixels: np.ndarray) -> "_Drawn":
        """Return some of the pixels, (pix,) bool."""
        model, basis = (values if values is None else values[pixels] for values in (self.model, self.basis))
        return _Drawn(self.flux[pixels], self.noise[pixels], model, basis, self.width)


def draw_spectrum(
    axes: Axes,
    spectrum: Spectra,
    model: np.ndarray | None,
    z: float,
    lines: Mapping[str, float],
    *,
    basis: np.ndarray | None = None,
) -> None:
    """Draw one spectrum, its noise, its model and the names of the lines above it; the legend is below.

    A spectrum of median signal-to-noise below 3 per pixel is drawn smoothed, over its pixels in a pale colour, and so
    is its model.

    Args:
        axes: to draw on.
        spectrum: one.
        model: (pix,) best fit, or None.
        z: redshift at which lines are labelled; none are if it is NaN.
        lines: name and rest wavelength, vacuum Å.
        basis: (pix,) the basis alone, where the best fit is more, or None.

    Example:
        >>> from matplotlib.figure import Figure
        >>> figure, wave = Figure(), np.linspace(5000.0, 6000.0, 101)
        >>> spectrum = jaxz.Spectra(wave, np.ones(101), np.full(101, 4.0), ids=["a"])
        >>> jaxz.plot.draw_spectrum(figure.subplots(), spectrum, np.ones(101), 0.1, {"[O III]": 5008.24})
        >>> figure.savefig("spectrum.png")
    """
    axes.set_label("spectrum")
    wave, good = spectrum.wave[0], spectrum.ivar[0] > 0
    if not good.any():
        axes.text(0.5, 0.5, "no good pixel", transform=axes.transAxes, ha="center")
        axes.set(xticks=[], yticks=[])
        return
    drawn = _drawn(spectrum, model, basis)
    _draw(axes, spectrum, drawn)
    axes.set_xlim(wave[good].min(), wave[good].max())
    seen = {name: (1 + z) * rest for name, rest in lines.items()} if np.isfinite(z) else {}
    axes.set_ylim(*_flux_range(wave, drawn, seen, outliers=0.3))
    axes.set_xlabel("vacuum wavelength (Å)", fontsize=9, loc="right")
    axes.set_ylabel(f"flux density\n({unit_of(spectrum)})", fontsize=9)
    # Below the axes, beside the name of the abscissa: nothing of the data is there.
    figure = axes.get_figure(root=True)
    assert figure is not None
    below = axes.transAxes + ScaledTranslation(0, -15 / 72, figure.dpi_scale_trans)
    options = {"ncols": 4, "fontsize": 8, "frameon": False, "borderaxespad": 0.0, "columnspacing": 1.2}
    axes.legend(loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=below, **options)
    label_lines(axes, seen)


def draw_zoom(
    axes: Axes,
    spectrum: Spectra,
    model: np.ndarray,
    centre: float,
    lines: Mapping[str, float],
    *,
    basis: np.ndarray | None = None,
) -> None:
    """Draw a spectrum and its model near one line.

    Args:
        axes: to draw on.
        spectrum: one.
        model: (pix,) best fit.
        centre: observed wavelength, Å.
        lines: name and observed wavelength of the lines to label.
        basis: (pix,) the basis alone, or None.
    """
    axes.set_label("zoom")
    drawn = _drawn(spectrum, model, basis)
    _draw(axes, spectrum, drawn)
    low, high = centre * (1 - ZOOM), centre * (1 + ZOOM)
    near = (spectrum.wave[0] > low) & (spectrum.wave[0] < high)
    axes.set_xlim(low, high)
    axes.set_ylim(*_flux_range(spectrum.wave[0, near], drawn.near(near), lines, outliers=0.0))
    axes.tick_params(labelsize=8)
    label_lines(axes, lines, gap=0.06)


def strongest_lines(spectrum: Spectra, model: np.ndarray, lines: Mapping[str, float]) -> list[float]:
    """Return the observed wavelengths of the strongest lines, by wavelength.

    The S/N of a line is that of what the model is above or below its median near it, times that of the data, as a
    geometric mean: what the sky leaves is no line, and a line that the model has too weak is one. Lines that would be
    seen together are one.

    Args:
        spectrum: one.
        model: (pix,) best fit, NaN where there is none.
        lines: name and observed wavelength.
    """
    wave, ivar = spectrum.wave[0], np.where(np.isfinite(model), spectrum.ivar[0], 0)
    found: list[tuple[float, float]] = []
    for centre in lines.values():
        away = np.abs(wave / centre - 1)
        near, around = (ivar > 0) & (away < _WITHIN), (ivar > 0) & (away < ZOOM)
        if np.count_nonzero(near) > 2:
            excess = [values[near] - np.median(values[around]) for values in (model, spectrum.flux[0])]
            snr = [np.sqrt(np.sum(ivar[near] * one**2)) for one in excess]
            found.append((float(np.sqrt(snr[0] * snr[1])), centre))
    chosen: list[float] = []
    for snr, centre in sorted(found, reverse=True):
        if snr > _LEAST and all(abs(centre / other - 1) > ZOOM for other in chosen) and len(chosen) < NZOOM:
            chosen.append(centre)
    return sorted(chosen)


def draw_residual(
    axes: Axes, spectrum: Spectra, model: np.ndarray, sigma: np.ndarray | None, *, name: str = "residual (σ)"
) -> None:
    """Draw what the model leaves of a spectrum, in units of the noise.

    Pixels that an error model leaves out are marked at the bottom.

    Args:
        axes: to draw on.
        spectrum: one.
        model: (pix,) best fit.
        sigma: (pix,) noise with the floor of an error model, NaN in pixels that are left out; that of the file if None.
        name: of the ordinate.
    """
    axes.set_label("residual")
    wave, good = spectrum.wave[0], spectrum.ivar[0] > 0
    axes.axhspan(-1, 1, color="0.9", lw=0)
    noise = _noise(spectrum) if sigma is None else sigma
    axes.step(wave, (spectrum.flux[0] - model) / noise, where="mid", color=BLUE, lw=0.5)
    out = good & np.isnan(noise)
    axes.plot(wave[out], np.full(np.count_nonzero(out), -5.5), "|", color=RED, ms=6, label="left out")
    axes.set_xlim(wave[good].min(), wave[good].max())
    axes.set_ylim(-6, 6)
    axes.set_ylabel(name, fontsize=9)
    if out.any():
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), fontsize=8, frameon=False, borderaxespad=0.1)


def unit_of(spectrum: Spectra) -> str:
    """Return the unit of flux as its file has it."""
    given = spectrum.meta.get("FLUXUNIT")
    return (str(given[0]).strip() if given is not None else "") or "unit of the file"


def _drawn(spectrum: Spectra, model: np.ndarray | None, basis: np.ndarray | None) -> _Drawn:
    flux, ivar, noise = spectrum.flux[0], spectrum.ivar[0], _noise(spectrum)
    good = ivar > 0
    width = 1 if np.median(np.abs(flux[good]) / noise[good]) >= SMOOTH_BELOW else SMOOTH_OVER
    fitted, alone = (None if values is None else smooth(values, ivar, width) for values in (model, basis))
    return _Drawn(smooth(flux, ivar, width), noise, fitted, alone, width)


def _noise(spectrum: Spectra) -> np.ndarray:
    """Return 1 σ of each pixel, (pix,); NaN where there is no data."""
    ivar = spectrum.ivar[0]
    return np.where(ivar > 0, 1 / np.sqrt(np.where(ivar > 0, ivar, 1)), np.nan)


def _draw(axes: Axes, spectrum: Spectra, drawn: _Drawn) -> None:
    wave, good = spectrum.wave[0], spectrum.ivar[0] > 0
    how = f", smoothed over {drawn.width} pixels" if drawn.width > 1 else ""
    if how:
        axes.step(wave, np.where(good, spectrum.flux[0], np.nan), where="mid", color=_RAW, lw=0.5)
    axes.step(wave, drawn.flux, where="mid", color=BLUE, lw=0.8, label=f"spectrum{how}")
    axes.fill_between(wave, 0, drawn.noise, step="mid", color=_NOISE, alpha=0.5, lw=0, label="noise of a pixel (1 σ)")
    if drawn.model is not None:
        whole = "" if drawn.basis is None else ": basis and continuum distortion"
        axes.plot(wave, drawn.model, color=_MODEL, lw=1, label=f"best fit{whole}{', likewise' if how else ''}")
    if drawn.basis is not None:
        axes.plot(wave, drawn.basis, color=_MODEL, lw=0.8, alpha=0.35, label="basis alone")


def smooth(values: np.ndarray, ivar: np.ndarray, width: int) -> np.ndarray:
    """Return the mean over `width` pixels with weights ivar, NaN where the pixel itself is masked."""
    box = np.ones(width)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.convolve(np.where(ivar > 0, values, 0) * ivar, box, mode="same") / np.convolve(ivar, box, mode="same")
    return np.where(ivar > 0, mean, np.nan)


def _flux_range(wave: np.ndarray, drawn: _Drawn, lines: Mapping[str, float], *, outliers: float) -> tuple[float, float]:
    """Return a range set by quiet pixels, the model and lines, so that residuals of bright sky lines do not set it.

    Args:
        wave: (pix,) Å.
        drawn: what is drawn there.
        lines: observed wavelengths, whose pixels count if they stand out of their own noise, however much that is.
        outliers: percentage of the quiet pixels that may lie above, and below.
    """
    shown, noise, model = drawn.flux, drawn.noise, drawn.model
    quiet = np.isfinite(noise) & (noise < 2 * np.nanmedian(noise))
    low, high = np.nanpercentile(shown[quiet], [outliers, 100 - outliers])
    if model is not None:
        low, high = min(low, np.nanmin(model[quiet])), max(high, np.nanmax(model[quiet]))
    near = np.any([np.abs(wave / line - 1) < _WITHIN for line in lines.values()], axis=0) & (shown > _SEEN * noise)
    high = np.max(shown[near], initial=high)
    low = min(low, 0.0)
    room = (high - low) or 1.0
    return low - 0.06 * room, high + 0.08 * room
