"""Writing output files: never half a file, never over an existing one unasked."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table

from jaxz.io.files import FileError


def check_output(path: str | Path, *, overwrite: bool = False) -> Path:
    """Return `path` if a file can be written there; to be called before a long computation, too.

    Args:
        path: of the file to be written.
        overwrite: whether it may replace an existing file.

    Raises:
        FileError: if the file exists and `overwrite` is False, or its folder is missing or not writable.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise FileError(f"{path}: is a folder: give the name of a file in it")
        if path.exists() and not overwrite:
            raise FileError(f"{path}: exists already: choose another name or ask to overwrite it")
        if not path.parent.is_dir():
            raise FileError(f"{path}: the folder {path.parent} does not exist: create it first")
        probe = _beside(path)
        probe.touch()
        probe.unlink()
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{path}: cannot write in the folder {path.parent}: {error.strerror}") from error
    return path


@contextmanager
def replacing(path: str | Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary name in the folder of `path` to write to; it becomes `path` only if all went well.

    Raises:
        FileError: as `check_output`, or if writing fails (a full disk).
    """
    path = check_output(path, overwrite=overwrite)
    unfinished = _beside(path)
    try:
        yield unfinished
        os.replace(unfinished, path)
    except OSError as error:
        raise FileError(f"{path}: could not be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def in_ascii(text: str) -> str:
    """Return a text whose letters FITS has; others are written as Python escapes them."""
    return text.encode("ascii", "backslashreplace").decode()


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
    for column in table.colnames:
        if table[column].dtype.kind == "U":
            texts = np.asarray(table[column])
            table[column] = np.array([in_ascii(text) for text in texts.flat], dtype=np.str_).reshape(texts.shape)
    return fits.BinTableHDU(table, header=cards, name=name)


def _beside(path: Path) -> Path:
    """A hidden name whose ending is that of `path`: astropy compresses what ends in ``.gz``."""
    return path.with_name(f".{os.getpid()}.{path.name}")
