"""What the command says: results to standard output, everything else, one line each, to standard error."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import typer
from rich.console import Console
from rich.table import Table

_console = functools.partial(Console, markup=False, emoji=False, highlight=False)
messages = _console(stderr=True, soft_wrap=True)
results = _console()

_claims = ExitStack()
"""Outputs that no other run may write now."""

NAMED = 10
"""Names of spectra in a message at most."""

WIDE = 1000
"""Characters in a line of a table that is written to a file."""


def fail(message: object) -> NoReturn:
    """Say why nothing can be done, and end with exit status 1."""
    say(message)
    raise typer.Exit(1)


def say(message: object) -> None:
    """Write one line to standard error."""
    messages.print("jaxz:", str(message).replace("\n", " "))


def listed(names: Iterable[object]) -> str:
    """Return the first of some names in words."""
    every = [str(name) for name in names]
    return ", ".join(every[:NAMED]) + (", …" if len(every) > NAMED else "")


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Put around what depends on files and options: `fail` with the message of an OSError or ValueError.

    Outputs that `check_outputs` claims are free again at the end.
    """
    try:
        with _claims:
            yield
    except (OSError, ValueError) as error:
        fail(error)


def check_outputs(*paths: Path, overwrite: bool, inputs: Sequence[str | Path | None] = ()) -> None:
    """Find out before the work whether files can be written, and keep other runs from writing them.

    Args:
        paths: of the outputs.
        overwrite: whether they may exist.
        inputs: files that they must not be: all that the command reads, of options that may name one too.

    Raises:
        ValueError: if one exists and `overwrite` is not given, or two are the same.
        FileError: if one cannot be written, is an input, or is being written by another run.
    """
    from jaxz import io

    check_names(*paths, overwrite=overwrite)
    for path in paths:
        io.check_output(path, overwrite=overwrite, inputs=[one for one in inputs if one is not None])
    for path in paths:
        _claims.enter_context(io.claimed(path))


def make_folder(path: Path) -> None:
    """Make a folder for outputs, if it is not there.

    Raises:
        ValueError: if it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"{path}: the folder cannot be made: {error.strerror}: choose another") from error


def check_names(*paths: Path, overwrite: bool) -> None:
    """Refuse outputs of the same name, and existing ones unless `overwrite` is given.

    Raises:
        ValueError: naming one.
    """
    if len({path.resolve() for path in paths}) < len(paths):
        raise ValueError(f"{paths[0]}: the same name for two outputs: choose another for one of them")
    for path in paths:
        if path.is_file() and not overwrite:
            raise ValueError(f"{path}: exists already: choose another name or give --overwrite")


def show(shown: Table) -> None:
    """Write a table to standard output; what is not a terminal gets lines as long as they need to be."""
    # A width given to `print` is cut to that of the console, 80 where there is no terminal.
    (results if results.is_terminal else _console(width=WIDE)).print(shown)


def table(*columns: str, title: str | None = None) -> Table:
    """Return an empty table whose columns, but for the first, are aligned to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="bold", pad_edge=False)
    for i, column in enumerate(columns):
        made.add_column(column, justify="left" if i == 0 else "right", no_wrap=i > 0, overflow="fold")
    return made
