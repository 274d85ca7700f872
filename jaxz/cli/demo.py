"""`jaxz demo`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jaxz.cli.console import check_outputs, errors_in_one_line, messages, results, show, table
from jaxz.cli.plot import save_figure

if TYPE_CHECKING:
    from jaxz.mock import Truth
    from jaxz.redshift import Redshifts


def demo(
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="Simulate so many spectra.")] = 24,
    seed: Annotated[int, typer.Option(min=0, help="Draw random numbers with this seed.")] = 1,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER", help="Write jaxz-demo.png into this folder.")
    ] = Path(),
) -> None:
    """Simulate spectra, find their redshifts, and show both in a table and a picture.

    The spectra are galaxies of a deep field as MUSE would see them (`jaxz simulate muse`), many of them faint. Lyα is
    redder than its galaxy by a few 100 km/s, more than the error. An earlier jaxz-demo.png is replaced.

    Example: `jaxz demo -n 24 -o pictures/`
    """
    import numpy as np

    from jaxz import io, mock
    from jaxz.plot import known_lines, plot_demo
    from jaxz.redshift import find_redshifts
    from jaxz.scan import nmf_scan

    picture = output / "jaxz-demo.png"
    with errors_in_one_line():
        check_outputs(picture, overwrite=True)
        basis = io.load_basis()
    spectra, truth = mock.survey(mock.INSTRUMENTS["muse"](), number, seed=seed)
    with messages.status(f"compiling, then scanning {number} spectra"):
        scan = nmf_scan(spectra, basis)
        found = find_redshifts(scan, spectra)
    _show(found, truth)
    middle = int(np.argsort(truth.snr_line)[number // 2])
    figure = plot_demo(spectra, scan, found, truth.z, row=middle, lines=known_lines())
    save_figure(figure, picture, overwrite=True)
    results.print(f"picture: {picture}", soft_wrap=True)


def _show(found: "Redshifts", truth: "Truth") -> None:
    from jaxz import validate
    from jaxz.status import names_of
    from jaxz.summary import LIGHT_SPEED

    good = validate.is_good(found.z, truth.z)
    shown = table("type", "line S/N", "true z", "found z", "Δv (km/s)", "error", "Δχ²", "warnings")
    for row in range(len(found)):
        shown.add_row(
            truth.type[row],
            f"{truth.snr_line[row]:.1f}",
            f"{truth.z[row]:.4f}",
            f"{found.z[row]:.4f}",
            f"{LIGHT_SPEED * validate.velocity_error(found.z, truth.z)[row]:+.0f}" if good[row] else "wrong",
            f"{LIGHT_SPEED * found.zerr[row] / (1 + found.z[row]):.0f}",
            f"{found.deltachi2[row]:.0f}",
            names_of(int(found.zwarn[row])),
        )
    show(shown)
    fraction = validate.good_fraction(found.z, truth.z)
    results.print(
        f"within {validate.TOLERANCE}(1+z): {fraction.ngood} of {fraction.ntotal} "
        f"(95 % interval of the fraction: {fraction.low:.2f} to {fraction.high:.2f}); "
        f"others with a warning: {(~good & (found.zwarn != 0)).sum()} of {(~good).sum()}",
        soft_wrap=True,
    )
