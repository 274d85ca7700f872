"""Basis files in Redrock's template layout, and the bases that come with jaxz."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from jaxz import __version__
from jaxz.io.cards import card
from jaxz.io.files import FileError, damage_named, image_shape, number_in, open_fits, summary_of
from jaxz.io.output import replacing
from jaxz.models.basis import Basis, Method
from jaxz.spectra import DEFAULT_STEP, LogGrid

_SHIPPED = resources.files("jaxz") / "data"
_DEFAULT = "galaxy"
_LONGEST = 300.0
"""Where log10 λ would overflow, CRVAL1 is no logarithm."""

_ON_LATTICE = 1e-3
_VECTORS, _REDSHIFTS = "BASIS_VECTORS", "REDSHIFTS"
_ZRANGE = (0.0, 6.7)
"""Where Redrock should scan a basis that does not say."""


def basis_names() -> list[str]:
    """Return the names of the bases that come with jaxz.

    Example:
        >>> "galaxy" in jaxz.io.basis_names()
        True
    """
    names = [item.name for item in _SHIPPED.iterdir()]
    return sorted(name[len("basis-") : -len(".fits")] for name in names if name.startswith("basis-"))


def load_basis(name_or_path: str | Path | None = None) -> Basis:
    """Return a basis by name, or from a file.

    Args:
        name_or_path: one of `basis_names`, or the path of a file for `read_basis`; the default basis if None.

    Raises:
        FileError: if there is neither such a basis nor such a file (the message lists the known names), or the file
            cannot be read.

    Example:
        >>> basis = jaxz.load_basis()
        >>> basis.name, basis.vectors.shape[0]
        ('galaxy', 12)
    """
    with _file_of(name_or_path) as path:
        return read_basis(path)


def basis_header(name_or_path: str | Path | None = None) -> fits.Header:
    """Return the header of the vectors in a basis file; arguments and errors as of `load_basis`."""
    with _file_of(name_or_path) as path, damage_named(path), open_fits(path) as hdus:
        return hdus[_VECTORS if _VECTORS in hdus else 0].header.copy()


@contextmanager
def _file_of(name_or_path: str | Path | None) -> Iterator[Path]:
    wanted = _DEFAULT if name_or_path is None else name_or_path
    if wanted in basis_names():
        with resources.as_file(_SHIPPED / f"basis-{wanted}.fits") as path:
            yield path
    elif Path(wanted).is_file():
        yield Path(wanted)
    else:
        raise FileError(f"{wanted}: no such basis file or basis; known bases: {', '.join(basis_names())}")


def read_basis(path: str | Path) -> Basis:
    """Read a Redrock template file, NMF or PCA; rest-frame vacuum wavelengths, f_λ.

    Vectors sampled in log10 λ on the lattice (``LOGLAM = 1``, CRVAL1 a multiple of CDELT1) are taken as they are.
    Others are averaged over the lattice pixels that they cover wholly, as if constant within each of their own pixels:
    with their own step CDELT1 if sampled in log10 λ, with `DEFAULT_STEP` if in λ.

    The image is ``BASIS_VECTORS``, or else the primary one if its header has RRTYPE. Older files have no RRMETHOD: they
    are NMF if no value is negative, PCA otherwise.

    Args:
        path: of the file.

    Returns:
        The basis, float32 or float64 as in the file. RRTYPE is its spectype (GALAXY if absent), RRSUBTYP its name,
        RRMETHOD its method, RRIGM its igm; lowest and highest of the image ``REDSHIFTS`` are its zrange, None without.

    Raises:
        FileError: if the file cannot be read, is not such a file, or has negative values where RRMETHOD is NMF.

    Example:
        >>> grid = jaxz.LogGrid.covering(3000.0, 7000.0)
        >>> jaxz.io.write_basis(jaxz.Basis(np.ones((2, grid.size)), grid, name="FLAT"), "flat.fits", overwrite=True)
        >>> jaxz.io.read_basis("flat.fits").name
        'FLAT'
    """
    path = Path(path)
    with damage_named(path), open_fits(path) as hdus:
        hdu = hdus[_VECTORS if _VECTORS in hdus else 0]
        header, where = hdu.header, f"{path}[{hdu.name}]"
        if not image_shape(hdu) or not (hdu.name == _VECTORS or "RRTYPE" in header):
            raise FileError(f"{path}: not a basis file: no image {_VECTORS} (it holds {summary_of(hdus)})")
        stored = hdu.data
        if stored.ndim != 2:
            raise FileError(f"{where}: has shape {stored.shape}; it needs (basis, rest)")
        vectors = stored.astype(np.float32 if stored.dtype.kind == "f" and stored.dtype.itemsize == 4 else np.float64)
        # Asked here, as the average over a pixel would take infinity from infinity.
        if not np.all(np.isfinite(vectors)):
            raise FileError(f"{where}: non-finite values")
        method, zrange = _method(where, header, vectors), _zrange(path, hdus)
        grid, vectors = _on_lattice(where, header, vectors)
        words = {
            "name": _word(header, "RRSUBTYP", ""),
            "version": _word(header, "VERSION", "0"),
            "spectype": _word(header, "RRTYPE", "GALAXY"),
            "igm": _word(header, "RRIGM", "None"),
        }
    try:
        return Basis(vectors, grid, method=method, zrange=zrange, **words)
    except ValueError as error:
        raise FileError(f"{path}: {error}") from error


def write_basis(
    basis: Basis,
    path: str | Path,
    *,
    redshifts: np.ndarray | None = None,
    header: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a basis in Redrock's template layout.

    `read_basis` returns an identical one, but for a zrange that is the range of the redshifts written.

    Args:
        basis: what to write.
        path: of the file; it appears only when it is complete.
        redshifts: (shift,) the grid on which Redrock should scan; if None, the zrange of the basis, or 0 to 6.7 if it
            has none, in equal steps of log10 (1 + z) of at most two lattice pixels.
        header: further keywords, for example where the basis comes from.
        overwrite: whether to replace an existing file.

    Raises:
        FileError: as `check_output`.

    Example:
        >>> grid = jaxz.LogGrid.covering(3000.0, 7000.0)
        >>> flat = jaxz.Basis(np.ones((2, grid.size)), grid, name="FLAT")
        >>> jaxz.io.write_basis(flat, "flat.fits", overwrite=True)
    """
    if redshifts is None:
        redshifts = _trial_redshifts(basis.zrange or _ZRANGE, 2 * basis.grid.step)
    vectors = fits.PrimaryHDU(np.asarray(basis.vectors))
    vectors.header.update(
        EXTNAME=_VECTORS,
        CRVAL1=basis.grid.start * basis.grid.step,
        CDELT1=basis.grid.step,
        CRPIX1=1,
        CTYPE1="log10(wavelength)",
        LOGLAM=1,
        RRTYPE=basis.spectype,
        RRSUBTYP=card(basis.name),
        RRMETHOD=basis.method,
        RRIGM=card(basis.igm),
        VERSION=card(basis.version),
        VACUUM=True,
        JAXZVER=__version__,
    )
    for name, value in (header or {}).items():
        vectors.header[name] = card(value)
    with replacing(path, overwrite=overwrite) as unfinished:
        fits.HDUList([vectors, fits.ImageHDU(redshifts, name=_REDSHIFTS)]).writeto(unfinished)


