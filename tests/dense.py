"""The linear model written out: every column a row of one matrix, solved with scipy in float64."""

import numpy as np
import scipy.optimize


def minimum(flux, ivar, *parts):
    """χ² and coefficients of the best fit; parts are (vectors (comp, pix), kind), Gaussian priors being extra data."""
    columns, prior, lower = [], [], []
    for vectors, kind in parts:
        columns.append(vectors)
        prior += [1.0 if kind == "gaussian" else 0.0] * len(vectors)
        lower += [0.0 if kind == "non-negative" else -np.inf] * len(vectors)
    columns, prior, lower = np.concatenate(columns), np.array(prior), np.array(lower)
    root = np.sqrt(ivar)
    matrix = np.concatenate([(columns * root).T, np.diag(prior)[prior > 0]])
    data = np.concatenate([flux * root, np.zeros(np.count_nonzero(prior))])
    # A coefficient of any sign is the difference of two that are not negative.
    signed = np.isinf(lower)
    scale = np.linalg.norm(matrix, axis=0)
    scale[scale == 0] = 1
    both = np.concatenate([matrix / scale, -(matrix / scale)[:, signed]], axis=1)
    found, _ = scipy.optimize.nnls(both, data, maxiter=100 * both.shape[1])
    coeff = found[: len(columns)].copy()
    coeff[signed] -= found[len(columns) :]
    return np.sum((matrix / scale @ coeff - data) ** 2), coeff / scale


def shifted(vectors, begin, size):
    """Vectors (comp, rest) with their pixel 0 at pixel `begin` of a window of `size`, zero elsewhere."""
    window = np.zeros((len(vectors), size))
    for p in range(vectors.shape[1]):
        if 0 <= begin + p < size:
            window[:, begin + p] = vectors[:, p]
    return window
