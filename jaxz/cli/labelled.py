"""Spectrum files and tables of true redshifts → labelled spectra."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from jaxz.cli.console import listed, say

if TYPE_CHECKING:
    import numpy as np

    from jaxz.spectra import Spectra


Truth = Annotated[
    list[Path], typer.Option(help="Table (FITS, ECSV, CSV) with ID or TARGETID, and the true Z; may be repeated.")
]


def read_labelled(files: Sequence[Path], tables: Sequence[Path]) -> "tuple[Spectra, np.ndarray, int]":
    """Return the spectra that have a true redshift, those redshifts, and the number of inputs that could not be read.

    What is left out, and why, is said on standard error.

    Args:
        files: spectrum files, and folders of them.
        tables: with columns ID or TARGETID, and Z.

    Raises:
        ValueError: if no spectrum can be read, none has a true redshift, or a name has two of them.
        FileError: if a table cannot be read.
    """
    import numpy as np

    from jaxz.cli.inputs import read_files
    from jaxz.train import labelled

    spectra, unreadable = read_files(files)
    known = read_known(tables)
    z, absent = known.of(spectra)
    if absent.all():
        raise known.foreign(spectra.ids)
    use = labelled(z) & (spectra.npixels > 1)
    for rows, why in (
        (absent, f"not in {known.where}"),
        (~absent & ~labelled(z), "no true redshift (missing, or below -0.01)"),
        (labelled(z) & (spectra.npixels <= 1), "no data"),
    ):
        if rows.any():
            left_out = [spectra.ids[row] for row in np.flatnonzero(rows)]
            say(f"{len(left_out)} spectra are left out, {why}: {listed(left_out)}")
    if not use.any():
        raise ValueError(f"{known.where}: no spectrum has a true redshift")
    return spectra[use], z[use], unreadable


class Known(NamedTuple):
    """Redshifts by the names of spectra.

    Attributes:
        where: the files they are from, for messages.
        z: by ID or TARGETID.
    """

    where: str
    z: dict[str, float]

    def of(self, spectra: "Spectra") -> "tuple[np.ndarray, np.ndarray]":
        """Return the redshift of each spectrum, NaN where it is not known, and which have no row at all, (spec,)."""
        import numpy as np

        names = [_known(spectra, row, self.z) for row in range(len(spectra))]
        z = np.array([np.nan if name is None else self.z[name] for name in names])
        return z, np.array([name is None for name in names])

    def foreign(self, names: Sequence[str]) -> ValueError:
        """Return the error that none of the spectra with these names is known."""
        return ValueError(
            f"{self.where}: holds none of the spectra: it begins with {listed(list(self.z))}, they with {listed(names)}"
        )


def read_known(tables: Sequence[Path]) -> Known:
    """Read redshifts.

    Args:
        tables: with columns ID or TARGETID, and Z.

    Raises:
        ValueError: if a name has two redshifts.
        FileError: if a table cannot be read.
    """
    import numpy as np

    truth: dict[str, float] = {}
    for path in tables:
        for name, z in _rows(path):
            if truth.setdefault(name, z) != z and not (np.isnan(z) and np.isnan(truth[name])):
                raise ValueError(f"{path}: {name!r} has two redshifts, {truth[name]:g} and {z:g}: leave one of them")
    return Known(", ".join(str(path) for path in tables), truth)


def _rows(path: Path) -> list[tuple[str, float]]:
    from jaxz import io

    table = io.read_truth(path)
    key = next((name for name in ("ID", "TARGETID") if name in table.colnames), None)
    if key is None or "Z" not in table.colnames or table["Z"].dtype.kind not in "fiu":
        raise ValueError(
            f"{path}: needs a column Z of numbers and a column ID or TARGETID, has {listed(table.colnames)}"
        )
    return [(str(row[key]).strip(), float(row["Z"])) for row in table]


def _known(spectra: "Spectra", row: int, truth: dict[str, float]) -> str | None:
    """Return the name by which the truth knows a spectrum: its own, or its TARGETID."""
    from jaxz.io.identifiers import NOT_A_TARGET

    targetid: Any = spectra.meta.get("TARGETID")
    known = [] if targetid is None or targetid[row] == NOT_A_TARGET else [str(targetid[row])]
    names = [spectra.ids[row], *known]
    return next((name for name in names if name in truth), None)
