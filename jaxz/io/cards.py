"""Headers and tables as FITS has them: in ASCII, with keywords of any length."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table

_ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")


def in_ascii(text: str) -> str:
    """Return a text whose letters FITS has; others are written as Python escapes them, and so is what looks alike."""
    return _ESCAPE.sub(lambda found: "\\x5c" + found[0][1:], text).encode("ascii", "backslashreplace").decode()


def from_ascii(text: str) -> str:
    """Return the text of which `in_ascii` made another."""
    return _ESCAPE.sub(lambda found: chr(int(found[1] or found[2] or found[3], 16)), text)


def texts_from_ascii(texts: np.ndarray) -> np.ndarray:
    """Return an array of texts of any shape as they were before `in_ascii`."""
    if not np.any(np.char.find(texts, "\\") >= 0):
        return texts
    return np.array([from_ascii(text) for text in texts.flat], dtype=np.str_).reshape(texts.shape)


def card(value: Any) -> Any:
    """Return a value that a FITS header can hold: numbers as they are, all else in words."""
    return value if isinstance(value, (bool, int, float)) else in_ascii(str(value))


def header_of(cards: Mapping[str, Any]) -> fits.Header:
    """Return a FITS header; long keywords become HIERARCH cards."""
    header = fits.Header()
    for key, value in cards.items():
        header[key if len(key) <= 8 else f"HIERARCH {key}"] = card(value)
    return header


def table_hdu(table: Table, name: str, cards: fits.Header | None = None) -> fits.BinTableHDU:
    """Return a table as a FITS extension, its texts in ASCII."""
    table = table.copy(copy_data=False)
    for column in table.colnames:
        if table[column].dtype.kind == "U":
            texts = np.asarray(table[column])
            table[column] = np.array([in_ascii(text) for text in texts.flat], dtype=np.str_).reshape(texts.shape)
    return fits.BinTableHDU(table, header=cards, name=name)
