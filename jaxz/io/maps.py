"""Redshifts of the places in a cube → maps of the sky, beside the catalog."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy.io import fits

from jaxz.io.cards import card
from jaxz.io.cube import CubeFile, is_cube
from jaxz.io.cube_noise import noise_of_cube
from jaxz.io.extraction import MAP
from jaxz.io.files import damage_named, image_shape, open_fits
from jaxz.status import ZWarn

Columns = Mapping[str, np.ndarray]

CLASSES = {"GALAXY": 1, "STAR": 2, "QSO": 3}
"""Numbers in the map SPECTYPE; 0 where there is no redshift, and 9 for any other class."""

_OTHER_CLASS = 9

NEEDED = ("X", "Y", "FILE")
"""Columns of a catalog that may have maps."""

_QUANTITIES = {
    "Z": ("f8", "redshift"),
    "ZERR": ("f4", "its error"),
    "PCONF": ("f4", "probability of Z"),
    "CHI2N": ("f4", "chi2 of each good pixel"),
    "ZWARN": ("i4", "warning bits"),
    "DELTACHI2": ("f4", "chi2 of the next candidate less that of Z"),
    "SPECTYPE": ("i2", "class"),
    "NSPAXEL": ("i4", "spaxels of the bin"),
    "DETECTION": ("f4", "chi2 by which the target improves the fit"),
    "LINEFLUX": ("f4", "flux of the line, unit of the cube times Angstrom"),
    "LINEFLUX_ERR": ("f4", "its error"),
}
"""Maps, by the columns of the catalog that they show; a catalog that lacks a column has no such map."""

_BLANK = {"ZWARN": int(ZWarn.NODATA)}
"""What a map of integers has where nothing was measured, if not 0; those of other numbers have NaN."""


class Maps(NamedTuple):
    """What there is to write beside a catalog.

    Attributes:
        hdus: images (y, x) with the place of the cube on the sky; of a second cube they have EXTVER 2, and so on.
        notes: what is to be said of the cubes.
    """

    hdus: list[Any]
    notes: tuple[str, ...]


class _Field(NamedTuple):
    """Where the rows of a catalog are in the image of a cube.

    Attributes:
        shape: (y, x) of the image.
        labels: (y, x) LABEL of each spaxel; None where X and Y tell the place.
        header: of the maps.
        note: what is to be said.
    """

    shape: tuple[int, ...]
    labels: np.ndarray | None
    header: fits.Header
    note: str | None


Quantities = Mapping[str, tuple[str, str]]
"""Kind of the numbers, and meaning, of maps by their names."""


def maps_of(tables: Iterable[Columns], quantities: Quantities = _QUANTITIES) -> Maps:
    """Return the maps of the rows of a catalog that are of the spaxels, or of bins of spaxels, of cubes.

    Args:
        tables: parts of the catalog, with the columns `NEEDED`.
        quantities: what is drawn, by names of columns.

    Raises:
        FileError: if a file that the catalog names cannot be read.
    """
    fields: dict[str, _Field | None] = {}
    images: dict[str, dict[str, np.ndarray]] = {}
    counts: Counter[str] = Counter()
    for table in tables:
        if not set(NEEDED) <= set(table):
            continue
        placed = np.isfinite(table["X"].astype(float))
        for file in np.unique(table["FILE"][placed]).tolist():
            if file not in fields:
                fields[file] = _field(Path(file.strip()))
            field = fields[file]
            if field is not None:
                rows = placed & (table["FILE"] == file)
                some = {name: column[rows] for name, column in table.items()}
                _draw(images.setdefault(file, {}), field, some, quantities)
                counts[file] += int(np.count_nonzero(rows))
    hdus, notes = [], []
    for number, (file, drawn) in enumerate(images.items(), 1):
        field = fields[file]
        assert field is not None
        hdus += [_hdu(name, image, field.header, number, quantities[name][1]) for name, image in drawn.items()]
        notes += [] if field.note is None else [field.note, *_empty(file, field.shape, counts[file])]
    return Maps(hdus, tuple(notes))


def read_maps(path: str | Path) -> dict[str, dict[str, np.ndarray]]:
    """Read the maps of a catalog: by the name of each cube, images (y, x) by their names.

    Args:
        path: a catalog of `jaxz zfind` or `jaxz lae`, or a table of `jaxz lines`; one without maps gives none.

    Raises:
        FileError: if the file cannot be read.

    Example:
        ``z = jaxz.io.read_maps("maps.fits")["cube.fits"]["Z"]``
    """
    found: dict[str, dict[str, np.ndarray]] = {}
    path = Path(path)
    with damage_named(path), open_fits(path) as hdus:
        for hdu in hdus:
            if "CUBE" in hdu.header and len(image_shape(hdu)) == 2:
                values = hdu.data.astype(hdu.data.dtype.newbyteorder("="))
                found.setdefault(str(hdu.header["CUBE"]), {})[hdu.name] = values
    return found


def _field(path: Path) -> _Field | None:
    """Return the geometry of a cube, or of spectra that are of its parts; None if a file is neither."""
    with damage_named(path), open_fits(path) as hdus:
        if is_cube(hdus):
            cube = CubeFile(path, hdus)
            noise = noise_of_cube(cube)
            return _Field(
                tuple(cube.shape), None, _header(cube.map_header(), str(path), noise.cards()), noise.said(path)
            )
        if MAP not in hdus:
            return None
        labels, primary = hdus[MAP].data.astype(np.int64), hdus[0].header
        noise = {name: primary[name] for name in primary if name.startswith("NOISE")}
        header = hdus[MAP].header.copy(strip=True)
        return _Field(labels.shape, labels, _header(header, str(primary.get("CUBE", path)), noise), None)


def _empty(file: str, shape: tuple[int, ...], rows: int) -> list[str]:
    size = shape[0] * shape[1]
    return [f"{file}: {size - rows} of {size} spaxels have no data, and no row"] if rows < size else []


def _header(header: fits.Header, cube: str, noise: Mapping[str, Any]) -> fits.Header:
    header.update({"CUBE": card(cube), **noise})
    return header


def _draw(images: dict[str, np.ndarray], field: _Field, rows: Columns, quantities: Quantities) -> None:
    """Put rows of a catalog into the images of a cube."""
    if field.labels is None:
        where = rows["Y"].astype(int), rows["X"].astype(int)
        which = np.arange(len(rows["Y"]))
    else:
        row_of = np.full(max(int(field.labels.max()), int(rows["LABEL"].max())) + 1, -1)
        row_of[rows["LABEL"].astype(int)] = np.arange(len(rows["LABEL"]))
        where = np.nonzero(row_of[field.labels] >= 0)
        which = row_of[field.labels[where]]
    for name, (kind, _) in quantities.items():
        values = _values(name, rows)
        if values is not None:
            blank = np.nan if kind.startswith("f") else _BLANK.get(name, 0)
            image = images.setdefault(name, np.full(field.shape, blank, dtype=kind))
            image[where] = values[which]


def _values(name: str, rows: Columns) -> np.ndarray | None:
    if name == "CHI2N":
        return rows["CHI2"] / np.maximum(rows["NPIXELS"], 1)
    if name == "SPECTYPE":
        classes = [CLASSES.get(str(one).strip(), _OTHER_CLASS) for one in rows["SPECTYPE"]]
        return np.where(np.isfinite(rows["Z"]), classes, 0)
    return rows.get(name)


def _hdu(name: str, image: np.ndarray, header: fits.Header, number: int, meaning: str) -> Any:
    hdu = fits.ImageHDU(image, header=header, name=name, ver=number)
    hdu.header["EXTNAME"] = (hdu.name, meaning)
    if name == "SPECTYPE":
        for word, code in CLASSES.items():
            hdu.header[f"CLASS{code}"] = (word, "meaning of this value")
    return hdu
