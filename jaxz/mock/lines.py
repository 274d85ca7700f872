"""Emission and absorption lines of galaxies, with their ratios, strengths and velocities. Wavelengths are vacuum Å."""

from typing import NamedTuple

import numpy as np

from jaxz.lines.known import LIGHT_SPEED as LIGHT_SPEED, known_lines

BALMER = {"Hα": 2.863, "Hβ": 1.0, "Hγ": 0.468, "Hδ": 0.259, "Hε": 0.159, "H8": 0.105, "H9": 0.073}
"""Case B, 10⁴ K, 100 cm⁻³, relative to Hβ (Osterbrock & Ferland 2006, table 4.4)."""

WAVE = {line.name: line.wave for line in known_lines()}
"""Of all lines, by name."""

BROAD = {
    "Lyα": (1215.67, 90.0), "N V": (1240.81, 5.0), "Si IV": (1398.0, 8.0), "C IV": (1549.48, 24.0),
    "C III]": (1908.73, 21.0), "Mg II": (2799.1, 32.0), "Hγ": (4341.684, 13.0), "Hβ": (4862.683, 46.0),
    "Hα": (6564.614, 195.0),
}  # fmt: skip
"""Broad lines of an active nucleus: wavelength and rest equivalent width in Å (Vanden Berk et al. 2001, table 2)."""

INTERSTELLAR = {
    1025.72: 1.5, 1036.34: 1.5, 1083.99: 1.0, 1190.42: 1.0, 1193.29: 1.0, 1206.50: 1.2, 1260.42: 1.63, 1303.27: 2.2,
    1334.53: 1.72, 1393.76: 1.83, 1402.77: 0.98, 1526.71: 1.72, 1548.20: 1.7, 1550.78: 1.3, 1608.45: 0.91,
    1670.79: 1.54, 1854.72: 0.6, 1862.79: 0.4, 2249.88: 0.4, 2260.78: 0.5, 2344.21: 2.0, 2374.46: 1.7, 2382.76: 2.2,
    2586.65: 2.1, 2600.17: 2.5, 2796.35: 2.4, 2803.53: 2.1, 2852.96: 0.8,
}  # fmt: skip
"""Rest equivalent widths (Å) of the absorption by gas in front of the stars: Shapley et al. 2003, table 1 and sec. 4.1,
up to Al III, Erb et al. 2012 and Weiner et al. 2009 for Fe II, Mg II and Mg I."""


COVERED = 0.8
"""Share of the stars that interstellar gas covers at most."""


class Emission(NamedTuple):
    """Gaussian emission components.

    Attributes:
        wave: (line,) centres, rest-frame vacuum Å, outflow velocities included.
        flux: (line,) integrated flux.
        sigma: (line,) velocity dispersion, km/s.
        name: of the line that each component belongs to.
    """

    wave: np.ndarray
    flux: np.ndarray
    sigma: np.ndarray
    name: tuple[str, ...]


def nebular(rng: np.random.Generator, *, sigma: float) -> Emission:
    """Return the optical and near-UV lines of an H II region, without dust, for Hβ = 1.

    Free are the excitation log [O III]/Hβ, evenly in -0.5 to 0.85, and scatter about the relations that tie the others
    to it: the star-forming sequence of Kauffmann et al. 2003, eq. 1, lowered by 0.1 dex, for [N II]/Hα; [O II]/Hβ
    (Kewley et al. 2004); densities of 30 to 300 cm⁻³ for the doublets; 1:2.98 of [O III] and 1:3.05 of [N II]
    (Storey & Zeippen 2000).
    """
    o3 = rng.uniform(-0.5, 0.85)
    n2 = min(0.61 / (o3 - 1.2) + 0.05 + 0.08 * rng.standard_normal(), 0.0)
    o2 = 10 ** (0.45 - 0.25 * max(o3 - 0.4, 0) + 0.15 * rng.standard_normal())
    density = rng.uniform(0, 1)
    o2_ratio, s2_ratio = 1.45 - 0.35 * density, 1.42 - 0.3 * density
    s2 = 2.863 * 10 ** (-0.75 + 0.35 * (n2 + 0.5) + 0.08 * rng.standard_normal())
    o1 = 0.08 * 10 ** (0.1 * rng.standard_normal())
    o3, n2 = 10**o3, 2.863 * 10**n2
    excited = o3 / (1 + o3)
    flux = {
        **BALMER,
        "[O II] 3727": o2 / (1 + o2_ratio),
        "[O II] 3730": o2 * o2_ratio / (1 + o2_ratio),
        "[Ne III] 3870": 0.08 * o3,
        "[Ne III] 3969": 0.024 * o3,
        "[O III] 4364": 0.012 * o3 * excited,
        "[O III] 4960": o3 / 2.98,
        "[O III] 5008": o3,
        "He I 5877": 0.12,
        "[O I] 6302": o1,
        "[O I] 6366": o1 / 3.1,
        "[N II] 6550": n2 / 3.05,
        "[N II] 6585": n2,
        "[S II] 6718": s2 * s2_ratio / (1 + s2_ratio),
        "[S II] 6733": s2 / (1 + s2_ratio),
        "[Ar III] 7138": 0.09,
        "[S III] 9071": 0.25,
        "[S III] 9533": 0.62,
    }
    names = tuple(flux)
    return Emission(
        np.array([WAVE[name] for name in names]), np.array([*flux.values()]), np.full(len(flux), sigma), names
    )


