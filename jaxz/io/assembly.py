"""Catalogs of parts → one catalog: a table in memory at a time, whatever their number."""

import functools
import gzip
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from astropy.io import fits
from astropy.table import Table

from jaxz.io.cards import texts_from_ascii
from jaxz.io.curves import versions_of
from jaxz.io.files import damage_named, open_fits
from jaxz.io.maps import NEEDED, Maps, maps_of
from jaxz.io.output import replacing
from jaxz.io.parquet import ParquetFile, is_parquet
from jaxz.meta import concatenate_meta

Columns = dict[str, np.ndarray]

_BLOCK = 2880
"""Bytes of which FITS files are made."""

_OF_THE_FILE = ("SIMPLE", "BITPIX", "NAXIS", "EXTEND")
"""Keywords of a part that astropy writes itself."""


def assemble(
    parts: Sequence[Path], path: str | Path, *, without: Sequence[str] = (), overwrite: bool = False
) -> tuple[str, ...]:
    """Write the catalog of all parts: FITS, or Parquet where the name ends so.

    Rows are those of the parts, in order. A column that a part lacks, or has in another form, is treated as by
    `jaxz.Spectra.concatenate`. The header is that of the first, DEVICE tells those of all. Maps of cubes, which FITS
    alone has room for, follow the tables (see `jaxz.io.maps`).

    Args:
        parts: files of `jaxz.io.write`, one at least.
        path: of the file; it appears only when it is complete.
        without: keywords of the parts that the catalog shall not have.
        overwrite: whether to replace an existing file.

    Returns:
        What the user should know of the maps.

    Raises:
        FileError: if a part, or a cube that is in it, cannot be read, or as `jaxz.io.write`.
    """
    forms, count, cards = _forms(parts, without)
    is_placed = set(NEEDED) <= set(forms["REDSHIFTS"])
    maps = maps_of(_with_letters(_read(part).tables["REDSHIFTS"]) for part in parts) if is_placed else Maps([], ())
    with replacing(path, overwrite=overwrite) as unfinished:
        if is_parquet(path):
            with ParquetFile(unfinished, cards) as file:
                for part in parts:
                    tables = _read(part).tables
                    file.write({name: _with_letters(_shaped(tables, name, form)) for name, form in forms.items()})
            unwritten = [f"{path}: Parquet has no room for maps: for these, let the name end in .fits"]
            return (*maps.notes, *(unwritten if maps.hdus else ()))
        with _fits_stream(unfinished) as stream:
            _write_primary(stream, cards)
            for name, form in forms.items():
                tables = (_read(part).tables for part in parts)
                _write_table(stream, tables, name, form, count, cards if name == "REDSHIFTS" else fits.Header())
            for hdu in maps.hdus:
                _write_data(stream, hdu.header, iter([hdu.data.astype(hdu.data.dtype.newbyteorder(">")).tobytes()]))
    return maps.notes


def assemble_curves(parts: Sequence[Path], path: str | Path, *, overwrite: bool = False) -> None:
    """Write the χ² curves of all parts as `jaxz.io.write_curves` does.

    Args:
        parts: files of `jaxz.io.write_curves` of the same models and trial redshifts, one at least.
        path, overwrite: as of `assemble`.
    """
    with open_fits(parts[0]) as hdus:
        shared = [(hdus["Z", version].copy(), hdus["CHI2", version].data.dtype) for version in versions_of(hdus)]
    with replacing(path, overwrite=overwrite) as unfinished, _fits_stream(unfinished) as stream:
        _write_primary(stream, fits.Header())
        for version, (z, dtype) in enumerate(shared, 1):
            forms = [_curve_columns(part, version) for part in parts]
            form, count = functools.reduce(_merged, forms, {}), sum(len(columns["ID"]) for columns in forms)
            _write_data(stream, z.header, iter([z.data.astype(">f8").tobytes()]))
            header = fits.ImageHDU(np.zeros((1, len(z.data)), dtype), name="CHI2", ver=version).header
            header["NAXIS2"] = count
            _write_data(stream, header, (_chi2(part, version, dtype) for part in parts))
            tables = ({"SPECTRA": _curve_columns(part, version)} for part in parts)
            _write_table(stream, tables, "SPECTRA", form, count, fits.Header(), version)


def _curve_columns(part: Path, version: int) -> Columns:
    with open_fits(part) as hdus:
        return _columns(hdus["SPECTRA", version])


