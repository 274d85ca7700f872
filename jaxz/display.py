"""What a container looks like in a notebook: a small table, as text and as HTML, and curves as tiny pictures."""

import html
from collections.abc import Mapping, Sequence

import numpy as np

SHOWN = 10
"""Rows that are shown at most: the first and the last of more."""

WIDTH, HEIGHT = 180, 32
"""Of a tiny picture, pixels."""

_GAP = "⋮"
_CELL = "text-align:right;white-space:nowrap;padding:2px 8px"


def shown_rows(count: int) -> list[int]:
    """Return the rows of a container that are shown: all, or the first and the last."""
    if count <= SHOWN:
        return list(range(count))
    return [*range(SHOWN // 2), *range(count - SHOWN // 2, count)]


def text_of(title: str, columns: Mapping[str, Sequence[str]], count: int) -> str:
    """Return a table as text.

    Args:
        title: the first line.
        columns: heading and cells of the rows that `shown_rows` gives.
        count: rows of the container.
    """
    lines = [[name, *cells] for name, cells in columns.items()]
    if count > SHOWN:
        lines = [[*column[: SHOWN // 2 + 1], _GAP, *column[SHOWN // 2 + 1 :]] for column in lines]
    widths = [max(map(len, column)) for column in lines]
    rows = zip(*lines, strict=True)
    body = [" ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([title, *body]) if count else title


def html_of(
    title: str, columns: Mapping[str, Sequence[str]], count: int, pictures: tuple[str, Sequence[str]] | None = None
) -> str:
    """Return a table as HTML; all text is escaped.

    Args:
        title, columns, count: as of `text_of`.
        pictures: heading and SVG of one more column.
    """
    heads = "".join(f"<th style='{_CELL}'>{html.escape(name)}</th>" for name in columns)
    rows = [
        "".join(f"<td style='{_CELL}'>{html.escape(cell)}</td>" for cell in cells)
        for cells in zip(*columns.values(), strict=True)
    ]
    width = len(columns)
    if pictures is not None:
        name, drawn = pictures
        heads += f"<th style='{_CELL}'>{html.escape(name)}</th>"
        rows = [f"{row}<td>{picture}</td>" for row, picture in zip(rows, drawn, strict=True)]
        width += 1
    if count > SHOWN:
        rows.insert(SHOWN // 2, f"<td colspan={width} style='text-align:center'>{_GAP}</td>")
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>" if count else ""
    return f"<div><p>{html.escape(title)}</p>{table}</div>"


def curve_svg(values: np.ndarray, *, lowest: bool = False) -> str:
    """Return a tiny picture of a curve.

    Args:
        values: (any,); what is not finite is left out.
        lowest: whether narrow minima are to be seen; else the mean of what falls on one pixel is drawn.
    """
    bins = np.array_split(np.asarray(values, dtype=np.float64), min(WIDTH, max(len(values), 1)))
    known = [part[np.isfinite(part)] for part in bins]
    level = np.array([(part.min() if lowest else part.mean()) if len(part) else np.nan for part in known])
    seen = np.flatnonzero(np.isfinite(level))
    if not len(seen):
        return ""
    low, high = (level[seen].min(), level[seen].max()) if lowest else np.percentile(level[seen], [1, 99])
    share = np.clip((level[seen] - low) / ((high - low) or 1.0), 0, 1)
    x = (seen + 0.5) * WIDTH / len(level)
    y = 1 + (HEIGHT - 2) * (1 - share)
    points = " ".join(f"{one:.0f},{other:.1f}" for one, other in zip(x, y, strict=True))
    return (
        f"<svg width='{WIDTH}' height='{HEIGHT}' viewBox='0 0 {WIDTH} {HEIGHT}'>"
        f"<polyline points='{points}' fill='none' stroke='#2c5f8a' stroke-width='1'/></svg>"
    )
