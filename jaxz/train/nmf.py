"""The factorisation of spectra into non-negative coefficients and a non-negative rest-frame basis."""

import functools
import math
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array
from jaxz.kernels import nmf
from jaxz.run import each, workers
from jaxz.status import Status

Algorithm = Literal["nearly", "shift"]

TILE, BLOCK, ROUND = 32, 8, 8
"""Spectra in a tile at most, tiles in a block, which is what one core works on at a time, and what the size of a tile
is a multiple of. They are the same on all machines, because sums over spectra are rounded block by block."""

SPAN = 1 / 16
"""Greatest difference between the offsets of a tile's spectra, as a share of their pixels, most of which is padding."""

SHORTEST = 100
"""Iterations before a fit counts as converged: from a random start many first rest at a saddle point."""


class NMF(NamedTuple):
    """A factorisation.

    Attributes:
        coeff: (spec, basis) coefficients; 0 for a spectrum without data, and for no other unless its flux is all 0.
        basis: (basis, rest) vectors; 0 in a rest pixel that no spectrum covers, and in no other.
        chi2: (iteration + 1,) float64, before the first iteration and after each.
        status: (spec,) `Status.OK`, or `Status.NO_DATA` for a spectrum without a pixel of positive ivar.
    """

    coeff: np.ndarray
    basis: np.ndarray
    chi2: np.ndarray
    status: np.ndarray


def fit_nmf(
    flux: np.ndarray,
    ivar: np.ndarray,
    *,
    rank: int,
    shift: np.ndarray | None = None,
    coeff: np.ndarray | None = None,
    basis: np.ndarray | None = None,
    algorithm: Algorithm = "nearly",
    n_iter: int = 1000,
    rtol: float = 1e-4,
    key: Array | None = None,
    callback: Callable[[NMF], None] | None = None,
) -> NMF:
    """Factorise spectra by multiplicative updates, the basis first, then the coefficients (see `jaxz.kernels.nmf`).

    χ² never increases, up to the rounding of the dtype. Where there are data no value falls to 0, from which it could
    not return: the floor is a millionth of what others are. A start with zeros is raised to it by the first iteration,
    the only one that may then increase χ², by about that share.

    These updates converge slowly, the distance of χ² from its limit falling like one over the number of iterations, and
    they may rest for long at a saddle point. So a fit has converged when the second half of all its iterations has
    decreased χ² by no more than the share `rtol` (if so, about as much is left to gain), the last quarter by no more
    than the one before (else it is leaving a saddle point), and they are 100 at least.

    The arrays are copied to the device once, in tiles; beyond them and the basis, each core needs the memory of one
    tile. A fit that continues from the `coeff` and `basis` of another takes the same steps as if it had not stopped,
    but counts its iterations anew.

    Args:
        flux, ivar: (spec, obs) of one dtype, float32 or float64, which is that of the computation. Pixels with ivar 0
            do not count.
        rank: number of vectors.
        shift: (spec,) index of the rest pixel that meets pixel 0 of each spectrum, not negative. Without it the spectra
            cover the rest frame, pixel by pixel: obs is rest.
        coeff: (spec, basis) to start from; random if absent.
        basis: (basis, rest) to start from; random if absent, and then as long as the spectra reach.
        algorithm: "nearly" or "shift", two ways to allow for negative flux that decrease the same χ².
        n_iter: iterations at most.
        rtol: share of χ² that may be left to gain: the fit ends when its second half has gained no more (see above).
        key: of the random start; wanted unless `coeff` and `basis` are given.
        callback: called with the state of the fit before the first iteration and after each; it may raise to end it.

    Raises:
        ValueError: if shapes or dtypes disagree, values are not finite, ivar, shift, coeff or basis have a negative
            value, all values of basis are 0, there are fewer spectra with data than `rank`, a window lies outside the
            basis, or the key is missing where something is random.

    Example:
        >>> import jax
        >>> flux = np.outer([1.0, 2.0, 3.0], [1.0, 4.0, 1.0, 1.0])
        >>> found = jaxz.train.fit_nmf(flux, np.ones((3, 4)), rank=1, key=jax.random.key(1))
        >>> bool(np.allclose(found.coeff @ found.basis, flux, rtol=1e-3))
        True
    """
    flux, ivar, shift = _checked(flux, ivar, shift)
    nobs = flux.shape[1]
    nrest = nobs + int(shift.max(initial=0)) if basis is None else np.shape(basis)[-1]
    seen = np.count_nonzero((ivar > 0).any(axis=1))
    if not 1 <= rank <= seen:
        raise ValueError(f"rank={rank} with {seen} spectra that have data: use 1 to {seen}, or more spectra")
    if algorithm not in ("nearly", "shift"):
        raise ValueError(f"algorithm={algorithm!r}: use nearly or shift")
    start_coeff, start_basis = _start(flux, ivar, rank, nrest, coeff, basis, key)
    if nrest < nobs + int(shift.max(initial=0)):
        raise ValueError(f"shift {shift.max()} and {nobs} pixels reach beyond a basis of {nrest}: lengthen the basis")
    problem = Problem(flux, ivar, shift, nrest, algorithm)

    def report(state: State) -> None:
        if callback is not None:
            callback(NMF(state.coeff, state.basis, np.array(state.chi2), problem.status))

    found = run(problem, State(start_coeff, start_basis, []), n_iter=n_iter, rtol=rtol, callback=report)
    return NMF(found.coeff, found.basis, np.array(found.chi2), problem.status)


