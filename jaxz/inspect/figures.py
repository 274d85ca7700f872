"""The figures of the page, empty: `drawing.js` fills their sources, by name, with one spectrum after the other."""

import math
from typing import Any

from bokeh.embed import json_item
from bokeh.layouts import column, row
from bokeh.models import (
    BasicTicker,
    ColumnDataSource,
    CustomJS,
    FixedTicker,
    Label,
    LabelSet,
    Legend,
    LegendItem,
    LinearAxis,
    Range1d,
    Span,
    VSpan,
)
from bokeh.plotting import figure

WINDOWS = (
    ("[O II]", 3728.5, 40.0),
    ("Hβ, [O III]", 4935.0, 110.0),
    ("Hα, [N II]", 6565.0, 50.0),
    ("Lyα", 1216.0, 25.0),
    ("Ca II H, K", 3952.0, 70.0),
    ("C IV", 1549.5, 30.0),
    ("C III]", 1907.7, 20.0),
    ("Mg II", 2799.0, 30.0),
    ("[S II]", 6726.0, 40.0),
    ("Ca II triplet", 8570.0, 130.0),
    ("Mg b", 5176.0, 60.0),
    ("Na D", 5894.0, 40.0),
)
"""Zoom windows: name, middle and half of the width (rest frame, vacuum Å); the first that are in reach are shown."""

OF_STARS = ("Hβ, [O III]", "Hα, [N II]", "Ca II H, K", "Ca II triplet", "Mg b", "Na D")
"""Those that are shown of stars, in which none of the other lines is seen."""

NWINDOW = 4
"""Windows that are shown at a time."""

BLUE, BAND, RED = "#33658a", "#c9d6e2", "#c1121f"
LINES = {"emission": "#1d7a46", "absorption": "#8a5a00", "both": "#5f4b8b", "second": "#b5179e"}

_SMALL: dict[str, Any] = {
    "major_label_text_font_size": "10px",
    "axis_label_text_font_size": "11px",
    "axis_label_text_font_style": "normal",
}
_LEGIBLE: dict[str, Any] = {"background_fill_color": "white", "background_fill_alpha": 0.75}
_IN_CORNER: dict[str, Any] = {
    "x_units": "screen",
    "y_units": "screen",
    "text_font_size": "11px",
    "text_font_style": "bold",
    **_LEGIBLE,
}
_TOOLS = "xpan,box_zoom,xwheel_zoom,undo,reset,save"


def figures() -> dict[str, Any]:
    """Return the figures as an item that `Bokeh.embed.embed_item` of the page takes."""
    windows = [_window(number) for number in range(NWINDOW)]
    layout = column(_spectrum(), row(*windows, sizing_mode="stretch_width"), _redshift(), sizing_mode="stretch_width")
    return dict(json_item(layout))


def _spectrum() -> figure:
    """Return the figure of the spectrum; above it, the wavelength in the other frame."""
    shown = _figure("spectrum", 400, _TOOLS)
    band, flux, model = _curves(shown, "spectrum")
    shown.extra_x_ranges = {"other": Range1d(start=0, end=1, name="other")}
    shown.add_layout(LinearAxis(x_range_name="other", name="other axis", **_SMALL), "above")
    shown.xaxis[1].axis_label, shown.yaxis[0].axis_label = "", "flux density"
    items = [("spectrum", [flux]), ("± 1 σ", [band]), ("best fit", [model])]
    legend = Legend(items=[LegendItem(label=label, renderers=renderers) for label, renderers in items])
    legend.update(orientation="horizontal", padding=2, border_line_alpha=0, label_text_font_size="11px")
    legend.update(location="right", margin=0, spacing=14)
    shown.add_layout(legend, "above")
    sky = ColumnDataSource({"x": [], "alpha": []}, name="sky")
    shown.add_glyph(sky, VSpan(x="x", line_color="#999999", line_alpha="alpha", line_width=1.5))
    _line_marks(shown, "lines", "right")
    _line_marks(shown, "second lines", "left")
    return shown


def _line_marks(shown: figure, name: str, align: str) -> None:
    """Draw lines with their names, which end ("right") or begin ("left") at a height on the screen."""
    source = ColumnDataSource({"x": [], "y": [], "shift": [], "name": [], "color": []}, name=name)
    shown.add_glyph(source, VSpan(x="x", line_color="color", line_alpha=0.6, line_width=1, line_dash=[4, 3]))
    labels = LabelSet(x="x", y="y", text="name", text_color="color", source=source, y_units="screen")
    labels.update(angle=math.pi / 2, text_font_size="10px", text_baseline="bottom", text_align=align, x_offset="shift")
    labels.update(**_LEGIBLE)
    shown.add_layout(labels)


