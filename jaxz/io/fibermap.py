"""The table FIBERMAP of DESI files: which rows are one target, what each fibre was on, and what went wrong."""

import enum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy.io import fits

from jaxz.io.files import FileError
from jaxz.io.identifiers import NOT_A_TARGET, named_by_row, unknown_identifiers, warn_of_unknown
from jaxz.status import ZWarn

PREFIX = "FIBERMAP."
"""Before the names of FIBERMAP's columns in `Spectra.meta`; a catalog has them in an extension of that name."""

ONE_ROW_EACH = "every extension needs one row for each spectrum"


class FiberStatus(enum.IntFlag):
    """Bits of the columns FIBERSTATUS and COADD_FIBERSTATUS that matter here, with DESI's numbers."""

    UNASSIGNED = 1 << 0
    BROKENFIBER = 1 << 2
    MISSINGPOSITION = 1 << 8
    BADPOSITION = 1 << 9
    POORPOSITION = 1 << 10
    BADFIBER = 1 << 16
    BADTRACE = 1 << 17
    BADFLAT = 1 << 18
    BADARC = 1 << 19
    MANYBADCOL = 1 << 20
    MANYREJECTED = 1 << 21
    BADAMPB = 1 << 22
    BADAMPR = 1 << 23
    BADAMPZ = 1 << 24


_AMPLIFIER = {"B": FiberStatus.BADAMPB, "R": FiberStatus.BADAMPR, "Z": FiberStatus.BADAMPZ}
_UNUSABLE = (
    FiberStatus.BROKENFIBER
    | FiberStatus.MISSINGPOSITION
    | FiberStatus.BADPOSITION
    | FiberStatus.BADFIBER
    | FiberStatus.BADTRACE
    | FiberStatus.BADFLAT
    | FiberStatus.BADARC
    | FiberStatus.MANYBADCOL
    | FiberStatus.MANYREJECTED
)
"""What keeps an exposure out of DESI's own coadds; a bad amplifier does so in its camera."""


_OF_THE_TARGET = ("TARGETID", "OBJTYPE", "TARGET_RA", "TARGET_DEC")
"""Columns that say what a target is: where exposures disagree, the first one counts."""


def fibermap_of(hdus: Any) -> str | None:
    """Return the name of the extension of an open DESI file that says what the targets are, or None."""
    return next((name for name in ("FIBERMAP", "COADD_FIBERMAP") if name in hdus), None)


class Targets(NamedTuple):
    """The spectra that a file gives.

    Attributes:
        ids: a name for each.
        rows: of each, the rows of the file that it is made of.
        meta: columns for `Spectra`.
        usable: (row of the file, camera) whether an exposure takes part, in the order of the cameras given.
    """

    ids: tuple[str, ...]
    rows: list[np.ndarray]
    meta: dict[str, np.ndarray]
    usable: np.ndarray


def targets_of(path: Path, hdus: Any, cameras: list[str], count: int, *, coadd: bool) -> Targets:
    """Return the targets of an open DESI file that has a FIBERMAP.

    FIBERMAP may be called COADD_FIBERMAP. A file is of single exposures (``spectra-*``) unless it has an extension
    EXP_FIBERMAP or a column whose name begins with COADD_. Rows of one TARGETID are then one target, in the order in
    which they first appear. Of its FIBERMAP, what the target is and the columns that are the same for all exposures of
    each target are kept; COADD_NUMEXP says how many exposures are used, and COADD_FIBERSTATUS has the bits that all of
    these have, or any bit where none is.

    Args:
        path: the file, for messages.
        hdus: the open file.
        cameras: their names. A single exposure is used in a camera unless its FIBERSTATUS says that it is unusable, or
            that an amplifier of the camera, or of one of those that it joins, is bad.
        count: rows of the other extensions.
        coadd: whether exposures of one target are put together.

    Raises:
        FileError: if FIBERMAP is not a table of `count` rows with an integer column TARGETID.
    """
    columns, unknown = _columns(path, hdus)
    if len(unknown) != count:
        raise FileError(f"{path}[FIBERMAP]: has {len(unknown)} rows, {cameras[0]}_FLUX has {count}: {ONE_ROW_EACH}")
    status = columns.get("COADD_FIBERSTATUS", columns.get("FIBERSTATUS", np.zeros(count, dtype=np.int64)))
    single = "EXP_FIBERMAP" not in hdus and not any(name.startswith("COADD_") for name in columns)
    usable = np.ones((count, len(cameras)), dtype=bool)
    if single:
        usable = np.column_stack([status & _fatal(camera) == 0 for camera in cameras])
    rows = [np.array([row]) for row in range(count)]
    if single and coadd:
        # What has no TARGETID is no one else.
        key = np.where(unknown, np.iinfo(np.int64).min + np.arange(count), columns["TARGETID"])
        _, first, target = np.unique(key, return_index=True, return_inverse=True)
        rows = np.split(np.argsort(target, kind="stable"), np.cumsum(np.bincount(target))[:-1])
        rows = [rows[place] for place in np.argsort(first)]
        used = np.count_nonzero(usable, axis=1) > 0
        status = np.array([_together(status[row], used[row]) for row in rows], dtype=status.dtype)
        columns = _common(columns, rows)
        columns["COADD_FIBERSTATUS"] = status
        columns["COADD_NUMEXP"] = np.array([np.count_nonzero(used[row]) for row in rows], dtype=np.int16)
    targetid = columns["TARGETID"].astype(np.int64)
    meta: dict[str, np.ndarray] = {"TARGETID": targetid}
    for name in ("RA", "DEC"):
        if f"TARGET_{name}" in columns:
            meta[name] = columns[f"TARGET_{name}"].astype(np.float64)
    meta["ZWARN"] = _zwarn(targetid, columns.get("OBJTYPE", np.full(len(rows), "")), status)
    meta |= {PREFIX + name: column for name, column in columns.items()}
    names = named_by_row(path, targetid, unknown[[row[0] for row in rows]])
    return Targets(tuple(map(str, names)), rows, meta, usable)


