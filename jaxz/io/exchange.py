"""Spectra in memory, from and to the classes of other packages: astropy's tables, specutils and MPDAF."""

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.nddata import InverseVariance
from astropy.table import Table
from astropy.utils.masked import Masked

from jaxz.io.columns import check_choice
from jaxz.io.files import FileError, stem_of, target_of
from jaxz.io.table import read_rows
from jaxz.io.tabular import without_gaps
from jaxz.spectra import Spectra, mended

_KINDS = {"std": "error", "var": "var", "ivar": "ivar"}
"""Of specutils' uncertainties, and what `Spectra` call them."""

_MEDIA = {"AWAV": True, "WAVE": False}
"""Types of MPDAF's wavelengths, and whether these are of air."""


def from_table(table: Table, columns: Mapping[str, str] | None = None, *, air: bool = False) -> Spectra:
    """Return the spectra of a table; see `Spectra.from_table`."""
    check_choice(columns)
    name = Path("table")
    try:
        rows = read_rows(name, without_gaps(name, Table(table)), "air" if air else "vacuum", columns)
    except FileError as error:
        raise ValueError(str(error)) from error
    return Spectra(*mended(rows.wave, rows.flux, rows.ivar), ids=rows.ids or None, meta=rows.meta)


def from_specutils(spectra: Any, *, air: bool = False) -> Spectra:
    """Return spectra of specutils; see `Spectra.from_specutils`."""
    given = [spectra] if hasattr(spectra, "spectral_axis") else spectra
    rows = [row for part in given for row in (part if part.spectral_axis.ndim == 2 else [part])]
    return _joined([_of_specutils(spectrum, f"spectrum {number}", air) for number, spectrum in enumerate(rows)])


def from_mpdaf(spectra: Any) -> Spectra:
    """Return spectra of MPDAF; see `Spectra.from_mpdaf`."""
    given = [spectra] if hasattr(spectra, "wave") else spectra
    return _joined([_of_mpdaf(spectrum, f"spectrum {number}") for number, spectrum in enumerate(given)])


def to_table(spectra: Spectra) -> Table:
    """Return a table of spectra; see `Spectra.to_table`."""
    units = set(np.asarray(spectra.meta.get("FLUXUNIT", [""])).tolist())
    unit = u.Unit(units.pop()) if len(units) == 1 else u.dimensionless_unscaled
    table = Table({"ID": np.array(spectra.ids, dtype=str), "WAVE": spectra.wave * u.Angstrom})
    for name, values, power in (("FLUX", spectra.flux, 1), ("IVAR", spectra.ivar, -2)):
        table[name] = values
        table[name].unit = None if unit == u.dimensionless_unscaled else unit**power
    for name, column in spectra.meta.items():
        table[name] = column
    return table


def to_pandas(table: Table) -> Any:
    """Return a DataFrame; see `Redshifts.to_pandas`."""
    if importlib.util.find_spec("pandas") is None:
        raise ImportError("to_pandas needs pandas: pip install pandas")
    flat = Table()
    for name in table.colnames:
        column = table[name]
        if column.ndim == 1:
            flat[name] = column
        for number, values in enumerate(np.reshape(column, (len(table), -1)).T if column.ndim > 1 else ()):
            flat[f"{name}_{number}"] = values
    return flat.to_pandas()


def to_specutils(spectra: Spectra) -> Any:
    """Return a SpectrumList; see `Spectra.to_specutils`."""
    try:
        specutils = importlib.import_module("specutils")
    except ImportError as error:
        raise ImportError("to_specutils needs specutils: pip install 'jaxz[specutils]'") from error
    # Until its version 2, specutils had another name for it.
    spectrum = getattr(specutils, "Spectrum", None) or specutils.Spectrum1D
    units = spectra.meta.get("FLUXUNIT", np.full(len(spectra), ""))
    return specutils.SpectrumList(
        spectrum(
            spectral_axis=spectra.wave[row] * u.Angstrom,
            flux=u.Quantity(spectra.flux[row], units[row], dtype=spectra.flux.dtype),
            uncertainty=InverseVariance(spectra.ivar[row]),
            mask=spectra.ivar[row] == 0,
            meta={"ID": spectra.ids[row]} | {name: column[row] for name, column in spectra.meta.items()},
        )
        for row in range(len(spectra))
    )


