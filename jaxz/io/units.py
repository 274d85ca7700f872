"""Units as people write them → astropy's; flux densities of any kind → f_λ."""

import re
import warnings
from pathlib import Path
from typing import NamedTuple

import astropy.units as u
import numpy as np

from jaxz.io.files import FileError, FileWarning
from jaxz.measured import density_of, scale

_NAMES = {
    **dict.fromkeys(("a", "aa", "å", "ang", "angstrom", "angstroem", "ångström", "ångstrom"), "Angstrom"),
    **dict.fromkeys(("nm", "nanometer", "nanometre"), "nm"),
    **dict.fromkeys(("um", "µm", "μm", "micron", "micrometer", "micrometre"), "um"),
    **dict.fromkeys(("mm", "millimeter", "millimetre"), "mm"),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), "cm"),
    **dict.fromkeys(("m", "meter", "metre"), "m"),
    **dict.fromkeys(("s", "sec", "second"), "s"),
    **dict.fromkeys(("hz", "hertz"), "Hz"),
    "erg": "erg",
    **dict.fromkeys(("j", "joule"), "J"),
    **dict.fromkeys(("w", "watt"), "W"),
    **dict.fromkeys(("jy", "jansky"), "Jy"),
    **dict.fromkeys(("ujy", "µjy", "μjy", "microjy", "microjansky"), "uJy"),
    "millijansky": "mJy",
    **dict.fromkeys(("arcsec", "arcsecond", "asec"), "arcsec"),
    **dict.fromkeys(("sr", "steradian"), "sr"),
    **dict.fromkeys(("ct", "cts", "count"), "ct"),
    **dict.fromkeys(("adu", "dn"), "adu"),
    **dict.fromkeys(("e", "electron"), "electron"),
    **dict.fromkeys(("ph", "photon"), "ph"),
    # Of these astropy knows the first alone; each stands for "one of the areas that were measured".
    **dict.fromkeys(("pix", "pixel", "spaxel", "fiber", "fibre", "beam"), "pix"),
}
"""Units in lower case and without the plural's s. As no flux is per ampere or siemens, A is Å, and S is seconds."""

_WORD = re.compile(r"(\d\.?[eE][+-]?\d)|([^\W\d_]+)")
_JANSKY = re.compile(r"([mMnN]?)jy", re.IGNORECASE)
_POWER_OF_ALL = re.compile(r"\((.+)\)\s*(?:\*\*|\^)?\s*\(?([+-]?\d)\)?")
_LOGARITHM = re.compile(r"log(?:10)?\s*[(\[]?\s*(.*?)\s*[)\]]?", re.IGNORECASE)
_MAGNITUDE = re.compile(r"mag(?:nitude)?s?(?![a-z])", re.IGNORECASE)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺·×", "0123456789-+  ")
_NO_UNIT = ("", "none", "unitless", "dimensionless")


