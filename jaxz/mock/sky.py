"""Spectra of blank sky after its subtraction: noise, and what the subtraction leaves."""

from importlib import resources
from typing import NamedTuple

import numpy as np

from jaxz.mock.artefacts import running_median
from jaxz.mock.galaxy import line_integral, pixel_bounds
from jaxz.mock.instruments import FWHM_TO_SIGMA, Instrument
from jaxz.mock.survey import BLANK, Truth
from jaxz.spectra import Spectra

SIZES = {"brightness": 0.004, "wavelength": 0.008, "width": 0.004}
"""Standard deviations of what is wrong in a typical spectrum: the share of the sky's flux that its flat field is off
by, Å that its wavelengths are, and the share of the width of the line-spread function. Together they leave a per cent
of the flux of a sky line, the order of what DESI's subtraction does (Guy et al. 2023)."""

LEVEL, ORDERS = 0.05, 4
"""Standard deviation of an error of the zero level, in units of the noise of one exposure without its sky lines, and
the number of Legendre polynomials in log λ that it is made of. Counts that are not the sky's (bias, scattered light)
leave it: as flux it is large where the instrument sees little, as the noise is."""

SCATTER = 0.2
"""Dex by which the size of all of them varies between spectra."""

WIDE = 301
"""Pixels of the running median of the noise that has no sky lines left."""

SHALLOW, DEEP = 0.4, 0.1
"""Range of the noise in units of `Instrument.level`, that of one exposure: half a dozen coadded, and a hundred."""


class SkyLines(NamedTuple):
    """Lines of the night sky.

    Attributes:
        wave: (line,) vacuum Å, increasing.
        flux: (line,) in a fibre of DESI, 1e-17 erg/s/cm².
        group: (line,) name of the lines that vary together: a band of OH, or the lines of one atom.
    """

    wave: np.ndarray
    flux: np.ndarray
    group: np.ndarray


def sky_lines() -> SkyLines:
    """Return the lines of ``sky-lines.csv``, which names its sources."""
    with (resources.files("jaxz") / "data" / "sky-lines.csv").open(encoding="utf-8") as stream:
        rows = [line.strip().split(",") for line in stream if not line.startswith("#")][1:]
    wave, flux, group = zip(*rows, strict=True)
    return SkyLines(np.array(wave, dtype=float), np.array(flux, dtype=float), np.array(group))


class Shapes(NamedTuple):
    """What errors of standard size leave in a spectrum, 1e-17 erg/s/cm²/Å.

    Attributes:
        lines: (kind, group, pix) of each group of lines; kinds in the order of `SIZES`.
        level: (order, pix) of the zero level.
    """

    lines: np.ndarray
    level: np.ndarray


def residual_shapes(instrument: Instrument) -> Shapes:
    """Return what errors of `SIZES` and of the zero level leave.

    With P the line-spread function, Gaussian and averaged over each pixel, and F the flux of a line, the errors of
    `SIZES` leave F P, -F P′ and F σ² P″ = F ∂P/∂ln σ, times their sizes, summed over the lines of a group.
    """
    lines = sky_lines()
    names, member = np.unique(lines.group, return_inverse=True)
    edges = pixel_bounds(instrument.wave)
    shapes = np.zeros((len(SIZES), len(names), len(instrument.wave)))
    sigma = FWHM_TO_SIGMA * instrument.fwhm(lines.wave)
    for wave, flux, spread, group in zip(lines.wave, lines.flux, sigma, member, strict=True):
        begin, end = np.searchsorted(edges, [wave - 6 * spread, wave + 6 * spread])
        begin, end = max(begin - 1, 0), min(end, len(edges) - 1)
        x = edges[begin : end + 1] - wave
        density = np.exp(-0.5 * (x / spread) ** 2) / (spread * np.sqrt(2 * np.pi))
        for kind, integral in enumerate((line_integral(x, spread), -density, -x * density)):
            shapes[kind, group, begin:end] += flux * np.diff(integral) / np.diff(x)
    loglam = np.log(instrument.wave)
    place = 2 * (loglam - loglam[0]) / (loglam[-1] - loglam[0]) - 1
    smooth = instrument.level * running_median(instrument.noise, WIDE)
    level = LEVEL * smooth * np.polynomial.legendre.legvander(place, ORDERS - 1).T
    return Shapes(shapes * np.array([*SIZES.values()])[:, None, None], level)


def residual(shapes: Shapes, rng: np.random.Generator) -> np.ndarray:
    """Return the residual of one spectrum, (pix,) in 1e-17 erg/s/cm²/Å.

    Each kind of error of the lines has a part common to all groups and one of each group, of equal variance. All errors
    have the size of the spectrum, which varies by `SCATTER`.

    Args:
        shapes: of `residual_shapes`.
        rng: of the random numbers.
    """
    size = 10 ** (SCATTER * rng.standard_normal())
    common, own = rng.standard_normal((len(shapes.lines), 1)), rng.standard_normal(shapes.lines.shape[:2])
    lines = np.tensordot((common + own) / np.sqrt(2), shapes.lines, axes=2)
    return size * (lines + rng.standard_normal(len(shapes.level)) @ shapes.level)


def noise_of(instrument: Instrument, rng: np.random.Generator) -> np.ndarray:
    """Return the noise of one spectrum, (pix,): the instrument's, of a depth evenly from `SHALLOW` to `DEEP` in log."""
    return instrument.level * SHALLOW * (DEEP / SHALLOW) ** rng.uniform() * instrument.noise


def sky_spectra(instrument: Instrument, n: int, *, seed: int) -> tuple[Spectra, Truth]:
    """Return simulated spectra of blank sky, for learning a sky component from, and their (empty) truth.

    The noise is Gaussian and independent from pixel to pixel, with the wavelength dependence of the instrument; `ivar`
    is true for it, and knows nothing of the residuals of the sky (`residual`). These are of the size that they
    have in a fibre of DESI, whatever the noise. There are no cosmic rays and no bad pixels.

    A spectrum depends on `seed` and its place alone, not on how many there are.

    Args:
        instrument: DESI; others only if the flux of the sky in them is similar.
        n: number of spectra.
        seed: of the random numbers.

    Returns:
        The spectra, float32, and a truth of "BLANK".

    Raises:
        ValueError: if `n` is not positive.

    Example:
        >>> spectra, _ = jaxz.mock.sky_spectra(jaxz.mock.INSTRUMENTS["desi"](), 2, seed=1)
        >>> len(spectra)
        2
    """
    if n < 1:
        raise ValueError(f"n={n}: use 1 or more")
    shapes = residual_shapes(instrument)
    flux, ivar = np.empty((2, n, len(instrument.wave)), np.float32)
    for i in range(n):
        rng = np.random.default_rng([seed, i])
        noise = noise_of(instrument, rng)
        flux[i] = residual(shapes, rng) + noise * rng.standard_normal(len(noise))
        ivar[i] = noise**-2
    names = np.array([f"{instrument.name}-sky-{seed}-{i:05d}" for i in range(n)])
    none, empty = np.zeros(n), np.full(n, "")
    truth = Truth(names, np.full(n, np.nan), np.full(n, BLANK), none, none, empty)
    return Spectra(instrument.wave, flux, ivar, ids=names.tolist()), truth
