"""The log score of one spectrum of known redshift, and its gradient with respect to what makes the curve.

    score = -ln[(1 - o) P(|z - z_true| < 0.003 (1 + z_true)) + o P₀],   P(z) ∝ exp(-χ²(z)/2T) dz,

with T of `jaxz.calibration`. A label is wrong with probability o, and then says nothing: P₀ is what a flat P(z) has
there. So one wrong label costs no more than -ln(o P₀), and pulls at nothing.

The score depends on the model through χ²(z) at all trial redshifts, but but for a few, at the truth and its strongest
rivals, the derivative w(z) = d score/dχ²(z) is next to nothing. The gradient is that of Σ w(z) χ²(z) over the `KEPT`
trial redshifts of largest |w|, with coefficients held (`jaxz.train.envelope`); `Slope.kept` says what share of Σ |w|
these have.
"""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Either, Float
from jaxz.calibration import Calibration
from jaxz.models.error import ErrorModel
from jaxz.models.lattice import OnLattice
from jaxz.models.template_tasks import TemplateCurves
from jaxz.models.trials import Trials
from jaxz.pixels import Pixels
from jaxz.train.envelope import held_chi2

RIGHT = 0.003
"""Distance from the truth, in units of 1 + z, within which a redshift is right."""

KEPT = 128
"""Trial redshifts that the gradient is summed over."""

NUMBERS = ("floor", "lines", "continuum", "temperature", "misfit")
"""What is learned of an `ErrorModel` and a `Calibration`."""


class Slope(NamedTuple):
    """The score of a spectrum and its derivatives.

    Attributes:
        score: in nats.
        numbers: with respect to the logarithms of `NUMBERS`.
        bumps: with respect to ln of the vectors, along each bump.
        kept: share of Σ |w| that they are made of.
    """

    score: Float[Either, "*spec"]
    numbers: Float[Either, "*spec number"]
    bumps: Float[Either, "*spec basis bump"]
    kept: Float[Either, "*spec"]


class Score(eqx.Module):
    """The task (spectrum, true redshift) → `Slope`.

    Args:
        curves: the scan with the basis as it is now; its error model is replaced.
        vectors: of that basis, as the scan has them (`jaxz.models.templates.unit_rms`).
        bumps: smooth functions in the rest frame, along which ln of each vector may change; none for a basis that is
            not learned.
        numbers: logarithms of `NUMBERS`.
        error, calibration: what else they have.
        outlier: o.
        kept: trial redshifts that the gradient is summed over.
    """

    curves: TemplateCurves
    vectors: Float[Array, "basis rest"]
    bumps: Float[Array, "bump rest"]
    numbers: Float[Array, " number"]
    error: ErrorModel
    calibration: Calibration
    outlier: Float[Array, ""]
    kept: int = eqx.field(static=True)

    def __call__(self, serial: bool, pixels: Pixels, ztrue: Float[Array, ""]) -> Slope:
        """Return it for one spectrum."""
        npixels = jnp.sum(pixels.ivar > 0, dtype=jnp.int32)
        spectrum, noisy = self._conditioned(pixels, self.numbers)
        curve, coeff = self.curves.fitted(serial, spectrum, noisy)
        dtype = pixels.flux.dtype

        def of_curve(chi2: Float[Array, " shift"], lost: Float[Array, ""], numbers: Float[Array, " number"]) -> Array:
            calibration = applied(numbers, self.error, self.calibration)[1]
            temperature = calibration.temperature_of(jnp.min(chi2) + lost, npixels)
            return log_score(chi2 / temperature, self.curves.trials, ztrue, self.outlier)

        slope = jax.value_and_grad(of_curve, argnums=(0, 1, 2))
        score, (weight, of_lost, direct) = slope(curve.chi2.astype(dtype), lost(spectrum, noisy), self.numbers)
        count = min(self.kept, len(weight))
        _, place = jax.lax.top_k(jnp.abs(weight), count)
        chosen, held = weight[place], coeff[:, place].astype(dtype)

        def through_chi2(numbers: Float[Array, " number"], change: Float[Array, "basis bump"]) -> Array:
            vectors = self.vectors * (1 + jnp.matmul(change, self.bumps, precision=jax.lax.Precision.HIGHEST))
            spectrum, noisy = self._conditioned(pixels, numbers)
            chi2 = held_chi2(self.curves, vectors, spectrum, noisy, held, place)
            return jnp.sum(chosen * chi2) + of_lost * lost(spectrum, noisy)

        none = jnp.zeros((len(self.vectors), len(self.bumps)), dtype)
        numbers, bumps = jax.grad(through_chi2, argnums=(0, 1))(self.numbers, none)
        total = jnp.sum(jnp.abs(weight))
        return Slope(score, direct + numbers, bumps, jnp.sum(jnp.abs(chosen)) / jnp.where(total > 0, total, 1))

    def _conditioned(self, pixels: Pixels, numbers: Float[Array, " number"]) -> tuple[OnLattice, Pixels]:
        error, _ = applied(numbers, self.error, self.calibration)
        return dataclasses.replace(self.curves, error=error).conditioned(pixels)


def applied(numbers: Array, error: ErrorModel, calibration: Calibration) -> tuple[ErrorModel, Calibration]:
    """Return an error model and a calibration with the numbers of which these are the logarithms, (number,)."""
    floor, lines, continuum, temperature, misfit = jnp.exp(numbers)
    # Not checked: traced numbers have no truth value.
    calibration = eqx.tree_at(lambda c: (c.temperature, c.misfit), calibration, (temperature, misfit))
    return ErrorModel(floor, lines, continuum, error.order, error.fwhm), calibration


def lost(spectrum: OnLattice, pixels: Pixels) -> Float[Array, ""]:
    """Return by how much χ² on the lattice is below that in the pixels themselves, of which a misfit is told.

    Pixels that one lattice pixel holds are averaged there, and their scatter about the mean, which no smooth model
    could have, is gone: Σ ivar d² of the pixels less that of the lattice.
    """
    return jnp.sum(pixels.ivar * jnp.square(pixels.flux)) - jnp.sum(spectrum.ivar * jnp.square(spectrum.flux))


def log_score(
    chi2: Float[Array, " shift"], trials: Trials, ztrue: Float[Array, ""], outlier: Float[Array, ""]
) -> Array:
    """Return the score of a curve of χ²/T.

    Args:
        chi2: χ²/T at each trial redshift.
        trials: the redshifts.
        ztrue: true redshift, among them.
        outlier: o.
    """
    z = jnp.asarray(trials.z)
    right = jnp.abs(z - ztrue) < RIGHT * (1 + ztrue)
    # dz ∝ 1 + z, as the redshifts are uniform in its logarithm.
    width = jnp.asarray(np.log1p(trials.z))
    of_all = jax.nn.logsumexp(width - chi2 / 2)
    of_right = jax.nn.logsumexp(jnp.where(right, width - chi2 / 2, -jnp.inf))
    flat = jax.nn.logsumexp(jnp.where(right, width, -jnp.inf)) - jax.nn.logsumexp(width)
    return -jnp.logaddexp(jnp.log1p(-outlier) + of_right - of_all, jnp.log(outlier) + flat)
