"""What a command that measures redshifts says of its catalog: all rows if they are few, else the best and the worst."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jaxz.cli.console import fail, results, say, show, table

if TYPE_CHECKING:
    import numpy as np
    from astropy.table import Table

    from jaxz.batch import Report

LISTED = 20
"""Redshifts that are shown at most."""

ENDS = 5
"""Best, and worst, rows that are shown of more."""

COUNTED = 500_000
"""Rows of a catalog up to which it is read again to be summarised."""

Shown = Callable[["Table"], Mapping[str, Sequence[str]]]
"""Catalog → what is said of each spectrum beside its name: columns of text."""


def summarise(report: "Report", shown: Shown, output: Path) -> None:
    """Say what a run did, and what is in its catalog."""
    from jaxz import io
    from jaxz.batch import Folder

    if not report.rows:
        fail("no spectrum could be read, or none was chosen: no catalog is written")
    if report.rows <= COUNTED:
        catalog = io.read_catalog(output)
        if len(catalog) <= LISTED:
            _show_rows(catalog, range(len(catalog)), shown)
        else:
            order = by_confidence(catalog)
            _show_rows(catalog, order[:ENDS], shown, title=f"best {ENDS} of {len(catalog)}")
            _show_rows(catalog, order[-ENDS:], shown, title=f"\nworst {ENDS}")
            _show_counts(catalog)
    for note in report.notes:
        say(note)
    results.print(
        f"{output}: {report.measured} redshifts, {report.warned} of them with warnings; "
        f"{report.rows - report.measured} spectra without a redshift; {len(report.failures)} inputs not read",
        soft_wrap=True,
    )
    if report.failures:
        say(f"{Folder(output).path} keeps the parts and what was not read: --retry-failed tries that again")


def digits(catalog: "Table", column: str, form: str) -> list[str]:
    """Return the numbers of a column as text."""
    return [format(value, form) for value in catalog[column]]


def by_confidence(catalog: "Table") -> "np.ndarray":
    """Return the rows of a catalog, best first: without a warning, probable, of large Δχ² or detection."""
    import numpy as np

    measured = np.isfinite(np.asarray(catalog["Z"], dtype=float))
    depth = np.asarray(catalog["DETECTION" if "DETECTION" in catalog.colnames else "DELTACHI2"], dtype=float)
    probable = np.nan_to_num(np.asarray(catalog["PCONF"], dtype=float))
    return np.lexsort((-np.nan_to_num(depth), -probable, np.asarray(catalog["ZWARN"]) != 0, ~measured))


def _show_rows(catalog: "Table", rows: "Sequence[int] | np.ndarray", shown: Shown, *, title: str | None = None) -> None:
    from jaxz.status import names_of

    some = catalog[list(rows)]
    columns = shown(some)
    lines = table("name", *columns, "warnings", title=title)
    for row in range(len(some)):
        measured = some["Z"][row] == some["Z"][row]
        values = [column[row] if measured else "–" for column in columns.values()]
        lines.add_row(str(some["ID"][row]), *values, names_of(int(some["ZWARN"][row])))
    show(lines)


def _show_counts(catalog: "Table") -> None:
    """Show how many rows there are of each class, and with each flag."""
    import numpy as np

    from jaxz.status import ZWarn

    zwarn = np.asarray(catalog["ZWARN"])
    classes, place = np.unique(np.char.strip(np.asarray(catalog["SPECTYPE"]).astype(str)), return_inverse=True)
    lines = table("class", "number", "without a warning", title="\nclasses")
    for number, name in enumerate(classes):
        lines.add_row(name or "–", str(np.sum(place == number)), str(np.sum((place == number) & (zwarn == 0))))
    show(lines)
    flags = {bit.name or "": int(np.sum(zwarn & bit.value != 0)) for bit in ZWarn}
    lines = table("warning", "number", title="\nwarnings")
    for name, count in flags.items():
        if count:
            lines.add_row(name, str(count))
    lines.add_row("none", str(np.sum(zwarn == 0)))
    show(lines)
