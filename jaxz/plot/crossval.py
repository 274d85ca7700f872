"""Cross-validation over ranks, as [M, fig. 4]."""

import numpy as np

from jaxz.plot.style import BLUE, Figure


def plot_crossval(ranks: np.ndarray, good_fraction: np.ndarray, mae: np.ndarray) -> Figure:
    """Return a figure of the good fraction above and the mean absolute error below, against the rank.

    Points are means over the folds, error bars the standard deviations between them (of a sample, n - 1), as in the
    table of `jaxz crossval`; a fold without a good redshift has no error and is left out of its mean.

    Args:
        ranks: (rank,) numbers of basis vectors.
        good_fraction: (rank, fold) good fraction of each fold.
        mae: (rank, fold) mean absolute error of each fold, without outliers.

    Raises:
        ValueError: if the shapes do not fit.

    Example:
        >>> good, mae = np.array([[0.9, 0.92], [0.94, 0.96]]), np.array([[3e-4, 4e-4], [2e-4, 3e-4]])
        >>> figure = jaxz.plot.plot_crossval(np.array([8, 10]), good, mae)
        >>> figure.savefig("ranks.png")
    """
    if good_fraction.shape != mae.shape or good_fraction.shape[:1] != np.shape(ranks) or good_fraction.ndim != 2:
        shapes = f"{np.shape(ranks)}, {good_fraction.shape} and {mae.shape}"
        raise ValueError(f"ranks need shape (rank,), good_fraction and mae (rank, fold), got {shapes}")
    figure = Figure(figsize=(7, 6.5), layout="constrained")
    top, bottom = figure.subplots(2, 1, sharex=True)
    for axes, values in ((top, 100 * good_fraction), (bottom, 1e4 * mae)):
        axes.errorbar(
            ranks,
            np.nanmean(values, axis=1),
            np.nanstd(values, axis=1, ddof=1),
            fmt="o-",
            ms=5,
            lw=1,
            capsize=3,
            color=BLUE,
        )
        axes.grid(color="0.9", lw=0.8)
    top.set_ylabel("good fraction\n(%)", fontsize=11)
    bottom.set_ylabel("mean |Δz|/(1+z)\nwithout outliers (10⁻⁴)", fontsize=11)
    bottom.set_xlabel("rank", fontsize=11)
    bottom.set_xticks(ranks)
    top.set_title(f"mean and standard deviation between {mae.shape[1]} folds", fontsize=11)
    return figure
