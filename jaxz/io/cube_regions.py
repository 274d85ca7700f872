"""Which spaxels of a cube become one spectrum, by a segmentation map or around positions on the sky."""

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxz.io.cube import CubeFile
from jaxz.io.files import FileError, FileWarning, image_shape, open_fits, stem_of
from jaxz.io.tabular import read_table

NAMED = 5
"""Positions that are named in a message."""

_REACH = 2.0
"""FWHM around a position that PSF weights reach."""


class Regions(NamedTuple):
    """Sets of spaxels.

    Attributes:
        ids: a name for each.
        spaxels: of each, numbers y·columns + x, one at least.
        weights: of each of them.
        total: sum of weights of each, what lies beyond the edge of the cube included.
        optimal: whether weights are the share of a point source's light in a spaxel, and not of a spaxel in an area.
        x, y: place of each in the image.
        meta: further columns.
        labels: (y, x) int32 number of the region that a spaxel is in, the column ``LABEL`` of `meta`; 0 for none. None
            where regions may overlap.
    """

    ids: list[str]
    spaxels: list[np.ndarray]
    weights: list[np.ndarray]
    total: np.ndarray
    optimal: bool
    x: np.ndarray
    y: np.ndarray
    meta: dict[str, np.ndarray]
    labels: np.ndarray | None


def labelled_regions(cube: CubeFile, labels: np.ndarray) -> Regions:
    """Return a region for each label above 0.

    Args:
        cube: of which they are.
        labels: (y, x) whole numbers.
    """
    flat = labels.ravel()
    order = np.argsort(flat, kind="stable")
    numbers, begins = np.unique(flat[order], return_index=True)
    spaxels = [part for number, part in zip(numbers, np.split(order, begins[1:]), strict=True) if number > 0]
    numbers = numbers[numbers > 0]
    places = [np.divmod(part, cube.shape[1]) for part in spaxels]
    return Regions(
        ids=[f"{stem_of(cube.path)}-{number}" for number in numbers],
        spaxels=spaxels,
        weights=[np.ones(len(part)) for part in spaxels],
        total=np.array([float(len(part)) for part in spaxels]),
        optimal=False,
        x=np.array([x.mean() for _, x in places]),
        y=np.array([y.mean() for y, _ in places]),
        meta={"LABEL": numbers.astype(np.int64)},
        labels=np.where(labels > 0, labels, 0).astype(np.int32),
    )


def segmented(cube: CubeFile, path: Path) -> Regions:
    """Return the regions of a segmentation map, the first image of two axes in a FITS file, as SExtractor writes it.

    Raises:
        FileError: if there is none, it has another shape than an image of the cube, or no label above 0.
    """
    with open_fits(path) as hdus:
        hdu = next((hdu for hdu in hdus if len(image_shape(hdu)) == 2), None)
        if hdu is None:
            raise FileError(f"{path}: no segmentation map: it holds no image of two axes")
        labels = np.nan_to_num(np.asarray(hdu.data, dtype=np.float64), nan=0, posinf=0, neginf=0)
    if labels.shape != tuple(cube.shape):
        raise FileError(
            f"{path}: the segmentation map has shape {labels.shape}, an image of {cube.path} {tuple(cube.shape)}: "
            "bring it to the pixels of the cube"
        )
    if not np.array_equal(labels, np.rint(labels)) or labels.max() > np.iinfo(np.int32).max:
        raise FileError(f"{path}: the segmentation map holds other numbers than labels: give whole numbers, 0 for none")
    if labels.max() <= 0:
        raise FileError(f"{path}: the segmentation map has no label above 0: nothing is marked")
    return labelled_regions(cube, labels.astype(np.int64))


