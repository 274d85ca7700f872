"""Injection and recovery: which lines are found again, how well their errors fit, and a calibration [L, §IV.2]."""

import dataclasses
import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from jaxz.kernels import resample
from jaxz.mock.injection import robust_sigma
from jaxz.mock.lines import LIGHT_SPEED
from jaxz.models import GaussianComponent, Trials
from jaxz.redshift import Redshifts
from jaxz.spectra import LogGrid, Spectra
from jaxz.validate.bins import fraction_in_bins
from jaxz.validate.metrics import GoodFraction

RECOVERED = 0.005
"""The |Δz|, not divided by 1+z, below which [L, §IV.2] calls an injected line recovered, whatever its Δχ²."""


def is_recovered(z: np.ndarray, ztrue: np.ndarray) -> np.ndarray:
    """Return where |z - ztrue| < 0.005, bool [L, §IV.2.2]; a redshift that was not measured (NaN) is not.

    Example:
        >>> jaxz.validate.is_recovered(np.array([2.5, 2.6]), np.array([2.5, 2.5]))
        array([ True, False])
    """
    return np.abs(np.asarray(z, dtype=np.float64) - ztrue) < RECOVERED


def recovered_fraction(
    z: np.ndarray, ztrue: np.ndarray, snr: np.ndarray, edges: Sequence[float] | np.ndarray, *, level: float = 0.68
) -> list[GoodFraction]:
    """Return the fraction of recovered lines in bins of S/N, as [L, fig. 8], with its Wilson interval.

    Args:
        z: (spec,) redshifts that were found.
        ztrue: (spec,) of the injected lines.
        snr: (spec,) signal-to-noise of these.
        edges: (bins + 1,) increasing; a value at an edge is in the bin that begins there.
        level: coverage of the intervals.

    Raises:
        ValueError: if the edges do not increase.

    Example:
        >>> z, ztrue, snr = np.array([2.5, 3.9]), np.array([2.5, 2.5]), np.array([8.0, 3.0])
        >>> [one.value for one in jaxz.validate.recovered_fraction(z, ztrue, snr, [0.0, 5.0, 10.0])]
        [0.0, 1.0]
    """
    return fraction_in_bins(is_recovered(z, ztrue), snr, edges, level=level)


def z_scores(z: np.ndarray, zerr: np.ndarray, ztrue: np.ndarray) -> np.ndarray:
    """Return (z - ztrue) / zerr of the recovered lines that have an error [L, eq. 18], in their order.

    Example:
        >>> jaxz.validate.z_scores(np.array([2.501]), np.array([0.001]), np.array([2.5])).round(3)
        array([1.])
    """
    chosen = is_recovered(z, ztrue) & np.isfinite(zerr) & (zerr > 0)
    return (z[chosen] - ztrue[chosen]) / zerr[chosen]


def iqr_ratio(scores: np.ndarray) -> float:
    """Return the distance of the quartiles of z-scores over that of a normal distribution, 1.34896; 1 is right.

    Example:
        >>> round(jaxz.validate.iqr_ratio(np.random.default_rng(1).normal(size=100_000)), 2)
        0.99
    """
    return robust_sigma(scores) if len(scores) else float("nan")


def calibration(detection: np.ndarray, snr: np.ndarray) -> float:
    """Return s = median √|Δχ²| / (S/N) [L, eq. 19], of lines that are bright enough to be found for sure.

    Args:
        detection: (spec,) |Δχ²|, `Redshifts.detection`; NaN is left out.
        snr: (spec,) injected signal-to-noise.

    Raises:
        ValueError: if no line has both.

    Example:
        >>> round(jaxz.validate.calibration(np.array([400.0, 900.0]), np.array([20.0, 30.0])), 3)
        1.0
    """
    known = np.isfinite(detection) & (snr > 0)
    if not known.any():
        raise ValueError("no line with a Δχ² and a signal-to-noise: nothing to calibrate with")
    return float(np.median(np.sqrt(np.maximum(detection[known], 0)) / snr[known]))


def shape_velocity(z: np.ndarray, ztrue: np.ndarray) -> float:
    """Return the velocity by which lines of many shapes are found beside their peaks, 1 σ, km/s.

    A target of few vectors puts an asymmetric line, or one of two peaks, elsewhere than where its peak is. That is no
    noise: it is the same however bright the line is, and not in the curvature of Δχ². It is half the distance of the
    quartiles over 0.6745, as most shapes differ little and few by much.

    Args:
        z: (spec,) redshifts that were found of lines so bright that noise does not matter; NaN is left out.
        ztrue: (spec,) of their peaks.

    Example:
        >>> ztrue = np.linspace(2.0, 4.0, 1000)
        >>> z = ztrue + (1 + ztrue) * np.random.default_rng(1).normal(0.0, 100 / 299792.458, 1000)
        >>> round(jaxz.validate.shape_velocity(z, ztrue))
        98
    """
    velocity = LIGHT_SPEED * (z - ztrue) / (1 + ztrue)
    return robust_sigma(velocity[np.isfinite(velocity)])


