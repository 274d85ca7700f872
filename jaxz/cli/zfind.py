"""`jaxz zfind`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from jaxz.cli import measure as common
from jaxz.cli.console import check_outputs, errors_in_one_line
from jaxz.cli.inputs import Inputs
from jaxz.cli.zprior import read_prior

if TYPE_CHECKING:
    from jaxz.redshift import Redshifts
    from jaxz.scan import ZScan
    from jaxz.spectra import Spectra


def zfind(
    files: common.Files,
    output: common.Output,
    zmin: common.Zmin = 0.0,
    zmax: common.Zmax = 6.7,
    basis: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="Basis by name or file; `jaxz info` lists the names.")
    ] = None,
    nminima: common.Nminima = 5,
    batch_size: common.BatchSize = 64,
    precision: common.Precision = None,
    engine: Annotated[
        Literal["fft", "direct"], typer.Option(help="All trial redshifts at once, or one after the other: same answer.")
    ] = "fft",
    weighting: Annotated[
        Literal["ivar", "uniform"], typer.Option(help="Minimise χ², or fit without weights as first published.")
    ] = "ivar",
    prior: common.Prior = None,
    curves: Annotated[
        Path | None,
        typer.Option(help="Write χ²(z) of every spectrum to this file too; takes 0.15 MB of memory for each."),
    ] = None,
    format: common.Format = None,
    spectrum: common.SpectrumName = None,
    overwrite: common.Overwrite = False,
) -> None:
    """Measure redshifts and write a catalog.

    A file that cannot be read is reported, the others go on, and the exit status is 1. A spectrum that was read but
    holds nothing to fit has a row without a redshift, and ZWARN says so.
    """
    from jaxz import io
    from jaxz.models import Trials
    from jaxz.redshift import find_redshifts
    from jaxz.scan import fastest_precision, nmf_scan

    with errors_in_one_line():
        common.check_format(format)
        model = io.load_basis(basis)
        Trials.between(zmin, zmax, model.grid.step)
        prior_of = read_prior(prior)
        check_outputs(output, *([curves] if curves else []), overwrite=overwrite)

    def one_group(group: "Spectra") -> "tuple[ZScan, Redshifts]":
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
        options = {"nminima": nminima, "prior": prior_of(group), "batch_size": batch_size}
        return scan, find_redshifts(scan, group, **options)

    options = {
        "ZMIN": zmin,
        "ZMAX": zmax,
        "NMINIMA": nminima,
        "ENGINE": engine,
        "WEIGHTS": weighting,
        "PRECIS": precision or fastest_precision(),
        "PRIOR": prior or "none",
        "BASISARG": basis or "default",
    }
    inputs = Inputs(files, format, spectrum, max(common.GROUP, batch_size))
    common.measure(
        inputs,
        one_group,
        output,
        options=options,
        shown=_columns,
        curves=curves,
        overwrite=overwrite,
    )


def _columns(redshifts: "Redshifts") -> dict[str, list[str]]:
    return {
        "z": common.digits(redshifts.z, ".6f"),
        "error": common.digits(redshifts.zerr, ".6f"),
        "Δχ²": common.digits(redshifts.deltachi2, ".1f"),
    }
