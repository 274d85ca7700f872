"""A sample of simulated galaxies as a deep field would give it, with the truth."""

from importlib import resources
from typing import NamedTuple

import numpy as np

from jaxz.mock import artefacts as artefact
from jaxz.mock.continuum import Populations, analytic_populations
from jaxz.mock.galaxy import LYMAN_BREAK, draw, observe
from jaxz.mock.instruments import FWHM_TO_SIGMA, Instrument
from jaxz.mock.lines import LIGHT_SPEED, Emission
from jaxz.spectra import Spectra

EVEN_SHARE = 0.15
"""Share of the redshifts that are drawn evenly in log(1+z), so that none is absent."""

DESERT = 1.5
"""Redshift from which to `LYMAN_BREAK` MUSE sees no strong line: only galaxies with a continuum get a redshift."""

BLANK = "BLANK"


class Truth(NamedTuple):
    """What the spectra of a simulated sample are.

    Attributes:
        id: (spec,) names.
        z: (spec,) redshifts; NaN for a blank one.
        type: (spec,) one of `jaxz.mock.galaxy.KINDS`, or "BLANK" for a spectrum of nothing.
        snr_line: (spec,) flux of the brightest emission line over the noise of its pixels, 0 where there is none.
        snr_cont: (spec,) median of the flux without noise over the noise, of the pixels redward of Lyα.
        line: (spec,) name of that line, or "".
    """

    id: np.ndarray
    z: np.ndarray
    type: np.ndarray
    snr_line: np.ndarray
    snr_cont: np.ndarray
    line: np.ndarray


def survey(
    instrument: Instrument,
    n: int,
    *,
    seed: int,
    populations: Populations | None = None,
    zmin: float = 0.0,
    zmax: float = 6.7,
    artefacts: bool = False,
    blank: float = 0.0,
    depth: float = 1.0,
) -> tuple[Spectra, Truth]:
    """Return simulated spectra and their truth.

    Redshifts follow the catalogue of a deep MUSE field (Inami et al. 2017) between `zmin` and `zmax`, 15 % of them
    evenly in log(1+z). The signal of galaxies below z = 1.5 and beyond 2.8 is set by their brightest line: its S/N is
    3 to 300, most of them faint (evenly in S/N^-½). Between them, and for passive galaxies and LBGs, it is set by the
    continuum: 1 to 15 per pixel in the median, evenly in its logarithm. The noise has the wavelength dependence of the
    instrument, is Gaussian and independent from pixel to pixel, and `ivar` is true, but for artefacts.

    A spectrum depends on `seed` and its place alone, not on how many there are.

    Args:
        instrument: see `jaxz.mock.instruments`.
        n: number of spectra.
        seed: of the random numbers.
        populations: of stars, for the continua; those of `analytic_populations` if absent.
        zmin, zmax: range of redshifts.
        artefacts: whether to add those of `jaxz.mock.artefacts`, of which `ivar` knows nothing.
        blank: share of the spectra that hold no galaxy.
        depth: what all S/N above are multiplied with; 1 is the field's.

    Returns:
        The spectra, float32, and the truth.

    Raises:
        ValueError: if `n` is not positive, zmin is not below zmax, or `blank` is not a share.

    Example:
        >>> spectra, truth = jaxz.mock.survey(jaxz.mock.INSTRUMENTS["muse"](), 2, seed=1)
        >>> len(spectra), truth.z.shape
        (2, (2,))
    """
    if n < 1 or not 0 <= zmin < zmax or not 0 <= blank <= 1:
        raise ValueError(f"n={n}, zmin={zmin}, zmax={zmax}, blank={blank}: use n >= 1, 0 <= zmin < zmax, blank 0 to 1")
    if not 0 < depth < np.inf:
        raise ValueError(f"depth={depth}: use a positive number, 1 for the S/N of a deep field")
    populations = analytic_populations() if populations is None else populations
    noise = instrument.level * instrument.noise
    rows = []
    flux = np.empty((n, len(noise)), np.float32)
    for i in range(n):
        rng = np.random.default_rng([seed, i])
        empty = rng.uniform() < blank
        signal, row = _blank(noise) if empty else drawn(instrument, populations, rng, zmin, zmax, depth)
        extra = instrument.level * artefact.drawn(instrument, rng) if artefacts else 0.0
        flux[i] = signal + noise * rng.standard_normal(len(noise)) + extra
        rows.append(row)
    names = [f"{instrument.name}-{seed}-{i:05d}" for i in range(n)]
    ivar = np.broadcast_to((noise**-2.0).astype(np.float32), flux.shape)
    return Spectra(instrument.wave, flux, ivar, ids=names), truth_of(names, rows)


