"""`jaxz demo`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jaxz.cli.console import check_outputs, errors_in_one_line, messages, results, show, table
from jaxz.cli.plot import line_list, save_figure

if TYPE_CHECKING:
    import numpy as np

    from jaxz.redshift import Redshifts

ZMIN, ZMAX = 0.1, 6.0
SNR_MIN, SNR_MAX = 0.3, 20.0
"""Of a pixel (root mean square): from galaxies too faint for a secure redshift to bright ones."""


def demo(
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="Spectra to simulate.")] = 24,
    seed: Annotated[int, typer.Option(min=0, help="Of the random numbers.")] = 1,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where jaxz-demo.png goes.")
    ] = Path(),
) -> None:
    """Simulate spectra, find their redshifts, and show both in a table and a picture.

    The spectra are random combinations of the vectors of the default basis on the pixel grid of MUSE, with noise; 1 + z
    and the signal-to-noise are drawn evenly in their logarithms. An earlier jaxz-demo.png is replaced.
    """
    import numpy as np

    from jaxz import io, mock
    from jaxz.plot import plot_demo
    from jaxz.redshift import find_redshifts
    from jaxz.scan import nmf_scan

    picture = output / "jaxz-demo.png"
    with errors_in_one_line():
        check_outputs(picture, overwrite=True)
        basis = io.load_basis()
    rng = np.random.default_rng(seed)
    ztrue = (1 + ZMIN) * ((1 + ZMAX) / (1 + ZMIN)) ** rng.uniform(size=number) - 1
    snr = SNR_MIN * (SNR_MAX / SNR_MIN) ** rng.uniform(size=number)
    spectra, _ = mock.from_basis(basis, ztrue, snr, seed=int(rng.integers(2**32)))
    with messages.status(f"compiling, then scanning {number} spectra"):
        scan = nmf_scan(spectra, basis)
        found = find_redshifts(scan, spectra, basis)
    _show(found, ztrue, snr)
    middle = int(np.argsort(snr)[number // 2])
    figure = plot_demo(spectra, scan, found, basis, ztrue, row=middle, lines=line_list())
    save_figure(figure, picture, overwrite=True)
    results.print(f"picture: {picture}", soft_wrap=True)


def _show(found: "Redshifts", ztrue: "np.ndarray", snr: "np.ndarray") -> None:
    from jaxz import validate
    from jaxz.redshift import LIGHT_SPEED
    from jaxz.status import ZWarn

    good = validate.is_good(found.z, ztrue)
    shown = table("spectrum", "S/N", "true z", "found z", "km/s", "Δz/error", "Δχ²", "warnings")
    for row in range(len(found)):
        shown.add_row(
            found.ids[row],
            f"{snr[row]:.1f}",
            f"{ztrue[row]:.5f}",
            f"{found.z[row]:.5f}",
            f"±{found.zerr[row] / (1 + found.z[row]) * LIGHT_SPEED:.1f}",
            f"{(found.z[row] - ztrue[row]) / found.zerr[row]:+.1f}" if good[row] else "wrong",
            f"{found.deltachi2[row]:.0f}",
            ", ".join(bit.name or "" for bit in ZWarn(int(found.zwarn[row]))),
        )
    show(shown)
    fraction = validate.good_fraction(found.z, ztrue)
    results.print(
        f"within {validate.TOLERANCE}(1+z): {fraction.ngood} of {fraction.ntotal} "
        f"(95 % interval of the fraction: {fraction.low:.2f} to {fraction.high:.2f}); "
        f"others with a warning: {(~good & (found.zwarn != 0)).sum()} of {(~good).sum()}",
        soft_wrap=True,
    )