def _window(number: int) -> figure:
    """Return a figure of the neighbourhood of a line."""
    shown = _figure(f"window {number}", 170, "xpan,xwheel_zoom,reset")
    shown.toolbar.autohide = True
    # A label, because a new title would lay out the whole page anew.
    shown.add_layout(Label(name=f"window {number} name", text="", x=4, y=4, **_IN_CORNER))
    _curves(shown, f"window {number}")
    source = ColumnDataSource({"x": [], "color": []}, name=f"window {number} lines")
    shown.add_glyph(source, VSpan(x="x", line_color="color", line_alpha=0.6, line_width=1, line_dash=[4, 3]))
    shown.xaxis.ticker = BasicTicker(desired_num_ticks=3)
    # Numbers of another width would lay out the whole page anew.
    shown.yaxis.visible = False
    return shown


def _redshift() -> figure:
    """Return the figure of χ²(z), and of the candidates' probabilities; a click sends its z to the page."""
    shown = _figure("redshift", 190, "xpan,box_zoom,xwheel_zoom,reset")
    shown.xaxis[0].axis_label, shown.yaxis[0].axis_label = "redshift", "χ²"
    shown.yaxis[0].name = "chi2 axis"
    curve = ColumnDataSource({"z": [], "chi2": []}, name="curve")
    shown.extra_y_ranges = {"probability": Range1d(start=-0.05, end=1.3)}
    looks: dict[str, Any] = {"ticker": FixedTicker(ticks=[0, 0.5, 1]), **_SMALL}
    shown.add_layout(LinearAxis(y_range_name="probability", axis_label="P", name="P axis", **looks), "right")
    found = ColumnDataSource({"z": [], "probability": [], "height": [], "rank": [], "color": []}, name="candidates")
    on_right: dict[str, Any] = {"source": found, "y_range_name": "probability"}
    shown.segment("z", 0, "z", "height", color="color", line_width=2, alpha=0.5, **on_right)
    shown.scatter("z", "probability", size=7, color="color", **on_right)
    shown.text(
        "z", "height", text="rank", text_color="color", text_font_size="13px", x_offset=6, y_offset=-4, **on_right
    )
    # Last, so that nothing hides a narrow minimum.
    shown.line("z", "chi2", source=curve, color=BLUE, line_width=1)
    here = Span(location=0, dimension="height", line_color=RED, line_dash="dashed", line_width=1, name="here")
    here.level = "underlay"
    shown.add_layout(here)
    told = 'window.dispatchEvent(new CustomEvent("jaxz:z", {detail: cb_obj.x}))'
    shown.js_on_event("tap", CustomJS(code=told))
    return shown


def _curves(shown: figure, name: str) -> tuple[Any, Any, Any]:
    """Draw a spectrum, its error band and its model; return the renderers."""
    pieces = ColumnDataSource({"xs": [], "ys": []}, name=f"{name} band")
    band = shown.patches("xs", "ys", source=pieces, fill_color=BAND, line_color=None)
    alone = ColumnDataSource({"x": [], "flux": [], "low": [], "high": []}, name=f"{name} alone")
    shown.segment("x", "low", "x", "high", source=alone, color=BAND, line_width=3)
    shown.scatter("x", "flux", source=alone, size=3, color=BLUE)
    data = ColumnDataSource({"x": [], "flux": []}, name=name)
    flux = shown.step("x", "flux", source=data, mode="center", color=BLUE, line_width=1)
    fit = ColumnDataSource({"x": [], "flux": []}, name=f"{name} model")
    model = shown.line("x", "flux", source=fit, color=RED, line_width=1.3, name=f"{name} model line")
    return band, flux, model


def _figure(name: str, height: int, tools: str) -> figure:
    ranges: dict[str, Any] = {"x_range": Range1d(start=0, end=1), "y_range": Range1d(start=0, end=1)}
    shown = figure(
        name=f"{name} figure", height=height, tools=tools, sizing_mode="stretch_width", min_width=90, **ranges
    )
    shown.toolbar.logo = None
    shown.min_border = 2
    shown.grid.grid_line_color = "#eeeeee"
    for axis in (*shown.xaxis, *shown.yaxis):
        axis.update(**_SMALL)
    return shown
