"""Opening input files: every failure is a `FileError` of one line that names the file and says what to do."""

import gzip
import stat
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BufferedIOBase, BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyUserWarning, AstropyWarning

from jaxz.io.errors import FileError as FileError, FileWarning as FileWarning
from jaxz.io.promises import check_promises
from jaxz.spectra import Spectra, mended

_NAMED = 5
GZIP, FITS = b"\x1f\x8b", b"SIMPLE"
"""How such files begin."""

MOST_UNZIPPED = 2**32
"""Bytes that a gzipped file may hold: it is unpacked in memory."""

_PIECE = 2**24


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
    memory, warnings. A file is the unit of failure, so that all of it is told alike, and other files go on. Numbers
    that overflow or are none are no damage here: what is not finite does not count later.
    """
    try:
        with np.errstate(all="ignore"):
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

    No data are read yet, and none that headers promise but the file cannot hold ever are (see `check_promises`).

    Warnings about units and keywords that surveys write outside the standard are silenced while it is open.

    Raises:
        FileError: if the file cannot be opened, is truncated, or is not FITS; or for whatever is raised while it is
            open (see `damage_named`).
    """
    with opened(path) as stream, damage_named(path), warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        # Astropy only warns of these two, and then hands out the extensions that are left.
        warnings.filterwarnings("error", "(?s).*(truncated|Error validating header)", AstropyUserWarning)
        plain = _unzipped(path, stream)
        if plain.read(len(FITS)) != FITS:
            raise FileError(f"{path}: is no FITS file: give one, or see whether arguments are swapped")
        plain.seek(0)
        check_promises(path, plain)
        hdus = fits.open(plain, memmap=False, lazy_load_hdus=False)
        with hdus:
            yield hdus


def _unzipped(path: Path, stream: BufferedIOBase) -> BufferedIOBase:
    """Astropy takes the end of a truncated gzip file for the end of the FITS file; gzip itself does not."""
    is_zipped = stream.read(len(GZIP)) == GZIP
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
    unit: str = "",
) -> Spectra:
    """Return `Spectra` with the column ``FILE`` added to `meta`; what they refuse is told with the file's name.

    So is ``FLUXUNIT``, the unit of the flux, where it is known.

    Without a resolution matrix, pixels whose wavelength is NaN are left out, and gaps are filled (see `mended`).

    Raises:
        FileError: where `Spectra` raises ValueError.
    """
    try:
        if resolution is None:
            wave, flux, ivar = mended(wave, flux, ivar)
        named = {**meta, "FILE": np.array([str(path)] * len(ids))}
        named |= {"FLUXUNIT": np.full(len(ids), unit)} if unit else {}
        return Spectra(wave, flux, ivar, ids=ids, meta=named, resolution=resolution)
    except ValueError as error:
        raise FileError(f"{path}: {error}") from error
