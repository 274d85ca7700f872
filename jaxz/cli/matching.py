"""Rows of a catalog beside those of another table with the same ID or TARGETID."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from jaxz.validate import Match

PAIRS = (("ID", "ID"), ("TARGETID", "TARGETID"), ("TARGETID", "ID"), ("ID", "TARGETID"))
"""Columns of catalog and table that are compared; the first pair with a name in common is used."""


class Matched(NamedTuple):
    """The rows, and the column of the catalog that names them."""

    key: str
    match: "Match"


def _with_files(names: "np.ndarray", table: Any) -> list[str]:
    """Return names that several files may have with the file of each."""
    files = [str(Path(str(file).strip()).resolve()) for file in table["FILE"]]
    return [f"{str(name).strip()} of {file}" for name, file in zip(names, files, strict=True)]


def match_rows(catalog: Path, found: Any, path: Path, table: Any) -> Matched:
    """Return which rows of a catalog and a table have a name in common.

    Raises:
        ValueError: if none has; the message names both files.
    """
    import numpy as np

    from jaxz import validate
    from jaxz.io.identifiers import NOT_A_TARGET, named_by_row

    for key, other in PAIRS:
        if key in found.colnames and other in table.colnames:
            names, own = np.asarray(table[other]), np.asarray(found[key])
            if other == "TARGETID":
                names = named_by_row(path, names, names == NOT_A_TARGET)
            has_files = "FILE" in found.colnames and "FILE" in table.colnames
            if has_files and len({str(name).strip() for name in names}) < len(names):
                names, own = _with_files(names, table), _with_files(own, found)
            match = validate.match(own, names)
            if len(match.rows):
                return Matched(key, match)
    raise ValueError(f"{catalog} and {path} have no ID or TARGETID in common: compare their columns ID and TARGETID")
