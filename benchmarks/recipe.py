"""The published recipe [M, sec. 3.2-3.3] in plain NumPy and SciPy, which `benchmarks.recipe_numba` is checked against.

At each trial redshift the spectrum is interpolated to the rest-frame lattice and fitted by unweighted non-negative
least squares (Bro & de Jong 1997) with a precomputed Gram matrix; χ² is taken with the interpolated variance
[M, eq. 4-6].
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

from jaxz.models import Basis

REST_FIRST, REST_STEP, REST_SIZE = 2.77, 2.215525e-5, 53918
Z_STEP, Z_SIZE = 5e-4, 13401
_HUGE = 1e6
"""Variance of a bad pixel, in units of the largest good one."""


class Recipe(NamedTuple):
    """All that does not depend on flux: shared by the spectra of one wavelength grid, and not charged to any of them.

    Attributes:
        z: (trial,).
        vectors: (basis, rest) λ f_λ ln 10 on the rest-frame lattice, unit RMS.
        knot: (pix,) log10 of the native wavelengths, in lattice pixels from the first one of `vectors`.
        shift: (trial,) log10(1 + z) in lattice pixels.
        first, npix: (trial,) which lattice pixels the spectrum covers at each z.
        gram: (trial, basis, basis) HHᵀ over those pixels.
    """

    z: np.ndarray
    vectors: np.ndarray
    knot: np.ndarray
    shift: np.ndarray
    first: np.ndarray
    npix: np.ndarray
    gram: np.ndarray


def prepare(basis: Basis, wave: np.ndarray) -> Recipe:
    """Return the tables of the recipe for one wavelength grid, (pix,) vacuum Å."""
    loglam = REST_FIRST + REST_STEP * np.arange(REST_SIZE)
    vectors = np.stack([np.interp(loglam, basis.grid.loglam, row, left=0, right=0) for row in basis.vectors])
    vectors *= 10**loglam * np.log(10)
    vectors /= np.sqrt(np.mean(vectors**2, axis=1, keepdims=True))
    z = Z_STEP * np.arange(Z_SIZE)
    shift = np.log10(1 + z) / REST_STEP
    knot = (np.log10(wave) - REST_FIRST) / REST_STEP
    first = np.maximum(np.ceil(knot[0] - shift), 0).astype(np.int64)
    end = np.minimum(np.floor(knot[-1] - shift), REST_SIZE - 1).astype(np.int64) + 1
    running = np.zeros((len(vectors), len(vectors), REST_SIZE + 1))
    np.cumsum(vectors[:, None] * vectors, axis=-1, out=running[..., 1:])
    gram = np.ascontiguousarray(np.moveaxis(running[..., end] - running[..., first], -1, 0))
    return Recipe(z, vectors, knot, shift, first, end - first, gram)


def observed(wave: np.ndarray, flux: np.ndarray, ivar: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what is interpolated: λ f_λ ln 10 and its variance, in units in which float32 holds both."""
    good = ivar > 0
    jacobian = wave * np.log(10)
    signal = flux * jacobian
    variance = np.where(good, jacobian**2 / np.where(good, ivar, 1), 0)
    variance = np.where(good, variance, _HUGE * variance.max())
    unit = np.sqrt(np.mean(signal**2))
    return signal / unit, variance / unit**2


def transcription(recipe: Recipe, signal: np.ndarray, variance: np.ndarray, trials: np.ndarray) -> np.ndarray:
    """Return χ² at the trial redshifts with indices `trials`, step by step as published."""
    chi2 = np.empty(len(trials))
    for i, trial in enumerate(trials):
        inside = recipe.first[trial] + np.arange(int(recipe.npix[trial]))
        rest = inside + recipe.shift[trial]
        model = recipe.vectors[:, inside]
        rest_signal = np.interp(rest, recipe.knot, signal)
        rest_variance = np.interp(rest, recipe.knot, variance)
        coeff = _non_negative(recipe.gram[trial], model @ rest_signal)
        chi2[i] = np.sum((rest_signal - coeff @ model) ** 2 / rest_variance)
    return chi2


def _non_negative(gram: np.ndarray, rhs: np.ndarray) -> np.ndarray:
    """Solve by SciPy, which wants an M with MᵀM = gram and a y with Mᵀy = rhs.

    A vector with rhs ≤ 0 has coefficient 0, because no entry of the Gram matrix is negative.
    """
    some = np.flatnonzero(rhs > 0)
    values, rotation = np.linalg.eigh(gram[np.ix_(some, some)])
    kept = values > 1e-12 * values[-1]
    root = np.sqrt(values[kept])
    coeff = np.zeros(len(rhs))
    coeff[some] = nnls((rotation[:, kept] * root).T, rotation[:, kept].T @ rhs[some] / root, maxiter=1000)[0]
    return coeff
