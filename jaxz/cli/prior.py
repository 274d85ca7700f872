"""`jaxz prior sky` and `jaxz prior target`: Gaussian components from spectra; `jaxz.cli.zprior` has the prior on z."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jaxz.cli import measure as common
from jaxz.cli.console import check_outputs, errors_in_one_line, fail, messages, results
from jaxz.cli.labelled import Truth, read_labelled

if TYPE_CHECKING:
    from jaxz.models import GaussianComponent
    from jaxz.spectra import Spectra

app = typer.Typer(
    help="Learn a Gaussian component from spectra: what is left of the sky, or what is searched for.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Output = Annotated[Path, typer.Option("-o", "--output", help="Write the component to this file (FITS).")]
Version = Annotated[str, typer.Option(help="Name the component.")]
Note = Annotated[str, typer.Option(help="Kept in the file: where the spectra come from, say.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")]


@app.command()
def sky(
    files: common.Files,
    output: Output,
    rank: Annotated[int, typer.Option(min=1, help="Keep so many eigenvectors.")] = 50,
    step: Annotated[float, typer.Option(help="Use a lattice of this step, in dex.")] = 5e-5,
    max_sum: Annotated[float, typer.Option(help="Leave out spectra whose flux sums to more.")] = 1e6,
    max_masked: Annotated[int, typer.Option(min=0, help="Leave out spectra that lack more lattice pixels.")] = 1000,
    outlying: Annotated[
        float, typer.Option(min=0, max=1, help="Mask wavelengths that are outliers in more than this share.")
    ] = 1 / 3,
    degree: Annotated[int, typer.Option(min=0, help="Use a whitening polynomial of this degree.")] = 4,
    name: Annotated[str, typer.Option(help="Name the component.")] = "sky",
    version: Version = "1",
    note: Note = "",
    overwrite: Overwrite = False,
) -> None:
    """Learn what the subtraction of the sky leaves, from spectra of blank sky.

    Of files that say what a fibre was on (OBJTYPE, as DESI's do), only spectra of the sky are used. An input that
    cannot be read is reported, the others are used, and the exit status is 1.

    Example: `jaxz prior sky coadd-*.fits --name my-sky -o my-sky.fits`
    """
    from jaxz import train

    with errors_in_one_line():
        check_outputs(output, overwrite=overwrite, inputs=files)
        spectra, unreadable = _blank_sky(files)
        with messages.status(f"learning from {len(spectra)} spectra"):
            component = train.sky_component(
                spectra,
                rank=rank,
                step=step,
                max_sum=max_sum,
                max_masked=max_masked,
                outlying=outlying,
                degree=degree,
                name=name,
                version=version,
            )
        _write(component, output, files, note=note, overwrite=overwrite)
    if unreadable:
        raise typer.Exit(1)


@app.command()
def target(
    files: common.Files,
    truth: Truth,
    output: Output,
    sky: Annotated[str, typer.Option(metavar="NAME|PATH", help="Take this sky component out of them.")] = "desi-sky",
    rank: Annotated[int, typer.Option(min=1, help="Keep so many eigenvectors.")] = 2,
    reference_z: Annotated[float, typer.Option("--z", help="Give the window for this redshift.")] = 2.45,
    wave: Annotated[tuple[float, float], typer.Option(metavar="Å Å", help="Window, more than the line.")] = (
        4133.0,
        4278.0,
    ),
    keep: Annotated[float, typer.Option(help="Keep this share of the spectra, those of least variance.")] = 0.75,
    name: Annotated[str, typer.Option(help="Name the component, for SUBTYPE of catalogs.")] = "target",
    spectype: Annotated[str, typer.Option(help="Name its class, for SPECTYPE of catalogs.")] = "LAE",
    version: Version = "1",
    note: Note = "",
    overwrite: Overwrite = False,
) -> None:
    """Learn what to search for, from spectra with known redshifts.

    Spectra without a known redshift are named and left out; an input that cannot be read is reported, the others are
    used, and the exit status is 1.

    Example: `jaxz prior target emitters/ --truth truth.ecsv --sky my-sky.fits --name my-lae -o my-lae.fits`
    """
    from jaxz import io, train

    with errors_in_one_line():
        check_outputs(output, overwrite=overwrite, inputs=[*files, *truth, sky])
        nuisance = io.load_component(sky)
        spectra, z, unreadable = read_labelled(files, truth)
        with messages.status(f"learning from {len(spectra)} spectra"):
            component = train.target_component(
                spectra,
                z,
                sky=nuisance,
                rank=rank,
                reference_z=reference_z,
                wave=wave,
                keep=keep,
                name=name,
                version=version,
                spectype=spectype,
            )
        _write(component, output, files, truth, note=note, overwrite=overwrite)
    if unreadable:
        raise typer.Exit(1)


def _blank_sky(files: Sequence[Path]) -> "tuple[Spectra, int]":
    """Return the spectra of files that are not known to be of something else, and how many inputs were unreadable."""
    import numpy as np

    from jaxz.cli.inputs import read_files

    spectra, unreadable = read_files(files)
    if "FIBERMAP.OBJTYPE" in spectra.meta:
        objtype = np.char.strip(spectra.meta["FIBERMAP.OBJTYPE"].astype(str))
        use = np.isin(objtype, ["SKY", ""])
        if not use.any():
            fail(f"none of {len(spectra)} spectra is of the sky: their OBJTYPE is {', '.join(np.unique(objtype))}")
        spectra = spectra[use]
    return spectra, unreadable


def _write(
    component: "GaussianComponent",
    output: Path,
    files: Sequence[Path],
    truth: Sequence[Path] = (),
    *,
    note: str,
    overwrite: bool,
) -> None:
    """Write a component with where it comes from, in its header and in what `read_component` returns, and say so."""
    from jaxz import __version__, io

    origin = {"SOURCES": ", ".join(path.name for path in files), "RANK": str(len(component)), "MADEBY": __version__}
    if truth:
        origin["TRUTH"] = ", ".join(path.name for path in truth)
    if note:
        origin["NOTE"] = note
    provenance = {**component.provenance, **origin}
    io.write_component(
        dataclasses.replace(component, provenance=provenance), output, header=provenance, overwrite=overwrite
    )
    wave = component.grid.wave
    results.print(
        f"{output}: {len(component)} vectors from {provenance['NUSED']} of {provenance['NSPEC']} spectra, "
        f"{wave[0]:.0f} to {wave[-1]:.0f} Å",
        soft_wrap=True,
    )
