"""Spectrum files as their programs write them, made from the same few pixels."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from scipy import sparse


class Pixels(NamedTuple):
    wave: np.ndarray
    flux: np.ndarray
    variance: np.ndarray


@pytest.fixture
def pixels(rng: np.random.Generator) -> Pixels:
    """Return 200 pixels of 1.25 Å from 4750 Å."""
    return Pixels(4750.0 + 1.25 * np.arange(200), rng.normal(10, 3, 200), rng.uniform(1, 4, 200))


@pytest.fixture
def mpdaf_image() -> Callable[..., fits.ImageHDU]:
    """Return a function that makes one extension of an MPDAF file; a card of value None is left out."""

    def make(values: np.ndarray, name: str, **cards: object) -> fits.ImageHDU:
        known = {"CRVAL1": 4750.0, "CRPIX1": 1.0, "CDELT1": 1.25, "CUNIT1": "Angstrom", "CTYPE1": "AWAV"}
        hdu = fits.ImageHDU(values.astype(np.float32), name=name)
        for key, value in {**known, **cards}.items():
            if value is not None:
                hdu.header[key] = value
        return hdu

    return make


@pytest.fixture
def write_mpdaf(pixels: Pixels, mpdaf_image: Callable[..., fits.ImageHDU]) -> Callable[..., Path]:
    """Return a function that writes an MPDAF spectrum file of `pixels`."""

    def write(path: Path, **cards: object) -> Path:
        primary = fits.PrimaryHDU()
        primary.header.update(ID=42, RA=53.1, DEC=-27.7)
        images = [mpdaf_image(pixels.flux, "DATA", **cards), mpdaf_image(pixels.variance, "STAT", **cards)]
        fits.HDUList([primary, *images]).writeto(path)
        return path

    return write


STEP = 0.8
DESI_START = {"B": 3600.0, "R": 3640.0, "Z": 3680.0}
"""Each camera has 60 pixels of `STEP`: ten of them overlap with the next camera."""


def matrix_of(bands: np.ndarray) -> np.ndarray:
    """Return the matrix (pix, pix) whose diagonals a DESI file holds, as DESI's own programs build it."""
    ndiag, npix = bands.shape
    offsets = np.arange(ndiag // 2, -(ndiag // 2) - 1, -1)
    return sparse.dia_matrix((bands, offsets), shape=(npix, npix)).toarray()


def random_bands(rng: np.random.Generator, npix: int, ndiag: int) -> np.ndarray:
    """Return the diagonals of a random matrix whose rows sum to one."""
    distance = np.abs(np.arange(npix)[None, :] - np.arange(npix)[:, None])
    matrix = np.where(distance <= ndiag // 2, rng.uniform(0.2, 1, (npix, npix)), 0)
    matrix /= matrix.sum(axis=1, keepdims=True)
    bands = np.zeros((ndiag, npix))
    for d in range(ndiag):
        offset = ndiag // 2 - d
        column = np.arange(max(offset, 0), npix + min(offset, 0))
        bands[d, column] = matrix[column - offset, column]
    return bands


@pytest.fixture
def desi_images(rng: np.random.Generator) -> Callable[..., dict[str, np.ndarray]]:
    """Return a function that makes the images of a DESI file: flux, ivar, mask and resolution of each camera."""

    def make(count: int, ndiag: int = 5, start: dict[str, float] = DESI_START) -> dict[str, np.ndarray]:
        images = {}
        for camera, first in start.items():
            images[f"{camera}_WAVELENGTH"] = first + STEP * np.arange(60)
            images[f"{camera}_FLUX"] = rng.normal(10, 3, (count, 60)).astype(np.float32)
            images[f"{camera}_IVAR"] = rng.uniform(1, 4, (count, 60)).astype(np.float32)
            images[f"{camera}_MASK"] = np.zeros((count, 60), dtype=np.uint32)
            images[f"{camera}_RESOLUTION"] = np.array(
                [random_bands(rng, 60, ndiag) for _ in range(count)], dtype=np.float32
            )
        return images

    return make


@pytest.fixture
def write_desi() -> Callable[..., Path]:
    """Return a function that writes images, and FIBERMAP unless it is None, as a DESI file."""

    def write(path: Path, images: dict[str, np.ndarray], fibermap: Table | None) -> Path:
        tables = [] if fibermap is None else [fits.BinTableHDU(fibermap, name="FIBERMAP")]
        hdus = [fits.ImageHDU(values, name=name) for name, values in images.items()]
        fits.HDUList([fits.PrimaryHDU(), *tables, *hdus]).writeto(path)
        return path

    return write


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that a user without privileges can enter, unlike pytest's own."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    path.chmod(0o755)
    shutil.rmtree(path)


@pytest.fixture
def unprivileged() -> Callable[[], AbstractContextManager[None]]:
    """Return a context in which file permissions bind even root."""

    @contextmanager
    def context() -> Iterator[None]:
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(user)

    return context
