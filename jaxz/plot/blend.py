"""A spectrum taken for a sum of two galaxies, and the searches that say so, as [M, fig. 12]."""

from collections.abc import Mapping

import numpy as np

from jaxz.plot.curve import draw_curve
from jaxz.plot.fit import known_lines
from jaxz.plot.spectrum import draw_spectrum
from jaxz.plot.style import Figure
from jaxz.scan import ZScan
from jaxz.spectra import Spectra


def plot_blend(
    spectrum: Spectra,
    z: tuple[float, float],
    parts: tuple[np.ndarray, np.ndarray],
    curves: tuple[ZScan, ZScan],
    *,
    probability: float,
    confused: np.ndarray | None = None,
    lines: Mapping[str, float] | None = None,
) -> Figure:
    """Return the spectrum with the fit of the first galaxy and of both, and χ²(z) of the first and the second search.

    Args:
        spectrum: one.
        z: redshift of the first and of the second galaxy, NaN where there is none.
        parts: (pix,) flux of each, fitted together.
        curves: of the two searches.
        probability: of a blend.
        confused: (shift,) bool, trial redshifts of the second search that do not count, or None.
        lines: name and rest wavelength (vacuum Å) of those that are labelled, at the second redshift; those that come
            with jaxz if absent.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> best = jaxz.find_redshifts(scan, spectra)
        >>> parts = best.model(0, spectra), np.zeros(spectra.flux.shape[1])
        >>> figure = jaxz.plot.plot_blend(spectra, (0.05, np.nan), parts, (scan, scan), probability=0.01)
        >>> figure.savefig("blend.png")
    """
    figure = Figure(figsize=(11, 10), layout="constrained")
    top, first, second = figure.subplots(3, 1, height_ratios=[1.4, 1, 1])
    first_alone, both = (np.where(spectrum.ivar[0] > 0, flux, np.nan) for flux in (parts[0], parts[0] + parts[1]))
    top.plot(spectrum.wave[0], first_alone, color="tab:orange", lw=0.9, zorder=3, label="the first galaxy of it")
    draw_spectrum(top, spectrum, both, z[1], known_lines() if lines is None else lines)
    for axes, name, curve, redshift in zip((first, second), ("first", "second"), curves, z, strict=True):
        depth = np.interp(redshift, curve.z, np.asarray(curve.chi2[0]))
        draw_curve(axes, (curve.z, np.asarray(curve.chi2[0])), np.array([redshift]), np.array([depth]))
        axes.set_ylabel(f"χ² of the {name} search", fontsize=11)
    if confused is not None and confused.any():
        where = {"where": confused, "transform": second.get_xaxis_transform(), "color": "0.88", "lw": 0, "zorder": 0}
        second.fill_between(curves[1].z, 0, 1, **where, label="confused with the first: does not count")
        second.legend(loc="upper right", fontsize=8)
    title = f"{spectrum.ids[0]}: z = {z[0]:.4f} and {z[1]:.4f}, whose lines are named; P(blend) = {probability:.2f}"
    figure.suptitle(title, fontsize=13)
    return figure
