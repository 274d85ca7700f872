"""How good a basis of each rank is on spectra that it was not learned from."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jaxz import validate
from jaxz._typing import Array
from jaxz.models.basis import Basis
from jaxz.redshift import find_redshifts
from jaxz.scan import nmf_scan
from jaxz.spectra import Spectra
from jaxz.train.basis import Training, as_basis, check_rank, first_state, with_new_vector
from jaxz.train.nmf import Problem, State, run
from jaxz.train.sample import rest_frame, well_covered


class CrossValidation(NamedTuple):
    """Redshifts of held-out spectra.

    Attributes:
        ranks: (rank,) numbers of vectors.
        fold: (spec,) the fold in which each spectrum was held out.
        ztrue: (spec,) true redshifts.
        z: (rank, spec) redshifts found with the bases that the spectrum had no part in; NaN where there is none.

    Example:
        >>> ztrue = np.array([0.1, 0.2, 0.3, 0.4])
        >>> z = np.stack([ztrue, ztrue + [0, 0, 1, 0]])
        >>> found = jaxz.train.CrossValidation(np.array([8, 10]), np.array([0, 0, 1, 1]), ztrue, z)
        >>> found.good_fraction
        array([[1. , 1. ],
               [1. , 0.5]])
    """

    ranks: np.ndarray
    fold: np.ndarray
    ztrue: np.ndarray
    z: np.ndarray

    @property
    def good_fraction(self) -> np.ndarray:
        """Good fraction [M, eq. 10] of each fold, (rank, fold)."""
        return self._of_folds(lambda z, ztrue: validate.good_fraction(z, ztrue).value)

    @property
    def mae(self) -> np.ndarray:
        """Mean absolute error with outlier rejection [M, eq. 11] of each fold, (rank, fold)."""
        return self._of_folds(lambda z, ztrue: validate.mean_absolute_error(z, ztrue)[0])

    def _of_folds(self, metric: Callable[[np.ndarray, np.ndarray], float]) -> np.ndarray:
        members = [self.fold == fold for fold in np.unique(self.fold)]
        return np.array([[metric(z[held], self.ztrue[held]) for held in members] for z in self.z])


def folds(z: np.ndarray, *, nfolds: int, key: Array) -> np.ndarray:
    """Return the fold of each spectrum, (spec,) int, so that all folds have the same redshift distribution.

    In the order of redshift, each run of `nfolds` spectra is dealt out at random, one to each fold.

    Args:
        z: (spec,) redshifts.
        nfolds: number of folds.
        key: of the random numbers; the same key gives the same folds.

    Raises:
        ValueError: if `nfolds` is below 2 or above the number of spectra.

    Example:
        >>> import jax
        >>> np.bincount(jaxz.train.folds(np.linspace(0, 1, 10), nfolds=5, key=jax.random.key(1)))
        array([2, 2, 2, 2, 2])
    """
    if not 2 <= nfolds <= len(z):
        raise ValueError(f"nfolds={nfolds} for {len(z)} spectra: use 2 to {len(z)}")
    rounds = -(-len(z) // nfolds)
    dealt = jax.vmap(lambda one: jax.random.permutation(one, nfolds))(jax.random.split(key, rounds))
    fold = np.empty(len(z), dtype=int)
    fold[np.argsort(z, kind="stable")] = np.asarray(dealt).ravel()[: len(z)]
    return fold


def crossval(
    spectra: Spectra,
    z: np.ndarray,
    *,
    ranks: Sequence[int],
    key: Array,
    nfolds: int = 5,
    zmin: float = 0.0,
    zmax: float = 6.7,
    start: Basis | None = None,
    training: Training | None = None,
    callback: Callable[[int, int], None] | None = None,
) -> CrossValidation:
    """Return the redshifts of each spectrum found with bases of several ranks learned from the other folds [M, §3.5].

    In each fold the vectors are grown one by one up to the greatest rank, as `fit_basis` does, and at each rank of
    interest a copy gets the last pass: the basis of a rank is the one that `fit_basis` would return for the folds it is
    learned from.

    Args:
        spectra, z, start, training: as of `fit_basis`.
        ranks: numbers of vectors.
        key: of the random numbers, for the folds too.
        nfolds: number of folds.
        zmin, zmax: trial redshifts.
        callback: called with the number of bases tried and of all, after each.

    Raises:
        ValueError: as `fit_basis`, `folds` and `nmf_scan`.

    Example:
        >>> import jax
        >>> basis, z = jaxz.load_basis(), np.linspace(0.02, 0.08, 6)
        >>> spectra, _ = jaxz.mock.from_basis(basis, z, np.full(6, 30.0), seed=1)
        >>> how = jaxz.train.Training(stage_iter=2, final_iter=2)
        >>> found = jaxz.train.crossval(spectra, z, ranks=[1], nfolds=2, key=jax.random.key(1), zmax=0.1, training=how)
        >>> found.z.shape, found.fold.shape
        ((1, 6), (6,))
    """
    training = training or Training()
    ranks = sorted(set(ranks))
    sample = rest_frame(spectra, z, step=training.step, error_floor=training.error_floor)
    fold = folds(z, nfolds=nfolds, key=key)
    found = np.full((len(ranks), len(z)), np.nan)
    for held in range(nfolds):
        use, test = fold != held, spectra[fold == held]
        part = well_covered(sample._replace(flux=sample.flux[use], ivar=sample.ivar[use], shift=sample.shift[use]))
        check_rank(part, ranks[-1], start)
        problem = Problem(part.flux, part.ivar, part.shift, part.grid.size, training.algorithm)
        state = first_state(part, start)
        for row, rank in enumerate(ranks):
            while len(state.basis) < rank:
                state = with_new_vector(state, jax.random.fold_in(key, len(state.basis)))
                state = run(problem, state, n_iter=training.stage_iter, rtol=training.rtol, callback=_nothing)
            last = State(state.coeff, state.basis, [])
            last = run(problem, last, n_iter=training.final_iter, rtol=training.rtol, callback=_nothing)
            basis = as_basis(last, part.grid, start, name="FOLD", version=str(held))
            scan = nmf_scan(test, basis, zmin=zmin, zmax=zmax)
            found[row, fold == held] = find_redshifts(scan, test).z
            if callback is not None:
                callback(held * len(ranks) + row + 1, nfolds * len(ranks))
    return CrossValidation(np.array(ranks), fold, np.asarray(z, dtype=np.float64), found)


def _nothing(state: State) -> None:
    pass