def ultraviolet(rng: np.random.Generator, *, sigma: float) -> dict[str, float]:
    """Return rest equivalent widths (Å) of C III], 0.5 to 12 (Maseda et al. 2017), and with it O III], He II, Mg II."""
    c3 = 10 ** rng.uniform(-0.3, 1.1)
    ratio = rng.uniform(1.2, 1.6)
    mg2 = 10 ** rng.uniform(-0.5, 0.9)
    return {
        "[C III] 1907": c3 * ratio / (1 + ratio),
        "C III] 1909": c3 / (1 + ratio),
        "O III] 1661": 0.08 * c3,
        "O III] 1666": 0.2 * c3,
        "He II 1640": 0.15 * c3 * rng.uniform(0.3, 2),
        "Mg II 2796": mg2 * 0.65,
        "Mg II 2804": mg2 * 0.35,
    }


def lyman_alpha(rng: np.random.Generator) -> Emission:
    """Return a Lyα line of flux 1: a red peak with a tail, in a third of the cases a blue one too.

    The peak is 100 to 350 km/s red of systemic, its blue edge is steeper than its tail (Verhamme et al. 2018; Hayes et
    al. 2021), and the blue peak has 10 to 60 % of its flux and about its velocity on the other side.
    """
    shift, width = rng.uniform(100, 350), rng.uniform(60, 150)
    tail = rng.uniform(0.2, 0.6)
    parts = [(shift, width, 1 - tail), (shift + 0.9 * width, 1.3 * width, 0.6 * tail)]
    parts.append((shift + 2 * width, 1.9 * width, 0.4 * tail))
    if rng.uniform() < 1 / 3:
        parts.append((-shift * rng.uniform(0.7, 1.3), width, rng.uniform(0.1, 0.6)))
    velocity, sigma, flux = np.array(parts).T
    return Emission(1215.67 * (1 + velocity / LIGHT_SPEED), flux / flux.sum(), sigma, ("Lyα",) * len(parts))


def damped_lyman_alpha(wave: np.ndarray, width: float) -> np.ndarray:
    """Return the transmission exp(-(width/Δλ)²) of neutral gas at rest in front of the stars: the wings of Lyα.

    Args:
        wave: (pix,) rest-frame Å.
        width: Å from the centre at which τ = 1.
    """
    return np.exp(-((width / np.maximum(np.abs(wave - 1215.67), 1e-3)) ** 2))


def absorption(
    wave: np.ndarray, centres: np.ndarray, equivalent_width: np.ndarray, sigma: np.ndarray | float
) -> np.ndarray:
    """Return the transmission of absorption lines of given equivalent widths, each a Gaussian no deeper than 80 %.

    Args:
        wave: (pix,) Å.
        centres: (line,) Å.
        equivalent_width: (line,) Å.
        sigma: Å, (line,) or for all.
    """
    transmission = np.ones_like(wave)
    for centre, width, spread in zip(centres, equivalent_width, np.broadcast_to(sigma, centres.shape), strict=True):
        begin, end = np.searchsorted(wave, [centre - 5 * spread, centre + 5 * spread])
        depth = min(width / (spread * np.sqrt(2 * np.pi)), COVERED)
        transmission[begin:end] *= 1 - depth * np.exp(-0.5 * ((wave[begin:end] - centre) / spread) ** 2)
    return transmission
