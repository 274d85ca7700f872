"""Spectra of blank sky → a Gaussian component of what sky subtraction leaves [L, §III.1.1]."""

import numpy as np

from jaxz.models.components import GaussianComponent, Whitening
from jaxz.separation import window_of
from jaxz.spectra import DEFAULT_STEP, Spectra
from jaxz.train.covariance import on_lattice, principal

MARGIN = 3
"""Pixels on either side of an outlying one that are masked with it."""

TAILS = (5, 95)
"""Percentiles of a spectrum beyond which a pixel is outlying."""


def sky_component(
    spectra: Spectra,
    *,
    rank: int = 50,
    step: float = DEFAULT_STEP,
    max_sum: float = 1e6,
    max_masked: int = 1000,
    outlying: float = 1 / 3,
    degree: int = 4,
    name: str = "sky",
    version: str = "1",
) -> GaussianComponent:
    """Return the sky component of an instrument, learned from spectra of blank sky, the sky subtracted.

    The spectra are put on the lattice. Those whose flux sums to more than `max_sum`, or that lack more than
    `max_masked` pixels, are left out. Pixels of the brightest lines are masked, and what is found in them will be the
    sky's (`outlier_mask`). A polynomial in log10 λ is fitted to the logarithm of the mean square of the others
    [L, eq. 7; fitted here, to the data at hand]: it whitens the spectra [L, eq. 8]. The component holds the first
    eigenvectors of the covariance XXᵀ/n [L, eq. 3] of the whitened spectra, times the square roots of their
    eigenvalues. The noise of the spectra is part of that covariance, as in the paper.

    Args:
        spectra: of one instrument, in the unit of flux that the component will be used with.
        rank: number of eigenvectors.
        step: of the lattice, dex.
        max_sum: of the flux over the lattice pixels, in absolute value: beyond it something is wrong. (For DESI, in
            1e-17 erg/s/cm²/Å.)
        max_masked: lattice pixels without data that a spectrum may have, of those that any spectrum has.
        outlying: share of the spectra from which on a wavelength is masked.
        degree: of the polynomial.
        name, version: of the component.

    Returns:
        The component, float32, fixed in the observed frame. Its provenance has the counts and the parameters.

    Raises:
        ValueError: if the spectra have different pixels, none is left, or they are too few for the rank.

    Example:
        >>> spectra, _ = jaxz.mock.sky_spectra(jaxz.mock.INSTRUMENTS["desi"](), 4, seed=1)
        >>> sky = jaxz.train.sky_component(spectra, rank=2)
        >>> sky.vectors.shape[0], sky.reference_z is None
        (2, True)
    """
    _check(spectra, rank)
    grid = window_of(spectra, step)
    flux, ivar = on_lattice(spectra, grid)
    total, lacking = np.abs(flux.sum(axis=1, dtype=np.float64)), np.count_nonzero(ivar == 0, axis=1)
    use = (total <= max_sum) & (lacking <= max_masked)
    left = f"{int(use.sum())} of {len(spectra)} spectra are left"
    if use.sum() < max(rank, 2):
        raise ValueError(
            f"{left} ({int((total > max_sum).sum())} sum to more than {max_sum:g}, {int((lacking > max_masked).sum())} "
            f"lack more than {max_masked} of {grid.size} pixels): too few for rank={rank}"
        )
    flux, ivar = flux[use], ivar[use]
    mask = outlier_mask(flux, ivar, share=outlying)
    variance = np.mean(np.square(flux, dtype=np.float64), axis=0)
    seen = ~mask & (variance > 0)
    if np.count_nonzero(seen) <= degree:
        raise ValueError(f"{left}, with {np.count_nonzero(seen)} pixels that are not masked: nothing can be learned")
    whitening = Whitening.fit(grid.loglam, np.where(seen, variance, 0), degree=degree)
    flux /= np.exp(whitening.log_variance(grid.loglam) / 2).astype(np.float32)
    flux[:, mask] = 0
    provenance = {
        "METHOD": "eigenvectors of the covariance of whitened sky spectra",
        "NSPEC": str(len(spectra)),
        "NUSED": str(len(flux)),
        "NMASKED": str(int(mask.sum())),
        "MAXSUM": f"{max_sum:g}",
        "MAXMASK": str(max_masked),
        "OUTLYING": f"{outlying:.4g}",
        "DEGREE": str(degree),
    }
    vectors = principal(flux, rank).astype(np.float32)
    return GaussianComponent(
        vectors, grid, whitening=whitening, mask=mask if mask.any() else None,
        name=name, version=version, spectype="SKY", provenance=provenance,
    )  # fmt: skip


def outlier_mask(flux: np.ndarray, ivar: np.ndarray, *, share: float) -> np.ndarray:
    """Return the pixels where more than `share` of the spectra are in the tails of their values, ±3 pixels.

    The tails are those beyond the 5th and the 95th percentile of the values of the same spectrum. Values are in units
    of the noise: with those of the flux itself, which the paper's words allow too, the blue end of DESI spectra, where
    noise is high, would be masked before any sky line.

    Args:
        flux, ivar: (spec, obs); without data where ivar is 0.
        share: of the spectra that have data in the pixel; 0.1 is what noise alone gives.
    """
    beyond, seen = np.zeros((2, flux.shape[1]), dtype=int)
    for values, weight in zip(flux, ivar, strict=True):
        good = weight > 0
        if good.any():
            pull = values * np.sqrt(weight)
            low, high = np.percentile(pull[good], TAILS)
            beyond += good & ((pull < low) | (pull > high))
            seen += good
    found = np.pad(beyond > share * seen, MARGIN)
    return np.any(np.lib.stride_tricks.sliding_window_view(found, 2 * MARGIN + 1), axis=1)


def _check(spectra: Spectra, rank: int) -> None:
    if rank < 1:
        raise ValueError(f"rank={rank}: use 1 or more")
    if not np.any(spectra.npixels > 1):
        raise ValueError(f"none of {len(spectra)} spectra has data: nothing can be learned")
    first, width = spectra.wave[:, 0], np.diff(spectra.wave[:, :2], axis=1)[:, 0]
    other = np.flatnonzero((np.abs(first / first[0] - 1) > 0.01) | (np.abs(width / width[0] - 1) > 0.1))
    if len(other):
        row = int(other[0])
        raise ValueError(
            f"spectra {spectra.ids[0]!r} and {spectra.ids[row]!r} begin at {first[0]:.0f} and {first[row]:.0f} Å with "
            f"pixels of {width[0]:.2f} and {width[row]:.2f} Å: a sky component is of one instrument"
        )
