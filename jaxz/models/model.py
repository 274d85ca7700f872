"""What a model is: columns that slide with the redshift, columns that do not, and the mathematics of one spectrum.

    d = Σ columns × coefficients + noise,   noise ~ N(0, diag(1/ivar)).

A column slides with the trial redshift or is fixed in the observed frame. Its coefficient is non-negative, Gaussian
(prior variance 1, the column carrying its scale) or free. χ²(z) is the minimum over the coefficients, the prior of the
Gaussian ones included; with the log-determinant it is -2 ln of the marginal likelihood.

A model says which spectra it can be scanned over (`status`), gives functions of one spectrum that `jaxz.run.run`
applies to many (`curves`, `fits`), and χ² of one spectrum at one redshift (`chi2`), which is pure and differentiable.
"""

import abc
import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import equinox as eqx
import numpy as np
from jax.typing import ArrayLike

from jaxz._typing import Array, Bool, Either, Float, Int
from jaxz.models.columns import Kind, Nuisance
from jaxz.models.components import GaussianComponent
from jaxz.models.error import ErrorModel
from jaxz.models.trials import Trials
from jaxz.pixels import Pixels
from jaxz.spectra import Spectra

Precision = Literal["float32", "mixed", "float64"]
"""Of a scan: "float64" throughout; "mixed" has its sums over pixels in float64 and solves them in float32; "float32"
has these sums in float32 too, so that there is no float64 transform, which a TPU does not have."""
Engine = Literal["fft", "products", "direct"]


class Curve(NamedTuple):
    """What a scan finds in one spectrum.

    Attributes:
        chi2: at every trial redshift.
        null: χ² of the fixed columns and noise alone.
        kkt: largest violation of the optimality conditions of a non-negative fit, as of `jaxz.kernels.nnls`.
        unconverged: trial redshifts at which the fit did not converge.
    """

    chi2: Float[Either, " shift"]
    null: Float[Either, ""]
    kkt: Float[Either, ""]
    unconverged: Int[Either, ""]


class Fit(NamedTuple):
    """Best fits near candidate redshifts.

    Attributes:
        shift: log10(1+z)/step of each candidate, float64.
        shift_err: its 1 σ error (Δχ² = 1); infinite where χ² has no minimum there.
        chi2: of the fit.
        coeff: of the sliding columns.
        converged: whether the fit did.
        covered: share of the good pixels that the model covers.
        few: the most that three neighbouring pixels add to χ² beyond that of the best candidate.
        null: χ² of the fixed columns and noise alone, in the same pixels.
    """

    shift: Float[Either, "*spec cand"]
    shift_err: Float[Either, "*spec cand"]
    chi2: Float[Either, "*spec cand"]
    coeff: Float[Either, "*spec cand basis"]
    converged: Bool[Either, "*spec cand"]
    covered: Float[Either, "*spec cand"]
    few: Float[Either, "*spec cand"]
    null: Float[Either, "*spec"]


Task = Callable[..., Any]
r"""A function of one spectrum, (serial, \*inputs) → arrays: an `equinox.Module` whose arrays all spectra share, and
whose settings are static. `serial` tells whether loops inside are best made one step after the other, as on a CPU; the
inputs are the spectrum's `Pixels`, if there are any, its row of each input of `jaxz.run.run`, and its own columns."""


class AbstractModel(eqx.Module):
    """One linear model: settings are fields, arrays are leaves."""

    nuisance: eqx.AbstractVar[tuple[Nuisance, ...]]
    error: eqx.AbstractVar[ErrorModel | None]

    @property
    @abc.abstractmethod
    def step(self) -> float:
        """Lattice step, dex."""

    @property
    @abc.abstractmethod
    def spectype(self) -> str:
        """Class of what slides, for the catalog's SPECTYPE."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """Name of what slides, for the catalog's SUBTYPE."""

    @property
    @abc.abstractmethod
    def fitmethod(self) -> str:
        """For the catalog's FITMETHOD."""

    @property
    @abc.abstractmethod
    def sha256(self) -> str:
        """Fingerprint of all arrays and settings."""

    @abc.abstractmethod
    def cards(self) -> dict[str, str | float | int]:
        """Return what the header of a catalog says of the model: names, versions, fingerprints."""

    @abc.abstractmethod
    def __len__(self) -> int:
        """Return how many columns slide."""

    @abc.abstractmethod
    def counts(self, spectra: Spectra) -> np.ndarray:
        """Return which native pixels have data and are not masked by a nuisance component, (spec, pix) bool."""

    @abc.abstractmethod
    def reach(self, trials: Trials) -> tuple[float, float]:
        """Return the ends in Å of what slides, at the lowest and at the highest trial redshift."""

    @abc.abstractmethod
    def fft_lengths(self, start: np.ndarray, size: np.ndarray, trials: Trials) -> np.ndarray:
        """Return the length of the transforms for spectra of `size` lattice pixels from `start` on, (spec,) int."""

    @abc.abstractmethod
    def curves(
        self, trials: Trials, size: int, nfft: int, *, precision: Precision, engine: Engine | None, own: Kind | None
    ) -> Task:
        """Return the task (spectrum[, own columns]) → `Curve`.

        Args:
            trials: trial redshifts.
            size: lattice pixels that hold each spectrum.
            nfft: from `fft_lengths`.
            precision: of the sums over pixels and of the solution.
            engine: how the normal equations are summed; the fastest if None.
            own: kind of the columns that each spectrum has of its own, or None.

        Raises:
            ValueError: if the model has no such engine.
        """

    @abc.abstractmethod
    def fits(self, trials: Trials, size: int, *, own: Kind | None) -> Task:
        """Return the task (spectrum, shifts of candidates[, own columns]) → `Fit`; arguments as of `curves`."""

    @abc.abstractmethod
    def chi2(self, pixels: Pixels, z: ArrayLike) -> Float[Array, ""]:
        """Return χ² of one spectrum at one redshift."""

    @abc.abstractmethod
    def predict(self, pixels: Pixels, z: ArrayLike) -> Float[Array, "part pix"]:
        """Return the best fit of one spectrum at one redshift: what slides, then each nuisance part."""

    @property
    @abc.abstractmethod
    def coefficients(self) -> Kind:
        """Kind of the coefficients of what slides."""

    @abc.abstractmethod
    def sliding_columns(self, z: ArrayLike, start: Int[Array, ""], size: int) -> Float[Array, "basis obs"]:
        """Return what slides, at a redshift, on `size` lattice pixels from `start` on."""

    @property
    @abc.abstractmethod
    def line(self) -> float | None:
        """Rest wavelength in Å of what slides, if it is one line."""


def nuisance_cards(nuisance: Sequence[Nuisance]) -> dict[str, str | float | int]:
    """Return what the header of a catalog says of nuisance parts."""
    cards: dict[str, str | float | int] = {"NNUIS": len(nuisance)} if nuisance else {}
    for i, part in enumerate(nuisance):
        cards |= {f"NUIS{i}": part.name, f"NUISSHA{i}": part.sha256}
        if isinstance(part, GaussianComponent):
            cards |= {f"NUISVER{i}": part.version}
    return cards


def digest(*parts: object) -> str:
    """Return the SHA-256 of arrays and of what else has a `repr`."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            total.update(repr((part.shape, part.dtype.str)).encode())
            total.update(np.ascontiguousarray(part).tobytes())
        else:
            total.update(repr(part).encode())
    return total.hexdigest()
