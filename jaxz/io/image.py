"""Spectra as FITS images: one, or one in each row, with the noise in an image beside it.

This is how 2dF, OzDES, GAMA and Marz (flux in the first extension, VARIANCE, and a WAVELENGTH where the axis is not
linear), ESO surveys such as VANDELS and zCOSMOS (NOISE), linetools (FLUX, ERROR, WAVELENGTH) and specex, which takes
spectra out of cubes of MUSE (SPECTRUM, VARIANCE, NAN_MASK), write them.
"""

from pathlib import Path
from typing import Any

import numpy as np

from jaxz.io.axis import axis_of, is_celestial, medium_said_by
from jaxz.io.files import FileError, image_shape, spectra_of, stem_of, target_of
from jaxz.io.masks import GOOD, MASKS, is_pypeit, looks_like_mask, masked, warn_not_used
from jaxz.io.units import flux_unit, noise_factor
from jaxz.io.wavelengths import Medium, exp10, medium_of, vacuum_angstrom
from jaxz.measured import POWER, inverse_variance, native_float, scaled
from jaxz.spectra import Spectra

FLUX = ("FLUX", "SPECTRUM", "PRIMARY", "INTENSITY", "FLAM", "SCI", "DATA")
"""What the extension of the flux may be called; the first that holds an image of one or two axes counts."""

_OF_THE_SKY = ("SCI", "DATA")
"""Of these, images of two axes are more often of the sky or of a detector than of spectra in rows."""

NOISE = {
    "ivar": ("IVAR", "INVVAR", "INVERSE_VARIANCE"),
    "var": ("VARIANCE", "VAR", "STAT"),
    "error": ("ERROR", "ERR", "NOISE", "SIGMA", "UNCERTAINTY", "ERRORS", "ERRS", "STD"),
}
"""What the extension of the noise may be called; the first that is there counts."""

WAVE = ("WAVELENGTH", "WAVE", "LAMBDA", "LOGLAM")


def is_image_spectrum(hdus: Any) -> bool:
    """Tell whether an open FITS file holds an image that is called flux, or one first and one of its noise."""
    flux = _flux_of(hdus)
    return flux is not None and (flux in ("FLUX", "SPECTRUM", "INTENSITY", "FLAM") or noise_of(hdus) is not None)


def from_image_spectrum(path: Path, hdus: Any, medium: Medium | None) -> Spectra:
    """Return the spectra of images.

    Wavelengths are those of an image WAVELENGTH (log10 λ where it is called LOGLAM or the card LOGSCALE is T, as Marz
    has it), or else those of the axis in the header of the flux (see `jaxz.io.axis`). CTYPE1 says whether they are of
    air (AWAV) or vacuum (WAVE), or the cards VACUUM or AIRORVAC do. Where none does, `medium` counts, and else air, as
    Marz takes it; a `FileWarning` says so. Flux and noise are converted as those of tables (see `from_table`), and so
    are images that say which pixels are bad honoured.

    Args:
        path: the file.
        hdus: the open file.
        medium: "air" or "vacuum", where the file does not say.

    Raises:
        FileError: if there is no noise, images have other shapes, there are no wavelengths, or the flux is no density.
    """
    flux_name, found = _flux_of(hdus), noise_of(hdus)
    assert flux_name is not None
    if found is None:
        raise FileError(f"{path}: no noise: beside {flux_name}, add an image VARIANCE, ERROR or IVAR")
    noise_name, kind = found
    flux, noise = _image(path, hdus, flux_name), _image(path, hdus, noise_name)
    masks = [hdu.name for hdu in hdus if image_shape(hdu) and hdu.name not in (flux_name, noise_name)]
    masks = [name for name in masks if looks_like_mask(name)]
    for name in (noise_name, *(name for name in masks if name.lower() in (*MASKS, *GOOD))):
        if (shape := image_shape(hdus[name])) != flux.shape:
            raise FileError(
                f"{path}: {flux_name} has shape {flux.shape}, {name} {shape}: they need one value for each pixel"
            )
    wave = _wave(path, hdus, flux_name, flux.shape, medium)
    unit = flux_unit(f"{path}[{flux_name}]", hdus[flux_name].header.get("BUNIT"), wave)
    said = hdus[noise_name].header.get("BUNIT")
    factor = noise_factor(f"{path}[{noise_name}]", said, unit.unit, POWER[kind])
    ivar = inverse_variance(scaled(noise, factor), kind)
    rows = 1 if flux.ndim == 1 else len(flux)
    ids = [stem_of(path)] if rows == 1 else [f"{stem_of(path)}-{row}" for row in range(rows)]
    for name in masks:
        ivar = _unmasked(path, hdus[name], ivar, ids, pypeit=is_pypeit(hdus[0].header))
    flux, ivar = unit.apply(flux, ivar)
    meta = target_of(hdus[0].header) if rows == 1 else {}
    return spectra_of(path, wave, flux, ivar, ids=ids, meta=meta, unit=unit.name)


def _flux_of(hdus: Any) -> str | None:
    return next((name for name in FLUX if name in hdus and _may_be_flux(hdus[name], name)), None)


def _may_be_flux(hdu: Any, name: str) -> bool:
    axes = len(image_shape(hdu))
    return axes == 1 or (axes == 2 and name not in _OF_THE_SKY and not is_celestial(hdu.header))


def noise_of(hdus: Any) -> tuple[str, str] | None:
    """Return the name of the image of the noise and its kind, a key of `NOISE`; None if there is none."""
    found = ((name, kind) for kind, names in NOISE.items() for name in names)
    return next(((name, kind) for name, kind in found if name in hdus and image_shape(hdus[name])), None)


def _image(path: Path, hdus: Any, name: str) -> np.ndarray:
    values = hdus[name].data
    if values is None or values.dtype.kind not in "fiu":
        raise FileError(f"{path}[{name}]: holds no numbers: write it again")
    return native_float(values)


def _unmasked(path: Path, hdu: Any, ivar: np.ndarray, ids: list[str], *, pypeit: bool) -> np.ndarray:
    word = hdu.name.lower()
    if word not in (*MASKS, *GOOD):
        warn_not_used(path, hdu.name, "is not among the names of masks that are known")
        return ivar
    return masked(path, ivar, hdu.data, hdu.name, ids, good=word in GOOD or (pypeit and word == "mask"))


def _wave(path: Path, hdus: Any, flux: str, shape: tuple[int, ...], medium: Medium | None) -> np.ndarray:
    header = hdus[flux].header
    air = medium_of(path, {**hdus[0].header, **header}, medium_said_by(header), medium) == "air"
    name = next((name for name in WAVE if name in hdus and image_shape(hdus[name])), None)
    if name is None:
        return axis_of(f"{path}[{flux}]", header, shape, air=air)
    values = np.asarray(hdus[name].data, dtype=np.float64)
    if values.shape not in (shape, shape[-1:]):
        raise FileError(
            f"{path}[{name}]: has shape {values.shape}, {flux} {shape}: each pixel of the flux needs a wavelength"
        )
    if name == "LOGLAM" or hdus[0].header.get("LOGSCALE") is True:
        return vacuum_angstrom(f"{path}[{name}]", exp10(values), None, air=air)
    return vacuum_angstrom(f"{path}[{name}]", values, hdus[name].header.get("BUNIT"), air=air)
