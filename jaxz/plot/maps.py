"""Maps of the redshifts in a cube."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes

from jaxz.plot.style import Figure

_PANELS = {
    "Z": "redshift",
    "ZERR": "error of the redshift",
    "DELTACHI2": "Δχ² to the next",
    "PCONF": "P within 0.005(1+z)",
    "CHI2N": "χ² of each pixel",
}
"""What is drawn of a cube, with its title."""

_SCALES = {"ZERR": "log", "DELTACHI2": "log"}
_FIXED = {"PCONF": (0.0, 1.0)}
_COLOURS = "viridis"
_DOUBTFUL, _EMPTY = 0.3, "0.9"
"""How opaque a redshift with a warning is, and the grey of places without any."""


def plot_maps(maps: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Return a figure of the maps of cubes, a row for each.

    Redshifts with a warning are pale in all panels, places without a redshift grey; the colours of Z span those without
    a warning.

    Args:
        maps: from `jaxz.io.read_maps`.

    Raises:
        ValueError: if there are none.

    Example:
        >>> image = np.linspace(0.1, 0.9, 20).reshape(4, 5)
        >>> maps = {"Z": image, "ZERR": image / 1e3, "PCONF": np.ones((4, 5)), "CHI2N": np.ones((4, 5))}
        >>> maps |= {"ZWARN": np.zeros((4, 5), int), "DELTACHI2": 100 * image, "SPECTYPE": np.ones((4, 5), int)}
        >>> jaxz.plot.plot_maps({"cube.fits": maps}).savefig("maps.png")
    """
    if not maps:
        raise ValueError("no maps: give those of a catalog that was measured in a cube")
    figure = Figure(figsize=(4.2 * len(_PANELS), 4.2 * len(maps)))
    # The line above a row is wider than its first panel, which is not to be as wide: rows are apart by its height.
    figure.set_layout_engine("constrained", h_pad=0.3)
    for panels, (cube, images) in zip(
        figure.subplots(len(maps), len(_PANELS), squeeze=False), maps.items(), strict=True
    ):
        measured = np.isfinite(images["Z"])
        certain = measured & (images["ZWARN"] == 0)
        for axes, (name, title) in zip(panels, _PANELS.items(), strict=True):
            _draw(axes, name, images[name], certain, title)
        panels[0].set_ylabel("y (spaxels)", fontsize=11)
        panels[0].annotate(
            f"{cube}: {np.count_nonzero(certain)} of {np.count_nonzero(measured)} places without a warning",
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, 24),
            textcoords="offset points",
            fontsize=12,
            in_layout=False,
        )
    return figure


def _draw(axes: Axes, name: str, image: np.ndarray, certain: np.ndarray, title: str) -> None:
    values = np.where(image > 0, image, np.nan) if name in _SCALES else image
    scaled = values[certain & np.isfinite(values)] if np.any(certain) else values[np.isfinite(values)]
    low, high = _FIXED.get(name) or (np.quantile(scaled, [0.02, 0.98]) if len(scaled) else (0.1, 1.0))
    shown = axes.imshow(
        values,
        origin="lower",
        interpolation="nearest",
        cmap=_COLOURS,
        alpha=np.where(certain, 1, _DOUBTFUL),
        norm=_SCALES.get(name, "linear"),
    )
    shown.set_clim(low, high if high > low else low * 1.01 + 1e-6)
    axes.set_facecolor(_EMPTY)
    axes.set_title(title, fontsize=12)
    axes.set_xlabel("x (spaxels)", fontsize=11)
    axes.figure.colorbar(shown, ax=axes, fraction=0.046)
