"""`jaxz calibrate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jaxz.cli import measure as common
from jaxz.cli.console import check_outputs, errors_in_one_line, results, show, table
from jaxz.cli.labelled import Truth, read_labelled

if TYPE_CHECKING:
    import numpy as np

    from jaxz.redshift import Redshifts

NFOLDS = 5
"""Folds in which what the calibration promises is tried."""


def calibrate(
    files: common.Files,
    truth: Truth,
    output: Annotated[Path, typer.Option("-o", "--output", help="Write the calibration to this file (JSON).")],
    name: Annotated[str, typer.Option(help="Name the calibration, for the header of catalogs.")],
    zmin: common.Zmin = 0.0,
    zmax: common.Zmax = 6.7,
    classes: Annotated[str, typer.Option(help="Compare these classes, as `jaxz zfind` will.")] = "galaxy,star,qso",
    batch_size: common.BatchSize = 64,
    overwrite: common.Overwrite = False,
) -> None:
    """Learn how much of Δχ² to believe, and how well z is known, from spectra of one kind with known redshifts.

    Some hundred spectra are wanted, some of them difficult; where they say nothing the default stays. `jaxz zfind
    --calibration` takes the result. Shown is what it is worth on spectra that it has not seen, in five folds.

    Example: `jaxz calibrate spectra/ --truth truth.ecsv --name mine -o mine.json`
    """
    import numpy as np

    from jaxz import io
    from jaxz.classes import redshifts
    from jaxz.train import cross_calibrate, fit_calibration

    with errors_in_one_line():
        check_outputs(output, overwrite=overwrite, inputs=[*files, *truth])
        spectra, ztrue, unreadable = read_labelled(files, truth)
        found = redshifts(spectra, zmin=zmin, zmax=zmax, classes=classes.split(","), batch_size=batch_size)
        learned = fit_calibration(found, ztrue, name=name)
        note = f"{len(spectra)} spectra of {', '.join(path.name for path in files)}"
        io.write_calibration(learned, output, note=note, overwrite=overwrite)
    shown = table("", "learned", "default", title=name)
    for key, meaning in (
        ("temperature", "T of Δχ²"),
        ("misfit", "rise of T with χ²/n"),
        ("delta_chi2", "least Δχ²/T"),
        ("optical", "km/s added, optical lines"),
        ("ultraviolet", "km/s added, Lyα, ultraviolet"),
        ("level", "share of P(z) to hold 0.9"),
    ):
        shown.add_row(meaning, *(f"{getattr(one, key):.4g}" for one in (learned, found.calibration)))
    show(shown)
    if len(spectra) >= 2 * NFOLDS:
        _show_promises([(np.arange(len(found)), found)], cross_calibrate(found, ztrue, nfolds=NFOLDS), ztrue)
    results.print(f"{output}: from {note}", soft_wrap=True)
    if unreadable:
        raise typer.Exit(1)


def _show_promises(
    before: "list[tuple[np.ndarray, Redshifts]]", after: "list[tuple[np.ndarray, Redshifts]]", ztrue: "np.ndarray"
) -> None:
    import numpy as np

    from jaxz import validate

    shown = table("", "default", "learned on others", title=f"\nin {NFOLDS} folds")
    numbers = []
    for parts in (before, after):
        score = [validate.log_score(ztrue[rows], one.zalt, one.zalt_prob) for rows, one in parts]
        pull = [validate.pulls(one.z, one.zerr, ztrue[rows]) for rows, one in parts]
        inside = [validate.is_inside(*one.z_interval, ztrue[rows]) for rows, one in parts]
        joined = (np.concatenate(values) for values in (score, pull, inside))
        score, pull, inside = joined
        numbers.append((score.mean(), validate.pull_width(pull), inside.mean()))
    for name, *values in zip(("mean log score", "width of the pulls", "in Z_LO … Z_HI"), *numbers, strict=True):
        shown.add_row(name, *(f"{value:.3f}" for value in values))
    show(shown)
