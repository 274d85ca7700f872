"""`jaxz train`."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from jaxz.cli import measure as common
from jaxz.cli.console import check_outputs, errors_in_one_line, messages, results
from jaxz.cli.fine_tuning import check_tuning, fine_tuned
from jaxz.cli.labelled import Truth, read_labelled

STEP, FLOOR, STAGE_ITER, FINAL_ITER = 5e-5, 0.1, 30, 60
"""Those of `jaxz.train.Training`, which is slow to load."""

EPOCHS = 20
"""That of `jaxz.train.Tuning`."""

DEFAULT_RANK = 10


def train(
    files: common.Files,
    truth: Truth,
    output: Annotated[Path, typer.Option("-o", "--output", help="Write the basis to this file (FITS).")],
    rank: Annotated[
        int | None,
        typer.Option(
            min=1, help="Number of vectors to fit; 10 if absent, and with --start and --fine-tune no fit is made then."
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH", help="Basis to start from; with few or noisy spectra the one in the package."
        ),
    ] = None,
    step: Annotated[float, typer.Option(help="Use a lattice of this step, in dex.")] = STEP,
    floor: Annotated[float, typer.Option(help="Add this share of the flux to its error.")] = FLOOR,
    stage_iter: Annotated[
        int, typer.Option("--iterations", min=1, help="Iterate at most so often for each vector that is added.")
    ] = STAGE_ITER,
    final_iter: Annotated[
        int, typer.Option("--final-iterations", min=0, help="Iterate at most so often in the last pass.")
    ] = FINAL_ITER,
    seed: Annotated[int, typer.Option(min=0, help="Draw the random start with this seed.")] = 0,
    name: Annotated[str, typer.Option(help="Name the basis, for catalogs.")] = "LEARNED",
    version: Annotated[str, typer.Option(help="Give the basis this version.")] = "1",
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="Keep the state in this file (.npz), that of fine-tuning in NAME-tuned.npz beside it; a run that "
            "was interrupted goes on from there."
        ),
    ] = None,
    fine_tune: Annotated[
        bool,
        typer.Option(
            "--fine-tune", help="Learn an error model and a calibration for it, by the log score of redshifts."
        ),
    ] = False,
    fine_tune_basis: Annotated[
        bool, typer.Option("--fine-tune-basis", help="The same, and smooth changes of the basis.")
    ] = False,
    epochs: Annotated[
        int, typer.Option(min=1, help="Let fine-tuning pass over the spectra so often at most.")
    ] = EPOCHS,
    zmin: common.Zmin = 0.0,
    zmax: common.Zmax = 6.7,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a basis file that exists.")] = False,
) -> None:
    """Learn a basis from spectra with known redshifts, and what to use it with.

    Spectra without a known redshift are named and left out; an input that cannot be read is reported, the others are
    used, and the exit status is 1.

    Example: `jaxz train spectra/ --truth truth.ecsv --rank 10 -o basis.fits`
    """
    import jax

    from jaxz import io
    from jaxz.train import Step, Training, Tuning, fit_basis

    training = Training(step=step, error_floor=floor, stage_iter=stage_iter, final_iter=final_iter)
    tuning = Tuning(zmin=zmin, zmax=zmax, epochs=epochs)
    key, tunes = jax.random.key(seed), fine_tune or fine_tune_basis
    with errors_in_one_line():
        check_outputs(output, overwrite=overwrite, inputs=[*files, *truth, start])
        first = None if start is None else io.load_basis(start)
        fits = first is None or rank is not None or not tunes
        spectra, z, unreadable = read_labelled(files, truth)
        if tunes:
            check_tuning(spectra, z, tuning)
        basis, cards = first, {}
        if fits:
            with Progress(console=messages, transient=True, disable=not messages.is_terminal) as progress:
                task = progress.add_task("learning", total=None)

                def show(now: Step) -> None:
                    text = f"{now.rank} vectors, χ² per pixel {now.chi2:.4f}"
                    progress.update(task, completed=now.done, total=now.total, description=text)

                basis = fit_basis(
                    spectra,
                    z,
                    rank=rank or DEFAULT_RANK,
                    key=key,
                    start=first,
                    training=training,
                    checkpoint=checkpoint,
                    callback=show,
                )
            cards |= {"FLOOR": floor, "NITER": stage_iter, "NFINAL": final_iter}
        assert basis is not None
        complete = True
        if tunes:
            begin = None if start is None else io.load_numbers(start)
            kept = None if checkpoint is None else checkpoint.with_name(f"{checkpoint.stem}-tuned.npz")
            basis, numbers, complete = fine_tuned(
                spectra, z, basis, begin, tuning, key=key, train_basis=fine_tune_basis, checkpoint=kept
            )
            cards |= {"TUNED": "numbers and basis" if fine_tune_basis else "numbers"} | numbers.cards()
        basis = dataclasses.replace(basis, name=name, version=version)
        sources = ", ".join(path.name for path in files)
        provenance = {"SPECTRA": len(spectra), "SOURCES": sources, "START": start or "none", "SEED": seed}
        io.write_basis(basis, output, header=provenance | cards, overwrite=overwrite)
    wave = basis.grid.wave
    results.print(
        f"{output}: {len(basis)} vectors from {len(spectra)} spectra, rest frame {wave[0]:.0f} to {wave[-1]:.0f} Å",
        soft_wrap=True,
    )
    if unreadable or not complete:
        raise typer.Exit(1)
