"""`jaxz evaluate`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jaxz.cli import evaluation, promises
from jaxz.cli.console import check_outputs, errors_in_one_line, listed, make_folder, results, say
from jaxz.cli.matching import match_rows
from jaxz.cli.plot import save_figure

if TYPE_CHECKING:
    import numpy as np

    from jaxz.validate import Match

PICTURES = ("redshifts.png", "bins.png", "errors.png", "separation.png", "reliability.png")
"""What ``--figures`` writes; errors and separation where the catalog has scores, the last where it has PCONF."""


def evaluate(
    catalog: Annotated[Path, typer.Argument(help="Catalog of `jaxz zfind` or `jaxz lae`.")],
    truth: Annotated[
        Path,
        typer.Argument(
            help="Table (FITS, ECSV, CSV) with ID or TARGETID, and the true Z; SNR_CONT and SNR_LINE are used, and "
            "sources of TYPE BLANK are known to be none. Or a CSV of visual inspections, of `jaxz inspect` or prospect."
        ),
    ],
    tolerance: Annotated[float, typer.Option(help="Call a redshift good up to this |Δz|/(1+z).")] = 0.005,
    bins: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column of the truth, such as a magnitude, to bin in too; any number."),
    ] = None,
    beside: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="CATALOG",
            help="Catalog of the same sources at another depth, for the figures of --bins; any number.",
        ),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help=f"Draw it all too, in a folder that is made if need be: {', '.join(PICTURES)}."
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace figures that exist.")] = False,
) -> None:
    """Compare a catalog with true redshifts.

    Shows the good fraction with its 95 % Wilson interval, the mean absolute error without outliers (beyond 5 MAD), bias
    and scatter of the good redshifts; the good fraction in bins of redshift and signal-to-noise; which emission lines
    were taken for others; completeness and purity of what thresholds on the scores keep (true sources where the truth
    has blank ones too, else right redshifts); how true ZWARN = 0, PCONF, ZALT_PROB, Z_LO to Z_HI and ZERR are; and the
    failures. Of visual inspections those of VI_quality 3 and 4 are taken as true.

    Example: `jaxz evaluate 3h.fits truth.ecsv --beside 30h.fits --bins F775W --figures figures/`
    """
    import numpy as np

    from jaxz import io

    with errors_in_one_line():
        if not tolerance > 0:
            raise ValueError(f"--tolerance {tolerance}: use a number above 0")
        if figures is not None:
            make_folder(figures)
            depth = [f"depth-{column}.png" for column in bins or ()]
            check_outputs(*(figures / name for name in (*PICTURES, *depth)), overwrite=overwrite)
        if beside and not (bins and figures):
            raise ValueError("--beside is for the figures of --bins: give --bins COLUMN and --figures FOLDER too")
        true = io.read_truth(truth)
        _require(truth, true)
        known = true[_is_blank(true) | (np.isfinite(true["Z"]) & (true["Z"] > -1))]
        if len(known) < len(true):
            say(f"{truth}: {len(true) - len(known)} sources have no true redshift and are left out")
        samples = {path.name: _sample(path, truth, known, bins or ()) for path in (catalog, *(beside or ()))}
    sample = samples[catalog.name]
    evaluation.show_summary(sample, tolerance, title=f"{catalog.name} against {truth.name}")
    evaluation.show_bins(sample, tolerance)
    evaluation.show_confusions(sample, tolerance)
    evaluation.show_scores(sample, tolerance)
    promises.show_promises(sample, tolerance)
    evaluation.show_failures(sample, tolerance)
    if figures is not None:
        drawn = evaluation.figures_of(sample, tolerance)
        if (reliability := promises.reliability_figure(sample, tolerance)) is not None:
            drawn["reliability.png"] = reliability
        drawn |= evaluation.depth_figures(samples, bins or (), tolerance)
        for name, figure in drawn.items():
            save_figure(figure, figures / name, overwrite=overwrite)
            results.print(f"{figures / name}", soft_wrap=True)


def _sample(catalog: Path, truth: Path, known: Any, bins: Sequence[str]) -> evaluation.Sample:
    """Return what a catalog and the truth say of the same sources, and say which have no match."""
    from jaxz import io

    found = io.read_catalog(catalog)
    _require(catalog, found)
    match = match_rows(catalog, found, truth, known).match
    _report_unmatched(catalog, found, truth, known, match)
    rows = match.truth_rows
    return evaluation.sample_of(found[match.rows], known[rows], _is_blank(known)[rows], bins)


def _require(path: Path, columns: Any) -> None:
    if "Z" not in columns.colnames or not {"ID", "TARGETID"} & set(columns.colnames):
        raise ValueError(f"{path}: needs a column Z and a column ID or TARGETID, has {', '.join(columns.colnames)}")
    if columns["Z"].dtype.kind not in "fiu" or columns["Z"].ndim != 1:
        raise ValueError(f"{path}: column Z holds no numbers, or several in a row ({columns['Z'].dtype})")


def _report_unmatched(catalog: Path, found: Any, truth: Path, known: Any, match: "Match") -> None:
    for path, columns, rows in ((catalog, found, match.unmatched), (truth, known, match.truth_unmatched)):
        if len(rows):
            key = "ID" if "ID" in columns.colnames else "TARGETID"
            say(f"{path}: {len(rows)} without a match: {listed(columns[key][rows])}")


def _is_blank(true: Any) -> "np.ndarray":
    import numpy as np

    if "TYPE" not in true.colnames:
        return np.zeros(len(true), dtype=bool)
    return np.array([str(kind).strip().upper() == "BLANK" for kind in true["TYPE"]], dtype=bool)
