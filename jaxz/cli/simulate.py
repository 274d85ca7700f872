"""`jaxz simulate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from jaxz.cli.console import check_outputs, errors_in_one_line, messages, results

if TYPE_CHECKING:
    from jaxz.mock import Truth
    from jaxz.spectra import Spectra

REDSHIFTS = {"desi-lae": (2.0, 4.0)}
"""Ranges where they are not 0 to 6.7."""

TAKES = {"desi-sky": (), "desi-lae": ("zmin", "zmax", "populations")}
"""Options of the samples that do not take all."""

DEPTH, BLANK = 1.0, 0.0


def simulate(
    sample: Annotated[
        Literal["muse", "desi", "vimos", "desi-sky", "desi-lae"],
        typer.Argument(help="Galaxies in an instrument's pixels and noise; blank sky, or Lyα emitters, of DESI."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Write spectra and truth to this file (FITS).")],
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="Simulate so many spectra.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Draw random numbers with this seed.")] = 1,
    zmin: Annotated[float | None, typer.Option(help="Lowest redshift: 0, for desi-lae 2.")] = None,
    zmax: Annotated[float | None, typer.Option(help="Highest redshift: 6.7, for desi-lae 4.")] = None,
    depth: Annotated[float, typer.Option(help="Multiply the S/N of a deep field with this.")] = DEPTH,
    blank: Annotated[float, typer.Option(help="Leave this share of the spectra without a galaxy, 0 to 1.")] = BLANK,
    artefacts: Annotated[
        bool, typer.Option("--artefacts", help="Add sky residuals, distorted ends and negative flux.")
    ] = False,
    populations: Annotated[
        Path | None, typer.Option(help="Stellar populations (FITS, as pyplatefit's); analytic shapes if absent.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that exists.")] = False,
) -> None:
    """Simulate spectra, and write them with the truth for `jaxz evaluate`.

    **muse**, **desi**, **vimos**: galaxies of a deep field. **desi-sky**: blank sky with what its subtraction leaves,
    for `jaxz prior sky`. **desi-lae**: Lyα emitters on such sky, for `jaxz prior target`; their Z is that of the peak
    of Lyα.

    Example: `jaxz simulate muse -n 1000 --seed 1 -o muse.fits`
    """
    from jaxz import io, mock

    default = REDSHIFTS.get(sample, (0.0, 6.7))
    low, high = default[0] if zmin is None else zmin, default[1] if zmax is None else zmax
    given = {
        "zmin": zmin is not None,
        "zmax": zmax is not None,
        "depth": depth != DEPTH,
        "blank": blank != BLANK,
        "artefacts": artefacts,
        "populations": populations is not None,
    }
    with errors_in_one_line():
        check_outputs(output, overwrite=overwrite, inputs=[populations])
        useless = [name for name, there in given.items() if there and name not in TAKES.get(sample, given)]
        if useless:
            raise ValueError(f"{sample} takes no --{', no --'.join(useless)}: leave that out")
        stars = None if populations is None else io.read_populations(populations)
        instrument = mock.INSTRUMENTS[sample.split("-")[0]]()
        options: dict[str, Any] = {"INSTRUME": sample, "SEED": seed}
        if sample != "desi-sky":
            options |= {"ZMIN": low, "ZMAX": high, "STARS": "analytic" if populations is None else populations.name}
        with messages.status(f"simulating {number} spectra"):
            spectra: Spectra
            truth: Truth
            if sample == "desi-sky":
                spectra, truth = mock.sky_spectra(instrument, number, seed=seed)
            elif sample == "desi-lae":
                spectra, truth = mock.emitter_spectra(
                    instrument, number, seed=seed, zmin=low, zmax=high, populations=stars
                )
            else:
                options |= {"DEPTH": depth, "NBLANK": blank, "ARTEFACT": artefacts}
                spectra, truth = mock.survey(
                    instrument,
                    number,
                    seed=seed,
                    populations=stars,
                    zmin=low,
                    zmax=high,
                    artefacts=artefacts,
                    blank=blank,
                    depth=depth,
                )
        io.write_survey(spectra, truth, output, header=options, overwrite=overwrite)
    empty = int((truth.type == mock.BLANK).sum())
    results.print(f"{output}: {number - empty} galaxies and {empty} blank spectra of {instrument.name}", soft_wrap=True)
