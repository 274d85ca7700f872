"""Wavelengths in air ↔ vacuum."""

import numpy as np

_AIR_FROM = 2000.0


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

    Example:
        >>> jaxz.io.airtovac(np.array([5006.843])).round(2)
        array([5008.24])
    """
    air = np.asarray(wave, dtype=np.float64)
    in_air = air >= _AIR_FROM
    vacuum = air
    for _ in range(3):  # each step gains four digits
        vacuum = np.where(in_air, air * _index(np.where(in_air, vacuum, _AIR_FROM)), air)
    return vacuum


def vactoair(wave: np.ndarray) -> np.ndarray:
    """Return the wavelengths in standard air of vacuum wavelengths, as `airtovac` has it.

    Args:
        wave: in vacuum, Å, any shape. Those that `airtovac` would leave as they are, are returned unchanged.

    Returns:
        Wavelengths in air, Å, float64.
    """
    vacuum = np.asarray(wave, dtype=np.float64)
    air = vacuum / _index(np.maximum(vacuum, _AIR_FROM))
    return np.where(air >= _AIR_FROM, air, vacuum)


def _index(vacuum: np.ndarray) -> np.ndarray:
    sigma2 = (1e4 / vacuum) ** 2
    return np.asarray(1.0 + 0.05792105 / (238.0185 - sigma2) + 0.00167917 / (57.362 - sigma2))
