"""What is given as a measurement (with units, masks, variances or errors) → the plain numbers of `Spectra`.

Units are asked through their own methods, so that astropy is not needed where nothing has one.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxz.air import airtovac

PER_ANGSTROM = "erg / (Angstrom s cm2)"
"""The unit of flux that was given per frequency, or in photons."""

POWER = {"ivar": -2, "var": 2, "error": 1}
"""What may be given of the noise, and the power of the unit of flux that it has."""

_LIGHT_SPEED = 2.99792458e18
_PHOTON = 6.62607015e-27 * _LIGHT_SPEED
"""Energy of a photon of 1 Å, erg."""

_AREAS = ("", " arcsec2", " pix")
"""What a surface brightness is per unit of; none for the flux of a whole source."""

_ROUND_OFF = 1e-12


class Measured(NamedTuple):
    """Plain numbers.

    Attributes:
        wave: (pix,) or (spec, pix) vacuum Å, float64.
        flux, ivar: (spec, pix); NaN where masked.
        unit: of the flux, as astropy writes it; empty if there is none.
    """

    wave: np.ndarray
    flux: np.ndarray
    ivar: np.ndarray
    unit: str


class _Part(NamedTuple):
    values: np.ndarray
    masked: Any
    unit: Any


def measured(wave: np.ndarray, flux: np.ndarray, noise: Mapping[str, np.ndarray | None], *, air: bool) -> Measured:
    """Return the numbers of arrays, masked arrays and quantities; see `Spectra`.

    Args:
        wave: (pix,) or (spec, pix).
        flux: (pix,) or (spec, pix).
        noise: of the kinds of `POWER`; all but one are None.
        air: whether wavelengths are of air.

    Raises:
        ValueError: if there is not one noise, shapes disagree, or units do not fit. The message names the argument.
    """
    kinds = [kind for kind, values in noise.items() if values is not None]
    if len(kinds) != 1:
        raise ValueError(f"give one of ivar, var and error, got {' and '.join(kinds) or 'none'}")
    kind = kinds[0]
    axis, density, scatter = _part(wave), _part(flux), _part(noise[kind])
    numbers, spread = np.atleast_2d(_blanked(density)), np.atleast_2d(_blanked(scatter))
    if numbers.ndim != 2 or spread.shape != numbers.shape or numbers.shape[1] == 0:
        raise ValueError(f"flux and {kind} need one shape (spec, pix), got {numbers.shape} and {spread.shape}")
    if axis.values.shape not in (numbers.shape[1:], numbers.shape):
        needed = f"flux {numbers.shape} needs {numbers.shape[1:]} or {numbers.shape}"
        raise ValueError(f"wave has shape {axis.values.shape}; {needed}")
    placed = _angstrom(axis)
    unplaced = np.broadcast_to(axis.masked, placed.shape)
    placed = _between(airtovac(placed) if air else placed, unplaced)
    factor, unit = _per_angstrom(density.unit, placed)
    ivar = inverse_variance(_in_unit_of(density.unit, scatter.unit, spread, kind), kind)
    if factor is not None:
        numbers, ivar = numbers * factor, ivar / factor**2
    return Measured(placed, numbers, np.where(unplaced, ivar.dtype.type(0), ivar), unit)


def inverse_variance(noise: np.ndarray, kind: str) -> np.ndarray:
    """Return inverse variances; noise that is not positive gives what `Spectra` drops.

    Args:
        noise: any shape.
        kind: of `POWER`: what `noise` is.

    Returns:
        `noise` itself if it is "ivar"; in the float type of "var"; float64 for "error", as 1/σ² of a flux in
        erg/s/cm²/Å may leave the range of float32.
    """
    if kind == "ivar":
        return noise
    exact = np.asarray(noise, dtype=np.float64)
    # A float32 variance so small that its inverse overflows is below the normal range of float32, hence noise itself.
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        if kind == "var":
            return (1.0 / exact).astype(noise.dtype.newbyteorder("="))
        return np.where(exact > 0, exact, np.nan) ** -2.0


def native_float(values: np.ndarray) -> np.ndarray:
    """float32 stays float32 (FITS files hold it big-endian), everything else becomes float64."""
    values = np.asarray(values)
    native = np.float32 if values.dtype.itemsize <= 4 and values.dtype.kind == "f" else np.float64
    return values.astype(native, copy=False)


class Density(NamedTuple):
    """A unit of flux density.

    Attributes:
        factor: by which numbers in it become f_λ in `PER_ANGSTROM`, (…, pix); None if they are f_λ, of any scale.
        name: the unit of f_λ, as astropy writes it.
    """

    factor: np.ndarray | None
    name: str


def density_of(unit: Any, wave: np.ndarray) -> Density | None:
    """Return what brings flux in a unit to f_λ; None if it is no flux density.

    f_ν becomes f_λ = f_ν c/λ², photons have the energy hc/λ. A surface brightness stays one, per arcsec² (or pixel).

    Args:
        unit: of astropy.
        wave: (…, pix) Å.
    """
    if hasattr(unit, "physical_unit"):  # magnitudes call themselves equivalent to f_ν
        return None
    for area in _AREAS:
        per_angstrom, per_hertz, photons = (
            text.replace("cm2", f"cm2{area}") for text in (PER_ANGSTROM, "erg / (Hz s cm2)", "ph / (Angstrom s cm2)")
        )
        if unit.is_equivalent(per_angstrom):
            return Density(None, str(unit))
        with np.errstate(divide="ignore"):
            if unit.is_equivalent(per_hertz):
                return Density(unit.to(per_hertz) * _LIGHT_SPEED / wave**2, per_angstrom)
            if unit.is_equivalent(photons):
                return Density(unit.to(photons) * _PHOTON / wave, per_angstrom)
    return None


def scale(unit: Any, wanted: Any) -> float:
    """Return by what numbers in a unit become those in another; 1 where the two differ by round-off alone.

    Raises:
        ValueError: if the units do not fit.
    """
    factor = float(unit.to(wanted))
    # Powers of a unit's scale are rounded.
    return 1.0 if abs(factor - 1) < _ROUND_OFF else factor


def scaled(values: np.ndarray, factor: float) -> np.ndarray:
    """Return numbers times a factor: float64, as powers of 1e-17 leave float32; if it is 1, they keep bits and type."""
    return values if factor == 1 else values * np.float64(factor)


def _part(values: Any) -> _Part:
    """Take apart arrays, quantities, columns of tables, and these with masks: NumPy's and astropy's."""
    plain = np.ma.getdata(values) if np.ma.isMaskedArray(values) else getattr(values, "unmasked", values)
    return _Part(np.asarray(plain), getattr(values, "mask", False), getattr(values, "unit", None))


def _blanked(part: _Part) -> np.ndarray:
    values = native_float(part.values)
    return np.where(part.masked, values.dtype.type(np.nan), values) if np.any(part.masked) else values


def _angstrom(part: _Part) -> np.ndarray:
    wave = part.values.astype(np.float64)
    if part.unit is None:
        return wave
    try:
        return scaled(wave, scale(part.unit, "Angstrom"))
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"wave is in {part.unit}: give increasing wavelengths, in Angstrom, nm or um "
            "(wave.to('Angstrom', astropy.units.spectral()) of frequencies)"
        ) from error


def _between(wave: np.ndarray, unplaced: np.ndarray) -> np.ndarray:
    """Put pixels whose wavelength is masked on the straight line through the two nearest others."""
    if not unplaced.any():
        return wave
    rows = np.atleast_2d(wave).copy()
    pixel = np.arange(rows.shape[1])
    for number, (row, unknown) in enumerate(zip(rows, np.atleast_2d(unplaced), strict=True)):
        known = np.flatnonzero(~unknown)
        if len(known) < 2:
            raise ValueError(f"wave: row {number} has {len(known)} wavelengths that are not masked: leave it out")
        right = np.clip(np.searchsorted(known, pixel[unknown]), 1, len(known) - 1)
        left, right = known[right - 1], known[right]
        row[unknown] = row[left] + (row[right] - row[left]) * (pixel[unknown] - left) / (right - left)
    return rows.reshape(wave.shape)


def _in_unit_of(flux_unit: Any, unit: Any, values: np.ndarray, kind: str) -> np.ndarray:
    if unit is None:
        return values
    wanted = "" if flux_unit is None else flux_unit ** POWER[kind]
    try:
        return scaled(values, scale(unit, wanted))
    except (ValueError, TypeError) as error:
        needed = f"is in {flux_unit}: give {kind} in {wanted}" if flux_unit is not None else "has no unit: give it one"
        raise ValueError(f"{kind} is in {unit}, and flux {needed}") from error


def _per_angstrom(unit: Any, wave: np.ndarray) -> Density:
    if unit is None or unit.is_equivalent(""):
        return Density(None, "" if unit is None else str(unit))
    found = density_of(unit, wave)
    if found is None:
        raise ValueError(
            f"flux is in {unit}: give f_λ, as in {PER_ANGSTROM}, or f_ν, as in Jy; of what is proportional to f_λ, "
            "give the numbers alone, flux.value"
        )
    return found


def fill_gaps(wave: np.ndarray, flux: np.ndarray, ivar: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a spectrum with pixels of ivar 0 at both ends of each gap in its wavelengths.

    A gap is a step more than 1.5 times the least of the steps near it (two on either side), with data beside it.
    Without the new pixels, those beside it would reach half-way across.

    Args:
        wave: (pix,) of one or more spectra; what does not increase is returned as it is, for `Spectra` to refuse.
        flux, ivar: (…, pix).
    """
    if len(wave) < 3 or not np.all(np.isfinite(wave)) or not np.all(np.diff(wave) > 0):
        return wave, flux, ivar
    step = np.diff(wave)
    usual = np.min(np.lib.stride_tricks.sliding_window_view(np.pad(step, 2, mode="edge"), 5), axis=1)
    used = np.any(np.atleast_2d(ivar) > 0, axis=0)
    gap = np.flatnonzero((step > 1.5 * usual) & (used[1:] | used[:-1]))
    after = gap[step[gap] > 2.5 * usual[gap]]
    place = np.concatenate([gap + 1, after + 1])
    new = np.concatenate([wave[gap] + usual[gap], wave[after + 1] - usual[after]])
    blank = np.zeros(len(place), dtype=np.result_type(flux))
    wave = np.insert(wave, place, new)
    return wave, np.insert(flux, place, blank, axis=-1), np.insert(ivar, place, blank, axis=-1)
