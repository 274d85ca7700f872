"""The option ``--columns`` of the commands that read spectra."""

from typing import Annotated

import typer

Columns = Annotated[
    str | None,
    typer.Option(
        metavar="KEY=NAME,…",
        help="Columns of tables that are not found by their names: wave or loglam, flux, ivar, var or error, and mask.",
    ),
]


def chosen_columns(text: str | None) -> dict[str, str]:
    """Return what ``wave=LAM,flux=F,error=E`` says, for `jaxz.io.open_spectra`.

    Raises:
        ValueError: if it is no list of KEY=NAME, or a key is unknown or given twice.
    """
    from jaxz.io.columns import check_choice

    chosen: dict[str, str] = {}
    for part in filter(None, (text or "").split(",")):
        key, separator, name = (word.strip() for word in part.partition("="))
        if not (key and separator and name):
            raise ValueError(f"--columns {text}: give KEY=NAME, such as wave=LAM,flux=F,error=E")
        if key in chosen:
            raise ValueError(f"--columns {text}: {key} is given twice")
        chosen[key] = name
    check_choice(chosen)
    return chosen