class State(NamedTuple):
    """A fit on its way: coefficients, basis, and χ² before the first iteration and after each."""

    coeff: np.ndarray
    basis: np.ndarray
    chi2: list[float]


def run(problem: "Problem", state: State, *, n_iter: int, rtol: float, callback: Callable[[State], None]) -> State:
    """Iterate from a state, with or without a history, to the end that `fit_nmf` describes, and return the last."""
    history = state.chi2[:-1]
    for coeff, basis, chi2 in problem.iterate(state.coeff, state.basis):
        history.append(chi2)
        state = State(coeff, basis, history)
        callback(state)
        if len(history) > n_iter or converged(history, rtol):
            break
    return state


def converged(chi2: list[float], rtol: float) -> bool:
    """Tell whether a fit with this history has come as near to its limit as `fit_nmf` describes."""
    done = len(chi2) - 1
    half, three_quarters = chi2[done // 2], chi2[done - done // 4]
    last = chi2[-1]
    return done >= SHORTEST and half - last <= rtol * last and three_quarters - last <= half - three_quarters


class Problem:
    """Spectra in blocks of tiles, on the device.

    Args:
        flux, ivar, shift: as of `fit_nmf`.
        nrest: rest pixels.
        algorithm: as of `fit_nmf`.

    Attributes:
        status: (spec,) as of `NMF`.
    """

    def __init__(self, flux: np.ndarray, ivar: np.ndarray, shift: np.ndarray, nrest: int, algorithm: Algorithm) -> None:
        order = np.argsort(shift, kind="stable")
        groups = list(_groups(shift[order], int(SPAN * flux.shape[1])))
        span = max((int(shift[order[g[-1]]] - shift[order[g[0]]]) for g in groups), default=0)
        width = flux.shape[1] + span
        ntile = -(-len(groups) // BLOCK) * BLOCK
        # Few spectra with offsets all over the rest frame fill no large tile.
        tile = -(-max(map(len, groups), default=1) // ROUND) * ROUND
        place = np.zeros(flux.shape[0], dtype=int)
        tiled_flux, tiled_ivar = np.zeros((2, ntile, tile, width), flux.dtype)
        first = np.zeros(ntile, np.int32)
        for number, group in enumerate(groups):
            first[number] = min(shift[order[group[0]]], nrest - width)
            for row, spectrum in enumerate(order[group]):
                place[spectrum] = number * tile + row
                begin = shift[spectrum] - first[number]
                tiled_flux[number, row, begin : begin + flux.shape[1]] = flux[spectrum]
                tiled_ivar[number, row, begin : begin + flux.shape[1]] = ivar[spectrum]
        tiled_size = np.zeros(ntile * tile, flux.dtype)
        tiled_size[place] = _mean_size(flux, ivar)
        self.status = np.where((ivar > 0).any(axis=1), Status.OK, Status.NO_DATA)
        self._place = place
        self._shape = ntile // BLOCK, BLOCK, tile
        first[len(groups) :] = first[len(groups) - 1]
        first = first.reshape(-1, BLOCK)
        self._reach = width + int((first[:, -1] - first[:, 0]).max())
        start = np.minimum(first[:, 0], nrest - self._reach)
        tiles = (tiled_flux, tiled_ivar, tiled_size.reshape(ntile, tile), (first - start[:, None]).ravel())
        self._blocks = [
            (jnp.asarray(start[begin // BLOCK]), nmf.Tiles(*(jnp.asarray(x[begin : begin + BLOCK]) for x in tiles)))
            for begin in range(0, ntile, BLOCK)
        ]
        seen = np.zeros(nrest, dtype=bool)
        seen[(shift[:, None] + np.arange(flux.shape[1]))[ivar > 0]] = True
        self._seen = jnp.asarray(seen)
        lowest = float(-flux[ivar > 0].min(initial=0)) if algorithm == "shift" else 0.0
        self._level = jnp.asarray(max(lowest, 0.0), dtype=flux.dtype)

    def iterate(self, coeff: np.ndarray, basis: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
        """Yield coefficients, basis and χ² of the start, and then after each iteration."""
        spread_out = np.zeros((math.prod(self._shape), coeff.shape[1]), coeff.dtype)
        spread_out[self._place] = coeff
        parts = list(jnp.asarray(spread_out.reshape(*self._shape, -1)))
        vectors = jnp.asarray(basis)
        update = False
        while True:
            parts, numerator, denominator, chi2 = self._sweep(parts, vectors, update)
            coeff = np.concatenate([np.asarray(part) for part in parts]).reshape(spread_out.shape)[self._place]
            yield coeff, np.asarray(vectors), chi2
            vectors = _updated(vectors, numerator, denominator, self._seen)
            update = True

    def _sweep(self, parts: list[Array], vectors: Array, update: bool) -> tuple[list[Array], Array, Array, float]:
        def task(item: tuple[Array, tuple[Array, nmf.Tiles]]) -> nmf.Sweep:
            coeff, (start, tiles) = item
            return jax.block_until_ready(
                _sweep(coeff, vectors, start, tiles, self._level, jnp.asarray(update), self._reach)
            )

        coeff, chi2 = [], 0.0
        numerator, denominator = jnp.zeros_like(vectors), jnp.zeros_like(vectors)
        for (_, (start, _)), found in each(task, zip(parts, self._blocks, strict=True), workers(jax.local_devices())):
            numerator, denominator = _added(numerator, denominator, found.numerator, found.denominator, start)
            chi2 += float(np.sum(np.asarray(found.chi2), dtype=np.float64))
            coeff.append(found.coeff)
        return coeff, numerator, denominator, chi2


@functools.partial(jax.jit, static_argnames="reach")
def _sweep(
    coeff: Array, vectors: Array, start: Array, tiles: nmf.Tiles, level: Array, update: Array, reach: int
) -> nmf.Sweep:
    """Sweep over a block with the part of the rest frame that its spectra reach alone."""
    window = jax.lax.dynamic_slice_in_dim(vectors, start, reach, axis=1)
    return nmf.sweep(coeff, window, tiles, nmf.coeff_floor(vectors), level, update)


@functools.partial(jax.jit, donate_argnums=(0, 1))
def _added(numerator: Array, denominator: Array, more: Array, further: Array, start: Array) -> tuple[Array, Array]:
    """Add the sums of a block to those of the rest frame, in place."""
    corner = (jnp.zeros_like(start), start)
    return nmf.add(numerator, more, corner), nmf.add(denominator, further, corner)


@jax.jit
def _updated(vectors: Array, numerator: Array, denominator: Array, seen: Array) -> Array:
    return nmf.updated(vectors, numerator, denominator, nmf.basis_floor(vectors, seen))


def _groups(shift: np.ndarray, span: int) -> Iterator[np.ndarray]:
    """Yield indices of spectra for each tile; `shift` increases."""
    begin = 0
    for row in range(1, len(shift) + 1):
        if row == len(shift) or row - begin == TILE or shift[row] - shift[begin] > span:
            yield np.arange(begin, row)
            begin = row


def _checked(flux: np.ndarray, ivar: np.ndarray, shift: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    flux, ivar = np.asarray(flux), np.asarray(ivar)
    if flux.ndim != 2 or flux.shape != ivar.shape or flux.dtype != ivar.dtype or flux.dtype.kind != "f":
        raise ValueError(
            f"flux and ivar need one shape (spec, obs) and one dtype, float32 or float64; got {flux.shape} "
            f"{flux.dtype} and {ivar.shape} {ivar.dtype}"
        )
    if not (np.all(np.isfinite(flux[ivar > 0])) and np.all(np.isfinite(ivar)) and np.all(ivar >= 0)):
        raise ValueError("flux must be finite and ivar finite and not negative: set ivar to 0 where there are no data")
    shift = np.zeros(len(flux), dtype=int) if shift is None else np.asarray(shift)
    if shift.shape != flux.shape[:1] or shift.dtype.kind not in "iu" or shift.min(initial=0) < 0:
        raise ValueError(f"shift needs {len(flux)} integers, none negative, one for each spectrum")
    return np.where(ivar > 0, flux, flux.dtype.type(0)), ivar, shift


def _start(
    flux: np.ndarray,
    ivar: np.ndarray,
    rank: int,
    nrest: int,
    coeff: np.ndarray | None,
    basis: np.ndarray | None,
    key: Array | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the start, checked; what is random has the mean of the spectra."""
    for name, values, shape in (("coeff", coeff, (len(flux), rank)), ("basis", basis, (rank, nrest))):
        if values is not None and (np.shape(values) != shape or not np.all(np.isfinite(values) & (values >= 0))):
            raise ValueError(f"{name} has shape {np.shape(values)}: it needs {shape}, finite and not negative")
    if basis is not None and not np.any(basis):
        raise ValueError("the basis to start from is 0 everywhere: give one that is not, or none for a random one")
    if coeff is None or basis is None:
        if key is None:
            raise ValueError("a random start needs a key: pass key=jax.random.key(0), or both coeff and basis")
        keys = jax.random.split(key)
        if basis is None:
            basis = np.asarray(jax.random.uniform(keys[0], (rank, nrest), flux.dtype))
        if coeff is None:
            drawn = np.asarray(jax.random.uniform(keys[1], (len(flux), rank), flux.dtype))
            coeff = _mean_size(flux, ivar)[:, None] * (0.5 + drawn) * (2 / rank)
    return np.asarray(coeff, dtype=flux.dtype), np.asarray(basis, dtype=flux.dtype)


def _mean_size(flux: np.ndarray, ivar: np.ndarray) -> np.ndarray:
    """Return the mean |flux| of each spectrum, (spec,) float64, weighted by ivar; 0 without data."""
    weight = np.sum(ivar, axis=1, dtype=np.float64)
    return np.sum(ivar * np.abs(flux), axis=1, dtype=np.float64) / np.where(weight > 0, weight, 1)
