"""Simulated samples: spectra and truth in one file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table

from jaxz.io.cards import table_hdu
from jaxz.io.line_tables import spelled
from jaxz.io.output import replacing
from jaxz.io.spectra_file import spectra_hdus
from jaxz.mock import Truth
from jaxz.spectra import Spectra


def write_survey(
    spectra: Spectra,
    truth: Truth,
    path: str | Path,
    *,
    header: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write spectra with their truth: `read` reads the former, `read_table` the latter.

    FITS, table ``TRUTH`` (``ID``, ``Z``, ``TYPE``, ``SNR_LINE``, ``SNR_CONT``, ``LINE``), and what `write` writes of
    spectra. Greek letters in names of lines are spelled out.

    Args:
        spectra: what to write.
        truth: of the same spectra.
        path: of the file; it appears only when it is complete.
        header: keywords for the primary header, for example what was asked for.
        overwrite: whether to replace an existing file.

    Raises:
        FileError: as `write`.

    Example:
        >>> spectra, truth = jaxz.mock.survey(jaxz.mock.INSTRUMENTS["muse"](), 2, seed=1)
        >>> jaxz.io.write_survey(spectra, truth, "survey.fits")
        >>> jaxz.io.read_table("survey.fits")["Z"].shape
        (2,)
    """
    columns = {name.upper(): column for name, column in truth._asdict().items()}
    columns["LINE"] = np.array([spelled(name) for name in truth.line], dtype=str)
    primary, *further = spectra_hdus(spectra, path, header)
    hdus = [primary, table_hdu(Table(columns), "TRUTH"), *further]
    with replacing(path, overwrite=overwrite) as unfinished:
        fits.HDUList(hdus).writeto(unfinished)
