"""What makes reported numbers true of real spectra: how much of a Δχ² to believe, and how well z is known at best.

With n good pixels and χ² of the best fit, P(z) ∝ p(z) exp(-χ²(z)/2T) dz with

    T = T₀ [1 + t max(χ²/n - 1, 0)],

and Δχ²/T is what a flag asks of the distance to the next candidate. The error of z is that of the tempered likelihood
and, added in quadrature, a velocity: of the wavelength scale and the features that basis and truth do not share. Where
nothing redward of `OPTICAL` in the rest frame is seen it is a larger one, as Lyα and interstellar lines have velocities
of their own.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Float, Int
from jaxz.models import AbstractModel
from jaxz.models.model import digest

OPTICAL = 3727.0
"""Rest wavelength, Å, that must be seen for a redshift to be one of optical lines: [O II]."""


class Calibration(eqx.Module):
    """Numbers fitted on spectra of known redshift.

    The defaults are for models with an error model, and for instruments that calibrated nothing. T₀, t and the flags
    were chosen in five folds, and with each survey left out, of 580 VANDELS, 334 FORS2 and 49 other spectra, and
    rounded; they are typical. Velocities and level are conservative: those of the worse of VANDELS, at Lyα, and FORS2,
    whose wavelengths are good to some 50 km/s. Errors of SDSS redshifts are half of what they say.

    Args:
        temperature: T₀.
        misfit: t.
        delta_chi2: least Δχ²/T to the next candidate without the flag SMALL_DELTA_CHI2.
        bad_fit: χ²/n above which a fit gets the flag BAD_FIT.
        optical, ultraviolet: velocities added to the error of z, km/s.
        level: share of P(z) that Z_LO … Z_HI encloses to hold 0.9 of the true redshifts (see `jaxz.intervals`).
        name: for the header of catalogs.
        models: `fingerprint` of those with which it was learned, and for which alone it is; of any model if there are
            none.

    Raises:
        ValueError: if a number is negative or not finite, or the temperature not positive.

    Example:
        >>> calibration = jaxz.Calibration(temperature=2.0, name="mine")
        >>> calibration.velocity(np.array([0.5, 3.0]), np.array([9300.0, 9300.0]))  # km/s
        array([ 55., 200.])
    """

    temperature: float = 1.5
    misfit: float = 5.0
    delta_chi2: float = 9.0
    bad_fit: float = 1.5
    optical: float = 55.0
    ultraviolet: float = 200.0
    level: float = 0.998
    name: str = eqx.field(static=True, default="default")
    models: tuple[str, ...] = eqx.field(static=True, default=())

    def __check_init__(self) -> None:
        for field in ("misfit", "delta_chi2", "optical", "ultraviolet", "temperature"):
            if not 0 <= getattr(self, field) < np.inf:
                raise ValueError(f"calibration {self.name!r}: {field}={getattr(self, field)}: use 0 or more")
        if not 0 <= self.level <= 1:
            raise ValueError(f"calibration {self.name!r}: level={self.level}: use a share of P(z), 0 to 1")
        if self.temperature == 0:
            raise ValueError(f"calibration {self.name!r}: temperature=0: use a positive number, 1 for χ² as it is")

    def temperature_of(self, chi2: Float[Array, ""], npixels: Int[Array, ""]) -> Float[Array, ""]:
        """Return T of one spectrum, of its lowest χ² and number of good pixels."""
        excess = chi2 / jnp.maximum(npixels, 1).astype(chi2.dtype) - 1
        return self.temperature * (1 + self.misfit * jnp.maximum(excess, 0))

    def velocity(self, z: np.ndarray, reddest: np.ndarray) -> np.ndarray:
        """Return the velocity that is added to the error of redshifts (spec, …), km/s.

        Args:
            z: redshifts.
            reddest: (spec,) reddest wavelength of each spectrum, Å.
        """
        seen = reddest.reshape(-1, *[1] * (z.ndim - 1)) > OPTICAL * (1 + z)
        return np.where(seen, self.optical, self.ultraviolet)


def fingerprint(model: AbstractModel) -> str:
    """Return the SHA-256 of what the header of a catalog says of a model: its basis, nuisance and error model."""
    return digest(*sorted(model.cards().items()))


def probability_of(deltachi2: np.ndarray, temperature: np.ndarray, odds: tuple[float, float]) -> np.ndarray:
    """Return the probability of what improves the fit by Δχ²: ln of its odds is a + b ln(Δχ²/T), where that is above 1.

    Args:
        deltachi2, temperature: (spec,) Δχ² and T.
        odds: a and b, fitted where it is known what is there.

    Example:
        >>> from jaxz.calibration import probability_of
        >>> probability_of(np.array([3.0, 30.0, 300.0]), np.ones(3), (-9.8, 3.1)).round(3)
        array([0.002, 0.678, 1.   ])
    """
    logarithm = np.log(np.maximum(deltachi2 / temperature, 1))
    return 1 / (1 + np.exp(-(odds[0] + odds[1] * logarithm)))


def check_models(calibration: Calibration, model: AbstractModel) -> None:
    """Refuse a calibration that was learned with other models.

    Raises:
        ValueError: naming both, and what to do.
    """
    if calibration.models and fingerprint(model) not in calibration.models:
        cards = ", ".join(f"{key}={value}" for key, value in model.cards().items())
        raise ValueError(
            f"calibration {calibration.name!r} was learned with other models, or another error model, than {cards}: "
            "scan with the ones it was learned with, learn one for these with jaxz.train.fit_calibration, or leave it "
            "out"
        )


PLAIN = Calibration(1.0, 0.0, 9.0, np.inf, 0.0, 0.0, 0.9, name="none")
"""χ² taken at its word: that of the papers, and for models without an error model."""