def _of_specutils(spectrum: Any, where: str, air: bool) -> Spectra:
    uncertainty = spectrum.uncertainty
    kind = _KINDS.get(getattr(uncertainty, "uncertainty_type", ""))
    if kind is None:
        raise ValueError(
            f"{where}: its uncertainty is a {type(uncertainty).__name__}: give it a StdDevUncertainty, a "
            "VarianceUncertainty or an InverseVariance"
        )
    try:
        wave = u.Quantity(spectrum.spectral_axis).to(u.Angstrom, u.spectral())
    except u.UnitConversionError as error:
        raise ValueError(
            f"{where}: its axis is in {spectrum.spectral_axis.unit}: give wavelengths, frequencies or energies"
        ) from error
    axis = getattr(spectrum, "spectral_axis_index", None)
    up = slice(None, None, -1 if wave[0] > wave[-1] else 1)

    def rows(values: Any) -> Any:
        return np.moveaxis(values, -1 if axis is None else axis, -1)[..., up]

    flux, noise = rows(u.Quantity(spectrum.flux)), rows(np.asarray(uncertainty.array))
    if flux.ndim > 2:
        raise ValueError(f"{where}: has the shape {flux.shape}: take spectra out of the cube, as (spec, pix)")
    masked = np.zeros(flux.shape, bool) if spectrum.mask is None else rows(np.asarray(spectrum.mask) != 0)
    noise = noise if uncertainty.unit is None else u.Quantity(noise, uncertainty.unit)
    # FITS writes wavelengths in air as AWAV.
    types = getattr(getattr(spectrum.wcs, "wcs", None), "ctype", ())
    return _mended(
        wave[up],
        Masked(flux, masked),
        {kind: noise},
        air=air or any(str(name).startswith("AWAV") for name in types),
        ids=[str(spectrum.meta.get("ID", ""))] if flux.ndim == 1 else [""] * len(flux),
        meta=_columns_in(spectrum.meta) if flux.ndim == 1 else {},
    )


def _of_mpdaf(spectrum: Any, where: str) -> Spectra:
    if spectrum.var is None:
        raise ValueError(f"{where}: has no variance: set its var")
    medium = spectrum.wave.get_ctype()
    if medium not in _MEDIA:
        raise ValueError(f"{where}: its wavelengths are {medium}: set the ctype of its WaveCoord to AWAV (air) or WAVE")
    flux, var = (np.ma.getdata(values) for values in (spectrum.data, spectrum.var))
    return _mended(
        u.Quantity(spectrum.wave.coord(), spectrum.wave.unit),
        Masked(u.Quantity(flux, spectrum.unit, dtype=flux.dtype), np.ma.getmaskarray(spectrum.data)),
        {"var": var},
        air=_MEDIA[medium],
        ids=[stem_of(Path(spectrum.filename)) if spectrum.filename else ""],
        meta=target_of(spectrum.primary_header),
    )


def _mended(
    wave: Any, flux: Any, noise: Mapping[str, Any], *, air: bool, ids: Sequence[str], meta: Mapping[str, np.ndarray]
) -> Spectra:
    plain = Spectra(wave, flux, **noise, air=air, meta=meta)
    return Spectra(*mended(plain.wave[0], plain.flux, plain.ivar), ids=ids, meta=plain.meta)


def _joined(parts: Sequence[Spectra]) -> Spectra:
    """Return all spectra; those without a name are numbered."""
    whole = Spectra.concatenate(parts)
    ids = [name or str(row) for row, name in enumerate(whole.ids)]
    return Spectra(whole.wave, whole.flux, whole.ivar, ids=ids, meta=whole.meta)


def _columns_in(meta: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return what can be a column of the catalog: numbers, texts and arrays, and the place that a header gives."""
    place = target_of(meta["header"]) if hasattr(meta.get("header"), "get") else {}
    plain = {
        str(name): np.asarray(value)[None]
        for name, value in meta.items()
        if isinstance(value, (str, bool, int, float, np.generic, np.ndarray)) and not hasattr(value, "unit")
    }
    plain.pop("ID", None)
    return place | {name: column for name, column in plain.items() if column.dtype.kind in "fiubUS"}
