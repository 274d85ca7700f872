"""Spectra drawn from a basis itself: the model is true, so what is left is the noise and the search."""

import numpy as np

from jaxz.models.basis import Basis
from jaxz.models.native import basis_in_pixels
from jaxz.spectra import Spectra

MUSE_WAVE = (4750.0, 9350.0, 1.25)
"""First and last pixel and pixel size of a MUSE spectrum, Å: 3681 pixels."""

_SHAPE = 0.5
"""Of the gamma distribution of the vectors' shares."""


def from_basis(
    basis: Basis,
    z: np.ndarray,
    snr: np.ndarray,
    *,
    seed: int,
    wave: np.ndarray | None = None,
) -> tuple[Spectra, np.ndarray]:
    """Return simulated spectra, one per redshift, and the coefficients that they were made with.

    A spectrum is Σ_a w_a B_a(λ/(1+z)) averaged over its pixels plus Gaussian noise, the same in all pixels. The share
    of each vector in the mean flux is drawn from a gamma distribution of shape ½, so that a few of them dominate;
    vectors that are zero in all pixels get none.

    Args:
        basis: what the spectra are made of; it is zero outside its grid.
        z: (spec,) redshifts.
        snr: (spec,) root mean square of signal over noise, per pixel: where most of the flux is in one line the
            continuum is fainter than this.
        seed: of NumPy's generator; the same seed gives the same spectra.
        wave: (pix,) vacuum Å, increasing, at least two pixels; the grid of MUSE if absent.

    Returns:
        The spectra, float32, with a noise of 1 (so ivar is 1 everywhere), and (spec, basis) float64 coefficients of
        `basis.vectors` in the same unit.

    Raises:
        ValueError: if `z` and `snr` differ in shape, `snr` is not positive, or the basis covers no pixel at some z.

    Example:
        >>> spectra, coeff = jaxz.mock.from_basis(jaxz.load_basis(), np.array([0.1, 0.7]), np.full(2, 10.0), seed=1)
        >>> spectra.flux.shape, coeff.shape
        ((2, 3681), (2, 12))
    """
    z, snr = (np.asarray(x, dtype=np.float64) for x in (z, snr))
    if z.ndim != 1 or z.shape != snr.shape or not np.all(snr > 0):
        raise ValueError(f"z and a positive snr need one shape (spec,), got {z.shape} and {snr.shape}")
    if wave is None:
        first, last, size = MUSE_WAVE
        wave = np.arange(first, last + size / 2, size)
    rng = np.random.default_rng(seed)
    share = rng.gamma(_SHAPE, size=(len(z), len(basis)))
    flux = rng.standard_normal((len(z), len(wave)))
    coeff = np.zeros_like(share)
    for i in range(len(z)):
        vectors = basis_in_pixels(basis, wave, z[i])
        mean = vectors.mean(axis=1)
        seen = mean > 0
        if not seen.any():
            raise ValueError(f"at z = {z[i]:g} the basis is zero in all of {wave[0]:g} to {wave[-1]:g} Å")
        coeff[i, seen] = share[i, seen] / mean[seen]
        coeff[i] *= snr[i] / np.sqrt(np.mean((coeff[i] @ vectors) ** 2))
        flux[i] += coeff[i] @ vectors
    flux = flux.astype(np.float32)
    return Spectra(wave, flux, np.ones_like(flux), ids=[f"mock-{i:04d}" for i in range(len(z))]), coeff
