"""MUSE spectra as MPDAF writes them: single spectra, and Source files that hold several."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from jaxz.io.files import FileError, image_shape, number_in, spectra_of, stem_of, target_of
from jaxz.io.image import noise_of
from jaxz.io.masks import masked
from jaxz.io.units import flux_unit, noise_factor
from jaxz.io.wavelengths import vacuum_angstrom
from jaxz.measured import inverse_variance, scaled
from jaxz.spectra import Spectra

_SOURCE_DATA = re.compile(r"SPE_(.+)_DATA")


def is_mpdaf_spectrum(hdus: Any) -> bool:
    """Tell whether an open FITS file holds an extension ``DATA`` with one axis, and no other noise than ``STAT``."""
    is_other = "STAT" not in hdus and noise_of(hdus) is not None
    return "DATA" in hdus and len(image_shape(hdus["DATA"])) == 1 and not is_other


def is_mpdaf_source(hdus: Any) -> bool:
    """Tell whether an open FITS file holds extensions ``SPE_<name>_DATA``."""
    return bool(_names_of_spectra(hdus))


def from_mpdaf_spectrum(path: Path, hdus: Any) -> Spectra:
    """Return the spectrum of an MPDAF spectrum file: ``DATA``, ``STAT`` (variance) and, where there is one, ``DQ``.

    Raises:
        FileError: if there is no variance, or the wavelengths are not given.
    """
    if "STAT" not in hdus:
        raise FileError(f"{path}: no extension STAT: add one with the variance of each pixel of DATA")
    bad = hdus["DQ"].data != 0 if "DQ" in hdus else None
    if bad is not None and bad.shape != image_shape(hdus["DATA"]):
        raise FileError(f"{path}: DATA and DQ have different lengths: they need one value for each pixel")
    return _spectrum(path, hdus, "DATA", "STAT", bad)


def from_mpdaf_source(path: Path, hdus: Any, name: str | None) -> Spectra:
    """Return one spectrum of an MPDAF Source file.

    Args:
        path: the file.
        hdus: the open file.
        name: of the spectrum; the header's ``REFSPEC`` if None.

    Raises:
        FileError: if that spectrum is not there (the message lists those present), or has no variance.
    """
    present = _names_of_spectra(hdus)
    wanted = name or hdus[0].header.get("REFSPEC")
    if wanted is None:
        raise FileError(f"{path}: the header names no REFSPEC: choose a spectrum of {', '.join(present)}")
    if wanted not in present:
        raise FileError(f"{path}: no spectrum {wanted!r}: choose one of {', '.join(present)}")
    data, stat = f"SPE_{wanted}_DATA", f"SPE_{wanted}_STAT"
    if stat not in hdus:
        raise FileError(f"{path}: no extension {stat}: add one with the variance, or choose another spectrum")
    return _spectrum(path, hdus, data, stat, None)


def _names_of_spectra(hdus: Any) -> list[str]:
    return [match[1] for hdu in hdus if (match := _SOURCE_DATA.fullmatch(hdu.name)) and len(image_shape(hdu)) == 1]


def _spectrum(path: Path, hdus: Any, data: str, stat: str, bad: np.ndarray | None) -> Spectra:
    flux, variance = hdus[data].data, hdus[stat].data
    if flux is None or variance is None or flux.shape != variance.shape:
        raise FileError(f"{path}: {data} and {stat} have different lengths: they need one value for each pixel")
    wave = axis_of_mpdaf(f"{path}[{data}]", hdus[data].header, len(flux), 1)
    unit = flux_unit(f"{path}[{data}]", hdus[data].header.get("BUNIT"), wave)
    factor = noise_factor(f"{path}[{stat}]", hdus[stat].header.get("BUNIT"), unit.unit, 2)
    ivar = scaled(inverse_variance(variance, "var"), 1 / factor)
    if bad is not None:
        ivar = masked(path, ivar, bad, "DQ", [stem_of(path)])
    flux, ivar = unit.apply(flux, ivar)
    meta = target_of(hdus[0].header)
    return spectra_of(path, wave, flux, ivar, ids=[stem_of(path)], meta=meta, unit=unit.name)


def axis_of_mpdaf(where: str, header: Any, size: int, axis: int) -> np.ndarray:
    """Return the wavelengths of an axis of MPDAF's spectra and cubes, vacuum Å, (size,).

    Args:
        where: the file and extension, for messages.
        header: of the data.
        size: of the axis.
        axis: its number as FITS has it, from 1.

    Raises:
        FileError: if it is no axis of wavelengths in air (AWAV) or vacuum (WAVE), or its cards are missing.
    """
    medium = str(header.get(f"CTYPE{axis}", "")).strip()
    if medium not in ("AWAV", "WAVE"):
        raise FileError(f"{where}: CTYPE{axis} is {medium!r}: set it to AWAV (wavelengths in air) or WAVE (in vacuum)")
    start, width, matrix = f"CRVAL{axis}", f"CDELT{axis}", f"CD{axis}_{axis}"
    step = number_in(header, width if width in header else matrix)
    if not np.isfinite(number_in(header, start) + step):
        raise FileError(f"{where}: no wavelengths: the header needs {start} and {width} (or {matrix})")
    first = 1.0 - number_in(header, f"CRPIX{axis}", absent=0.0)  # as the FITS standard has it
    if not np.isfinite(first):
        raise FileError(f"{where}: CRPIX{axis} is no number: set it to the pixel whose wavelength {start} is")
    values = number_in(header, start) + step * (first + np.arange(size))
    return vacuum_angstrom(where, values, header.get(f"CUNIT{axis}"), air=medium == "AWAV")
