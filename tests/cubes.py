"""Small cubes as MUSE's pipeline writes them."""

from pathlib import Path

import numpy as np
from astropy.io import fits

SHAPE = (120, 12, 14)
STEP = 0.2 / 3600


def cards(**changed):
    """Return the header of DATA: a tilted image around RA 53.1, Dec -27.8, and wavelengths in air."""
    known = {
        **{"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CTYPE3": "AWAV", "CUNIT1": "deg", "CUNIT2": "deg"},
        **{"CUNIT3": "Angstrom", "CRVAL1": 53.1, "CRVAL2": -27.8, "CRVAL3": 4750.0, "CRPIX1": 7.0, "CRPIX2": 5.0},
        **{"CRPIX3": 1.0, "CD1_1": -STEP * 0.8, "CD1_2": STEP * 0.6, "CD2_1": STEP * 0.6, "CD2_2": STEP * 0.8},
        **{"CD3_3": 1.25, "BUNIT": "10**(-20)*erg/s/cm**2/Angstrom"},
    }
    return {key: value for key, value in {**known, **changed}.items() if value is not None}


def write(path: Path, flux: np.ndarray, variance: np.ndarray | None, *, quality=None, **changed) -> Path:
    """Write a cube; a card of value None is left out."""
    hdus = [fits.PrimaryHDU()]
    for name, values in (("DATA", flux), ("STAT", variance), ("DQ", quality)):
        if values is not None:
            hdus.append(fits.ImageHDU(values, name=name))
            hdus[-1].header.update(cards(**changed))
    if variance is not None:
        hdus[2].header["BUNIT"] = "(10**(-20)*erg/s/cm**2/Angstrom)**2"
    fits.HDUList(hdus).writeto(path)
    return path


def noise(rng, shape=SHAPE, sigma=2.0):
    """Return flux of pure noise and its variance, float32."""
    return rng.normal(0, sigma, shape).astype(np.float32), np.full(shape, sigma**2, dtype=np.float32)


def smeared(values):
    """Return each image with a share of the image beside, so that neighbours in x are correlated, (wave, y, x - 1)."""
    return 0.8 * values[:, :, 1:] + 0.6 * values[:, :, :-1]


SMEARED = 0.48
"""Correlation of neighbours in x that `smeared` makes; those in y have none."""
