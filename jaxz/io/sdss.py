"""SDSS and BOSS spectra: the ``spec-PLATE-MJD-FIBER.fits`` files."""

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from jaxz.io.files import FileError, number_in, spectra_of, stem_of
from jaxz.io.wavelengths import exp10, vacuum_angstrom
from jaxz.spectra import Spectra

_COLUMNS = {"flux", "loglam", "ivar", "and_mask"}

_UNIT = "1e-17 erg / (Angstrom s cm2)"
"""Of all such files; what their headers call it is no unit of the FITS standard."""


def is_sdss_spectrum(hdus: Any) -> bool:
    """Tell whether an open FITS file holds the coadd table of an SDSS ``spec`` file."""
    return _coadd(hdus) is not None


def from_sdss_spectrum(path: Path, hdus: Any) -> Spectra:
    """Return the coadded spectrum; wavelengths are vacuum, 10^loglam Å.

    The masks are not applied. The survey has set ivar to 0 where there are no data, and its own redshift pipeline does
    not reject on ``and_mask`` either: BRIGHTSKY marks strong sky lines, whose noise ivar already has, and bits of the
    whole fibre (MANYBADCOLUMNS) would throw away thousands of pixels that are as good as the others.

    ``TARGETID`` is plate·10⁹ + mjd·10⁴ + fibre, as in Redrock's BOSS reader.

    Args:
        path: the file.
        hdus: the open file.

    Raises:
        FileError: if a column holds no numbers, or several in each row.
    """
    table = _coadd(hdus)
    columns = {name.lower(): table.data[name] for name in table.columns.names}
    for name in ("flux", "loglam", "ivar"):
        if columns[name].ndim != 1 or columns[name].dtype.kind not in "fiu":
            raise FileError(f"{path}[{name}]: needs one number in each row: fetch or write it again")
    header = hdus[0].header
    meta = {"RA": np.array([number_in(header, "PLUG_RA")]), "DEC": np.array([number_in(header, "PLUG_DEC")])}
    plate, mjd, fiber = (number_in(header, key) for key in ("PLATEID", "MJD", "FIBERID"))
    if np.isfinite(plate + mjd + fiber):
        meta["TARGETID"] = np.array([int(plate) * 10**9 + int(mjd) * 10**4 + int(fiber)], dtype=np.int64)
    wave = vacuum_angstrom(f"{path}[loglam]", exp10(columns["loglam"].astype(np.float64)), None, air=False)
    return spectra_of(path, wave, columns["flux"], columns["ivar"], ids=[stem_of(path)], meta=meta, unit=_UNIT)


def _coadd(hdus: Any) -> Any:
    for hdu in hdus:
        if isinstance(hdu, fits.BinTableHDU) and {name.lower() for name in hdu.columns.names} >= _COLUMNS:
            return hdu
    return None
