"""How well scores tell two kinds of spectra apart [M, fig. 13]."""

from collections.abc import Mapping

from jaxz.plot.style import GREY, Figure
from jaxz.validate import Roc


def plot_roc(curves: Mapping[str, Roc], *, marked: float = 0.18) -> Figure:
    """Return the true positive rate against the false positive rate.

    Args:
        curves: by what the legend calls them.
        marked: false positive rate at which each has a dot; that of the best threshold in [M, fig. 13] by default.

    Example:
        >>> roc = jaxz.validate.roc(np.array([0.9, 0.8, 0.3, 0.1]), np.array([True, False, True, False]))
        >>> jaxz.plot.plot_roc({"PBLEND": roc}).savefig("roc.png")
    """
    figure = Figure(figsize=(5.6, 5.4), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls="--")
    for name, curve in curves.items():
        label = f"{name}: AUC {curve.auc:.3f}"
        (line,) = axes.plot(curve.false_positive, curve.true_positive, drawstyle="steps-post", label=label)
        axes.plot(marked, curve.at(marked)[0], "o", ms=5, color=line.get_color())
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.01)
    axes.set_xlabel("false positive rate", fontsize=11)
    axes.set_ylabel("true positive rate", fontsize=11)
    axes.legend(loc="lower right", fontsize=9, frameon=False)
    return figure
