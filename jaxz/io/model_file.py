"""The best fits of a catalog, in a file as Redrock's ``--model`` writes it."""

from pathlib import Path

import numpy as np
from astropy.io import fits

from jaxz.io.files import open_fits
from jaxz.io.output import replacing
from jaxz.spectra import Spectra

CAMERAS = "BRZ_"
"""Before the names of the images of DESI spectra, whose cameras are joined."""


def write_models(
    spectra: Spectra, flux: np.ndarray, catalog: str | Path, path: str | Path, *, nth: int, overwrite: bool
) -> None:
    """Write best fits in the pixels of their spectra.

    FITS: the table ``REDSHIFTS`` of the catalog with its headers, and the images ``WAVELENGTH``, (pix,) float64 or
    (spec, pix) where the grids differ, vacuum Å, and ``MODEL``, (spec, pix) float32 in the unit of the flux, NaN where
    a spectrum has no data, with the card ``NTHBEST``. Of DESI spectra they are called ``BRZ_WAVELENGTH`` and
    ``BRZ_MODEL``, as of Redrock.

    Args:
        spectra: that were measured.
        flux: (spec, pix) of the best fits.
        catalog: FITS, of the same spectra in the same order.
        path: of the file; it appears only when it is complete.
        nth: the candidate that they are of, 1 for the best.
        overwrite: whether to replace an existing file.
    """
    prefix = CAMERAS if any(name.startswith("FIBERMAP.") for name in spectra.meta) else ""
    common = np.array_equal(spectra.wave, np.broadcast_to(spectra.wave[0], spectra.wave.shape))
    wave = fits.ImageHDU(np.array(spectra.wave[0] if common else spectra.wave), name=f"{prefix}WAVELENGTH")
    wave.header["BUNIT"] = "Angstrom"
    model = fits.ImageHDU(flux.astype(np.float32), name=f"{prefix}MODEL")
    model.header["NTHBEST"] = (nth, "candidate, 1 for the best")
    units = set(np.asarray(spectra.meta.get("FLUXUNIT", [""])).tolist())
    if len(units) == 1 and (unit := units.pop()):
        model.header["BUNIT"] = unit
    with open_fits(Path(catalog)) as hdus, replacing(path, overwrite=overwrite) as unfinished:
        fits.HDUList([hdus[0].copy(), hdus["REDSHIFTS"].copy(), wave, model]).writeto(unfinished)
