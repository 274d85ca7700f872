"""What is fine-tuned, on which spectra: parameters → scores and gradients, and the model that they stand for.

Numbers are learned as their logarithms, so that they stay positive. A vector of the basis is multiplied by

    exp(Σ_j w u_j G_j(ln λ)),   u_j ~ N(0, 1) a priori,

with broad Gaussians G_j, one σ apart: it stays positive and keeps its lines, and where the spectra say nothing it stays
what it was.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array
from jaxz.calibration import Calibration
from jaxz.models import Basis, ErrorModel, Free, NonNegative, Trials
from jaxz.models.model import Precision
from jaxz.models.templates import AbstractTemplates, unit_rms
from jaxz.pixels import layout
from jaxz.run import run
from jaxz.scan import fastest_precision, fingerprints_of, scannable
from jaxz.spectra import LogGrid, Spectra
from jaxz.status import Status
from jaxz.train.checkpoint import digest
from jaxz.train.sample import labels, named
from jaxz.train.score import KEPT, NUMBERS, Score, Slope

ROUND = 512
"""Spectra are put on a multiple of so many lattice pixels."""


class Tuning(NamedTuple):
    """How to fine-tune.

    Attributes:
        step: of the lattice, dex. A coarse one will do: what is learned holds for any.
        zmin, zmax: trial redshifts.
        epochs: passes over the spectra at most; the rate falls to 0 over as many, as half a cosine.
        batch: spectra in a step.
        rate: first step of Adam, in ln of the numbers and in u.
        validation: share of the spectra that is held out to say when to stop.
        patience: epochs without a better score of these after which it stops.
        outlier: share of wrong labels that is reckoned with, see `jaxz.train.score`.
        bumps: Gaussians over the range of the basis.
        width: w, by which ln of a vector may change along each.
    """

    step: float = 2e-4
    zmin: float = 0.0
    zmax: float = 6.7
    epochs: int = 20
    batch: int = 64
    rate: float = 0.05
    validation: float = 0.2
    patience: int = 5
    outlier: float = 0.01
    bumps: int = 40
    width: float = 0.1


class Parameters(NamedTuple):
    """What is learned.

    Attributes:
        numbers: (number,) logarithms of `NUMBERS`.
        bumps: (basis, bump) u; no bumps where the basis is not learned.
    """

    numbers: np.ndarray
    bumps: np.ndarray


class NotFiniteError(ArithmeticError):
    """A score or its gradient is not finite; the message names the spectra."""


def check_range(spectra: Spectra, z: np.ndarray, tuning: Tuning) -> None:
    """Refuse redshifts that are not among the trials.

    Raises:
        ValueError: naming the spectra.
    """
    if len(out := np.flatnonzero((z < tuning.zmin) | (z > tuning.zmax))):
        raise ValueError(
            f"{len(out)} spectra have a redshift that is not tried: {named(spectra, z, out)}: leave them out, or "
            f"widen zmin={tuning.zmin:g} to zmax={tuning.zmax:g}"
        )


class Problem:
    """Labelled spectra, and the model to begin with.

    Arguments and errors are those of `fine_tune`, with `precision` as of `jaxz.scan` and `kept` as of `Score`.

    Attributes:
        begin: the parameters of the model to begin with.
        rows: indices of the spectra that have data.
    """

    def __init__(
        self,
        spectra: Spectra,
        z: np.ndarray,
        basis: Basis,
        error: ErrorModel,
        calibration: Calibration,
        tuning: Tuning,
        *,
        train_basis: bool,
        precision: Precision | None = None,
        kept: int = KEPT,
    ) -> None:
        z = labels(spectra, z)
        check_range(spectra, z, tuning)
        if train_basis and basis.method != "NMF":
            raise ValueError(
                f"the basis {basis.name!r} is one of PCA, and its vectors change sign: give a non-negative one, or "
                "learn the numbers alone"
            )
        numbers = [error.floor, error.lines, error.continuum, calibration.temperature, calibration.misfit]
        for name, number in zip(NUMBERS, numbers, strict=True):
            if not float(number) > 0:
                raise ValueError(f"{name}={float(number):g} to begin with: it is learned as a factor, begin above 0")
        self._spectra, self._z = spectra, z
        self._precision: Precision = precision or fastest_precision()
        self._kept = kept
        self._basis, self._coarse = basis, basis.with_step(tuning.step)
        self._error, self._calibration, self._tuning = error, calibration, tuning
        self._nbump = tuning.bumps if train_basis else 0
        self.begin = Parameters(np.log(np.array(numbers, np.float64)), np.zeros((len(basis), self._nbump)))
        self._trials = Trials.between(tuning.zmin, tuning.zmax, tuning.step)
        model = self._model(self.begin)
        self.rows = np.flatnonzero(scannable(spectra, model, self._trials) == Status.OK)
        if len(self.rows) < 2:
            raise ValueError(f"{len(self.rows)} of {len(spectra)} spectra have data: give two or more to learn from")
        where = layout(spectra, tuning.step)
        self._size = -(-int(where.size[self.rows].max()) // ROUND) * ROUND
        sizes = np.full(len(self.rows), self._size)
        self._nfft = int(model.fft_lengths(where.start[self.rows], sizes, self._trials).max())

    def configuration(self, key: Array) -> dict[str, Any]:
        """Return all that the outcome depends on, for a checkpoint."""
        return {
            **self._tuning._asdict(),
            "key": np.asarray(jax.random.key_data(key)).tolist(),
            "basis": self._basis.sha256,
            "learned": "numbers and basis" if self._nbump else "numbers",
            "begin": self.begin.numbers.tolist(),
            "order": self._error.order,
            "fwhm": self._error.fwhm,
            "precision": self._precision,
            "spectra": digest(fingerprints_of(self._spectra), self._z),
        }

    def split(self, key: Array) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows that are held out, and those that are learned from."""
        order = np.asarray(jax.random.permutation(key, len(self.rows)))
        count = min(max(round(self._tuning.validation * len(order)), 1), len(order) - 1)
        return self.rows[np.sort(order[:count])], self.rows[np.sort(order[count:])]

    def slopes(self, parameters: Parameters, rows: np.ndarray) -> Slope:
        """Return the scores of some spectra and their gradients, (row, …).

        Raises:
            NotFiniteError: if one is not finite.
        """
        model = self._model(parameters)
        vectors = unit_rms(np.asarray(model.basis.vectors))
        with jax.enable_x64(True):
            curves = model.curves(
                self._trials, self._size, self._nfft, precision=self._precision, engine=None, own=None
            )
            task = Score(
                curves,
                vectors=jnp.asarray(vectors, dtype=jnp.float64),
                bumps=jnp.asarray(self._bumps(self._coarse.grid)),
                numbers=jnp.asarray(parameters.numbers),
                error=self._error,
                calibration=self._calibration,
                outlier=jnp.asarray(self._tuning.outlier, dtype=jnp.float64),
                kept=self._kept,
            )
        found: Slope = run(task, self._spectra, rows, (self._z,), step=self._tuning.step)
        found = Slope(*(values[rows] for values in found))
        good = np.all([np.isfinite(values).reshape(len(rows), -1).all(axis=1) for values in found], axis=0)
        if not good.all():
            raise NotFiniteError(f"no finite score of {named(self._spectra, self._z, rows[~good])}")
        return found

    def tuned(self, parameters: Parameters) -> tuple[Basis, ErrorModel, Calibration]:
        """Return what the parameters stand for, the basis on the lattice that it came on."""
        floor, lines, continuum, temperature, misfit = np.exp(parameters.numbers).tolist()
        error = ErrorModel(floor, lines, continuum, self._error.order, self._error.fwhm)
        known = {"temperature": temperature, "misfit": misfit, "name": "fine-tuned"}
        return self._changed(self._basis, parameters), error, dataclasses.replace(self._calibration, **known)

    def _model(self, parameters: Parameters) -> AbstractTemplates:
        kind = NonNegative if self._basis.method == "NMF" else Free
        return kind(self._changed(self._coarse, parameters), error=self._error)

    def _changed(self, basis: Basis, parameters: Parameters) -> Basis:
        if not self._nbump:
            return basis
        change = np.exp(self._tuning.width * parameters.bumps @ self._bumps(basis.grid))
        vectors = np.asarray(basis.vectors)
        return dataclasses.replace(basis, vectors=(vectors * change).astype(vectors.dtype))

    def _bumps(self, grid: LogGrid) -> np.ndarray:
        """Return the Gaussians on a window, (bump, rest); their centres are spread over the basis."""
        low, high = self._basis.grid.loglam[[0, -1]]
        centre = np.linspace(low, high, max(self._nbump, 2))[: self._nbump, None]
        return np.exp(-0.5 * ((grid.loglam - centre) / ((high - low) / max(self._nbump - 1, 1))) ** 2)
