"""Spectra of parts of a cube: of bins, of the labels of a segmentation map, or of sources at given positions."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy.io import fits

from jaxz import __version__
from jaxz.io.cube import CubeFile, Slab, open_cube
from jaxz.io.cube_bins import bins
from jaxz.io.cube_noise import CubeNoise, noise_of_cube
from jaxz.io.cube_regions import Regions, labelled_regions, positioned, segmented
from jaxz.io.files import FileError, opened
from jaxz.io.output import replacing
from jaxz.io.spectra_file import spectra_hdus
from jaxz.spectra import Spectra

APERTURE = 0.7
"""Default radius around a position, arcsec: near the best for a point source in a seeing of MUSE."""

MAP = "SEGMENTATION"
"""Extension with the number of the spectrum that a spaxel is in."""

_KEY = "EXTRKEY"
_LEAST = 0.5
"""Share of the weights that must have data at a wavelength."""


@dataclasses.dataclass(frozen=True)
class Extraction:
    """What is to be made one spectrum; one of the first three.

    Attributes:
        bin_snr: bins whose continuum has this S/N in a pixel.
        segmentation: FITS image with labels.
        positions: table with RA and DEC in degrees.
        aperture: radius around positions, arcsec; `APERTURE` if None.
        psf: FWHM (arcsec) of the weights of a point source (Horne 1986), in place of apertures.

    Raises:
        ValueError: if they do not fit together.

    Example:
        >>> jaxz.io.Extraction(bin_snr=5.0).cards()
        {'BINSNR': 5.0}
    """

    bin_snr: float | None = None
    segmentation: Path | None = None
    positions: Path | None = None
    aperture: float | None = None
    psf: float | None = None

    def __post_init__(self) -> None:
        if self.positions is None and (self.aperture is not None or self.psf is not None):
            raise ValueError("an aperture or a PSF is around positions: give these too")
        given = [name for name in ("bin_snr", "segmentation", "positions") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of bin_snr, segmentation and positions, got {' and '.join(given) or 'none'}")
        if self.aperture is not None and self.psf is not None:
            raise ValueError("give an aperture or the width of a PSF, not both")
        for name in ("bin_snr", "aperture", "psf"):
            value = getattr(self, name)
            if value is not None and not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} is {value:g}: give a positive number")

    def cards(self) -> dict[str, Any]:
        """Return what headers say of it."""
        keys = {"BINSNR": self.bin_snr, "SEGMENT": self.segmentation, "POSITION": self.positions}
        if self.positions is not None:
            keys |= {"PSFFWHM": self.psf} if self.psf is not None else {"APERTURE": self.aperture or APERTURE}
        return {
            key: value if isinstance(value, float) else str(value) for key, value in keys.items() if value is not None
        }

    def key(self, cube: Path) -> str:
        """Return a fingerprint of the inputs and of what is done with them."""
        with opened(cube):
            found = cube.stat()
        stated = [__version__, str(cube), found.st_size, found.st_mtime_ns, self.cards()]
        for path in (self.segmentation, self.positions):
            if path is not None:
                with opened(path) as stream:
                    stated.append(hashlib.sha256(stream.read()).hexdigest())
        return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()[:20]


class Extracted(NamedTuple):
    """Spectra of parts of a cube.

    Attributes:
        spectra: with the columns ``X``, ``Y``, ``RA``, ``DEC``, ``LABEL`` (of bins and segmentation maps), ``NSPAXEL``,
            and ``NOISEFAC``, by which the variance is larger than STAT says.
        labels: (y, x) int32 LABEL of each spaxel, 0 for none; None where spectra may overlap.
        noise: of the cube.
        cube: that it is of.
    """

    spectra: Spectra
    labels: np.ndarray | None
    noise: CubeNoise
    cube: CubeFile


def extract(path: str | Path, how: Extraction) -> Extracted:
    """Return the spectra of bins, of a segmentation map, or of sources, of a cube.

    Sums are Σ w f over the spaxels, w the share of each that is inside. Where some have no data at a wavelength, the
    others stand for them, unless they are less than half. With a PSF it is the flux of a point source,
    Σ (p f / v) / Σ (p² / v) (Horne 1986, PASP 98, 609, eq. 8). The variances are Σ w² STAT and 1 / Σ (p² / v), times
    the factor by which correlated noise makes them larger (see `jaxz.io.cube_noise`), one for each spectrum.

    The cube is read twice, once for its noise, in slabs.

    Args:
        path: of the cube.
        how: which spectra.

    Raises:
        FileError: if a file cannot be read, or does not fit the cube; or if no bin reaches its S/N.

    Example:
        >>> from pathlib import Path
        >>> from astropy.io import fits
        >>> axes = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CTYPE3": "AWAV", "CRVAL1": 53.1, "CRVAL2": -27.8}
        >>> axes |= {"CRVAL3": 4750.0, "CRPIX3": 1.0, "CD1_1": -5e-5, "CD2_2": 5e-5, "CD3_3": 1.25}
        >>> axes |= {"CUNIT1": "deg", "CUNIT2": "deg", "CUNIT3": "Angstrom", "CRPIX1": 1.0, "CRPIX2": 1.0}
        >>> values = np.ones((100, 4, 5), dtype=np.float32)
        >>> images = [fits.ImageHDU(values, fits.Header(axes), name=name) for name in ("DATA", "STAT")]
        >>> fits.HDUList([fits.PrimaryHDU(), *images]).writeto("cube.fits")
        >>> fits.PrimaryHDU(np.repeat([[1, 1, 1, 2, 2]], 4, axis=0)).writeto("map.fits")
        >>> found = jaxz.io.extract("cube.fits", jaxz.io.Extraction(segmentation=Path("map.fits")))
        >>> found.spectra.meta["NSPAXEL"].tolist()
        [12, 8]
    """
    cube = open_cube(path)
    noise = noise_of_cube(cube)
    regions = _regions(cube, noise, how)
    return Extracted(_summed(cube, regions, noise), regions.labels, noise, cube)


def write_extracted(extracted: Extracted, path: Path, how: Extraction, *, overwrite: bool = False) -> None:
    """Write spectra of parts of a cube as `jaxz.io.write` does, with an image `MAP` of their labels.

    Raises:
        FileError: as `jaxz.io.write`.
    """
    cube = extracted.cube
    cards = {"CUBE": str(cube.path), **how.cards(), **extracted.noise.cards(), _KEY: how.key(cube.path)}
    hdus = spectra_hdus(extracted.spectra, path, cards)
    if extracted.labels is not None:
        hdus.append(fits.ImageHDU(extracted.labels, header=cube.map_header(), name=MAP))
    with replacing(path, overwrite=overwrite) as unfinished:
        fits.HDUList(hdus).writeto(unfinished)


def is_extracted(path: Path, how: Extraction, cube: Path) -> bool:
    """Tell whether a file is what `write_extracted` would write."""
    if not path.is_file():
        return False
    try:
        return fits.getheader(path).get(_KEY) == how.key(cube)
    except OSError:
        return False


def _regions(cube: CubeFile, noise: CubeNoise, how: Extraction) -> Regions:
    if how.segmentation is not None:
        return segmented(cube, how.segmentation)
    if how.positions is not None:
        return positioned(cube, how.positions, aperture=how.aperture or APERTURE, psf=how.psf)
    assert how.bin_snr is not None
    labels, best = bins(noise, how.bin_snr)
    if not labels.any():
        raise FileError(
            f"{cube.path}: no bin has a continuum of S/N {how.bin_snr:g} in a pixel; the best has {best:.2g}: ask for "
            "less"
        )
    return labelled_regions(cube, labels)


def _summed(cube: CubeFile, regions: Regions, noise: CubeNoise) -> Spectra:
    counts = np.array([len(part) for part in regions.spaxels])
    values = np.zeros((2, len(counts), len(cube.wave)), dtype=np.float32)
    together = _Together(regions, counts)
    for part, slab in cube.slabs():
        values[:, :, part] = together.flux_and_ivar(slab)
    factor = np.array([_factor(cube, regions, noise, row) for row in range(len(counts))])
    values[1] /= factor[:, None].astype(np.float32)
    meta = {**regions.meta, "NSPAXEL": counts, "NOISEFAC": factor}
    return cube.spectra(values, regions.ids, regions.x, regions.y, **meta)


class _Together:
    """All regions, side by side, so that their sums are one operation."""

    def __init__(self, regions: Regions, counts: np.ndarray) -> None:
        self._index = np.concatenate(regions.spaxels)
        self._weight = np.concatenate(regions.weights)
        self._begins = np.concatenate([[0], np.cumsum(counts)[:-1]])
        self._total, self._optimal = regions.total, regions.optimal

    def flux_and_ivar(self, slab: Slab) -> np.ndarray:
        """Return flux and inverse variance, (2, spec, wave), of a slab, without what noise has in common."""
        flux, variance = (values.reshape(len(values), -1)[:, self._index].astype(np.float64) for values in slab)
        use = np.isfinite(flux) & np.isfinite(variance) & (variance > 0)
        weight = np.where(use, self._weight, 0)
        share = self._sum(weight) / self._total
        flux, variance = np.where(use, flux, 0), np.where(use, variance, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            if self._optimal:
                ivar = self._sum(weight**2 / variance)
                found = self._sum(weight * flux / variance) / ivar
            else:
                ivar = share**2 / self._sum(weight**2 * variance)
                found = self._sum(weight * flux) / share
        return np.where(share >= _LEAST, np.stack([found, ivar]), 0).transpose(0, 2, 1)

    def _sum(self, values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, self._begins, axis=1)


def _factor(cube: CubeFile, regions: Regions, noise: CubeNoise, row: int) -> float:
    y, x = np.divmod(regions.spaxels[row], cube.shape[1])
    sigma, weight = noise.sigma[y, x], regions.weights[row]
    use = np.isfinite(sigma) & (sigma > 0)
    if not use.any():
        return 1.0
    amplitude = weight[use] / sigma[use] if regions.optimal else weight[use] * sigma[use]
    return noise.factor(y[use], x[use], amplitude)
