"""Libraries of stellar populations."""

from pathlib import Path

import numpy as np

from jaxz.air import airtovac
from jaxz.io.files import FileError, damage_named, open_fits, summary_of
from jaxz.mock.continuum import REST, Populations

_TAIL = 1000.0
"""Å at the red end from which the spectra are continued as a power law."""


def read_populations(path: str | Path) -> Populations:
    """Read stellar populations in the layout of `pyplatefit`: for each metallicity an image (age, pix).

    The images come first; the last three extensions hold light per mass (age, metallicity), ages in years (age,) and
    air wavelengths (pix,). Beyond the red end the spectra go on as the power law of their last 1000 Å, to 10,600 Å.

    Args:
        path: of the file.

    Raises:
        FileError: if it cannot be read or has another layout.

    Example:
        >>> from astropy.io import fits
        >>> wave, age = np.arange(3000.0, 9000.0, 2.0), np.array([1e8, 1e9])
        >>> images = [np.ones((2, len(wave))), np.ones((2, 1)), age, wave]  # of one metallicity
        >>> fits.HDUList([fits.PrimaryHDU(images[0]), *map(fits.ImageHDU, images[1:])]).writeto("populations.fits")
        >>> jaxz.io.read_populations("populations.fits").age
        array([1.e+08, 1.e+09])
    """
    with damage_named(path):
        return _populations(Path(path))


def _populations(path: Path) -> Populations:
    with open_fits(path) as hdus:
        images = [np.asarray(hdu.data, dtype=np.float64) for hdu in hdus if getattr(hdu, "data", None) is not None]
    try:
        *spectra, norm, age, wave = images
        flux = np.stack(spectra) * norm.T[:, :, None]
        right = flux.ndim == 3 and wave.shape == flux.shape[2:] and np.all(np.diff(wave) > 0) and len(age) > 1
    except (ValueError, TypeError) as error:
        raise FileError(f"{path}: no library of stellar populations ({summary_of(hdus)})") from error
    if not right or not np.all(np.isfinite(flux)) or age.shape != flux.shape[1:2]:
        raise FileError(f"{path}: no library of stellar populations ({summary_of(hdus)})")
    further = np.arange(wave[-1] + 1, max(REST[1], wave[-1] + 1))
    end = wave > wave[-1] - _TAIL
    slope = np.polynomial.polynomial.polyfit(np.log(wave[end]), np.log(flux[..., end].reshape(-1, end.sum()).T), 1)[1]
    level = flux[..., -50:].mean(axis=-1)
    tail = level[..., None] * (further / wave[-25]) ** slope.reshape(level.shape)[..., None]
    return Populations(airtovac(np.concatenate([wave, further])), np.concatenate([flux, tail], axis=-1), age)
