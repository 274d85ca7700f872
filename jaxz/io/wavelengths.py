"""Wavelengths of files → vacuum Å."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import astropy.units as u
import numpy as np

from jaxz.air import airtovac
from jaxz.io.files import FileError, FileWarning
from jaxz.io.units import inside_logarithm, unit_of

Medium = Literal["air", "vacuum"]

_SHORTEST, _LONGEST = 100.0, 1e5


def exp10(values: np.ndarray) -> np.ndarray:
    """Return 10^values, NaN where they are not positive: no log10 λ is, and padding is often 0."""
    with np.errstate(over="ignore", invalid="ignore"):
        return 10.0 ** np.where(values > 0, values, np.nan)


def medium_of(path: Path, header: Mapping[str, Any], stated: Medium | None, medium: Medium | None) -> Medium:
    """Return whether wavelengths of images are those of air or vacuum.

    Args:
        path: the file, for messages.
        header: its cards, of which VACUUM (T or F) or AIRORVAC ("air" or "vac") may say it.
        stated: what the type of the axis says, which counts first.
        medium: what to take where nothing says it; if None, air, and a `FileWarning` says so.
    """
    if stated is not None:
        return stated
    if (said := said_by(path, header)) is not None:
        return said
    if medium is None:
        warnings.warn(
            f"{path}: does not say whether its wavelengths are of air or vacuum: taken as air; give --air or --vacuum, "
            "or set the card VACUUM",
            FileWarning,
            stacklevel=2,
        )
    return medium or "air"


def said_by(path: str | Path, header: Mapping[str, Any]) -> Medium | None:
    """Return what the cards AIRORVAC or VACUUM say of wavelengths, or None.

    Raises:
        FileError: if AIRORVAC is neither "air" nor "vac".
    """
    cards = {str(key).lower(): value for key, value in header.items()}
    word = str(cards.get("airorvac", "")).strip().lower()
    if word not in ("", "air", "vac", "vacuum"):
        raise FileError(f"{path}: AIRORVAC is {word!r}: set it to 'air' or 'vac'")
    if word:
        return "air" if word == "air" else "vacuum"
    if "vacuum" in cards:
        return "air" if str(cards["vacuum"]).strip().lower() in ("f", "false", "0") else "vacuum"
    return None


def vacuum_angstrom(where: str | Path, values: np.ndarray, unit: u.UnitBase | str | None, *, air: bool) -> np.ndarray:
    """Return wavelengths as vacuum Å.

    Args:
        where: the file and column, for messages.
        values: wavelengths, or their log10 where the unit says so, any shape. Those that are not finite, or not
            positive, are none: they are returned as NaN.
        unit: their unit, in any spelling that `unit_of` reads, or its logarithm, as log10(Angstrom); Å if None.
        air: whether they are measured in air.

    Raises:
        FileError: if `unit` is not a length, or the wavelengths are not between 100 Å and 10 µm.
    """
    spelling = ("" if unit is None else str(unit).strip()) or "Angstrom"
    inside = inside_logarithm(spelling)
    try:
        scale = (unit_of(spelling if inside is None else inside) or u.Angstrom).to(u.Angstrom)
    except (ValueError, u.UnitConversionError) as error:
        raise FileError(f"{where}: {spelling!r} is not a unit of wavelength: use Angstrom, nm or um") from error
    wave = np.asarray(values, dtype=np.float64)
    wave = wave * scale if inside is None else exp10(wave + np.log10(scale))
    with np.errstate(invalid="ignore"):
        wave = np.where(np.isfinite(wave) & (wave > 0), wave, np.nan)
    finite = wave[np.isfinite(wave)]
    if finite.size and not (finite.min() >= _SHORTEST and finite.max() <= _LONGEST):
        raise FileError(
            f"{where}: wavelengths run from {finite.min():.6g} to {finite.max():.6g} Å, read with the unit {spelling}; "
            "they must lie between 100 Å and 10 µm: give the right unit (Angstrom, nm or um)"
        )
    return airtovac(wave) if air else wave
