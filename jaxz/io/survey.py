"""Simulated samples: spectra and truth in one file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table

from jaxz import __version__
from jaxz.io.output import card, replacing
from jaxz.io.table import COMMON_WAVE
from jaxz.mock import Truth
from jaxz.spectra import Spectra

_LETTERS = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon"}
"""FITS has no others than ASCII."""


def write_survey(
    spectra: Spectra,
    truth: Truth,
    path: str | Path,
    *,
    header: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write spectra with their truth: `read` reads the former, `read_table` the latter.

    FITS, table ``TRUTH`` (``ID``, ``Z``, ``TYPE``, ``SNR_LINE``, ``SNR_CONT``, ``LINE``), image ``WAVE`` (pix,) in
    vacuum Å, table ``SPECTRA`` (``ID``, ``FLUX``, ``IVAR``). Greek letters in names of lines are spelled out.

    Args:
        spectra: on one wavelength grid.
        truth: of the same spectra.
        path: of the file; it appears only when it is complete.
        header: keywords for the primary header, for example what was asked for.
        overwrite: whether to replace an existing file.

    Raises:
        FileError: as `check_output`.
        ValueError: if the spectra have several wavelength grids.
    """
    if not np.array_equal(spectra.wave, np.broadcast_to(spectra.wave[0], spectra.wave.shape)):
        raise ValueError("the spectra have several wavelength grids: write those of each instrument on their own")
    primary = fits.PrimaryHDU()
    primary.header.update({"JAXZVER": __version__, **{name: card(value) for name, value in (header or {}).items()}})
    columns = {name.upper(): column for name, column in truth._asdict().items()}
    columns["LINE"] = np.array([_ascii(name) for name in truth.line], dtype=str)
    hdus = [
        primary,
        fits.BinTableHDU(Table(columns), name="TRUTH"),
        fits.ImageHDU(spectra.wave[0], name=COMMON_WAVE),
        fits.BinTableHDU(Table({"ID": spectra.ids, "FLUX": spectra.flux, "IVAR": spectra.ivar}), name="SPECTRA"),
    ]
    with replacing(path, overwrite=overwrite) as unfinished:
        fits.HDUList(hdus).writeto(unfinished)


def _ascii(name: str) -> str:
    for letter, spelled in _LETTERS.items():
        name = name.replace(letter, spelled)
    return name
