"""`jaxz target`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jaxz.cli import bootstrap, targeting
from jaxz.cli.console import check_outputs, errors_in_one_line, listed, make_folder, results, say
from jaxz.cli.matching import match_rows
from jaxz.cli.plot import save_figure

if TYPE_CHECKING:
    import numpy as np

OUTPUTS = ("cuts.ecsv", "rates.ecsv", "targeting.png")
"""What ``-o`` writes."""

EXPOSURES = "exposures.png"
"""What it writes with ``--exposures`` too."""


def target(
    catalog: Annotated[Path, typer.Argument(help="Catalog of `jaxz lae` or `jaxz zfind`.")],
    axes: Annotated[
        list[str],
        typer.Argument(
            metavar="QUANTITY...",
            help="One or two quantities to cut in: a column, or two with a minus between them, such as FLUX_G-FLUX_R. "
            "Columns `FLUX_*`, `FIBERFLUX_*` and `FIBERTOTFLUX_*` are taken as magnitudes.",
        ),
    ],
    table: Annotated[
        Path | None,
        typer.Option(help="Take the columns from this table with ID or TARGETID.  [the catalog's FIBERMAP]"),
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN=LEAST",
            help="Call a target confirmed from this score on, if ZWARN is 0 too.  [DETECTION=25, else PCONF=0.99]",
        ),
    ] = None,
    exposures: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="DESI file of single exposures (`spectra-*`), to show how many the confirmed need; any number.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FOLDER",
            help=f"Write {', '.join(OUTPUTS)}, and {EXPOSURES}, in a folder that is made if need be.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")] = False,
) -> None:
    """Show which targets were confirmed, by magnitude and colour, and suggest cuts to choose further targets by.

    Of each bin the share of confirmed targets is shown, with its 68 % Wilson interval, and the middle score. Three cuts
    are suggested, which aim to keep 90, 70 and 50 % of the confirmed: boxes, of which a side may be slanted, and with
    no more sides than they need. They are chosen on half of the targets (by a hash of their name) and their purity, the
    confirmed share of what they keep, and completeness are measured on the other half, with 95 % Wilson intervals.

    A flux that is not above 0 has no magnitude: such a target is in no bin, is kept by no cut in this magnitude, and
    counts against completeness. Magnitudes are AB, 22.5 - 2.5 log10 of nanomaggies or what the unit of the column says,
    not corrected for extinction. Fibres on sky and without data are no targets; of several spectra of one target the
    best counts.

    Example: `jaxz target emitters.fits FLUX_R FLUX_G-FLUX_R -o targeting/`
    """
    from jaxz import io

    with errors_in_one_line():
        if len(axes) > 2:
            raise ValueError(f"{' '.join(axes)}: are {len(axes)} quantities: give one or two")
        if output is not None:
            make_folder(output)
            names = (*OUTPUTS, EXPOSURES) if exposures else OUTPUTS
            inputs = [catalog, *([table] if table else ()), *(exposures or ())]
            check_outputs(*(output / name for name in names), overwrite=overwrite, inputs=inputs)
        found = io.read_catalog(catalog)
        rule = targeting.rule_of(catalog, found, score)
        sample = _sample(catalog, found, table or catalog, axes, rule)
        cuts = targeting.suggest(sample)
        coadds, unreadable = None, False
        if exposures:
            confirmed = sample.ids[sample.confirmed]
            coadds, unreadable = bootstrap.coadds_of(catalog, found, exposures, confirmed)
    targeting.show_rates(sample, title=catalog.name if table is None else f"{catalog.name} with {table.name}")
    targeting.show_cuts(sample, cuts)
    if output is not None:
        header = {"CATALOG": str(catalog), "TABLE": str(table or catalog), "CONFIRMED": rule.words}
        header |= {f"AXIS_{number}": name for number, name in enumerate(sample.axes, start=1)}
        tables = (targeting.cuts_table(sample, cuts), targeting.rates_table(sample))
        for name, columns in zip(OUTPUTS, tables, strict=False):
            with errors_in_one_line():
                io.write_table(columns, output / name, header=header, overwrite=overwrite)
        save_figure(targeting.figure(sample, cuts), output / OUTPUTS[-1], overwrite=overwrite)
        for name in OUTPUTS:
            results.print(f"{output / name}", soft_wrap=True)
    if coadds is not None:
        bootstrap.show_converged(coadds)
        if output is not None:
            from jaxz.plot import plot_bootstrap

            save_figure(plot_bootstrap(coadds), output / EXPOSURES, overwrite=overwrite)
            results.print(f"{output / EXPOSURES}", soft_wrap=True)
    if unreadable:
        raise typer.Exit(1)


def _sample(catalog: Path, found: Any, path: Path, axes: Sequence[str], rule: targeting.Rule) -> targeting.Sample:
    """Return what a catalog says of the targets of a table, one row for each, and say what is left out."""
    import numpy as np

    from jaxz import io

    table = io.read_targets(path)
    columns = [io.photometry(path, table, text) for text in axes]
    values = np.column_stack([column.values for column in columns])
    first = _first_rows(path, table, values)
    observed = targeting.is_observed(found)
    if not observed.all():
        say(f"{catalog}: {np.sum(~observed)} rows are sky, or have no data, and are left out")
    found = found[observed]
    key, match = match_rows(catalog, found, path, table[first])
    if len(match.unmatched):
        say(f"{path}: {len(match.unmatched)} rows of the catalog are not there: {listed(found['ID'][match.unmatched])}")
    rows = rule.best_of_each(found, match.rows, match.truth_rows)
    if repeated := len(match.rows) - len(rows):
        say(f"{catalog}: {repeated} spectra of targets with a better one are left out")
    place = np.full(len(found), -1)
    place[match.rows] = first[match.truth_rows]
    nonpositive = {column.name: int(column.nonpositive[place[rows]].sum()) for column in columns}
    for name, count in nonpositive.items():
        if count:
            say(f"{path}: {count} of {len(rows)} targets have a flux that is not above 0, and no {name}")
    return targeting.sample_of(
        catalog, path, found[rows], key, [one.name for one in columns], values[place[rows]], rule
    )


def _first_rows(path: Path, table: Any, values: "np.ndarray") -> "np.ndarray":
    """Return the first row of each target of a table, whose others must say the same of it."""
    import numpy as np

    from jaxz.io.identifiers import COLUMNS, NOT_A_TARGET

    key = next((name for name in COLUMNS if name in table.colnames), None)
    if key is None:
        raise ValueError(f"{path}: needs a column ID or TARGETID, has {', '.join(table.colnames)}")
    first: dict[str, int] = {}
    for row, name in enumerate(table[key]):
        if name == NOT_A_TARGET:
            continue
        before = first.setdefault(str(name).strip(), row)
        if not np.array_equal(values[before], values[row], equal_nan=True):
            raise ValueError(f"{path}: has rows of {name} that differ in what is asked for: leave one of them")
    return np.fromiter(first.values(), dtype=np.int64)