def _word(header: Any, key: str, absent: str) -> str:
    value = header.get(key, absent)
    return "" if value is None else str(value).strip()


def _method(where: str, header: Any, vectors: np.ndarray) -> Method:
    """Return the method of a file, from the values before they are averaged, which could hide a negative one."""
    stated, negative = _word(header, "RRMETHOD", "").upper(), bool(np.any(vectors < 0))
    if stated not in ("", "NMF", "PCA"):
        raise FileError(f"{where}: RRMETHOD is {stated}: it needs NMF or PCA")
    if stated == "NMF" and negative:
        raise FileError(f"{where}: negative values, but RRMETHOD is NMF: set it to PCA if they are meant")
    return "PCA" if stated == "PCA" or negative else "NMF"


def _zrange(path: Path, hdus: Any) -> tuple[float, float] | None:
    if _REDSHIFTS not in hdus:
        return None
    redshifts = hdus[_REDSHIFTS].data if image_shape(hdus[_REDSHIFTS]) else None
    if redshifts is None or not redshifts.size:
        raise FileError(
            f"{path}[{_REDSHIFTS}]: holds no redshifts: it needs an image of those to try, or to be left out"
        )
    return float(redshifts.min()), float(redshifts.max())


def _trial_redshifts(zrange: tuple[float, float], step: float) -> np.ndarray:
    low, high = zrange
    intervals = max(1, int(np.ceil(np.log10((1 + high) / (1 + low)) / step)))
    redshifts = np.geomspace(1 + low, 1 + high, intervals + 1) - 1
    # The range is read back from its ends, and (1 + z) - 1 is not z.
    redshifts[0], redshifts[-1] = low, high
    return np.unique(redshifts)


def _on_lattice(where: str, header: Any, vectors: np.ndarray) -> tuple[LogGrid, np.ndarray]:
    start, step = number_in(header, "CRVAL1"), number_in(header, "CDELT1")
    if not (np.isfinite(start) and step > 0):
        raise FileError(f"{where}: no wavelengths: the header needs CRVAL1 and CDELT1 (and LOGLAM = 1 if log10)")
    size = vectors.shape[1]
    start += (1 - number_in(header, "CRPIX1", absent=1.0)) * step
    if not np.isfinite(start) or (header.get("LOGLAM") and start > _LONGEST):
        raise FileError(f"{where}: no possible wavelengths: check CRVAL1, CRPIX1, CDELT1 and LOGLAM")
    edges = start + (np.arange(size + 1) - 0.5) * step
    if not header.get("LOGLAM", 0):
        return _average(where, edges, vectors, DEFAULT_STEP)
    first = round(start / step)
    if abs(start / step - first) < _ON_LATTICE:
        return LogGrid(first, size, step), vectors
    return _average(where, 10.0**edges, vectors, step)


def _average(where: str, edges: np.ndarray, vectors: np.ndarray, step: float) -> tuple[LogGrid, np.ndarray]:
    """Average over lattice pixels: differences of the running integral of f_λ dλ, which is linear within each pixel."""
    if not edges[0] > 0:
        raise FileError(f"{where}: wavelengths must be positive: check CRVAL1, CDELT1 and LOGLAM")
    first = int(np.ceil(np.log10(edges[0]) / step + 0.5))
    last = int(np.floor(np.log10(edges[-1]) / step - 0.5))
    if last < first:
        raise FileError(f"{where}: the vectors cover no whole lattice pixel of {step} dex")
    lattice = 10.0 ** ((np.arange(first, last + 2) - 0.5) * step)
    integral = np.zeros((len(vectors), len(edges)))
    np.cumsum(vectors * np.diff(edges), axis=1, out=integral[:, 1:])
    at_lattice = np.stack([np.interp(lattice, edges, row) for row in integral])
    averages = np.diff(at_lattice, axis=1) / np.diff(lattice)
    return LogGrid(first, last - first + 1, step), averages.astype(vectors.dtype)
