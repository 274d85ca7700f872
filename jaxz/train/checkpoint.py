"""The state of a training run in a file, so that a run that was interrupted goes on where it was."""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

INTERVAL = 20.0
"""Seconds between two writes."""


class Checkpoint:
    """A file that holds the state of one run; it is replaced in one step, so that it is whole at any time.

    Args:
        path: of the file, .npz; it may not exist yet. None for a run that leaves no file.
        configuration: all that the outcome depends on; of the spectra their `digest`.

    Attributes:
        found: the arrays of the file, by name; None where there is none.

    Raises:
        ValueError: if the file is there but is no checkpoint, or one of another configuration or other spectra. The
            message says in what they differ.
    """

    def __init__(self, path: Path | None, configuration: Mapping[str, Any]) -> None:
        self._path = path
        self._configuration = configuration
        self._written = time.monotonic()
        self.found = None if path is None or not path.exists() else self._read(path)

    def save(self, arrays: Mapping[str, np.ndarray], *, now: bool = False) -> None:
        """Write arrays if the last ones are older than `INTERVAL` seconds, or `now`."""
        if self._path is None or not (now or time.monotonic() - self._written >= INTERVAL):
            return
        contents: dict[str, Any] = {"configuration": json.dumps(self._configuration, sort_keys=True), **arrays}
        unfinished = self._path.with_name(f".{os.getpid()}.{self._path.name}")
        try:
            with unfinished.open("wb") as stream:
                np.savez(stream, **contents)
            os.replace(unfinished, self._path)
        finally:
            unfinished.unlink(missing_ok=True)
        self._written = time.monotonic()

    def _read(self, path: Path) -> dict[str, np.ndarray]:
        try:
            with path.open("rb") as stream, np.load(stream) as stored:
                arrays = dict(stored)
                configuration = json.loads(str(arrays.pop("configuration")))
        except Exception as error:  # of a damaged archive numpy and zipfile raise anything
            raise ValueError(
                f"{path}: not a checkpoint of a training run ({error}): remove it or name another"
            ) from error
        ours = self._configuration
        differing = [name for name in sorted({*ours, *configuration}) if ours.get(name) != configuration.get(name)]
        if differing:
            what = ", ".join(f"{name} {configuration.get(name)}, now {ours.get(name)}" for name in differing)
            raise ValueError(
                f"{path}: a checkpoint of another run ({what}): remove it, name another, or use its options"
            )
        return arrays


def digest(*arrays: np.ndarray, known: str = "") -> str:
    """Return a short fingerprint of arrays, and of what else is `known` of them."""
    total = hashlib.sha256(known.encode())
    for values in arrays:
        total.update(np.ascontiguousarray(values).tobytes())
    return total.hexdigest()[:16]
