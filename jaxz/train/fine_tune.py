"""End to end: labelled spectra → the numbers of an error model and a calibration, and changes of a basis.

What is made smaller is the log score of the true redshifts (`jaxz.train.score`), by Adam on small batches, until it no
longer falls on spectra that are held out.
"""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxz._typing import Array
from jaxz.calibration import Calibration
from jaxz.models import Basis, ErrorModel
from jaxz.spectra import Spectra
from jaxz.train.checkpoint import Checkpoint
from jaxz.train.score import Slope
from jaxz.train.tuning import NotFiniteError, Parameters, Problem, Tuning


class Epoch(NamedTuple):
    """One pass over the spectra. Number 0 is before the first, and has no training.

    Attributes:
        number: of passes done.
        training: mean score of the spectra that are learned from, each before the step that it is part of; NaN for 0.
        validation: mean score of those held out, after the pass.
        kept: mean share of the gradient that is summed, see `jaxz.train.score`; NaN for 0.
    """

    number: int
    training: float
    validation: float
    kept: float


class Tuned(NamedTuple):
    """What was learned: that of the epoch with the best validation score.

    Attributes:
        basis: on the lattice that it came on; as it was if it is not learned.
        error, calibration: with the numbers learned.
        history: of all epochs.
    """

    basis: Basis
    error: ErrorModel
    calibration: Calibration
    history: tuple[Epoch, ...]


