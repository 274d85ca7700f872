"""`jaxz simulate`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from jaxz.cli.console import check_outputs, errors_in_one_line, messages, results


def simulate(
    instrument: Annotated[Literal["muse", "desi", "vimos"], typer.Argument(help="Whose pixels, resolution and noise.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write (FITS), with spectra and truth.")],
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="Spectra.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the random numbers.")] = 1,
    zmin: Annotated[float, typer.Option(help="Lowest redshift.")] = 0.0,
    zmax: Annotated[float, typer.Option(help="Highest redshift.")] = 6.7,
    depth: Annotated[float, typer.Option(help="What the S/N of a deep field is multiplied with.")] = 1.0,
    blank: Annotated[float, typer.Option(help="Share of spectra without a galaxy, 0 to 1.")] = 0.0,
    artefacts: Annotated[
        bool, typer.Option("--artefacts", help="Add sky residuals, distorted ends and negative flux.")
    ] = False,
    populations: Annotated[
        Path | None, typer.Option(help="Stellar populations (FITS, as pyplatefit's); analytic shapes if absent.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Simulate galaxies of a deep field: write their spectra, and the truth for `jaxz evaluate`."""
    from jaxz import io, mock

    with errors_in_one_line():
        check_outputs(output, overwrite=overwrite)
        stars = None if populations is None else io.read_populations(populations)
        with messages.status(f"simulating {number} spectra"):
            spectra, truth = mock.survey(
                mock.INSTRUMENTS[instrument](),
                number,
                seed=seed,
                populations=stars,
                zmin=zmin,
                zmax=zmax,
                artefacts=artefacts,
                blank=blank,
                depth=depth,
            )
        options = {
            "INSTRUME": instrument,
            "SEED": seed,
            "ZMIN": zmin,
            "ZMAX": zmax,
            "DEPTH": depth,
            "NBLANK": blank,
            "ARTEFACT": artefacts,
            "STARS": "analytic" if populations is None else populations.name,
        }
        io.write_survey(spectra, truth, output, header=options, overwrite=overwrite)
    empty = int((truth.type == mock.BLANK).sum())
    results.print(f"{output}: {number - empty} galaxies and {empty} blank spectra of {instrument}", soft_wrap=True)
