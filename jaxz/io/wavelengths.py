"""Wavelengths of files → vacuum Å."""

from pathlib import Path

import astropy.units as u
import numpy as np

from jaxz.io.files import FileError

_SHORTEST, _LONGEST = 100.0, 1e5
_AIR_FROM = 2000.0
_SPELLINGS = {**dict.fromkeys(("a", "ang", "angstrom", "angstroms"), "Angstrom"), "nanometers": "nm", "microns": "um"}


def airtovac(wave: np.ndarray) -> np.ndarray:
    """Return the vacuum wavelengths of wavelengths in standard air.

    λ_vac = n(λ_vac) λ_air, with n of dry air at 15 °C, 101325 Pa and 450 ppm CO2 (Ciddor 1996, Applied Optics 35, 1566,
    eq. 1), valid to 1e-8 from 2300 Å to 1.69 µm; solved by iteration to round-off. The IAU's formula (Morton 1991, ApJS
    77, 119) agrees within 4e-4 Å, 0.01 km/s, from 2500 Å to 2 µm.

    Args:
        wave: wavelengths in air, Å, any shape. Those below 2000 Å are by convention given in vacuum: they are returned
            unchanged.

    Returns:
        Vacuum wavelengths, Å, float64.
    """
    air = np.asarray(wave, dtype=np.float64)
    in_air = air >= _AIR_FROM
    vacuum = air
    for _ in range(3):  # each step gains four digits
        sigma2 = (1e4 / np.where(in_air, vacuum, _AIR_FROM)) ** 2
        index = 1.0 + 0.05792105 / (238.0185 - sigma2) + 0.00167917 / (57.362 - sigma2)
        vacuum = np.where(in_air, air * index, air)
    return vacuum


def vacuum_angstrom(where: str | Path, values: np.ndarray, unit: u.UnitBase | str | None, *, air: bool) -> np.ndarray:
    """Return wavelengths as vacuum Å.

    Args:
        where: the file and column, for messages.
        values: wavelengths, any shape.
        unit: their unit; Å if None or empty.
        air: whether they are measured in air.

    Raises:
        FileError: if `unit` is not a length, or the wavelengths are not between 100 Å and 10 µm.
    """
    spelling = ("" if unit is None else str(unit).strip()) or "Angstrom"
    try:
        scale = u.Unit(_SPELLINGS.get(spelling.lower(), spelling)).to(u.Angstrom)
    except (ValueError, TypeError, u.UnitConversionError) as error:
        raise FileError(f"{where}: {spelling!r} is not a unit of wavelength: use Angstrom, nm or um") from error
    wave = np.asarray(values, dtype=np.float64) * scale
    finite = wave[np.isfinite(wave)]
    if finite.size and not (finite.min() >= _SHORTEST and finite.max() <= _LONGEST):
        raise FileError(
            f"{where}: wavelengths run from {finite.min():.6g} to {finite.max():.6g} Å, read with the unit {spelling}; "
            "they must lie between 100 Å and 10 µm: give the right unit (Angstrom, nm or um)"
        )
    return airtovac(wave) if air else wave
