"""One part: its files are read, measured in groups of spectra of like length, and put in order again."""

import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import numpy as np

from jaxz import io
from jaxz._typing import Device
from jaxz.batch.choice import Choice
from jaxz.batch.folder import Folder, Record
from jaxz.batch.plan import Entry, Failure, Part
from jaxz.io.files import FileError, reason_of
from jaxz.io.reader import Source
from jaxz.io.wavelengths import Medium
from jaxz.pixels import bucket
from jaxz.redshift import Redshifts
from jaxz.run import Progress
from jaxz.scan import ZScan
from jaxz.spectra import Spectra

GROUP = 512
"""Spectra that are measured together, at most."""

LENGTH = 1024
"""Pixels; spectra of up to this times the same power of four are measured together."""


@runtime_checkable
class Method(Protocol):
    """Spectra → χ² curves of one or more models, and redshifts; for a cluster, one that can be pickled."""

    def __call__(
        self, spectra: Spectra, *, devices: list[Device] | None, progress: Progress | None
    ) -> tuple[Sequence[ZScan], Redshifts]:
        """Measure spectra.

        Args:
            spectra: of one kind.
            devices: that share the work; all that JAX shows if None.
            progress: told after each batch.
        """
        ...


@dataclasses.dataclass(frozen=True)
class Job:
    """What is done with every part.

    Attributes:
        method: from spectra to redshifts.
        settings: what the method depends on.
        format, spectrum, medium, columns: of the files, as of `jaxz.io.read`.
        curves: whether χ²(z) is kept too.
        group: spectra that are measured together, at most.
        choice: which spectra of each file.

    Example:
        >>> job = jaxz.batch.Job(lambda spectra, devices, progress: None, {"ZMAX": 1.5}, medium="air")
        >>> job.cards()["ZMAX"], job.cards()["MEDIUM"]
        (1.5, 'air')
    """

    method: Method
    settings: dict[str, Any]
    format: str | None = None
    spectrum: str | None = None
    medium: Medium | None = None
    columns: Mapping[str, str] | None = None
    curves: bool = False
    group: int = GROUP
    choice: Choice = dataclasses.field(default_factory=Choice)

    def cards(self) -> dict[str, Any]:
        """Return all that the result depends on, beside the files.

        It is for the header of the catalog, and for telling whether parts of another run may be used.
        """
        return {
            **self.settings,
            "FORMAT": self.format or "",
            "SPENAME": self.spectrum or "",
            "MEDIUM": self.medium or "",
            "COLUMNS": ",".join(f"{key}={name}" for key, name in (self.columns or {}).items()),
            "CURVES": self.curves,
            "CHOICE": self.choice.card(),
        }


@dataclasses.dataclass(frozen=True)
class Loaded:
    """What the files of a part hold.

    Attributes:
        pieces: spectra, in order.
        failures: files that were not read, or not to their end.
        notes: what else the user should know of them.
    """

    pieces: list[Spectra]
    failures: list[Failure]
    notes: list[str]


def done(job: Job, folder: Folder, key: str, part: Part, *, devices: list[Device] | None = None) -> Record:
    """Do a part, keep it, and return what is known of it.

    Raises:
        FileError: if it cannot be kept.
    """
    loaded = load(job, part)
    found = measure(job, part, loaded, devices=devices)
    return folder.keep(key, found, loaded.failures, loaded.notes, job.cards())


def load(job: Job, part: Part) -> Loaded:
    """Return the spectra of a part; a file that cannot be read, whatever is wrong with it, stops no other."""
    loaded = Loaded([], [], [])
    for entry in part.entries:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", io.FileWarning)
            try:
                for piece in _slices(job, entry):
                    loaded.pieces.append(piece)  # what precedes damage is kept
            except OSError as error:
                loaded.failures.append(Failure(entry.file, str(error)))
        # Other threads may warn meanwhile.
        loaded.notes.extend(str(note.message) for note in said if issubclass(note.category, io.FileWarning))
    return loaded


