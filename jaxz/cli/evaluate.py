"""`jaxz evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jaxz.cli.console import errors_in_one_line, say, show, table

if TYPE_CHECKING:
    import numpy as np

    from jaxz.validate import Match

PAIRS = (("ID", "ID"), ("TARGETID", "TARGETID"), ("TARGETID", "ID"), ("ID", "TARGETID"))
"""Columns of catalog and truth that are compared; the first pair with a name in common is used."""

NAMED = 10
"""Names of sources listed in a message at most."""


def evaluate(
    catalog: Annotated[Path, typer.Argument(help="Catalog of `jaxz zfind`.")],
    truth: Annotated[Path, typer.Argument(help="Table (FITS, ECSV, CSV) with ID or TARGETID, and the true Z.")],
    tolerance: Annotated[float, typer.Option(help="Largest |Δz|/(1+z) of a good redshift.")] = 0.005,
) -> None:
    """Compare a catalog with true redshifts.

    Shows the good fraction with its 95 % Wilson interval, the mean absolute error without outliers (beyond 5 MAD), bias
    and scatter of the good redshifts, and the failures.
    """
    import numpy as np

    from jaxz import io, validate

    with errors_in_one_line():
        if not tolerance > 0:
            raise ValueError(f"--tolerance {tolerance}: use a number above 0")
        found, true = io.read_catalog(catalog), io.read_table(truth)
        for path, columns in ((catalog, found), (truth, true)):
            _require(path, columns)
        known = true[true["Z"] > -1]
        match = _match(catalog, found, truth, known)
    _report_unmatched(catalog, found, truth, true, known, match)
    z, ztrue = np.asarray(found["Z"])[match.rows], np.asarray(known["Z"])[match.truth_rows]
    fraction = validate.good_fraction(z, ztrue, tolerance=tolerance)
    mae, kept = validate.mean_absolute_error(z, ztrue)
    bias, scatter = validate.bias_and_scatter(z, ztrue, tolerance=tolerance)
    shown = table("", "", title=f"{catalog.name} against {truth.name}")
    shown.add_row(f"good, |Δz| < {tolerance:g}(1+z)", f"{fraction.ngood} of {fraction.ntotal}")
    shown.add_row("good fraction", f"{fraction.value:.3f}")
    shown.add_row("  95 % interval (Wilson)", f"{fraction.low:.3f} to {fraction.high:.3f}")
    shown.add_row(f"mean |Δz|/(1+z), {kept} within 5 MAD", f"{mae:.2e}")
    shown.add_row("bias, median Δz/(1+z) of the good", f"{bias:+.2e}")
    shown.add_row("scatter, 1.48 MAD of the same", f"{scatter:.2e}")
    show(shown)
    _show_failures(found[match.rows], z, ztrue, tolerance)


def _require(path: Path, columns: Any) -> None:
    if "Z" not in columns.colnames or not {"ID", "TARGETID"} & set(columns.colnames):
        raise ValueError(f"{path}: needs a column Z and a column ID or TARGETID, has {', '.join(columns.colnames)}")
    if columns["Z"].dtype.kind not in "fiu" or columns["Z"].ndim != 1:
        raise ValueError(f"{path}: column Z holds no numbers, or several in a row ({columns['Z'].dtype})")


def _match(catalog: Path, found: Any, truth: Path, known: Any) -> "Match":
    from jaxz import validate

    for name, truth_name in PAIRS:
        if name in found.colnames and truth_name in known.colnames:
            match = validate.match(found[name], known[truth_name])
            if len(match.rows):
                return match
    raise ValueError(f"{catalog} and {truth} have no ID or TARGETID in common: compare their columns ID and TARGETID")


def _report_unmatched(catalog: Path, found: Any, truth: Path, true: Any, known: Any, match: "Match") -> None:
    if len(known) < len(true):
        say(f"{truth}: {len(true) - len(known)} sources have no true redshift and are left out")
    for path, columns, rows in ((catalog, found, match.unmatched), (truth, known, match.truth_unmatched)):
        if len(rows):
            key = "ID" if "ID" in columns.colnames else "TARGETID"
            names = ", ".join(str(name) for name in columns[key][rows[:NAMED]])
            say(f"{path}: {len(rows)} without a match: {names}{', …' if len(rows) > NAMED else ''}")


def _show_failures(found: Any, z: "np.ndarray", ztrue: "np.ndarray", tolerance: float) -> None:
    import numpy as np

    from jaxz import validate

    wrong = np.flatnonzero(~validate.is_good(z, ztrue, tolerance=tolerance))
    if not wrong.size:
        return
    error = validate.velocity_error(z, ztrue)
    others = np.asarray(found["ZALT"]) if "ZALT" in found.colnames else z[:, None]
    right = validate.is_good(others, np.broadcast_to(ztrue[:, None], others.shape), tolerance=tolerance)
    shown = table("name", "z", "z true", "Δz/(1+z)", "right among the others", "ZWARN", title="\nfailures")
    key = "ID" if "ID" in found.colnames else "TARGETID"
    for row in wrong:
        rank = int(np.argmax(right[row]))
        shown.add_row(
            str(found[key][row]),
            f"{z[row]:.4f}",
            f"{ztrue[row]:.4f}",
            f"{error[row]:+.4f}",
            f"number {rank + 1}: {others[row, rank]:.4f}" if right[row, rank] else "none",
            str(found["ZWARN"][row]) if "ZWARN" in found.colnames else "",
        )
    show(shown)
