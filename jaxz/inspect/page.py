"""Sheets and a catalog → one HTML file that needs nothing else."""

import hashlib
import html
import importlib.resources
import json
import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from bokeh.resources import INLINE

from jaxz.inspect import figures, sheets
from jaxz.inspect.sheets import Sheet, sheets_of
from jaxz.io.lines import read_lines
from jaxz.mock.sky import sky_lines
from jaxz.models import AbstractModel
from jaxz.spectra import Spectra
from jaxz.status import ZWarn

SCRIPTS = ("packing", "numbers", "spectrum", "catalog", "judgements", "drawing", "page", "controls")
"""What runs in the browser, in this order."""

EXACT = 1 << 53
"""From here on integers are text, as JavaScript's numbers lose digits."""

SMOOTHING = {"below": 3.0, "width": 5}
"""Median signal-to-noise of pixels below which a spectrum is smoothed unasked, and over how many pixels."""

_LEFT_OUT = ("COEFF", "ZALT", "ZALT_ERR", "ZALT_CHI2", "ZALT_PROB")


def page(
    spectra: Spectra,
    catalog: Mapping[str, np.ndarray],
    *,
    models: Sequence[AbstractModel] = (),
    curves: tuple[np.ndarray, np.ndarray] | None = None,
    title: str = "jaxz",
) -> str:
    """Return a page for the visual inspection of spectra and their redshifts, as HTML.

    It is one file without a server: one spectrum at a time with its noise, its best fit and its lines, zoom windows,
    candidates, χ²(z) and P(z), the columns of the catalog, and a form whose answers the browser keeps and exports as
    CSV with the columns of prospect, which `jaxz evaluate` reads.

    Args:
        spectra: what was measured.
        catalog: columns of the same spectra by name, of `jaxz.io.to_table` or another with ``ID`` and ``Z``.
            Candidates are ``ZALT``; ``Z2``, if there is one, is the second redshift of a blend.
        models: that were fitted, whose best fits are drawn.
        curves: trial redshifts (shift,) and χ² there (spec, shift), or None: then P(z) is drawn alone, from
            ``ZALT_PROB``.
        title: of the page, and in the name of the exported file.

    Raises:
        ValueError: if a column has not one row for each spectrum, or ``ID`` or ``Z`` is missing.

    Example:
        >>> import numpy as np, jaxz
        >>> spectra = jaxz.Spectra(np.arange(5000.0, 5100.0), np.ones((1, 100)), np.ones((1, 100)), ids=["one"])
        >>> found = {"ID": np.array(["one"]), "Z": np.array([0.5]), "SPECTYPE": np.array(["GALAXY"])}
        >>> jaxz.inspect.page(spectra, found).startswith("<!DOCTYPE html>")
        True
    """
    missing = {"ID", "Z"} - set(catalog)
    if missing:
        raise ValueError(f"catalog: no column {', '.join(sorted(missing))}: give one of `jaxz.io.to_table`")
    lengths = {name: len(values) for name, values in catalog.items() if len(values) != len(spectra)}
    if lengths:
        raise ValueError(f"catalog: {len(spectra)} spectra, but columns of other lengths: {lengths}")
    return assembled(sheets_of(spectra, catalog, models, curves), catalog, title=title)


