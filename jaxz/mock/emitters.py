"""Spectra of Lyα emitters whose redshift is that of the peak of the line, as an eye would measure it."""

import numpy as np

from jaxz.mock import sky
from jaxz.mock.continuum import Populations, analytic_populations
from jaxz.mock.galaxy import draw, observe
from jaxz.mock.instruments import FWHM_TO_SIGMA, Instrument
from jaxz.mock.lines import LIGHT_SPEED, Emission
from jaxz.mock.survey import Truth, line_snr
from jaxz.spectra import Spectra

LINE = "Lyα"
LYA = 1215.67

FAINT, BRIGHT = 5.0, 50.0
"""Range of the S/N of the line, evenly in its logarithm: what an eye is sure of."""


def emitter_spectra(
    instrument: Instrument,
    n: int,
    *,
    seed: int,
    zmin: float = 2.0,
    zmax: float = 4.0,
    populations: Populations | None = None,
) -> tuple[Spectra, Truth]:
    """Return simulated spectra of Lyα emitters, for learning a target component from, and their truth.

    They are the LAEs of `jaxz.mock.survey` (a young population with Lyα of 15 to 200 Å in the rest frame, the profiles
    of `jaxz.mock.lines.lyman_alpha`), with the noise and the sky residuals of `jaxz.mock.sky_spectra`. Systemic
    redshifts are even in z.

    **The redshift of the truth is that of the peak of Lyα**, as the instrument resolves it, at 1215.67 Å; of two peaks,
    the red one. It is 100 to 350 km/s above the systemic redshift. So are redshifts from visual inspection.

    Args:
        instrument: DESI; others only if the flux of the sky in them is similar.
        n: number of spectra.
        seed: of the random numbers; a spectrum depends on it and its place alone.
        zmin, zmax: range of systemic redshifts; Lyα must be in the range of the instrument.
        populations: of stars; those of `analytic_populations` if absent.

    Returns:
        The spectra, float32, and the truth, with "Lyα" as the brightest line of each.

    Raises:
        ValueError: if `n` is not positive, zmin is not below zmax, or Lyα would be outside the instrument's range.

    Example:
        >>> spectra, truth = jaxz.mock.emitter_spectra(jaxz.mock.INSTRUMENTS["desi"](), 2, seed=1)
        >>> len(spectra), truth.line.tolist()
        (2, ['Lyα', 'Lyα'])
    """
    low, high = instrument.wave[0] / LYA - 1, instrument.wave[-1] / LYA - 1
    if n < 1 or not low < zmin < zmax < high:
        raise ValueError(
            f"n={n}, zmin={zmin}, zmax={zmax}: use n >= 1 and {low:.2f} < zmin < zmax < {high:.2f}, where "
            f"{instrument.name} sees {LINE}"
        )
    populations = analytic_populations() if populations is None else populations
    shapes = sky.residual_shapes(instrument)
    flux, ivar = np.empty((2, n, len(instrument.wave)), np.float32)
    rows = []
    for i in range(n):
        rng = np.random.default_rng([seed, i])
        noise = sky.noise_of(instrument, rng)
        residual = sky.residual(shapes, rng)
        z = rng.uniform(zmin, zmax)
        galaxy = draw("LAE", z, populations, rng)
        signal, totals = observe(galaxy, instrument)
        snr = FAINT * (BRIGHT / FAINT) ** rng.uniform()
        scale = snr / (line_snr(instrument, noise, galaxy.emission, LINE, z) * totals[LINE])
        continuum = scale * np.median((signal / noise)[instrument.wave > LYA * (1 + z)])
        flux[i] = scale * signal + residual + noise * rng.standard_normal(len(noise))
        ivar[i] = noise**-2
        rows.append((peak_redshift(galaxy.emission, z, instrument), "LAE", snr, continuum, LINE))
    names = np.array([f"{instrument.name}-lae-{seed}-{i:05d}" for i in range(n)])
    truth = Truth(names, *(np.array(column) for column in zip(*rows, strict=True)))
    return Spectra(instrument.wave, flux, ivar, ids=names.tolist()), truth


def peak_redshift(emission: Emission, z: float, instrument: Instrument) -> float:
    """Return the redshift at which the peak of Lyα, broadened by the instrument, is 1215.67 Å.

    Args:
        emission: lines of a galaxy, Lyα among them.
        z: systemic redshift; of two peaks, the one beyond it counts.
        instrument: whose line-spread function to take.
    """
    members = [i for i, name in enumerate(emission.name) if name == LINE]
    velocity = (emission.wave[members] / LYA - 1) * LIGHT_SPEED
    at = LYA * (1 + z)
    sigma = np.hypot(emission.sigma[members], FWHM_TO_SIGMA * instrument.fwhm(np.asarray(at)) / at * LIGHT_SPEED)
    place = np.arange(0.0, 1000.0)
    parts = emission.flux[members] / sigma * np.exp(-0.5 * ((place[:, None] - velocity) / sigma) ** 2)
    return (1 + z) * (1 + place[np.argmax(parts.sum(axis=1))] / LIGHT_SPEED) - 1
