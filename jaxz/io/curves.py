"""χ² curves ↔ files: one set of HDUs for each model, told apart by EXTVER."""

import functools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from astropy.io import fits
from astropy.table import Table

from jaxz.io.cards import in_ascii
from jaxz.io.files import FileError, damage_named, image_shape, open_fits, summary_of
from jaxz.io.output import replacing
from jaxz.io.tabular import table_of
from jaxz.models import AbstractModel, Trials
from jaxz.scan import ZScan, fingerprints_of
from jaxz.spectra import Spectra

HDUS = ("Z", "CHI2", "SPECTRA")
"""Of each model."""


def write_curves(scans: ZScan | Sequence[ZScan], path: str | Path, *, overwrite: bool = False) -> None:
    """Write χ²(z) of every spectrum: FITS, images ``Z`` (shift,) and ``CHI2`` (spec, shift), table ``SPECTRA``.

    The table has the columns ``ID``, ``STATUS`` and ``CHI2_NULL``, χ² without what slides, and what `open_curves`
    needs, one row for each row of ``CHI2``. The curves of several models follow each other with EXTVER 1, 2, …; the
    header of ``Z`` says which model they are of.

    Args:
        scans: what to write; several are of the same spectra by several models.
        path: of the file; it appears only when it is complete.
        overwrite: whether to replace an existing file.

    Raises:
        FileError: as `check_output`.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> jaxz.io.write_curves(scan, "curves.fits")
    """
    hdus: list[Any] = [fits.PrimaryHDU()]
    for version, scan in enumerate([scans] if isinstance(scans, ZScan) else scans, 1):
        table = Table({"ID": [in_ascii(name) for name in scan.ids], "STATUS": np.asarray(scan.status, dtype=np.int16)})
        table["CHI2_NULL"], table["KKT"], table["UNCONVERGED"] = scan.null, scan.kkt, scan.unconverged
        table["FINGERPRINT"] = np.asarray(scan.fingerprints).view(np.int64)
        cards = {"MODEL": in_ascii(scan.model.name), "SPECTYPE": scan.model.spectype, "ZFIRST": scan.trials.first}
        # Columns of the spectra's own are not kept, so that nothing can be found with such curves again.
        cards |= {"ZSTEP": scan.trials.step, "MODSHA": "" if scan.own is not None else scan.model.sha256}
        hdus += [
            fits.ImageHDU(np.asarray(scan.z), fits.Header(cards), name="Z", ver=version),
            fits.ImageHDU(np.asarray(scan.chi2), name="CHI2", ver=version),
            fits.BinTableHDU(table, name="SPECTRA", ver=version),
        ]
    with replacing(path, overwrite=overwrite) as unfinished:
        fits.HDUList(hdus).writeto(unfinished)


