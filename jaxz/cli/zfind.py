"""`jaxz zfind`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.progress import Progress

from jaxz.cli.console import check_outputs, errors_in_one_line, fail, messages, results, say, show, table
from jaxz.cli.inputs import Inputs
from jaxz.cli.zprior import read_prior

if TYPE_CHECKING:
    from jaxz.redshift import Redshifts

GROUP = 512
"""Spectra that are read, scanned and refined before the next are read. Only their results are kept."""

LISTED = 20
"""Redshifts that the command prints at most; the catalog holds all."""


def zfind(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Spectrum files, or folders of them.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Catalog to write (FITS).")],
    zmin: Annotated[float, typer.Option(help="Lowest trial redshift.")] = 0.0,
    zmax: Annotated[float, typer.Option(help="Highest trial redshift.")] = 6.7,
    basis: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="Basis by name or file; `jaxz info` lists the names.")
    ] = None,
    nminima: Annotated[int, typer.Option(min=1, help="Candidate redshifts to look at closely and report.")] = 5,
    batch_size: Annotated[int, typer.Option(min=1, help="Spectra on the device at a time.")] = 64,
    precision: Annotated[
        Literal["float32", "float64"], typer.Option(help="Of the scan; redshifts are refined in float64 in any case.")
    ] = "float32",
    engine: Annotated[
        Literal["fft", "direct"], typer.Option(help="All trial redshifts at once, or one after the other: same answer.")
    ] = "fft",
    weighting: Annotated[
        Literal["ivar", "uniform"], typer.Option(help="Minimise χ², or fit without weights as first published.")
    ] = "ivar",
    prior: Annotated[
        str | None,
        typer.Option(
            metavar="KIND:Z:SIGMA|FILE",
            help="Prior on z: gaussian, lorentzian or tophat (of full width SIGMA), the same for all spectra; or a "
            "table with columns TARGETID or ID, FUNCTION, Z, SIGMA, as Redrock's.",
        ),
    ] = None,
    curves: Annotated[
        Path | None,
        typer.Option(help="Write χ²(z) of every spectrum to this file too; takes 0.15 MB of memory for each."),
    ] = None,
    format: Annotated[
        str | None, typer.Option(metavar="KIND", help="Kind of the files, where recognising it is not wanted.")
    ] = None,
    spectrum: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which spectrum of MPDAF source files; else their REFSPEC.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace output files that exist.")] = False,
) -> None:
    """Measure redshifts and write a catalog.

    A file that cannot be read is reported, the others go on, and the exit status is 1. A spectrum that was read but
    holds nothing to fit has a row without a redshift, and ZWARN says so.
    """
    from jaxz import io
    from jaxz.redshift import Redshifts, find_redshifts
    from jaxz.scan import ZScan, nmf_scan, trial_shifts

    with errors_in_one_line():
        if format is not None and format not in io.FORMATS:
            raise ValueError(f"--format {format}: choose one of {', '.join(io.FORMATS)}")
        model = io.load_basis(basis)
        trial_shifts(zmin, zmax, model.grid.step)
        prior_of = read_prior(prior)
        check_outputs(output, *([curves] if curves else []), overwrite=overwrite)
    inputs = Inputs(files, format, spectrum, max(GROUP, batch_size))
    found, scans = [], []
    with Progress(console=messages, transient=True, disable=not messages.is_terminal) as progress:
        task = progress.add_task("measuring redshifts", total=1.0)
        for group in inputs:
            scan = nmf_scan(
                group,
                model,
                zmin=zmin,
                zmax=zmax,
                engine=engine,
                weighting=weighting,
                precision=precision,
                batch_size=batch_size,
            )
            found.append(
                find_redshifts(scan, group, model, nminima=nminima, prior=prior_of(group), batch_size=batch_size)
            )
            if curves:
                scans.append(scan)
            progress.update(task, completed=inputs.done)
    if not found:
        fail("no spectrum could be read: no catalog is written")
    redshifts = Redshifts.concatenate(found)
    options = {
        "ZMIN": zmin,
        "ZMAX": zmax,
        "NMINIMA": nminima,
        "ENGINE": engine,
        "WEIGHTS": weighting,
        "PRECIS": precision,
        "PRIOR": prior or "none",
        "BASISARG": basis or "default",
        "FORMAT": format or "",
        "SPENAME": spectrum or "",
    }
    with errors_in_one_line():
        io.write(redshifts, output, basis=model, header=options, overwrite=overwrite)
        if curves:
            io.write_curves(ZScan.concatenate(scans), curves, overwrite=overwrite)
    _summarise(redshifts, output, inputs.unreadable)
    if inputs.unreadable:
        raise typer.Exit(1)


def _summarise(redshifts: "Redshifts", output: Path, unreadable: int) -> None:
    import numpy as np

    from jaxz.status import ZWarn, explain

    measured = np.isfinite(redshifts.z)
    if len(redshifts) <= LISTED:
        shown = table("name", "z", "error", "Δχ²", "warnings")
        for row in range(len(redshifts)):
            if measured[row]:
                values = f"{redshifts.z[row]:.6f}", f"{redshifts.zerr[row]:.6f}", f"{redshifts.deltachi2[row]:.1f}"
            else:
                values = "–", "–", "–"
            shown.add_row(
                redshifts.ids[row], *values, ", ".join(bit.name or "" for bit in ZWarn(int(redshifts.zwarn[row])))
            )
        show(shown)
    for row in np.flatnonzero(~measured)[:LISTED]:
        say(f"{redshifts.ids[row]}: no redshift: {explain(int(redshifts.status[row]))}")
    warned = np.count_nonzero(measured & (redshifts.zwarn != 0))
    results.print(
        f"{output}: {np.count_nonzero(measured)} redshifts, {warned} of them with warnings; "
        f"{np.count_nonzero(~measured)} spectra without a redshift; {unreadable} inputs not read",
        soft_wrap=True,
    )
