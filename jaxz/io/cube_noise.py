"""What the noise of neighbouring voxels of a cube has in common, and what it costs a sum of spaxels.

A cube is resampled from the detector, so that a pixel there is in several voxels, and STAT, which is the variance of
each voxel alone, knows nothing of it. The variance of a sum Σ w f is Σ Σ w w' cov, and not Σ w² STAT.
"""

from typing import Any, NamedTuple

import numpy as np

from jaxz.io.cube import PLANES, CubeFile

LAG = 3
"""Spaxels, in x and y, up to which neighbours are compared: resampling reaches no farther."""

BLOCKS = 8
"""Parts of a cube, of `PLANES` images each, that its noise is estimated from."""

APART = 10
"""Images between two whose difference is noise: no resampling reaches so far, and a continuum hardly changes."""

BLANK, MANY = 1.0, 100
"""Largest S/N of a voxel's continuum where the difference of two images is taken for noise, and how many such spaxels
are needed."""

_CLIP = 4.0
_SIGMA = 1.4826
"""Standard deviation of normal noise whose median absolute value is 1."""

_NEAR = 4
"""Images up to which neighbours along wavelength are compared."""


class CubeNoise(NamedTuple):
    """The covariance of the noise of voxels, in units of STAT.

    Attributes:
        covariance: (2 LAG + 1, 2 LAG + 1) of two spaxels at one wavelength, by y and x between them; in the middle the
            variance of one, which is 1 if STAT is right.
        along: 1 + 2 Σ correlation with the next voxels along wavelength: by how much more than STAT says the flux of a
            line that is wider than they are varies.
        sigma: (y, x) median of √STAT, NaN where there are no data.
        signal: (y, x) median flux.
        blank: number of spaxels that it was estimated from; 0 if there were too few, and STAT is taken as it is.
    """

    covariance: np.ndarray
    along: float
    sigma: np.ndarray
    signal: np.ndarray
    blank: int

    def factor(self, y: np.ndarray, x: np.ndarray, amplitude: np.ndarray) -> float:
        """Return what the variance Σ w² STAT of a sum Σ w f is to be multiplied with; 1 at least.

        Args:
            y, x: (spaxel,) that are summed.
            amplitude: (spaxel,) w √STAT.
        """
        image = np.zeros((np.ptp(y) + 1 + LAG, np.ptp(x) + 1 + 2 * LAG))
        np.add.at(image, (y - y.min(), x - x.min() + LAG), amplitude)
        rows, columns = image.shape
        total = self.covariance[LAG, LAG] * np.sum(image**2)
        for dy, dx in _HALF:
            one = image[: rows - dy, max(-dx, 0) : columns - max(dx, 0)]
            other = image[dy:, max(dx, 0) : columns + min(dx, 0)]
            total += 2 * self.covariance[LAG + dy, LAG + dx] * np.sum(one * other)
        return max(float(total / np.sum(image**2)), 1.0)

    def cards(self) -> dict[str, Any]:
        """Return what headers say of it."""
        middle = self.covariance[LAG, LAG]
        beside = np.mean([self.covariance[LAG, LAG + 1], self.covariance[LAG + 1, LAG]]) / middle
        numbers = {"NOISEVAR": float(middle), "NOISECOR": float(beside), "NOISEALO": self.along}
        return {"NOISENUM": self.blank, **{name: round(value, 4) for name, value in numbers.items()}}

    def said(self, path: object) -> str:
        """Return it in a line for the user."""
        if not self.blank:
            return (
                f"{path}: fewer than {MANY} spaxels are blank: the covariance of its noise is not known, and STAT is "
                "taken as it is, also where spaxels are summed"
            )
        cards = self.cards()
        y, x = np.indices((5, 5)).reshape(2, -1)
        box = self.factor(y, x, np.ones(len(y)))
        return (
            f"{path}: the variance of the noise is {cards['NOISEVAR']:.2f} STAT, neighbours correlate by "
            f"{cards['NOISECOR']:.2f}: a sum over 5 x 5 spaxels varies by {box:.2f} STAT; "
            f"lines vary by {self.along:.2f} times that, as voxels along wavelength correlate too"
        )


_HALF = [(dy, dx) for dy in range(LAG + 1) for dx in range(-LAG, LAG + 1) if dy > 0 or dx > 0]
"""Half of the distances, as covariances are the same the other way round."""


