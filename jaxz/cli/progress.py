"""How far a run is: a bar on a terminal, now and then a line elsewhere; and what the inputs gave reason to say."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from jaxz.cli.console import messages, say

if TYPE_CHECKING:
    from jaxz.batch import Failure, Record

SILENCE = 30.0
"""Seconds between two lines, where there is no terminal."""


class _Compiling(ProgressColumn):
    def render(self, task: Task) -> Text:
        from jaxz.run import compiling

        return Text("compiling" if compiling() else "")


class Watching:
    """What a user sees of a run; a `jaxz.batch.Watcher`, to be used in a ``with`` statement.

    Args:
        quiet: whether to say only what is wrong with inputs.
        verbose: whether to say what each part took.
    """

    def __init__(self, quiet: bool = False, verbose: bool = False) -> None:
        self._quiet, self._verbose = quiet, verbose
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        hidden = quiet or not messages.is_terminal
        self._bar = Progress(*columns, _Compiling(), console=messages, transient=True, disable=hidden)
        self._task = self._bar.add_task("measuring redshifts", total=None)
        self._said: set[str] = set()
        self._parts = self._done = self._spectra = self._before = 0
        self._start = self._last = self._begun = time.monotonic()

    def __enter__(self) -> "Watching":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def began(self, finished: int, parts: int, failures: "Sequence[Failure]") -> None:
        """Show where the run begins."""
        self._before = self._done = finished
        self._parts = parts
        if self._verbose:
            import jax

            say(f"{parts} parts, on {', '.join(str(device) for device in jax.devices())}, JAX {jax.__version__}")
        if finished and not self._quiet:
            say(f"{finished} of {parts} parts were finished before")
        self._say([failure.reason for failure in failures])
        self._bar.update(self._task, total=parts, completed=finished)

    def working(self, share: float) -> None:
        """Show how much of the part at hand is done."""
        self._bar.update(self._task, completed=self._done + share)

    def finished(self, record: "Record") -> None:
        """Show that a part is done, and say what is to be said of its inputs."""
        self._done += 1
        self._spectra += record.rows
        self._say([*record.notes, *(failure.reason for failure in record.failures)])
        self._bar.update(self._task, completed=self._done, description=f"measuring redshifts, {self._spectra} done")
        now = time.monotonic()
        if self._verbose:
            say(f"part {self._done} of {self._parts}: {record.rows} spectra, {now - self._begun:.1f} s")
        self._begun = now
        if not self._quiet and not messages.is_terminal and now - self._last >= SILENCE and self._done < self._parts:
            self._last, passed = now, now - self._start
            left = passed / (self._done - self._before) * (self._parts - self._done)
            say(
                f"{self._done} of {self._parts} parts, {self._spectra} spectra, {self._spectra / passed:.1f} a second, "
                f"{left / 60:.0f} min left"
            )

    def _say(self, lines: Sequence[str]) -> None:
        for line in lines:
            if line not in self._said:
                self._said.add(line)
                say(line)