def _chi2(part: Path, version: int, dtype: np.dtype) -> bytes:
    with open_fits(part) as hdus:
        return hdus["CHI2", version].data.astype(dtype.newbyteorder(">")).tobytes()


def _forms(parts: Sequence[Path], without: Sequence[str]) -> tuple[dict[str, Columns], int, fits.Header]:
    """Return the empty columns of each table, the number of rows, and the header that they share."""
    forms: dict[str, Columns] = {}
    cards, devices, count = fits.Header(), set(), 0
    for part in parts:
        found = _read(part)
        cards = cards or found.header
        devices.add(found.header.get("DEVICE", ""))
        count += _size(found.tables)
        for name, columns in found.tables.items():
            forms[name] = _merged(forms.get(name, {}), columns)
    for keyword in (*_OF_THE_FILE, *without):
        cards.remove(keyword, ignore_missing=True)
    cards["DEVICE"] = "; ".join(sorted(devices))
    return forms, count, cards


class _Found(NamedTuple):
    header: fits.Header
    tables: dict[str, Columns]


def _read(part: Path) -> _Found:
    with damage_named(part), open_fits(part) as hdus:
        tables = {hdu.name: _columns(hdu) for hdu in hdus if isinstance(hdu, fits.BinTableHDU)}
        return _Found(hdus[0].header.copy(), tables)


def _columns(hdu: Any) -> Columns:
    found = {name: np.asarray(hdu.data[name]) for name in hdu.columns.names}
    return {
        name: column.astype(np.str_) if column.dtype.kind in "SU" else column.astype(column.dtype.newbyteorder("="))
        for name, column in found.items()
    }


def _with_letters(columns: Columns) -> Columns:
    """Return columns with the letters that FITS has not, where none are to be written to FITS again."""
    return {name: texts_from_ascii(values) if values.dtype.kind == "U" else values for name, values in columns.items()}


def _size(tables: Mapping[str, Columns]) -> int:
    """Return the number of rows, which all tables of a part share."""
    return len(next(iter(next(iter(tables.values())).values())))


def _merged(form: Columns, columns: Columns) -> Columns:
    return concatenate_meta([form, {name: column[:0] for name, column in columns.items()}], [0, 0])


def _shaped(tables: Mapping[str, Columns], name: str, form: Columns) -> Columns:
    """Return the columns of a part in the form of the whole catalog, filled where it has none."""
    shaped = concatenate_meta([form, tables.get(name, {})], [0, _size(tables)])
    return {column: values.astype(form[column].dtype) for column, values in shaped.items()}


def _write_primary(stream: BinaryIO, cards: fits.Header) -> None:
    primary = fits.PrimaryHDU(header=cards)
    primary.header.set("EXTEND", True, after="NAXIS")
    primary.writeto(stream)


def _write_table(
    stream: BinaryIO,
    parts: Iterator[Mapping[str, Columns]],
    name: str,
    form: Columns,
    count: int,
    cards: fits.Header,
    version: int | None = None,
) -> None:
    encoded = (_encoded(_shaped(tables, name, form), name, cards, version) for tables in parts)
    header, first = next(encoded)
    header["NAXIS2"] = count
    _write_data(stream, header, itertools.chain([first], (rows for _, rows in encoded)))


def _encoded(columns: Columns, name: str, cards: fits.Header, version: int | None) -> tuple[fits.Header, bytes]:
    """Return the header and the rows of a table as FITS has them."""
    file = BytesIO()
    hdu = fits.BinTableHDU(Table(columns), header=cards, name=name, ver=version)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(file)
    whole = file.getvalue()
    with fits.open(BytesIO(whole)) as hdus:
        header, begin = hdus[1].header.copy(), hdus[1].fileinfo()["datLoc"]
    size = header["NAXIS1"] * header["NAXIS2"]
    return header, whole[begin : begin + size]


def _write_data(stream: BinaryIO, header: fits.Header, pieces: Iterator[bytes]) -> None:
    stream.write(header.tostring().encode("ascii"))
    size = 0
    for piece in pieces:
        stream.write(piece)
        size += len(piece)
    stream.write(bytes(-size % _BLOCK))


@contextmanager
def _fits_stream(path: Path) -> Iterator[Any]:
    """Open a file for writing; one whose name ends in ``.gz`` is compressed, and the same for the same contents."""
    with path.open("wb") as file:
        if path.suffix != ".gz":
            yield file
            return
        with gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=0) as zipped:
            yield zipped
