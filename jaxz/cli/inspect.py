"""`jaxz inspect`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jaxz.cli.console import check_outputs, errors_in_one_line, listed, results, say
from jaxz.cli.fitted import curves_of, fitted_models, reading

if TYPE_CHECKING:
    from jaxz.inspect import Sheet
    from jaxz.models import AbstractModel
    from jaxz.spectra import Spectra

GROUP = 256
"""Spectra that are in memory at a time, at least."""


def inspect(
    catalog: Annotated[Path, typer.Argument(help="Catalog of `jaxz zfind` or `jaxz lae`, or of Redrock.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE…]", help="Spectrum files, or folders of them.  [those that the catalog names]"),
    ] = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="Page to write (HTML).")] = Path("inspection.html"),
    curves: Annotated[
        Path | None,
        typer.Option(help="File of `jaxz zfind --curves`, from which χ²(z) is drawn; P(z) alone if absent."),
    ] = None,
    basis: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="Basis, where it is not where the catalog says.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a page that exists.")] = False,
) -> None:
    """Write a page on which spectra and their redshifts are inspected by eye, one after the other.

    It is one file that any browser opens, without a server: spectra with their noise, best fits and lines, zoom
    windows, candidates, χ²(z) and P(z), and a form with the quality, issues, class, z and comment of DESI's visual
    inspections. The browser keeps the answers, and exports them as CSV with the columns of prospect, which
    `jaxz evaluate` reads as truth. Best fits are those of the catalog's models at its candidates. Rows of the catalog
    without a spectrum are left out.

    Example: `jaxz inspect redshifts.fits spectra/ -o page.html`
    """
    from importlib.util import find_spec

    from jaxz import io
    from jaxz.io.output import replacing

    with errors_in_one_line():
        if find_spec("bokeh") is None:
            raise ValueError("the page needs bokeh: pip install 'jaxz[inspect]'")
        from jaxz.inspect import assembled

        found = io.read_catalog(catalog)
        paths = [Path(name) for name in _files_of(catalog, found)] if not files else list(files)
        check_outputs(output, overwrite=overwrite, inputs=[catalog, *paths, curves, basis])
        models = fitted_models(catalog, found.meta, basis)
        sheets, unread = _sheets(found, paths, models, curves)
        if not sheets:
            raise ValueError(f"{catalog}: none of its {len(found)} rows has a spectrum in the files: give their files")
        if absent := [row for row in range(len(found)) if row not in sheets]:
            say(f"{catalog}: {len(absent)} rows have no spectrum: {listed(found['ID'][absent])}")
        rows = sorted(sheets)
        columns = {name: found[name].data[rows] for name in found.colnames}
        page = assembled([sheets[row] for row in rows], columns, title=catalog.stem, header=found.meta)
        with replacing(output, overwrite=overwrite) as unfinished:
            unfinished.write_text(page, encoding="utf-8")
    results.print(f"{output}: {len(rows)} spectra, {len(page.encode()) / 1e6:.1f} MB", soft_wrap=True)
    if unread:
        raise typer.Exit(1)


def _files_of(catalog: Path, found: Any) -> list[str]:
    if "FILE" not in found.colnames:
        raise ValueError(f"{catalog}: it does not say where the spectra are: give their files after it")
    return list(dict.fromkeys(str(name).strip() for name in found["FILE"]))


def _sheets(
    found: Any, paths: Sequence[Path], models: "Sequence[AbstractModel]", curves: Path | None
) -> "tuple[dict[int, Sheet], int]":
    """Return the sheets of spectra by the row of the catalog, and how many inputs could not be read.

    Spectra are known by name and file; where that is that of several, they are in the order of the rows.
    """
    from jaxz.cli.inputs import Inputs
    from jaxz.inspect import sheets_of

    left: dict[str, dict[str, list[int]]] = {}
    for row, name in enumerate(found["ID"]):
        left.setdefault(str(name).strip(), {}).setdefault(_file_of(found, row), []).append(row)
    sheets: dict[int, Sheet] = {}
    inputs = Inputs(paths, **reading(found.meta))
    for spectra in inputs.groups(GROUP):
        taken = {_row_of(left, spectra, place): place for place in range(len(spectra))}
        here = sorted(row for row in taken if row is not None)
        if not here:
            continue
        columns = {name: found[name].data[here] for name in found.colnames}
        curve = None if curves is None else curves_of(curves, found, here)
        made = sheets_of(spectra[[taken[row] for row in here]], columns, models, curve)
        sheets |= dict(zip(here, made, strict=True))
    return sheets, inputs.unreadable


def _file_of(found: Any, row: int) -> str:
    """Return the file that a row is of, or "" where the catalog does not say."""
    return str(Path(str(found["FILE"][row]).strip()).resolve()) if "FILE" in found.colnames else ""


def _row_of(left: dict[str, dict[str, list[int]]], spectra: "Spectra", place: int) -> int | None:
    """Return the row of a spectrum, which is then no other's: that of its name and file, or of its name alone.

    Files may have been moved: where no row has the file, that of the name alone is taken, if all of them have one file.
    """
    named = left.get(spectra.ids[place].strip(), {})
    file = str(Path(str(spectra.meta["FILE"][place])).resolve()) if "FILE" in spectra.meta else ""
    rows = named.get(file, next(iter(named.values())) if len(named) == 1 else [])
    return rows.pop(0) if rows else None