def positioned(cube: CubeFile, path: Path, *, aperture: float, psf: float | None) -> Regions:
    """Return circular apertures around positions, or what a point source there sends to each spaxel.

    Positions outside the cube are left out, and a `FileWarning` names them.

    Args:
        cube: with a place on the sky in its header.
        path: table with columns RA and DEC, degrees, and, if there is one, ID or TARGETID.
        aperture: radius, arcsec.
        psf: full width at half maximum of a Gaussian, arcsec, to be used in place of apertures.

    Raises:
        FileError: if photutils is missing, the cube is nowhere on the sky, or the table has no rows, no such columns,
            or no position inside the cube.
    """
    try:
        from photutils.aperture import CircularAperture
        from photutils.psf import CircularGaussianPRF
    except ImportError as error:
        raise FileError(f"{path}: apertures around positions need photutils: pip install 'jaxz[cube]'") from error
    ids, sky, columns = _positions(cube, path)
    x, y = cube.wcs.wcs_world2pix(*sky, 0)
    rows, width = cube.shape
    inside = (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < rows - 0.5)
    if not inside.all():
        _tell_outside(cube, path, [ids[row] for row in np.flatnonzero(~inside)], len(ids))
    ids, x, y = [ids[row] for row in np.flatnonzero(inside)], x[inside], y[inside]
    scale = 3600 * float(np.sqrt(np.abs(np.linalg.det(cube.wcs.pixel_scale_matrix))))
    spaxels, weights, total = [], [], []
    for place in zip(x, y, strict=True):
        if psf is None:
            circle = CircularAperture(place, aperture / scale)
            mask = circle.to_mask(method="exact")
            share, (top, left) = mask.data, (mask.bbox.iymin, mask.bbox.ixmin)
            total.append(circle.area)
        else:
            reach = int(np.ceil(_REACH * psf / scale)) + 1
            left, top = (int(np.rint(middle)) - reach for middle in place)
            row, column = np.indices((2 * reach + 1, 2 * reach + 1))
            source = CircularGaussianPRF(flux=1, x_0=place[0], y_0=place[1], fwhm=psf / scale)
            share = source(column + left, row + top)
            total.append(float(share.sum()))
        part, weight = _inside(share, top, left, rows, width)
        spaxels.append(part)
        weights.append(weight)
    kept = {name: column[inside] for name, column in columns.items()}
    return Regions(ids, spaxels, weights, np.array(total), psf is not None, x, y, kept, None)


def _positions(cube: CubeFile, path: Path) -> tuple[list[str], np.ndarray, dict[str, np.ndarray]]:
    """Return the names and places (RA, DEC) of the rows of a table, and what else the catalog shall have of it."""
    table = read_table(path)
    names = {name.upper(): name for name in table.colnames}
    missing = [name for name in ("RA", "DEC") if name not in names or table[names[name]].dtype.kind not in "fiu"]
    if missing:
        known = ", ".join(table.colnames)
        raise FileError(f"{path}: no column {' and '.join(missing)} of degrees among {known}: name them RA and DEC")
    if not len(table):
        raise FileError(f"{path}: the table has no rows: give a position at least")
    if not cube.wcs.has_celestial:
        raise FileError(f"{cube.path}: its header has no RA and DEC of its pixels: positions cannot be found in it")
    right_ascension, declination = (np.asarray(table[names[name]], dtype=np.float64) for name in ("RA", "DEC"))
    wrong = ~(np.isfinite(right_ascension) & (np.abs(declination) <= 90))
    if wrong.any():
        row = int(np.argmax(wrong))
        place = f"RA {right_ascension[row]:g}, DEC {declination[row]:g}"
        raise FileError(f"{path}: row {row} has {place}: give degrees, DEC from -90 to 90")
    key = next((names[name] for name in ("ID", "TARGETID") if name in names), None)
    stem = stem_of(cube.path)
    ids = [f"{stem}-{row}" if key is None else str(table[key][row]).strip() for row in range(len(table))]
    columns: dict[str, Any] = {}
    number = names.get("TARGETID", names.get("ID"))
    if number is not None and table[number].dtype.kind in "iu":
        columns["TARGETID"] = np.asarray(table[number], dtype=np.int64)
    return ids, np.stack([right_ascension, declination]), columns


def _tell_outside(cube: CubeFile, path: Path, names: list[str], count: int) -> None:
    some = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
    if len(names) == count:
        raise FileError(f"{path}: no position is in {cube.path} ({some}): check RA and DEC, in degrees, and the cube")
    warnings.warn(
        f"{path}: {len(names)} of {count} positions are outside {cube.path}, and left out: {some}",
        FileWarning,
        stacklevel=3,
    )


def _inside(share: np.ndarray, top: int, left: int, rows: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return numbers and weights of the spaxels of a stamp that are in the image."""
    y, x = np.nonzero(share > 0)
    weight = share[y, x]
    y, x = y + top, x + left
    use = (y >= 0) & (y < rows) & (x >= 0) & (x < width)
    return (y * width + x)[use], weight[use]
