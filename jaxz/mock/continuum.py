"""The light of stars and dust: populations of several ages and metallicities, mixed and reddened."""

from typing import NamedTuple

import numpy as np

AGES = (5e6, 2.5e7, 1e8, 2.9e8, 6.4e8, 9e8, 1.4e9, 2.5e9, 5e9, 1e10)
"""Years, of the analytic populations."""

REST = (590.0, 10600.0)
"""Range in which populations are defined, rest frame Å."""

_STELLAR = {
    "Balmer": (6564.6, 4862.7, 4341.7, 4102.9, 3971.2, 3890.2, 3836.5, 3798.9, 3771.7, 3751.2),
    "old": (3934.8, 3969.6, 4305.6, 5176.6, 5270.0, 5335.0, 5894.6, 8500.4, 8544.4, 8664.5),
}
"""Absorption lines of the analytic populations, vacuum Å: hydrogen; Ca II, G band, Mg b, Fe, Na D."""


class Populations(NamedTuple):
    """Spectra of simple stellar populations.

    Attributes:
        wave: (pix,) rest-frame vacuum Å.
        flux: (metallicity, age, pix) f_λ for one unit of mass.
        age: (age,) years, increasing.
    """

    wave: np.ndarray
    flux: np.ndarray
    age: np.ndarray


def analytic_populations() -> Populations:
    """Return populations of simple shapes, for use without a library of stellar spectra.

    A broken power law whose slope reddens with age, with the Balmer break (3646 Å, deepest at 0.5 Gyr), the 4000 Å
    break (growing with age) and the strongest stellar absorption lines. Light per mass falls as age^-0.75.

    Example:
        >>> populations = jaxz.mock.analytic_populations()
        >>> populations.flux.shape[1] == len(populations.age)
        True
    """
    wave = np.arange(REST[0], REST[1], 1.0)
    flux = []
    for age in AGES:
        old = np.clip(np.log10(age / 1e7) / 3, 0, 1)
        middle = np.exp(-0.5 * (np.log10(age / 5e8) / 0.45) ** 2)
        slope = np.where(wave < 4000, -2.4 + 5.5 * old, -2.2 + 2.4 * old)
        shape = (wave / 4000) ** slope * _step(wave, 3660.0, 1 - 0.55 * middle) * _step(wave, 3990.0, 1 - 0.45 * old**3)
        shape *= np.where(wave < 912, 0.02, 1.0)
        shape *= _lines(wave, _STELLAR["Balmer"], 0.05 + 0.5 * middle, 9.0)
        shape *= _lines(wave, _STELLAR["old"], 0.4 * old**3, 7.0)
        flux.append(shape / np.interp(5500, wave, shape) * (age / 1e9) ** -0.75)
    return Populations(wave, np.array(flux)[None], np.array(AGES))


def _step(wave: np.ndarray, at: float, level: float) -> np.ndarray:
    return level + (1 - level) / (1 + np.exp(-(wave - at) / 25))


def _lines(wave: np.ndarray, centres: tuple[float, ...], depth: float, sigma: float) -> np.ndarray:
    transmission = np.ones_like(wave)
    for centre in centres:
        transmission *= 1 - depth * np.exp(-0.5 * ((wave - centre) / sigma) ** 2)
    return transmission


def calzetti(wave: np.ndarray, ebv: float) -> np.ndarray:
    """Return the transmission of the dust of a starburst, 10^(-0.4 k E(B-V)) [Calzetti et al. 2000, ApJ 533, eq. 4].

    Args:
        wave: (pix,) rest-frame Å; blueward of 1200 Å, where the law is not defined, k is that of 1200 Å.
        ebv: colour excess of the stars, mag.
    """
    micron = np.clip(wave, 1200, 22000) / 1e4
    blue = 2.659 * (-2.156 + 1.509 / micron - 0.198 / micron**2 + 0.011 / micron**3) + 4.05
    red = 2.659 * (-1.857 + 1.040 / micron) + 4.05
    return 10 ** (-0.4 * ebv * np.where(micron < 0.63, blue, red))


def star_forming(populations: Populations, rng: np.random.Generator, oldest: float) -> np.ndarray:
    """Return the light of stars that formed at a rate e^(-t/τ) since their onset, (pix,), of mean 1 at 1500 to 5500 Å.

    Args:
        populations: to mix.
        rng: the onset is drawn log-uniform between 100 Myr and `oldest` ago, τ between 0.3 and 30 times that, the
            metallicity evenly; a young burst with up to 5 % of the mass is added in a third of the cases.
        oldest: years.
    """
    onset = 10 ** rng.uniform(8, max(np.log10(oldest), 8.01))
    tau = onset * 10 ** rng.uniform(-0.5, 1.5)
    edges = np.concatenate([[0.0], np.sqrt(populations.age[1:] * populations.age[:-1]), [2 * populations.age[-1]]])
    begin, end = np.minimum(edges[:-1], onset), np.minimum(edges[1:], onset)
    mass = tau * (np.exp((end - onset) / tau) - np.exp((begin - onset) / tau))
    mass = mass / mass.sum()
    if rng.uniform() < 1 / 3:
        mass[:2] += rng.uniform(0, 0.05) * np.array([0.3, 0.7])
    return _mixed(populations, rng, mass)


def passive(populations: Populations, rng: np.random.Generator, oldest: float) -> np.ndarray:
    """Return the light of stars formed in one episode more than 0.5 Gyr ago, (pix,).

    Args:
        populations: to mix.
        rng: draws the age up to `oldest`, the metallicity, and up to 2 % of younger stars.
        oldest: age of the universe then, years.
    """
    age = 10 ** rng.uniform(8.7, max(np.log10(oldest), 8.71))
    mass = np.exp(-0.5 * (np.log10(populations.age / age) / 0.15) ** 2)
    mass = mass / mass.sum()
    mass[3:6] += rng.uniform(0, 0.02) / 3
    return _mixed(populations, rng, mass)


def _mixed(populations: Populations, rng: np.random.Generator, mass: np.ndarray) -> np.ndarray:
    place = rng.uniform(0, len(populations.flux) - 1)
    low = int(place)
    high = min(low + 1, len(populations.flux) - 1)
    light = (1 - (place - low)) * (mass @ populations.flux[low]) + (place - low) * (mass @ populations.flux[high])
    return light / np.mean(light[(populations.wave > 1500) & (populations.wave < 5500)])


def power_law(wave: np.ndarray, slope: float) -> np.ndarray:
    """Return λ^slope, 1 at 2500 Å: the continuum of an active nucleus."""
    return (wave / 2500) ** slope
