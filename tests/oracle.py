"""Slow transcriptions of the equations, one loop for each sum, and problems to walk over."""

import numpy as np
import scipy.optimize


def overlap(edges, flux, ivar, start, size):
    """Inverse-variance weighted sums over the shared widths of native and lattice pixels."""
    total, total_ivar = np.zeros(size), np.zeros(size)
    for i in range(len(flux)):
        for j in range(size):
            low, high = start + j - 0.5, start + j + 0.5
            shared = max(0.0, min(high, edges[i + 1]) - max(low, edges[i]))
            weight = shared / (edges[i + 1] - edges[i]) * ivar[i]
            total_ivar[j] += weight
            total[j] += weight * flux[i]
    return np.divide(total, total_ivar, out=np.zeros(size), where=total_ivar > 0), total_ivar


def interpolate(loglam, flux, ivar, start, size):
    """Linear interpolation of flux and variance between good neighbours."""
    new_flux, new_ivar = np.zeros(size), np.zeros(size)
    for j in range(size):
        for i in range(len(flux) - 1):
            share = (start + j - loglam[i]) / (loglam[i + 1] - loglam[i])
            if 0 <= share <= 1 and ivar[i] > 0 and ivar[i + 1] > 0:
                new_flux[j] = (1 - share) * flux[i] + share * flux[i + 1]
                new_ivar[j] = 1 / ((1 - share) / ivar[i] + share / ivar[i + 1])
    return new_flux, new_ivar


def normal_equations(vectors, flux, ivar, first):
    """A and b with basis pixel `first` under spectrum pixel 0."""
    nbasis, nrest = vectors.shape
    gram, rhs = np.zeros((nbasis, nbasis)), np.zeros(nbasis)
    for p in range(len(flux)):
        if 0 <= first + p < nrest:
            column = vectors[:, first + p]
            gram += ivar[p] * np.outer(column, column)
            rhs += ivar[p] * flux[p] * column
    return gram, rhs


def chi2(gram, rhs, const, coeff):
    return const - 2 * coeff @ rhs + coeff @ gram @ coeff


def nnls(design, flux):
    """Solve min |design w - flux|² over w ≥ 0 for whitened data with scipy; return w and the objective."""
    coeff, norm = scipy.optimize.nnls(design, flux, maxiter=100 * design.shape[1])
    return coeff, norm**2


def nnls_problems(rng):
    """Yield (name, whitened design (pix, basis), flux): the table that every solver test walks over."""
    for nbasis in (1, 2, 5, 8, 10, 16):
        for condition in (1.0, 1e2, 1e4, 1e6):
            left, _ = np.linalg.qr(rng.normal(size=(80, nbasis)))
            right, _ = np.linalg.qr(rng.normal(size=(nbasis, nbasis)))
            design = left * np.geomspace(1, 1 / np.sqrt(condition), nbasis) @ right.T
            flux = design @ np.maximum(rng.normal(size=nbasis), 0) + 0.1 * rng.normal(size=80)
            yield f"K={nbasis}, condition {condition:.0e}", design, flux
    smooth = np.exp(-0.5 * ((np.linspace(0, 1, 200)[:, None] - np.linspace(0, 1, 10)) / 0.3) ** 2)
    yield "ten smooth, overlapping templates", smooth, smooth @ rng.exponential(size=10) + rng.normal(size=200)
    positive = rng.uniform(size=(60, 6))
    yield "all coefficients zero", positive, -positive.sum(axis=1)
    gone = positive.copy()
    gone[:, 2] = 0
    yield "a vanishing column", gone, rng.normal(size=60) + 1
    twice = positive.copy()
    twice[:, 4] = 3 * twice[:, 1]
    yield "two collinear columns", twice, rng.uniform(size=60)
    yield "columns of very different scale", positive * 10.0 ** np.arange(-12, 6, 3), rng.uniform(size=60)


def dense(values, shift, nrest):
    """Spectra (spec, obs) spread over the rest frame (spec, rest), 0 outside."""
    spread = np.zeros((len(values), nrest))
    for s in range(len(values)):
        for p in range(values.shape[1]):
            spread[s, shift[s] + p] = values[s, p]
    return spread


def nmf(flux, ivar, coeff, basis, n_iter, level=0.0):
    """Nearly-NMF, or shift-NMF with a level, on dense arrays: coefficients, basis, and χ² from the start on."""
    chi2 = [np.sum(ivar * (flux - coeff @ basis) ** 2)]
    for _ in range(n_iter):
        for update in (basis_update, coeff_update):
            coeff, basis = update(flux, ivar, coeff, basis, level)
        chi2.append(np.sum(ivar * (flux - coeff @ basis) ** 2))
    return coeff, basis, chi2


def _ratio(numerator, denominator):
    below = denominator + np.clip(-numerator, 0, None)
    return np.divide(np.clip(numerator, 0, None), below, out=np.zeros_like(below), where=below > 0)


def basis_update(flux, ivar, coeff, basis, level):
    data, model = flux + level, coeff @ basis + level
    return coeff, basis * _ratio(coeff.T @ (ivar * data), coeff.T @ (ivar * model))


def coeff_update(flux, ivar, coeff, basis, level):
    data, model = flux + level, coeff @ basis + level
    return coeff * _ratio((ivar * data) @ basis.T, (ivar * model) @ basis.T), basis


def covariance(ivar, *parts):
    """C over the pixels with data, and which these are [L, eq. 1]."""
    good = ivar > 0
    total = np.diag(1 / ivar[good])
    for vectors in parts:
        total += vectors[:, good].T @ vectors[:, good]
    return total, good


def delta_chi2(flux, ivar, nuisance, target):
    """χ²(nuisance + target + noise) - χ²(nuisance + noise), both with dense covariances [L, eq. 4 and 6]."""
    without, good = covariance(ivar, nuisance)
    data = flux[good]
    base = data @ np.linalg.solve(without, data)
    shared = np.linalg.solve(without, target[:, good].T)
    inner = np.eye(len(target)) + target[:, good] @ shared
    gain = data @ shared
    return -gain @ np.linalg.solve(inner, gain), base, np.linalg.slogdet(inner)[1]


def published_loop(flux, ivar, nuisance, target, nshift):
    """Δχ² at one shift after the other, by the algebra of [L, eq. A10-A13] (with the inverse that A13 lacks).

    Target pixel 0 meets spectrum pixel k at shift k.
    """
    weighted = nuisance * ivar
    inverse = np.linalg.inv(np.eye(len(nuisance)) + weighted @ nuisance.T)
    delta = np.empty(nshift)
    size = target.shape[1]
    for k in range(nshift):
        at = slice(k, k + size)
        moved, w = target[:, : len(ivar) - k], ivar[at]
        left = moved * w - (moved @ weighted[:, at].T) @ inverse @ weighted[:, at]
        rest = flux - inverse_times(nuisance, inverse, weighted, flux)
        solved = moved @ (w * rest[at])
        delta[k] = -solved @ np.linalg.solve(np.eye(len(target)) + left @ moved.T, solved)
    return delta


def inverse_times(nuisance, inverse, weighted, flux):
    """What the nuisance parts explain of the flux."""
    return nuisance.T @ (inverse @ (weighted @ flux))