def fine_tune(
    spectra: Spectra,
    z: np.ndarray,
    basis: Basis,
    *,
    key: Array,
    error: ErrorModel | None = None,
    calibration: Calibration | None = None,
    train_basis: bool = False,
    tuning: Tuning | None = None,
    checkpoint: str | Path | None = None,
    callback: Callable[[Epoch], None] | None = None,
) -> Tuned:
    """Return a basis, an error model and a calibration with which redshifts of labelled spectra are more probable.

    Learned are floor, lines and continuum of the error model, temperature and misfit of the calibration and, on
    request, smooth changes of the basis (`jaxz.train.tuning`), all together. Simulated spectra may be among the others.
    Native pixels that begin in the same quarter of a lattice pixel are put together, and count as one.

    Args:
        spectra: flux in any unit; those without data are passed over.
        z: (spec,) redshifts.
        basis: to begin with.
        key: of the random numbers; the same key gives the same answer.
        error, calibration: to begin with; the default ones if absent. What is not learned of them is kept.
        train_basis: whether the basis is learned too.
        tuning: how; the defaults of `Tuning` if absent.
        checkpoint: a file to keep the state in, every 20 s and after each epoch. If it exists, the run goes on from it,
            to the same answer as without the interruption.
        callback: called after each epoch, and before the first.

    Raises:
        ValueError: if a spectrum has no redshift or one out of range (the message names it), fewer than two spectra
            have data, a number to begin with is 0, the basis is to be learned but one of PCA, or the checkpoint is of
            another run.
        ImportError: without optax, which the extra "train" installs.

    Warns:
        RuntimeWarning: if a score or its gradient is not finite: it stops there, with the best that was found before.

    Example:
        >>> import jax
        >>> basis, z = jaxz.load_basis(), np.linspace(0.02, 0.08, 4)
        >>> few = jaxz.Basis(basis.vectors[:1], basis.grid)
        >>> spectra, _ = jaxz.mock.from_basis(few, z, np.full(4, 5.0), seed=1)
        >>> how = jaxz.train.Tuning(step=4e-4, zmax=0.1, epochs=1)  # a real one takes the defaults
        >>> tuned = jaxz.train.fine_tune(spectra, z, few, key=jax.random.key(1), tuning=how)
        >>> len(tuned.history), tuned.calibration.temperature > 0
        (2, True)
    """
    tuning = tuning or Tuning()
    problem = Problem(
        spectra, z, basis, error or ErrorModel(), calibration or Calibration(), tuning, train_basis=train_basis
    )
    held, used = problem.split(key)
    nbatch = -(-len(used) // tuning.batch)
    descent = Descent(tuning, nbatch, len(used))
    kept = Checkpoint(None if checkpoint is None else Path(checkpoint), problem.configuration(key))
    state = descent.first(problem.begin)
    state = state if kept.found is None else state.restored(kept.found)
    try:
        while True:
            if np.isnan(state.history[state.epoch, 1]):
                state = state.validated(float(np.mean(problem.slopes(state.parameters, held).score)))
                kept.save(state.arrays(), now=True)
                if callback is not None:
                    callback(state.epochs()[-1])
            if state.epoch == tuning.epochs or state.epoch - state.best_epoch >= tuning.patience:
                break
            order = np.asarray(jax.random.permutation(jax.random.fold_in(key, state.epoch), len(used)))
            batch = used[np.array_split(order, nbatch)[int(state.step) % nbatch]]
            state = descent.after(state, problem.slopes(state.parameters, batch))
            kept.save(state.arrays())
    except NotFiniteError as met:
        where = f"step {state.step + 1} (epoch {int(state.step) // nbatch + 1})"
        warnings.warn(
            f"fine-tuning stops at {where}: {met}; what epoch {state.best_epoch} had is returned",
            RuntimeWarning,
            stacklevel=2,
        )
    return Tuned(*problem.tuned(state.best), state.epochs())


class State(NamedTuple):
    """A run on its way, in NumPy arrays.

    Attributes:
        step: number of steps done.
        parameters: after them.
        best: those of the epoch with the best validation score.
        adam: state of the optimiser.
        sums: of scores, shares kept and spectra, in the epoch that is under way.
        history: (epoch, 3) training score, validation score and share kept; NaN where there is none yet.
    """

    step: np.ndarray
    parameters: Parameters
    best: Parameters
    adam: Any
    sums: np.ndarray
    history: np.ndarray

    @property
    def epoch(self) -> int:
        """Number of epochs done."""
        return int(np.count_nonzero(np.isfinite(self.history[:, 0])))

    @property
    def best_epoch(self) -> int:
        """That of the best validation score; 0 before there is one."""
        return int(np.argmin(np.nan_to_num(self.history[:, 1], nan=np.inf)))

    def epochs(self) -> tuple[Epoch, ...]:
        """Return those that are validated."""
        known = self.history[np.isfinite(self.history[:, 1])].tolist()
        return tuple(Epoch(number, *row) for number, row in enumerate(known))

    def validated(self, score: float) -> "State":
        """Return the state with the score of the spectra that are held out."""
        history = self.history.copy()
        history[self.epoch, 1] = score
        after = self._replace(history=history)
        return after._replace(best=self.parameters) if after.best_epoch == self.epoch else after

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what a checkpoint keeps."""
        return {f"leaf{i}": leaf for i, leaf in enumerate(jax.tree.leaves(self))}

    def restored(self, arrays: Mapping[str, np.ndarray]) -> "State":
        """Return the state of a checkpoint of the same run."""
        return jax.tree.unflatten(jax.tree.structure(self), [arrays[f"leaf{i}"] for i in range(len(arrays))])


class Descent:
    """Adam [Kingma & Ba 2015, arXiv:1412.6980], whose rate falls to 0 as half a cosine.

    Args:
        tuning: how.
        nbatch: steps in an epoch.
        nspec: spectra in an epoch.
    """

    def __init__(self, tuning: Tuning, nbatch: int, nspec: int) -> None:
        try:
            import optax
        except ImportError as error:
            raise ImportError("fine-tuning needs optax: pip install 'jaxz[train]'") from error
        self._tuning, self._nbatch, self._nspec = tuning, nbatch, nspec
        self._adam = optax.adam(optax.cosine_decay_schedule(tuning.rate, tuning.epochs * nbatch))
        self._apply = optax.apply_updates

    def first(self, begin: Parameters) -> State:
        """Return the state before the first step."""
        # Optax relies on the promotion of dtypes.
        with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
            adam = jax.tree.map(np.asarray, self._adam.init(begin))
        history = np.full((self._tuning.epochs + 1, 3), np.nan)
        return State(np.array(0), begin, begin, adam, np.zeros(3), history)

    def after(self, state: State, slope: Slope) -> State:
        """Return the state after the step of a batch, and after the epoch if it is the last."""
        # The prior of u counts once in an epoch.
        ridge = state.parameters.bumps / self._nspec
        gradient = Parameters(slope.numbers.mean(axis=0), self._tuning.width * slope.bumps.mean(axis=0) + ridge)
        with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
            updates, adam = self._adam.update(gradient, state.adam, state.parameters)
            parameters, adam = jax.tree.map(np.asarray, (self._apply(state.parameters, updates), adam))
        sums = state.sums + np.array([slope.score.sum(), slope.kept.sum(), len(slope.score)])
        step, history = np.asarray(state.step + 1), state.history.copy()
        if step % self._nbatch == 0:
            history[state.epoch + 1, [0, 2]] = sums[:2] / sums[2]
            sums = np.zeros(3)
        return state._replace(step=step, parameters=parameters, adam=adam, sums=sums, history=history)
