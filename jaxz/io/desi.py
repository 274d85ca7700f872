"""DESI spectra: ``coadd-*`` and ``spectra-*`` files, of three cameras or one that joins them."""

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from jaxz.io.coadd import CommonGrid, Exposure
from jaxz.io.fibermap import ONE_ROW_EACH, Targets, fibermap_of, targets_of
from jaxz.io.files import FileError, FileWarning, damage_named, image_shape, open_fits, spectra_of, stem_of
from jaxz.io.masks import warn_not_used
from jaxz.io.units import flux_unit, noise_factor
from jaxz.io.wavelengths import vacuum_angstrom
from jaxz.spectra import Spectra

_EXTENSION = re.compile(r"([BRZ]{1,3})_(WAVELENGTH|FLUX|IVAR|MASK|RESOLUTION)")
_NEEDED = {"WAVELENGTH": "wavelength of each pixel", "FLUX": "flux", "IVAR": "inverse variance"}


def is_desi(hdus: Any) -> bool:
    """Tell whether an open FITS file holds the flux or the ivar of a DESI camera (``B_FLUX``, ``BRZ_IVAR``, …)."""
    return any(parts[2] in ("FLUX", "IVAR") for parts in _extensions(hdus))


def read_desi(path: str | Path, *, coadd: bool = True) -> Spectra:
    """Read a DESI file; `jaxz.io.read` does the same with exposures coadded.

    Args:
        path: of a ``coadd-*`` or ``spectra-*`` file.
        coadd: whether the exposures of one target in a ``spectra-*`` file become one spectrum. If not, each is one, of
            all cameras, with the TARGETID as its id, and ``FIBERMAP.EXPID`` in `meta` says which exposure it is.

    Returns:
        The spectra, with resolution matrices where the file has them. See `DesiFile`.

    Raises:
        FileError: if the file cannot be read, or is not such a file.

    Example:
        >>> from astropy.io import fits
        >>> from astropy.table import Table
        >>> fibers = fits.BinTableHDU(Table({"TARGETID": [39633345008634465], "OBJTYPE": ["TGT"]}), name="FIBERMAP")
        >>> wave, ones = 3600 + 0.8 * np.arange(100), np.ones((1, 100))
        >>> images = {"B_WAVELENGTH": wave, "B_FLUX": ones, "B_IVAR": ones}
        >>> hdus = [fits.ImageHDU(values, name=name) for name, values in images.items()]
        >>> fits.HDUList([fits.PrimaryHDU(), fibers, *hdus]).writeto("coadd-x.fits")
        >>> jaxz.io.read_desi("coadd-x.fits").ids
        ('39633345008634465',)
    """
    path = Path(path)
    with damage_named(path), open_fits(path) as hdus:
        if not is_desi(hdus):
            raise FileError(f"{path}: not a DESI file: it has no extension B_FLUX, R_FLUX, Z_FLUX or BRZ_FLUX")
        file = DesiFile(path, hdus, coadd=coadd)
    return file[:]