Row = tuple[float, str, float, float, str]
"""Of the truth: all but the name."""


def truth_of(names: list[str], rows: list[Row]) -> Truth:
    """Return rows as columns."""
    return Truth(np.array(names), *(np.array(column) for column in zip(*rows, strict=True)))


def drawn(
    instrument: Instrument, populations: Populations, rng: np.random.Generator, zmin: float, zmax: float, depth: float
) -> tuple[np.ndarray, Row]:
    """Return the flux of a galaxy of a deep field without noise, (pix,), and its row of the truth; see `survey`."""
    noise, found = instrument.level * instrument.noise, None
    while found is None:
        z = _redshift(rng, zmin, zmax)
        found = _galaxy(instrument, noise, _kind(rng, z), z, populations, rng, depth)
    return found


def _galaxy(
    instrument: Instrument,
    noise: np.ndarray,
    kind: str,
    z: float,
    populations: Populations,
    rng: np.random.Generator,
    depth: float,
) -> tuple[np.ndarray, Row] | None:
    """Return a galaxy without noise and its row of the truth; None if it has neither lines nor continuum in range."""
    galaxy = draw(kind, z, populations, rng)
    signal, totals = observe(galaxy, instrument)
    snr = {name: line_snr(instrument, noise, galaxy.emission, name, z) * total for name, total in totals.items()}
    brightest = max(snr, key=lambda name: snr[name], default="")
    seen = instrument.wave > 1216 * (1 + z)
    continuum = float(np.median((signal / noise)[seen])) if seen.any() else 0.0
    wanted_line, wanted_continuum = _brightness(rng, depth)
    if not brightest and not continuum > 0:
        return None
    by_continuum = kind in ("PASSIVE", "LBG") or DESERT <= z <= LYMAN_BREAK or not brightest
    scale = wanted_continuum / continuum if by_continuum and continuum > 0 else wanted_line / max(snr.values())
    line = (scale * snr[brightest], brightest) if brightest else (0.0, "")
    return scale * signal, (z, kind, line[0], scale * continuum, line[1])


def _blank(noise: np.ndarray) -> tuple[np.ndarray, Row]:
    return np.zeros(len(noise)), (np.nan, BLANK, 0.0, 0.0, "")


def _brightness(rng: np.random.Generator, depth: float) -> tuple[float, float]:
    """Return the S/N of the brightest line and of the continuum, of which one is used."""
    even = rng.uniform(size=2)
    line = (3**-0.5 + even[0] * (300**-0.5 - 3**-0.5)) ** -2
    return depth * line, depth * 15 ** even[1]


def line_snr(instrument: Instrument, noise: np.ndarray, emission: Emission, name: str, z: float) -> float:
    """Return 1 over the noise of the flux of a line, summed over the pixels within 2 σ of it."""
    members = [i for i, member in enumerate(emission.name) if member == name]
    centre = np.average(emission.wave[members], weights=emission.flux[members]) * (1 + z)
    sigma = np.hypot(
        centre * emission.sigma[members].max() / LIGHT_SPEED, FWHM_TO_SIGMA * instrument.fwhm(np.asarray(centre))
    )
    pixel = np.gradient(instrument.wave)
    near = np.abs(instrument.wave - centre) < max(2 * sigma, pixel[len(pixel) // 2])
    return 1 / np.sqrt(np.sum((noise[near] * pixel[near]) ** 2))


def _redshift(rng: np.random.Generator, zmin: float, zmax: float) -> float:
    share, z = _quantiles()
    dice, even = rng.uniform(size=2)
    low, high = np.interp([zmin, zmax], z, share)
    if dice < EVEN_SHARE or high <= low:
        return (1 + zmin) * ((1 + zmax) / (1 + zmin)) ** even - 1
    return float(np.interp(low + even * (high - low), share, z))


def _quantiles() -> tuple[np.ndarray, np.ndarray]:
    with (resources.files("jaxz") / "data" / "redshifts-udf10.csv").open(encoding="utf-8") as stream:
        return tuple(np.loadtxt(stream, delimiter=",", unpack=True))


def _kind(rng: np.random.Generator, z: float) -> str:
    """Return a kind of galaxy with the shares of a deep field: 3 % active nuclei, passive ones below z = 2."""
    dice = rng.uniform()
    if dice < 0.03:
        return "AGN"
    if z > LYMAN_BREAK:
        return "LAE" if dice < 0.75 else "LBG"
    return "PASSIVE" if z < 2 and dice < 0.18 else "SFG"
