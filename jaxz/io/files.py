"""Opening input files: every failure is a `FileError` of one line that names the file and says what to do."""

import gzip
import stat
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedIOBase, BytesIO
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.utils.exceptions import AstropyUserWarning, AstropyWarning

from jaxz.measured import PER_ANGSTROM
from jaxz.spectra import Spectra, mended

_NAMED = 5
_GZIP = b"\x1f\x8b"

MOST_UNZIPPED = 2**32
"""Bytes that a gzipped file may hold: it is unpacked in memory."""

_PIECE = 2**24


class FileError(OSError):
    """A file cannot be read or written; the message names the file, the part at fault and the fix."""


class FileWarning(UserWarning):
    """A file was read, but lacks something that it could be expected to have; the message names both."""


def syntax_of(path: Path) -> str | None:
    """Return ``"fits"``, ``"ecsv"``, ``"csv"`` or None (anything else), from the first bytes of the file.

    Raises:
        FileError: if the file is missing, unreadable, a folder, or empty.
    """
    with opened(path) as stream:
        head = stream.read(4096)
    if not head:
        raise FileError(f"{path}: the file is empty: fetch or write it again")
    if head.startswith((b"SIMPLE  =", _GZIP)):
        return "fits"
    if head.startswith(b"# %ECSV"):
        return "ecsv"
    lines = [line for line in head.splitlines() if line.strip() and not line.startswith(b"#")]
    return "csv" if b"\0" not in head and lines and b"," in lines[0] else None


@contextmanager
def opened(path: Path) -> Iterator[BufferedIOBase]:
    """Open a file for reading.

    Raises:
        FileError: if it cannot be opened, or is no file, such as a pipe, from which a read might wait for ever.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise FileError(f"{path}: is no file but a {_kind_of(path)}: give a file")
        stream = path.open("rb")
    except FileError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise FileError(f"{path}: cannot be opened: {getattr(error, 'strerror', None) or error}") from error
    with stream:
        yield stream


def _kind_of(path: Path) -> str:
    return "folder" if path.is_dir() else "pipe" if path.is_fifo() else "device or socket"


@contextmanager
def damage_named(what: str | Path) -> Iterator[None]:
    """Raise FileError, which names the file or the part of it, for whatever is raised while it is read.

    What libraries raise for files that do not make sense is not in any list: assertions, unbound variables, lack of
    memory, warnings. A file is the unit of failure, so that all of it is told alike, and other files go on.
    """
    try:
        yield
    except FileError:
        raise
    except Exception as error:
        raise FileError(
            f"{what}: truncated or damaged ({reason_of(error)}): check its headers, or fetch or write it again"
        ) from error


def reason_of(error: BaseException) -> str:
    """Return the first line of what an exception says, or its kind where it says nothing."""
    said = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


@contextmanager
def open_fits(path: Path) -> Iterator[Any]:
    """Open a FITS file (gzipped or not) with all its headers read, so that a truncated one is found out here.

    Warnings about units and keywords that surveys write outside the standard are silenced while it is open.

    Raises:
        FileError: if the file cannot be opened, is truncated, or is not FITS; or for whatever is raised while it is
            open (see `damage_named`).
    """
    with opened(path) as stream, damage_named(path), warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        # Astropy only warns of these two, and then hands out the extensions that are left.
        warnings.filterwarnings("error", "(?s).*(truncated|Error validating header)", AstropyUserWarning)
        hdus = fits.open(_unzipped(path, stream), memmap=False, lazy_load_hdus=False)
        with hdus:
            yield hdus


def _unzipped(path: Path, stream: BufferedIOBase) -> BufferedIOBase:
    """Astropy takes the end of a truncated gzip file for the end of the FITS file; gzip itself does not."""
    is_zipped = stream.read(len(_GZIP)) == _GZIP
    stream.seek(0)
    if not is_zipped:
        return stream
    whole = BytesIO()
    with gzip.open(stream) as zipped:
        while piece := zipped.read(_PIECE):
            if whole.tell() + len(piece) > MOST_UNZIPPED:
                raise FileError(f"{path}: holds more than {MOST_UNZIPPED >> 30} GiB: unpack it with gunzip")
            whole.write(piece)
    whole.seek(0)
    return whole


def table_of(path: Path, hdu: Any) -> Table:
    """Return a FITS binary table as an astropy table; strings are str, missing numbers NaN.

    Raises:
        FileError: if the table cannot be decoded.
    """
    with damage_named(f"{path}[{hdu.name or 'table'}]"):
        return unmasked(Table.read(hdu, format="fits", character_as_bytes=False))


def read_table(path: str | Path) -> Table:
    """Read any table: the first one of a FITS file, ECSV, or CSV with a header line.

    Args:
        path: the file; what it is is seen from its contents.

    Returns:
        The table, strings as str, missing numbers as NaN.

    Raises:
        FileError: if the file cannot be read or holds no table.
    """
    path = Path(path)
    syntax = syntax_of(path)
    if syntax is None:
        raise FileError(f"{path}: not a table: give FITS, ECSV, or CSV with a header line")
    if syntax != "fits":
        return read_text_table(path, syntax)
    with open_fits(path) as hdus:
        for hdu in hdus:
            if isinstance(hdu, fits.BinTableHDU):
                return table_of(path, hdu)
    raise FileError(f"{path}: the FITS file holds no table ({summary_of(hdus)})")


def read_text_table(path: Path, syntax: str) -> Table:
    """Return a table written as ``"ecsv"`` or ``"csv"``.

    Raises:
        FileError: if the text is not such a table.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            return unmasked(Table.read(path, format=f"ascii.{syntax}", encoding="utf-8-sig"))
        except Exception as error:
            raise FileError(f"{path}: cannot be read as {syntax.upper()}: {reason_of(error)}") from error


