"""What goes wrong with real spectra and is not in their variances: the failures that [M, sec. 5] names."""

import numpy as np

from jaxz.mock.instruments import Instrument

BRIGHT = 1.6
"""Noise, in units of its running median, above which a pixel is on a bright sky line."""


def sky_residuals(instrument: Instrument, rng: np.random.Generator) -> np.ndarray:
    """Return what a wrong wavelength or a wrong brightness of the sky leaves at its lines, in units of the noise.

    A common error of the brightness and one of the wavelength scale the sky and its derivative within groups of 300 Å,
    each group with its own share.
    """
    relative = instrument.noise / running_median(instrument.noise, 101)
    sky = np.where(relative > BRIGHT, relative**2 - 1, 0.0)
    sky = sky / max(sky.max(), 1e-30)
    group = ((instrument.wave - instrument.wave[0]) / 300).astype(int)
    brightness, wavelength = rng.normal(0, 1, (2, group[-1] + 1))
    size = 10 ** rng.uniform(0.3, 1.3)
    return size * (brightness[group] * sky + 2 * wavelength[group] * np.gradient(sky))


def distorted_ends(instrument: Instrument, rng: np.random.Generator) -> np.ndarray:
    """Return a wrong flat field: an exponential rise or fall over 30 to 250 Å at either end, in units of the noise."""
    wave = instrument.wave
    size = rng.normal(0, 3, 2) * (rng.uniform(size=2) < 0.7)
    blue = size[0] * np.exp(-(wave - wave[0]) / rng.uniform(30, 250))
    return blue + size[1] * np.exp((wave - wave[-1]) / rng.uniform(30, 250))


def negative_flux(instrument: Instrument, rng: np.random.Generator) -> np.ndarray:
    """Return a sky that was subtracted too strongly: -0.1 to -1 times the noise, with a slope."""
    ramp = np.linspace(-1, 1, len(instrument.wave))
    return -(10 ** rng.uniform(-1, 0)) * (1 + rng.uniform(-0.5, 0.5) * ramp)


def drawn(instrument: Instrument, rng: np.random.Generator) -> np.ndarray:
    """Return the sum of the artefacts of one spectrum, (pix,) in units of the median noise.

    Half of the spectra have sky residuals, a quarter distorted ends, a fifth negative flux, independently.
    """
    kinds = ((0.5, sky_residuals), (0.25, distorted_ends), (0.2, negative_flux))
    happens = rng.uniform(size=len(kinds))
    parts = [make(instrument, rng) for (share, make), dice in zip(kinds, happens, strict=True) if dice < share]
    return sum(parts, np.zeros(len(instrument.wave)))


def running_median(values: np.ndarray, width: int) -> np.ndarray:
    """Return the median of `width` values, an odd number, around each; the first and last value go on outside."""
    padded = np.pad(values, width // 2, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, width), axis=1)
