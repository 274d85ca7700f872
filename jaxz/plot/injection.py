"""Injected lines and drawn exposures: what is found again, and how well, as [L, figs. 8 to 10]."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from jaxz import validate
from jaxz.plot.style import BLUE, GREY, RED, Figure

_COLOURS = (BLUE, RED, "#d98e04", "0.35")
_FLUX_BINS = 4


def plot_recovered(fractions: Mapping[str, Sequence[validate.GoodFraction]], snr: np.ndarray) -> Figure:
    """Return a figure of the fraction of recovered lines against their S/N, as [L, fig. 8].

    Args:
        fractions: of each curve its name and (snr,) fractions (see `jaxz.validate.recovered_fraction`). The interval is
            drawn as a band.
        snr: (snr,) middle of the bins.

    Example:
        >>> fractions = [jaxz.validate.good_fraction(np.full(10, 2.5), np.linspace(2.3, 2.5, 10)) for _ in range(2)]
        >>> jaxz.plot.plot_recovered({"constant noise": fractions}, np.array([4.0, 6.0])).savefig("recovered.png")
    """
    figure = Figure(figsize=(7.5, 5), layout="constrained")
    axes = figure.subplots()
    for place, (name, ones) in enumerate(fractions.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        axes.plot(snr, [one.value for one in ones], "o-", ms=4, lw=1.3, color=colour, label=name)
        axes.fill_between(snr, [one.low for one in ones], [one.high for one in ones], color=colour, alpha=0.15, lw=0)
    for level in (0.5, 1.0):
        axes.axhline(level, color=GREY, lw=0.8, ls=":")
    axes.set_ylim(0, 1.04)
    axes.set_xlabel("S/N of the injected line", fontsize=11)
    axes.set_ylabel(f"recovered: |Δz| < {validate.RECOVERED:g}", fontsize=11)
    axes.legend(loc="lower right", fontsize=9)
    return figure


def plot_zerr(snr: np.ndarray, zerr: np.ndarray, *, pixel: float | None = None) -> Figure:
    """Return a figure of the redshift error against S/N, as [L, fig. 9].

    Args:
        snr: (spec,) of the recovered lines.
        zerr: (spec,) their errors; what is not finite is left out.
        pixel: Δz of one pixel, to compare with.

    Example:
        >>> figure = jaxz.plot.plot_zerr(np.array([5.0, 10.0]), np.array([3e-4, 1e-4]), pixel=1e-4)
        >>> figure.savefig("zerr.png")
    """
    figure = Figure(figsize=(7.5, 5), layout="constrained")
    axes = figure.subplots()
    shown = np.isfinite(zerr) & (zerr > 0)
    axes.plot(snr[shown], zerr[shown], ".", ms=4, alpha=0.5, color=BLUE, label=f"recovered lines: {shown.sum()}")
    if pixel is not None:
        axes.axhline(pixel, color=GREY, lw=0.8, ls="--", label=f"one pixel: {pixel:.1e}")
    axes.set_yscale("log")
    axes.set_xlabel("S/N of the injected line", fontsize=11)
    axes.set_ylabel("σ_z", fontsize=11)
    axes.legend(loc="upper right", fontsize=9)
    return figure


def plot_bootstrap(found: validate.Bootstrap) -> Figure:
    """Return a figure of σ_z against the number of exposures, and of the fraction of converged redshifts [L, fig. 10].

    Args:
        found: of `jaxz.validate.bootstrap_exposures`.

    Example:
        >>> counts, z = np.array([1, 4]), np.random.default_rng(1).normal(2.5, [[1e-3], [5e-4]], (3, 2, 10))
        >>> ids, line_flux = ("a", "b", "c"), np.array([3.0, 10.0, 30.0])
        >>> found = jaxz.validate.Bootstrap(ids, counts, z, line_flux, exptime=np.full((3, 2), 900.0))
        >>> jaxz.plot.plot_bootstrap(found).savefig("exposures.png")
    """
    figure = Figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    flux = found.line_flux
    order = np.argsort(flux)
    shade = np.linspace(0.15, 0.95, max(len(order), 2))
    least = validate.CONVERGED / 100
    for place, row in enumerate(order):
        sigma = np.maximum(found.sigma[row], least)
        label = f"{found.ids[row]}: {flux[row]:.3g}" if len(order) <= 10 else None
        left.plot(found.counts, sigma, "o-", ms=3, lw=1, color=_blue(shade[place]), label=label)
    left.axhline(validate.CONVERGED, color=RED, lw=0.9, ls="--", label=f"converged below {validate.CONVERGED:g}")
    left.set_yscale("log")
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.set_xlabel("exposures in a coadd", fontsize=11)
    left.set_ylabel("σ_z of the coadds", fontsize=11)
    left.legend(loc="lower left", fontsize=8, title="line flux (unit of the file × Å)" if len(order) <= 10 else None)
    _draw_converged(right, found, flux)
    return figure


def _draw_converged(axes: Axes, found: validate.Bootstrap, flux: np.ndarray) -> None:
    """Draw the converged fraction in quantiles of the line flux, for each number of exposures."""
    nbins = min(_FLUX_BINS, len(flux))
    edges = np.quantile(flux, np.linspace(0, 1, nbins + 1))
    place = np.clip(np.searchsorted(edges, flux, side="right") - 1, 0, nbins - 1)
    share = np.array([found.converged[place == i].mean(axis=0) for i in range(nbins)])
    axes.imshow(share, origin="lower", aspect="auto", vmin=0, vmax=1, cmap="Blues")
    for (i, j), value in np.ndenumerate(share):
        axes.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=9, color="white" if value > 0.6 else "0.15")
    time = np.mean(found.exptime, axis=0)
    names = [f"{count}\n{hours:.2g} h" if np.isfinite(hours) else str(count)
             for count, hours in zip(found.counts, time / 3600, strict=True)]  # fmt: skip
    axes.set_xticks(range(len(found.counts)), names)
    axes.set_yticks(range(nbins), [f"{low:.3g} to {high:.3g}" for low, high in itertools.pairwise(edges)])
    axes.set_xlabel("exposures in a coadd", fontsize=11)
    axes.set_ylabel("line flux (unit of the file × Å)", fontsize=11)
    axes.set_title(f"fraction with σ_z < {validate.CONVERGED:g}", fontsize=11)


def _blue(shade: float) -> tuple[float, float, float]:
    """Return a blue, the darker the nearer `shade` is to 1."""
    return (0.75 * (1 - shade), 0.45 + 0.35 * (1 - shade), 0.55 + 0.4 * (1 - shade))
