"""Names of lines and candidates in figures, moved apart where they would overlap."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes


def label_lines(axes: Axes, lines: Mapping[str, float], *, gap: float = 0.016) -> None:
    """Mark lines in the axes and write their names above.

    Args:
        axes: to write on.
        lines: name and observed wavelength.
        gap: between names at least, as a share of the axes.
    """
    first, last = axes.get_xlim()
    seen = sorted((wave, name) for name, wave in lines.items() if first < wave < last)
    waves = np.array([wave for wave, _ in seen])
    columns = spread(waves, gap * (last - first), first, last)
    for (wave, name), column in zip(seen, columns, strict=True):
        axes.axvline(wave, color="0.5", lw=0.6, ls=":", zorder=0)
        axes.annotate(
            name,
            xy=(wave, 1),
            xycoords=("data", "axes fraction"),
            xytext=(column, 1.05),
            textcoords=("data", "axes fraction"),
            rotation=90,
            ha="center",
            va="bottom",
            fontsize=9,
            arrowprops={"arrowstyle": "-", "color": "0.5", "lw": 0.5, "shrinkA": 0, "shrinkB": 0},
        )


def spread(positions: np.ndarray, gap: float, low: float, high: float) -> np.ndarray:
    """Return positions at least `gap` apart, as near to the given ones as least squares can, in their order.

    With the gaps subtracted this is isotonic regression, solved by pooling neighbours that are out of order. Positions
    are kept between `low` and `high` unless there are too many.
    """
    order = np.argsort(positions)
    steps = gap * np.arange(len(order))
    blocks: list[tuple[float, int]] = []
    for value in positions[order] - steps:
        mean, count = float(value), 1
        while blocks and blocks[-1][0] > mean:
            before, size = blocks.pop()
            mean, count = (before * size + mean * count) / (size + count), size + count
        blocks.append((mean, count))
    placed = np.concatenate([np.full(count, mean) for mean, count in blocks]) if blocks else np.zeros(0)
    moved = np.empty(len(order))
    moved[order] = np.clip(placed, low, max(high - gap * (len(order) - 1), low)) + steps
    return moved
