"""A χ² curve → some twenty numbers, where the curve is: minima, quartile, scatter; and its posterior mass.

P(z) ∝ p(z) exp(-χ²(z)/2T) dz is summed on the curve, but what the candidates' χ² are, and T, is better known from a
closer look. So the curve is summarised before it and weighed after it, and its mass is kept apart for each candidate's
surroundings, to be put together with what was found there (`jaxz.redshift`).
"""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Bool, Either, Float, Int
from jaxz.calibration import Calibration
from jaxz.kernels.minima import best_minima
from jaxz.kernels.quantile import quantile
from jaxz.models import Fit, Trials
from jaxz.models.model import Task
from jaxz.pixels import Pixels
from jaxz.posterior import CONFIDENCE_WIDTH

LIGHT_SPEED = 299792.458
"""km/s."""

EXCLUSION = 1000.0
"""Candidates closer than this, in km/s, are one."""


class Summary(NamedTuple):
    """What is kept of a curve; of its candidates, best first.

    Attributes:
        place: trial redshift of each; -1 where there are fewer.
        chi2: there.
        penalty: of the prior, there.
        at_limit: whether it is the last that the range, or a prior, allows on either side.
        quartile: first quartile of χ².
        scatter: standard deviation of χ² below it.
        depth: from the highest χ² that the prior allows to that of the first candidate.
    """

    place: Int[Either, "*spec cand"]
    chi2: Float[Either, "*spec cand"]
    penalty: Float[Either, "*spec cand"]
    at_limit: Bool[Either, "*spec cand"]
    quartile: Float[Either, "*spec"]
    scatter: Float[Either, "*spec"]
    depth: Float[Either, "*spec"]


class Mass(NamedTuple):
    """Posterior mass of a curve, around its candidates and elsewhere.

    Attributes:
        mass: ln of that which is nearest to each candidate, less that of a constant.
        near: (…, cand, cand) shares of it that lie within 0.005(1+z) of each candidate and of no better one.
        rest: ln of the mass that is near no candidate.
    """

    mass: Float[Either, "*spec cand"]
    near: Float[Either, "*spec cand cand"]
    rest: Float[Either, "*spec"]


class Summarise(eqx.Module):
    """The task (curve[, penalty of a prior of its own]) → `Summary`; `penalty` is the one of all spectra, or None."""

    penalty: Float[Either, " shift"] | None
    trials: Trials = eqx.field(static=True)
    count: int = eqx.field(static=True)

    def __call__(
        self, serial: bool, curve: Float[Array, " shift"], own: Float[Array, " shift"] | None = None
    ) -> Summary:
        """Return the summary of one curve, which is finite."""
        penalty = self.penalty if own is None else own
        assert penalty is not None
        step, last = self.trials.step, self.trials.number - 1
        chi2 = curve.astype(penalty.dtype)
        score = chi2 + penalty
        exclude = int(EXCLUSION / (LIGHT_SPEED * np.log(10) * step))
        index = best_minima(score, self.count, exclude)
        found = index >= 0
        at = jnp.maximum(index, 0)
        beside = penalty[jnp.clip(at - 1, 0, last)] + penalty[jnp.clip(at + 1, 0, last)]
        at_limit = found & ((at == 0) | (at == last) | ~jnp.isfinite(beside))
        quarter = quantile(curve, 0.25).astype(chi2.dtype)
        below = chi2 <= quarter
        many = jnp.sum(below.astype(chi2.dtype))
        mean = jnp.sum(jnp.where(below, chi2, 0)) / many
        scatter = jnp.sqrt(jnp.sum(jnp.where(below, jnp.square(chi2 - mean), 0)) / many)
        depth = jnp.max(jnp.where(jnp.isfinite(penalty), chi2, -jnp.inf)) - chi2[at[0]]
        blank = lambda values: jnp.where(found, values, jnp.nan)  # noqa: E731
        return Summary(index, blank(chi2[at]), blank(penalty[at]), at_limit, quarter, scatter, depth)


