"""What the commands that measure redshifts have in common: options, the run, the summary."""

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from jaxz.cli.console import check_names, check_outputs, errors_in_one_line, results, say
from jaxz.cli.interrupt import ends_at_once
from jaxz.cli.summary import Shown, summarise

if TYPE_CHECKING:
    from jaxz.batch import Choice, Execute, Job, Method
    from jaxz.io.wavelengths import Medium
    from jaxz.models import AbstractModel

Files = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Spectrum files, or folders of them.")]
Output = Annotated[
    Path, typer.Option("-o", "--output", help="Write the catalog to this file: FITS, or Parquet if its name ends so.")
]
Zmin = Annotated[float, typer.Option(help="Try no redshift below this.")]
Zmax = Annotated[float, typer.Option(help="Try no redshift above this.")]
Nminima = Annotated[
    int, typer.Option(min=1, max=100, help="Look closely at so many candidate redshifts, and report them.")
]
BatchSize = Annotated[int, typer.Option(min=1, help="Have so many spectra on the device at a time.")]
Precision = Annotated[
    Literal["float32", "mixed", "float64"] | None,
    typer.Option(
        help="Of the scan; the fastest on this device if absent. Redshifts are refined in float64 in any case."
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        metavar="KIND", help="Take files to be of this kind, where it should not be recognised from the contents."
    ),
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

Targetids = Annotated[
    str | None, typer.Option(metavar="N,N,…", help="Measure only spectra with these TARGETIDs.  [all]")
]
Ids = Annotated[str | None, typer.Option(metavar="NAME,…", help="Measure only spectra with these names.  [all]")]
Mintarget = Annotated[
    int, typer.Option(min=0, help="Begin each file with the spectrum of this number, counted from 0.")
]
Ntargets = Annotated[
    int | None, typer.Option("-n", "--ntargets", min=1, help="Measure this many spectra of each file at most.  [all]")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say only what is wrong with inputs.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say what each part of the work took, too.")]


def medium(air: bool | None) -> "Medium | None":
    """Return what --air or --vacuum stand for."""
    return None if air is None else "air" if air else "vacuum"


def choice(targetids: str | None, ids: str | None, mintarget: int, ntargets: int | None) -> "Choice":
    """Return which spectra are measured.

    Raises:
        ValueError: if a TARGETID is no whole number.
    """
    from jaxz.batch import Choice

    try:
        numbers = tuple(int(number) for number in _listed(targetids))
    except ValueError as error:
        raise ValueError(f"--targetids {targetids}: give whole numbers with commas between them") from error
    return Choice(_listed(ids), numbers, mintarget, ntargets)


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


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
    choice: "Choice",
) -> "Job":
    """Return what is done with each part.

    Args:
        method: from spectra to redshifts.
        settings: what the method depends on.
        format, spectrum, air: of the files.
        columns: of their tables, as of `jaxz.io.read`.
        curves: file for the curves, or None.
        group: least number of spectra that are measured together.
        choice: of the spectra of each file.
    """
    from jaxz.batch import GROUP, Job

    return Job(
        method,
        settings,
        format,
        spectrum,
        medium(air),
        columns=columns,
        curves=curves is not None,
        group=max(GROUP, group),
        choice=choice,
    )


@dataclasses.dataclass(frozen=True)
class Conduct:
    """How a run is carried out, which its result does not depend on.

    Attributes:
        overwrite, resume, retry_failed: as of `jaxz.batch.run_job`.
        part: "i/n" of an array of jobs, or None.
        scheduler: of a Dask cluster, or None.
        quiet, verbose: whether to say little, or much.
    """

    overwrite: bool
    resume: bool
    retry_failed: bool
    part: str | None
    scheduler: str | None
    quiet: bool = False
    verbose: bool = False

    def execution(self) -> "AbstractContextManager[Execute | None]":
        """Return a context in which there is what does the parts; None is this process."""
        if self.scheduler is None:
            return nullcontext()
        from jaxz.batch.cluster import connected

        return connected(self.scheduler)


@dataclasses.dataclass(frozen=True)
class BestFits:
    """A file of best fits that is wanted.

    Attributes:
        path: of the file.
        models: that are compared.
        nth: of the candidates of each spectrum, 1 for the best.
    """

    path: Path
    models: "Sequence[AbstractModel]"
    nth: int


def measure(
    job: "Job",
    files: Sequence[Path],
    output: Path,
    *,
    shown: Shown,
    curves: Path | None,
    conduct: Conduct,
    best: BestFits | None = None,
    sources: Path | None = None,
    reads: Sequence[str | Path | None] = (),
) -> None:
    """Measure all spectra, write the catalog, say what is in it; end with exit status 1 if an input was not read.

    Args:
        job: what is done with them.
        files: and folders.
        output: the catalog.
        shown: columns of the summary.
        curves: file for the curves, or None.
        conduct: how.
        best: file for the best fits, or None.
        sources: folder for source files with their redshifts, or None.
        reads: what options name that may be a file, which no output must be.
    """
    from jaxz import io
    from jaxz.batch import Folder, expanded, run_job, write_best_fits
    from jaxz.cli.progress import Watching
    from jaxz.io.source import check_sources

    hint = f"what is finished is in {Folder(output).path}: the same command with --resume goes on"
    with errors_in_one_line(), ends_at_once(hint):
        if conduct.resume and conduct.overwrite:
            raise ValueError("--resume with --overwrite: --resume goes on with a run, --overwrite begins it anew")
        if best is not None and (conduct.part is not None or output.suffix == ".parquet"):
            raise ValueError(f"--model {best.path}: is written with a catalog (FITS), not with a part of the work")
        replaces = conduct.overwrite or conduct.retry_failed or conduct.resume
        outputs = [output, *([curves] if curves else [])]
        check_names(*outputs, overwrite=replaces)
        read = [one for one in reads if one is not None]
        for one in (*outputs, *([best.path] if best else [])):
            io.check_output(one, overwrite=True, inputs=read)
        if best is not None:
            anew = conduct.overwrite or conduct.retry_failed
            check_names(output, best.path, overwrite=True)
            check_outputs(best.path, overwrite=anew, inputs=expanded(files)[0])
        if sources is not None:
            check_sources(expanded(files)[0], sources, overwrite=conduct.overwrite)
        with conduct.execution() as execute, Watching(conduct.quiet, conduct.verbose) as watcher:
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
        if best is not None and report.rows:
            write_best_fits(job, best.models, files, output, best.path, nth=best.nth, overwrite=True)
    missing = _missing(job.choice, output) if report.complete and report.rows else []
    if report.complete:
        if missing:
            say(f"no spectrum in the inputs that were read is called {', '.join(missing)}")
        if not conduct.quiet or not report.rows:
            summarise(report, shown, output)
        if sources is not None:
            with errors_in_one_line():
                written = io.write_sources(output, sources, overwrite=conduct.overwrite)
            results.print(f"{sources}: {len(written)} sources with their redshifts", soft_wrap=True)
    elif not conduct.quiet:
        results.print(
            f"{len(report.parts)} parts are in {Folder(output).path}; when all jobs have ended: jaxz merge {output}",
            soft_wrap=True,
        )
    if report.failures or missing:
        raise typer.Exit(1)


def _missing(choice: "Choice", output: Path) -> list[str]:
    """Return the names and TARGETIDs that were asked for and are not in the catalog."""
    if not (choice.ids or choice.targetids):
        return []
    from jaxz import io

    catalog = io.read_catalog(output)
    there = {*map(str, catalog["TARGETID"]), *(str(name).strip() for name in catalog["ID"])}
    return [name for name in (*choice.ids, *map(str, choice.targetids)) if name not in there]
