"""A small basis and spectra made from it, exactly integrated over pixels, for tests that must be quick."""

import numpy as np
from scipy.special import erf

from jaxz.models import Basis
from jaxz.spectra import LogGrid, Spectra

GRID = LogGrid.covering(3000.0, 5600.0)
LINES = ((3300.0, 4100.0, 5007.0), (3728.0, 4861.0), (3100.0, 3934.0, 4341.0))
SIGMA = 2.5
ZMIN, ZMAX = 0.0, 0.25


def _integral(x, member):
    """Integral of vector `member` over lattice position x: three lines on a broken continuum, or a smooth one."""
    if member == len(LINES):
        return x - GRID.start + 1000 * np.cos((x - GRID.start) / 1500)
    total = 0.15 * (x - GRID.start) + 0.1 * np.maximum(x - np.log10(4000) / GRID.step, 0)
    for wave in LINES[member]:
        total = total + 8 * SIGMA * 0.5 * (1 + erf((x - np.log10(wave) / GRID.step) / (np.sqrt(2) * SIGMA)))
    return total


def basis():
    edges = GRID.start - 0.5 + np.arange(GRID.size + 1)
    return Basis(np.array([np.diff(_integral(edges, m)) for m in range(4)]), GRID, name="SMALL", version="1")


def spectra(rng, z, snr, npix=700, wave=None, coeff=None):
    """Spectra at redshifts `z` with S/N `snr` for each pixel in the median; returns them and the true coefficients."""
    z, snr = np.broadcast_arrays(np.atleast_1d(z).astype(float), snr)
    wave = 3800 + 2.0 * np.arange(npix) if wave is None else wave
    edges = np.log10(np.concatenate([[wave[0] - 1], (wave[1:] + wave[:-1]) / 2, [wave[-1] + 1]])) / GRID.step
    coeff = rng.exponential(size=(len(z), 4)) + 0.2 if coeff is None else coeff
    flux = np.empty((len(z), len(wave)))
    for row, k in enumerate(np.log10(1 + z) / GRID.step):
        parts = np.array([np.diff(_integral(edges - k, m)) / np.diff(edges) for m in range(4)])
        flux[row] = coeff[row] @ parts
    sigma = np.median(flux, axis=1, keepdims=True) / snr[:, None] * rng.uniform(0.5, 1.5, size=flux.shape)
    noisy = flux + sigma * rng.normal(size=flux.shape)
    return Spectra(wave, noisy, sigma**-2, ids=[f"s{i}" for i in range(len(z))]), coeff
