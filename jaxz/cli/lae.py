"""`jaxz lae`."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jaxz.cli import measure as common
from jaxz.cli.columns import Columns, chosen_columns
from jaxz.cli.console import errors_in_one_line
from jaxz.cli.summary import digits
from jaxz.cli.zprior import read_prior

if TYPE_CHECKING:
    import numpy as np
    from astropy.table import Table

    from jaxz._typing import Device
    from jaxz.models import Basis, Madgics
    from jaxz.redshift import Redshifts
    from jaxz.run import Progress
    from jaxz.scan import ZScan
    from jaxz.spectra import Spectra

TARGET, SKY, GALAXIES = "desi-lae", "desi-sky", "galaxy"

AMPLITUDE = 0.05
"""How much fainter than those of `TARGET` the lines that are searched for are: with it, as many lines in constant noise
are found as by a filter that knows them (`python -m benchmarks.injection`). At an amplitude at which a faint line may
have any shape there are more ways to take noise for one."""

NONE = "none"
"""Word for an empty list, where the default is not."""

JOINS = ("5760:5800", "7520:7620")
"""Å where the cameras of DESI meet."""


def lae(
    files: common.Files,
    output: common.Output,
    target: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="Look for this component; `jaxz info` lists the names.")
    ] = TARGET,
    sky: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|PATH", help=f"Component to marginalise, any number; '{NONE}' for none.  [{SKY}]"),
    ] = None,
    zmin: common.Zmin = 2.0,
    zmax: common.Zmax = 4.0,
    nminima: common.Nminima = 5,
    batch_size: common.BatchSize = 64,
    precision: common.Precision = None,
    amplitude: Annotated[
        float,
        typer.Option(help="Of lines that are searched for, in units of the target's: it was learned from bright ones."),
    ] = AMPLITUDE,
    logdet: Annotated[bool, typer.Option("--logdet", help="Add the log-determinant of the covariance to χ².")] = False,
    absorption: Annotated[
        bool, typer.Option("--absorption", help="Let the flux of the target be negative too, as first published.")
    ] = False,
    join: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LOW:HIGH",
            help=f"Å where cameras meet: a line there gets the bit CAMERA_JOIN; '{NONE}' for none.  [those of DESI]",
        ),
    ] = None,
    prior: common.Prior = None,
    curves: Annotated[
        Path | None,
        typer.Option(help="Write χ²(z) of every spectrum to this file too; takes 0.04 MB of memory for each."),
    ] = None,
    basis: Annotated[
        str,
        typer.Option(metavar="NAME|PATH", help=f"Galaxies whose line it may be instead; '{NONE}' not to ask."),
    ] = GALAXIES,
    format: common.Format = None,
    spectrum: common.SpectrumName = None,
    air: common.Air = None,
    columns: Columns = None,
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
    """Find Lyα emitters among sky residuals and write a catalog.

    ZERR and DETECTION, the |Δχ²| of the line, are calibrated with the s of the target (the header's CALIBRAT): zerr is
    multiplied by it, |Δχ²| divided by its square; its VELOCITY, by which the shape of a line moves it, is added to
    zerr. ZERR_RAW and DETECTION_RAW are as measured. LINEFLUX is the integral of the posterior mean of the target, at
    its full amplitude, over wavelength, LINEFLUX_ERR its posterior error, in the unit of the file's flux times Å. CHI2
    is the total, which is large where something is wrong.

    Of simulated blank fibres 12 % have a DETECTION above 16, 3 % above 20, none of 1000 above 25; of lines of S/N 6
    and more 94, 92 and 88 % have. Any line of a galaxy is found: where DETECTION is 16 or more, galaxies at all
    redshifts are fitted too. Z_OTHER is the best elsewhere, DELTACHI2_OTHER its χ² less that of Lyα, and where that is
    below -25 the line is another one: OTHER_LINE.

    Example: `jaxz lae coadd-*.fits -o emitters.fits`
    """
    from jaxz import io
    from jaxz.batch import made_with
    from jaxz.models import Madgics, Trials
    from jaxz.redshift import find_redshifts
    from jaxz.rivals import LEAST
    from jaxz.scan import fastest_precision, scan
    from jaxz.validate import calibrated

    with errors_in_one_line():
        common.check_format(format)
        chosen = chosen_columns(columns)
        some = common.choice(targetids, ids, mintarget, ntargets)
        parts = _unless_none(sky, (SKY,))
        joins = [_range(text) for text in _unless_none(join, JOINS)]
        model = components(target, parts)
        galaxies = None if basis == NONE else io.load_basis(basis)
        lines = model.target.scaled(amplitude)
        searched = Madgics(lines, model.nuisance, logdet=logdet, emission=not absorption)
        Trials.between(zmin, zmax, model.step)
        prior_of = read_prior(prior)

    def method(
        spectra: "Spectra", *, devices: "list[Device] | None", progress: "Progress | None"
    ) -> "tuple[list[ZScan], Redshifts]":
        where = {"batch_size": batch_size, "devices": devices}
        scanned = scan(spectra, searched, zmin=zmin, zmax=zmax, precision=precision, progress=progress, **where)
        found = find_redshifts(scanned, spectra, nminima=nminima, prior=prior_of(spectra), joins=joins, **where)
        if galaxies is not None:
            least = LEAST * model.target.calibration**2
            found = _with_rivals(found, spectra, galaxies, least, batch_size)
        # In units of the vectors of the file.
        found = calibrated(
            dataclasses.replace(found, coeff=amplitude * found.coeff, models=(model,)),
            model.target.calibration,
            model.target.velocity,
        )
        found = dataclasses.replace(found, zwarn=found.zwarn | _bad_fits(found))
        found.meta["LINEFLUX"], found.meta["LINEFLUX_ERR"] = _line_flux(spectra, model, found.z, batch_size)
        return [scanned], found

    settings = {
        "ZMIN": zmin,
        "ZMAX": zmax,
        "NMINIMA": nminima,
        "PRECIS": precision or fastest_precision(),
        "AMPLITUD": amplitude,
        "LOGDET": logdet,
        "EMISSION": not absorption,
        "JOINS": ", ".join(join or JOINS),
        "PRIOR": prior or "none",
        "OTHERARG": basis,
        "OTHERSHA": "" if galaxies is None else galaxies.sha256,
        "TARGARG": target,
        **{f"SKYARG{i}": name for i, name in enumerate(parts)},
        **made_with([model], prior=prior),
    }
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
    reads = [target, *parts, basis, prior]
    common.measure(job, files, output, shown=shown, curves=curves, conduct=conduct, reads=reads)


def components(target: str, sky: list[str]) -> "Madgics":
    """Return the model of components by name or file.

    Raises:
        FileError: if one cannot be read.
        ValueError: if they do not fit together; the message names them as they were given.
    """
    from jaxz import io
    from jaxz.models import Madgics

    parts = [io.load_component(name) for name in (target, *sky)]
    try:
        return Madgics(parts[0], parts[1:])
    except ValueError as error:
        raise ValueError(f"{target} with {', '.join(sky) or 'no sky'}: {error}") from error


def _bad_fits(found: "Redshifts") -> "np.ndarray":
    """Return `ZWarn.BAD_FIT`, (spec,), where sky and a line are not what the spectrum is, however bright the line."""
    import numpy as np

    from jaxz.calibration import Calibration
    from jaxz.status import ZWarn

    with np.errstate(invalid="ignore"):
        bad = found.chi2 > Calibration().bad_fit * np.maximum(found.npixels, 1)
    return np.where(bad, ZWarn.BAD_FIT, 0).astype(found.zwarn.dtype)


def _unless_none(given: list[str] | None, default: tuple[str, ...]) -> list[str]:
    chosen = list(given) if given else list(default)
    if NONE in chosen and len(chosen) > 1:
        raise ValueError(f"{', '.join(chosen)}: give '{NONE}' alone, or leave it out")
    return [] if chosen == [NONE] else chosen


def _range(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(":"))
    except ValueError as error:
        raise ValueError(f"--join {text}: give LOW:HIGH, two wavelengths in Å") from error
    if not low < high:
        raise ValueError(f"--join {text}: LOW must be below HIGH")
    return low, high


def _with_rivals(found: "Redshifts", group: "Spectra", galaxies: "Basis", least: float, batch_size: int) -> "Redshifts":
    """Return redshifts with the galaxy elsewhere that each line may be of, and a flag where it is better."""
    import numpy as np

    from jaxz.rivals import rivals
    from jaxz.status import ZWarn

    other = rivals(found, group, galaxies, least=least, batch_size=batch_size)
    found.meta["Z_OTHER"], found.meta["DELTACHI2_OTHER"] = other
    zwarn = found.zwarn | np.where(other.is_better, ZWarn.OTHER_LINE, 0).astype(found.zwarn.dtype)
    return dataclasses.replace(found, zwarn=zwarn)


def _line_flux(group: "Spectra", model: "Madgics", z: "np.ndarray", batch_size: int) -> "tuple[np.ndarray, np.ndarray]":
    """Return ∫ mean dλ of the target and its error; some spectra at a time, as their separation is large."""
    import numpy as np

    from jaxz.separation import separate

    flux = np.full((2, len(group)), np.nan)
    for begin in range(0, len(group), batch_size):
        rows = slice(begin, begin + batch_size)
        parts = separate(group[rows], [model.target, *model.nuisance], z=z[rows], batch_size=batch_size)
        flux[:, rows] = parts.line_flux[:, 0], parts.line_flux_err[:, 0]
    flux[:, np.isnan(z)] = np.nan
    return flux[0], flux[1]


def shown(catalog: "Table") -> dict[str, list[str]]:
    """Return what is shown of each redshift."""
    return {
        "z": digits(catalog, "Z", ".6f"),
        "error": digits(catalog, "ZERR", ".6f"),
        "|Δχ²|": digits(catalog, "DETECTION", ".1f"),
        "line flux": digits(catalog, "LINEFLUX", ".4g"),
        "its error": digits(catalog, "LINEFLUX_ERR", ".2g"),
    }
