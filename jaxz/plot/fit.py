"""A spectrum with its best fit, what it leaves, its strongest lines, and its χ² curve, as [M, fig. 3] and more."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import FigureBase

from jaxz.likelihood import best_fit, fitted_flux, sigma_of
from jaxz.models.templates import AbstractTemplates
from jaxz.plot.curve import SCORES, draw_curve
from jaxz.plot.spectrum import draw_residual, draw_spectrum, draw_zoom, strongest_lines
from jaxz.plot.style import Figure
from jaxz.redshift import Redshifts
from jaxz.scan import ZScan
from jaxz.spectra import Spectra
from jaxz.status import names_of


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
        sigma: (pix,) noise with the error model's floor, NaN in pixels that it leaves out; None without error model.
        spectype: class; empty if it is not known.
        chi2: of the best fit, NaN if it is not known.
        zalt: (cand,) candidates, best first; NaN where there are fewer.
        zalt_chi2: (cand,) their χ²; NaN where it is not known.
        scores: by name (see `SCORES`); those that are missing or NaN are not written.
        curve: (shift,) trial redshifts and (shift,) χ² there, or None.
        zrange: lowest and highest trial redshift, where there is no curve to tell, or None.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> best = jaxz.find_redshifts(scan, spectra)
        >>> fit = jaxz.plot.ZFit.of(spectra, scan, best, row=0)
        >>> round(fit.z, 3), fit.spectype, fit.model.shape
        (0.05, 'GALAXY', (3681,))
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
    spectype: str = ""
    chi2: float = math.nan

    @classmethod
    def of(cls, spectra: Spectra, scan: ZScan | None, redshifts: Redshifts, row: int) -> "ZFit":
        """Return what is known of spectrum `row`, whose best fit is computed again.

        Args:
            spectra: that were scanned.
            scan: of `spectra`, or None.
            redshifts: of `spectra`.
            row: of the spectrum.
        """
        spectrum, z = spectra[[row]], redshifts.z[row]
        fitted = redshifts.models[redshifts.which[row]]
        trials = redshifts.trials[redshifts.which[row]]
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
            curve=None if scan is None else (scan.z, np.asarray(scan.chi2[row], dtype=np.float64)),
            zrange=(float(trials.z[0]), float(trials.z[-1])),
            basis=basis,
            sigma=sigma,
            spectype=str(redshifts.spectype[row]),
            chi2=float(redshifts.chi2[row]),
        )


def plot_fit(fit: ZFit, *, lines: Mapping[str, float] | None = None) -> Figure:
    """Return a figure of one spectrum, its best fit, what this leaves, its strongest lines, and χ²(z) or candidates.

    Args:
        fit: what to draw.
        lines: name and rest wavelength (vacuum Å) of the spectral lines to label; those that come with jaxz if absent.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> best = jaxz.find_redshifts(scan, spectra)
        >>> fit = jaxz.plot.ZFit.of(spectra, scan, best, row=0)
        >>> jaxz.plot.plot_fit(fit).savefig("fit.png")
    """
    figure = Figure(figsize=(11, 9.5), layout="constrained")
    draw_fit(figure, fit, known_lines(fit.spectype) if lines is None else lines)
    figure.suptitle(describe(fit), fontsize=13)
    return figure


def known_lines(spectype: str = "GALAXY") -> dict[str, float]:
    """Return name and rest wavelength (vacuum Å) of the lines that come with jaxz.

    Args:
        spectype: of what they are; stars have those alone that are seen in absorption.

    Example:
        >>> jaxz.plot.known_lines()["Hα"]
        6564.614
    """
    from jaxz.io import read_lines

    lines = read_lines()
    if spectype == "STAR":
        lines = lines[lines["kind"] != "emission"]
    return dict(zip(lines["name"].tolist(), lines["wave"].tolist(), strict=True))


def draw_fit(figure: FigureBase, fit: ZFit, lines: Mapping[str, float]) -> None:
    """Draw a spectrum, what the fit leaves of it, its strongest lines, and its curve."""
    model = fit.model
    if model is None or not np.isfinite(model).any():
        top, bottom = figure.subplots(2, 1, height_ratios=[1.25, 1])
    else:
        seen = {name: (1 + fit.z) * rest for name, rest in lines.items()}
        zooms = strongest_lines(fit.spectrum, model, seen)
        heights = [1.25, 0.4, 0.8, 1.0] if zooms else [1.25, 0.4, 1.0]
        grid = figure.add_gridspec(len(heights), max(len(zooms), 1), height_ratios=heights)
        top = figure.add_subplot(grid[0, :])
        name = "residual (σ)" if fit.sigma is None else "residual (σ with\nerror model)"
        draw_residual(figure.add_subplot(grid[1, :], sharex=top), fit.spectrum, model, fit.sigma, name=name)
        for column, centre in enumerate(zooms):
            draw_zoom(figure.add_subplot(grid[2, column]), fit.spectrum, model, centre, seen, basis=fit.basis)
        bottom = figure.add_subplot(grid[-1, :])
    draw_spectrum(top, fit.spectrum, model, fit.z, lines, basis=fit.basis)
    draw_curve(bottom, fit.curve, fit.zalt, fit.zalt_chi2, zrange=fit.zrange, scores=fit.scores)


def describe(fit: ZFit) -> str:
    """Return the name, class, redshift, error, χ² for each pixel and warnings of a spectrum in one line.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> best = jaxz.find_redshifts(scan, spectra)
        >>> jaxz.plot.describe(jaxz.plot.ZFit.of(spectra, None, best, row=0)).split(":")[0]
        'mock-0000   GALAXY   z = 0.0500015 ± 0.0000021   χ²/n = 1.00'
    """
    name = fit.spectrum.ids[0]
    flags = names_of(fit.zwarn)
    if not np.isfinite(fit.z):
        return f"{name}: no redshift"
    digits = 2 - math.floor(math.log10(fit.zerr)) - 1 if 0 < fit.zerr < 1 else 5
    error = "" if np.isnan(fit.zerr) else f" ± {fit.zerr:.{digits}f}"
    npixels = int(fit.spectrum.npixels[0])
    misfit = f"χ²/n = {fit.chi2 / npixels:.2f}" if np.isfinite(fit.chi2) and npixels else ""
    return "   ".join(filter(None, (name, fit.spectype, f"z = {fit.z:.{digits}f}{error}", misfit, flags)))