def read_curves(path: str | Path, ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Read χ²(z) of some of the spectra in a file of `write_curves`; no others are loaded.

    Of several models it is the lowest at each redshift that any of them tried.

    Args:
        path: of the file.
        ids: names of the spectra. One that the file has several times must be asked for as often, and its curves are
            those of the file in their order.

    Returns:
        Trial redshifts (shift,) and χ² (spec, shift), a row for each name.

    Raises:
        FileError: if the file cannot be read, is not such a file, or has no curve, or another number of them, of a
            name.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> jaxz.io.write_curves(scan, "curves.fits")
        >>> z, chi2 = jaxz.io.read_curves("curves.fits", scan.ids)
        >>> z.shape, chi2.shape
        ((828,), (1, 828))
    """
    path = Path(path)
    with damage_named(path), open_fits(path) as hdus:
        table = _checked(path, hdus, 1)
        rows = _rows_of(path, [str(name).strip() for name in table["ID"]], [name.strip() for name in ids])
        curves = []
        for version in versions_of(hdus):
            _checked(path, hdus, version)
            z = np.asarray(hdus["Z", version].data, dtype=np.float64)
            curves.append((z, _section(hdus, version, rows).astype(np.float64)))
    return _lowest(curves)


def versions_of(hdus: Any) -> range:
    """Return the EXTVER of the models of an open file of curves; that of one model, if it holds none."""
    return range(1, max(sum(hdu.name == "Z" for hdu in hdus), 1) + 1)


def _lowest(curves: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Return all trial redshifts (shift,), and the lowest of some curves there, (spec, shift)."""
    if len(curves) == 1:
        return curves[0]
    # Those of one lattice are the same to rounding.
    marks = [np.round(np.log10(1 + z), 9) for z, _ in curves]
    every, first = np.unique(np.concatenate(marks), return_index=True)
    lowest = np.full((len(curves[0][1]), len(every)), np.nan)
    for mark, (_, chi2) in zip(marks, curves, strict=True):
        place = np.searchsorted(every, mark)
        lowest[:, place] = np.fmin(lowest[:, place], chi2)
    return np.concatenate([z for z, _ in curves])[first], lowest


class KeptCurves:
    """A file of `write_curves`, from which redshifts can be found again without another scan.

    Spectra are known by what was measured, not by their names.

    Args:
        path: of the file.

    Raises:
        FileError: if it cannot be read, or is not such a file, or one of an earlier version.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> model = jaxz.NonNegative(basis)
        >>> jaxz.io.write_curves(jaxz.scan(spectra, model, zmin=0.0, zmax=0.1), "curves.fits")
        >>> kept = jaxz.io.KeptCurves("curves.fits")
        >>> scan = kept.scan(spectra, model, zmin=0.0, zmax=0.1)
        >>> jaxz.find_redshifts(scan, spectra, nminima=9).zalt.shape
        (1, 9)
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        _contents(self.path)

    def check(self, model: AbstractModel, *, zmin: float, zmax: float) -> None:
        """Refuse a model, or a range of trial redshifts, that the curves are not of.

        Raises:
            FileError: naming what differs.
        """
        self._place(model, zmin, zmax)

    def holds(self, spectra: Spectra) -> np.ndarray:
        """Return which spectra have their curves here, (spec,) bool."""
        held = _contents(self.path)[0].rows
        return np.array([mark in held for mark in fingerprints_of(spectra).tolist()], dtype=bool)

    def scan(self, spectra: Spectra, model: AbstractModel, *, zmin: float, zmax: float) -> ZScan:
        """Return the curves of some spectra as `jaxz.scan` gave them.

        Raises:
            FileError: as `check`, or if a spectrum has none here.
        """
        place = self._place(model, zmin, zmax)
        known, marks = _contents(self.path)[place], fingerprints_of(spectra)
        missing = np.flatnonzero(~self.holds(spectra))
        if len(missing):
            raise FileError(f"{self.path}: holds no curve of {spectra.ids[missing[0]]} as it is now: scan it again")
        rows = [known.rows[mark] for mark in marks.tolist()]
        with damage_named(self.path), open_fits(self.path) as hdus:
            chi2 = _section(hdus, place + 1, rows)
        return ZScan(
            chi2=chi2.astype(chi2.dtype.newbyteorder("=")),
            status=known.status[rows],
            ids=spectra.ids,
            trials=Trials(known.first, known.number, model.step),
            model=model,
            null=known.null[rows],
            kkt=known.kkt[rows],
            unconverged=known.unconverged[rows],
            fingerprints=marks,
        )

    def _place(self, model: AbstractModel, zmin: float, zmax: float) -> int:
        """Return which of the models in the file this is."""
        contents, trials = _contents(self.path), Trials.between(zmin, zmax, model.step)
        places = [place for place, known in enumerate(contents) if known.sha256 == model.sha256]
        if not places:
            names = ", ".join(known.name for known in contents)
            raise FileError(
                f"{self.path}: holds curves of {names}, and none of {model.name} with this error model and "
                "these nuisance parts: give the options that it was written with, or scan again"
            )
        known = contents[places[0]]
        if (known.first, known.number) != (trials.first, trials.number):
            # Half a step beyond the ends, so that digits that are left out do not matter.
            low, high = (10.0 ** (at * model.step) - 1 for at in (known.first - 0.5, known.first + known.number - 0.5))
            raise FileError(
                f"{self.path}: holds other trial redshifts: give --zmin {low if known.first else 0:.5f} --zmax "
                f"{high:.5f} (zmin=, zmax=), or scan again"
            )
        return places[0]


class _Known(NamedTuple):
    """What a file holds of one model.

    Attributes:
        name, sha256: of the model.
        first, number: of the trial redshifts.
        rows: of the spectra, by their fingerprint.
        status, null, kkt, unconverged: as of `ZScan`.
    """

    name: str
    sha256: str
    first: int
    number: int
    rows: dict[int, int]
    status: np.ndarray
    null: np.ndarray
    kkt: np.ndarray
    unconverged: np.ndarray


_COLUMNS = ("STATUS", "CHI2_NULL", "KKT", "UNCONVERGED")
"""Of the table, as they are in `_Known`."""


def _contents(path: Path) -> tuple[_Known, ...]:
    """Return what a file holds, but for the curves."""
    try:
        state = path.stat()
    except OSError as error:
        raise FileError(f"{path}: cannot be opened: {error.strerror}") from error
    return _contents_of(path, state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=2)
def _contents_of(path: Path, size: int, changed: int) -> tuple[_Known, ...]:
    """Return it; a file that has another size or time of change is read anew."""
    found = []
    with damage_named(path), open_fits(path) as hdus:
        for version in versions_of(hdus):
            table, header = _checked(path, hdus, version), hdus["Z", version].header
            missing = [*({*_COLUMNS, "FINGERPRINT"} - {*table.colnames}), *({"MODSHA", "ZFIRST"} - {*header})]
            if missing:
                raise FileError(f"{path}: lacks {', '.join(sorted(missing))}, as of an earlier version: scan again")
            marks = np.asarray(table["FINGERPRINT"], dtype=np.int64).view(np.uint64)
            columns = [np.asarray(table[name]) for name in _COLUMNS]
            number, rows = image_shape(hdus["Z", version])[0], {mark: row for row, mark in enumerate(marks.tolist())}
            found.append(_Known(header["MODEL"], header["MODSHA"], header["ZFIRST"], number, rows, *columns))
    return tuple(found)


def _checked(path: Path, hdus: Any, version: int) -> Table:
    """Return the table of a model, whose shapes are right."""
    missing = [name for name in HDUS if (name, version) not in hdus]
    if missing:
        raise FileError(
            f"{path}: not a file of χ² curves: no {', '.join(missing)} (it holds {summary_of(hdus)}): give one of "
            "`jaxz zfind --curves`"
        )
    table = table_of(path, hdus["SPECTRA", version])
    shapes = image_shape(hdus["Z", version]), image_shape(hdus["CHI2", version])
    if len(shapes[0]) != 1 or shapes[1] != (len(table), *shapes[0]):
        raise FileError(
            f"{path}: Z has shape {shapes[0]}, CHI2 {shapes[1]}, SPECTRA {len(table)} rows: it needs (shift,), "
            "(spec, shift) and spec rows: write it again"
        )
    return table


def _section(hdus: Any, version: int, rows: Sequence[int]) -> np.ndarray:
    """Return some rows of the curves of a model, (spec, shift), as they are in the file."""
    image = hdus["CHI2", version]
    chi2 = [image.section[row] for row in rows]
    return np.array(chi2) if chi2 else np.empty((0, image_shape(image)[1]), dtype=np.float32)


def _rows_of(path: Path, held: Sequence[str], wanted: Sequence[str]) -> list[int]:
    places: dict[str, list[int]] = {name: [] for name in wanted}
    for row, name in enumerate(held):
        places.get(name, []).append(row)
    for name, asked in Counter(wanted).items():
        if len(places[name]) != asked:
            curves = f"{len(places[name])} curves" if places[name] else "no curve"
            raise FileError(
                f"{path}: holds {curves} of {name!r}, and {asked} {'is' if asked == 1 else 'are'} asked for: give the "
                "file that was written with the catalog"
            )
    left = {name: iter(rows) for name, rows in places.items()}
    return [next(left[name]) for name in wanted]
