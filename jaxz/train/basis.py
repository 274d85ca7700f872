"""Labelled spectra → a basis."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array
from jaxz.models.basis import Basis
from jaxz.models.components import placed
from jaxz.spectra import DEFAULT_STEP, LogGrid, Spectra
from jaxz.train.checkpoint import Checkpoint, digest
from jaxz.train.nmf import Algorithm, Problem, State, run
from jaxz.train.sample import FAINTEST, Sample, best_coeff, on_grid, rest_frame, well_covered

BORDER = 0.005
"""dex of wavelength beside a border in which a vector is compared with the start: 1.2 %, wider than any line."""

MOST = 3.0
"""How much brighter a vector may be continued at a border than it has become as a whole."""


class Training(NamedTuple):
    """How a basis is learned; the defaults are those of the basis in the package.

    Attributes:
        step: of the lattice, dex.
        error_floor: share of the flux, and of its root mean square, that is added to its error in quadrature.
        stage_iter: iterations at most for each new vector, before the next is added.
        final_iter: iterations at most of the last pass, with all vectors.
        rtol: share of χ² that a fit may leave to gain, see `fit_nmf`; it ends none before 100 iterations.
        algorithm: "nearly" or "shift", see `fit_nmf`.

    Few iterations are a choice. More make the vectors purer, and free to imitate what is no galaxy: of simulated
    spectra with sky residuals and distorted ends, fewer redshifts are right.
    """

    step: float = DEFAULT_STEP
    error_floor: float = 0.1
    stage_iter: int = 30
    final_iter: int = 60
    rtol: float = 1e-3
    algorithm: Algorithm = "nearly"


class Step(NamedTuple):
    """One iteration of a training run.

    Attributes:
        done, total: iterations, of all stages together; stages that converge early leave the rest of theirs out.
        rank: vectors now fitted.
        chi2: after the iteration, for each pixel with data.
    """

    done: int
    total: int
    rank: int
    chi2: float


class Progress(NamedTuple):
    """Where a training run is.

    Attributes:
        stage: number of the fit, from 0; those before it are done.
        state: of that fit; coefficients and basis alone if it has not begun.
    """

    stage: int
    state: State

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what a checkpoint keeps."""
        coeff, basis, chi2 = self.state
        return {"stage": np.array(self.stage), "coeff": coeff, "basis": basis, "chi2": np.array(chi2, np.float64)}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> "Progress":
        """Return the progress of a checkpoint."""
        return cls(int(arrays["stage"]), State(arrays["coeff"], arrays["basis"], arrays["chi2"].tolist()))


