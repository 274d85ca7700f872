"""The folder in which a run keeps its finished parts, beside the catalog: ``out.fits.parts``."""

import dataclasses
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxz.batch.plan import Failure
from jaxz.io.curves import write_curves
from jaxz.io.files import FileError, damage_named, opened
from jaxz.io.output import replacing
from jaxz.io.writer import write
from jaxz.redshift import Redshifts
from jaxz.scan import ZScan
from jaxz.status import explain

KEY = "PARTKEY"
"""Keyword of a part with its fingerprint."""

NAMED = 20
"""Spectra of a part without a redshift that are named."""

_MANIFEST = "manifest.json"
_FORM = 1
"""Of the manifest and of the records."""


@dataclasses.dataclass(frozen=True)
class Record:
    """What is known of a finished part; it is written last, so that a part without it is not finished.

    Attributes:
        size: of its catalog, bytes; 0 if it has no spectra.
        rows: spectra in it.
        measured: those with a redshift.
        warned: those whose redshift has a warning.
        failures: inputs that were not read.
        notes: what else the user should know of the inputs.
    """

    size: int
    rows: int
    measured: int
    warned: int
    failures: tuple[Failure, ...]
    notes: tuple[str, ...]


class Folder:
    """The parts of one run, its manifest, and what it was told to do.

    Args:
        output: the catalog that is made of the parts.

    Example:
        >>> jaxz.batch.Folder("redshifts.fits").exists()
        False
    """

    def __init__(self, output: str | Path) -> None:
        self.output = Path(output)
        self.path = self.output.with_name(f"{self.output.name}.parts")

    def exists(self) -> bool:
        """Tell whether there are parts of an earlier run."""
        return (self.path / _MANIFEST).exists()

    def begin(
        self,
        settings: Mapping[str, Any],
        keys: Sequence[str],
        inputs: Sequence[str],
        failures: Sequence[Failure],
        *,
        complete: bool = False,
    ) -> None:
        """Write the manifest: what the run was told to do, its parts, what was not read, and whether all is done."""
        try:
            self.path.mkdir(exist_ok=True)
        except OSError as error:
            raise FileError(f"{self.path}: cannot be made: {error.strerror}: choose another output") from error
        manifest = {
            "form": _FORM,
            "settings": dict(settings),
            "inputs": list(inputs),
            "parts": list(keys),
            "complete": complete,
            "failed": [dataclasses.asdict(failure) for failure in failures],
        }
        self._write(self.path / _MANIFEST, manifest)

    def complete(self) -> bool:
        """Tell whether all parts of the run were finished, so that an output that exists is its own."""
        return self.exists() and self.manifest().get("complete") is True

    def manifest(self) -> dict[str, Any]:
        """Return what `begin` wrote.

        Raises:
            FileError: if it is not there, or is not what `begin` writes.
        """
        path = self.path / _MANIFEST
        try:
            found = _read(path)
        except FileError:
            found = {}
        forms = {"settings": dict, "inputs": list, "parts": list, "failed": list}
        wrong = [name for name, kind in forms.items() if not isinstance(found.get(name), kind)]
        if found.get("form") != _FORM or wrong or not all(isinstance(key, str) for key in found["parts"]):
            raise FileError(
                f"{path}: is not the manifest of a run of this version ({', '.join(wrong) or 'form'}): "
                f"remove the folder {self.path} to begin anew"
            )
        return found

    def check_settings(self, settings: Mapping[str, Any]) -> None:
        """Refuse to go on with parts that were made with other settings or versions.

        Raises:
            FileError: naming the first that differs.
        """
        # As they are after a way through JSON, in which a tuple is a list.
        mine, theirs = json.loads(json.dumps(dict(settings))), self.manifest()["settings"]
        for name in [*mine, *theirs]:
            if mine.get(name) != theirs.get(name):
                raise FileError(
                    f"{self.path}: its parts were made with {name} = {theirs.get(name)}, this run has "
                    f"{mine.get(name)}: give the same options, or remove the folder to begin anew"
                )

    def catalog(self, key: str) -> Path:
        """Return the file of the redshifts of a part."""
        return self.path / f"part-{key}.fits"

    @staticmethod
    def curves_of(catalog: Path) -> Path:
        """Return the file of the curves that belong to the redshifts of a part."""
        return catalog.with_name(catalog.name.replace("part-", "curves-"))

    def keep(
        self,
        key: str,
        found: tuple[Redshifts, Sequence[ZScan]] | None,
        failures: Sequence[Failure],
        notes: Sequence[str],
        header: Mapping[str, Any],
    ) -> Record:
        """Write a finished part, its record last.

        Args:
            key: of the part.
            found: its redshifts and, if they are kept, curves of all models; None if it has no spectra.
            failures, notes: as of `Record`.
            header: for the files.

        Raises:
            FileError: if it cannot be written (a full disk).
        """
        if found is not None:
            redshifts, scans = found
            write(redshifts, self.catalog(key), header={**header, KEY: key}, overwrite=True)
            if scans:
                write_curves(scans, self.curves_of(self.catalog(key)), overwrite=True)
        size = 0 if found is None else self.catalog(key).stat().st_size
        record = _record_of(None if found is None else found[0], size, failures, notes)
        self._write(self._record(key), {"form": _FORM, **dataclasses.asdict(record)})
        return record

    def record(self, key: str) -> Record | None:
        """Return what is known of a part; None if it is not finished, or what is kept of it is damaged."""
        try:
            found = _read(self._record(key))
            failures = tuple(Failure(**failure) for failure in found["failures"])
            counts = {name: int(found[name]) for name in ("size", "rows", "measured", "warned")}
            record = Record(**counts, failures=failures, notes=tuple(found["notes"]))
            size = self.catalog(key).stat().st_size if record.rows else 0
        except (OSError, KeyError, TypeError, ValueError):
            return None
        return record if found.get("form") == _FORM and size == record.size else None

    def forget_failed(self, keys: Sequence[str]) -> None:
        """Have those parts done again in which an input was not read."""
        for key in keys:
            record = self.record(key)
            if record is not None and record.failures:
                self._record(key).unlink()

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def _record(self, key: str) -> Path:
        return self.path / f"part-{key}.json"

    def _write(self, path: Path, contents: Mapping[str, Any]) -> None:
        with replacing(path, overwrite=True) as unfinished:
            unfinished.write_text(json.dumps(contents, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _record_of(found: Redshifts | None, size: int, failures: Sequence[Failure], notes: Sequence[str]) -> Record:
    if found is None:
        return Record(size, 0, 0, 0, tuple(failures), tuple(notes))
    measured = np.isfinite(found.z)
    lost = [
        f"{found.ids[row]}: no redshift: {explain(int(found.status[row]))}" for row in np.flatnonzero(~measured)[:NAMED]
    ]
    warned = np.count_nonzero(measured & (found.zwarn != 0))
    return Record(size, len(found), int(measured.sum()), int(warned), tuple(failures), (*notes, *lost))


def _read(path: Path) -> dict[str, Any]:
    with opened(path) as stream, damage_named(path):
        found = json.loads(stream.read().decode())
        if not isinstance(found, dict):
            raise FileError(f"{path}: is no record of a run: remove it")
        return found
