"""Spectra in plain tables (FITS, ECSV, CSV): columns for wavelength, flux and one of ivar, variance or error."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.table import Table

from jaxz.io.files import FileError, number_in, spectra_of, stem_of, table_of
from jaxz.io.wavelengths import Medium, said_by, vacuum_angstrom
from jaxz.spectra import Spectra

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "wave": ("wave", "wavelength", "lambda", "lam", "spectral_axis"),
    "loglam": ("loglam", "log_lambda", "logwave"),
    "flux": ("flux", "flam", "flux_density"),
    "ivar": ("ivar", "invvar", "inverse_variance"),
    "variance": ("variance", "var"),
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

_FLUX_PER_WAVELENGTH = u.erg / (u.s * u.cm**2 * u.Angstrom)


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
    """Return the spectra of the first table of spectra of an open FITS file; see `from_table`."""
    table = table_of(path, spectrum_table_of(hdus))
    table.meta = {**hdus[0].header, **table.meta}
    common = _common_wave(hdus)
    if common is not None and not (_find(table.colnames, "wave") or _find(table.colnames, "loglam")):
        table[COMMON_WAVE] = np.broadcast_to(common, (len(table), len(common)))
    return from_table(path, table, medium)


def from_table(path: Path, table: Table, medium: Medium | None = None) -> Spectra:
    """Return the spectra of a table.

    One spectrum with one row a pixel, or (where the columns hold vectors) one row per spectrum, with optional columns
    ``ID``, ``TARGETID``, ``RA``, ``DEC``. The table's metadata say ``AIRORVAC = 'air'`` or ``VACUUM = F`` where
    wavelengths are of air; a column without unit is in Å, and pixels whose wavelength is NaN, 0 or masked are none.
    Flux per frequency (e.g. Jy) becomes flux per Å; ivar, variance or error are converted to the flux's unit where both
    have one.

    Args:
        path: the file, for ids and messages.
        table: its contents.
        medium: of the wavelengths, "air" or "vacuum", where the metadata do not say; vacuum if None.

    Raises:
        FileError: if a column is missing or has the wrong shape, or units do not fit. The message names the column.
    """
    if not len(table):
        raise FileError(f"{path}: the table has no rows")
    flux_name = _need(path, table, "flux", "the flux (f_λ)")
    flux = _numbers(path, table, flux_name)
    wave = _wave(path, table, flux.shape, medium)
    ivar = _ivar(path, table, flux_name)
    unit = _unit(table, flux_name)
    if isinstance(unit, u.function.FunctionUnitBase) or unit == u.mag:
        raise FileError(f"{path}[{flux_name}]: the unit {unit} is logarithmic: give a flux density")
    if unit is not None and unit.is_equivalent(u.Jy):
        factor = unit.to(_FLUX_PER_WAVELENGTH, np.ones_like(wave), equivalencies=u.spectral_density(wave * u.Angstrom))
        flux, ivar = flux * factor, ivar / factor**2
    if flux.ndim == 1:
        meta = {name: np.array([number_in(_lower_keys(table), name.lower())]) for name in ("RA", "DEC")}
        return spectra_of(path, wave, flux, ivar, ids=[stem_of(path)], meta=meta)
    return spectra_of(path, wave, flux, ivar, ids=_ids(path, table), meta=_columns_of_rows(table))


def _lower_keys(table: Table) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in table.meta.items()}


def _find(names: Sequence[str], role: str) -> str | None:
    given = {name.lower(): name for name in reversed(names)}
    known = [name for name in COLUMNS[role] if name in given]
    if role == "error":
        known += [name for name in reversed(given) if _ERROR.fullmatch(name)]
    return given[known[0]] if known else None


def _need(path: Path, table: Table, role: str, meaning: str) -> str:
    name = _find(table.colnames, role)
    if name is None:
        raise FileError(
            f"{path}: no column for {meaning}: add one named {role} (there are {', '.join(table.colnames)})"
        )
    return name


def _numbers(path: Path, table: Table, name: str) -> np.ndarray:
    """float64, so that 1/σ² of a flux in erg/s/cm²/Å does not leave the range of float32."""
    column = table[name]
    if column.dtype.kind not in "fiu" or column.ndim > 2:
        raise FileError(f"{path}[{name}]: needs one number, or a vector of fixed length, in each row")
    return np.asarray(column, dtype=np.float64)


def _unit(table: Table, name: str) -> u.UnitBase | None:
    """None also stands for a unit that astropy does not know: its numbers are taken as they are."""
    unit = table[name].unit
    return None if unit is None or isinstance(unit, u.UnrecognizedUnit) else unit


def _wave(path: Path, table: Table, shape: tuple[int, ...], medium: Medium | None) -> np.ndarray:
    name = _find(table.colnames, "wave")
    if name is None:
        name = _need(path, table, "loglam", "the wavelength")
        loglam = _numbers(path, table, name)
        with np.errstate(over="ignore", invalid="ignore"):
            values, unit = 10.0 ** np.where(loglam > 0, loglam, np.nan), None
    else:
        values, unit = _numbers(path, table, name), table[name].unit
    if values.shape != shape:
        raise FileError(
            f"{path}[{name}]: each pixel of the flux needs a wavelength: shape {values.shape}, flux {shape}"
        )
    air = (said_by(path, table.meta) or medium) == "air"
    return vacuum_angstrom(f"{path}[{name}]", values, unit, air=air)


def _ivar(path: Path, table: Table, flux_name: str) -> np.ndarray:
    role = next((role for role in ("ivar", "variance", "error") if _find(table.colnames, role)), None)
    if role is None:
        raise FileError(
            f"{path}: no variance: beside {flux_name}, add a column ivar (inverse variance) or error (1 σ) "
            f"(there are {', '.join(table.colnames)})"
        )
    name = _need(path, table, role, "the noise")
    values = _numbers(path, table, name)
    power = {"ivar": -2, "variance": 2, "error": 1}[role]
    unit, flux_unit = _unit(table, name), _unit(table, flux_name)
    if unit is not None and flux_unit is not None:
        try:
            values = values * unit.to(flux_unit**power)
        except u.UnitConversionError as error:
            raise FileError(
                f"{path}[{name}]: unit {unit} does not fit the flux in {flux_unit}: it needs {flux_unit**power}"
            ) from error
    if role == "ivar":
        return values
    with np.errstate(divide="ignore", invalid="ignore"):
        return 1.0 / values if role == "variance" else np.where(values > 0, values, np.nan) ** -2.0


def _ids(path: Path, table: Table) -> list[str]:
    given = {name.lower(): name for name in table.colnames}
    name = given.get("id", given.get("targetid"))
    if name is not None and table[name].ndim == 1:
        return [str(value).strip() for value in table[name]]
    return [stem_of(path)] if len(table) == 1 else [f"{stem_of(path)}-{row}" for row in range(len(table))]


def _columns_of_rows(table: Table) -> dict[str, np.ndarray]:
    given = {name.upper(): name for name in table.colnames}
    meta = {}
    if "TARGETID" in given and table[given["TARGETID"]].dtype.kind in "iu":
        meta["TARGETID"] = np.asarray(table[given["TARGETID"]], dtype=np.int64)
    for name in ("RA", "DEC"):
        if name in given and table[given[name]].dtype.kind in "fiu":
            meta[name] = np.asarray(table[given[name]], dtype=np.float64)
    return meta