def fit_basis(
    spectra: Spectra,
    z: np.ndarray,
    *,
    rank: int,
    key: Array,
    start: Basis | None = None,
    training: Training | None = None,
    name: str = "LEARNED",
    version: str = "1",
    checkpoint: str | Path | None = None,
    callback: Callable[[Step], None] | None = None,
) -> Basis:
    """Return a basis learned from spectra with known redshifts [M, sec. 3.1 and 3.5].

    The spectra are put on the lattice in the rest frame, scaled, and given an error floor. Vectors are added one by
    one: each begins flat, with random coefficients, and all are iterated before the next is added. A pass over all of
    them ends it. The vectors returned have mean 1 where they are not zero; they are zero in rest pixels that less than
    1 % of the spectra cover, unless `start` has values there.

    A few hundred noisy spectra are too few to learn a basis from: what few spectra cover follows their noise. `start`
    then helps, with a basis of simulated galaxies, such as the one in the package: the fit begins there, and the
    spectra change it where they have something to say. Keep `final_iter` low, so that it stays near. Where they have
    not, its vectors go on as they were, scaled to meet what was learned.

    Args:
        spectra: flux in any unit; those without data are passed over.
        z: (spec,) redshifts.
        rank: number of vectors, including those of `start`.
        key: of the random numbers; the same key gives the same basis.
        start: vectors to begin with.
        training: how; the defaults of `Training` if absent.
        name, version: of the basis.
        checkpoint: a file to keep the state of the run in, every 20 s and at the end of each stage. If it exists, the
            run goes on from it, to the same basis as without the interruption.
        callback: called after each iteration.

    Raises:
        ValueError: if spectra have no redshift (NaN or below -0.01), `rank` is more than the number of spectra with
            data or less than the vectors of `start`, no spectrum has positive flux, or the checkpoint is of another
            run.

    Example:
        >>> import jax
        >>> basis, z = jaxz.load_basis(), np.linspace(0.02, 0.08, 6)
        >>> spectra, _ = jaxz.mock.from_basis(basis, z, np.full(6, 30.0), seed=1)
        >>> how = jaxz.train.Training(stage_iter=2, final_iter=2)  # a real one takes the defaults
        >>> mine = jaxz.train.fit_basis(spectra, z, rank=2, key=jax.random.key(1), training=how, name="MINE")
        >>> mine.name, len(mine.vectors)
        ('MINE', 2)
    """
    training = training or Training()
    sample = well_covered(rest_frame(spectra, z, step=training.step, error_floor=training.error_floor))
    check_rank(sample, rank, start)
    settings = {
        **training._asdict(),
        "rank": rank,
        "key": _words(key),
        "start": None if start is None else start.sha256,
        "spectra": digest(sample.flux, sample.ivar, sample.shift, known=repr(sample.grid)),
    }
    kept = Checkpoint(None if checkpoint is None else Path(checkpoint), settings)
    problem = Problem(sample.flux, sample.ivar, sample.shift, sample.grid.size, training.algorithm)
    npixels = np.count_nonzero(sample.ivar)
    begin = 0 if start is None else len(start)
    limits = [training.stage_iter] * (rank - begin) + [training.final_iter]

    def opened(stage: int, state: State) -> State:
        if stage < rank - begin:
            return with_new_vector(state, jax.random.fold_in(key, len(state.basis)))
        return State(state.coeff, state.basis, [])

    first, state = Progress.of(kept.found) if kept.found else Progress(0, opened(0, first_state(sample, start)))
    for stage in range(first, len(limits)):

        def report(now: State, stage: int = stage) -> None:
            kept.save(Progress(stage, now).arrays())
            if callback is not None:
                done = sum(limits[:stage]) + len(now.chi2) - 1
                callback(Step(done, sum(limits), len(now.basis), now.chi2[-1] / npixels))

        state = run(problem, state, n_iter=limits[stage], rtol=training.rtol, callback=report)
        if stage + 1 < len(limits):
            state = opened(stage + 1, state)
            kept.save(Progress(stage + 1, state).arrays(), now=True)
    return as_basis(state, sample.grid, start, name=name, version=version)


def check_rank(sample: Sample, rank: int, start: Basis | None) -> None:
    """Refuse a rank that the spectra or the start do not allow.

    Raises:
        ValueError: as `fit_basis`.
    """
    seen = np.count_nonzero(sample.ivar.any(axis=1))
    least = 1 if start is None else len(start)
    if not least <= rank <= seen:
        raise ValueError(f"rank={rank} with {seen} spectra that have data: use {least} to {seen}, or more spectra")
    if not np.any(sample.flux > 0):
        raise ValueError("no spectrum has a pixel of positive flux: nothing non-negative can be learned")


def first_state(sample: Sample, start: Basis | None) -> State:
    """Return a fit of the vectors of `start`, or of none."""
    if start is None:
        return State(np.zeros((len(sample.flux), 0), np.float32), np.zeros((0, sample.grid.size), np.float32), [])
    vectors = on_grid(start, sample.grid)
    return State(best_coeff(sample, vectors), vectors, [])


def with_new_vector(state: State, key: Array) -> State:
    """Return a fit with one more vector, flat, and random coefficients for it, in size as the others.

    The first update makes it the mean of the spectra with those weights. A random vector would keep its own noise in
    the pixels that few spectra cover, and for hundreds of iterations in all others.
    """
    first = not len(state.basis)
    level, size = (1.0, 1.0) if first else (float(state.basis.mean()), float(state.coeff.mean()))
    share = 2 * size * np.asarray(jax.random.uniform(key, (len(state.coeff), 1), jnp.float32))
    vector = np.full((1, state.basis.shape[1]), level, np.float32)
    return State(np.concatenate([state.coeff, share], axis=1), np.concatenate([state.basis, vector]), [])


