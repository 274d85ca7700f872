"""`jaxz merge`."""

from pathlib import Path
from typing import Annotated

import typer

from jaxz.cli import measure as common, zfind
from jaxz.cli.console import errors_in_one_line
from jaxz.cli.summary import summarise


def merge(
    output: Annotated[Path, typer.Argument(help="The catalog, as it was given to the jobs.")],
    curves: Annotated[Path | None, typer.Option(help="File for χ²(z), if the jobs were given --curves.")] = None,
    overwrite: common.Overwrite = False,
) -> None:
    """Join what the jobs of an array, `jaxz zfind --part I/N` or `jaxz lae --part I/N`, have measured.

    Parts that are missing are named; the jobs that were to make them can be run again.

    Example: `jaxz merge redshifts.fits`
    """
    from jaxz.batch import merge as merged

    with errors_in_one_line():
        report = merged(output, curves=curves, overwrite=overwrite)
    summarise(report, zfind.shown, output)
    if report.failures:
        raise typer.Exit(1)
