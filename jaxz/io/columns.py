"""Which column of a table holds what: names that people use, or those that the caller gives."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jaxz.measured import POWER

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "wave": ("wave", "wavelength", "lambda", "lam", "spectral_axis"),
    "loglam": ("loglam", "log_lambda", "logwave"),
    "flux": ("flux", "flam", "flux_density"),
    "ivar": ("ivar", "invvar", "inverse_variance"),
    "var": ("variance", "var"),
    "error": ("error", "err", "sigma", "flux_err", "flux_error", "fluxerr", "uncertainty", "noise"),
    "weight": ("weight", "weights"),
}
"""What each column may be called, in any case; the first that is there counts."""

NOISE = {**POWER, "weight": POWER["ivar"]}
"""Columns of noise in the order in which they are looked for, and the power of the flux's unit that they have."""

CHOICES = ("wave", "loglam", "flux", "ivar", "var", "error", "mask")
"""What a caller can name the columns of."""

_FLUX = r"(?:flux|flam)"
_WORDS = {
    "ivar": r"(?:ivar|invvar)",
    "var": r"(?:var|variance)",
    "error": r"(?:e|errs?|errors?|sig|sigma|unc|uncert|uncertainty|std|stddev|stdev|noise)",
}
_FURTHER = {role: re.compile(rf"{_FLUX}_?{word}|{word}_?{_FLUX}") for role, word in _WORDS.items()}
_ALONE = re.compile(r"errs|errors|sig|unc|uncert|std|stddev|stdev")
"""Further names of noise that archives use: a word for it before or after the flux, or alone."""


class Columns(NamedTuple):
    """Names of the columns that hold a spectrum, "" where there is none.

    Attributes:
        wave: of the wavelength, or its log10 if `is_log`.
        flux: of the flux.
        noise: of the noise, of the kind `role`, a key of `NOISE`.
        mask: what the caller named as such.
    """

    wave: str
    is_log: bool
    flux: str
    noise: str
    role: str
    mask: str


def check_choice(columns: Mapping[str, str] | None) -> None:
    """Refuse a choice of columns that cannot be one.

    Raises:
        ValueError: if it has other keys than `CHOICES`, or two that say the same thing.
    """
    given = list(columns or ())
    for key in given:
        if key not in CHOICES:
            raise ValueError(f"columns: unknown key {key!r}: choose of {', '.join(CHOICES)}")
    for alike in (("wave", "loglam"), ("ivar", "var", "error")):
        both = [key for key in given if key in alike]
        if len(both) > 1:
            raise ValueError(f"columns: {' and '.join(both)} say the same thing: give one of them")


def columns_of(names: Sequence[str], chosen: Mapping[str, str] | None = None) -> Columns:
    """Return which columns hold a spectrum: those that are chosen, and for the rest those with usual names.

    Args:
        names: of all columns of a table. Of those that differ in case alone the first counts.
        chosen: names by keys of `CHOICES`, in any case.

    Raises:
        KeyError: if a chosen column is not there; its argument is that name.
    """
    given = {name.lower(): name for name in reversed(names)}
    picked = {}
    for key, name in (chosen or {}).items():
        if name not in names and name.lower() not in given:
            raise KeyError(name)
        picked[key] = name if name in names else given[name.lower()]
    if not {"wave", "loglam"} & set(picked):
        key = "wave" if _find(given, "wave") else "loglam"
        picked[key] = _find(given, key)
    role = next((role for role in NOISE if role in picked), "")
    role = role or next((role for role in NOISE if _find(given, role)), "")
    return Columns(
        wave=picked.get("wave") or picked.get("loglam", ""),
        is_log="loglam" in picked,
        flux=picked.get("flux") or _find(given, "flux"),
        noise=picked.get(role) or (_find(given, role) if role else ""),
        role=role,
        mask=picked.get("mask", ""),
    )


def is_spectrum_table(names: Sequence[str]) -> bool:
    """Tell whether columns of these names can be a spectrum: a wavelength and a flux are among them."""
    found = columns_of(names)
    return bool(found.wave and found.flux)


def _find(given: dict[str, str], role: str) -> str:
    known = [name for name in COLUMNS[role] if name in given]
    if role in _FURTHER:
        known += [name for name in reversed(given) if _FURTHER[role].fullmatch(name)]
    if role == "error":
        known += [name for name in reversed(given) if _ALONE.fullmatch(name)]
    return given[known[0]] if known else ""