def noise_of_cube(cube: CubeFile) -> CubeNoise:
    """Return the covariance of the noise of a cube.

    It is that of r = [f(λ) - f(λ')] / √(STAT + STAT'), λ' being `APART` images from λ, less the median of r on the sky,
    which is what the subtraction of the sky has left, in spaxels whose continuum is fainter than the noise of a voxel,
    so that what galaxies have in common is not taken for noise. Of the means of products in each image the median
    counts. Some parts of the cube, spread over wavelength, are read.

    Args:
        cube: whose STAT it is compared with.
    """
    products, nears, sigmas, signals, blanks = [], [], [], [], []
    for _, slab in cube.slabs(_parts(len(cube.wave))):
        use = np.isfinite(slab.flux) & np.isfinite(slab.variance) & (slab.variance > 0)
        flux, variance = (np.where(use, values, np.nan) for values in slab)
        with np.errstate(all="ignore"):
            signal, sigma = _median(flux), np.sqrt(_median(variance))
            blank = np.abs(signal) < BLANK * sigma
        sigmas.append(sigma)
        signals.append(signal)
        blanks.append(np.count_nonzero(blank))
        if blanks[-1] < MANY or len(flux) <= APART:
            continue
        flux[:, ~blank] = np.nan
        far = _differences(flux, variance, APART)
        spread = _spread(far)
        if np.isfinite(spread) and spread > 0:
            products.append(_products(far, spread))
            nears.append([(_spread(_differences(flux, variance, near)) / spread) ** 2 for near in range(1, _NEAR + 1)])
    sigma, signal = _median(np.stack(sigmas)), _median(np.stack(signals))
    if not products:
        unit = np.zeros((2 * LAG + 1, 2 * LAG + 1))
        unit[LAG, LAG] = 1
        return CubeNoise(unit, 1.0, sigma, signal, 0)
    along = 1 + 2 * float(np.sum(1 - np.median(nears, axis=0)))
    return CubeNoise(np.median(np.concatenate(products), axis=0), along, sigma, signal, int(np.median(blanks)))


def _parts(size: int) -> list[slice]:
    if size <= BLOCKS * PLANES:
        return [slice(begin, min(begin + PLANES, size)) for begin in range(0, size, PLANES)]
    return [slice(begin, begin + PLANES) for begin in np.linspace(0, size - PLANES, BLOCKS).astype(int).tolist()]


def _median(values: np.ndarray) -> np.ndarray:
    """Return the median of what is finite along the first axis; NaN where nothing is."""
    ordered = np.sort(values, axis=0)  # NaN is last
    count = np.isfinite(values).sum(axis=0)
    pair = np.stack([np.maximum(count - 1, 0) // 2, np.maximum(count, 1) // 2])
    low, high = np.take_along_axis(ordered, pair.clip(max=len(values) - 1), axis=0)
    return (low + high) / 2


def _differences(flux: np.ndarray, variance: np.ndarray, apart: int) -> np.ndarray:
    """Return differences of images in units of what STAT says of them, (wave - apart, y, x)."""
    with np.errstate(all="ignore"):
        far = (flux[apart:] - flux[:-apart]) / np.sqrt(variance[apart:] + variance[:-apart])
    common = _median(far.reshape(len(far), -1).T)
    return far - common[:, None, None]


def _spread(values: np.ndarray) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return _SIGMA * float(np.median(finite)) if len(finite) else np.nan


def _products(far: np.ndarray, spread: float) -> np.ndarray:
    """Return the mean product of spaxels by the distance between them, (wave, y, x); far ones count as `_CLIP`."""
    known = np.isfinite(far)
    clipped = np.where(known, np.clip(far, -_CLIP * spread, _CLIP * spread), 0)
    found = np.zeros((len(far), 2 * LAG + 1, 2 * LAG + 1))
    rows, columns = far.shape[1:]
    for dy, dx in [(0, 0), *_HALF]:
        one = (slice(None), slice(0, max(rows - dy, 0)), slice(max(-dx, 0), columns - max(dx, 0)))
        other = (slice(None), slice(dy, None), slice(max(dx, 0), columns + min(dx, 0)))
        pairs = np.sum(known[one] & known[other], axis=(1, 2))
        mean = np.sum(clipped[one] * clipped[other], axis=(1, 2)) / np.maximum(pairs, 1)
        found[:, LAG + dy, LAG + dx] = found[:, LAG - dy, LAG - dx] = mean
    return found
