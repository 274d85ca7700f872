"""One galaxy: its kind and redshift → what it is made of → the flux that an instrument would record without noise."""

import math
from typing import NamedTuple

import numpy as np

from jaxz.mock import continuum, igm, lines
from jaxz.mock.instruments import FWHM_TO_SIGMA, Instrument
from jaxz.mock.lines import LIGHT_SPEED, Emission

KINDS = ("SFG", "PASSIVE", "LBG", "LAE", "AGN")
"""Star-forming and passive galaxies, and beyond z = 2.8 those with and without much Lyα emission; active nuclei."""

LYMAN_BREAK = 2.8
"""Redshift beyond which MUSE and VIMOS see Lyα, and star-forming galaxies are called LBG or LAE."""


class Galaxy(NamedTuple):
    """A galaxy in its rest frame, in arbitrary units.

    Attributes:
        kind: one of `KINDS`.
        z: redshift.
        wave: (pix,) vacuum Å.
        continuum: (pix,) f_λ of the stars after dust, or of a nucleus.
        absorbed: (line, 2) centre and equivalent width of lines of interstellar gas, Å.
        absorbed_sigma: their velocity dispersion, km/s.
        emission: lines, after dust.
    """

    kind: str
    z: float
    wave: np.ndarray
    continuum: np.ndarray
    absorbed: np.ndarray
    absorbed_sigma: float
    emission: Emission


def draw(kind: str, z: float, populations: continuum.Populations, rng: np.random.Generator) -> Galaxy:
    """Return a galaxy of a kind at a redshift, everything else drawn at random.

    Hβ, before dust, has a rest equivalent width of 2 to 150 Å in star-forming galaxies, evenly in its logarithm; Lyα of
    15 to 200 Å in a LAE, -15 to 20 Å in a LBG. Gas has twice the dust of the stars.
    """
    wave = populations.wave
    oldest = 1.3e10 / (1 + z) ** 1.4
    if kind == "AGN":
        light = continuum.power_law(wave, rng.uniform(-2.0, -0.8)) * continuum.calzetti(wave, rng.uniform(0, 0.15))
        return Galaxy(kind, z, wave, light, np.zeros((0, 2)), 100.0, _of_nucleus(wave, light, rng))
    if kind == "PASSIVE":
        stars = continuum.passive(populations, rng, oldest)
        light = stars * continuum.calzetti(wave, rng.uniform(0, 0.15))
        weak = _of_stars(wave, light, light, 0.0, rng, hbeta=10 ** rng.uniform(-1.5, 0))
        return Galaxy(kind, z, wave, light, _interstellar(rng, 0.5), 150.0, weak)
    faint = kind == "LAE"
    stars = continuum.star_forming(populations, rng, min(oldest, 5e8 if faint else 1e9) if z > LYMAN_BREAK else oldest)
    ebv = rng.exponential(0.05 if faint else 0.12)
    light = stars * continuum.calzetti(wave, ebv)
    emission = _of_stars(wave, stars, light, ebv, rng, hbeta=10 ** rng.uniform(0.3, 2.2))
    interstellar = _interstellar(rng, 0.4 if faint else 1.0)
    if z > 1.8:
        width = 15 * (200 / 15) ** rng.uniform() if faint else rng.uniform(-15, 20)
        if width > 0:
            emission = _joined(emission, _scaled(lines.lyman_alpha(rng), width * np.interp(1230, wave, light)))
        if width < 8:
            light = light * lines.damped_lyman_alpha(wave, rng.uniform(1.5, 6.0))
    return Galaxy(kind, z, wave, light, interstellar, rng.uniform(150, 300), emission)


def observe(galaxy: Galaxy, instrument: Instrument) -> tuple[np.ndarray, dict[str, float]]:
    """Return the flux of a galaxy in the pixels of an instrument, and of each of its emission lines.

    Lines are Gaussian integrals over the pixels, broadened by the line-spread function at their wavelength; absorption
    lines likewise, with their equivalent widths kept; the continuum has the line-spread function of the middle of the
    range. The intergalactic medium absorbs the continuum, not Lyα emission, whose profile is meant as it arrives.

    Returns:
        (pix,) f_λ, and the flux integrated over wavelength of the lines that are inside the range, by name.
    """
    wave, stretch = instrument.wave, 1 + galaxy.z
    light = np.interp(wave / stretch, galaxy.wave, galaxy.continuum / stretch)
    light = _smoothed(light, instrument) * igm.transmission(wave, galaxy.z)
    centres = galaxy.absorbed[:, 0] * stretch
    sigma = np.hypot(centres * galaxy.absorbed_sigma / LIGHT_SPEED, _lsf(instrument, centres))
    flux = light * lines.absorption(wave, centres, galaxy.absorbed[:, 1] * stretch, sigma)
    edges = pixel_bounds(wave)
    totals: dict[str, float] = {}
    for centre, total, velocity, name in zip(*galaxy.emission, strict=True):
        at = centre * stretch
        if edges[0] < at < edges[-1]:
            spread = math.hypot(at * velocity / LIGHT_SPEED, float(_lsf(instrument, at)))
            add_line(flux, edges, at, total, spread)
            totals[name] = totals.get(name, 0.0) + total
    return flux, totals