def unit_of(said: object) -> u.UnitBase | None:
    """Return a unit from how it is written: in any case, plural, and spelling.

    Args:
        said: text, a unit of astropy (one that it does not know included), or None.

    Returns:
        The unit, None if nothing is said.

    Raises:
        ValueError: if it is not understood.
    """
    text = re.sub(r"[{}$\\]", "", "" if said is None else str(said)).translate(_SUPERSCRIPTS).strip()
    if text.lower() in _NO_UNIT:
        return None
    whole = _POWER_OF_ALL.fullmatch(text)
    if whole and _is_balanced(whole[1]):
        inner = unit_of(whole[1])
        return None if inner is None else inner ** int(whole[2])
    text = re.sub(r"\be-(?=$|[\s/*.])", "electron", text)
    text = _WORD.sub(lambda found: found[1] or _name(found[2]), text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a second slash, and spellings that astropy will not read for ever
        try:
            return u.Unit(text)
        except TypeError as error:
            raise ValueError(str(error)) from error


def _is_balanced(text: str) -> bool:
    depth = 0
    for letter in text:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth < 0:
            return False
    return depth == 0


def _name(word: str) -> str:
    lower = word.lower()
    known = _NAMES.get(lower, _NAMES.get(lower.removesuffix("s")))
    if known is not None:
        return known
    jansky = _JANSKY.fullmatch(word)
    return jansky[1] + "Jy" if jansky else word


def inside_logarithm(said: object) -> str | None:
    """Return the unit whose logarithm is taken, as Angstrom in ``log10(Angstrom)``; None where none is taken."""
    found = _LOGARITHM.fullmatch("" if said is None else str(said).strip())
    return None if found is None else found[1]


class FluxUnit(NamedTuple):
    """The unit of a flux, and what brings it to f_λ.

    Attributes:
        unit: as it is written, None where nothing usable is.
        factor: by which the flux is to be multiplied: 1 for f_λ, of whatever scale; an array like the wavelengths, to
            erg/s/cm²/Å, for what is per frequency or counts photons.
        name: of the unit that f_λ then has; empty where it is not known.
    """

    unit: u.UnitBase | None
    factor: np.ndarray | float = 1.0
    name: str = ""

    def apply(self, flux: np.ndarray, ivar: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return flux and ivar as f_λ; they keep their dtype where the factor is 1."""
        if np.ndim(self.factor) == 0:
            return flux, ivar
        return flux * self.factor, ivar / np.square(self.factor)


def flux_unit(where: str | Path, said: object, wave: np.ndarray) -> FluxUnit:
    """Return the unit of a flux and its factor to f_λ.

    f_λ of any scale stays as it is, and so does a flux without unit, which is taken for it. A surface brightness gives
    the same number per arcsec² (or pixel, spaxel, fibre). Counts, numbers without dimension and what is not understood
    are taken as f_λ, and a `FileWarning` says so.

    Args:
        where: the file and column, for messages.
        said: the unit as it is written, or None.
        wave: wavelengths, Å, of any shape that the flux can be multiplied with.

    Raises:
        FileError: if it is a magnitude, λ f_λ, or else no flux density. The message names it.
    """
    words = "" if said is None else str(said).strip()
    if _MAGNITUDE.search(words):
        raise FileError(f"{where}: the unit {words} is logarithmic: give a flux density")
    try:
        unit = unit_of(said)
    except ValueError:
        _warn(where, f"the unit {words!r} is not understood")
        return FluxUnit(None)
    if unit is None:
        return FluxUnit(None)
    density = density_of(unit, wave)
    if density is not None:
        return FluxUnit(unit, 1.0 if density.factor is None else density.factor, density.name)
    for area in (u.dimensionless_unscaled, u.arcsec**2, u.pix):
        if (unit * area).is_equivalent(u.W / u.m**2):
            raise FileError(
                f"{where}: {words} is a unit of λ f_λ, or of the flux of a whole pixel: divide by wavelength or by the "
                "width of the pixel, and give a unit of f_λ"
            )
    bases = {str(base) for base in unit.decompose().bases}
    if not bases or bases & {"ct", "adu", "electron", "DN", "ph"}:
        _warn(where, f"the unit {words} {'counts what was detected' if bases else 'is a number'}, and is none of f_λ")
        return FluxUnit(unit)
    raise FileError(f"{where}: {words} is not a unit of flux density: give f_λ, such as erg/s/cm2/Angstrom, or f_ν")


def noise_factor(where: str | Path, said: object, flux: u.UnitBase | None, power: int) -> float:
    """Return what brings the numbers of a noise to the unit that the flux is written in.

    Args:
        where: the file and column, for messages.
        said: the unit of the noise as it is written, or None; the flux's own, copied, is taken as its `power`.
        flux: the unit of the flux, as it is written.
        power: of it that the noise needs: 1 for an error, 2 for a variance, -2 for an inverse variance.

    Raises:
        FileError: if the unit does not fit that of the flux.
    """
    try:
        unit = unit_of(said)
    except ValueError:
        _warn(where, f"the unit {str(said).strip()!r} is not understood", "that of the flux")
        return 1.0
    if unit is None or flux is None or unit == flux:
        return 1.0
    try:
        return scale(unit, flux**power)
    except u.UnitConversionError as error:
        raise FileError(f"{where}: unit {unit} does not fit the flux in {flux}: it needs {flux**power}") from error


def _warn(where: str | Path, what: str, taken: str = "f_λ") -> None:
    warnings.warn(f"{where}: {what}: taken as {taken}; correct the unit, or calibrate it", FileWarning, stacklevel=3)
