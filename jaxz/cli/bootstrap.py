"""How many exposures the confirmed emitters of a catalog need, for `jaxz target --exposures`."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxz.cli.console import show, table
from jaxz.cli.fitted import target_model

if TYPE_CHECKING:
    from jaxz.spectra import Spectra
    from jaxz.validate import Bootstrap

SEED = 1
"""Of the exposures that are drawn."""


def coadds_of(catalog: Path, found: Any, files: Sequence[Path], ids: Collection[str]) -> "tuple[Bootstrap, bool]":
    """Return redshifts of coadds of 1, 2, 4, … exposures of some targets, with the model of their catalog [L, fig. 10].

    Args:
        catalog, found: of `jaxz lae`.
        files: of single exposures.
        ids: the targets.

    Returns:
        The redshifts, and whether a file could not be read, which is said.

    Raises:
        ValueError: if the catalog is not of `jaxz lae`, or there is nothing to draw from.
    """
    from jaxz.models import Madgics
    from jaxz.validate import bootstrap_exposures

    header = found.meta
    if "TARGARG" not in header:
        raise ValueError(f"{catalog}: --exposures needs a catalog of `jaxz lae`: leave it out")
    model = target_model(header)
    exposures, unreadable = _exposures_of(files, ids)
    most = max(exposures.ids.count(name) for name in set(exposures.ids))
    coadds = bootstrap_exposures(
        exposures,
        Madgics(model.target.scaled(float(header["AMPLITUD"])), model.nuisance),
        counts=[2**power for power in range(most.bit_length())],
        seed=SEED,
        zmin=float(header["ZMIN"]),
        zmax=float(header["ZMAX"]),
        emission=str(header["EMISSION"]) in ("True", "T", "1"),
    )
    return coadds, unreadable


def show_converged(found: "Bootstrap") -> None:
    """Show which share of the redshifts has converged after how many exposures."""
    import numpy as np

    from jaxz import validate

    title = f"\nσ_z < {validate.CONVERGED:g} of {len(found.ids)} confirmed targets, exposures drawn with replacement"
    shown = table("exposures", "time", "converged", "share", "95 % interval", title=title)
    for column, count in enumerate(found.counts):
        one = validate.fraction_of(found.converged[:, column])
        hours = np.mean(found.exptime[:, column]) / 3600
        shown.add_row(
            str(count),
            f"{hours:.2f} h" if np.isfinite(hours) else "–",
            f"{one.ngood} of {one.ntotal}",
            f"{one.value:.3f}",
            f"{one.low:.3f} to {one.high:.3f}",
        )
    show(shown)


def _exposures_of(files: Sequence[Path], ids: Collection[str]) -> "tuple[Spectra, bool]":
    """Return the single exposures of some targets, and whether a file could not be read."""
    from jaxz import io
    from jaxz.cli.inputs import Inputs
    from jaxz.spectra import Spectra

    wanted, inputs = set(ids), Inputs(files)
    several = []
    for path in files:
        spectra: Spectra | None = inputs.said(io.read_desi, path, coadd=False)
        rows = [row for row, name in enumerate(spectra.ids if spectra else ()) if name in wanted]
        if spectra and rows:
            several.append(spectra[rows])
    if not several:
        raise ValueError(
            f"{', '.join(map(str, files))}: no exposure of a confirmed target: give their `spectra-*` files"
        )
    return Spectra.concatenate(several), inputs.unreadable > 0