class Weigh(eqx.Module):
    """The task (curve[, penalty of a prior of its own], candidates, T) → `Mass`; `penalty` as of `Summarise`."""

    penalty: Float[Either, " shift"] | None
    trials: Trials = eqx.field(static=True)

    def __call__(self, serial: bool, curve: Float[Array, " shift"], *more: Array) -> Mass:
        """Return the mass of one curve, which is finite.

        Args:
            serial: as of every task.
            curve: χ².
            *more: the penalty of its own, if any; trial redshift of each candidate, -1 where there is none; T.
        """
        *own, place, temperature = more
        penalty = own[0] if own else self.penalty
        assert penalty is not None
        penalty = jnp.asarray(penalty)
        score = curve.astype(penalty.dtype) / temperature + penalty
        found, at = place >= 0, jnp.maximum(place, 0)
        # dz ∝ 1 + z, as the redshifts are uniform in its logarithm.
        z = jnp.asarray(self.trials.z)
        weight = (np.log(10) * self.trials.step) * (1 + z) * jnp.exp(-(score - jnp.min(score)) / 2)
        number = self.trials.number
        away = jnp.where(found[None], jnp.abs(jnp.arange(number, dtype=place.dtype)[:, None] - at[None]), number + 1)
        within = found[None] & (jnp.abs(z[:, None] - z[at][None]) < CONFIDENCE_WIDTH * (1 + z[at])[None])
        closest = jnp.arange(len(place))[None] == jnp.argmin(away, axis=1)[:, None]
        shares = jnp.where(closest & jnp.any(within, axis=1)[:, None], weight[:, None], 0)
        mass = jnp.sum(shares, axis=0)
        best = jnp.argmax(within, axis=1)[:, None] == jnp.arange(len(place))[None]
        near = jnp.sum(jnp.where(best[:, :, None], shares[:, None, :], 0), axis=0) / jnp.where(mass > 0, mass, 1)[None]
        rest = jnp.sum(jnp.where(jnp.any(within, axis=1), 0, weight))
        least = -jnp.min(score) / 2
        return Mass(jnp.log(mass) + least, near, jnp.log(rest) + least)


class CloserLook(NamedTuple):
    """What a closer look at the candidates of a spectrum finds.

    Attributes:
        fit: of each candidate, as they were given.
        order: of the candidates by χ² and the penalty of a prior, best first.
        temperature: T, of the best of them (see `jaxz.calibration`).
        mass: of the curve, with the candidates in `order`.
    """

    fit: Fit
    order: Int[Either, "*spec cand"]
    temperature: Float[Either, "*spec"]
    mass: Mass


class LookCloser(eqx.Module):
    """The task (spectrum, shifts of candidates, curve[, penalty of a prior of its own][, own columns]) → `CloserLook`.

    It is one task, so that the curve need not be fetched, and no more than one program is compiled.
    """

    fits: Task
    weigh: Weigh
    calibration: Calibration

    def __call__(
        self, serial: bool, pixels: Pixels, shifts: Float[Array, " cand"], curve: Float[Array, " shift"], *more: Array
    ) -> CloserLook:
        """Return it for one spectrum."""
        own_penalty = more[: self.weigh.penalty is None]
        fit = self.fits(serial, pixels, shifts, *more[len(own_penalty) :])
        npixels = jnp.sum(pixels.ivar > 0, dtype=jnp.int32)
        temperature = self.calibration.temperature_of(jnp.nanmin(fit.chi2), npixels)
        there = jnp.isfinite(shifts)
        place = jnp.where(there, jnp.nan_to_num(shifts).astype(jnp.int32) - self.weigh.trials.first, -1)
        penalty = jnp.asarray(own_penalty[0] if own_penalty else self.weigh.penalty)
        # χ²/T is what a prior is weighed against.
        order = jnp.argsort(fit.chi2 + temperature * penalty[jnp.maximum(place, 0)])
        return CloserLook(fit, order, temperature, self.weigh(serial, curve, *own_penalty, place[order], temperature))