class DesiFile:
    """The spectra of a DESI file, read where they are asked for: ``file[100:200]`` are `Spectra`, one for each target.

    The cameras of a target become one spectrum, and so do its exposures (see `CommonGrid`). A pixel has no data where
    its MASK is not 0, or where its row of the resolution matrix sums to less than 0.99, as in Redrock; exposures that
    FIBERSTATUS calls unusable are left out, as in DESI's coadds. `Spectra.meta` has TARGETID (int64), RA, DEC, the
    columns of FIBERMAP with ``FIBERMAP.`` before their names, and ZWARN, the bits that FIBERMAP gives: as in Redrock,
    SKY (OBJTYPE), UNPLUGGED, NODATA, POORDATA and LITTLE_COVERAGE (fibre status); and BAD_TARGET where OBJTYPE is BAD
    or TARGETID is negative.

    Without FIBERMAP, each row is a target that is named by the file and the row, and a `FileWarning` says so; the same
    goes for rows whose TARGETID is null. A MASK that leaves no pixel of any spectrum is ignored, with a `FileWarning`.

    Args:
        path: of the file, which is opened again where spectra are asked for.
        hdus: the open file.
        coadd: whether the exposures of one target become one spectrum.

    Attributes:
        ids: names of the spectra: their TARGETID in digits.

    Raises:
        FileError: if an extension is missing, or does not fit the others. The message names it.
    """

    ids: tuple[str, ...]

    def __init__(self, path: Path, hdus: Any, *, coadd: bool = True) -> None:
        self._path = path
        self._cameras = sorted({parts[1] for parts in _extensions(hdus)})
        letters = "".join(self._cameras)
        if len(set(letters)) < len(letters):
            raise FileError(
                f"{path}: cameras {', '.join(self._cameras)} hold the same light: remove all but one of them"
            )
        waves = {camera: _wave(path, hdus, camera) for camera in self._cameras}
        self._pixels = {camera: _with_wavelength(path, camera, wave) for camera, wave in waves.items()}
        names = {_unit(path, hdus, camera, wave) for camera, wave in waves.items()}
        self._unit = names.pop() if len(names) == 1 else ""
        shapes = {camera: _check_shapes(path, hdus, camera, len(wave)) for camera, wave in waves.items()}
        single = all(hdus[f"{camera}_FLUX"].header["BITPIX"] == -32 for camera in waves)
        self._dtype = np.float32 if single else np.float64
        placed = {camera: wave[self._pixels[camera]] for camera, wave in waves.items()}
        self._grid = CommonGrid(placed, {camera: ndiag for camera, (_, ndiag) in shapes.items()})
        (first, (count, _)), *others = shapes.items()
        for camera, (nrows, _) in others:
            if nrows != count:
                raise FileError(f"{path}[{camera}_FLUX]: has {nrows} rows, {first}_FLUX has {count}: {ONE_ROW_EACH}")
        self._masked = [camera for camera in self._cameras if _has_mask(path, hdus, camera)]
        self._targets = self._find_targets(hdus, count, coadd=coadd)
        self.ids = self._targets.ids

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, part: slice) -> Spectra:
        """Return the spectra of a slice; of the file, no more than their rows are read."""
        wanted = range(len(self))[part]
        npix, ndiag = len(self._grid.wave), self._grid.ndiag
        flux, ivar = np.zeros((2, len(wanted), npix), dtype=self._dtype)
        resolution = np.zeros((len(wanted), ndiag, npix), dtype=self._dtype) if ndiag else None
        with damage_named(self._path), open_fits(self._path) as hdus:
            images = {camera: _images(hdus, camera, masked=camera in self._masked) for camera in self._cameras}
            for place, target in enumerate(wanted):
                one = self._grid.combined(self._exposures(images, target))
                flux[place], ivar[place] = one.flux, one.ivar
                if resolution is not None:
                    resolution[place] = one.resolution
        return spectra_of(
            self._path,
            np.broadcast_to(self._grid.wave, flux.shape),
            flux,
            ivar,
            ids=self.ids[part],
            meta={name: column[part] for name, column in self._targets.meta.items()},
            resolution=resolution,
            unit=self._unit,
        )

    def _find_targets(self, hdus: Any, count: int, *, coadd: bool) -> Targets:
        if fibermap_of(hdus) is None:
            warnings.warn(
                f"{self._path}: no extension FIBERMAP: spectra are named by their row, none is flagged or coadded; "
                "add FIBERMAP with TARGETID, OBJTYPE and COADD_FIBERSTATUS where these are known",
                FileWarning,
                stacklevel=3,
            )
            ids = tuple(f"{stem_of(self._path)}-{row:05d}" for row in range(count))
            rows = [np.array([row]) for row in range(count)]
            return Targets(ids, rows, {}, np.ones((count, len(self._cameras)), dtype=bool))
        return targets_of(self._path, hdus, self._cameras, count, coadd=coadd)

    def _exposures(self, images: dict[str, dict[str, Any]], target: int) -> dict[str, list[Exposure]]:
        rows = self._targets.rows[target]
        use = self._targets.usable[rows]
        return {
            camera: [_exposure(images[camera], int(row), self._pixels[camera]) for row in rows[use[:, column]]]
            for column, camera in enumerate(self._cameras)
        }


def _extensions(hdus: Any) -> list[re.Match[str]]:
    return [match for hdu in hdus if (match := _EXTENSION.fullmatch(hdu.name))]


def _wave(path: Path, hdus: Any, camera: str) -> np.ndarray:
    for kind, meaning in _NEEDED.items():
        if f"{camera}_{kind}" not in hdus:
            raise FileError(
                f"{path}[{camera}_{kind}]: is missing: add it with the {meaning}, "
                f"or remove the other extensions of camera {camera}"
            )
    where = f"{path}[{camera}_WAVELENGTH]"
    hdu = hdus[f"{camera}_WAVELENGTH"]
    if len(image_shape(hdu)) != 1 or image_shape(hdu)[0] < 2:
        raise FileError(f"{where}: needs to be an image of one axis and two pixels at least, is {image_shape(hdu)}")
    return vacuum_angstrom(where, hdu.data, hdu.header.get("BUNIT"), air=False)


