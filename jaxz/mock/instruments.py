"""Spectrographs: their pixels, line-spread functions and noise."""

from collections.abc import Callable
from importlib import resources
from typing import NamedTuple

import numpy as np

from jaxz.lines.known import FWHM_TO_SIGMA as FWHM_TO_SIGMA


class Instrument(NamedTuple):
    """A spectrograph.

    Attributes:
        name: of the instrument.
        wave: (pix,) pixel centres, vacuum Å.
        fwhm: of the line-spread function, Å, at wavelengths in Å.
        noise: (pix,) standard deviation of a pixel, in units of its median.
        level: typical noise of a pixel, in the unit of the flux (MUSE: 1e-20 erg/s/cm²/Å, DESI: 1e-17).
    """

    name: str
    wave: np.ndarray
    fwhm: Callable[[np.ndarray], np.ndarray]
    noise: np.ndarray
    level: float


def muse() -> Instrument:
    """Return MUSE: 4750 to 9350 Å in steps of 1.25 Å; line-spread function of Bacon et al. 2017, A&A 608, A1, eq. 8."""
    return _instrument("muse", lambda wave: 5.866e-8 * wave**2 - 9.187e-4 * wave + 6.040, 5.0)


def desi() -> Instrument:
    """Return DESI: 3600 to 9824 Å in steps of 0.8 Å; R rises from 2000 to 5500 (DESI Collaboration 2022, sec. 5.3)."""
    return _instrument("desi", lambda wave: np.interp(wave, [3600, 5930, 7720, 9824], [1.8, 1.8, 1.7, 1.8]), 0.5)


def vimos() -> Instrument:
    """Return VIMOS with the medium-resolution grism: 4800 to 10300 Å in steps of 5 Å, R = 650 (Garilli et al. 2021)."""
    return _instrument("vimos", lambda wave: wave / 650, 0.05)


INSTRUMENTS = {"muse": muse, "desi": desi, "vimos": vimos}


def _instrument(name: str, fwhm: Callable[[np.ndarray], np.ndarray], level: float) -> Instrument:
    with (resources.files("jaxz") / "data" / f"noise-{name}.csv").open(encoding="utf-8") as stream:
        wave, noise = np.loadtxt(stream, delimiter=",", unpack=True)
    return Instrument(name, wave, fwhm, noise, level)
