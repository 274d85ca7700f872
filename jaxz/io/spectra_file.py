"""Spectra in FITS files of our own, which hold all that `Spectra` do and are read again to the bit."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.io import fits
from astropy.table import Table

from jaxz import __version__
from jaxz.io.cards import header_of, table_hdu
from jaxz.io.files import FileError
from jaxz.io.table import COMMON_WAVE, from_table_hdu, spectrum_tables_of
from jaxz.io.tabular import table_of
from jaxz.io.wavelengths import vacuum_angstrom
from jaxz.measured import density_of
from jaxz.spectra import Spectra

_VERSION, _SPECTRA, _META, _RESOLUTION = "JAXZVER", "SPECTRA", "META", "RESOLUTION"


def spectra_hdus(spectra: Spectra, path: str | Path, header: Mapping[str, Any] | None) -> list[Any]:
    """Return the HDUs of a file of spectra; `jaxz.io.write` says what they are.

    Raises:
        FileError: if there are no spectra, or their wavelengths are not between 100 Å and 10 µm.
    """
    if not len(spectra):
        raise FileError(f"{path}: no spectra to write: give at least one")
    vacuum_angstrom(path, spectra.wave, None, air=False)
    primary = fits.PrimaryHDU(header=header_of({_VERSION: __version__, **(header or {})}))
    table = Table({"ID": np.array(spectra.ids), "FLUX": spectra.flux, "IVAR": spectra.ivar})
    unit = _flux_unit(spectra)
    if unit is not None:
        table["FLUX"].unit, table["IVAR"].unit = unit, unit**-2
    hdus: list[Any] = [primary]
    if np.array_equal(spectra.wave, np.broadcast_to(spectra.wave[0], spectra.wave.shape)):
        hdus.append(fits.ImageHDU(spectra.wave[0], name=COMMON_WAVE))
        hdus[-1].header["BUNIT"] = "Angstrom"
    else:
        table.add_column(spectra.wave, name="WAVE", index=1)
        table["WAVE"].unit = u.Angstrom
    hdus.append(table_hdu(table, _SPECTRA))
    if spectra.meta:
        hdus.append(table_hdu(Table(spectra.meta), _META))
    if spectra.resolution is not None:
        hdus.append(fits.ImageHDU(spectra.resolution, name=_RESOLUTION))
    return hdus


def is_spectra_file(hdus: Any) -> bool:
    """Tell whether an open FITS file holds the spectra that `jaxz.io.write` wrote."""
    if _VERSION not in hdus[0].header or _SPECTRA not in hdus:
        return False
    return any(hdu is hdus[_SPECTRA] for hdu in spectrum_tables_of(hdus)[:1])


def from_spectra_file(path: Path, hdus: Any) -> Spectra:
    """Return the spectra of a file of `jaxz.io.write`.

    Raises:
        FileError: if the table cannot be read.
        ValueError: if the other parts do not fit it.
    """
    # Names and numbers are ours, and so come back even where those of other files would be put right.
    spectra = from_table_hdu(path, hdus, hdus[_SPECTRA], "vacuum", check=False)
    columns = table_of(path, hdus[_META], check=False) if _META in hdus else Table()
    return Spectra(
        spectra.wave,
        spectra.flux,
        spectra.ivar,
        ids=spectra.ids,
        resolution=hdus[_RESOLUTION].data if _RESOLUTION in hdus else None,
        meta={name: _native(columns[name]) for name in columns.colnames} | {"FILE": spectra.meta["FILE"]},
    )


def _native(column: Any) -> np.ndarray:
    values = np.asarray(column)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _flux_unit(spectra: Spectra) -> u.UnitBase | None:
    """None also stands for units that differ, that FITS cannot write, such as 3 erg/s/cm²/Å, or that are none of f_λ.

    META has them all the same; in the header, the last would have the numbers converted when they are read again.
    """
    names = set(spectra.meta.get("FLUXUNIT", np.array([""])).tolist())
    try:
        unit = u.Unit(names.pop())
        (unit**-2).to_string("fits")
    except ValueError:
        return None
    density = density_of(unit, spectra.wave)
    return None if names or density is None or density.factor is not None else unit
