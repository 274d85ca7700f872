"""What headers of a FITS file promise, compared with what the file can hold."""

import math
import os
import re
from io import BufferedIOBase
from pathlib import Path

from astropy.io import fits

from jaxz.io.errors import FileError

_BLOCK = 2880
"""Bytes; headers and data of FITS files are padded to multiples of it."""

_MOST = 999
"""Axes of an image, and columns of a table, that the standard allows."""

_MOST_PACKED = 1100
"""How many times its size in the file a compressed image can have: gzip makes at most 1/1032 of anything."""

_WIDTH = {"L": 1, "X": 1 / 8, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8, "M": 16, "P": 8, "Q": 16}
"""Bytes of an element by its format in a binary table."""

_FORM = re.compile(r"\s*(\d*)([A-Z])")


def check_promises(path: Path, stream: BufferedIOBase) -> None:
    """Refuse a FITS file whose headers promise more than it can hold, before astropy makes room for it.

    Astropy counts axes and columns up to what NAXIS and TFIELDS say, and takes the length of a column from TFORM, that
    of a compressed image from ZNAXIS1 and so on: a changed digit costs hours, or all memory.

    Args:
        path: the file, for messages.
        stream: its bytes, unpacked; it is at its beginning afterwards.

    Raises:
        FileError: for the first header that does; the message names its extension.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    number = 0
    while stream.tell() < size:
        try:
            header = fits.Header.fromfile(stream)
        except (OSError, EOFError, ValueError):
            break  # what follows is no header: astropy says so, or passes over it
        name = header.get("EXTNAME", "PRIMARY" if number == 0 else number)
        try:
            promised = _check(header, stream.tell(), size)
        except ValueError as error:
            raise FileError(
                f"{path}: truncated or damaged ({name}: {error}): check its headers, or fetch or write it again"
            ) from error
        stream.seek(math.ceil(promised / _BLOCK) * _BLOCK, os.SEEK_CUR)
        number += 1
    stream.seek(0)


def _check(header: fits.Header, begin: int, size: int) -> int:
    """Return the bytes of data of a header, which begin at a place in a file of some size.

    Raises:
        ValueError: if it promises more than there can be.
    """
    axes = _whole(header, "NAXIS", _MOST)
    shape = [_whole(header, f"NAXIS{i + 1}") for i in range(axes)]
    if header.get("GROUPS") is True and shape and shape[0] == 0:
        shape = shape[1:]
    pixel = abs(_whole(header, "BITPIX", 64, least=-64)) // 8
    count = math.prod(shape) if shape else 0
    promised = pixel * _whole(header, "GCOUNT", absent=1) * (_whole(header, "PCOUNT") + count)
    if promised > size - begin:
        raise ValueError(f"the header promises {promised} bytes, {size - begin} are left of the file")
    if str(header.get("XTENSION", "")).strip() == "BINTABLE":
        _check_columns(header, shape[0] if shape else 0)
        if header.get("ZIMAGE") is True:
            _check_packed(header, size)
    return promised


def _check_columns(header: fits.Header, length: int) -> None:
    width = 0
    for number in range(1, _whole(header, "TFIELDS", _MOST) + 1):
        form = _FORM.match(str(header.get(f"TFORM{number}", "")))
        if form is not None:
            width += math.ceil(int(form[1] or 1) * _WIDTH.get(form[2], 1))
    if width > length:
        raise ValueError(f"columns of {width} bytes (TFORM) in rows of {length} (NAXIS1)")


def _check_packed(header: fits.Header, size: int) -> None:
    axes = _whole(header, "ZNAXIS", _MOST)
    pixel = abs(_whole(header, "ZBITPIX", 64, least=-64)) // 8
    for name in ("ZNAXIS", "ZTILE"):
        promised = pixel * math.prod(_whole(header, f"{name}{i + 1}", absent=1) for i in range(axes))
        if promised > _MOST_PACKED * size:
            raise ValueError(f"{name} promises {promised} bytes, more than {size} can unpack to")


def _whole(header: fits.Header, key: str, most: int | None = None, *, least: int = 0, absent: int = 0) -> int:
    value = header.get(key, absent)
    if not isinstance(value, int) or value < least or (most is not None and value > most):
        raise ValueError(f"{key} is {str(value)[:20]!r}")
    return value
