"""What the commands that measure redshifts have in common: options, the run, the summary."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from jaxz.cli.console import check_names, errors_in_one_line, fail, results, say, show, table
from jaxz.cli.interrupt import ends_at_once

if TYPE_CHECKING:
    from astropy.table import Table

    from jaxz.batch import Execute, Job, Method, Report
    from jaxz.io.wavelengths import Medium

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

Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with a run that was stopped, from the parts that it finished.")
]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Read again what an earlier run could not, and replace its catalog.")
]
PartOf = Annotated[
    str | None,
    typer.Option("--part", metavar="I/N", help="Do the I-th of N shares of the work, for `jaxz merge` to join."),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS|local:N", help="Dask cluster that does the work, or N processes on this machine.  [none]"
    ),
]

Shown = Callable[["Table"], Mapping[str, Sequence[str]]]
"""Catalog → what the summary says of each spectrum beside its name: columns of text."""


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


def job(
    method: "Method",
    settings: dict[str, Any],
    *,
    format: str | None,
    spectrum: str | None,
    air: bool | None,
    columns: Mapping[str, str],
    curves: Path | None,
    group: int,
) -> "Job":
    """Return what is done with each part.

    Args:
        method: from spectra to redshifts.
        settings: what the result depends on.
        format, spectrum, air: of the files.
        columns: of their tables, as of `jaxz.io.read`.
        curves: file for the curves, or None.
        group: least number of spectra that are measured together.
    """
    from jaxz.batch import GROUP, Job

    settings = {
        **settings,
        "FORMAT": format or "",
        "SPENAME": spectrum or "",
        "MEDIUM": medium(air) or "",
        "COLUMNS": ",".join(f"{key}={name}" for key, name in columns.items()),
        "CURVES": curves is not None,
    }
    return Job(
        method,
        settings,
        format,
        spectrum,
        medium(air),
        columns=columns,
        curves=curves is not None,
        group=max(GROUP, group),
    )


@dataclasses.dataclass(frozen=True)
class Conduct:
    """How a run is carried out, which its result does not depend on.

    Attributes:
        overwrite, resume, retry_failed: as of `jaxz.batch.run_job`.
        part: "i/n" of an array of jobs, or None.
        scheduler: of a Dask cluster, or None.
    """

    overwrite: bool
    resume: bool
    retry_failed: bool
    part: str | None
    scheduler: str | None

    def execution(self) -> "AbstractContextManager[Execute | None]":
        """Return a context in which there is what does the parts; None is this process."""
        if self.scheduler is None:
            return nullcontext()
        from jaxz.batch.cluster import connected

        return connected(self.scheduler)


def measure(
    job: "Job",
    files: Sequence[Path],
    output: Path,
    *,
    shown: Shown,
    curves: Path | None,
    conduct: Conduct,
    sources: Path | None = None,
) -> None:
    """Measure all spectra, write the catalog, say what is in it; end with exit status 1 if an input was not read.

    Args:
        job: what is done with them.
        files: and folders.
        output: the catalog.
        shown: columns of the summary.
        curves: file for the curves, or None.
        conduct: how.
        sources: folder for source files with their redshifts, or None.
    """
    from jaxz import io
    from jaxz.batch import Folder, run_job
    from jaxz.cli.progress import Watching

    hint = f"what is finished is in {Folder(output).path}: the same command with --resume goes on"
    with errors_in_one_line(), ends_at_once(hint):
        if conduct.resume and conduct.overwrite:
            raise ValueError("--resume with --overwrite: --resume goes on with a run, --overwrite begins it anew")
        replaces = conduct.overwrite or conduct.retry_failed or conduct.resume
        check_names(output, *([curves] if curves else []), overwrite=replaces)
        with conduct.execution() as execute, Watching() as watcher:
            report = run_job(
                job,
                files,
                output,
                curves=curves,
                resume=conduct.resume,
                retry_failed=conduct.retry_failed,
                part=conduct.part,
                overwrite=conduct.overwrite,
                execute=execute,
                watcher=watcher,
            )
    if report.complete:
        summarise(report, shown, output)
        if sources is not None:
            with errors_in_one_line():
                written = io.write_sources(output, sources, overwrite=conduct.overwrite)
            results.print(f"{sources}: {len(written)} sources with their redshifts", soft_wrap=True)
    else:
        results.print(
            f"{len(report.parts)} parts are in {Folder(output).path}; when all jobs have ended: jaxz merge {output}",
            soft_wrap=True,
        )
    if report.failures:
        raise typer.Exit(1)


def summarise(report: "Report", shown: Shown, output: Path) -> None:
    """Say what a run did, with a line for each spectrum if they are few."""
    from jaxz import io
    from jaxz.batch import Folder
    from jaxz.status import ZWarn

    if not report.rows:
        fail("no spectrum could be read: no catalog is written")
    if report.rows <= LISTED:
        catalog = io.read_catalog(output)
        columns = shown(catalog)
        lines = table("name", *columns, "warnings")
        for row in range(len(catalog)):
            measured = catalog["Z"][row] == catalog["Z"][row]
            values = [column[row] if measured else "–" for column in columns.values()]
            warnings = ", ".join(bit.name or "" for bit in ZWarn(int(catalog["ZWARN"][row])))
            lines.add_row(str(catalog["ID"][row]), *values, warnings)
        show(lines)
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
