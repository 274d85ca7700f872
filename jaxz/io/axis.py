"""The wavelength axis that the header of an image describes: linear or logarithmic, of FITS or IRAF."""

import re
from typing import Any

import numpy as np

from jaxz.io.files import FileError, number_in
from jaxz.io.wavelengths import Medium, exp10, vacuum_angstrom

_MEDIA: dict[str, Medium] = {"AWAV": "air", "WAVE": "vacuum"}
_CELESTIAL = re.compile(r"(?:RA|DEC|.LON|.LAT)-")
_LOGARITHMS = ("WAVE-LOG", "AWAV-LOG", "LOG-LINEAR", "LOGLAM", "LOG10", "LOG")
_SHORTEST = 100.0
"""Å: what CRVAL1 is of a logarithmic axis as FITS has it; below that it is log10 λ."""

_LABEL = re.compile(r"label\s*=\s*\"?([^\s\"]+)", re.IGNORECASE)
_UNITS = re.compile(r"units\s*=\s*\"?([^\s\"]+)", re.IGNORECASE)
_SPEC = re.compile(r"spec(\d+)\s*=\s*\"([^\"]*)\"", re.IGNORECASE)
_LINEAR, _LOG = 0, 1
"""Kinds of dispersion of IRAF's multispec format that are read; others are curves."""


def is_celestial(header: Any) -> bool:
    """Tell whether the first axis of an image is on the sky."""
    return _CELESTIAL.match(_ctype(header)) is not None


def medium_said_by(header: Any) -> Medium | None:
    """Return what the type of the first axis says, or None."""
    return _MEDIA.get(_ctype(header).split("-")[0])


def axis_of(where: str, header: Any, shape: tuple[int, ...], *, air: bool) -> np.ndarray:
    """Return the wavelengths of an axis, vacuum Å, (pix,) or, where each row of an image has its own, (spec, pix).

    CRVAL1, CRPIX1 and CDELT1 (or CD1_1) give λ, or log10 λ where DC-FLAG is 1, or CTYPE1 or the label in WAT1_001 says
    that it is a logarithm. Where CTYPE1 is WAVE-LOG or AWAV-LOG and CRVAL1 is itself a wavelength,
    λ = CRVAL1 exp(x / CRVAL1), as the standard has it (Greisen et al. 2006, A&A 446, 747, table 3). Of IRAF's multispec
    (WAT2_001 …) the linear and log-linear dispersions are read. The unit is CUNIT1, or that in WAT1_001.

    Args:
        where: the file and extension, for messages.
        header: of the flux.
        shape: of the flux, the last axis along wavelength.
        air: whether they are of air.

    Raises:
        FileError: if the header gives no wavelengths, or their unit is none.
    """
    said = _joined(header, "WAT1")
    unit = header.get("CUNIT1") or _first(_UNITS, said)
    if "multispec" in _joined(header, "WAT0") + _joined(header, "WAT2"):
        return vacuum_angstrom(where, _multispec(where, _joined(header, "WAT2"), shape), unit, air=air)
    start, step = number_in(header, "CRVAL1"), number_in(header, "CDELT1" if "CDELT1" in header else "CD1_1")
    first = 1.0 - number_in(header, "CRPIX1", absent=1.0)
    if not np.isfinite(start + step + first):
        raise FileError(f"{where}: no wavelengths: add an image WAVELENGTH, or CRVAL1, CRPIX1 and CDELT1 to the header")
    offset = step * (first + np.arange(shape[-1]))
    marked = number_in(header, "DC-FLAG", absent=0.0) == 1
    if not (marked or _ctype(header) in _LOGARITHMS or "log" in (_first(_LABEL, said) or "").lower()):
        return vacuum_angstrom(where, start + offset, unit, air=air)
    if start >= _SHORTEST and not marked and _ctype(header) in ("WAVE-LOG", "AWAV-LOG"):
        with np.errstate(over="ignore"):
            return vacuum_angstrom(where, start * np.exp(offset / start), unit, air=air)
    return vacuum_angstrom(where, exp10(start + offset), None, air=air)


def _ctype(header: Any) -> str:
    return str(header.get("CTYPE1", "")).strip().upper()


def _joined(header: Any, name: str) -> str:
    """Return the text that IRAF spreads over the cards WAT1_001, WAT1_002 …, each of 68 characters."""
    cards = sorted(key for key in header if key.startswith(f"{name}_"))
    return "".join(
        str(header[key]).ljust(68) if i < len(cards) - 1 else str(header[key]) for i, key in enumerate(cards)
    )


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return None if found is None else found[1]


def _multispec(where: str, text: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return wavelengths; of each row WAT2 says aperture, beam, kind, first, step, pixels, redshift, and more."""
    rows = 1 if len(shape) == 1 else shape[0]
    spec = {int(number): words.split() for number, words in _SPEC.findall(text)}
    wave = np.full((rows, shape[-1]), np.nan)
    for row in range(rows):
        try:
            kind, first, step, _, z = (float(word) for word in spec[row + 1][2:7])
        except (KeyError, ValueError) as error:
            raise FileError(f"{where}: WAT2 gives no wavelengths of row {row + 1}: add an image WAVELENGTH") from error
        if kind not in (_LINEAR, _LOG):
            raise FileError(
                f"{where}: WAT2 gives the wavelengths of row {row + 1} as a curve, which is not read: linearise it "
                "(IRAF dispcor), or add an image WAVELENGTH"
            )
        values = first + step * np.arange(shape[-1])
        wave[row] = (values if kind == _LINEAR else exp10(values)) / (1 + z)
    return wave.reshape(shape)
