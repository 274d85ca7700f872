"""A spectrum and the components that it is the sum of, as [L, fig. 3]."""

import numpy as np
from matplotlib.axes import Axes

from jaxz.plot.curve import draw_curve
from jaxz.plot.fit import ZFit, describe
from jaxz.plot.spectrum import unit_of
from jaxz.plot.style import BLUE, RED, Figure
from jaxz.separation import Separation

_DATA, _BAND = "0.25", 0.3
NOISY = 3.0
"""Pixels this many times noisier than the median do not set the scale of a panel."""


def plot_components(
    parts: Separation, *, row: int = 0, zoom: float = 60.0, line: float | None = None, fit: ZFit | None = None
) -> Figure:
    """Return a figure of one spectrum as [L, fig. 3]: the data, each component, and the residual, one above the other.

    Left the whole spectrum, right the surroundings of the line; below, if `fit` is given, χ²(z) or the candidates.
    Bands are 1 σ of the posterior. The scales differ from panel to panel, as the components differ in size.

    Args:
        parts: from `jaxz.separate`.
        row: of the spectrum.
        zoom: Å on either side of the line.
        line: observed wavelength (Å) to look at closely; where the last component is largest if absent.
        fit: what is known of the redshift, or None.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> parts = jaxz.separate(spectra, jaxz.NonNegative(basis), z=np.array([0.05]))
        >>> jaxz.plot.plot_components(parts).savefig("components.png")
    """
    names = ("data", *parts.names, "residual")
    figure = Figure(figsize=(12, 1.9 * len(names) + (3.2 if fit is not None else 0.8)), layout="constrained")
    heights = [1.0] * len(names) + ([1.3] if fit is not None else [])
    grid = figure.add_gridspec(len(heights), 2, width_ratios=[2, 1], height_ratios=heights)
    panels = np.array([[figure.add_subplot(grid[i, j]) for j in range(2)] for i in range(len(names))])
    for panel in panels[:-1]:
        for axes, last in zip(panel, panels[-1], strict=True):
            axes.sharex(last)
            axes.tick_params(labelbottom=False)
    for axes in panels[-1]:
        axes.set_xlabel("observed wavelength, vacuum (Å)", fontsize=11)
    figure.suptitle(_title(parts, row) if fit is None else _described(parts, row, fit), fontsize=13)
    figure.supylabel(f"flux density ({'unit of the file' if fit is None else unit_of(fit.spectrum)})", fontsize=11)
    if fit is not None:
        bottom = figure.add_subplot(grid[-1, :])
        draw_curve(bottom, fit.curve, fit.zalt, fit.zalt_chi2, zrange=fit.zrange, scores=fit.scores)
    good = parts.ivar[row] > 0
    if not good.any():
        panels[0, 0].text(0.5, 0.5, "no good pixel", transform=panels[0, 0].transAxes, ha="center")
        return figure
    wave = parts.grid.wave
    whole = (wave[good].min(), wave[good].max())
    sized = good & (parts.ivar[row] * NOISY**2 >= np.median(parts.ivar[row][good]))
    centre = wave[np.argmax(np.abs(parts.mean[row, -2]))] if line is None else line
    near = (max(centre - zoom, whole[0]), min(centre + zoom, whole[1]))
    for panel, name, (mean, variance) in zip(panels, names, _curves(parts, row), strict=True):
        colour = {"data": _DATA, "residual": "0.55"}.get(name, RED if name == parts.names[-1] else BLUE)
        for axes, (low, high) in zip(panel, (whole, near), strict=True):
            inside = (wave >= low) & (wave <= high)
            _draw(axes, wave[inside], mean[inside], np.sqrt(np.maximum(variance[inside], 0)), colour)
            _scale(axes, mean[inside & sized])
            axes.set_xlim(low, high)
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5}
        how = {"transform": panel[0].transAxes, "va": "top", "fontsize": 11, "weight": "bold", "bbox": box}
        panel[0].text(0.01, 0.95, name, color=colour, **how)
        panel[0].axvspan(*near, color="0.93", lw=0, zorder=0)
    return figure


def _title(parts: Separation, row: int) -> str:
    z = parts.z[row]
    return f"{parts.ids[row]}: {'no redshift' if np.isnan(z) else f'separated at z = {z:.5f}'}"


def _described(parts: Separation, row: int, fit: ZFit) -> str:
    """Return what `describe` says, and the flux of the last component, that which was looked for."""
    flux, error = parts.line_flux[row, -1], parts.line_flux_err[row, -1]
    if not np.isfinite(fit.z):
        return describe(fit)
    return f"{describe(fit)}   flux {flux:.3g} ± {error:.2g} (× Å)"


def _curves(parts: Separation, row: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return mean and variance of the data, each component and the residual; the data have that of their pixels."""
    ivar = parts.ivar[row]
    noise = np.where(ivar > 0, 1 / np.where(ivar > 0, ivar, 1), np.nan)
    return [(parts.flux[row], noise), *zip(parts.mean[row], parts.variance[row], strict=True)]


def _draw(axes: Axes, wave: np.ndarray, mean: np.ndarray, sigma: np.ndarray, colour: str) -> None:
    axes.fill_between(wave, mean - sigma, mean + sigma, step="mid", color=colour, alpha=_BAND, lw=0)
    axes.step(wave, mean, where="mid", color=colour, lw=0.8)
    axes.axhline(0, color="0.8", lw=0.6, zorder=0)


def _scale(axes: Axes, mean: np.ndarray) -> None:
    low, high = mean.min(initial=0), mean.max(initial=0)
    if high > low:
        axes.set_ylim(low - 0.1 * (high - low), high + 0.1 * (high - low))
