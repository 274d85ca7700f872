"""Catalogs as Parquet, which surveys' databases and pandas read: one table, a group of rows for each part."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from jaxz.io.cards import from_ascii
from jaxz.io.files import FileError, damage_named, opened

_MAGIC = b"PAR1"


def is_parquet(path: str | Path) -> bool:
    """Tell whether the name is that of a Parquet file."""
    return Path(path).suffix.lower() in (".parquet", ".pq")


def holds_parquet(path: Path) -> bool:
    """Tell whether an existing file begins as Parquet does."""
    with opened(path) as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


class ParquetFile:
    """A Parquet file that is written a part at a time.

    Columns of an extension have its name and a dot before their own, but for those of REDSHIFTS; vectors are lists of
    fixed size. The header's cards are metadata of the schema, as text.

    Args:
        path: of the file.
        cards: for the metadata.

    Raises:
        FileError: if pyarrow is not installed.
    """

    def __init__(self, path: Path, cards: Mapping[str, Any]) -> None:
        self._arrow = require_pyarrow(path)
        self._path, self._writer = path, None
        self._cards = {key: from_ascii(str(value)) for key, value in cards.items()}

    def __enter__(self) -> "ParquetFile":
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, tables: Mapping[str, Mapping[str, np.ndarray]]) -> None:
        """Add the rows of a part.

        Args:
            tables: columns (row, …) of each extension; of the same names, types and shapes in every call.
        """
        import pyarrow.parquet

        columns = {
            name if extension == "REDSHIFTS" else f"{extension}.{name}": self._array(values)
            for extension, table in tables.items()
            for name, values in table.items()
        }
        table = self._arrow.table(columns).replace_schema_metadata(self._cards)
        if self._writer is None:
            self._writer = pyarrow.parquet.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)

    def _array(self, values: Any) -> Any:
        values = np.asarray(values)
        if values.ndim == 1:
            return self._arrow.array(values)
        inner = self._array(np.ascontiguousarray(values).reshape(-1, *values.shape[2:]))
        return self._arrow.FixedSizeListArray.from_arrays(inner, values.shape[1])


def read_parquet(path: Path, *, extension: str = "REDSHIFTS") -> Table:
    """Return a table of a catalog that `ParquetFile` wrote, as `jaxz.io.read_catalog` does those of FITS.

    Args:
        path: of the file.
        extension: which of its tables; without columns if the file does not hold it.

    Raises:
        FileError: if the file cannot be read, or pyarrow is not installed.
    """
    require_pyarrow(path)
    import pyarrow.parquet

    with damage_named(path):
        table = pyarrow.parquet.read_table(path)
        named = {name: name.rpartition(".") for name in table.column_names}
        columns = {
            own: _values(table[name]) for name, (of, _, own) in named.items() if (of or "REDSHIFTS") == extension
        }
        metadata = table.schema.metadata or {}
    return Table(columns, meta={key.decode(): _card(value.decode()) for key, value in metadata.items()})


def _card(text: str) -> Any:
    """Return the value of a card, which is kept as text: a number or a bool where it looks like one, as of FITS."""
    if text in ("True", "False"):
        return text == "True"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def _values(column: Any) -> np.ndarray:
    import pyarrow

    if pyarrow.types.is_fixed_size_list(column.type):
        flat = _values(pyarrow.chunked_array([chunk.flatten() for chunk in column.chunks], column.type.value_type))
        return flat.reshape(len(column), column.type.list_size, *flat.shape[1:])
    values = column.to_numpy()
    return values.astype(np.str_) if values.dtype == object else values


def require_pyarrow(path: str | Path) -> Any:
    """Return the module pyarrow.

    Raises:
        FileError: if it is not installed.
    """
    try:
        import pyarrow
    except ImportError as error:
        raise FileError(f"{path}: Parquet needs pyarrow: pip install 'jaxz[parquet]', or choose a FITS file") from error
    return pyarrow
