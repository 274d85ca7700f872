"""What figures have in common: colours of data and what is right, of what is wrong, and of what is no data; axes."""

import io

from matplotlib import figure
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

BLUE, RED, GREY = "#2c5f8a", "#c1121f", "0.6"


def count_up(axes: Axes) -> None:
    """Make the ordinate one of numbers of things."""
    axes.set_ylabel("number", fontsize=11)
    axes.yaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True))


class Figure(figure.Figure):
    """A figure that a notebook shows also where pyplot, which teaches it to, has not been used."""

    def _repr_png_(self) -> bytes:
        shown = io.BytesIO()
        self.savefig(shown, format="png")
        return shown.getvalue()