def calibrated(redshifts: Redshifts, s: float, velocity: float = 0.0) -> Redshifts:
    """Return redshifts with s zerr and |Δχ²| / s² [L, eq. 20-21], and the values as they were.

    A velocity, which [L] does not have, is added to the errors in quadrature. Those of all candidates are changed.
    `meta` of the result has ``ZERR_RAW``, the errors that came in, and ``DETECTION``, the calibrated |Δχ²| of the
    target; `Redshifts.detection` stays what it was, and so do `deltachi2`, which compares candidates, and the flags.

    Args:
        redshifts: of a MADGICS scan.
        s: `GaussianComponent.calibration`.
        velocity: `GaussianComponent.velocity`, km/s.

    Raises:
        ValueError: if they are not of such a scan, or `s` is not positive.

    Example:
        >>> lae = jaxz.load_component("desi-lae")
        >>> grid = jaxz.LogGrid.covering(3700.0, 4500.0)
        >>> noise = jaxz.mock.constant_noise(grid, 2, whitening=lae.whitening, seed=1)
        >>> lines = jaxz.mock.profiles_of(lae, 3, seed=1)
        >>> spectra, truth = jaxz.mock.inject(noise, lines, snr=np.full(2, 20.0), seed=1, zmin=2.2, zmax=2.5)
        >>> scan = jaxz.madgics_scan(spectra, target=lae, zmin=2.1, zmax=2.6)
        >>> found = jaxz.find_redshifts(scan, spectra)
        >>> fair = jaxz.validate.calibrated(found, lae.calibration, lae.velocity)
        >>> bool(np.all(fair.zerr > fair.meta["ZERR_RAW"])), fair.meta["DETECTION"].shape
        (True, (2,))
    """
    if redshifts.models[0].line is None or not (np.isfinite(s) and s > 0):
        raise ValueError(f"s={s}: calibrate redshifts of madgics_scan, with a positive number")
    meta = redshifts.meta | {"ZERR_RAW": redshifts.zerr, "DETECTION": redshifts.detection / s**2}
    share = velocity / LIGHT_SPEED
    zerr = np.hypot(s * redshifts.zerr, share * (1 + redshifts.z))
    zalt_err = np.hypot(s * redshifts.zalt_err, share * (1 + redshifts.zalt))
    return dataclasses.replace(redshifts, zerr=zerr, zalt_err=zalt_err, meta=meta)


def matched_filter(
    spectra: Spectra,
    profiles: GaussianComponent,
    which: np.ndarray,
    *,
    zmin: float = 2.0,
    zmax: float = 4.0,
    emission: bool = True,
) -> np.ndarray:
    """Return the redshifts that a filter finds which knows the profile of each line: the limit of any search.

    It takes the lattice redshift where Σ w p d / √(Σ w p²) is largest, w being ivar, of all that have data.

    Args:
        spectra: with injected lines.
        profiles: as given to `jaxz.mock.inject`.
        which: (spec,) row of the profile in each spectrum.
        zmin, zmax: range of redshifts.
        emission: whether it also knows that the line is one of emission. A Gaussian component with mean zero does not:
            its limit is the filter that looks for the largest absolute value.

    Returns:
        (spec,) redshifts.

    Example:
        >>> lae = jaxz.load_component("desi-lae")
        >>> grid = jaxz.LogGrid.covering(3700.0, 4500.0)
        >>> noise = jaxz.mock.constant_noise(grid, 2, whitening=lae.whitening, seed=1)
        >>> lines = jaxz.mock.profiles_of(lae, 3, seed=1)
        >>> spectra, truth = jaxz.mock.inject(noise, lines, snr=np.full(2, 20.0), seed=1, zmin=2.2, zmax=2.5)
        >>> z = jaxz.validate.matched_filter(spectra, lines, truth.profile, zmin=2.2, zmax=2.5)
        >>> bool(np.all(np.abs(z - truth.z) < 0.002))
        True
    """
    step = profiles.grid.step
    trials = Trials.between(zmin, zmax, step)
    grid = LogGrid(profiles.rest_start + trials.first, trials.number - 1 + profiles.grid.size, step)
    scale = np.ones(grid.size)
    if profiles.whitening is not None:
        scale = np.exp(profiles.whitening.log_variance(grid.loglam) / 2)
    edges = resample.pixel_edges(spectra.wave, step)
    width = resample.overlap_width(edges)
    best = np.zeros(len(spectra), dtype=int)
    for row in range(len(spectra)):
        with jax.enable_x64(True):
            pixels = (jnp.asarray(x, dtype=jnp.float64) for x in (edges[row], spectra.flux[row], spectra.ivar[row]))
            flux, ivar = (np.asarray(x) for x in _on_lattice(*pixels, jnp.int32(grid.start), grid.size, width))
        weight, profile = ivar * scale**2, np.asarray(profiles.vectors[which[row]], dtype=np.float64)
        overlap = np.correlate(weight * flux / scale, profile, mode="valid")
        power = np.correlate(weight, profile**2, mode="valid")
        # Where the line is hardly in the data its power is round-off.
        known = power > 1e-6 * power.max()
        found = np.where(known, overlap, 0) / np.sqrt(np.where(known, power, 1))
        best[row] = np.argmax(found if emission else np.abs(found))
    return trials.z[best]


@functools.partial(jax.jit, static_argnums=(4, 5))
def _on_lattice(
    edges: jax.Array, flux: jax.Array, ivar: jax.Array, start: jax.Array, size: int, width: int
) -> tuple[jax.Array, jax.Array]:
    return resample.overlap(edges, flux, ivar, start, size=size, width=width)
