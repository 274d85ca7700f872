"""Spectrum files of any kind → `Spectra`; the kind is recognised from the contents."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from jaxz.io.columns import check_choice, is_spectrum_table
from jaxz.io.cube import CubeFile, is_cube
from jaxz.io.desi import DesiFile, is_desi
from jaxz.io.files import (
    FileError,
    damage_named,
    image_shape,
    open_fits,
    summary_of,
)
from jaxz.io.image import from_image_spectrum, is_image_spectrum
from jaxz.io.muse import from_mpdaf_source, from_mpdaf_spectrum, is_mpdaf_source, is_mpdaf_spectrum
from jaxz.io.pypeit import from_pypeit_spec1d, is_pypeit_spec1d
from jaxz.io.sdss import from_sdss_spectrum, is_sdss_spectrum
from jaxz.io.spectra_file import from_spectra_file, is_spectra_file
from jaxz.io.table import from_fits_table, from_table, spectrum_tables_of
from jaxz.io.tabular import table_of_text
from jaxz.io.text import SYNTAXES, read_text_table, syntax_of
from jaxz.io.wavelengths import Medium
from jaxz.spectra import Spectra

FORMATS = {
    "mpdaf": "MPDAF spectrum",
    "mpdaf-source": "MPDAF Source",
    "cube": "MUSE cube: DATA and STAT, the third axis along wavelength",
    "sdss": "SDSS or BOSS spec file",
    "desi": "DESI coadd or spectra file",
    "image": "FITS images of flux and noise, a spectrum in each row",
    "jaxz": "spectra that jaxz wrote",
    "pypeit": "PypeIt spec1d file",
    "table": "FITS, ECSV, CSV or blank-separated table with wave, flux, and ivar or error",
}
"""The kinds of spectrum files that can be read."""


@runtime_checkable
class Source(Protocol):
    """The spectra of one file, in memory or yet to be read: `Spectra` are one, and so are `DesiFile` and `CubeFile`.

    A slice has fewer spectra than it is long where there is nothing at some places, as at the edges of a cube. Reading
    it raises FileError where the file cannot be read.
    """

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the spectra."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, part: slice, /) -> Spectra: ...


def read(
    paths: str | Path | Sequence[str | Path],
    *,
    format: str | None = None,
    spectrum: str | None = None,
    medium: Medium | None = None,
    columns: Mapping[str, str] | None = None,
) -> Spectra:
    """Read spectra from files: MPDAF (MUSE) spectra, Sources and cubes, SDSS, DESI coadds, images, tables.

    Args:
        paths: a file, a folder (all spectrum files directly in it, sorted by name), or a list of both.
        format: one of `FORMATS`, where the kind should not be recognised from the contents.
        spectrum: of MPDAF Source files, the name of the spectrum; their ``REFSPEC`` if None.
        medium: "air" or "vacuum", for tables and images that do not say which their wavelengths are of. If None, tables
            are taken as vacuum, and images as air, with a `FileWarning`.
        columns: of tables, names of columns that are not found by their names, by the keys wave (or loglam), flux, ivar
            (or var, or error), and mask: ``{"flux": "OPT_FLAM", "error": "OPT_FLAM_SIG"}``.

    Returns:
        All spectra, vacuum Å, padded to the longest. Ids are file stems, or what a file of many spectra says. `meta`
        has ``FILE`` and, where known, ``TARGETID`` (int64), ``RA`` and ``DEC`` (degrees), ``FLUXUNIT``, the unit of the
        flux, and what `DesiFile` adds.

    Raises:
        FileError: for the first file that cannot be read; one line that names the file, what is wrong, and the fix.
        ValueError: if `format`, or a key of `columns`, is unknown.

    Example:
        >>> spectra = jaxz.Spectra(np.linspace(5000, 6000, 101), np.ones((2, 101)), np.ones((2, 101)), ids="ab")
        >>> jaxz.io.write(spectra, "spectra.fits", overwrite=True)
        >>> jaxz.io.read("spectra.fits").ids
        ('a', 'b')
    """
    sources = [
        open_spectra(path, format=format, spectrum=spectrum, medium=medium, columns=columns) for path in expand(paths)
    ]
    return Spectra.concatenate([source[:] for source in sources])


def open_spectra(
    path: str | Path,
    *,
    format: str | None = None,
    spectrum: str | None = None,
    medium: Medium | None = None,
    columns: Mapping[str, str] | None = None,
) -> Source:
    """Return the spectra of one file, for reading some at a time: ``open_spectra(path)[:100]`` are the first hundred.

    Of a file with thousands of spectra whose layout allows it, no more than the slice is in memory.

    Args:
        path: a file.
        format, spectrum, medium, columns: as for `read`.

    Raises:
        FileError: if the file cannot be read; one line that names the file, what is wrong, and the fix.
        ValueError: if `format`, or a key of `columns`, is unknown.

    Example:
        >>> spectra = jaxz.Spectra(np.linspace(5000, 6000, 101), np.ones((2, 101)), np.ones((2, 101)), ids="ab")
        >>> jaxz.io.write(spectra, "spectra.fits", overwrite=True)
        >>> jaxz.io.open_spectra("spectra.fits")[:1].ids
        ('a',)
    """
    if format is not None and format not in FORMATS:
        raise ValueError(f"unknown format {format!r}: choose one of {', '.join(FORMATS)}")
    check_choice(columns)
    with damage_named(Path(path)):
        return _open(Path(path), format, spectrum, medium, columns)


def expand(paths: str | Path | Sequence[str | Path]) -> list[Path]:
    """Return the files that `read` would read, in its order, for reading them one by one.

    A folder gives its spectrum files, and damaged ones, so that these are not passed over in silence; files of another
    kind and hidden ones are left out. A path that is not a folder is returned as it is.

    Args:
        paths: as for `read`.

    Raises:
        FileError: if nothing is given, or a folder cannot be listed or holds no spectra.

    Example:
        >>> jaxz.io.expand(["one.fits", "two.fits"])[0].name
        'one.fits'
    """
    given = [Path(path) for path in ([paths] if isinstance(paths, (str, Path)) else paths)]
    if not given:
        raise FileError("no input files: give at least one file or folder")
    return [file for path in given for file in (_spectra_in(path) if os.path.isdir(path) else [path])]


def _spectra_in(folder: Path) -> list[Path]:
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise FileError(f"{folder}: the folder cannot be listed: {error.strerror}") from error
    found = [path for path in files if _may_be_spectrum(path)]
    if not found:
        raise FileError(f"{folder}: the folder holds no spectra; known kinds: {_known_kinds()}")
    return found


def _may_be_spectrum(path: Path) -> bool:
    syntax = ""
    try:
        syntax = syntax_of(path)
        if syntax == "fits":
            with open_fits(path) as hdus:
                return _kind_of(hdus) is not None
        return syntax is not None and is_spectrum_table(read_text_table(path, syntax).colnames)
    except FileError:
        return syntax != "csv"  # prose has commas too


def _open(
    path: Path, format: str | None, spectrum: str | None, medium: Medium | None, columns: Mapping[str, str] | None
) -> Source:
    syntax = syntax_of(path)
    if syntax is None:
        raise FileError(
            f"{path}: neither FITS, ECSV nor CSV, nor columns between blanks under a line with their names; known "
            f"kinds: {_known_kinds()}"
        )
    if syntax != "fits":
        table = table_of_text(path, syntax)
        if format not in (None, "table"):
            raise FileError(
                f"{path}: is {SYNTAXES[syntax]}, not {FORMATS[format]}: leave out the format, or say 'table'"
            )
        _refuse_name(path, "table", spectrum)
        return from_table(path, table, medium, columns)
    with open_fits(path) as hdus:
        if columns and format in (None, "table"):
            return from_fits_table(path, hdus, medium, columns)
        kind = _kind_of(hdus) if format is None else format
        if kind is None or (format is not None and not _IS[format](hdus)):
            raise FileError(f"{path}: {_what_is_wrong(hdus, format)}")
        if columns:
            raise FileError(f"{path}: a file of kind {kind} has no columns to choose: leave them out, or say 'table'")
        if kind == "mpdaf-source":
            return from_mpdaf_source(path, hdus, spectrum)
        _refuse_name(path, kind, spectrum)
        if kind in _SILENT:
            return _SILENT[kind](path, hdus, medium)
        return _FROM[kind](path, hdus)


def _refuse_name(path: Path, kind: str, spectrum: str | None) -> None:
    if spectrum is not None:
        raise FileError(f"{path}: a file of kind {kind} has no spectrum named {spectrum!r}: leave out that name")


def _kind_of(hdus: Any) -> str | None:
    return next((kind for kind, is_kind in _IS.items() if is_kind(hdus)), None)


def _what_is_wrong(hdus: Any, format: str | None) -> str:
    axes = len(image_shape(hdus["DATA"])) if "DATA" in hdus else 0
    if axes > 1:
        return f"not a spectrum: DATA has {axes} axes: give a spectrum, or a cube with three axes and STAT"
    wanted = f"known kinds: {_known_kinds()}" if format is None else f"format {format!r} is {FORMATS[format]}"
    return f"not a known kind of spectrum file: it holds {summary_of(hdus)}; {wanted}"


def _known_kinds() -> str:
    return ", ".join(f"{name} ({meaning})" for name, meaning in FORMATS.items())


_IS = {
    "mpdaf": is_mpdaf_spectrum,
    "mpdaf-source": is_mpdaf_source,
    "cube": is_cube,
    "sdss": is_sdss_spectrum,
    "desi": is_desi,
    "image": is_image_spectrum,
    "jaxz": is_spectra_file,
    "pypeit": is_pypeit_spec1d,
    "table": lambda hdus: bool(spectrum_tables_of(hdus)),
}
_FROM = {
    "mpdaf": from_mpdaf_spectrum,
    "cube": CubeFile,
    "sdss": from_sdss_spectrum,
    "desi": DesiFile,
    "jaxz": from_spectra_file,
    "pypeit": from_pypeit_spec1d,
}
_SILENT = {"table": from_fits_table, "image": from_image_spectrum}
"""Kinds of files that may not say whether wavelengths are of air or vacuum."""
