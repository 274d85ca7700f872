"""Input files → spectra, a line being said of each file that cannot be read."""

import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import getitem
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxz.cli.console import say

if TYPE_CHECKING:
    from jaxz.io.reader import Source
    from jaxz.spectra import Spectra

NOTHING_READ = "no spectrum could be read from the inputs: give one file of spectra at least"


class Inputs:
    """The spectra of all files that can be read.

    Attributes:
        unreadable: number of the inputs that could not be read so far.
    """

    def __init__(self, paths: Sequence[Path], **options: Any):
        """Say what to read.

        Args:
            paths: files and folders.
            **options: of `jaxz.io.open_spectra`.
        """
        self._paths, self._options, self.unreadable = paths, options, 0

    def groups(self, size: int) -> "Iterator[Spectra]":
        """Return spectra in order, `size` at least and fewer than twice as many at a time, but for the last."""
        from jaxz.spectra import Spectra

        pending: list[Spectra] = []
        for piece in self._pieces(size):
            pending.append(piece)
            if sum(map(len, pending)) >= size:
                yield Spectra.concatenate(pending)
                pending = []
        if pending:
            yield Spectra.concatenate(pending)

    def _pieces(self, size: int) -> "Iterator[Spectra]":
        from jaxz import io

        for path in self._paths:
            for file in self.said(io.expand, path) or ():
                source: Source | None = self.said(io.open_spectra, file, **self._options)
                for begin in range(0, 0 if source is None else len(source), size):
                    piece: Spectra | None = self.said(getitem, source, slice(begin, begin + size))
                    if piece is None:
                        break
                    if len(piece):
                        yield piece

    def said(self, read: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Return what a function returns; or None, if it cannot read a file. Why not, and its warnings, are said."""
        with warnings_said():
            try:
                return read(*args, **options)
            except OSError as error:
                say(error)
                self.unreadable += 1
                return None


@contextmanager
def warnings_said() -> Iterator[None]:
    """Say the warnings of what is read inside, a line each, at the end."""
    from jaxz import io

    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always", io.FileWarning)
        try:
            yield
        finally:
            for note in notes:
                say(note.message)


def read_files(paths: Sequence[Path], **options: Any) -> "tuple[Spectra, int]":
    """Return the spectra of all files that can be read, in memory, and the number of inputs that cannot.

    Args:
        paths: files and folders.
        **options: of `jaxz.io.open_spectra`.

    Raises:
        ValueError: if no spectrum could be read.
    """
    inputs = Inputs(paths, **options)
    spectra = next(inputs.groups(sys.maxsize), None)
    if spectra is None:
        raise ValueError(NOTHING_READ)
    return spectra, inputs.unreadable
