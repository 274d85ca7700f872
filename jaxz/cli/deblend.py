"""`jaxz deblend`."""

import dataclasses
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from jaxz.cli import measure as common
from jaxz.cli.columns import Columns, chosen_columns
from jaxz.cli.console import errors_in_one_line
from jaxz.cli.summary import digits

if TYPE_CHECKING:
    from astropy.table import Table

    from jaxz._typing import Device
    from jaxz.redshift import Redshifts
    from jaxz.run import Progress
    from jaxz.scan import ZScan
    from jaxz.spectra import Spectra


def deblend(
    files: common.Files,
    output: common.Output,
    first: Annotated[
        Literal["lines", "model", "basis"],
        typer.Option(
            help="What the galaxy that is found first is in the second search: its best fit by the basis with its "
            "lines and continuum fitted one by one, the former alone, or the whole basis at its redshift."
        ),
    ] = "lines",
    count: Annotated[int, typer.Option(min=2, help="Redshifts to look for in each spectrum.")] = 2,
    zmin: common.Zmin = 0.0,
    zmax: common.Zmax = 6.7,
    nminima: common.Nminima = 5,
    batch_size: common.BatchSize = 64,
    format: common.Format = None,
    spectrum: common.SpectrumName = None,
    air: common.Air = None,
    columns: Columns = None,
    targetids: common.Targetids = None,
    ids: common.Ids = None,
    mintarget: common.Mintarget = 0,
    ntargets: common.Ntargets = None,
    quiet: common.Quiet = False,
    verbose: common.Verbose = False,
    overwrite: common.Overwrite = False,
    resume: common.Resume = False,
    retry_failed: common.RetryFailed = False,
    part: common.PartOf = None,
    scheduler: common.Scheduler = None,
) -> None:
    """Look for a second redshift in each spectrum, and say how probable it is that there is one.

    The catalog is that of `jaxz zfind`, with the columns Z2, Z2ERR, DELTACHI2_2, by which a galaxy at Z2 improves the
    fit, and PBLEND, the probability that the spectrum is one of two galaxies. Z2 is the best second redshift, however
    improbable. Pixels within 10 Å of a strong line of the first do not count.

    Example: `jaxz deblend spectra/ -o blends.fits`
    """
    from jaxz.batch import made_with
    from jaxz.blends import deblend
    from jaxz.classes import candidates, classified
    from jaxz.models import ErrorModel

    with errors_in_one_line():
        common.check_format(format)
        chosen = chosen_columns(columns)
        some = common.choice(targetids, ids, mintarget, ntargets)
        models = candidates(zmin, zmax, error=ErrorModel())

    def method(
        spectra: "Spectra", *, devices: "list[Device] | None", progress: "Progress | None"
    ) -> "tuple[list[ZScan], Redshifts]":
        where = {"batch_size": batch_size, "devices": devices}
        curves, best = classified(spectra, models, nminima=nminima, progress=progress, **where)
        found = deblend(spectra, best, first=first, count=count, zmin=zmin, zmax=zmax, **where)
        return curves, dataclasses.replace(best, meta=best.meta | found.columns())

    settings = {
        "ZMIN": zmin,
        "ZMAX": zmax,
        "NMINIMA": nminima,
        "FIRST": first,
        "NREDSH": count,
        "BASISARG": "default",
        **made_with([one.model for one in models]),
    }
    job = common.job(
        method,
        settings,
        format=format,
        spectrum=spectrum,
        air=air,
        columns=chosen,
        curves=None,
        group=batch_size,
        choice=some,
    )
    conduct = common.Conduct(overwrite, resume, retry_failed, part, scheduler, quiet, verbose)
    common.measure(job, files, output, shown=shown, curves=None, conduct=conduct)


def shown(catalog: "Table") -> dict[str, list[str]]:
    """Return what is shown of each redshift."""
    return {
        "z": digits(catalog, "Z", ".6f"),
        "P": digits(catalog, "PCONF", ".3f"),
        "second z": digits(catalog, "Z2", ".6f"),
        "Δχ²": digits(catalog, "DELTACHI2_2", ".1f"),
        "P(blend)": digits(catalog, "PBLEND", ".3f"),
    }
