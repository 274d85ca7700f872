"""Tables of any kind of file, with their missing values in one form."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table

from jaxz.io.cards import texts_from_ascii
from jaxz.io.files import FileError, damage_named, open_fits, summary_of
from jaxz.io.identifiers import check_identifiers
from jaxz.io.output import replacing
from jaxz.io.text import read_text_table, syntax_of


def read_table(path: str | Path) -> Table:
    """Read any table: the first one of a FITS file, ECSV, CSV, or text of columns between blanks.

    Args:
        path: the file; what it is is seen from its contents. Text needs a line with the names of the columns, which may
            be a comment.

    Returns:
        The table, strings as str, missing numbers as NaN. ID and TARGETID that are missing, or have lost digits as
        floating-point numbers, are the name of the file and the row, and -1; a `FileWarning` says so.

    Raises:
        FileError: if the file cannot be read or holds no table.

    Example:
        >>> from astropy.table import Table
        >>> Table({"ID": ["a"], "Z": [0.5]}).write("truth.ecsv", overwrite=True)
        >>> jaxz.io.read_table("truth.ecsv")["Z"].tolist()
        [0.5]
    """
    path = Path(path)
    syntax = syntax_of(path)
    if syntax is None:
        raise FileError(f"{path}: not a table: give FITS, ECSV, or text with a line of names above the numbers")
    if syntax != "fits":
        return table_of_text(path, syntax)
    with open_fits(path) as hdus:
        for hdu in hdus:
            if isinstance(hdu, fits.BinTableHDU):
                return table_of(path, hdu)
    raise FileError(f"{path}: the FITS file holds no table ({summary_of(hdus)})")


def write_table(
    columns: Mapping[str, Any], path: str | Path, *, header: Mapping[str, Any] | None = None, overwrite: bool = False
) -> None:
    """Write a table as ECSV, which `read_table` reads.

    Args:
        columns: (row,) each, by their names.
        path: of the file; it appears only when it is complete.
        header: what is said above the table.
        overwrite: whether to replace an existing file.

    Raises:
        FileError: as `check_output`.

    Example:
        >>> jaxz.io.write_table({"LIMIT": [24.0], "PURITY": [0.9]}, "cuts.ecsv", overwrite=True)
        >>> jaxz.io.read_table("cuts.ecsv")["PURITY"].tolist()
        [0.9]
    """
    with replacing(path, overwrite=overwrite) as unfinished:
        Table(dict(columns), meta=dict(header or {})).write(unfinished, format="ascii.ecsv")


def table_of_text(path: Path, syntax: str) -> Table:
    """Return a table written as text; errors and missing values as of `read_table`."""
    with damage_named(path):
        return without_gaps(path, read_text_table(path, syntax))


def table_of(path: Path, hdu: Any, *, check: bool = True) -> Table:
    """Return a FITS binary table as an astropy table; missing values as of `read_table`, texts as of `from_ascii`.

    Args:
        path: the file, for names and messages.
        hdu: the extension.
        check: whether identifiers are put right; if not, they are what the file has.

    Raises:
        FileError: if the table cannot be decoded.
    """
    with damage_named(f"{path}[{hdu.name or 'table'}]"):
        table = Table.read(hdu, format="fits", character_as_bytes=False)
        return _with_letters(without_gaps(path, table) if check else _filled(table))


def without_gaps(path: Path, table: Table) -> Table:
    """Return a table, changed in place, with identifiers and missing values as of `read_table`."""
    check_identifiers(path, table)
    return _filled(table)


def _filled(table: Table) -> Table:
    for name in table.colnames:
        column: Any = table[name]
        if np.ma.isMaskedArray(column):
            if column.dtype.kind in "iu" and column.mask.any():
                column = column.astype(np.float64)
            blank = {"f": np.nan, "U": "", "S": b""}.get(column.dtype.kind, column.fill_value)
            table[name] = column.filled(blank)
    return table


def _with_letters(table: Table) -> Table:
    """Return a table, changed in place, with the letters that FITS has not."""
    for name in table.colnames:
        if table[name].dtype.kind == "U":
            table[name] = texts_from_ascii(np.asarray(table[name]))
    return table