def _columns(path: Path, hdus: Any) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return the columns of FIBERMAP, and where TARGETID is null, which is `NOT_A_TARGET` then."""
    extension = fibermap_of(hdus)
    table = hdus[extension]
    names = {name.upper(): name for name in table.columns.names} if isinstance(table, fits.BinTableHDU) else {}
    targetid = table.data[names["TARGETID"]] if "TARGETID" in names else None
    if targetid is None or targetid.dtype.kind not in "iu" or targetid.ndim != 1:
        raise FileError(
            f"{path}[{extension}]: needs to be a table with a column TARGETID of integers, one in each row: add it, "
            "or remove the extension to read the spectra by their row"
        )
    columns = {upper: np.asarray(table.data[name]) for upper, name in names.items()}
    for name in {*_OF_THE_TARGET, "FIBERSTATUS", "COADD_FIBERSTATUS"} & set(columns):
        kinds, words = ("SU", "text") if name == "OBJTYPE" else ("iu" if "STATUS" in name else "fiu", "number")
        if columns[name].size and (columns[name].ndim != 1 or columns[name].dtype.kind not in kinds):
            raise FileError(f"{path}[{extension}]: the column {name} needs one {words} in each row: write it again")
    null = table.columns[names["TARGETID"]].null
    missing, lost = unknown_identifiers(np.ma.masked_array(targetid, mask=targetid == null))
    warn_of_unknown(f"{path}[{extension}][TARGETID]", missing, lost)
    columns["TARGETID"] = np.where(missing, NOT_A_TARGET, columns["TARGETID"])
    native = {
        name: column.astype(column.dtype.newbyteorder("="))
        for name, column in columns.items()
        if column.dtype != object
    }
    return native, missing


def _fatal(camera: str) -> int:
    return int(_UNUSABLE) | sum(int(_AMPLIFIER[letter]) for letter in camera)


def _together(status: np.ndarray, used: np.ndarray) -> int:
    return int(np.bitwise_and.reduce(status[used]) if used.any() else np.bitwise_or.reduce(status))


def _common(columns: dict[str, np.ndarray], rows: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Return one row for each target, without the columns in which its exposures disagree; NaN agrees with NaN."""
    first = np.array([row[0] for row in rows])
    order = np.concatenate(rows)
    first_of_each = np.repeat(first, [len(row) for row in rows])
    kept = {}
    for name, column in columns.items():
        one, other = column[order], column[first_of_each]
        if name in _OF_THE_TARGET or np.all((one == other) | ((one != one) & (other != other))):
            kept[name] = column[first]
    return {name: column for name, column in kept.items() if name != "FIBERSTATUS"}


def _zwarn(targetid: np.ndarray, objtype: np.ndarray, status: np.ndarray) -> np.ndarray:
    """Return the warning bits that Redrock takes from FIBERMAP, and BAD_TARGET for what is no target of the survey.

    Unsigned, so that spectra of files that say nothing about their fibres get 0 where batches are joined.
    """
    kind = np.char.strip(objtype)
    nothing = FiberStatus.UNASSIGNED | FiberStatus.BROKENFIBER | FiberStatus.BADPOSITION
    partly = FiberStatus.BADAMPB | FiberStatus.BADAMPR | FiberStatus.BADAMPZ
    zwarn = (
        ZWarn.SKY * (kind == "SKY")
        | ZWarn.LITTLE_COVERAGE * (status & int(partly) != 0)
        | ZWarn.UNPLUGGED * (status & int(FiberStatus.BROKENFIBER) != 0)
        | ZWarn.BAD_TARGET * ((targetid < 0) | (kind == "BAD"))
        | ZWarn.NODATA * ((status & int(nothing) != 0) | (kind == "BAD"))
        | ZWarn.POORDATA * (status & int(FiberStatus.POORPOSITION) != 0)
    )
    return zwarn.astype(np.uint32)
