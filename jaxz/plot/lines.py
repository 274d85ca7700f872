"""A spectrum with its lines and continuum, and its strongest lines from near."""

import math

import numpy as np
from matplotlib.axes import Axes

from jaxz.lines import LineFits
from jaxz.lines.known import LIGHT_SPEED
from jaxz.plot.spectrum import unit_of
from jaxz.plot.style import BLUE, RED, Figure
from jaxz.spectra import Spectra

SHOWN, COLUMNS = 10, 5
"""Lines that are looked at closely, and how many beside each other."""

NEAR = 2500.0
"""km/s on either side of them."""

_DATA = "#9fb1bf"


def plot_lines(spectra: Spectra, found: LineFits, *, row: int = 0) -> Figure:
    """Return a figure of one spectrum: all of it, and below its strongest lines.

    Grey is the data with their noise, blue the continuum, red lines and continuum together.

    Args:
        spectra: that were measured.
        found: their lines.
        row: of the spectrum.

    Example:
        >>> wave = np.arange(6000.0, 7000.0)
        >>> flux = 1 + 20 * np.exp(-0.5 * ((wave - 6564.614) / 3) ** 2) / (3 * np.sqrt(2 * np.pi))
        >>> spectra = jaxz.Spectra(wave, flux, np.full(1000, 1e4))
        >>> found = jaxz.fit_lines(spectra, np.zeros(1), jaxz.load_basis("continuum"))
        >>> jaxz.plot.plot_lines(spectra, found).savefig("lines.png")
    """
    strength = np.where(found.detected[row], np.abs(found.snr[row]), 0)
    lines = [line for line in np.argsort(-strength) if strength[line] > 0]
    lines = sorted(_apart(found, row, lines)[:SHOWN], key=lambda line: found.wave[line])
    nrow = 1 + -(-len(lines) // COLUMNS)
    figure = Figure(figsize=(13, 3.4 + 2.6 * (nrow - 1)), layout="constrained")
    grid = figure.add_gridspec(nrow, COLUMNS, height_ratios=[1.3] + [1] * (nrow - 1))
    whole = figure.add_subplot(grid[0, :])
    good = spectra.ivar[row] > 0
    _draw(whole, spectra, found, row, good)
    whole.legend(loc="upper right", ncols=4, fontsize=8, frameon=False)
    if good.any():
        low, high = np.percentile(spectra.flux[row, good], [0.5, 99.5])
        peak = np.nanmax(found.model[row], initial=high) if np.isfinite(found.chi2[row]) else high
        whole.set_ylim(min(low, 0) - 0.05 * peak, 1.08 * max(peak, high))
    whole.set_title(
        f"{found.ids[row]}   z = {found.z[row]:.5f}   S/N of lines {found.total_snr[row]:.1f}   "
        f"χ²/n {found.chi2[row] / max(found.npixels[row], 1):.2f}   fluxes in {unit_of(spectra[[row]])} Å"
    )
    whole.set_xlabel("observed wavelength, vacuum (Å)")
    whole.set_ylabel(f"flux density\n({unit_of(spectra[[row]])})")
    for place, line in enumerate(lines):
        axes = figure.add_subplot(grid[1 + place // COLUMNS, place % COLUMNS])
        centre = found.wave[line] * (1 + found.z[row])
        near = good & (np.abs(LIGHT_SPEED * np.log(spectra.wave[row] / centre)) < NEAR)
        _draw(axes, spectra, found, row, near)
        axes.axvline(centre, color="0.6", lw=0.6, ls=":")
        axes.set_title(f"{found.names[line]}: {_rounded(found.flux[row, line], found.fluxerr[row, line])}", fontsize=9)
        axes.tick_params(labelsize=8)
    return figure


def _rounded(value: float, error: float) -> str:
    """Return a number and its error, which has two digits, or all before the point; small ones with a power of ten."""
    if not 0 < error < np.inf:
        return f"{value:.4g} ± {error:.2g}"
    power = math.floor(math.log10(error))
    if power < -3:
        scale = 3 * (power // 3)
        return f"({_rounded(value / 10.0**scale, error / 10.0**scale)}) × 1e{scale}"
    digits = max(1 - power, 0)
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def _apart(found: LineFits, row: int, lines: list) -> list:
    """Return the lines that are not in the panel of a stronger one."""
    kept: list = []
    for line in lines:
        if all(abs(np.log(found.wave[line] / found.wave[other])) * LIGHT_SPEED > NEAR / 2 for other in kept):
            kept.append(line)
    return kept


def _draw(axes: Axes, spectra: Spectra, found: LineFits, row: int, use: np.ndarray) -> None:
    wave, sigma = spectra.wave[row, use], 1 / np.sqrt(spectra.ivar[row, use])
    axes.fill_between(wave, -sigma, sigma, step="mid", color="0.9", lw=0, label="± 1 σ of a pixel")
    axes.step(wave, spectra.flux[row, use], where="mid", color=_DATA, lw=0.8, label="spectrum")
    axes.plot(wave, found.continuum[row, use], color=BLUE, lw=0.9, label="continuum")
    axes.plot(wave, (found.continuum + found.lines)[row, use], color=RED, lw=0.9, label="continuum and lines")
