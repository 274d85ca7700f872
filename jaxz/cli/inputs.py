"""Input files → groups of spectra, so that memory is bounded whatever their number."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jaxz.cli.console import say

if TYPE_CHECKING:
    from jaxz.spectra import Spectra


class Inputs:
    """Spectra of many files, some at a time; a file that cannot be read is reported and counted, the others go on.

    Args:
        paths: files and folders.
        format: kind of the files, or None.
        spectrum: name of the spectrum in MPDAF source files, or None.
        size: spectra of one group at most.

    Attributes:
        unreadable: inputs that could not be read so far.
        done: fraction of the files that has been handed out.
    """

    def __init__(self, paths: Sequence[Path], format: str | None, spectrum: str | None, size: int) -> None:
        self.format, self.spectrum, self.size = format, spectrum, size
        self.unreadable = 0
        self.done = 0.0
        self._files = [file for path in paths for file in self._expand(path)]

    def __iter__(self) -> Iterator["Spectra"]:
        from jaxz.spectra import Spectra

        waiting: list[Spectra] = []
        for number, file in enumerate(self._files):
            spectra = self._read(file)
            if spectra is None:
                continue
            for begin in range(0, len(spectra), self.size):
                part = spectra[begin : begin + self.size]
                if sum(map(len, waiting)) + len(part) > self.size:
                    self.done = (number + begin / len(spectra)) / len(self._files)
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

    def _read(self, file: Path) -> "Spectra | None":
        from jaxz import io

        try:
            return io.read(file, format=self.format, spectrum=self.spectrum)
        except OSError as error:
            self._report(error)
            return None

    def _report(self, error: OSError) -> None:
        say(error)
        self.unreadable += 1
