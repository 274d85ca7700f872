"""Input files → spectra, all of them in memory, for commands that learn from them."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxz.cli.console import say

if TYPE_CHECKING:
    from jaxz.spectra import Spectra


def read_files(paths: Sequence[Path], **options: Any) -> "tuple[Spectra, int]":
    """Return the spectra of all files that can be read, and the number of inputs that cannot: a line is said of each.

    Args:
        paths: files and folders.
        **options: of `jaxz.io.open_spectra`.

    Raises:
        ValueError: if no spectrum could be read.
    """
    from jaxz import io
    from jaxz.spectra import Spectra

    pieces, unreadable = [], 0
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always", io.FileWarning)
        for path in paths:
            try:
                files = io.expand(path)
            except OSError as error:
                say(error)
                unreadable += 1
                continue
            for file in files:
                try:
                    pieces.append(io.open_spectra(file, **options)[:])
                except OSError as error:
                    say(error)
                    unreadable += 1
    for note in notes:
        say(note.message)
    if not sum(map(len, pieces)):
        raise ValueError("no spectrum could be read: nothing can be learned")
    return Spectra.concatenate(pieces), unreadable
