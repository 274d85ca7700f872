"""Input files → groups of spectra, so that memory is bounded whatever their number."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jaxz.cli.console import say

if TYPE_CHECKING:
    from jaxz.io.reader import Source
    from jaxz.io.wavelengths import Medium
    from jaxz.spectra import Spectra


class Inputs:
    """Spectra of many files, some at a time; a file that cannot be read is reported and counted, the others go on.

    Args:
        paths: files and folders.
        format: kind of the files, or None.
        spectrum: name of the spectrum in MPDAF source files, or None.
        size: spectra of one group at most.
        medium: of the wavelengths, where files do not say, or None.
        columns: of tables, as for `jaxz.io.open_spectra`.

    Attributes:
        unreadable: inputs that could not be read so far.
        done: fraction of the files that has been handed out.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        format: str | None,
        spectrum: str | None,
        size: int,
        medium: "Medium | None" = None,
        columns: Mapping[str, str] | None = None,
    ) -> None:
        self.format, self.spectrum, self.size = format, spectrum, size
        self.medium: Medium | None = medium
        self.columns = columns
        self.unreadable = 0
        self.done = 0.0
        self._files = [file for path in paths for file in self._expand(path)]

    def __iter__(self) -> Iterator["Spectra"]:
        from jaxz.spectra import Spectra

        waiting: list[Spectra] = []
        for number, file in enumerate(self._files):
            source = self._open(file)
            if source is None:
                continue
            for begin in range(0, len(source), self.size):
                part = self._read(source, slice(begin, begin + self.size))
                if part is None:
                    break
                if sum(map(len, waiting)) + len(part) > self.size:
                    self.done = (number + begin / len(source)) / len(self._files)
                    yield Spectra.concatenate(waiting)
                    waiting = []
                waiting.append(part)
        self.done = 1.0
        if waiting:
            yield Spectra.concatenate(waiting)

    def _expand(self, path: Path) -> list[Path]:
        from jaxz import io

        try:
            return io.expand(path)
        except OSError as error:
            self._report(error)
            return []

    def _open(self, file: Path) -> "Source | None":
        from jaxz import io

        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always", io.FileWarning)
            try:
                return io.open_spectra(
                    file, format=self.format, spectrum=self.spectrum, medium=self.medium, columns=self.columns
                )
            except OSError as error:
                self._report(error)
                return None
            finally:
                for note in notes:
                    say(note.message)

    def _read(self, source: "Source", part: slice) -> "Spectra | None":
        try:
            return source[part]
        except OSError as error:
            self._report(error)
            return None

    def _report(self, error: OSError) -> None:
        say(error)
        self.unreadable += 1
