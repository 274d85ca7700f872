"""The published recipe in threaded native code: the baseline of `benchmarks.scan`.

Pixels outside the window are never touched, the Gram matrices come ready, vectors with coefficient 0 are skipped when
χ² is taken, long rows are float32 for the vector units, and trial redshifts are shared out between all cores.
"""

import numba
import numpy as np

from benchmarks.recipe import Recipe

_RUN = 8
"""Lattice pixels written at once between two native pixels; more than lie there are overwritten by the next."""

_TILE = 1024
_BLOCK = 64
_EMPTY = 1e-6
_SINGULAR = 1e-10


def scan(recipe: Recipe, signal: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Return χ² at every trial redshift, (trial,) float64, of one spectrum from `recipe.observed`.

    Raises:
        ValueError: if native pixels are more than 8 lattice pixels apart.
    """
    apart = np.diff(recipe.knot)
    if apart.max() > _RUN:
        raise ValueError(f"native pixels lie {apart.max():.1f} lattice pixels apart; at most {_RUN} are provided for")
    lines = [signal[:-1], np.diff(signal) / apart, variance[:-1], np.diff(variance) / apart]
    return _scan(
        recipe.knot,
        np.stack(lines).astype(np.float32),
        recipe.vectors.astype(np.float32),
        recipe.gram,
        recipe.shift,
        recipe.first,
        recipe.npix,
    )


@numba.njit(parallel=True, fastmath=True, cache=True)
def _scan(knot, lines, vectors, gram, shift, first, count):
    nbasis, ntrial = len(vectors), len(shift)
    chi2 = np.empty(ntrial)
    for block in numba.prange((ntrial + _BLOCK - 1) // _BLOCK):
        signal = np.empty(count.max() + 2 * _RUN, np.float32)
        variance = np.empty(count.max() + 2 * _RUN, np.float32)
        residual = np.empty(_TILE, np.float32)
        rhs, coeff = np.empty(nbasis), np.empty(nbasis)
        for trial in range(block * _BLOCK, min(ntrial, (block + 1) * _BLOCK)):
            _interpolate(knot, lines, shift[trial] + first[trial], count[trial], signal, variance)
            _project(vectors, first[trial], count[trial], signal, rhs)
            _non_negative(gram[trial], rhs, coeff)
            chi2[trial] = _chi2(vectors, first[trial], count[trial], coeff, signal, variance, residual)
    return chi2


@numba.njit(fastmath=True, cache=True)
def _interpolate(knot, lines, start, count, signal, variance):
    """Linear interpolation to `count` lattice pixels from `start` on, one native interval after the other."""
    pixel = 0
    for i in range(len(knot) - 1):
        end = int(np.ceil(knot[i + 1] - start))
        if end <= pixel:
            continue
        if pixel >= count:
            break
        value, slope, noise, noise_slope = lines[0, i], lines[1, i], lines[2, i], lines[3, i]
        beyond = np.float32(pixel - (knot[i] - start))
        value += beyond * slope
        noise += beyond * noise_slope
        for k in range(_RUN):
            signal[pixel + k] = value + np.float32(k) * slope
            variance[pixel + k] = noise + np.float32(k) * noise_slope
        pixel = end


@numba.njit(fastmath=True, cache=True)
def _project(vectors, first, count, signal, rhs):
    seen = signal[:count]
    for a in range(len(vectors)):
        vector = vectors[a, first : first + count]
        total = np.float32(0)
        for p in range(count):
            total += vector[p] * seen[p]
        rhs[a] = total


@numba.njit(fastmath=True, cache=True)
def _chi2(vectors, first, count, coeff, signal, variance, residual):
    chi2 = 0.0
    for begin in range(0, count, _TILE):
        end = min(begin + _TILE, count)
        tile, noise = signal[begin:end], variance[begin:end]
        for p in range(end - begin):
            residual[p] = tile[p]
        for a in range(len(coeff)):
            if coeff[a] > 0:
                weight, vector = np.float32(coeff[a]), vectors[a, first + begin : first + end]
                for p in range(end - begin):
                    residual[p] -= weight * vector[p]
        total = np.float32(0)
        for p in range(end - begin):
            total += residual[p] * residual[p] / noise[p]
        chi2 += total
    return chi2


@numba.njit(fastmath=True, cache=True)
def _non_negative(gram, rhs, coeff):
    """FNNLS (Bro & de Jong 1997): let in the vector of steepest descent, step back from any that turns negative."""
    nbasis = len(rhs)
    inside = np.zeros(nbasis, np.bool_)
    gradient = rhs.copy()
    wanted = np.zeros(nbasis)
    lower = np.empty((nbasis, nbasis))
    coeff[:] = 0
    threshold = _EMPTY * np.abs(rhs).max()
    for _ in range(3 * nbasis):
        enter, steepest = -1, threshold
        for i in range(nbasis):
            if not inside[i] and gradient[i] > steepest:
                enter, steepest = i, gradient[i]
        if enter < 0:
            return
        inside[enter] = True
        while not _solve_inside(gram, rhs, inside, lower, wanted):
            step = 1.0
            for i in range(nbasis):
                if inside[i] and wanted[i] <= 0:
                    step = min(step, coeff[i] / (coeff[i] - wanted[i]))
            for i in range(nbasis):
                if inside[i]:
                    coeff[i] += step * (wanted[i] - coeff[i])
                    if wanted[i] <= 0 and coeff[i] <= _EMPTY * abs(wanted[i]):
                        coeff[i], inside[i] = 0.0, False
        for i in range(nbasis):
            coeff[i] = wanted[i] if inside[i] else 0.0
        for i in range(nbasis):
            gradient[i] = rhs[i]
            for k in range(nbasis):
                gradient[i] -= gram[i, k] * coeff[k]


@numba.njit(fastmath=True, cache=True)
def _solve_inside(gram, rhs, inside, lower, wanted):
    """Solve for the vectors inside by Cholesky, and return whether all are positive; a dependent vector leaves."""
    nbasis = len(rhs)
    for i in range(nbasis):
        if not inside[i]:
            continue
        pivot, known = gram[i, i], rhs[i]
        for j in range(i):
            if inside[j]:
                entry = gram[i, j]
                for k in range(j):
                    if inside[k]:
                        entry -= lower[i, k] * lower[j, k]
                lower[i, j] = entry / lower[j, j]
                pivot -= lower[i, j] ** 2
                known -= lower[i, j] * wanted[j]
        if pivot <= _SINGULAR * gram[i, i]:
            inside[i] = False
            continue
        lower[i, i] = np.sqrt(pivot)
        wanted[i] = known / lower[i, i]
    positive = True
    for i in range(nbasis - 1, -1, -1):
        if inside[i]:
            for k in range(i + 1, nbasis):
                if inside[k]:
                    wanted[i] -= lower[k, i] * wanted[k]
            wanted[i] /= lower[i, i]
            positive = positive and wanted[i] > 0
    return positive
