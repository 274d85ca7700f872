"""Redshifts and lines back into MPDAF's Source files, as their user and MPDAF find them."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Row, Table

from jaxz.air import vactoair
from jaxz.io.catalog import read_catalog
from jaxz.io.files import FileError, damage_named, open_fits
from jaxz.io.muse import is_mpdaf_source
from jaxz.io.output import check_output, replacing
from jaxz.io.tabular import table_of

DESCRIPTION = "JAXZ"
"""Z_DESC of our redshifts."""

_NONE = -9999.0
"""What MPDAF has where there is no redshift."""

_COLUMNS = ("Z", "Z_MIN", "Z_MAX")
"""What MPDAF's table has beside Z_DESC."""

_SECURE, _LIKELY = 0.99, 0.9


def confidence(z: float, zwarn: int, pconf: float) -> int:
    """Return MUSE's confidence in a redshift: 3 secure, 2 likely, 1 a guess, 0 none.

    Args:
        z: NaN if there is none.
        zwarn: `ZWarn` bits; with any, it is a guess.
        pconf: probability.
    """
    if not np.isfinite(z):
        return 0
    if zwarn or not pconf >= _LIKELY:
        return 1
    return 3 if pconf >= _SECURE else 2


def write_source(source: str | Path, row: Row, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a Source file with a redshift in its table ``Z``; all else stays as it is.

    The row whose ``Z_DESC`` is JAXZ gets ``Z``, ``Z_MIN`` and ``Z_MAX``, the ends of the interval Z_LO to Z_HI, and
    ``Z_ERR`` where the table has it; it is added, and so is the table, where they are not there. The card ``JAXZCONF``
    proposes a confidence (see `confidence`), and ``ZCONF`` has it where neither it nor CONFID is there.

    Args:
        source: the file.
        row: of the catalog, from `jaxz.io.read_catalog`.
        path: the file to write.
        overwrite: whether to replace an existing file; `source` itself is never replaced without.

    Raises:
        FileError: if `source` is no Source file, or as `check_output`.

    Example:
        >>> from astropy.io import fits
        >>> from astropy.table import Table
        >>> axis = {"CRVAL1": 5000.0, "CRPIX1": 1.0, "CDELT1": 1.25, "CTYPE1": "AWAV", "CUNIT1": "Angstrom"}
        >>> names = "SPE_MUSE_TOT_DATA", "SPE_MUSE_TOT_STAT"
        >>> images = [fits.ImageHDU(np.ones(100), fits.Header(axis), name=name) for name in names]
        >>> fits.HDUList([fits.PrimaryHDU(), *images]).writeto("source-00007.fits")
        >>> row = {"Z": 0.7, "Z_LO": 0.699, "Z_HI": 0.701, "ZERR": 2e-4, "ZWARN": 0, "PCONF": 0.999}
        >>> jaxz.io.write_source("source-00007.fits", Table([row])[0], "with-z.fits")
        >>> fits.getheader("with-z.fits")["JAXZCONF"]
        3
    """
    source = Path(source)

    def changed(found: list[Any]) -> None:
        names = [hdu.name for hdu in found]
        table = table_of(source, found[names.index("Z")], check=False) if "Z" in names else Table()
        header = found[0].header
        proposed = confidence(float(row["Z"]), int(row["ZWARN"]), float(row["PCONF"]))
        header["JAXZCONF"] = (proposed, "confidence that jaxz proposes, 0 to 3")
        if not {"ZCONF", "CONFID"} & set(header):
            header["ZCONF"] = (proposed, "proposed by jaxz")
        _put(found, fits.BinTableHDU(_with_redshift(table, row), name="Z"))

    _rewrite(source, Path(path), changed, overwrite=overwrite)


def write_sources(catalog: str | Path, folder: str | Path, *, overwrite: bool = False) -> list[Path]:
    """Write the Source files of a catalog with their redshifts, under their names, into a folder.

    Args:
        catalog: of `jaxz zfind`; rows whose FILE is no Source file are passed over.
        folder: made if it is not there.
        overwrite: whether to replace files in it; without, that they are not there is made sure of first.

    Returns:
        The files that were written.

    Raises:
        FileError: as `write_source`; or if two have one name.

    Example:
        >>> from astropy.io import fits
        >>> from astropy.table import Table
        >>> axis = {"CRVAL1": 5000.0, "CRPIX1": 1.0, "CDELT1": 1.25, "CTYPE1": "AWAV", "CUNIT1": "Angstrom"}
        >>> names = "SPE_MUSE_TOT_DATA", "SPE_MUSE_TOT_STAT"
        >>> images = [fits.ImageHDU(np.ones(100), fits.Header(axis), name=name) for name in names]
        >>> fits.HDUList([fits.PrimaryHDU(), *images]).writeto("source-00007.fits")
        >>> row = {"TARGETID": 7, "Z": 0.7, "Z_LO": 0.699, "Z_HI": 0.701, "ZERR": 2e-4, "ZWARN": 0, "PCONF": 0.999}
        >>> row |= {"FILE": "source-00007.fits", "CHI2": 90.0, "SPECTYPE": "GALAXY", "DELTACHI2": 50.0}
        >>> fits.BinTableHDU(Table([row]), name="REDSHIFTS").writeto("redshifts.fits")
        >>> [path.name for path in jaxz.io.write_sources("redshifts.fits", "sources")]
        ['source-00007.fits']
    """
    rows = list(read_catalog(catalog))
    outputs = _outputs(_sources([str(row["FILE"]) for row in rows]), folder, overwrite=overwrite)
    for place, (source, path) in outputs.items():
        write_source(source, rows[place], path, overwrite=overwrite)
    return [path for _, path in outputs.values()]


def write_line_sources(tables: Mapping[str, Table], folder: str | Path, *, overwrite: bool = False) -> list[Path]:
    """Write the Source files of spectra with their lines, table ``LINES``, under their names, into a folder.

    The columns are those of `line_tables` but ID and TARGETID; ``LBDA_OBS`` is of air where the wavelengths of the
    source's spectra are (card ``LBDAMED``), so that MPDAF draws them where they are. A table LINES that is there is
    replaced.

    Args:
        tables: of `line_tables`; spectra whose FILE is no Source file are passed over.
        folder: made if it is not there.
        overwrite: whether to replace files in it; without, that they are not there is made sure of first.

    Returns:
        The files that were written.

    Raises:
        FileError: as `write_sources`.

    Example:
        >>> from astropy.table import Table
        >>> jaxz.io.write_line_sources({"LINES": Table(), "SOURCES": Table({"ID": [], "FILE": []})}, "with-lines")
        []
    """
    lines, sources = tables["LINES"], tables["SOURCES"]
    outputs = _outputs(_sources([str(one) for one in sources["FILE"]]), folder, overwrite=overwrite)
    for place, (source, path) in outputs.items():
        own = lines[lines["ID"] == sources["ID"][place]]
        own.remove_columns([name for name in ("ID", "TARGETID") if name in own.colnames])
        _rewrite(source, path, functools.partial(_put_lines, own), overwrite=overwrite)
    return [path for _, path in outputs.values()]


def check_sources(files: Iterable[str | Path], folder: str | Path, *, overwrite: bool) -> None:
    """Make sure that what `write_sources` would write of some files can be there, before they are measured.

    Files that cannot be read are passed over: that is said when they are measured.

    Raises:
        FileError: if two have one name, something that may not be replaced is there, or there can be no such folder.
    """
    sources = {}
    for place, file in enumerate(files):
        with contextlib.suppress(FileError):
            if _is_source(Path(file)):
                sources[place] = Path(file)
    _outputs(sources, folder, overwrite=overwrite)


def _sources(files: Sequence[str]) -> dict[int, Path]:
    """Return the Source files among some files, by their place."""
    paths = [Path(file.strip()) for file in files]
    return {place: path for place, path in enumerate(paths) if _is_source(path)}


def _outputs(sources: Mapping[int, Path], folder: str | Path, *, overwrite: bool) -> dict[int, tuple[Path, Path]]:
    """Return Source files and what is to be written of them, by their place.

    Raises:
        FileError: if two have one name, or something that may not be replaced is there.
    """
    folder = Path(folder)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder}: cannot be a folder of sources: {error.strerror}") from error
    outputs = {place: (path, folder / path.name) for place, path in sources.items()}
    taken = set()
    for source, path in outputs.values():
        if path in taken:
            raise FileError(f"{path}: two sources have this name: measure them in separate runs")
        taken.add(path)
        check_output(path, overwrite=overwrite, inputs=() if overwrite else [source])
    return outputs


def _rewrite(source: Path, path: Path, changed: Callable[[list[Any]], None], *, overwrite: bool) -> None:
    """Write a Source file whose HDUs have been changed to another path, or to its own if it may be replaced."""
    check_output(path, overwrite=overwrite, inputs=() if overwrite else [source])
    with damage_named(source), open_fits(source) as hdus:
        if not is_mpdaf_source(hdus):
            raise FileError(f"{source}: not an MPDAF Source file: it has no spectra SPE_…_DATA")
        found = [hdu.copy() for hdu in hdus]
        changed(found)
    with replacing(path, overwrite=overwrite) as unfinished:
        fits.HDUList(found).writeto(unfinished)


def _put_lines(lines: Table, found: list[Any]) -> None:
    """Put the table LINES into a Source, wavelengths being of air where those of its spectra are."""
    air = any(str(hdu.header.get("CTYPE1", "")).strip() == "AWAV" for hdu in found)
    if air:
        lines["LBDA_OBS"] = vactoair(lines["LBDA_OBS"])
    table = fits.BinTableHDU(lines, name="LINES")
    table.header["LBDAMED"] = ("air" if air else "vacuum", "what LBDA_OBS is of; LBDA_REST is of vacuum")
    _put(found, table)


def _put(found: list[Any], table: fits.BinTableHDU) -> None:
    """Put a table in the place of that of its name, or behind the primary header."""
    names = [hdu.name for hdu in found]
    place = names.index(table.name) if table.name in names else 1
    found[place : place + (table.name in names)] = [table]


def _is_source(path: Path) -> bool:
    with open_fits(path) as hdus:
        return is_mpdaf_source(hdus)


def _with_redshift(table: Table, row: Row) -> Table:
    measured = bool(np.isfinite(row["Z"]))
    numbers = {"Z": row["Z"], "Z_MIN": row["Z_LO"], "Z_MAX": row["Z_HI"], "Z_ERR": row["ZERR"]}
    values = {name: float(value) if measured and np.isfinite(value) else _NONE for name, value in numbers.items()}
    if not len(table):
        return Table([[DESCRIPTION], *([values[name]] for name in _COLUMNS)], names=("Z_DESC", *_COLUMNS))
    table = table[[str(word).strip() != DESCRIPTION for word in table["Z_DESC"]]]
    whole = Table()
    for name in table.colnames:
        column: Any = table[name]
        new = DESCRIPTION if name == "Z_DESC" else values.get(name, "" if column.dtype.kind == "U" else _NONE)
        # A text may be longer than those that are there.
        kind = np.str_ if column.dtype.kind == "U" else column.dtype
        whole[name] = np.append(np.asarray(column), np.array([new]).astype(kind))
        whole[name].unit = column.unit
    return whole
