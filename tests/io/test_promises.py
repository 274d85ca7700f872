"""Headers that promise more than the file holds are refused before memory is asked for it."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import io

MOST = 50e6
"""Bytes that a reader may take of a file of some kilobytes."""


def _table() -> fits.HDUList:
    table = Table({"wave": np.arange(4000.0, 4400, 2), "flux": np.ones(200), "ivar": np.ones(200)})
    return fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table, name="BASIS_VECTORS")])


def _variable() -> fits.HDUList:
    cells = np.array([np.arange(4000.0, 4003.0), np.arange(4000.0, 4005.0)], dtype=object)
    columns = [fits.Column(name, "QD()", array=cells) for name in ("WAVE", "FLUX", "IVAR")]
    return fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)])


def _image() -> fits.HDUList:
    hdus = [fits.ImageHDU(np.ones(200), name=name) for name in ("DATA", "STAT")]
    for hdu in hdus:
        hdu.header.update(CTYPE1="WAVE", CRVAL1=4000.0, CRPIX1=1.0, CDELT1=2.0)
    return fits.HDUList([fits.PrimaryHDU(), *hdus])


def _compressed() -> fits.HDUList:
    header = fits.Header({"CTYPE1": "WAVE", "CRVAL1": 4000.0, "CRPIX1": 1.0, "CDELT1": 2.0})
    hdus = [fits.CompImageHDU(np.ones((2, 200), "f4"), header, name=name) for name in ("FLUX", "IVAR")]
    return fits.HDUList([fits.PrimaryHDU(), *hdus])


FILES: dict[str, Callable[[], fits.HDUList]] = {
    "table": _table,
    "variable": _variable,
    "image": _image,
    "compressed": _compressed,
}
PROMISES = {
    "table": (
        "NAXIS   = 9223372036854775807",
        "NAXIS1  = 100000000000",
        "NAXIS2  = 4000000000",
        "PCOUNT  = 100000000000",
        "TFIELDS = 900000000",
        "TFORM2  = '12500000000D'",
        "TFORM2  = '100000000000A'",
        "TDIM2   = '(100000,100000)'",
        "GCOUNT  = 99999999",
    ),
    "variable": ("NAXIS2  = 4000000000", "PCOUNT  = 100000000000", "THEAP   = 100000000000", "TFORM2  = '9999999999D'"),
    "image": ("NAXIS   = 999999999", "NAXIS1  = 12500000000", "PCOUNT  = 100000000000", "GCOUNT  = 99999999"),
    "compressed": (
        "ZNAXIS  = 999999999",
        "ZNAXIS1 = 12500000000",
        "ZNAXIS2 = 12500000000",
        "ZTILE1  = 12500000000",
        "NAXIS2  = 4000000000",
    ),
}


@pytest.mark.parametrize(("kind", "promise"), [(kind, card) for kind, cards in PROMISES.items() for card in cards])
@pytest.mark.parametrize("reader", [io.read, io.read_table, io.read_catalog, io.read_basis, io.read_component])
def test_a_header_that_promises_100_gigabytes(
    tmp_path: Path, kind: str, promise: str, reader: Callable[[Path], object]
) -> None:
    path = tmp_path / "x.fits"
    FILES[kind]().writeto(path)
    raw = bytearray(path.read_bytes())
    at = raw.find(promise[:9].encode(), 2880)
    if at < 0:
        at = raw.index(b"END".ljust(80), 2880)  # a card that was not there
        raw[at + 80 : at + 160] = b"END".ljust(80)
    raw[at : at + 80] = promise.ljust(80).encode()
    path.write_bytes(raw)
    tracemalloc.start()
    try:
        reader(path)
    except io.FileError as error:
        assert str(path) in str(error)  # noqa: PT017
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < MOST


@pytest.mark.parametrize(("kind", "promise"), [("image", "NAXIS1  = 12500000000"), ("table", "NAXIS2  = 4000000000")])
def test_the_refusal_is_one_line(tmp_path: Path, kind: str, promise: str) -> None:
    path = tmp_path / "x.fits"
    FILES[kind]().writeto(path)
    raw = bytearray(path.read_bytes())
    at = raw.index(promise[:9].encode(), 2880)
    raw[at : at + 80] = promise.ljust(80).encode()
    path.write_bytes(raw)
    with pytest.raises(io.FileError, match=r"x\.fits.*truncated or damaged") as caught:
        io.read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", FILES)
def test_honest_files_are_read(tmp_path: Path, kind: str) -> None:
    FILES[kind]().writeto(tmp_path / "x.fits")
    assert len(io.read(tmp_path / "x.fits", medium="vacuum")) in (1, 2)