def add_line(flux: np.ndarray, edges: np.ndarray, centre: float, total: float, sigma: float) -> None:
    """Add a Gaussian line of integrated flux `total`, averaged over each pixel, to `flux` (pix,), in place."""
    begin, end = np.searchsorted(edges, [centre - 6 * sigma, centre + 6 * sigma])
    begin, end = max(begin - 1, 0), min(end, len(edges) - 1)
    around = edges[begin : end + 1]
    flux[begin:end] += total * np.diff(line_integral(around - centre, sigma)) / np.diff(around)


def line_integral(x: np.ndarray, sigma: float) -> np.ndarray:
    """Return the integral of a Gaussian line of unit flux from its centre to each `x`, in the unit of `sigma`."""
    return np.array([0.5 * math.erf(one / (sigma * math.sqrt(2))) for one in x])


def pixel_bounds(wave: np.ndarray) -> np.ndarray:
    """Return the (pix + 1,) edges of pixels whose centres are `wave`; an edge lies midway between two of them."""
    middle = (wave[1:] + wave[:-1]) / 2
    return np.concatenate([[2 * wave[0] - middle[0]], middle, [2 * wave[-1] - middle[-1]]])


def _lsf(instrument: Instrument, wave: np.ndarray | float) -> np.ndarray:
    return np.asarray(FWHM_TO_SIGMA * instrument.fwhm(np.asarray(wave, dtype=float)))


def _smoothed(light: np.ndarray, instrument: Instrument) -> np.ndarray:
    middle = len(instrument.wave) // 2
    pixel = instrument.wave[middle + 1] - instrument.wave[middle]
    sigma = float(_lsf(instrument, instrument.wave[middle])) / pixel
    half = math.ceil(4 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / sigma) ** 2)
    return np.convolve(np.pad(light, half, mode="edge"), kernel / kernel.sum(), mode="valid")


def _of_stars(
    wave: np.ndarray, stars: np.ndarray, light: np.ndarray, ebv: float, rng: np.random.Generator, *, hbeta: float
) -> Emission:
    """Return nebular and UV lines; `hbeta` is the rest equivalent width of Hβ before dust."""
    sigma = 10 ** rng.uniform(1.4, 2.1)
    optical = lines.nebular(rng, sigma=sigma)
    dust = continuum.calzetti(optical.wave, 2 * ebv)
    optical = optical._replace(flux=optical.flux * dust * hbeta * np.interp(4862.7, wave, stars))
    widths = lines.ultraviolet(rng, sigma=sigma)
    scale = min(hbeta / 50, 1.0)
    at = np.array([lines.WAVE[name] for name in widths])
    flux = scale * np.array([*widths.values()]) * np.interp(at, wave, light)
    return _joined(optical, Emission(at, flux, np.full(len(at), sigma), tuple(widths)))


def _of_nucleus(wave: np.ndarray, light: np.ndarray, rng: np.random.Generator) -> Emission:
    """Return broad lines of 2000 to 7000 km/s FWHM, and narrow ones."""
    sigma = rng.uniform(2000, 7000) * FWHM_TO_SIGMA
    at, width = np.array([*lines.BROAD.values()]).T
    strength = width * 10 ** (0.15 * rng.standard_normal(len(at))) * 10 ** (0.2 * rng.standard_normal())
    broad = Emission(at, strength * np.interp(at, wave, light), np.full(len(at), sigma), tuple(lines.BROAD))
    narrow = lines.nebular(rng, sigma=rng.uniform(100, 300))
    hbeta = 10 ** rng.uniform(0, 1.2) * np.interp(4862.7, wave, light)
    return _joined(broad, _scaled(narrow, hbeta))


def _interstellar(rng: np.random.Generator, scale: float) -> np.ndarray:
    """Return centres and equivalent widths, with a common strength and velocity, and 15 % of scatter."""
    at, width = np.array([*lines.INTERSTELLAR.items()]).T
    shift = 1 + rng.normal(-120, 80) / LIGHT_SPEED
    strength = scale * 10 ** (0.2 * rng.standard_normal()) * (1 + 0.15 * rng.standard_normal(len(at)))
    return np.stack([at * shift, width * np.maximum(strength, 0)], axis=1)


def _scaled(emission: Emission, factor: float) -> Emission:
    return emission._replace(flux=emission.flux * factor)


def _joined(first: Emission, second: Emission) -> Emission:
    wave, flux, sigma = (np.concatenate(pair) for pair in zip(first[:3], second[:3], strict=True))
    return Emission(wave, flux, sigma, first.name + second.name)
