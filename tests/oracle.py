"""Slow transcriptions of the equations, one loop for each sum, and problems to walk over."""

import numpy as np
import scipy.optimize


def overlap(edges, flux, ivar, start, size):
    """Inverse-variance weighted sums over the shared widths of native and lattice pixels."""
    total, total_ivar = np.zeros(size), np.zeros(size)
    for i in range(len(flux)):
        first, last = int(np.floor(edges[i] - start)), int(np.ceil(edges[i + 1] - start))
        for j in range(max(first, 0), min(last + 1, size)):
            low, high = start + j - 0.5, start + j + 0.5
            shared = max(0.0, min(high, edges[i + 1]) - max(low, edges[i]))
            weight = shared / (edges[i + 1] - edges[i]) * ivar[i]
            total_ivar[j] += weight
            total[j] += weight * flux[i]
    return np.divide(total, total_ivar, out=np.zeros(size), where=total_ivar > 0), total_ivar


def running_mean(edges, flux, ivar, at, half):
    """Inverse-variance weighted mean of the flux of native pixels within `half` of each place, 0 without data."""
    result = np.zeros(len(at))
    for k, place in enumerate(at):
        total = weight = 0.0
        for i in range(len(flux)):
            shared = max(0.0, min(place + half, edges[i + 1]) - max(place - half, edges[i]))
            weight += ivar[i] * shared / (edges[i + 1] - edges[i])
            total += ivar[i] * flux[i] * shared / (edges[i + 1] - edges[i])
        result[k] = total / weight if weight > 0 else 0.0
    return result


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


def _raised(old, new, floor):
    """Values that end below the floor, where they were before if that is below it too, but not at 0."""
    for index in np.argwhere(new < floor):
        at = tuple(index)
        new[at] = max(new[at], min(old[at], floor[at]) if old[at] > 0 else floor[at])
    return new


def basis_update(flux, ivar, coeff, basis, level):
    data, model = flux + level, coeff @ basis + level
    mean = basis.mean(axis=1)
    floor = np.outer([max(1e-6 * one, 1e-12 * mean.max()) for one in mean], (ivar > 0).any(axis=0))
    return coeff, _raised(basis, basis * _ratio(coeff.T @ (ivar * data), coeff.T @ (ivar * model)), floor)


def coeff_update(flux, ivar, coeff, basis, level):
    data, model = flux + level, coeff @ basis + level
    size = [np.average(np.abs(x), weights=v) if v.any() else 0 for x, v in zip(flux, ivar, strict=True)]
    floor = np.outer(size, [1e-6 / one if one else 0 for one in basis.max(axis=1)])
    return _raised(coeff, coeff * _ratio((ivar * data) @ basis.T, (ivar * model) @ basis.T), floor), basis


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


def eigenvectors(matrix, rank):
    """Eigenvectors times the square roots of their eigenvalues, the largest first, their largest value positive."""
    values, vectors = np.linalg.eigh(matrix)
    result = []
    for k in range(1, rank + 1):
        vector = np.sqrt(values[-k]) * vectors[:, -k]
        result.append(vector if vector[np.argmax(np.abs(vector))] > 0 else -vector)
    return np.array(result)


def sky_component(loglam, flux, ivar, *, rank, max_sum, max_masked, outlying, degree):
    """The sky prior of the MADGICS paper, sec. III.1.1, on the lattice: vectors, mask, ln variance, number."""
    rows = [i for i in range(len(flux)) if abs(flux[i].sum()) <= max_sum and (ivar[i] == 0).sum() <= max_masked]
    flux, ivar = flux[rows], ivar[rows]
    outside = np.zeros(flux.shape)
    for i in range(len(flux)):
        pull = [flux[i, p] * ivar[i, p] ** 0.5 for p in range(flux.shape[1]) if ivar[i, p] > 0]
        low, high = np.percentile(pull, 5), np.percentile(pull, 95)
        for p in range(flux.shape[1]):
            outside[i, p] = ivar[i, p] > 0 and not low <= flux[i, p] * ivar[i, p] ** 0.5 <= high
    mask = np.zeros(flux.shape[1], dtype=bool)
    for p in range(flux.shape[1]):
        if outside[:, p].sum() > outlying * (ivar[:, p] > 0).sum():
            mask[max(p - 3, 0) : p + 4] = True
    covariance = flux.T @ flux / len(flux)
    x = loglam - loglam[~mask].mean()
    curve = np.polyfit(x[~mask], np.log(np.diag(covariance)[~mask]), degree)
    # Beyond the outermost pixels that are not masked the curve is constant.
    log_variance = np.polyval(curve, np.clip(x, x[~mask].min(), x[~mask].max()))
    white = np.where(mask, 0, flux / np.exp(log_variance / 2))
    return eigenvectors(white.T @ white / len(white), rank), mask, log_variance, len(rows)


def target_component(loglam, flux, ivar, z, sky, grid, reference_z, *, rank, keep):
    """The LAE prior of the MADGICS paper, sec. III.1.2, of spectra on the lattice: vectors and number of spectra."""
    window = range(round(loglam[0] / grid.step), round(loglam[-1] / grid.step) + 1)
    vectors = np.zeros((len(sky), len(window)))
    white = np.exp(sky.whitening.log_variance(loglam) / 2)
    owned = np.zeros(len(window), dtype=bool)
    for i, p in enumerate(window):
        vectors[:, i] = sky.vectors[:, p - sky.grid.start] * white[i]
        owned[i] = sky.mask[p - sky.grid.start]
    rest = np.full(flux.shape, np.nan)
    for i in range(len(flux)):
        good = (ivar[i] > 0) & ~owned
        part = vectors[:, good].T @ vectors[:, good]
        total = part + np.diag(1 / ivar[i, good])
        rest[i, good] = (flux[i, good] - part @ np.linalg.solve(total, flux[i, good])) / white[good]
    noise = np.nanvar(rest, axis=1)
    rows = [i for i in range(len(flux)) if noise[i] <= np.quantile(noise, keep)]
    data = np.zeros((grid.size, len(rows)))
    for column, i in enumerate(rows):
        shift = round(np.log10((1 + z[i]) / (1 + reference_z)) / grid.step)
        for p in range(grid.size):
            place = grid.start + p + shift - window[0]
            if 0 <= place < len(window) and np.isfinite(rest[i, place]):
                data[p, column] = rest[i, place]
    pattern = (data != 0).astype(float)
    counts = pattern @ pattern.T
    covariance = np.divide(data @ data.T, counts, out=np.zeros_like(counts), where=counts > 0)
    return eigenvectors(covariance, rank), len(rows)
