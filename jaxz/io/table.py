"""Spectra in plain tables (FITS, ECSV, CSV): columns for wavelength, flux and one of ivar, variance or error."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.table import Table

from jaxz.io.files import FileError, number_in, spectra_of, stem_of, table_of
from jaxz.io.wavelengths import Medium, said_by, vacuum_angstrom
from jaxz.measured import PER_ANGSTROM, POWER, inverse_variance, native_float, per_frequency, scaled
from jaxz.spectra import Spectra

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "wave": ("wave", "wavelength", "lambda", "lam", "spectral_axis"),
    "loglam": ("loglam", "log_lambda", "logwave"),
    "flux": ("flux", "flam", "flux_density"),
    "ivar": ("ivar", "invvar", "inverse_variance"),
    "var": ("variance", "var"),
    "error": ("error", "err", "sigma", "flux_err", "flux_error", "fluxerr", "uncertainty", "noise"),
}
"""What each column may be called, in any case; the first that is there counts, ivar before variance before error."""

_ERROR = re.compile(
    r"(?:(?:flux|flam)_?(?:e|errs?|errors?|sig|sigma|unc|uncert|uncertainty|std|stddev|noise)"
    r"|(?:e|errs?|errors?|sig|sigma|unc|uncert|uncertainty|std|stddev|noise)_?(?:flux|flam)|sig|unc|uncert|std|stddev)"
)
"""Other names of errors that archives use: a word for it, alone or before or after the flux."""

COMMON_WAVE = "WAVE"
"""Name of a FITS image (pix,) with the wavelengths of all rows, float64 Å, which then need no column for them."""

_NEEDED = {
    ("wave", "loglam"): "no column for the wavelength: add one named wave or loglam",
    ("flux",): "no column for the flux (f_λ): add one named flux",
    ("ivar", "var", "error"): "no variance: beside the flux, add a column ivar (inverse variance) or error (1 σ)",
}


def is_spectrum_table(names: Sequence[str]) -> bool:
    """Tell whether columns of these names can be a spectrum: a wavelength and a flux are among them."""
    return bool(_find(names, "flux") and (_find(names, "wave") or _find(names, "loglam")))


def spectrum_table_of(hdus: Any) -> Any:
    """Return the first extension of an open FITS file that is a table of spectra, or None."""
    common = [] if _common_wave(hdus) is None else [COMMON_WAVE]
    for hdu in hdus:
        if isinstance(hdu, fits.BinTableHDU) and is_spectrum_table([*hdu.columns.names, *common]):
            return hdu
    return None


def _common_wave(hdus: Any) -> np.ndarray | None:
    """Return the wavelengths of all rows, where they are an image of their own and not a column."""
    if COMMON_WAVE not in hdus or not isinstance(hdus[COMMON_WAVE], fits.ImageHDU):
        return None
    wave = hdus[COMMON_WAVE].data
    return wave if wave is not None and wave.ndim == 1 and wave.dtype.kind == "f" else None


def from_fits_table(path: Path, hdus: Any, medium: Medium | None) -> Spectra:
    """Return the spectra of the first table of spectra of an open FITS file; see `read_rows`."""
    table = table_of(path, spectrum_table_of(hdus))
    table.meta = {**hdus[0].header, **table.meta}
    common = _common_wave(hdus)
    if common is not None and not (_find(table.colnames, "wave") or _find(table.colnames, "loglam")):
        table[COMMON_WAVE] = np.broadcast_to(common, (len(table), len(common)))
    return from_table(path, table, medium)


def from_table(path: Path, table: Table, medium: Medium | None = None) -> Spectra:
    """Return the spectra of a file's table; see `read_rows`.

    Args:
        path: the file, for ids and messages.
        table: its contents.
        medium: of the wavelengths, "air" or "vacuum", where the metadata do not say; vacuum if None.

    Raises:
        FileError: as `read_rows`.
    """
    rows = read_rows(path, table, medium)
    stem = stem_of(path)
    count = len(np.atleast_2d(rows.flux))
    ids = rows.ids or ([stem] if count == 1 else [f"{stem}-{row}" for row in range(count)])
    return spectra_of(path, rows.wave, rows.flux, rows.ivar, ids=ids, meta=rows.meta)


class Rows(NamedTuple):
    """What a table says of its spectra.

    Attributes:
        wave: (pix,) or (spec, pix) vacuum Å, NaN where there is none.
        flux, ivar: (pix,) or (spec, pix).
        ids: names of the spectra, empty if it names none.
        meta: columns of one value for each spectrum.
    """

    wave: np.ndarray
    flux: np.ndarray
    ivar: np.ndarray
    ids: list[str]
    meta: dict[str, np.ndarray]


def read_rows(where: str | Path, table: Table, medium: Medium | None, columns: Mapping[str, str] | None = None) -> Rows:
    """Return the spectra of a table.

    One spectrum with one row a pixel, or (where the columns hold vectors) one row per spectrum, with optional columns
    ``ID``, ``TARGETID``, ``RA``, ``DEC``. The table's metadata say ``AIRORVAC = 'air'`` or ``VACUUM = F`` where
    wavelengths are of air; a column without unit is in Å, and pixels whose wavelength is NaN, 0 or masked are none.
    Flux per frequency (e.g. Jy) becomes flux per Å; ivar, variance or error are converted to the flux's unit where both
    have one. That unit, where there is one, becomes the column ``FLUXUNIT`` of `meta`. float32 flux and ivar stay so.

    Args:
        where: the file, for messages.
        table: its contents, none masked.
        medium: of the wavelengths, "air" or "vacuum", where the metadata do not say; vacuum if None.
        columns: names of columns, by the keys of `COLUMNS`; those that are absent are found by their names.

    Raises:
        FileError: if a column is missing or has the wrong shape, or units do not fit. The message names the column.
    """
    if not len(table):
        raise FileError(f"{where}: the table has no rows")
    names = _names(where, table, columns or {})
    flux, unit = _numbers(where, table, names["flux"]), _unit(table, names["flux"])
    if isinstance(unit, u.function.FunctionUnitBase) or unit == u.mag:
        raise FileError(f"{where}[{names['flux']}]: the unit {unit} is logarithmic: give a flux density")
    wave = _wave(where, table, names, flux.shape, medium)
    ivar = _ivar(where, table, names)
    if unit is not None and unit.is_equivalent(u.Jy):
        factor = per_frequency(unit, wave)
        flux, ivar, unit = flux * factor, ivar / factor**2, PER_ANGSTROM
    named = {} if unit is None or str(unit) == "" else {"FLUXUNIT": np.full(len(np.atleast_2d(flux)), str(unit))}
    if flux.ndim == 1:
        place = {name: np.array([number_in(_lower_keys(table), name.lower())]) for name in ("RA", "DEC")}
        return Rows(wave, flux, ivar, [], place | named)
    return Rows(wave, flux, ivar, _ids(table), _columns_of_rows(table) | named)


def _lower_keys(table: Table) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in table.meta.items()}


def _find(names: Sequence[str], role: str) -> str | None:
    given = {name.lower(): name for name in reversed(names)}
    known = [name for name in COLUMNS[role] if name in given]
    if role == "error":
        known += [name for name in reversed(given) if _ERROR.fullmatch(name)]
    return given[known[0]] if known else None


def _names(where: str | Path, table: Table, chosen: Mapping[str, str]) -> dict[str, str]:
    """Return the names of three columns: of the wavelength, the flux and the noise, by the keys of `COLUMNS`."""
    there = ", ".join(table.colnames)
    for key, name in chosen.items():
        if key not in COLUMNS or name not in table.colnames:
            raise FileError(
                f"{where}: no column {name!r} for {key!r}: name columns of the table ({there}) for {', '.join(COLUMNS)}"
            )
    names = {}
    for keys, fix in _NEEDED.items():
        found = {key: chosen[key] for key in keys if key in chosen} or {
            key: name for key in keys if (name := _find(table.colnames, key))
        }
        if not found:
            raise FileError(f"{where}: {fix} (there are {there})")
        key = next(iter(found))
        names[key] = found[key]
    return names


def _numbers(where: str | Path, table: Table, name: str) -> np.ndarray:
    column = table[name]
    if column.dtype.kind not in "fiu" or column.ndim > 2:
        raise FileError(f"{where}[{name}]: needs one number, or a vector of fixed length, in each row")
    return native_float(column)


def _unit(table: Table, name: str) -> Any:
    """None also stands for a unit that astropy does not know: its numbers are taken as they are."""
    unit = table[name].unit
    return None if unit is None or isinstance(unit, u.UnrecognizedUnit) else unit


def _wave(
    where: str | Path, table: Table, names: Mapping[str, str], shape: tuple[int, ...], medium: Medium | None
) -> np.ndarray:
    name = names.get("wave") or names["loglam"]
    values, unit = _numbers(where, table, name).astype(np.float64), table[name].unit
    if "loglam" in names:
        with np.errstate(over="ignore", invalid="ignore"):
            values, unit = 10.0 ** np.where(values > 0, values, np.nan), None
    if values.shape != shape:
        raise FileError(
            f"{where}[{name}]: each pixel of the flux needs a wavelength: shape {values.shape}, flux {shape}"
        )
    air = (said_by(where, table.meta) or medium) == "air"
    return vacuum_angstrom(f"{where}[{name}]", values, unit, air=air)


def _ivar(where: str | Path, table: Table, names: Mapping[str, str]) -> np.ndarray:
    kind = next(kind for kind in POWER if kind in names)
    name = names[kind]
    values = _numbers(where, table, name)
    unit, flux_unit = _unit(table, name), _unit(table, names["flux"])
    if unit is not None and flux_unit is not None:
        wanted = flux_unit ** POWER[kind]
        try:
            values = scaled(values, unit, wanted)
        except u.UnitConversionError as error:
            raise FileError(
                f"{where}[{name}]: unit {unit} does not fit the flux in {flux_unit}: it needs {wanted}"
            ) from error
    # The squares of a flux in erg/s/cm²/Å may leave the range of float32.
    return inverse_variance(values if kind == "ivar" else values.astype(np.float64), kind)


def _ids(table: Table) -> list[str]:
    given = {name.lower(): name for name in table.colnames}
    name = given.get("id", given.get("targetid"))
    return [str(value).strip() for value in table[name]] if name is not None and table[name].ndim == 1 else []


def _columns_of_rows(table: Table) -> dict[str, np.ndarray]:
    given = {name.upper(): name for name in table.colnames}
    meta = {}
    if "TARGETID" in given and table[given["TARGETID"]].dtype.kind in "iu":
        meta["TARGETID"] = np.asarray(table[given["TARGETID"]], dtype=np.int64)
    for name in ("RA", "DEC"):
        if name in given and table[given[name]].dtype.kind in "fiu":
            meta[name] = np.asarray(table[given[name]], dtype=np.float64)
    return meta
