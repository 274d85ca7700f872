"""What the commands that measure redshifts have in common: options, groups of spectra, the catalog, the summary."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.progress import Progress

from jaxz.cli.console import errors_in_one_line, fail, messages, results, say, show, table
from jaxz.cli.inputs import Inputs

if TYPE_CHECKING:
    import numpy as np

    from jaxz.io.wavelengths import Medium
    from jaxz.redshift import Redshifts
    from jaxz.scan import ZScan
    from jaxz.spectra import Spectra

GROUP = 512
"""Spectra that are read, scanned and refined before the next are read. Only their results are kept."""

LISTED = 20
"""Redshifts that a command prints at most; the catalog holds all."""

Files = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Spectrum files, or folders of them.")]
Output = Annotated[Path, typer.Option("-o", "--output", help="Catalog to write (FITS).")]
Zmin = Annotated[float, typer.Option(help="Lowest trial redshift.")]
Zmax = Annotated[float, typer.Option(help="Highest trial redshift.")]
Nminima = Annotated[int, typer.Option(min=1, help="Candidate redshifts to look at closely and report.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Spectra on the device at a time.")]
Precision = Annotated[
    Literal["float32", "mixed", "float64"] | None,
    typer.Option(
        help="Of the scan; the fastest on this device if absent. Redshifts are refined in float64 in any case."
    ),
]
Format = Annotated[
    str | None, typer.Option(metavar="KIND", help="Kind of the files, where recognising it is not wanted.")
]
SpectrumName = Annotated[
    str | None, typer.Option(metavar="NAME", help="Which spectrum of MPDAF source files; else their REFSPEC.")
]
Air = Annotated[
    bool | None, typer.Option("--air/--vacuum", help="What wavelengths are of, in tables and images that do not say.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace output files that exist.")]
Prior = Annotated[
    str | None,
    typer.Option(
        metavar="KIND:Z:SIGMA|FILE",
        help="Prior on z: gaussian, lorentzian or tophat (of full width SIGMA), the same for all spectra; or a "
        "table with columns TARGETID or ID, FUNCTION, Z, SIGMA, as Redrock's; or a table with redshifts Z of sources "
        "that were selected alike.",
    ),
]

Shown = Callable[["Redshifts"], Mapping[str, Sequence[str]]]
"""Redshifts → what the summary says of each beside its name: columns of text."""


def medium(air: bool | None) -> "Medium | None":
    """Return what --air or --vacuum stand for."""
    return None if air is None else "air" if air else "vacuum"


def check_format(format: str | None) -> None:
    """Refuse a kind of file that is not known.

    Raises:
        ValueError: naming those that are.
    """
    from jaxz import io

    if format is not None and format not in io.FORMATS:
        raise ValueError(f"--format {format}: choose one of {', '.join(io.FORMATS)}")


def measure(
    inputs: Inputs,
    one_group: "Callable[[Spectra], tuple[ZScan, Redshifts]]",
    output: Path,
    *,
    options: Mapping[str, Any],
    shown: Shown,
    curves: Path | None,
    overwrite: bool,
) -> None:
    """Measure all spectra, write the catalog, say what is in it; end with exit status 1 if an input was not read.

    Args:
        inputs: the spectra.
        one_group: from a group of them to their curves and redshifts.
        output: the catalog.
        options: for the header of the catalog.
        shown: columns of the summary.
        curves: file for the curves, or None.
        overwrite: whether to replace existing files.
    """
    from jaxz import io
    from jaxz.redshift import Redshifts
    from jaxz.scan import ZScan

    found, scans = [], []
    with Progress(console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task("measuring redshifts", total=1.0)
        for group in inputs:
            scan, redshifts = one_group(group)
            found.append(redshifts)
            if curves:
                scans.append(scan)
            progress.update(task, completed=inputs.done)
    if not found:
        fail("no spectrum could be read: no catalog is written")
    redshifts = Redshifts.concatenate(found)
    header = {**options, "FORMAT": inputs.format or "", "SPENAME": inputs.spectrum or "", "MEDIUM": inputs.medium or ""}
    header["COLUMNS"] = ",".join(f"{key}={name}" for key, name in (inputs.columns or {}).items())
    with errors_in_one_line():
        io.write(redshifts, output, header=header, overwrite=overwrite)
        if curves:
            io.write_curves(ZScan.concatenate(scans), curves, overwrite=overwrite)
    _summarise(redshifts, shown, output, inputs.unreadable)
    if inputs.unreadable:
        raise typer.Exit(1)


def _summarise(redshifts: "Redshifts", shown: Shown, output: Path, unreadable: int) -> None:
    import numpy as np

    from jaxz.status import ZWarn, explain

    measured = np.isfinite(redshifts.z)
    if len(redshifts) <= LISTED:
        columns = shown(redshifts)
        lines = table("name", *columns, "warnings")
        for row in range(len(redshifts)):
            values = [column[row] if measured[row] else "–" for column in columns.values()]
            warnings = ", ".join(bit.name or "" for bit in ZWarn(int(redshifts.zwarn[row])))
            lines.add_row(redshifts.ids[row], *values, warnings)
        show(lines)
    for row in np.flatnonzero(~measured)[:LISTED]:
        say(f"{redshifts.ids[row]}: no redshift: {explain(int(redshifts.status[row]))}")
    warned = np.count_nonzero(measured & (redshifts.zwarn != 0))
    results.print(
        f"{output}: {np.count_nonzero(measured)} redshifts, {warned} of them with warnings; "
        f"{np.count_nonzero(~measured)} spectra without a redshift; {unreadable} inputs not read",
        soft_wrap=True,
    )


def digits(values: "np.ndarray", form: str) -> list[str]:
    """Return numbers as text."""
    return [format(value, form) for value in values]
