"""Files and models → a catalog, in one call of Python."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxz._typing import Device
from jaxz.batch.jobs import Report, Watcher, run_job
from jaxz.batch.work import GROUP, Job
from jaxz.calibration import Calibration
from jaxz.classes import Candidate, candidates, classified
from jaxz.io.catalog import model_cards
from jaxz.io.wavelengths import Medium
from jaxz.models import AbstractModel, ErrorModel
from jaxz.posterior import Prior
from jaxz.redshift import Redshifts
from jaxz.run import Progress
from jaxz.scan import ZScan
from jaxz.spectra import Spectra


def run(
    files: Sequence[str | Path],
    model: AbstractModel | Sequence[Candidate] | None,
    out: str | Path,
    *,
    zmin: float = 0.0,
    zmax: float = 6.7,
    nminima: int = 5,
    prior: Prior | None = None,
    calibration: Calibration | None = None,
    curves: str | Path | None = None,
    batch_size: int = 64,
    format: str | None = None,
    spectrum: str | None = None,
    medium: Medium | None = None,
    columns: Mapping[str, str] | None = None,
    resume: bool = False,
    retry_failed: bool = False,
    overwrite: bool = False,
    client: Any = None,
    watcher: Watcher | None = None,
) -> Report:
    """Measure the spectra of some files, however many, and write the catalog.

    What is finished is kept in the folder ``OUT.parts`` until the catalog is written, so that a run that was stopped
    goes on with `resume`, and the catalog is the same to the bit. Memory does not depend on the number of files. A file
    that cannot be read stops no other: the report tells which, and why.

    Args:
        files: and folders, of any kind that `jaxz.io.read` reads.
        model: to scan with; or several that are compared, from `jaxz.classes.candidates`; None for those that come
            with jaxz.
        out: the catalog, FITS or, if its name ends so, Parquet.
        zmin, zmax: range of trial redshifts; of several models each has its own.
        nminima, prior, calibration: as of `jaxz.find_redshifts`; the prior is the same for all spectra.
        curves: file for χ²(z), or None.
        batch_size: spectra on a device at a time.
        format, spectrum, medium, columns: of the files, as of `jaxz.io.read`.
        resume: whether to go on with the parts of an earlier run, if there are any.
        retry_failed: whether to do again the parts of an earlier run in which a file could not be read.
        overwrite: whether to replace an existing catalog, and parts of an earlier run.
        client: a ``distributed.Client`` whose workers do the parts; they must see the same files. This process if
            absent.
        watcher: told of the progress.

    Raises:
        FileError: if the output cannot be written, or parts of an earlier run do not fit.
        ValueError: as `jaxz.scan` and `jaxz.find_redshifts`; or if `format`, or a key of `columns`, is unknown.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> jaxz.io.write(spectra, "spectra.fits")
        >>> files = ["spectra.fits", "missing.fits"]
        >>> report = jaxz.batch.run(files, jaxz.NonNegative(basis), "redshifts.fits", zmax=0.1)
        >>> report.measured, report.failures[0].reason
        (1, 'missing.fits: cannot be opened: No such file or directory')
    """
    if model is None:
        models = candidates(zmin, zmax, error=ErrorModel())
    else:
        models = [Candidate(model, zmin, zmax, 1.0)] if isinstance(model, AbstractModel) else list(model)

    def method(
        spectra: Spectra, *, devices: list[Device] | None, progress: Progress | None
    ) -> tuple[list[ZScan], Redshifts]:
        options = {"nminima": nminima, "prior": prior, "calibration": calibration, "batch_size": batch_size}
        return classified(spectra, models, every=curves is not None, devices=devices, progress=progress, **options)

    ranges = ", ".join(f"{one.zmin:g} to {one.zmax:g}" for one in models)
    settings = {"ZRANGES": ranges, "NMINIMA": nminima}
    if prior is not None:
        penalty = np.asarray(prior(np.linspace(0, 10, 10_001)), dtype=float)
        settings["PRIORSHA"] = hashlib.sha256(penalty.tobytes()).hexdigest()
    settings |= made_with([one.model for one in models], calibration=calibration)
    execute = None
    if client is not None:
        from jaxz.batch.cluster import on_cluster

        execute = on_cluster(client)
    how = {"format": format, "spectrum": spectrum, "medium": medium, "columns": columns}
    return run_job(
        Job(method, settings, curves=curves is not None, group=max(GROUP, batch_size), **how),
        files,
        out,
        curves=curves,
        resume=resume,
        retry_failed=retry_failed,
        overwrite=overwrite,
        execute=execute,
        watcher=watcher,
    )


def made_with(
    models: Sequence[AbstractModel], *, prior: str | None = None, calibration: Calibration | None = None
) -> dict[str, Any]:
    """Return what results depend on beside options: versions, models, calibration and priors by their contents.

    Args:
        models: that are scanned with.
        prior: the option of that name, which may be a file.
        calibration: that is applied, or None.

    Example:
        >>> sorted(jaxz.batch.made_with([jaxz.NonNegative(jaxz.load_basis())]))
        ['BASIS', 'BASISSHA', 'BASISVER', 'JAXVER', 'JAXZVER']
    """
    contents: dict[str, Any] = {}
    if prior is not None and Path(prior).is_file():
        contents["PRIORSHA"] = hashlib.sha256(Path(prior).read_bytes()).hexdigest()
    if calibration is not None:
        contents["ZCALSHA"] = hashlib.sha256(repr(calibration).encode()).hexdigest()
    return contents | model_cards(models)