def unmasked(table: Table) -> Table:
    """Put NaN or an empty string where a value is missing; identifiers stay integers, as their digits matter."""
    for name in table.colnames:
        column: Any = table[name]
        if np.ma.isMaskedArray(column):
            if column.dtype.kind in "iu" and column.mask.any() and name.upper() not in ("ID", "TARGETID"):
                column = column.astype(np.float64)
            blank = {"f": np.nan, "U": "", "S": b""}.get(column.dtype.kind, column.fill_value)
            table[name] = column.filled(blank)
    return table


def summary_of(hdus: Any) -> str:
    """Return the first extensions of a FITS file in words, for messages."""
    words = [f"{hdu.name or 'unnamed'} ({_contents(hdu)})" for hdu in hdus[:_NAMED]]
    return ", ".join(words) + (", …" if len(hdus) > _NAMED else "")


def _contents(hdu: Any) -> str:
    if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)):
        names = hdu.columns.names
        return "table of " + ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    return "image " + " x ".join(map(str, image_shape(hdu))) if image_shape(hdu) else "no data"


def image_shape(hdu: Any) -> tuple[int, ...]:
    """Return the shape of an image extension without reading its data; () for any other."""
    return hdu.shape if isinstance(hdu, (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU)) else ()


def stem_of(path: Path) -> str:
    """Return the name of a file without its ending, ``.fits.gz`` included."""
    return Path(path.name.removesuffix(".gz")).stem


def number_in(header: Any, key: str, absent: float = np.nan) -> float:
    """Return a numeric header value, `absent` where there is none, NaN where it is not a number."""
    value = header.get(key, absent)
    return float(value) if isinstance(value, (int, float, np.number)) and not isinstance(value, bool) else np.nan


def target_of(header: Any) -> dict[str, np.ndarray]:
    """Return RA and DEC of the one spectrum of a file, and its TARGETID where ID is a whole number, each (1,)."""
    meta = {name: np.array([number_in(header, name)]) for name in ("RA", "DEC")}
    identifier = header.get("ID")
    if isinstance(identifier, int) and not isinstance(identifier, bool):
        meta["TARGETID"] = np.array([identifier], dtype=np.int64)
    return meta


def spectra_of(
    path: Path,
    wave: np.ndarray,
    flux: np.ndarray,
    ivar: np.ndarray,
    *,
    ids: Sequence[str],
    meta: Mapping[str, np.ndarray],
    resolution: np.ndarray | None = None,
    bunit: Any = None,
) -> Spectra:
    """Return `Spectra` with the column ``FILE`` added to `meta`; what they refuse is told with the file's name.

    So is ``FLUXUNIT`` where the card `bunit` is a unit of f_λ.

    Without a resolution matrix, pixels whose wavelength is NaN are left out, and gaps are filled (see `mended`).

    Raises:
        FileError: where `Spectra` raises ValueError.
    """
    try:
        if resolution is None:
            wave, flux, ivar = mended(wave, flux, ivar)
        unit = _flux_unit(bunit)
        named = {**meta, "FILE": np.array([str(path)] * len(ids))}
        named |= {"FLUXUNIT": np.full(len(ids), unit)} if unit else {}
        return Spectra(wave, flux, ivar, ids=ids, meta=named, resolution=resolution)
    except ValueError as error:
        raise FileError(f"{path}: {error}") from error


def _flux_unit(bunit: Any) -> str:
    try:
        unit = u.Unit(str(bunit).strip())
    except ValueError:
        return ""
    return str(unit) if unit.is_equivalent(PER_ANGSTROM) else ""
