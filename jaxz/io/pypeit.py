"""PypeIt's ``spec1d`` files: a table for each object, extracted optimally (OPT) or in a box (BOX)."""

from pathlib import Path
from typing import Any

from astropy.io import fits

from jaxz.io.files import FileError
from jaxz.io.table import from_table
from jaxz.io.tabular import table_of
from jaxz.spectra import Spectra

_WAYS = ("OPT", "BOX")
"""Ways of extraction, the better one first."""


def is_pypeit_spec1d(hdus: Any) -> bool:
    """Tell whether an open FITS file holds a table with the wavelengths of an extracted object."""
    return bool(_objects(hdus))


def from_pypeit_spec1d(path: Path, hdus: Any) -> Spectra:
    """Return the flux-calibrated spectra, named by the file and the object, such as ``SPAT0176-SLIT0000-DET01``.

    Wavelengths are of vacuum, and pixels where OPT_MASK (BOX_MASK) is false have no data.

    Args:
        path: the file.
        hdus: the open file.

    Raises:
        FileError: if an object has no flux; the message names it.
    """
    return Spectra.concatenate([_spectrum(path, hdu, hdus[0].header) for hdu in _objects(hdus)])


def _objects(hdus: Any) -> list[Any]:
    tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU)]
    return [hdu for hdu in tables if any(f"{way}_WAVE" in hdu.columns.names for way in _WAYS)]


def _spectrum(path: Path, hdu: Any, header: Any) -> Spectra:
    names = hdu.columns.names
    way = next((way for way in _WAYS if f"{way}_FLAM" in names and f"{way}_FLAM_IVAR" in names), None)
    if way is None:
        raise FileError(f"{path}[{hdu.name}]: counts, and no OPT_FLAM with OPT_FLAM_IVAR: run pypeit_flux_calib first")
    table = table_of(path, hdu)
    table.meta = {**header, **table.meta}
    columns = {"wave": f"{way}_WAVE", "flux": f"{way}_FLAM", "ivar": f"{way}_FLAM_IVAR"}
    if f"{way}_MASK" in names:
        columns["mask"] = f"{way}_MASK"
    table.keep_columns(list(columns.values()))
    spectrum = from_table(path, table, "vacuum", columns)
    return Spectra(
        spectrum.wave,
        spectrum.flux,
        spectrum.ivar,
        ids=[f"{spectrum.ids[0]}-{hdu.name}"],
        meta=spectrum.meta,
    )
