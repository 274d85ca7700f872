"""The good fraction of several catalogs in the same bins, as of exposures of different depth [M, fig. 10]."""

from collections.abc import Mapping

import numpy as np

from jaxz import validate
from jaxz.plot.style import Figure


def plot_depth(
    catalogs: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    edges: np.ndarray,
    *,
    name: str,
    tolerance: float = validate.TOLERANCE,
) -> Figure:
    """Return a figure of the good fraction in bins, a curve with its 68 % Wilson band for each catalog.

    Args:
        catalogs: for each its name, and (spec,) found redshifts, true redshifts and values that are binned.
        edges: (bins + 1,) of the bins, finite. A bin without spectra is left out.
        name: of the values.
        tolerance: largest relative error of a good redshift.

    Example:
        >>> z, ztrue = np.array([0.1, 0.2, 1.4]), np.array([0.1, 0.2, 0.3])
        >>> magnitude = np.array([22.5, 23.5, 24.5])
        >>> catalogs = {"10 h": (z, ztrue, magnitude)}
        >>> figure = jaxz.plot.plot_depth(catalogs, np.array([22, 23, 24, 25.0]), name="F775W")
        >>> figure.savefig("depth.png")
    """
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    middle = (edges[1:] + edges[:-1]) / 2
    for label, (z, ztrue, values) in catalogs.items():
        fractions = validate.good_fraction_in_bins(z, ztrue, values, edges, tolerance=tolerance)
        rows = [row for row, one in enumerate(fractions) if one.ntotal]
        value, low, high = ([getattr(fractions[row], part) for row in rows] for part in ("value", "low", "high"))
        (line,) = axes.plot(middle[rows], value, "o-", ms=4, label=label)
        axes.fill_between(middle[rows], low, high, color=line.get_color(), alpha=0.2, lw=0)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, 1.03)
    axes.set_xlabel(name, fontsize=11)
    axes.set_ylabel(f"good fraction\n({100 * validate.BIN_LEVEL:.0f} % band)", fontsize=11)
    axes.legend(frameon=False, fontsize=10)
    return figure
