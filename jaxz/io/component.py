"""Gaussian components in FITS files, and those that come with jaxz."""

from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table

from jaxz import __version__
from jaxz.io.cards import card
from jaxz.io.files import FileError, damage_named, number_in, open_fits, summary_of
from jaxz.io.output import replacing
from jaxz.io.tabular import table_of
from jaxz.models.components import GaussianComponent, Whitening
from jaxz.spectra import LogGrid

_SHIPPED = resources.files("jaxz") / "data"
_VECTORS, _WHITENING, _MASK, _PROVENANCE = "COMPONENT", "WHITENING", "MASK", "PROVENANCE"
_ON_LATTICE = 1e-3


def component_names() -> list[str]:
    """Return the names of the components that come with jaxz.

    Example:
        >>> "desi-sky" in jaxz.io.component_names()
        True
    """
    names = [item.name for item in _SHIPPED.iterdir()]
    return sorted(name[len("component-") : -len(".fits")] for name in names if name.startswith("component-"))


def load_component(name_or_path: str | Path) -> GaussianComponent:
    """Return a Gaussian component by name, or from a file.

    Args:
        name_or_path: one of `component_names`, or the path of a file for `read_component`.

    Raises:
        FileError: if there is neither such a component nor such a file (the message lists the known names), or the file
            cannot be read.

    Example:
        >>> jaxz.load_component("desi-lae").name
        'desi-lae'
    """
    if name_or_path in component_names():
        with resources.as_file(_SHIPPED / f"component-{name_or_path}.fits") as path:
            return read_component(path)
    if not Path(name_or_path).is_file():
        known = ", ".join(component_names()) or "none in this version"
        raise FileError(f"{name_or_path}: no such component file or component; known components: {known}")
    return read_component(name_or_path)


def read_component(path: str | Path) -> GaussianComponent:
    """Read a Gaussian component as `write_component` writes it.

    Its vectors stay on the lattice that they are on, whose step is CDELT1; `GaussianComponent.with_step` resamples
    them, and a scan refuses components of different steps. Vectors that are on no lattice are refused.

    Args:
        path: of the file.

    Returns:
        The component, float32 or float64 as in the file.

    Raises:
        FileError: if the file cannot be read, or is no such file; it names the extension at fault.

    Example:
        >>> jaxz.io.write_component(jaxz.load_component("desi-lae"), "lae.fits", overwrite=True)
        >>> jaxz.io.read_component("lae.fits").name
        'desi-lae'
    """
    with damage_named(path):
        return _component(Path(path))


