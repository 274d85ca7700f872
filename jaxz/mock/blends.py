"""Spectra of which some are sums of two simulated galaxies, with the truth of both [M, sec. 4.4]."""

import numpy as np

from jaxz.mock import artefacts as artefact
from jaxz.mock.continuum import Populations, analytic_populations
from jaxz.mock.instruments import Instrument
from jaxz.mock.survey import BLANK, Truth, drawn, truth_of
from jaxz.spectra import Spectra

FAINTEST = 4.0
"""Magnitudes by which the second galaxy is fainter at most."""

_NONE = (np.nan, BLANK, 0.0, 0.0, "")


def blends(
    instrument: Instrument,
    n: int,
    *,
    seed: int,
    populations: Populations | None = None,
    share: float = 0.5,
    zmin: float = 0.0,
    zmax: float = 6.7,
    artefacts: bool = False,
    depth: float = 1.0,
) -> tuple[Spectra, Truth, Truth]:
    """Return simulated spectra of one galaxy or two, and the truth of the first and of the second.

    Galaxies are those of `survey`. The second, where there is one, is 0 to 4 magnitudes fainter than the first, evenly,
    in the middle tenth of the range, whatever its lines then are: it may outshine the first there, or not be seen at
    all. Where one of them has no flux there, the second stays as it was drawn.

    Args:
        instrument: see `jaxz.mock.instruments`.
        n: number of spectra.
        seed: of the random numbers. A spectrum depends on it and on its place alone.
        populations: of stars; those of `analytic_populations` if absent.
        share: of the spectra that are of two galaxies.
        zmin, zmax: range of redshifts.
        artefacts: whether to add those of `jaxz.mock.artefacts`.
        depth: what the S/N of the first is multiplied with.

    Returns:
        The spectra, float32, and the truths; in the second z is NaN and the type BLANK where there is one galaxy.

    Raises:
        ValueError: if `n` is not positive, or `share` is none.

    Example:
        >>> import jaxz
        >>> spectra, first, second = jaxz.mock.blends(jaxz.mock.INSTRUMENTS["muse"](), 4, seed=1, share=1.0)
        >>> len(spectra), bool((second.type == jaxz.mock.BLANK).any())
        (4, False)
    """
    if n < 1 or not 0 <= share <= 1:
        raise ValueError(f"n={n}, share={share}: use n >= 1, and a share of 0 to 1")
    populations = analytic_populations() if populations is None else populations
    noise = instrument.level * instrument.noise
    middle = np.abs(np.linspace(-1, 1, len(noise))) < 0.1
    flux, firsts, seconds = np.empty((n, len(noise)), np.float32), [], []
    for i in range(n):
        rng = np.random.default_rng([seed, i])
        alone, fainter = rng.uniform() >= share, rng.uniform(0, FAINTEST)
        signal, first = drawn(instrument, populations, rng, zmin, zmax, depth)
        other, second = drawn(instrument, populations, rng, zmin, zmax, depth)
        levels = np.median(signal[middle]), np.median(other[middle])
        factor = 10 ** (-0.4 * fainter) * levels[0] / levels[1] if min(levels) > 0 else 1.0
        z, kind, line_snr, cont_snr, line = second
        seconds.append(_NONE if alone else (z, kind, factor * line_snr, factor * cont_snr, line))
        firsts.append(first)
        extra = instrument.level * artefact.drawn(instrument, rng) if artefacts else 0.0
        both = signal + (0.0 if alone else factor * other)
        flux[i] = both + noise * rng.standard_normal(len(noise)) + extra
    names = [f"{instrument.name}-blend-{seed}-{i:05d}" for i in range(n)]
    ivar = np.broadcast_to((noise**-2.0).astype(np.float32), flux.shape)
    return Spectra(instrument.wave, flux, ivar, ids=names), truth_of(names, firsts), truth_of(names, seconds)
