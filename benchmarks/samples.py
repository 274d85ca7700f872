"""Real surveys with known redshifts, read for `benchmarks.surveys`: VANDELS and FORS2."""

import hashlib
from typing import NamedTuple

import numpy as np

from benchmarks.inputs import data_folder
from jaxz import noise
from jaxz.spectra import Spectra


class Survey(NamedTuple):
    """Spectra with their published redshifts.

    Attributes:
        name: of the survey.
        spectra: cleaned, or with estimated variances.
        ztrue: (spec,) redshifts.
        new: (spec,) False for the half that the method was developed on, True for the half that it was not.
    """

    name: str
    spectra: Spectra
    ztrue: np.ndarray
    new: np.ndarray


def vandels() -> Survey:
    """Return VANDELS, with the pixels that cannot be right left out."""
    with np.load(data_folder() / "vandels.npz") as stored:
        flux, z, names = stored["flux"], stored["z"].astype(float), [str(name) for name in stored["name"]]
        spectra = Spectra(stored["wave"].astype(float), flux, stored["ivar"], ids=names)
    return Survey("VANDELS", noise.cleaned(spectra), z, _new(names))


def fors2() -> Survey:
    """Return FORS2, with variances from the scatter of the spectra themselves, those on one wavelength grid together.

    A row of the file is longer than its spectrum; its wavelengths go on in steps of the last.
    """
    with np.load(data_folder() / "fors2.npz") as stored:
        flux, wave = stored["flux"].astype(float), stored["wave"].astype(float)
        npix, bad, z, names = stored["npix"], stored["bad"], stored["z"], [str(name) for name in stored["name"]]
    good = (np.arange(flux.shape[1]) < npix[:, None]) & ~bad & np.isfinite(flux)
    for row, n in zip(wave, npix, strict=True):
        row[n:] = row[n - 1] + (row[n - 1] - row[n - 2]) * np.arange(1, len(row) - n + 1)
    _, grid = np.unique(np.round(wave[:, :2], 3), axis=0, return_inverse=True)
    ivar = np.zeros_like(flux)
    for rows in (np.flatnonzero(grid.ravel() == number) for number in range(grid.max() + 1)):
        ivar[rows] = noise.estimate_ivar(flux[rows], good[rows])
    return Survey("FORS2", Spectra(wave, np.where(good, flux, 0), ivar, ids=names), z, _new(names))


def _new(names: list[str]) -> np.ndarray:
    return np.array([hashlib.sha256(name.encode()).digest()[0] % 2 == 1 for name in names])
