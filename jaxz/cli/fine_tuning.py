"""The part of `jaxz train` that fine-tunes a basis, its error model and its calibration."""

import importlib.util
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from jaxz.cli.console import messages, say

if TYPE_CHECKING:
    import numpy as np

    from jaxz._typing import Array
    from jaxz.io import Numbers
    from jaxz.models import Basis
    from jaxz.spectra import Spectra
    from jaxz.train import Epoch, Tuning


def check_tuning(spectra: "Spectra", z: "np.ndarray", tuning: "Tuning") -> None:
    """Find out before a long fit what would stop fine-tuning after it.

    Raises:
        ValueError: if optax is not installed, or a redshift lies out of the range that is tried.
    """
    from jaxz.train.tuning import check_range

    if importlib.util.find_spec("optax") is None:
        raise ValueError("--fine-tune needs optax: pip install 'jaxz[train]'")
    check_range(spectra, z, tuning)


def fine_tuned(
    spectra: "Spectra",
    z: "np.ndarray",
    basis: "Basis",
    begin: "Numbers | None",
    tuning: "Tuning",
    *,
    key: "Array",
    train_basis: bool,
    checkpoint: Path | None,
) -> "tuple[Basis, Numbers, bool]":
    """Return a basis, numbers to use it with, and whether fine-tuning came to its end; say how it goes, row by row.

    Args:
        spectra: to learn from.
        z: (spec,) their redshifts.
        basis: to begin with.
        begin: numbers to begin with; the default ones if None.
        tuning: how; on the lattice of the basis, if that is coarser.
        key: of the random numbers.
        train_basis: whether the basis is learned too.
        checkpoint: file to keep the state in, or None.
    """
    from jaxz import io
    from jaxz.train import fine_tune

    def show(epoch: "Epoch") -> None:
        text = "" if not epoch.number else f"training {epoch.training:.4f}, "
        messages.print(f"epoch {epoch.number} of {tuning.epochs}: {text}validation {epoch.validation:.4f}")

    with warnings.catch_warnings(record=True) as met:
        warnings.simplefilter("always", RuntimeWarning)
        tuned = fine_tune(
            spectra,
            z,
            basis,
            key=key,
            error=None if begin is None else begin.error,
            calibration=None if begin is None else begin.calibration,
            train_basis=train_basis,
            tuning=tuning._replace(step=max(tuning.step, basis.grid.step)),
            checkpoint=checkpoint,
            callback=show,
        )
    stopped = [warning for warning in met if issubclass(warning.category, RuntimeWarning)]
    for warning in stopped:
        say(warning.message)
    return tuned.basis, io.Numbers(tuned.error, tuned.calibration), not stopped
