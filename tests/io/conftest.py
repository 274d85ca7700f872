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
