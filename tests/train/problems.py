"""Small factorisations of every difficulty that a fit may meet."""

import numpy as np

NREST = 90


def made(rng, nspec, nobs, rank, *, noise, shift=None):
    """Noisy spectra of a positive model in windows of the rest frame; returns flux, ivar, shift."""
    shift = rng.integers(0, NREST - nobs + 1, nspec) if shift is None else np.asarray(shift)
    model = rng.gamma(0.5, size=(nspec, rank)) @ rng.gamma(0.5, size=(rank, NREST))
    sigma = noise * rng.uniform(0.5, 2, (nspec, nobs))
    flux = np.stack([row[s : s + nobs] for row, s in zip(model, shift, strict=True)])
    return flux + sigma * rng.standard_normal(sigma.shape), sigma**-2, shift


def problems(rng):
    """Yield (name, flux, ivar, shift): the table that the tests of `fit_nmf` walk over."""
    yield "windows", *made(rng, 40, 30, 3, noise=0.1)
    yield "the whole rest frame", *made(rng, 25, NREST, 3, noise=0.1)
    yield "more noise than signal", *made(rng, 30, 40, 2, noise=5.0)
    yield "one window", *made(rng, 12, 20, 2, noise=0.1, shift=np.full(12, 7))
    flux, ivar, shift = made(rng, 33, 30, 3, noise=0.3)
    ivar[rng.uniform(size=ivar.shape) < 0.3] = 0
    ivar[4] = 0
    yield "masked pixels and a spectrum without data", flux, ivar, shift
    flux, ivar, shift = made(rng, 20, 25, 2, noise=0.1, shift=np.r_[np.zeros(10, int), np.full(10, 60)])
    yield "a gap in the rest frame", flux, ivar, shift
    flux, ivar, shift = made(rng, 20, 30, 3, noise=0.1)
    flux[3] = -np.abs(flux[3])
    yield "a negative spectrum", flux, ivar, shift
    flux, ivar, shift = made(rng, 20, 30, 3, noise=0.1)
    yield (
        "brightness over eight decades",
        flux * (scale := np.geomspace(1e-4, 1e4, 20)[:, None]),
        ivar / scale**2,
        shift,
    )
