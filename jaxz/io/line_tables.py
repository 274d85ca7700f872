"""Measured lines as FITS tables, with the columns of pyPlatefit and of the table LINES of a MUSE Source."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Column, Table, vstack

from jaxz.io.cards import header_of, table_hdu
from jaxz.io.maps import Maps
from jaxz.io.output import replacing
from jaxz.lines import LineFits
from jaxz.lines.known import LIGHT_SPEED

_LETTERS = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon"}
"""FITS has no others than ASCII."""


def spelled(name: str) -> str:
    """Return the name of a line with Greek letters spelled out."""
    for letter, word in _LETTERS.items():
        name = name.replace(letter, word)
    return name


def line_tables(found: LineFits, meta: Mapping[str, np.ndarray]) -> dict[str, Table]:
    """Return measured lines as tables.

    ``LINES`` has a row for each line in reach of each spectrum: ``ID``, ``TARGETID`` where known, ``LINE``, ``FAMILY``,
    ``LBDA_REST``, ``LBDA_OBS`` (both vacuum Å), ``FLUX``, ``FLUX_ERR`` (unit of the spectrum times Å), ``SNR``,
    ``VEL``, ``VEL_ERR``, ``VDISP``, ``VDISP_ERR`` (km/s, without the instrument), ``EQW``, ``EQW_ERR`` (rest frame Å,
    positive in emission), ``CONT``, ``CONT_ERR``. ``SOURCES`` has a row for each spectrum: ``ID``, ``TARGETID``,
    ``FILE``, ``Z``, ``SNR_LINES`` and ``SNR_CONT`` [M, sec. 2], ``NLINES`` above S/N 3, ``CHI2``, ``NPIXELS``; NaN
    where it could not be fitted.

    Args:
        found: of (spec,) spectra.
        meta: of these spectra, as `Spectra.meta`.
    """
    own = {"ID": np.array(found.ids, dtype=str)}
    own |= {name: np.asarray(meta[name]) for name in ("TARGETID", "FILE") if name in meta}
    rows, lines = np.nonzero(np.isfinite(found.flux))
    at = lambda values: values[rows, lines]  # noqa: E731
    observed = found.wave[None] * (1 + found.z[:, None]) * np.exp(found.velocity / LIGHT_SPEED)
    of_line = {
        "LINE": (np.array([spelled(name) for name in found.names])[lines], None),
        "FAMILY": (np.array([spelled(name) for name in found.family])[lines], None),
        "LBDA_REST": (found.wave[lines], "Angstrom"),
        "LBDA_OBS": (at(observed), "Angstrom"),
        "FLUX": (at(found.flux), None),
        "FLUX_ERR": (at(found.fluxerr), None),
        "SNR": (at(found.snr), None),
        "VEL": (at(found.velocity), "km/s"),
        "VEL_ERR": (at(found.velocityerr), "km/s"),
        "VDISP": (at(found.width), "km/s"),
        "VDISP_ERR": (at(found.widtherr), "km/s"),
        "EQW": (at(found.ew), "Angstrom"),
        "EQW_ERR": (at(found.ewerr), "Angstrom"),
        "CONT": (at(found.level), None),
        "CONT_ERR": (at(found.levelerr), None),
    }
    of_source = {
        "Z": found.z,
        "SNR_LINES": found.total_snr,
        "SNR_CONT": found.continuum_snr,
        "NLINES": np.count_nonzero(found.detected, axis=1).astype(np.int16),
        "CHI2": found.chi2,
        "NPIXELS": found.npixels.astype(np.int32),
    }
    named = {name: column[rows] for name, column in own.items() if name != "FILE"}
    columns = {name: Column(values, unit=unit) for name, (values, unit) in of_line.items()}
    return {"LINES": Table({**named, **columns}), "SOURCES": Table({**own, **of_source})}


def joined_tables(groups: Sequence[Mapping[str, Table]]) -> dict[str, Table]:
    """Return the tables of `line_tables` of several groups of spectra as those of all.

    Args:
        groups: one at least, in the order of the rows.
    """
    return {name: vstack([group[name] for group in groups]) for name in groups[0]}


def write_lines(
    tables: Mapping[str, Table],
    path: str | Path,
    *,
    header: Mapping[str, Any] | None = None,
    maps: Maps | None = None,
    overwrite: bool = False,
) -> None:
    """Write the tables of `line_tables`.

    Args:
        tables: by the names of their extensions.
        path: of the file; it appears only when it is complete.
        header: keywords of the primary header.
        maps: of `line_maps`, which follow the tables, or None.
        overwrite: whether to replace an existing file.

    Raises:
        FileError: as `jaxz.io.write`.
    """
    hdus = [
        fits.PrimaryHDU(header=header_of(header or {})),
        *(table_hdu(table, name) for name, table in tables.items()),
        *(() if maps is None else maps.hdus),
    ]
    with replacing(path, overwrite=overwrite) as unfinished:
        fits.HDUList(hdus).writeto(unfinished)
