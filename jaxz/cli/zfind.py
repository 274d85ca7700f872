"""`jaxz zfind`."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from jaxz.cli import cube, measure as common
from jaxz.cli.columns import Columns, chosen_columns
from jaxz.cli.console import errors_in_one_line
from jaxz.cli.summary import digits
from jaxz.cli.zprior import read_prior

if TYPE_CHECKING:
    from astropy.table import Table

    from jaxz import io
    from jaxz._typing import Device
    from jaxz.models import ErrorModel
    from jaxz.redshift import Redshifts
    from jaxz.run import Progress
    from jaxz.scan import ZScan
    from jaxz.spectra import Spectra


def zfind(
    files: common.Files,
    output: common.Output,
    zmin: common.Zmin = 0.0,
    zmax: common.Zmax = 6.7,
    classes: Annotated[
        str, typer.Option(help="Compare these classes, galaxy first; galaxy alone takes half the time.")
    ] = "galaxy,star,qso",
    basis: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="One basis alone, by name or file, NMF or PCA, instead of the classes; `jaxz info` lists the names.",
        ),
    ] = None,
    sky: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME|PATH",
            help="Component to marginalise beside all models, as desi-sky or one of `jaxz prior sky`; any number. "
            "Each of its vectors makes a scan longer by a seventh.  [none]",
        ),
    ] = None,
    error_floor: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Error that is added to the noise, as a share of the continuum; 0.1, or as learned with --basis.",
        ),
    ] = None,
    continuum: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Share by which the shape of the continuum may be off at each order; 0.1, or as learned with --basis.",
        ),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="χ² of the noise alone, as first published: no error model, no calibration.")
    ] = False,
    calibration: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="How much of Δχ² to believe: `jaxz info` lists the names, `jaxz calibrate` makes files. Else what was "
            "learned with --basis, or the default, for instruments that calibrated nothing; none with --plain.",
        ),
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
        typer.Option(
            "-d",
            "--details",
            "--curves",
            help="Write χ²(z) of every spectrum and class to this file too (FITS), for figures and --from-scan; takes "
            "0.15 MB of memory for each.",
        ),
    ] = None,
    from_scan: Annotated[
        Path | None,
        typer.Option(
            help="Take χ²(z) from this file of --details, made with the same models, and look for minima anew, with "
            "another --nminima, --prior or --calibration; spectra that it does not hold are scanned."
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            help="Write the best fits in the pixels of the spectra to this file too (FITS), as Redrock does; the "
            "spectra are read once more, and are all in memory."
        ),
    ] = None,
    nth: Annotated[
        int, typer.Option(min=1, metavar="N", help="Of which candidate `--model` writes the fits, 1 for the best.")
    ] = 1,
    format: common.Format = None,
    spectrum: common.SpectrumName = None,
    air: common.Air = None,
    columns: Columns = None,
    bin_snr: cube.BinSnr = None,
    segmentation: cube.Segmentation = None,
    positions: cube.Positions = None,
    aperture: cube.Aperture = None,
    psf: cube.Psf = None,
    sources: cube.Sources = None,
    overwrite: common.Overwrite = False,
    resume: common.Resume = False,
    retry_failed: common.RetryFailed = False,
    part: common.PartOf = None,
    scheduler: common.Scheduler = None,
    targetids: common.Targetids = None,
    ids: common.Ids = None,
    mintarget: common.Mintarget = 0,
    ntargets: common.Ntargets = None,
    quiet: common.Quiet = False,
    verbose: common.Verbose = False,
) -> None:
    """Measure redshifts and write a catalog, FITS or, if its name ends so, Parquet.

    A file that cannot be read is reported, the others go on, and the exit status is 1. A spectrum that was read but
    holds nothing to fit has a row without a redshift, and ZWARN says so. What is finished is kept in OUTPUT.parts until
    all is: a run that was stopped, whatever stopped it, goes on with --resume.

    Of a cube, each spaxel is a spectrum, and maps follow the catalog in its file; with --bin-snr, --segmentation or
    --positions it is sums of spaxels, which are written to OUTPUT-spectra.fits.

    Example: `jaxz zfind spectrum.fits more-spectra/ -o redshifts.fits`, or of a DESI file the first hundred:
    `jaxz zfind coadd-sv3-dark-26065.fits -n 100 -o redshifts.fits --model models.fits`
    """
    from jaxz import io
    from jaxz.batch import made_with
    from jaxz.calibration import check_models
    from jaxz.classes import Candidate, candidates, classified
    from jaxz.models import Free, NonNegative, Trials
    from jaxz.scan import fastest_precision
    from jaxz.spectra import DEFAULT_STEP

    with errors_in_one_line():
        common.check_format(format)
        chosen = chosen_columns(columns)
        some = common.choice(targetids, ids, mintarget, ntargets)
        if nth > (1 if model is None else nminima):
            raise ValueError(f"--nth {nth}: needs --model, and --nminima {nth} or more")
        # The published fit without weights knows no noise.
        bare = plain or weighting == "uniform"
        learned = None if basis is None or bare else io.load_numbers(basis)
        error = None if bare else _error_model(learned, error_floor, continuum)
        parts = [io.load_component(name) for name in sky or ()]
        if basis is None and weighting == "ivar":
            nuisance = [part.with_step(DEFAULT_STEP) for part in parts]
            models = candidates(zmin, zmax, classes=classes.split(","), error=error, nuisance=nuisance)
        else:
            vectors = io.load_basis(basis)
            nuisance = [part.with_step(vectors.grid.step) for part in parts]
            free = vectors.method == "PCA"
            one = (
                Free(vectors, nuisance, error=error)
                if free
                else NonNegative(vectors, nuisance, error=error, weighting=weighting)
            )
            models = [Candidate(one, zmin, zmax, 1.0)]
        calibrated = None if learned is None else learned.calibration
        if calibration is not None:
            calibrated = io.load_calibration(calibration)
            for one in models:
                check_models(calibrated, one.model)
        Trials.between(zmin, zmax, models[0].model.step)
        kept = None if from_scan is None else io.KeptCurves(from_scan)
        if kept is not None:
            for one in models:
                kept.check(one.model, zmin=one.zmin, zmax=one.zmax)
        prior_of = read_prior(prior)

    def method(
        spectra: "Spectra", *, devices: "list[Device] | None", progress: "Progress | None"
    ) -> "tuple[list[ZScan], Redshifts]":
        options = {"nminima": nminima, "prior": prior_of(spectra), "calibration": calibrated, "batch_size": batch_size}
        options |= {"devices": devices, "progress": progress}
        scanning = {"engine": engine, "precision": precision, "every": curves is not None, "kept": kept}
        return classified(spectra, models, **scanning, **options)

    settings = {
        "ZMIN": zmin,
        "ZMAX": zmax,
        "NMINIMA": nminima,
        "ENGINE": engine,
        "WEIGHTS": weighting,
        "PRECIS": precision or fastest_precision(),
        "PRIOR": prior or "none",
        "BASISARG": basis or "default",
        **{f"SKYARG{i}": name for i, name in enumerate(sky or ())},
        **({} if from_scan is None else {"FROMSCAN": str(from_scan)}),
        "CLASSES": classes if len(models) > 1 else models[0].model.spectype,
        **made_with([one.model for one in models], prior=prior, calibration=calibrated),
    }
    with errors_in_one_line():
        how = cube.chosen_extraction(bin_snr, segmentation, positions, aperture, psf)
        if how is not None:
            replaces = overwrite or resume or retry_failed
            files = [cube.extracted(files, how, output, overwrite=overwrite, replaces=replaces)]
            settings |= how.cards()
    job = common.job(
        method,
        settings,
        format=format,
        spectrum=spectrum,
        air=air,
        columns=chosen,
        curves=curves,
        group=batch_size,
        choice=some,
    )
    conduct = common.Conduct(overwrite, resume, retry_failed, part, scheduler, quiet, verbose)
    best = None if model is None else common.BestFits(model, [one.model for one in models], nth)
    reads = [basis, *(sky or ()), calibration, prior, from_scan, segmentation, positions]
    common.measure(
        job, files, output, shown=shown, curves=curves, conduct=conduct, best=best, sources=sources, reads=reads
    )


def _error_model(learned: "io.Numbers | None", floor: float | None, continuum: float | None) -> "ErrorModel":
    """Return the error model that was learned with a basis, or the default one, with the numbers that were given."""
    from jaxz.models import ErrorModel

    given = {"floor": floor, "continuum": continuum}
    begin = ErrorModel() if learned is None else learned.error
    return dataclasses.replace(begin, **{name: value for name, value in given.items() if value is not None})


def shown(catalog: "Table") -> dict[str, list[str]]:
    """Return what is shown of each redshift."""
    return {
        "class": [str(name) for name in catalog["SPECTYPE"]],
        "z": digits(catalog, "Z", ".6f"),
        "error": digits(catalog, "ZERR", ".6f"),
        "Δχ²": digits(catalog, "DELTACHI2", ".1f"),
        "P": digits(catalog, "PCONF", ".3f"),
    }
