"""`jaxz crossval`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from jaxz.cli import measure as common
from jaxz.cli.console import check_outputs, errors_in_one_line, messages, results, show, table
from jaxz.cli.labelled import Truth, read_labelled
from jaxz.cli.plot import save_figure
from jaxz.cli.train import FINAL_ITER, FLOOR, STAGE_ITER, STEP


def crossval(
    files: common.Files,
    truth: Truth,
    ranks: Annotated[str, typer.Option(metavar="FIRST:LAST", help="Try these numbers of vectors.")] = "6:13",
    nfolds: Annotated[
        int, typer.Option("--folds", min=2, help="Deal the spectra into so many parts, each of which is held out once.")
    ] = 5,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write a figure to this file (png, pdf, svg).")
    ] = None,
    zmin: Annotated[float, typer.Option(help="Try no redshift below this.")] = 0.0,
    zmax: Annotated[float, typer.Option(help="Try no redshift above this.")] = 6.7,
    start: Annotated[str | None, typer.Option(metavar="NAME|PATH", help="Start from this basis.")] = None,
    step: Annotated[float, typer.Option(help="Use a lattice of this step, in dex.")] = STEP,
    floor: Annotated[float, typer.Option(help="Add this share of the flux to its error.")] = FLOOR,
    stage_iter: Annotated[
        int, typer.Option("--iterations", min=1, help="Iterate at most so often for each vector that is added.")
    ] = STAGE_ITER,
    final_iter: Annotated[
        int, typer.Option("--final-iterations", min=0, help="Iterate at most so often in the last pass.")
    ] = FINAL_ITER,
    seed: Annotated[int, typer.Option(min=0, help="Draw folds and the random start with this seed.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a figure that exists.")] = False,
) -> None:
    """Choose the number of vectors: how good are bases of several ranks on spectra they were not learned from?

    The spectra are dealt into folds of the same redshift distribution. For each fold, bases are learned from the
    others, and the redshifts of its spectra are found with them.

    Example: `jaxz crossval spectra/ --truth truth.ecsv --ranks 6:13 -o ranks.png`
    """
    import jax
    import numpy as np

    from jaxz import io
    from jaxz.plot import plot_crossval
    from jaxz.train import Training, crossval as validated

    with errors_in_one_line():
        wanted = _ranks(ranks)
        if output is not None:
            check_outputs(output, overwrite=overwrite, inputs=[*files, *truth])
        first = None if start is None else io.load_basis(start)
        spectra, z, unreadable = read_labelled(files, truth)
        with Progress(console=messages, transient=True, disable=not messages.is_terminal) as progress:
            task = progress.add_task("cross-validating", total=None)
            found = validated(
                spectra,
                z,
                ranks=wanted,
                key=jax.random.key(seed),
                nfolds=nfolds,
                zmin=zmin,
                zmax=zmax,
                start=first,
                training=Training(step=step, error_floor=floor, stage_iter=stage_iter, final_iter=final_iter),
                callback=lambda done, total: progress.update(task, completed=done, total=total),
            )
    good, mae = found.good_fraction, found.mae
    shown = table("rank", "good fraction", "± between folds", "mean |Δz|/(1+z)", "± between folds")
    for row, rank in enumerate(found.ranks):
        cells = (good[row].mean(), good[row].std(ddof=1), np.nanmean(mae[row]), np.nanstd(mae[row], ddof=1))
        shown.add_row(str(rank), *(f"{cells[0]:.4f}", f"{cells[1]:.4f}", f"{cells[2]:.2e}", f"{cells[3]:.1e}"))
    show(shown)
    results.print(f"{len(spectra)} spectra, {nfolds} folds", soft_wrap=True)
    if output is not None:
        save_figure(plot_crossval(found.ranks, good, mae), output, overwrite=overwrite)
        results.print(f"picture: {output}", soft_wrap=True)
    if unreadable:
        raise typer.Exit(1)


def _ranks(text: str) -> list[int]:
    first, _, last = text.partition(":")
    try:
        wanted = list(range(int(first), int(last or first) + 1))
    except ValueError:
        wanted = []
    if not wanted or wanted[0] < 1:
        raise ValueError(f"--ranks {text}: give FIRST:LAST, for example 6:13")
    return wanted
