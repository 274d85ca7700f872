"""Tables as text: ECSV, CSV, and columns between blanks, under a line with their names."""

import codecs
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy.table import Table
from astropy.utils.exceptions import AstropyWarning

from jaxz.io.files import GZIP, FileError, opened, reason_of

_HEAD = 2**16
"""Bytes from which the syntax of a file is seen; headers of comments may be long."""

_ENCODINGS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
"""Of text that begins with such a mark, as spreadsheets write it; other text is UTF-8, with or without one."""

_LEADING_ZERO = re.compile(r"""(?:^|[,\s"'])0\d""")
"""A word that is a name though it is all digits: 0012 is not 12."""

_WHOLE = re.compile(r"\s*([+-]?(\d+(\.0*)?|\d(\.\d+)?e\+\d+)|nan)?\s*", re.IGNORECASE)
"""A number as software writes whole ones that it took for others, or a missing one."""

_MISSING = re.compile(r"\s*([+-]?(nan|inf))?\s*", re.IGNORECASE)

SYNTAXES = {"ecsv": "ECSV", "csv": "CSV", "text": "text of columns between blanks"}
"""Kinds of text tables, in words."""


def syntax_of(path: Path) -> str | None:
    """Return ``"fits"``, one of `SYNTAXES`, or None (anything else), from the first bytes of the file.

    Text is of columns between blanks where one line names as many columns as there are in the next line of numbers.

    Raises:
        FileError: if the file is missing, unreadable, a folder, or empty.
    """
    with opened(path) as stream:
        head = stream.read(_HEAD)
    if not head:
        raise FileError(f"{path}: the file is empty: fetch or write it again")
    if head.startswith((b"SIMPLE  =", GZIP)):
        return "fits"
    text = head.decode(_encoding_of(head), errors="ignore")
    if "\0" in text:
        return None
    if text.startswith("# %ECSV"):
        return "ecsv"
    lines = text.splitlines()
    layout = _layout_of(lines[:-1] if len(head) == _HEAD else lines)
    if layout is None:
        return None
    return "csv" if layout.separator else "text" if layout.names else None


def read_text_table(path: Path, syntax: str) -> Table:
    """Return a table written in one of `SYNTAXES`, missing values masked.

    The names of the columns are in the first line, or in the last comment before the numbers. ID is text where numbers
    in the file begin with zeros.

    Raises:
        FileError: if the text is not such a table.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            text = path.read_bytes()
            lines = text.decode(_encoding_of(text)).splitlines()
            if syntax == "ecsv":
                return Table.read(lines, format="ascii.ecsv")
            layout = _layout_of(lines)
            if layout is None or not layout.names:
                raise ValueError("no line with the names of the columns: write one above the numbers")
            rows = [line for line in lines[layout.first :] if line.strip() and not line.lstrip().startswith("#")]
            # Astropy takes blanks or tabs, not both.
            rows = rows if layout.separator else [" ".join(row.split()) for row in rows]
            lines = [(layout.separator or " ").join(layout.names), *rows]
            kind = "ascii.csv" if layout.separator else "ascii.basic"
            return _with_names(lines, kind, Table.read(lines, format=kind, **_text_options(layout.names, rows)))
        except Exception as error:
            raise FileError(f"{path}: cannot be read as {SYNTAXES[syntax]}: {reason_of(error)}") from error


def _with_names(lines: Sequence[str], kind: str, table: Table) -> Table:
    """Return a table, changed in place, in which ID is text where numbers are not what is written.

    12.0 is 12, and 3.9e+16 a number, as software writes columns with gaps; 1.10 and 1e2 are names.
    """
    named = [name for name in table.colnames if name.upper() == "ID" and table[name].dtype.kind == "f"]
    if named:
        texts = Table.read(lines, format=kind, converters=dict.fromkeys(named, str))
        for name in named:
            if not all(_WHOLE.fullmatch(str(text)) for text in np.ma.asarray(texts[name]).compressed()):
                missing = [_MISSING.fullmatch(str(text)) is not None for text in np.ma.filled(texts[name], "")]
                table[name] = np.ma.masked_array(np.ma.filled(texts[name], ""), mask=missing)
    return table


def _text_options(names: Sequence[str], rows: Sequence[str]) -> dict[str, Any]:
    """Return astropy's options that keep zeros before ID; without such zeros none, as its fast reader takes none."""
    named = [name for name in names if name.upper() == "ID"]
    if not named or not any(map(_LEADING_ZERO.search, rows)):
        return {}
    return {"converters": dict.fromkeys(named, str)}


class _Layout(NamedTuple):
    """Where the names of columns are: `first` is the line after them, or after the comments before the numbers."""

    separator: str
    names: list[str]
    first: int


def _layout_of(lines: Sequence[str]) -> _Layout | None:
    """Return how a text is laid out, None where it has no line that is no comment, or is none of columns."""
    place = next((i for i, line in enumerate(lines) if line.strip() and not line.lstrip().startswith("#")), None)
    if place is None:
        return None
    separator = "," if "," in lines[place] else ""
    words = _words(lines[place], separator)
    if any(map(_is_number, words)):
        comments = [line.strip().lstrip("#") for line in lines[:place] if line.strip()]
        names = _words(comments[-1], separator) if comments else []
        are_names = len(names) == len(words) and not any(map(_is_number, names))
        return _Layout(separator, names if are_names else [], place)
    if not separator:
        following = next((line for line in lines[place + 1 :] if line.strip()), "")
        numbers = _words(following, separator)
        if len(numbers) != len(words) or not any(map(_is_number, numbers)):
            return None
    return _Layout(separator, words, place + 1)


def _words(line: str, separator: str) -> list[str]:
    return [word.strip() for word in line.split(separator)] if separator else line.split()


def _is_number(word: str) -> bool:
    try:
        float(word.strip("\"'"))
    except ValueError:
        return False
    return word.strip("\"'").lower() not in ("nan", "inf", "infinity")


def _encoding_of(head: bytes) -> str:
    return next((name for mark, name in _ENCODINGS.items() if head.startswith(mark)), "utf-8-sig")
