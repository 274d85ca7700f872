"""Opening input files: every failure is a `FileError` of one line that names the file and says what to do."""

import gzip
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedIOBase, BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.utils.exceptions import AstropyUserWarning, AstropyWarning

from jaxz.spectra import Spectra, fill_gaps

_NAMED = 5
_GZIP = b"\x1f\x8b"

DAMAGE = (OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, fits.VerifyError)
"""What astropy raises, at once or when a header is used, for files that do not make sense."""

_UNREADABLE = (*DAMAGE, EOFError, Warning, zlib.error)
"""What can be raised while a file is opened, decompressed or parsed."""


class FileError(OSError):
    """A file cannot be read or written; the message names the file, the part at fault and the fix."""


class FileWarning(UserWarning):
    """A file was read, but lacks something that it could be expected to have; the message names both."""


def syntax_of(path: Path) -> str | None:
    """Return ``"fits"``, ``"ecsv"``, ``"csv"`` or None (anything else), from the first bytes of the file.

    Raises:
        FileError: if the file is missing, unreadable, a folder, or empty.
    """
    try:
        with path.open("rb") as stream:
            head = stream.read(4096)
    except OSError as error:
        raise FileError(f"{path}: cannot be opened: {error.strerror}") from error
    if not head:
        raise FileError(f"{path}: the file is empty: fetch or write it again")
    if head.startswith((b"SIMPLE  =", _GZIP)):
        return "fits"
    if head.startswith(b"# %ECSV"):
        return "ecsv"
    lines = [line for line in head.splitlines() if line.strip() and not line.startswith(b"#")]
    return "csv" if b"\0" not in head and lines and b"," in lines[0] else None


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Raise FileError, which names the file, for what astropy raises where its contents do not make sense."""
    try:
        yield
    except FileError:
        raise
    except DAMAGE as error:
        reason = str(error).split("\n")[0]
        raise FileError(f"{path}: damaged ({reason}): check its headers, or fetch or write it again") from error


@contextmanager
def open_fits(path: Path) -> Iterator[Any]:
    """Open a FITS file (gzipped or not) with all its headers read, so that a truncated one is found out here.

    Warnings about units and keywords that surveys write outside the standard are silenced while it is open.

    Raises:
        FileError: if the file cannot be opened, is truncated, or is not FITS.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        # Astropy only warns of these two, and then hands out the extensions that are left.
        warnings.filterwarnings("error", "(?s).*(truncated|Error validating header)", AstropyUserWarning)
        try:
            stream = path.open("rb")
        except OSError as error:
            raise FileError(f"{path}: cannot be opened: {error.strerror}") from error
        with stream:
            try:
                hdus = fits.open(_unzipped(stream), memmap=False, lazy_load_hdus=False)
            except _UNREADABLE as error:
                reason = str(error).split("\n")[0]
                raise FileError(f"{path}: truncated or damaged ({reason}): fetch or write it again") from error
            with hdus:
                yield hdus


def _unzipped(stream: BufferedIOBase) -> BufferedIOBase:
    """Astropy takes the end of a truncated gzip file for the end of the FITS file; gzip itself does not."""
    is_zipped = stream.read(len(_GZIP)) == _GZIP
    stream.seek(0)
    return BytesIO(gzip.decompress(stream.read())) if is_zipped else stream


def table_of(path: Path, hdu: Any) -> Table:
    """Return a FITS binary table as an astropy table; strings are str, missing numbers NaN.

    Raises:
        FileError: if the table cannot be decoded.
    """
    try:
        return _unmasked(Table.read(hdu, format="fits", character_as_bytes=False))
    except _UNREADABLE as error:
        raise FileError(f"{path}[{hdu.name or 'table'}]: the table cannot be read ({error})") from error


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
            return _unmasked(Table.read(path, format=f"ascii.{syntax}", encoding="utf-8"))
        except _UNREADABLE as error:
            reason = str(error).strip().split("\n")[0]
            raise FileError(f"{path}: cannot be read as {syntax.upper()}: {reason}") from error


def _unmasked(table: Table) -> Table:
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


def spectra_of(
    path: Path,
    wave: np.ndarray,
    flux: np.ndarray,
    ivar: np.ndarray,
    *,
    ids: Sequence[str],
    meta: Mapping[str, np.ndarray],
    resolution: np.ndarray | None = None,
) -> Spectra:
    """Return `Spectra` with the column ``FILE`` added to `meta`; what they refuse is told with the file's name.

    Where pixels of a common wavelength grid (pix,) are left out, pixels without data are put in (see `fill_gaps`).

    Raises:
        FileError: where `Spectra` raises ValueError.
    """
    try:
        if np.ndim(wave) == 1:
            wave, flux, ivar = fill_gaps(wave, flux, ivar)
        named = {**meta, "FILE": np.array([str(path)] * len(ids))}
        return Spectra(wave, flux, ivar, ids=ids, meta=named, resolution=resolution)
    except ValueError as error:
        raise FileError(f"{path}: {error}") from error


def inverse(variance: np.ndarray) -> np.ndarray:
    """Return 1/variance in the float type of `variance`; 0, NaN and negative variances give what `Spectra` drops."""
    # A float32 variance so small that its inverse overflows is below the normal range of float32, hence noise itself.
    with np.errstate(divide="ignore", over="ignore"):
        return (1.0 / np.asarray(variance, dtype=np.float64)).astype(variance.dtype.newbyteorder("="))
