"""The state of a training run in a file, so that a run that was interrupted goes on where it was."""

import hashlib
import json
import os
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxz.train.nmf import State
from jaxz.train.sample import Sample

INTERVAL = 20.0
"""Seconds between two writes."""


class Progress(NamedTuple):
    """Where a training run is.

    Attributes:
        stage: number of the fit, from 0; those before it are done.
        state: of that fit; coefficients and basis alone if it has not begun.
    """

    stage: int
    state: State


class Checkpoint:
    """A file that holds the `Progress` of one run; it is replaced in one step, so that it is whole at any time.

    Args:
        path: of the file, .npz; it may not exist yet. None for a run that leaves no file.
        configuration: what the outcome depends on besides the spectra.
        sample: the spectra.

    Raises:
        ValueError: if the file is there but is no checkpoint, or one of another configuration or other spectra. The
            message says in what they differ.
    """

    def __init__(self, path: Path | None, configuration: Mapping[str, Any], sample: Sample) -> None:
        self._path = path
        self._configuration = {**configuration, "spectra": _digest(sample)}
        self._written = time.monotonic()
        self.found = None if path is None or not path.exists() else self._read(path)

    def save(self, progress: Progress, *, now: bool = False) -> None:
        """Write the file if the last one is older than `INTERVAL` seconds, or `now`."""
        if self._path is None or not (now or time.monotonic() - self._written >= INTERVAL):
            return
        unfinished = self._path.with_name(f".{os.getpid()}.{self._path.name}")
        try:
            with unfinished.open("wb") as stream:
                np.savez(
                    stream,
                    configuration=json.dumps(self._configuration, sort_keys=True),
                    stage=progress.stage,
                    coeff=progress.state.coeff,
                    basis=progress.state.basis,
                    chi2=np.array(progress.state.chi2, dtype=np.float64),
                )
            os.replace(unfinished, self._path)
        finally:
            unfinished.unlink(missing_ok=True)
        self._written = time.monotonic()

    def _read(self, path: Path) -> Progress:
        try:
            with path.open("rb") as stream, np.load(stream) as stored:
                configuration = json.loads(str(stored["configuration"]))
                state = State(stored["coeff"], stored["basis"], stored["chi2"].tolist())
                progress = Progress(int(stored["stage"]), state)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
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
        return progress


def _digest(sample: Sample) -> str:
    digest = hashlib.sha256(repr(sample.grid).encode())
    for values in (sample.flux, sample.ivar, sample.shift):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()[:16]
