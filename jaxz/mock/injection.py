"""Emission lines of known redshift and signal-to-noise, put into spectra of noise or of sky residuals [L, §IV.2]."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxz.kernels import resample
from jaxz.mock.emitters import peak_redshift
from jaxz.mock.galaxy import line_integral
from jaxz.mock.instruments import FWHM_TO_SIGMA, Instrument
from jaxz.mock.lines import LIGHT_SPEED, lyman_alpha
from jaxz.models.components import GaussianComponent, Whitening
from jaxz.models.trials import Trials
from jaxz.spectra import LogGrid, Spectra

QUARTILES = 1.34896
"""Distance between the quartiles of a normal distribution, in σ."""

SEEN = 0.9
"""Share of Σp² that pixels with data must hold, for a line to be injected there."""

_TRIES = 200


class Injected(NamedTuple):
    """What was injected, all (spec,).

    Attributes:
        z: redshift.
        snr: signal-to-noise [L, eq. 16].
        line_flux: ∫ flux dλ, in the unit of the flux times Å.
        profile: row of the profile.
    """

    z: np.ndarray
    snr: np.ndarray
    line_flux: np.ndarray
    profile: np.ndarray


def inject(
    noise: Spectra,
    profiles: GaussianComponent,
    *,
    snr: np.ndarray,
    seed: int,
    zmin: float = 2.0,
    zmax: float = 4.0,
    sigma: float | None = None,
    lattice: bool = True,
) -> tuple[Spectra, Injected]:
    """Return spectra with a line of known redshift in each [L, eq. 13-17].

        flux = noise + η p(z),   S/N = η √(Σ p²) / σ,

    with flux and p whitened as `profiles` is, and Σ over the native pixels with data: σ is the noise of one pixel, so
    that the integral of [L, eq. 17] is taken over pixels. The redshift is drawn evenly from `zmin` to `zmax`, again
    where too little of the line would meet data.

    Args:
        noise: what the lines are put into; a spectrum may be given several times. Flux and ivar are those of the file,
            not whitened.
        profiles: a shiftable component of which each vector is one profile (see `profiles_of`); one is drawn for each
            spectrum. Only their shape matters.
        snr: (spec,) wanted signal-to-noise.
        seed: of the random numbers.
        zmin, zmax: range of redshifts.
        sigma: noise of a whitened pixel, where it is known; else, for each spectrum, the distance of the quartiles of
            its whitened flux over 1.34896 in all pixels that the line may be at, as [L, §IV.2.2].
        lattice: whether redshifts are those nearest on the lattice.

    Returns:
        The spectra, and what was injected.

    Raises:
        ValueError: if `snr` does not fit, the profiles are fixed in the observed frame, a spectrum has no data, or it
            does not cover the range of redshifts. The message names the spectrum.

    Example:
        >>> lae = jaxz.load_component("desi-lae")
        >>> grid = jaxz.LogGrid.covering(3700.0, 4500.0)
        >>> noise = jaxz.mock.constant_noise(grid, 2, whitening=lae.whitening, seed=1)
        >>> lines = jaxz.mock.profiles_of(lae, 3, seed=1)
        >>> spectra, truth = jaxz.mock.inject(noise, lines, snr=np.full(2, 20.0), seed=1, zmin=2.2, zmax=2.5)
        >>> bool(np.all((truth.z > 2.2) & (truth.z < 2.5)))
        True
    """
    if np.shape(snr) != (len(noise),) or not np.all(np.asarray(snr) >= 0):
        raise ValueError(f"snr has shape {np.shape(snr)}: give a number that is not negative for each spectrum")
    if profiles.reference_z is None:
        raise ValueError(f"profiles {profiles.name!r} are fixed in the observed frame: a line needs a reference_z")
    trials = Trials.between(zmin, zmax, profiles.grid.step)
    limits = np.array([trials.first, trials.last])
    ends = 10.0 ** (profiles.grid.step * (profiles.centre + limits))
    rng = np.random.default_rng(seed)
    which = rng.integers(len(profiles), size=len(noise))
    flux = np.array(noise.flux)
    z, line_flux = np.zeros((2, len(noise)))
    for row in range(len(noise)):
        wave, good = noise.wave[row], noise.ivar[row] > 0
        if not good.any():
            raise ValueError(f"spectrum {noise.ids[row]!r} has no data: leave it out")
        line = _Line(profiles, int(which[row]), wave)
        for _ in range(_TRIES):
            z[row] = rng.uniform(zmin, zmax)
            if lattice:
                z[row] = 10.0 ** (line.step * np.clip(round(np.log10(1 + z[row]) / line.step), *limits)) - 1
            if line.share(good, z[row]) > SEEN:
                break
        else:
            raise ValueError(
                f"spectrum {noise.ids[row]!r} has no data at a line between {ends[0]:.0f} and {ends[1]:.0f} Å, "
                f"z = {zmin:g} to {zmax:g}: choose a range that it covers"
            )
        scale = np.ones(len(wave))
        if profiles.whitening is not None:
            scale = np.exp(profiles.whitening.log_variance(np.log10(wave)) / 2)
        level = sigma
        if level is None:
            level = robust_sigma((noise.flux[row] / scale)[good & (wave > ends[0]) & (wave < ends[1])])
        mean = line.in_pixels(z[row])
        signal = snr[row] * level / np.sqrt(np.sum(mean[good] ** 2)) * mean * scale
        flux[row] += signal.astype(flux.dtype)
        line_flux[row] = np.sum(signal * np.gradient(wave))
    return dataclasses.replace(noise, flux=flux), Injected(z, np.asarray(snr, dtype=np.float64), line_flux, which)


def profiles_of(component: GaussianComponent, count: int, *, seed: int) -> GaussianComponent:
    """Return lines drawn from a component, as `inject` takes them, each of unit Σp² and a positive sum.

    Args:
        component: shiftable.
        count: of the lines.
        seed: of the random numbers.

    Example:
        >>> lines = jaxz.mock.profiles_of(jaxz.load_component("desi-lae"), 3, seed=1)
        >>> np.sum(lines.vectors**2, axis=1).round(6)
        array([1., 1., 1.])
    """
    drawn = np.random.default_rng(seed).normal(size=(count, len(component))) @ component.vectors
    drawn *= np.sign(drawn.sum(axis=1, keepdims=True)) / np.sqrt(np.sum(drawn**2, axis=1, keepdims=True))
    return dataclasses.replace(component, vectors=drawn)


def emitter_profiles(like: GaussianComponent, instrument: Instrument, count: int, *, seed: int) -> GaussianComponent:
    """Return Lyα lines as `jaxz.mock.emitter_spectra` has them, without noise or continuum, as `inject` takes them.

    Each has its peak, as the instrument resolves it at the reference redshift, at 1215.67 Å in the rest frame.

    Args:
        like: a component of Lyα emitters, whose window, reference redshift and whitening the lines have.
        instrument: whose line-spread function to take.
        count: of the lines.
        seed: of the random numbers.

    Raises:
        ValueError: if the component has no reference redshift, or is given in the rest frame.

    Example:
        >>> desi = jaxz.mock.INSTRUMENTS["desi"]()
        >>> lines = jaxz.mock.emitter_profiles(jaxz.load_component("desi-lae"), desi, 3, seed=1)
        >>> len(lines)
        3
    """
    if not like.reference_z:
        raise ValueError(f"component {like.name!r}: lines need the observed frame of a reference_z above 0")
    z, grid = like.reference_z, like.grid
    edges = 10.0 ** ((grid.start - 0.5 + np.arange(grid.size + 1)) * grid.step)
    scale = 1.0 if like.whitening is None else np.exp(like.whitening.log_variance(grid.loglam) / 2)
    rng = np.random.default_rng(seed)
    lines = np.zeros((count, grid.size))
    for line in lines:
        emission = lyman_alpha(rng)
        centre = emission.wave * (1 + z) ** 2 / (1 + peak_redshift(emission, z, instrument))
        width = np.hypot(centre * emission.sigma / LIGHT_SPEED, FWHM_TO_SIGMA * instrument.fwhm(centre))
        for flux, at, sigma in zip(emission.flux, centre, width, strict=True):
            line += flux * np.diff(line_integral(edges - at, float(sigma))) / np.diff(edges) / scale
    lines /= np.sqrt(np.sum(lines**2, axis=1, keepdims=True))
    return dataclasses.replace(like, vectors=lines)


def constant_noise(
    grid: LogGrid, count: int, *, seed: int, sigma: float = 0.3, whitening: Whitening | None = None
) -> Spectra:
    """Return spectra of nothing but noise, constant where whitened [L, §IV.2.1], whose pixels are lattice pixels.

    Args:
        grid: of the spectra.
        count: of the spectra.
        seed: of the random numbers.
        sigma: noise of a whitened pixel; 0.3 is the paper's.
        whitening: the curve that turns it into flux.

    Example:
        >>> len(jaxz.mock.constant_noise(jaxz.LogGrid.covering(4000.0, 5000.0), 3, seed=1))
        3
    """
    noise = np.full(grid.size, sigma)
    if whitening is not None:
        noise = noise * np.exp(whitening.log_variance(grid.loglam) / 2)
    flux = noise * np.random.default_rng(seed).normal(size=(count, grid.size))
    return Spectra(
        grid.wave, flux, np.broadcast_to(noise**-2.0, flux.shape), ids=[f"noise-{i:05d}" for i in range(count)]
    )


def robust_sigma(values: np.ndarray) -> float:
    """Return the distance of the quartiles over that of a normal distribution of σ = 1.

    Example:
        >>> round(jaxz.mock.robust_sigma(np.random.default_rng(1).normal(size=100_000)), 2)
        0.99
    """
    low, high = np.quantile(values, [0.25, 0.75])
    return float(high - low) / QUARTILES


class _Line:
    """One of several profiles, as the pixels (pix,) of a spectrum see it."""

    def __init__(self, profiles: GaussianComponent, row: int, wave: np.ndarray) -> None:
        self.step = profiles.grid.step
        self._start = profiles.rest_start
        self._vector = np.asarray(profiles.vectors[row], dtype=np.float64)
        self._edges = resample.pixel_edges(wave, self.step)

    def in_pixels(self, z: float) -> np.ndarray:
        """Return the mean of the profile over each pixel, (pix,)."""
        with jax.enable_x64(True):
            integral = resample.cumulative(jnp.asarray(self._vector[None]))
            edges = jnp.asarray(self._edges - np.log10(1 + z) / self.step)
            return np.asarray(_at_pixels(integral, edges, self._start))[0]

    def share(self, good: np.ndarray, z: float) -> float:
        """Return which share of the power of the profile falls into good pixels."""
        position = self._start + np.arange(len(self._vector)) + np.log10(1 + z) / self.step
        place = np.searchsorted(self._edges, position) - 1
        seen = (place >= 0) & (place < len(good)) & good[np.clip(place, 0, len(good) - 1)]
        return float(np.sum(self._vector[seen] ** 2) / np.sum(self._vector**2))


_at_pixels = jax.jit(resample.at_pixels, static_argnums=2)
