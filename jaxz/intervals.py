"""P(z) as a sum of Gaussians at the candidates → the interval of z that holds a given share of it.

Of candidates k with probability p_k, redshift z_k and error σ_k, P(z) ≈ Σ p_k N(z; z_k, σ_k); what is left of 1 lies
anywhere. The densest region that holds a share L is {z: P(z) > t}, one interval around each candidate that is high
enough; it is what ZALT, ZALT_ERR and ZALT_PROB of a catalog say. Z_LO and Z_HI are its ends.

That a share of 0.9 also holds 0.9 of the true redshifts is not taken from P(z), but found: of spectra of known redshift
the share of P(z) that is denser than at the truth is computed, and L is the value that 0.9 of them do not exceed, with
the correction for their number of split conformal prediction (Izbicki, Shimizu & Stern 2022, JMLR 23, 1: HPD-split).
"""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Either, Float, Int
from jaxz.posterior import CONFIDENCE_WIDTH
from jaxz.run import run

COVERAGE = 0.9
"""Share of the true redshifts that Z_LO … Z_HI is to hold."""

_DEEPEST, _HALVINGS = 60.0, 60
"""ln of the density below the highest peak down to which a threshold is looked for, and steps of the search."""


class Peaks(NamedTuple):
    """P(z) as a sum of Gaussians that do not overlap.

    Attributes:
        z: (spec, cand) where; NaN where there are fewer.
        sigma: (spec, cand) of each, at most 0.0025(1+z), as its probability is of what lies within 0.005(1+z).
        probability: (spec, cand) of each, 0 where there are fewer.
    """

    z: np.ndarray
    sigma: np.ndarray
    probability: np.ndarray

    @classmethod
    def of(cls, z: np.ndarray, zerr: np.ndarray, probability: np.ndarray) -> "Peaks":
        """Return those of candidates, (spec, cand) each; an error that is infinite or 0 counts as wide or narrow."""
        there = np.isfinite(z) & (probability > 0)
        widest = CONFIDENCE_WIDTH / 2 * (1 + np.where(there, z, 0.0))
        sigma = np.clip(np.nan_to_num(zerr, nan=np.inf), 1e-6 * widest, widest)
        return cls(np.where(there, z, np.nan), sigma, np.where(there, probability, 0.0))

    @property
    def log_height(self) -> np.ndarray:
        """(spec, cand) ln of the density of each at its middle."""
        with np.errstate(divide="ignore"):
            return np.log(self.probability) - np.log(self.sigma * math.sqrt(2 * math.pi))


def denser(peaks: Peaks, z: np.ndarray) -> np.ndarray:
    """Return the share of P(z) that is denser than at given redshifts, (spec,); 1 where they are near no candidate."""
    with np.errstate(invalid="ignore"):
        away = peaks.z - np.asarray(z, dtype=np.float64)[:, None]
        near = np.abs(away) < CONFIDENCE_WIDTH * (1 + peaks.z)
        log_density = np.where(near, peaks.log_height - np.square(away / peaks.sigma) / 2, -np.inf)
    level = np.max(log_density, axis=1)
    with jax.enable_x64(True):
        mass = jax.vmap(_mass_above)(*(jnp.asarray(x) for x in (peaks.log_height, peaks.probability, level)))
    return np.where(np.isfinite(level), np.asarray(mass), 1.0)


def interval(peaks: Peaks, z: np.ndarray, level: float, limits: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the densest region that holds a share of P(z), (spec,) each; `z` is always between them.

    Args:
        peaks: P(z).
        z: (spec,) best redshifts; where one is NaN, so are the ends.
        level: the share. Where the candidates together have less, the ends are the limits.
        limits: lowest and highest trial redshift.
    """
    # As all that is computed of spectra, lest the last digit depend on how many there are.
    threshold = run(Threshold(np.float64(level)), None, np.arange(len(z)), (peaks.log_height, peaks.probability))
    above = peaks.log_height - threshold[:, None]
    half = peaks.sigma * np.sqrt(2 * np.maximum(above, 0))
    inside = above > 0
    low = np.min(np.where(inside, peaks.z - half, np.inf), axis=1)
    high = np.max(np.where(inside, peaks.z + half, -np.inf), axis=1)
    little = peaks.probability.sum(axis=1) <= level
    low, high = np.where(little, limits[0], low), np.where(little, limits[1], high)
    return np.minimum(low, z), np.maximum(high, z)


def _mass_above(
    log_height: Float[Array, " cand"], probability: Float[Array, " cand"], threshold: Float[Array, ""]
) -> Float[Array, ""]:
    """Return the probability where the density exceeds a threshold, given as its logarithm."""
    above = jnp.maximum(log_height - threshold, 0)
    return jnp.sum(probability * jax.scipy.special.erf(jnp.sqrt(above)))


class Threshold(eqx.Module):
    """The task (log_height, probability) → ln of the density above which lies the share `level`, by bisection."""

    level: Float[Either, ""]

    def __call__(
        self, serial: bool, log_height: Float[Array, " cand"], probability: Float[Array, " cand"]
    ) -> Float[Array, ""]:
        """Return the threshold of one spectrum."""
        highest = jnp.max(log_height)
        highest = jnp.where(jnp.isfinite(highest), highest, 0)

        def halved(_: Int[Array, ""], ends: tuple[Array, Array]) -> tuple[Array, Array]:
            low, high = ends
            middle = (low + high) / 2
            enough = _mass_above(log_height, probability, middle) >= self.level
            return jnp.where(enough, middle, low), jnp.where(enough, high, middle)

        return jax.lax.fori_loop(0, _HALVINGS, halved, (highest - _DEEPEST, highest))[0]