def write_component(
    component: GaussianComponent,
    path: str | Path,
    *,
    header: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a Gaussian component; `read_component` returns an identical one.

    FITS: image ``COMPONENT`` (comp, rest), whose header has the lattice (CRVAL1, CDELT1, LOGLAM = 1), REFZ (absent for
    a component that is fixed in the observed frame), CALIBRAT (s), VELOCITY (km/s), COMPNAME, VERSION, SPECTYPE and the
    SHA-256; image ``WHITENING`` of the coefficients, lowest power first, its domain in LOGLAMLO and LOGLAMHI; image
    ``MASK``; table ``PROVENANCE`` (``KEY``, ``VALUE``). The last three only where there is something to say.

    Args:
        component: what to write.
        path: of the file; it appears only when it is complete.
        header: further keywords of ``COMPONENT``.
        overwrite: whether to replace an existing file.

    Raises:
        FileError: as `check_output`.

    Example:
        >>> jaxz.io.write_component(jaxz.load_component("desi-lae"), "lae.fits", overwrite=True)
    """
    primary = fits.PrimaryHDU(component.vectors)
    primary.header.update(
        EXTNAME=_VECTORS,
        CRVAL1=component.grid.start * component.grid.step,
        CDELT1=component.grid.step,
        CRPIX1=1,
        CTYPE1="log10(wavelength)",
        LOGLAM=1,
        VACUUM=True,
        CALIBRAT=component.calibration,
        VELOCITY=component.velocity,
        COMPNAME=card(component.name),
        VERSION=card(component.version),
        SPECTYPE=card(component.spectype),
        SHA256=component.sha256,
        JAXZVER=__version__,
    )
    if component.reference_z is not None:
        primary.header["REFZ"] = (component.reference_z, "redshift at which the vectors are given")
    for name, value in (header or {}).items():
        primary.header[name] = card(value)
    hdus: list[Any] = [primary]
    if component.whitening is not None:
        curve = fits.ImageHDU(component.whitening.coeff.astype(np.float64), name=_WHITENING)
        curve.header.update(LOGLAMLO=component.whitening.low, LOGLAMHI=component.whitening.high)
        hdus.append(curve)
    if component.mask is not None:
        hdus.append(fits.ImageHDU(component.mask.astype(np.uint8), name=_MASK))
    if component.provenance:
        # As UTF-8 bytes: FITS strings are ASCII.
        columns = {"KEY": component.provenance.keys(), "VALUE": component.provenance.values()}
        table = Table({name: [text.encode() for text in texts] for name, texts in columns.items()})
        hdus.append(fits.BinTableHDU(table, name=_PROVENANCE))
    with replacing(path, overwrite=overwrite) as unfinished:
        fits.HDUList(hdus).writeto(unfinished)


def _component(path: Path) -> GaussianComponent:
    with open_fits(path) as hdus:
        if _VECTORS not in hdus or not isinstance(hdus[_VECTORS], fits.PrimaryHDU | fits.ImageHDU):
            raise FileError(
                f"{path}: not a component file: no image {_VECTORS} (it holds {summary_of(hdus)}); "
                "write one with jaxz.io.write_component"
            )
        header, stored = hdus[_VECTORS].header, hdus[_VECTORS].data
        whitening = _whitening(path, hdus[_WHITENING]) if _WHITENING in hdus else None
        mask = None if _MASK not in hdus else np.asarray(hdus[_MASK].data) != 0
        provenance = _provenance(path, hdus[_PROVENANCE]) if _PROVENANCE in hdus else {}
    where = f"{path}[{_VECTORS}]"
    if stored is None or stored.ndim != 2:
        raise FileError(f"{where}: has shape {() if stored is None else stored.shape}; it needs (comp, rest)")
    vectors = stored.astype(np.float32 if stored.dtype.kind == "f" and stored.dtype.itemsize == 4 else np.float64)
    reference = number_in(header, "REFZ")
    try:
        return GaussianComponent(
            vectors,
            _grid(where, header, vectors.shape[1]),
            reference_z=None if np.isnan(reference) else float(reference),
            whitening=whitening,
            mask=mask,
            calibration=number_in(header, "CALIBRAT", absent=1.0),
            velocity=number_in(header, "VELOCITY", absent=0.0),
            name=str(header.get("COMPNAME", "")).strip(),
            version=str(header.get("VERSION", "0")).strip(),
            spectype=str(header.get("SPECTYPE", "")).strip(),
            provenance=provenance,
        )
    except ValueError as error:
        raise FileError(f"{where}: {error}") from error


def _grid(where: str, header: Any, size: int) -> LogGrid:
    start, step = number_in(header, "CRVAL1"), number_in(header, "CDELT1")
    start += (1 - number_in(header, "CRPIX1", absent=1.0)) * step
    if not (header.get("LOGLAM") and np.isfinite(start) and step > 0):
        raise FileError(f"{where}: no wavelengths: the header needs LOGLAM = 1, CRVAL1 and CDELT1, in log10 Å")
    first = round(start / step)
    if abs(start / step - first) > _ON_LATTICE:
        raise FileError(
            f"{where}: CRVAL1 = {start} is no multiple of CDELT1 = {step}: the vectors are on no lattice, and moving "
            "them by a part of a pixel would blur them; build the component on the lattice"
        )
    return LogGrid(first, size, step)


def _whitening(path: Path, hdu: Any) -> Whitening:
    try:
        coeff = np.atleast_1d(np.asarray(hdu.data, dtype=np.float64))
        return Whitening(coeff, number_in(hdu.header, "LOGLAMLO"), number_in(hdu.header, "LOGLAMHI"))
    except (TypeError, ValueError) as error:
        raise FileError(f"{path}[{_WHITENING}]: {error}; it needs coefficients, LOGLAMLO and LOGLAMHI") from error


def _provenance(path: Path, hdu: Any) -> dict[str, str]:
    table = table_of(path, hdu)
    if not {"KEY", "VALUE"} <= set(table.colnames):
        raise FileError(f"{path}[{_PROVENANCE}]: needs the columns KEY and VALUE")
    return {str(row["KEY"]): str(row["VALUE"]) for row in table}
