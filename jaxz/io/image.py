"""Spectra as FITS images: one, or one in each row, with the noise in an image beside it.

This is how 2dF, OzDES, GAMA and Marz (flux in the first extension, VARIANCE, and a WAVELENGTH where the axis is not
linear), ESO surveys such as VANDELS and zCOSMOS (NOISE), linetools (FLUX, ERROR, WAVELENGTH) and specex, which takes
spectra out of cubes of MUSE (SPECTRUM, VARIANCE, NAN_MASK), write them.
"""

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from jaxz.io.files import FileError, image_shape, number_in, spectra_of, stem_of, target_of
from jaxz.io.wavelengths import Medium, medium_of, vacuum_angstrom
from jaxz.measured import inverse_variance
from jaxz.spectra import Spectra

FLUX = ("FLUX", "SPECTRUM", "PRIMARY", "INTENSITY")
"""What the extension of the flux may be called; the first that holds an image of one or two axes counts."""

NOISE = {
    "ivar": ("IVAR", "INVVAR", "INVERSE_VARIANCE"),
    "var": ("VARIANCE", "VAR", "STAT"),
    "error": ("ERROR", "ERR", "NOISE", "SIGMA", "UNCERTAINTY", "ERRORS"),
}
"""What the extension of the noise may be called; the first that is there counts."""

WAVE = ("WAVELENGTH", "WAVE", "LAMBDA", "LOGLAM")
MASKS = ("NAN_MASK", "MASK", "DQ")
"""Images in which every value but 0 marks a pixel without data."""

_MEDIA: dict[str, Medium] = {"AWAV": "air", "WAVE": "vacuum"}


def is_image_spectrum(hdus: Any) -> bool:
    """Tell whether an open FITS file holds an image that is called flux, or one first and one of its noise."""
    flux = _flux_of(hdus)
    return flux is not None and (flux != "PRIMARY" or _noise_of(hdus) is not None)


def from_image_spectrum(path: Path, hdus: Any, medium: Medium | None) -> Spectra:
    """Return the spectra of images.

    Wavelengths are those of an image WAVELENGTH, or else of the header of the flux: CRVAL1, CRPIX1 and CDELT1 (or
    CD1_1). They are log10 λ where the card LOGSCALE is T, as Marz has it, CTYPE1 is WAVE-LOG or DC-FLAG is 1. CTYPE1
    says whether they are of air (AWAV) or vacuum (WAVE), or the cards VACUUM or AIRORVAC do. Where none does, `medium`
    counts, and else air, as Marz takes it; a `FileWarning` says so.

    Args:
        path: the file.
        hdus: the open file.
        medium: "air" or "vacuum", where the file does not say.

    Raises:
        FileError: if there is no noise, images have other shapes, or there are no wavelengths.
    """
    flux_name, found = _flux_of(hdus), _noise_of(hdus)
    assert flux_name is not None
    if found is None:
        raise FileError(f"{path}: no noise: beside {flux_name}, add an image VARIANCE, ERROR or IVAR")
    noise_name, kind = found
    flux, noise = _image(path, hdus, flux_name), _image(path, hdus, noise_name)
    for name in (noise_name, *(name for name in MASKS if name in hdus and image_shape(hdus[name]))):
        if (shape := image_shape(hdus[name])) != flux.shape:
            raise FileError(
                f"{path}: {flux_name} has shape {flux.shape}, {name} {shape}: they need one value for each pixel"
            )
    ivar = inverse_variance(noise, kind)
    for name in MASKS:
        if name in hdus and image_shape(hdus[name]):
            ivar = np.where(_image(path, hdus, name) == 0, ivar, 0)
    wave = _wave(path, hdus, flux_name, flux.shape, medium)
    rows = 1 if flux.ndim == 1 else len(flux)
    ids = [stem_of(path)] if rows == 1 else [f"{stem_of(path)}-{row}" for row in range(rows)]
    meta = target_of(hdus[0].header) if rows == 1 else {}
    return spectra_of(path, wave, flux, ivar, ids=ids, meta=meta, bunit=hdus[flux_name].header.get("BUNIT"))


def _flux_of(hdus: Any) -> str | None:
    return next((name for name in FLUX if name in hdus and len(image_shape(hdus[name])) in (1, 2)), None)


def _noise_of(hdus: Any) -> tuple[str, str] | None:
    found = ((name, kind) for kind, names in NOISE.items() for name in names)
    return next(((name, kind) for name, kind in found if name in hdus and image_shape(hdus[name])), None)


def _image(path: Path, hdus: Any, name: str) -> np.ndarray:
    values = hdus[name].data
    if values is None or values.dtype.kind not in "fiu":
        raise FileError(f"{path}[{name}]: holds no numbers: write it again")
    return values.astype(np.float32 if values.dtype.itemsize <= 4 and values.dtype.kind == "f" else np.float64)


def _wave(path: Path, hdus: Any, flux: str, shape: tuple[int, ...], medium: Medium | None) -> np.ndarray:
    header = hdus[flux].header
    stated = _MEDIA.get(str(header.get("CTYPE1", "")).strip().upper().split("-")[0])
    air = medium_of(path, {**hdus[0].header, **header}, stated, medium) == "air"
    name = next((name for name in WAVE if name in hdus and image_shape(hdus[name])), None)
    if name is None:
        return _axis(f"{path}[{flux}]", header, shape[-1], air=air)
    values = np.asarray(hdus[name].data, dtype=np.float64)
    if values.shape not in (shape, shape[-1:]):
        raise FileError(
            f"{path}[{name}]: has shape {values.shape}, {flux} {shape}: each pixel of the flux needs a wavelength"
        )
    log = name == "LOGLAM" or hdus[0].header.get("LOGSCALE") is True
    return _placed(f"{path}[{name}]", values, hdus[name].header.get("BUNIT"), log=log, air=air)


def _axis(where: str, header: fits.Header, size: int, *, air: bool) -> np.ndarray:
    start, step = number_in(header, "CRVAL1"), number_in(header, "CDELT1" if "CDELT1" in header else "CD1_1")
    first = 1.0 - number_in(header, "CRPIX1", absent=1.0)
    if not np.isfinite(start + step + first):
        raise FileError(f"{where}: no wavelengths: add an image WAVELENGTH, or CRVAL1, CRPIX1 and CDELT1 to the header")
    log = number_in(header, "DC-FLAG", absent=0.0) == 1 or str(header.get("CTYPE1", "")).strip().upper() == "WAVE-LOG"
    return _placed(where, start + step * (first + np.arange(size)), header.get("CUNIT1"), log=log, air=air)


def _placed(where: str, values: np.ndarray, unit: str | None, *, log: bool, air: bool) -> np.ndarray:
    if not log:
        return vacuum_angstrom(where, values, unit, air=air)
    with np.errstate(over="ignore", invalid="ignore"):
        return vacuum_angstrom(where, 10.0 ** np.where(values > 0, values, np.nan), None, air=air)
