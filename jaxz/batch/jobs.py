"""Files → a catalog, part by part: what is finished is on disk, and a run that was stopped goes on from there."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from jaxz.batch.folder import KEY, Folder, Record
from jaxz.batch.plan import Failure, Part, plan, share_of
from jaxz.batch.work import Job, load, measure
from jaxz.io.assembly import assemble, assemble_curves
from jaxz.io.files import FileError
from jaxz.io.output import check_kind, check_output, claimed
from jaxz.io.parquet import is_parquet, require_pyarrow
from jaxz.io.reader import expand
from jaxz.run import each


@dataclasses.dataclass(frozen=True)
class Report:
    """What a run did.

    Attributes:
        parts: finished ones, in the order of the catalog.
        rows, measured, warned: numbers of spectra, of those with a redshift, and of those with a warning.
        failures: inputs that were not read.
        complete: whether the catalog was written, unless there are no spectra.
        notes: what else the user should know of the catalog.
    """

    parts: tuple[Path, ...]
    rows: int
    measured: int
    warned: int
    failures: tuple[Failure, ...]
    complete: bool
    notes: tuple[str, ...] = ()


@runtime_checkable
class Watcher(Protocol):
    """Told how far a run is."""

    def began(self, finished: int, parts: int, failures: Sequence[Failure]) -> None:
        """Tell how many parts were finished before, how many there are, and which files are not there."""
        ...

    def working(self, share: float) -> None:
        """Tell how much of the part at hand is done."""
        ...

    def finished(self, record: Record) -> None:
        """Tell of a part that is done and kept."""
        ...


Execute = Callable[[Job, Folder, Sequence[tuple[str, Part]], Watcher | None], Iterator[Record]]
"""Does parts, each with its key, and yields their records as they are finished."""


def run_job(
    job: Job,
    paths: Sequence[str | Path],
    output: str | Path,
    *,
    curves: str | Path | None = None,
    resume: bool = False,
    retry_failed: bool = False,
    part: str | None = None,
    overwrite: bool = False,
    execute: Execute | None = None,
    watcher: Watcher | None = None,
) -> Report:
    """Do what is to be done with some files, and write the catalog.

    Finished parts are in the folder ``OUTPUT.parts`` until the catalog is written; it stays where inputs were not
    read, and its manifest tells which and why.

    Args:
        job: what to do with each part.
        paths: files and folders.
        output: the catalog, FITS or Parquet.
        curves: file for χ²(z), or None.
        resume: whether to go on with the parts of an earlier run, if there are any.
        retry_failed: whether to do again the parts of an earlier run in which an input was not read.
        part: "i/n" to do the i-th of n shares of the parts only, and write no catalog (see `merge`).
        overwrite: whether to replace an existing catalog, and parts of an earlier run.
        execute: what does the parts; this process if absent.
        watcher: told of the progress.

    Raises:
        FileError: if the output cannot be written or is being written by another run, if there are parts of an
            earlier run and neither `resume` nor `overwrite` is given, or if they are of other settings.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> jaxz.io.write(spectra, "spectra.fits")
        >>> def method(spectra, *, devices, progress):
        ...     scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        ...     return [scan], jaxz.find_redshifts(scan, spectra)
        >>> job = jaxz.batch.Job(method, {"ZMAX": 0.1})
        >>> jaxz.batch.run_job(job, ["spectra.fits"], "redshifts.fits").measured
        1
    """
    output, folder = Path(output), Folder(output)
    if retry_failed and not folder.exists():
        raise FileError(f"{output}: nothing to try again: no folder {folder.path} tells what was not read")
    if is_parquet(output):
        require_pyarrow(output)
    share = None if part is None else share_of(part)
    replaces = overwrite or retry_failed or (resume and folder.complete())
    outputs = [Path(one) for one in (output, curves) if one is not None]
    with contextlib.ExitStack() as claims:
        for one in outputs:
            check_kind(one)
            check_output(one, overwrite=replaces)
            # Jobs of an array share their output, and each has a share of its own.
            name = one if share is None else one.with_name(f"{one.name}.{share[0]}of{share[1]}")
            claims.enter_context(claimed(name))
        files, failures = expanded(paths)
        for one in outputs:
            check_output(one, overwrite=replaces, inputs=files)
        parts, missing = plan(files)
        failures += missing
        settings = job.cards()
        keys = [one.key(settings) for one in parts]
        goes_on = resume or retry_failed or share is not None
        _open(folder, job, keys, files, failures, goes_on=goes_on, overwrite=overwrite, shared=share is not None)
        if retry_failed:
            folder.forget_failed(keys)
        mine = list(zip(keys, parts, strict=True))
        if share is not None:
            mine = mine[share[0] - 1 :: share[1]]
        todo = [(key, one) for key, one in mine if folder.record(key) is None]
        if watcher is not None:
            watcher.began(len(mine) - len(todo), len(mine), failures)
        for record in (execute or in_process)(job, folder, todo, watcher):
            if watcher is not None:
                watcher.finished(record)
        if share is not None:
            return _report(folder, {key: folder.record(key) for key, _ in mine}, failures, complete=False)
        return _finish(folder, keys, failures, output, None if curves is None else Path(curves), overwrite=replaces)


def merge(output: str | Path, *, curves: str | Path | None = None, overwrite: bool = False) -> Report:
    """Write the catalog of the parts that the jobs of an array made.

    Args:
        output: as it was given to them.
        curves: file for χ²(z), if the jobs kept it.
        overwrite: whether to replace an existing catalog.

    Raises:
        FileError: if there is no folder of parts, or a part is missing; the message tells which jobs to run again.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> jaxz.io.write(spectra, "spectra.fits")
        >>> def method(spectra, *, devices, progress):
        ...     scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        ...     return [scan], jaxz.find_redshifts(scan, spectra)
        >>> job = jaxz.batch.Job(method, {"ZMAX": 0.1})
        >>> jaxz.batch.run_job(job, ["spectra.fits"], "redshifts.fits", part="1/1").complete
        False
        >>> jaxz.batch.merge("redshifts.fits").complete
        True
    """
    output, folder = Path(output), Folder(output)
    if not folder.exists():
        raise FileError(f"{folder.path}: holds no parts: give the output that was given with --part")
    outputs = [Path(one) for one in (output, curves) if one is not None]
    with contextlib.ExitStack() as claims:
        for one in outputs:
            check_output(one, overwrite=overwrite)
            claims.enter_context(claimed(one))
        manifest = folder.manifest()
        failures = [Failure(**failure) for failure in manifest["failed"]]
        return _finish(
            folder, manifest["parts"], failures, output, None if curves is None else Path(curves), overwrite=overwrite
        )


def in_process(job: Job, folder: Folder, todo: Sequence[tuple[str, Part]], watcher: Watcher | None) -> Iterator[Record]:
    """Do parts in this process: while one is measured, the next is read, and the last is written."""
    waiting: Future[Record] | None = None
    with ThreadPoolExecutor(1) as writer:
        for (key, part), loaded in each(lambda item: load(job, item[1]), todo, 1):
            found = measure(job, part, loaded, progress=None if watcher is None else watcher.working)
            if waiting is not None:
                yield waiting.result()
            waiting = writer.submit(folder.keep, key, found, loaded.failures, loaded.notes, job.cards())
        if waiting is not None:
            yield waiting.result()


def expanded(paths: Sequence[str | Path]) -> tuple[list[Path], list[Failure]]:
    """Return the files of files and folders, and the folders that hold none.

    Example:
        >>> files, failures = jaxz.batch.expanded(["one.fits", "two.fits"])
        >>> [file.name for file in files]
        ['one.fits', 'two.fits']
    """
    files: list[Path] = []
    failures: list[Failure] = []
    for path in paths:
        try:
            files += expand(path)
        except OSError as error:
            failures.append(Failure(str(path), str(error)))
    return files, failures


def _open(
    folder: Folder,
    job: Job,
    keys: Sequence[str],
    files: Sequence[Path],
    failures: Sequence[Failure],
    *,
    goes_on: bool,
    overwrite: bool,
    shared: bool,
) -> None:
    """Begin a folder, or go on with it."""
    if folder.exists() and overwrite and not goes_on:
        folder.remove()
    if folder.exists():
        if not goes_on:
            raise FileError(
                f"{folder.path}: holds the parts of a run that was not finished: go on with --resume, or begin anew "
                "with --overwrite"
            )
        folder.check_settings(job.cards())
        if shared and folder.manifest()["parts"] != list(keys):
            raise FileError(
                f"{folder.path}: was begun for other files, or they have changed since: give all jobs the same, or "
                "remove the folder to begin anew"
            )
    folder.begin(job.cards(), keys, [str(file) for file in files], failures)


def _finish(
    folder: Folder,
    keys: Sequence[str],
    failures: Sequence[Failure],
    output: Path,
    curves: Path | None,
    *,
    overwrite: bool,
) -> Report:
    """Write the catalog; the folder goes unless it is needed to try failed inputs again."""
    records = {key: folder.record(key) for key in keys}
    lacking = [number for number, record in enumerate(records.values(), 1) if record is None]
    if lacking:
        named = ", ".join(map(str, lacking[:10])) + (", …" if len(lacking) > 10 else "")
        raise FileError(
            f"{folder.path}: {len(lacking)} of {len(keys)} parts are missing ({named}): run the jobs i/n again to "
            "which they belong: part p is of job 1 + (p - 1) mod n"
        )
    report = _report(folder, records, failures, complete=True)
    manifest = folder.manifest()
    folder.begin(manifest["settings"], keys, manifest["inputs"], report.failures, complete=True)
    if report.parts:
        report = dataclasses.replace(report, notes=assemble(report.parts, output, without=[KEY], overwrite=overwrite))
        if curves is not None:
            assemble_curves([folder.curves_of(part) for part in report.parts], curves, overwrite=overwrite)
    if not (report.failures and report.parts):
        folder.remove()
    return report


def _report(
    folder: Folder, records: Mapping[str, Record | None], failures: Sequence[Failure], *, complete: bool
) -> Report:
    """Return what is in the folder; a file that failed in several of its shares is told once."""
    every, parts, counts = list(failures), [], np.zeros(3, dtype=int)
    for key, record in records.items():
        if record is None:
            continue
        every += record.failures
        counts += (record.rows, record.measured, record.warned)
        if record.rows:
            parts.append(folder.catalog(key))
    rows, measured, warned = counts.tolist()
    return Report(tuple(parts), rows, measured, warned, tuple(dict.fromkeys(every)), complete)
