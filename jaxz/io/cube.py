"""Cubes of MUSE, as its pipeline and MPDAF write them: a spectrum at each place of the sky, read in slabs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from jaxz.io.files import GZIP, FileError, damage_named, image_shape, open_fits, opened, spectra_of, stem_of
from jaxz.io.muse import axis_of_mpdaf
from jaxz.io.units import flux_unit, noise_factor
from jaxz.measured import inverse_variance
from jaxz.spectra import Spectra

PLANES = 64
"""Images of one wavelength each that are in memory at a time, where the whole sky is needed."""


class Slab(NamedTuple):
    """Some images of a cube.

    Attributes:
        flux, variance: (wave, y, x) float32 or float64; not finite where there are no data.
    """

    flux: np.ndarray
    variance: np.ndarray


class CubeFile:
    """The spectra of the spaxels of a cube, of which no more than some rows of the sky are in memory at a time.

    A cube has extensions ``DATA`` and ``STAT``, the variance of each voxel, axis 3 along wavelength (AWAV or WAVE);
    voxels that ``DQ``, where there is one, does not have at 0 do not count. STAT is taken as it is: what neighbours
    have in common (see `jaxz.io.cube_noise`) matters where spaxels are summed. Wavelengths without data, as between the
    notch filter's edges around the lasers' sodium, have ivar 0.

    Args:
        path: of the file, which is opened again where spectra are asked for.
        hdus: the open file.

    Attributes:
        ids: names of the spaxels, ``FILE-Y-X``, row by row, counted from 0.
        shape: of an image, (y, x).
        wave: (wave,) vacuum Å.

    Raises:
        FileError: if it is gzipped, has no variance, or no wavelengths. The message names what is missing.
    """

    ids: tuple[str, ...]

    def __init__(self, path: Path, hdus: Any) -> None:
        self.path = path
        self._check(hdus)
        header = hdus["DATA"].header
        size, *self.shape = image_shape(hdus["DATA"])
        where = f"{path}[DATA]"
        self.wave = axis_of_mpdaf(where, header, size, 3)
        self.unit = flux_unit(where, header.get("BUNIT"), self.wave[:, None, None])
        stated = hdus["STAT"].header.get("BUNIT")
        self._factor = noise_factor(f"{path}[STAT]", stated, self.unit.unit, 2)
        self._has_quality = "DQ" in hdus
        self.wcs = WCS(header, naxis=2)
        stem = stem_of(path)
        self.ids = tuple(f"{stem}-{y}-{x}" for y in range(self.shape[0]) for x in range(self.shape[1]))

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, part: slice) -> Spectra:
        """Return the spectra of a slice of the spaxels, without those that have no data at all.

        `meta` has ``X`` and ``Y``, the place in the image from 0, and ``RA`` and ``DEC`` of its centre.
        """
        place = np.arange(len(self))[part]
        if not len(place):
            return self.spectra(np.zeros((2, 0, len(self.wave)), dtype=np.float32), [], place, place)
        y, x = np.divmod(place, self.shape[1])
        rows = slice(int(y.min()), int(y.max()) + 1)
        with self._open() as hdus:
            slab = self._slab(hdus, (slice(None), rows, slice(None)))
        flux, ivar = (
            np.ascontiguousarray(values[:, y - rows.start, x].T)
            for values in (slab.flux, inverse_variance(slab.variance, "var"))
        )
        seen = np.any(np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0), axis=1)
        names = [self.ids[one] for one in place[seen]]
        return self.spectra(np.stack([flux[seen], ivar[seen]]), names, x[seen], y[seen])

    def spectra(self, values: np.ndarray, ids: Sequence[str], x: np.ndarray, y: np.ndarray, **meta: Any) -> Spectra:
        """Return spectra of this cube.

        Args:
            values: (2, spec, wave) flux and ivar.
            ids: their names.
            x, y: (spec,) their place in the image.
            meta: further columns.
        """
        right_ascension, declination = self.sky(x, y)
        known = {"X": x, "Y": y, "RA": right_ascension, "DEC": declination, **meta}
        return spectra_of(self.path, self.wave, *values, ids=ids, meta=known, unit=self.unit.name)

    def sky(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return right ascension and declination of places in the image, degrees; NaN where the header has none."""
        if not self.wcs.has_celestial:
            return np.full(len(x), np.nan), np.full(len(x), np.nan)
        if not len(x):
            return np.zeros(0), np.zeros(0)
        right_ascension, declination = self.wcs.wcs_pix2world(x, y, 0)
        return right_ascension, declination

    def slabs(self, parts: Sequence[slice] | None = None) -> Iterator[tuple[slice, Slab]]:
        """Yield images of neighbouring wavelengths, some at a time: the whole cube once, or some parts of it.

        Args:
            parts: of the wavelengths; all, `PLANES` at a time, if absent.
        """
        if parts is None:
            parts = [slice(begin, begin + PLANES) for begin in range(0, len(self.wave), PLANES)]
        with self._open() as hdus:
            for part in parts:
                yield part, self._slab(hdus, (part, slice(None), slice(None)))

    def map_header(self) -> fits.Header:
        """Return what a header of an image says of its place on the sky."""
        return self.wcs.to_header() if self.wcs.has_celestial else fits.Header()

    @contextmanager
    def _open(self) -> Iterator[Any]:
        with damage_named(self.path), open_fits(self.path) as hdus:
            yield hdus

    def _slab(self, hdus: Any, where: tuple[slice, slice, slice]) -> Slab:
        flux, variance = (
            values.astype(values.dtype.newbyteorder("="), copy=False)
            for values in (hdus[name].section[where] for name in ("DATA", "STAT"))
        )
        if self._has_quality:
            variance = np.where(hdus["DQ"].section[where] == 0, variance, variance.dtype.type(np.nan))
        scale = self.unit.factor if np.ndim(self.unit.factor) == 0 else np.asarray(self.unit.factor)[where[0]]
        if self._factor == 1 and np.ndim(scale) == 0:
            return Slab(flux, variance)
        return Slab(flux * scale, variance * (self._factor * np.square(scale)))

    def _check(self, hdus: Any) -> None:
        with opened(self.path) as stream:
            if stream.read(len(GZIP)) == GZIP:
                raise FileError(
                    f"{self.path}: a gzipped cube would be unpacked again for every slab: unpack it with gunzip"
                )
        shape = image_shape(hdus["DATA"])
        if "STAT" not in hdus:
            raise FileError(
                f"{self.path}: no extension STAT: a cube without noise gives no redshifts: add the variance of each "
                f"voxel, {' x '.join(map(str, shape))} as DATA"
            )
        for name in ("STAT", "DQ"):
            if name in hdus and image_shape(hdus[name]) != shape:
                raise FileError(
                    f"{self.path}: DATA has shape {shape}, {name} {image_shape(hdus[name])}: they need one value for "
                    "each voxel"
                )


def is_cube(hdus: Any) -> bool:
    """Tell whether an open FITS file holds an extension ``DATA`` with three axes."""
    return "DATA" in hdus and len(image_shape(hdus["DATA"])) == 3


def open_cube(path: str | Path) -> CubeFile:
    """Return a cube.

    Raises:
        FileError: if the file is no cube, or as `CubeFile`.
    """
    path = Path(path)
    with open_fits(path) as hdus:
        if not is_cube(hdus):
            axes = f"DATA has {len(image_shape(hdus['DATA']))} axes" if "DATA" in hdus else "it has no extension DATA"
            raise FileError(f"{path}: not a cube: {axes}: give one with three, the third along wavelength, and STAT")
        return CubeFile(path, hdus)
