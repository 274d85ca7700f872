"""Identifiers of targets: no number is reported that is in no file."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from jaxz.io.files import FileError, FileWarning, stem_of

COLUMNS = ("ID", "TARGETID")
NOT_A_TARGET = -1
"""TARGETID of a spectrum whose file gives none."""

_EXACT = 2.0**53
"""From here on floating-point numbers stand for several integers."""

_NULL = np.iinfo(np.int64).min
"""What becomes of NaN where a column of numbers is made one of integers."""


def unknown_identifiers(values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return for each value of a column whether it is missing, and whether it has lost digits as a float.

    Args:
        values: (row,) numbers or text, masked where they are missing.
    """
    masked, plain = np.ma.getmaskarray(np.ma.asanyarray(values)), np.ma.getdata(np.ma.asanyarray(values))
    if plain.dtype.kind == "f":
        return masked | ~np.isfinite(plain), ~masked & np.isfinite(plain) & (np.abs(plain) >= _EXACT)
    if plain.dtype.kind in "iu":
        return masked | ((plain == _NULL) if plain.dtype.kind == "i" else (plain > -(_NULL + 1))), np.zeros_like(masked)
    return masked | np.array([not str(value).strip() for value in plain], dtype=bool), np.zeros_like(masked)


def warn_of_unknown(where: str, missing: np.ndarray, lost: np.ndarray) -> None:
    """Give a `FileWarning` that names a column with identifiers that are missing or have lost digits."""
    reasons = (
        (missing, "are missing"),
        (lost, "are beyond 2^53 in floating point, where the last digits are lost"),
    )
    said = [f"{np.count_nonzero(rows)} of {len(rows)} identifiers {why}" for rows, why in reasons if rows.any()]
    if said:
        warnings.warn(
            f"{where}: {', '.join(said)}: they are named by the file and the row; write them as integers or text",
            FileWarning,
            stacklevel=3,
        )


def check_identifiers(path: Path, table: Table) -> None:
    """Put the columns ``ID`` and ``TARGETID`` of a table, in any case, right.

    Whole numbers in floating point become integers. Where one is missing or has lost digits, TARGETID is
    `NOT_A_TARGET`, and ID the name of the file and the number of the row; a `FileWarning` says how many are.

    Args:
        path: the file, for names and messages.
        table: changed in place.
    """
    for name in table.colnames:
        column: Any = table[name]
        if name.upper() not in COLUMNS or column.ndim != 1 or column.dtype.kind not in "fiuUS":
            continue
        missing, lost = unknown_identifiers(column)
        warn_of_unknown(f"{path}[{name}]", missing, lost)
        unknown = missing | lost
        values = np.ma.getdata(np.ma.asanyarray(column))
        if values.dtype.kind == "f" and not np.all(unknown | (values == np.floor(values))):
            continue  # numbers such as 1.5 are names
        if values.dtype.kind in "fiu":
            values = np.where(unknown, 0, values).astype(np.int64)
            values[unknown] = NOT_A_TARGET
        is_name = name.upper() == "ID" or values.dtype.kind in "US"
        table[name] = named_by_row(path, values, unknown) if is_name and unknown.any() else values


def named_by_row(path: Path, values: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """Return identifiers as text, the name of the file and the number of the row where they are unknown."""
    return np.where(unknown, [f"{stem_of(path)}-{row}" for row in range(len(values))], values.astype(str))


def targetids_of(path: Path, column: Any) -> np.ndarray:
    """Return a column TARGETID as int64.

    Raises:
        FileError: if it is no column of one integer in each row.
    """
    if column.ndim != 1 or column.dtype.kind not in "iu":
        raise FileError(
            f"{path}[{column.name}]: needs one integer in each row: write it again, or call it ID if it is a name"
        )
    return np.asarray(column, dtype=np.int64)