def assembled(
    bound: Iterable[Sheet], catalog: Mapping[str, np.ndarray], *, title: str, header: Mapping[str, Any] | None = None
) -> str:
    """Return the page of sheets that were made before.

    Args:
        bound: a sheet for each row of the catalog.
        catalog: columns by name.
        title: of the page.
        header: of the catalog; ``ZMIN`` and ``ZMAX`` are the range of redshifts, versions are for the exported file.

    Example:
        >>> wave = np.linspace(5000.0, 6000.0, 101)
        >>> spectra = jaxz.Spectra(wave, np.ones((1, 101)), np.ones((1, 101)), ids=["a"])
        >>> catalog = {"ID": np.array(["a"]), "Z": np.array([0.1]), "CHI2": np.array([90.0])}
        >>> sheets = jaxz.inspect.sheets_of(spectra, catalog, [])
        >>> jaxz.inspect.assembled(sheets, catalog, title="one spectrum")[:15]
        '<!DOCTYPE html>'
    """
    bound, header = list(bound), header or {}
    grids = {grid: number for number, grid in enumerate(dict.fromkeys(one.grid for one in bound))}
    columns = {name: _values(name, column) for name, column in catalog.items() if _is_shown(name, column)}
    columns.setdefault("SPECTYPE", [""] * len(bound))
    columns["ID"] = [str(name) for name in columns["ID"]]
    lines = read_lines()
    book = {
        "title": title,
        # Redshifts that were found anew are to be judged anew.
        "key": hashlib.sha256(json.dumps([title, columns["ID"], columns["Z"]]).encode()).hexdigest()[:16],
        "columns": columns,
        "sheets": [{"grid": grids[one.grid], **one.about} for one in bound],
        "grids": list(grids),
        "packing": {"wave_step": sheets.WAVE_STEP, "ratio": sheets.RATIO, "parts": sheets.PARTS, "bins": sheets.BINS},
        "zwarn": {bit.value: bit.name for bit in ZWarn},
        "lines": [dict(zip(("name", "wave", "kind"), map(_plain, line), strict=True)) for line in lines.iterrows()],
        "colors": figures.LINES,
        "sky": _sky(),
        "windows": [
            {"name": name, "wave": wave, "half": half, "ofStars": name in figures.OF_STARS}
            for name, wave, half in figures.WINDOWS
        ],
        "nwindow": figures.NWINDOW,
        "zrange": _zrange(bound, header),
        "smoothing": SMOOTHING,
        "versions": _versions(header),
    }
    code = importlib.resources.files("jaxz.inspect")
    return string.Template((code / "page.html").read_text(encoding="utf-8")).substitute(
        title=html.escape(title),
        style=(code / "page.css").read_text(encoding="utf-8"),
        bokeh=INLINE.render_js(),
        book=_json(book),
        item=_json(figures.figures()),
        data="\n".join(one.data for one in bound),
        script="\n".join((code / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS),
    )


def _json(value: Any) -> str:
    """Return JSON that cannot end the element of the page in which it is."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _is_shown(name: str, column: np.ndarray) -> bool:
    return np.ndim(column) == 1 and name not in _LEFT_OUT


def _values(name: str, column: np.ndarray) -> list[Any]:
    """Return a column as JSON has it: no number with more digits than it has, or fewer."""
    values = np.asarray(column)
    if values.dtype.kind == "f":
        return [float(str(value)) if np.isfinite(value) else None for value in values]
    if values.dtype.kind in "iu" and (name == "TARGETID" or np.any((values >= EXACT) | (values <= -EXACT))):
        return [str(value) for value in values]
    if values.dtype.kind in "iub":
        return values.tolist()
    return [str(value).strip() for value in values]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _sky() -> list[tuple[float, float]]:
    """Return vacuum wavelength (Å) and opacity of the sky's lines."""
    lines = sky_lines()
    strength = np.clip(0.1 + 0.12 * np.log10(lines.flux), 0.06, 0.4)
    return [(float(wave), round(float(alpha), 2)) for wave, alpha in zip(lines.wave, strength, strict=True)]


def _zrange(bound: Sequence[Sheet], header: Mapping[str, Any]) -> tuple[float, float]:
    """Return the trial redshifts of the catalog, or what holds all candidates; stars are at both sides of 0."""
    found = [candidate["z"] for one in bound for candidate in one.about["candidates"]]
    ends = float(header.get("ZMIN", 0.0)), float(header.get("ZMAX", 1.0))
    low, high = min(ends[0], *found, ends[1]), max(ends[1], *found)
    margin = 0.01 * (high - low)
    return low - margin, high + margin


def _versions(header: Mapping[str, Any]) -> dict[str, str]:
    """Return versions as prospect's file has them, -1 where they are not known."""
    names = [name for name in ("MODVER0", "BASISVER", "TARGVER", "TEMVER00") if name in header]
    jaxz = f"jaxz {header['JAXZVER']}" if "JAXZVER" in header else "-1"
    return {
        "spectra": str(header.get("SPECVER", "-1")),
        "redshifts": str(header.get("RRVER", jaxz)),
        "templates": str(header[names[0]]) if names else "-1",
    }
