"""Magnitudes and colours of targets, from the FIBERMAP of a file or from any table."""

import re
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.table import Table

from jaxz.io.fibermap import fibermap_of
from jaxz.io.files import FileError, damage_named, open_fits
from jaxz.io.parquet import holds_parquet, read_parquet
from jaxz.io.tabular import read_table, table_of
from jaxz.io.text import syntax_of
from jaxz.io.units import unit_of
from jaxz.validate import ZEROPOINT, magnitude

_FLUX = re.compile(r"(?:FIBER|FIBERTOT)?FLUX_(?!IVAR)", re.IGNORECASE)
"""How names of columns begin that are photometric fluxes, as in DESI's FIBERMAP."""

_NANOMAGGY = re.compile(r"n(?:ano)?-?m(?:a?gg?y|aggies)", re.IGNORECASE)
_NANOMAGGIES_IN_JANSKY = 10 ** ((ZEROPOINT - 8.9) / 2.5)
"""By which a flux in Jy is to be multiplied: AB magnitudes are 8.9 - 2.5 log10 of it (Oke & Gunn 1983)."""


class Photometry(NamedTuple):
    """A magnitude, a colour or another quantity of targets.

    Attributes:
        name: of it, in words.
        values: (target,) float64, NaN where there is none.
        nonpositive: (target,) bool, whether a flux is not above 0, so that there is no magnitude.
    """

    name: str
    values: np.ndarray
    nonpositive: np.ndarray


def read_targets(path: str | Path) -> Table:
    """Read what is known of targets: the FIBERMAP of a catalog or of a DESI file, else the table of the file.

    Args:
        path: of the file.

    Returns:
        The table; missing values and identifiers as of `read_table`.

    Raises:
        FileError: if the file cannot be read or holds no table.

    Example:
        >>> from astropy.table import Table
        >>> Table({"ID": ["a"], "FLUX_R": [1.0]}).write("targets.ecsv", overwrite=True)
        >>> jaxz.io.read_targets("targets.ecsv").colnames
        ['ID', 'FLUX_R']
    """
    path = Path(path)
    if holds_parquet(path):
        fibermap = read_parquet(path, extension="FIBERMAP")
        return fibermap if fibermap.colnames else read_parquet(path)
    with warnings.catch_warnings():
        # DESI's units are none of the FITS standard's.
        warnings.simplefilter("ignore", u.UnitsWarning)
        if syntax_of(path) == "fits":
            with damage_named(path), open_fits(path) as hdus:
                extension = fibermap_of(hdus)
                if extension is not None and isinstance(hdus[extension], fits.BinTableHDU):
                    return table_of(path, hdus[extension])
        return read_table(path)


def photometry(path: str | Path, table: Table, text: str) -> Photometry:
    """Return a column of a table, or the difference of two, as magnitudes where they are fluxes.

    Columns whose names begin with ``FLUX_``, ``FIBERFLUX_`` or ``FIBERTOTFLUX_`` are fluxes: in nanomaggies where they
    have no unit, else in a unit that says so or that is of f_ν. They are not corrected for extinction.

    Args:
        path: where the table is from, for messages.
        table: of the targets.
        text: the name of a column, or two with a minus between them.

    Raises:
        FileError: if there are no such columns, they do not hold a number in each row, or a flux has another unit.

    Example:
        >>> from astropy.table import Table
        >>> table = Table({"FLUX_G": [1.0, -0.1], "FLUX_R": [10.0, 1.0]})
        >>> found = jaxz.io.photometry("targets.fits", table, "FLUX_G-FLUX_R")
        >>> found.name, found.values, found.nonpositive.tolist()
        ('mag(FLUX_G) - mag(FLUX_R)', array([2.5, nan]), [False, True])
    """
    pairs = [(text[:place].strip(), text[place + 1 :].strip()) for place, letter in enumerate(text) if letter == "-"]
    names = next((names for names in ((text,), *pairs) if set(names) <= set(table.colnames)), None)
    if names is None:
        raise FileError(
            f"{path}: no column {text}, and no two whose difference it is, among {', '.join(table.colnames)}: "
            "choose of these, or give another table"
        )
    columns = [_numbers(path, name, table[name]) for name in names]
    fluxes = [_FLUX.match(name) is not None for name in names]
    values = [magnitude(one) if flux else one for one, flux in zip(columns, fluxes, strict=True)]
    below = np.zeros(len(table), dtype=bool)
    for one, flux in zip(columns, fluxes, strict=True):
        below |= flux & (one <= 0)
    return Photometry(
        " - ".join(f"mag({name})" if flux else name for name, flux in zip(names, fluxes, strict=True)),
        values[0] if len(values) == 1 else values[0] - values[1],
        below,
    )


def _numbers(path: str | Path, name: str, column: Any) -> np.ndarray:
    """Return a column as float64, a flux in nanomaggies; what is not finite as NaN."""
    if column.ndim != 1 or column.dtype.kind not in "fiu":
        raise FileError(f"{path}[{name}]: needs one number in each row, has {column.dtype}: choose another column")
    factor = _nanomaggies(f"{path}[{name}]", column.unit) if _FLUX.match(name) else 1.0
    values = factor * np.asarray(column, dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _nanomaggies(where: str, said: object) -> float:
    """Return what a flux is to be multiplied by."""
    words = "" if said is None else str(said).strip()
    if not words or _NANOMAGGY.fullmatch(words):
        return 1.0
    try:
        unit = unit_of(said)
        return 1.0 if unit is None else float(unit.to(u.Jy)) * _NANOMAGGIES_IN_JANSKY
    except (ValueError, u.UnitConversionError) as error:
        raise FileError(
            f"{where}: magnitudes are made of nanomaggies or f_ν, not of {words}: add a column of magnitudes"
        ) from error
