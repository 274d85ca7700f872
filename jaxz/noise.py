"""Spectra whose variances are missing, or do not tell the truth."""

import dataclasses

import numpy as np

from jaxz.spectra import Spectra

WINDOW, STRIDE = 101, 10
"""Pixels over which the scatter is taken, and between two places where it is."""

STUCK = 5
"""Pixels with one and the same flux, one after the other, that are no measurement."""

NEGATIVE, BESIDE = 5.0, 2
"""Standard deviations below zero that no galaxy explains, and pixels to distrust on either side."""


def estimate_ivar(flux: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Return inverse variances from the scatter of spectra themselves, all of one instrument and wavelength grid.

    The second difference over two pixels, |2 f_p - f_p-2 - f_p+2| / √6, is free of a straight continuum and of noise
    that neighbours share; 1.4826 times its median is σ (DER_SNR: Stoehr et al. 2008, ASP Conf. 394, 505). Its median
    over all spectra, each relative to its own level, gives the shape of σ with wavelength, sky lines included; the
    running median over 101 pixels of one spectrum, relative to that shape, its level. Emission lines narrower than
    half of that raise nothing.

    Args:
        flux: (spec, pix), any unit.
        good: (spec, pix) where there are data; all that is not finite counts as bad.

    Returns:
        (spec, pix) float64; 0 where not good, and where no pixel nearby is.

    Example:
        >>> flux = np.random.default_rng(1).normal(10.0, 0.5, (20, 1000))
        >>> ivar = jaxz.noise.estimate_ivar(flux, np.full(flux.shape, True))
        >>> round(float(np.median(ivar) ** -0.5), 1)
        0.5
    """
    flux = np.asarray(flux, dtype=np.float64)
    good = good & np.isfinite(flux)
    scatter = np.full(flux.shape, np.nan)
    usable = good[:, 4:] & good[:, 2:-2] & good[:, :-4]
    second = np.abs(2 * flux[:, 2:-2] - flux[:, 4:] - flux[:, :-4]) * (1.4826 / np.sqrt(6))
    scatter[:, 2:-2] = np.where(usable & (second > 0), second, np.nan)
    shape = _shape(scatter)
    sigma = shape * np.stack([_running_median(row) for row in scatter / shape])
    known = good & np.isfinite(sigma) & (sigma > 0)
    return np.where(known, 1 / np.where(known, sigma, 1) ** 2, 0)


def cleaned(spectra: Spectra) -> Spectra:
    """Return spectra without the pixels that cannot be right, and with variances no smaller than their scatter.

    For spectra of mixed quality, where a few absurd pixels with a small stated variance decide χ². A pixel loses its
    weight if it is one of five or more in a row of the same flux, which a pipeline filled in; or if it is, or is within
    two pixels of one, below zero by more than 5 σ. Positive outliers stay: they may be emission lines. Elsewhere ivar
    becomes that of `estimate_ivar` where that is lower, for spectra on a common wavelength grid together.

    Args:
        spectra: in any unit.

    Example:
        >>> flux = np.random.default_rng(1).normal(10.0, 0.5, (20, 1000))
        >>> flux[0, 500] = -100.0
        >>> spectra = jaxz.noise.cleaned(jaxz.Spectra(np.arange(5000.0, 6000.0), flux, np.full(flux.shape, 4.0)))
        >>> spectra.ivar[0, 496:505] > 0
        array([ True,  True, False, False, False, False, False,  True,  True])
    """
    ivar = np.where(_stuck(spectra.flux), 0, spectra.ivar)
    _, grid = np.unique(spectra.wave, axis=0, return_inverse=True)
    for number in range(grid.max(initial=-1) + 1):
        rows = np.flatnonzero(grid.ravel() == number)
        scatter = estimate_ivar(spectra.flux[rows], ivar[rows] > 0)
        ivar[rows] = np.where(scatter > 0, np.minimum(ivar[rows], scatter), 0)
    negative = spectra.flux * np.sqrt(ivar) < -NEGATIVE
    around = np.lib.stride_tricks.sliding_window_view(np.pad(negative, ((0, 0), (BESIDE, BESIDE))), 2 * BESIDE + 1, 1)
    return dataclasses.replace(spectra, ivar=np.where(around.any(axis=-1), 0, ivar).astype(spectra.ivar.dtype))


def _shape(scatter: np.ndarray) -> np.ndarray:
    """Return σ of the instrument at each pixel, (pix,), in units of a spectrum's own median."""
    level = np.array([np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in scatter])
    relative = scatter / level[:, None]
    known = np.isfinite(relative)
    shape = np.ones(scatter.shape[1])
    for pixel in np.flatnonzero(known.any(axis=0)):
        shape[pixel] = np.median(relative[known[:, pixel], pixel])
    return shape


def _running_median(values: np.ndarray) -> np.ndarray:
    """Return the median of what is finite within `WINDOW` pixels, (pix,), NaN where nothing is."""
    places = np.arange(0, len(values) + STRIDE, STRIDE)
    medians = np.full(len(places), np.nan)
    for number, place in enumerate(places):
        near = values[max(place - WINDOW // 2, 0) : place + WINDOW // 2 + 1]
        near = near[np.isfinite(near)]
        if near.size:
            medians[number] = np.median(near)
    known = np.isfinite(medians)
    if not known.any():
        return np.full(len(values), np.nan)
    return np.interp(np.arange(len(values)), places[known], medians[known])


def _stuck(flux: np.ndarray) -> np.ndarray:
    """Return where a pixel is one of `STUCK` or more in a row of the same flux."""
    same = np.pad(np.diff(flux, axis=1) == 0, ((0, 0), (STUCK - 1, STUCK - 1)))
    run = np.lib.stride_tricks.sliding_window_view(same, STUCK - 1, axis=1).all(axis=-1)
    return np.any(np.lib.stride_tricks.sliding_window_view(run, STUCK, axis=1), axis=-1)
