"""Spectra in plain tables (FITS, text): columns for wavelength, flux and one of ivar, variance or error."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy.io import fits
from astropy.table import Table

from jaxz.io.columns import CHOICES, NOISE, Columns, columns_of, is_spectrum_table
from jaxz.io.files import FileError, FileWarning, number_in, spectra_of, stem_of
from jaxz.io.identifiers import NOT_A_TARGET, named_by_row, targetids_of
from jaxz.io.masks import GOOD, MASKS, is_pypeit, looks_like_mask, masked, warn_not_used
from jaxz.io.tabular import table_of
from jaxz.io.units import flux_unit, noise_factor
from jaxz.io.wavelengths import Medium, exp10, said_by, vacuum_angstrom
from jaxz.measured import inverse_variance, native_float, scaled
from jaxz.spectra import Spectra

COMMON_WAVE = "WAVE"
"""Name of a FITS image (pix,) with the wavelengths of all rows, float64 Å, which then need no column for them."""

Choice = Mapping[str, str] | None
"""Names of columns by what they hold, of `CHOICES`; those that are not given are found by their names."""


def spectrum_tables_of(hdus: Any) -> list[Any]:
    """Return the extensions of an open FITS file that are tables of spectra."""
    common = [] if _common_wave(hdus) is None else [COMMON_WAVE]
    tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU)]
    return [hdu for hdu in tables if is_spectrum_table([*hdu.columns.names, *common])]


def _common_wave(hdus: Any) -> np.ndarray | None:
    """Return the wavelengths of all rows, where they are an image of their own and not a column."""
    if COMMON_WAVE not in hdus or not isinstance(hdus[COMMON_WAVE], fits.ImageHDU):
        return None
    wave = hdus[COMMON_WAVE].data
    return wave if wave is not None and wave.ndim == 1 and wave.dtype.kind == "f" else None


def from_fits_table(path: Path, hdus: Any, medium: Medium | None, columns: Choice = None) -> Spectra:
    """Return the spectra of the first table of spectra of an open FITS file; see `read_rows`.

    With `columns` it is the first table that has all of them. Of further tables of spectra a `FileWarning` tells.

    Raises:
        FileError: as `read_rows`, or if no table has the columns.
    """
    if columns:
        chosen = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU) and _has(hdu.columns.names, columns)]
        if not chosen:
            there = [name for hdu in hdus if isinstance(hdu, fits.BinTableHDU) for name in hdu.columns.names]
            raise FileError(
                f"{path}: no table has the columns {_words(columns)} (there are {', '.join(there) or 'none'})"
            )
    else:
        chosen = spectrum_tables_of(hdus)
        if len(chosen) > 1:
            others = ", ".join(hdu.name or "unnamed" for hdu in chosen[1:])
            warnings.warn(
                f"{path}: further tables of spectra are not read: {others}: write each to a file of its own",
                FileWarning,
                stacklevel=2,
            )
    return from_table_hdu(path, hdus, chosen[0], medium, columns)


def from_table_hdu(
    path: Path, hdus: Any, hdu: Any, medium: Medium | None, columns: Choice = None, *, check: bool = True
) -> Spectra:
    """Return the spectra of one table of an open FITS file; see `read_rows`, and `table_of` for `check`."""
    table = table_of(path, hdu, check=check)
    table.meta = {**hdus[0].header, **table.meta}
    common = _common_wave(hdus)
    if common is not None and not columns_of(table.colnames, columns).wave:
        table[COMMON_WAVE] = np.broadcast_to(common, (len(table), len(common)))
    return from_table(path, table, medium, columns)


def _has(names: list[str], columns: Mapping[str, str]) -> bool:
    return {name.lower() for name in columns.values()} <= {name.lower() for name in names}


def _words(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={name}" for key, name in columns.items())


def from_table(path: Path, table: Table, medium: Medium | None = None, columns: Choice = None) -> Spectra:
    """Return the spectra of a file's table.

    Args:
        path, table, medium, columns: as of `read_rows`.

    Raises:
        FileError: as `read_rows`.
    """
    rows = read_rows(path, table, medium, columns)
    ids = rows.ids or _ids_of_file(path, len(np.atleast_2d(rows.flux)))
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


def read_rows(path: Path, table: Table, medium: Medium | None = None, columns: Choice = None) -> Rows:
    """Return the spectra of a table.

    One spectrum with one row a pixel, or (where the columns hold vectors, which may differ in length from row to row)
    one row per spectrum, with optional columns ``ID``, ``TARGETID``, ``RA``, ``DEC``. The table's metadata say
    ``AIRORVAC = 'air'`` or ``VACUUM = F`` where wavelengths are of air; a column without unit is in Å, and pixels whose
    wavelength is NaN, 0 or masked are none. Flux per frequency (e.g. Jy) becomes flux per Å (see `flux_unit`); ivar,
    variance or error are converted to the flux's unit where both have one. The unit that the flux then has, where it is
    known, becomes the column ``FLUXUNIT`` of `meta`. float32 flux and ivar stay so. Pixels that a column such as
    ``mask``, ``quality`` or ``good`` (see `jaxz.io.masks`) marks as bad have no data.

    Args:
        path: the file, for ids and messages.
        table: its contents, as of `without_gaps`.
        medium: of the wavelengths, "air" or "vacuum", where the metadata do not say; vacuum if None.
        columns: names of columns, by keys of `CHOICES`.

    Raises:
        FileError: if a column is missing or has the wrong shape, or units do not fit. The message names the column.
    """
    if not len(table):
        raise FileError(f"{path}: the table has no rows")
    used = _columns(path, table, columns)
    lengths = {name: _lengths(table[name]) for name in (used.flux, used.wave, used.noise)}
    flux = _numbers(path, table, used.flux)
    wave = _wave(path, table, used, flux.shape, medium)
    for name, length in lengths.items():
        if not np.array_equal(length, lengths[used.flux]):
            raise FileError(
                f"{path}[{name}]: has another length than {used.flux} in some row: each pixel needs a value"
            )
    # PypeIt's spectra before flux calibration have no unit, but this card.
    is_counts = _lower_keys(table).get("fluxed") is False
    unit = flux_unit(f"{path}[{used.flux}]", "counts" if is_counts else table[used.flux].unit, wave)
    noise = _numbers(path, table, used.noise)
    if noise.shape != flux.shape:
        raise FileError(f"{path}[{used.noise}]: has shape {noise.shape}, flux {flux.shape}: each pixel needs a noise")
    factor = noise_factor(f"{path}[{used.noise}]", table[used.noise].unit, unit.unit, NOISE[used.role])
    flux, ivar = unit.apply(flux, _ivar(scaled(noise, factor), used.role))
    ids = [] if flux.ndim == 1 else _ids(path, table)
    ivar = _unmasked(path, table, used, ivar, ids or _ids_of_file(path, len(np.atleast_2d(flux))))
    meta = _place(table) if flux.ndim == 1 else _columns_of_rows(path, table)
    if unit.name:
        meta["FLUXUNIT"] = np.full(len(np.atleast_2d(flux)), unit.name)
    return Rows(wave, flux, ivar, ids, meta)


def _columns(path: Path, table: Table, chosen: Choice) -> Columns:
    there = f"(there are {', '.join(table.colnames)})"
    named = f"or name them, with columns or --columns, by {', '.join(CHOICES)} {there}"
    try:
        found = columns_of(table.colnames, chosen)
    except KeyError as error:
        raise FileError(f"{path}: no column {error.args[0]!r} {there}: correct the names of the columns") from error
    if not found.flux:
        raise FileError(f"{path}: no column for the flux (f_λ): call one flux, {named}")
    if not found.wave:
        raise FileError(f"{path}: no column for the wavelength: call one wave, {named}")
    if not found.noise:
        raise FileError(
            f"{path}: no variance: beside {found.flux}, add a column ivar (inverse variance) or error (1 σ), {named}"
        )
    return found


def _lower_keys(table: Table) -> dict[str, Any]:
    return {str(key).lower(): value for key, value in table.meta.items()}


def _lengths(column: Any) -> list[int]:
    return [np.size(cell) for cell in column] if column.dtype == object else []


def _numbers(path: Path, table: Table, name: str) -> np.ndarray:
    """Return the numbers of a column, NaN where rows are short."""
    column = table[name]
    if column.dtype == object:
        return _padded(path, name, [np.ma.filled(np.ma.asanyarray(cell), 0) for cell in column])
    if column.dtype.kind not in "fiu" or column.ndim > 2:
        raise FileError(f"{path}[{name}]: needs one number, or a vector, in each row")
    return native_float(column)


def _padded(path: Path, name: str, cells: list[np.ndarray]) -> np.ndarray:
    if not all(cell.dtype.kind in "fiu" and cell.ndim == 1 for cell in cells):
        raise FileError(f"{path}[{name}]: needs one number, or a vector, in each row")
    cells = [native_float(cell) for cell in cells]
    values = np.full((len(cells), max(map(len, cells))), np.nan, dtype=np.result_type(*cells))
    for row, cell in enumerate(cells):
        values[row, : len(cell)] = cell
    return values


def _wave(path: Path, table: Table, used: Columns, shape: tuple[int, ...], medium: Medium | None) -> np.ndarray:
    values, unit = _numbers(path, table, used.wave).astype(np.float64), table[used.wave].unit
    if used.is_log:
        values, unit = exp10(values), None
    if values.shape != shape:
        raise FileError(
            f"{path}[{used.wave}]: each pixel of the flux needs a wavelength: shape {values.shape}, flux {shape}"
        )
    air = (said_by(path, table.meta) or medium) == "air"
    return vacuum_angstrom(f"{path}[{used.wave}]", values, unit, air=air)


def _ivar(noise: np.ndarray, role: str) -> np.ndarray:
    if NOISE[role] == NOISE["ivar"]:
        return noise
    # The inverse of a variance in erg/s/cm²/Å may leave the range of float32.
    return inverse_variance(noise.astype(np.float64), role)


def _unmasked(path: Path, table: Table, used: Columns, ivar: np.ndarray, ids: list[str]) -> np.ndarray:
    """Return the inverse variance with 0 where a column says that a pixel is bad."""
    pypeit = is_pypeit({str(key).upper(): value for key, value in table.meta.items()})
    for name in table.colnames:
        word, chosen = name.lower(), name == used.mask
        if name in (used.wave, used.flux, used.noise) or not (chosen or looks_like_mask(name)):
            continue
        if not chosen and word not in (*MASKS, *GOOD):
            warn_not_used(path, name, "is not among the names of masks that are known")
            continue
        values: Any = table[name]
        if values.dtype == object:
            values = _padded(path, name, [np.asarray(cell) * 1 for cell in values])
        good = word in GOOD or (pypeit and word.endswith("mask"))
        ivar = masked(path, ivar, values, name, ids, good=good)
    return ivar


def _ids(path: Path, table: Table) -> list[str]:
    given = {name.lower(): name for name in table.colnames}
    if "id" in given and table[given["id"]].ndim == 1:
        return [str(value).strip() for value in table[given["id"]]]
    if "targetid" in given:
        targetid = targetids_of(path, table[given["targetid"]])
        return named_by_row(path, targetid, targetid == NOT_A_TARGET).tolist()
    return []


def _ids_of_file(path: Path, count: int) -> list[str]:
    return [stem_of(path)] if count == 1 else [f"{stem_of(path)}-{row}" for row in range(count)]


def _place(table: Table) -> dict[str, np.ndarray]:
    return {name: np.array([number_in(_lower_keys(table), name.lower())]) for name in ("RA", "DEC")}


def _columns_of_rows(path: Path, table: Table) -> dict[str, np.ndarray]:
    given = {name.upper(): name for name in table.colnames}
    meta = {}
    if "TARGETID" in given:
        meta["TARGETID"] = targetids_of(path, table[given["TARGETID"]])
    for name in ("RA", "DEC"):
        if name in given and table[given[name]].dtype.kind in "fiu" and table[given[name]].ndim == 1:
            meta[name] = np.asarray(table[given[name]], dtype=np.float64)
    return meta