def _slices(job: Job, entry: Entry) -> Iterator[Spectra]:
    columns = tuple((job.columns or {}).items())
    source = _opened(entry.file, entry.size, entry.changed, job.format, job.spectrum, job.medium, columns)
    share = entry.rows(len(source))
    chosen = job.choice.rows(source)
    chosen = chosen[(chosen >= share.start) & (chosen < share.stop)]
    for run in np.split(chosen, np.flatnonzero(np.diff(chosen) > 1) + 1):
        for begin in range(0, len(run), job.group):
            piece = source[int(run[begin]) : int(run[min(begin + job.group, len(run)) - 1]) + 1]
            if len(piece):
                yield piece


@functools.lru_cache(maxsize=1)
def _opened(
    file: str,
    size: int,
    changed: int,
    format: str | None,
    spectrum: str | None,
    medium: Medium | None,
    columns: tuple[tuple[str, str], ...],
) -> Source:
    """Return an open file; the last is kept, of which the next part is another share.

    Args:
        file, size, changed: as of `Entry`: a file that has changed is opened again.
        format, spectrum, medium: as of `Job`.
        columns: items of those of `Job`, as a dict cannot be looked up.
    """
    return io.open_spectra(file, format=format, spectrum=spectrum, medium=medium, columns=dict(columns))


def measure(
    job: Job,
    part: Part,
    loaded: Loaded,
    *,
    devices: list[Device] | None = None,
    progress: Callable[[float], None] | None = None,
) -> tuple[Redshifts, Sequence[ZScan]] | None:
    """Return the redshifts of a part, and its curves if they are kept; None if it has no spectra.

    What goes wrong here, lack of memory for example, becomes a failure of its files, and other parts go on.

    Args:
        job: what to do.
        part: whose files they are.
        loaded: the spectra. Failures are added to it.
        devices: that share the work; all that JAX shows if absent.
        progress: told the share of the work that is done.
    """
    try:
        with _as_failure():
            return _measured(job, loaded.pieces, devices, progress)
    except FileError as error:
        told = {failure.file for failure in loaded.failures}
        files = dict.fromkeys(entry.file for entry in part.entries if entry.file not in told)
        loaded.failures.extend(Failure(file, f"{file}: {error}") for file in files)
        return None


@contextmanager
def _as_failure() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        raise FileError(f"was read, but could not be measured ({reason_of(error)})") from error


def _measured(
    job: Job, pieces: list[Spectra], devices: list[Device] | None, progress: Callable[[float], None] | None
) -> tuple[Redshifts, Sequence[ZScan]] | None:
    count = sum(map(len, pieces))
    if count == 0:
        return None
    found, every, places, done = [], [], [], 0
    for place, group in _groups(pieces, job.group):

        def told(part: int, whole: int, before: int = done, size: int = len(place)) -> None:
            if progress is not None:
                progress((before + size * part / max(whole, 1)) / count)

        scans, redshifts = job.method(group, devices=devices, progress=told)
        found.append(redshifts)
        places.append(place)
        if job.curves:
            every.append(scans)
        done += len(place)
    order = np.argsort(np.concatenate(places))
    curves = [ZScan.concatenate(of_one)[order] for of_one in zip(*every, strict=True)]
    return Redshifts.concatenate(found)[order], curves


def _groups(pieces: list[Spectra], size: int) -> Iterator[tuple[np.ndarray, Spectra]]:
    """Yield spectra of one kind, and the place of each in the part.

    One long one makes no others long, and none gets a resolution matrix from a neighbour.
    """
    waiting: dict[Any, list[tuple[np.ndarray, Spectra]]] = {}
    first = 0
    for piece in pieces:
        place = np.arange(first, first + len(piece))
        first += len(piece)
        resolution = None if piece.resolution is None else (piece.resolution.shape[1], piece.resolution.dtype)
        kind = bucket(piece.flux.shape[1], LENGTH), piece.flux.dtype, piece.ivar.dtype, resolution
        some = waiting.setdefault(kind, [])
        if sum(len(group) for _, group in some) + len(piece) > size:
            yield _together(some)
            some.clear()
        some.append((place, piece))
    for some in waiting.values():
        if some:
            yield _together(some)


def _together(some: list[tuple[np.ndarray, Spectra]]) -> tuple[np.ndarray, Spectra]:
    return np.concatenate([place for place, _ in some]), Spectra.concatenate([piece for _, piece in some])