def as_basis(state: State, grid: LogGrid, start: Basis | None, *, name: str, version: str) -> Basis:
    """Return the vectors of a fit as a `Basis` without empty ends, each of mean 1 where it is not zero.

    They are continued by those of `start`. A vector that is of no use to any spectrum is left out: one whose largest
    value, times its largest coefficient, is below `FAINTEST` of the size of spectra, which is 1.

    Raises:
        ValueError: if all vectors are left out, as after spectra whose flux is negative everywhere.
    """
    vectors = state.basis.astype(np.float64)
    used = state.coeff.max(axis=0) * vectors.max(axis=1) >= FAINTEST
    if not used.any():
        raise ValueError(
            "all vectors are zero: the spectra are negative on average, nothing non-negative describes them"
        )
    if start is not None:
        vectors, grid = continued(vectors, grid, start)
    vectors = vectors[used]
    seen = np.flatnonzero(vectors.any(axis=0))
    vectors = vectors[:, seen[0] : seen[-1] + 1]
    mean = vectors.sum(axis=1, keepdims=True) / np.count_nonzero(vectors, axis=1, keepdims=True)
    grid = LogGrid(grid.start + int(seen[0]), vectors.shape[1], grid.step)
    return Basis((vectors / mean).astype(np.float32), grid, name=name, version=version)


def continued(vectors: np.ndarray, grid: LogGrid, start: Basis) -> tuple[np.ndarray, LogGrid]:
    """Return vectors that began as those of `start`, continued by these to the ranges of both.

    A fit says nothing of the rest pixels that no spectrum covers: all vectors are zero there. At each border of such
    pixels, the ratio of the mean of a vector to that of its start, over the covered pixels within `BORDER`, is what
    the start is multiplied with, so that they meet. Between two borders the logarithm of the ratio is interpolated.
    Where the start is so faint at a border that the ratio is more than `MOST` times that of all covered pixels, it is
    cut to that, and they do not meet: what is bright in the start beyond would outshine the vector. Vectors beyond
    those of the start remain zero.

    Args:
        vectors: (basis, rest), the first of which began with `on_grid`.
        grid: of the vectors.
        start: what they began with.
    """
    start = start.with_step(grid.step)
    first = min(grid.start, start.grid.start)
    last = max(grid.start + grid.size, start.grid.start + start.grid.size)
    whole = LogGrid(first, last - first, grid.step)
    begin = np.asarray(start.vectors, dtype=np.float64)
    vectors, shapes = placed(vectors, grid, whole), placed(begin, start.grid, whole)
    mean = placed(begin, start.grid, grid).mean(axis=1, keepdims=True)
    begun = np.maximum(shapes, FAINTEST * mean)
    covered = np.any(vectors, axis=0)
    known, near = np.flatnonzero(covered), max(round(BORDER / grid.step), 1)

    def ratio(pixels: np.ndarray) -> np.ndarray:
        return vectors[: len(start), pixels].sum(axis=1) / begun[:, pixels].sum(axis=1)

    borders, ratios = [], []
    for place, pixel in enumerate(known):
        for next_to, side in ((pixel - 1, known[place : place + near]), (pixel + 1, known[: place + 1][-near:])):
            if 0 <= next_to < whole.size and not covered[next_to]:
                borders.append(pixel)
                ratios.append(np.minimum(ratio(side), MOST * ratio(known)))
    if borders:
        gap = np.flatnonzero(~covered)
        scale = [np.exp(np.interp(gap, borders, np.log(one))) for one in np.transpose(ratios)]
        vectors[: len(start), gap] = scale * shapes[:, gap]
    return vectors, whole


def _words(key: Array) -> list[int]:
    return np.asarray(jax.random.key_data(key)).tolist()
