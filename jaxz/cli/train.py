"""`jaxz train`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from jaxz.cli.console import check_outputs, errors_in_one_line, messages, results
from jaxz.cli.labelled import read_labelled
from jaxz.train import Training

DEFAULT = Training()


def train(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Spectrum files, or folders of them.")],
    truth: Annotated[
        list[Path], typer.Option(help="Table (FITS, ECSV, CSV) with ID or TARGETID, and the true Z; may be repeated.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Basis file to write (FITS).")],
    rank: Annotated[int, typer.Option(min=1, help="Number of vectors.")] = 10,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH", help="Basis to start from; with few or noisy spectra the one in the package."
        ),
    ] = None,
    step: Annotated[float, typer.Option(help="Of the lattice, dex.")] = DEFAULT.step,
    floor: Annotated[float, typer.Option(help="Error floor, as a share of the flux.")] = DEFAULT.error_floor,
    stage_iter: Annotated[
        int, typer.Option("--iterations", min=1, help="Iterations for each vector that is added.")
    ] = DEFAULT.stage_iter,
    final_iter: Annotated[
        int, typer.Option("--final-iterations", min=0, help="Iterations of the last pass.")
    ] = DEFAULT.final_iter,
    seed: Annotated[int, typer.Option(min=0, help="Of the random start.")] = 0,
    name: Annotated[str, typer.Option(help="Of the basis, for catalogs.")] = "LEARNED",
    version: Annotated[str, typer.Option(help="Of the basis.")] = "1",
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Keep the state in this file (.npz); a run that was interrupted goes on from it."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a basis file that exists.")] = False,
) -> None:
    """Learn a basis from spectra with known redshifts.

    Spectra without a known redshift are named and left out; an input that cannot be read is reported, the others are
    used, and the exit status is 1.
    """
    import jax

    from jaxz import io
    from jaxz.train import Step, fit_basis

    training = DEFAULT._replace(step=step, error_floor=floor, stage_iter=stage_iter, final_iter=final_iter)
    with errors_in_one_line():
        check_outputs(output, overwrite=overwrite)
        first = None if start is None else io.load_basis(start)
        spectra, z, unreadable = read_labelled(files, truth)
        with Progress(console=messages, transient=True, disable=not messages.is_terminal) as progress:
            task = progress.add_task("learning", total=None)

            def show(now: Step) -> None:
                text = f"{now.rank} vectors, χ² per pixel {now.chi2:.4f}"
                progress.update(task, completed=now.done, total=now.total, description=text)

            basis = fit_basis(
                spectra,
                z,
                rank=rank,
                key=jax.random.key(seed),
                start=first,
                training=training,
                name=name,
                version=version,
                checkpoint=checkpoint,
                callback=show,
            )
        provenance = {
            "SPECTRA": len(spectra),
            "SOURCES": ", ".join(path.name for path in files),
            "START": start or "none",
            "FLOOR": floor,
            "NITER": stage_iter,
            "NFINAL": final_iter,
            "SEED": seed,
        }
        io.write_basis(basis, output, header=provenance, overwrite=overwrite)
    wave = basis.grid.wave
    results.print(
        f"{output}: {len(basis)} vectors from {len(spectra)} spectra, rest frame {wave[0]:.0f} to {wave[-1]:.0f} Å",
        soft_wrap=True,
    )
    if unreadable:
        raise typer.Exit(1)