def _with_wavelength(path: Path, camera: str, wave: np.ndarray) -> slice:
    """Return the pixels of a camera that have a wavelength; some at its ends may have none."""
    placed = np.flatnonzero(np.isfinite(wave))
    part = slice(int(placed[0]), int(placed[-1]) + 1) if len(placed) else slice(0)
    if len(placed) < 2 or not np.all(np.diff(wave[part]) > 0):
        raise FileError(f"{path}[{camera}_WAVELENGTH]: wavelengths must be finite and increase: write them again")
    return part


def _check_shapes(path: Path, hdus: Any, camera: str, npix: int) -> tuple[int, int]:
    """Return the number of spectra of a camera, and of diagonals of their resolution matrix, 0 if there is none."""
    shape = image_shape(hdus[f"{camera}_FLUX"])
    if len(shape) != 2 or shape[0] == 0 or shape[1] != npix:
        raise FileError(
            f"{path}[{camera}_FLUX]: has shape {shape}; {npix} wavelengths in {camera}_WAVELENGTH need (spec, {npix})"
        )
    for kind in ("IVAR", "MASK"):
        name = f"{camera}_{kind}"
        if name in hdus and image_shape(hdus[name]) != shape:
            raise FileError(
                f"{path}[{name}]: has shape {image_shape(hdus[name])}; {camera}_FLUX needs {shape}: {ONE_ROW_EACH}"
            )
    name = f"{camera}_RESOLUTION"
    if name not in hdus:
        return shape[0], 0
    bands = image_shape(hdus[name])
    if len(bands) != 3 or (bands[0], bands[2]) != shape or bands[1] % 2 == 0:
        raise FileError(
            f"{path}[{name}]: has shape {bands}; {camera}_FLUX needs ({shape[0]}, diag, {shape[1]}), diag odd: "
            "write it again, or remove it"
        )
    return shape[0], bands[1]


def _unit(path: Path, hdus: Any, camera: str, wave: np.ndarray) -> str:
    """Return the unit of the flux, if it is known.

    Warn of a flux that is none, and refuse one that is no f_λ, or an ivar in another unit: DESI's never are.
    """
    flux, ivar = f"{camera}_FLUX", f"{camera}_IVAR"
    unit = flux_unit(f"{path}[{flux}]", hdus[flux].header.get("BUNIT"), wave)
    factor = noise_factor(f"{path}[{ivar}]", hdus[ivar].header.get("BUNIT"), unit.unit, -2)
    if np.ndim(unit.factor) or factor != 1:
        raise FileError(f"{path}[{flux}]: flux and ivar need one unit, of f_λ (BUNIT): convert them")
    return unit.name


def _has_mask(path: Path, hdus: Any, camera: str) -> bool:
    """Tell whether a camera has a mask that leaves some pixel; most often the first row says so.

    One that leaves none where there are data has, for example, lost the offset of unsigned integers.
    """
    name = f"{camera}_MASK"
    if name not in hdus:
        return False
    mask, ivar = hdus[name].section, hdus[f"{camera}_IVAR"].section
    has_data = False
    for row in range(image_shape(hdus[name])[0]):
        measured = ivar[row] > 0
        if np.any(measured & (mask[row] == 0)):
            return True
        has_data = has_data or bool(measured.any())
    if has_data:
        warn_not_used(path, name, "marks every pixel of all spectra as bad")
    return not has_data


def _images(hdus: Any, camera: str, *, masked: bool) -> dict[str, Any]:
    """Return what is there of one camera; looking for an extension by name takes longer than reading a row of it."""
    kinds = ("FLUX", "IVAR", "MASK", "RESOLUTION") if masked else ("FLUX", "IVAR", "RESOLUTION")
    names = {kind: f"{camera}_{kind}" for kind in kinds}
    return {kind: hdus[name].section for kind, name in names.items() if name in hdus}


def _exposure(images: dict[str, Any], row: int, pixels: slice) -> Exposure:
    rows = {kind: image[row][..., pixels] for kind, image in images.items()}
    good = rows["MASK"] == 0 if "MASK" in rows else True
    return Exposure(rows["FLUX"], np.where(good, rows["IVAR"], 0), rows.get("RESOLUTION"))
