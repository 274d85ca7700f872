"""Visual inspections as truth: the CSV of prospect, which `jaxz inspect` exports."""

from pathlib import Path

import numpy as np
from astropy.table import Table

from jaxz.io.tabular import read_table

CONFIDENT = 3
"""VI_quality from which DESI takes an inspected redshift as known: 3 is probable, 4 is confident (Lan et al. 2023, ApJ
943, 68)."""


def read_truth(path: str | Path) -> Table:
    """Read a table of true redshifts, or of visual inspections in prospect's format.

    Of inspections, Z is ``VI_z`` where the inspector gave one, else ``Redrock_z``, which was looked at and left; it is
    NaN where ``VI_quality`` is below 3, or where ``VI_issue`` says that it is wrong (R) and ``VI_z`` does not say what
    is right.

    Args:
        path: of any file that `read_table` reads.

    Returns:
        The table; one of inspections has the column ``Z`` beside those of the file.

    Raises:
        FileError: if the file cannot be read.

    Example:
        >>> from astropy.table import Table
        >>> seen = Table({"VI_quality": [4, 1], "VI_z": ["", ""], "Redrock_z": [0.7, 0.9], "VI_issue": ["", ""]})
        >>> seen.write("seen.csv")
        >>> jaxz.io.read_truth("seen.csv")["Z"].tolist()
        [0.7, nan]
    """
    table = read_table(path)
    if not {"VI_quality", "VI_z", "Redrock_z"} <= set(table.colnames):
        return table
    given, found = _numbers(table["VI_z"]), _numbers(table["Redrock_z"])
    wrong = np.array(["R" in str(issue) for issue in table["VI_issue"]]) if "VI_issue" in table.colnames else False
    z = np.where(np.isfinite(given), given, np.where(wrong, np.nan, found))
    table["Z"] = np.where(_numbers(table["VI_quality"]) >= CONFIDENT, z, np.nan)
    return table


def _numbers(column: np.ndarray) -> np.ndarray:
    """Return a column of numbers, or of text that is a number or nothing, as float64."""
    return np.array([_number(value) for value in column], dtype=np.float64)


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return np.nan
