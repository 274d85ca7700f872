"""The header of a catalog → the models that it was made with, and how its spectra are read."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jaxz.cli.columns import chosen_columns

if TYPE_CHECKING:
    import numpy as np
    from astropy.table import Table

    from jaxz.models import AbstractModel, Basis, Madgics


class Named(NamedTuple):
    """A model as the header names it.

    Attributes:
        name, version: of the basis or the target.
        sha256: its fingerprint, or None.
        nnuisance: parts that lie beside what slides.
    """

    name: str
    version: str
    sha256: str | None
    nnuisance: int


def models_in(header: Mapping[str, Any]) -> list[Named]:
    """Return the models of a catalog; one that is not of jaxz has none."""
    numbers = itertools.takewhile(lambda number: f"MODEL{number}" in header, itertools.count())
    keys = [("BASIS", "BASISVER", "BASISSHA", "NNUIS"), ("TARGET", "TARGVER", "TARGSHA", "NNUIS")]
    keys += [(f"MODEL{number}", f"MODVER{number}", f"MODSHA{number}", f"NNUIS{number}") for number in numbers]
    found = (map(header.get, one) for one in keys if one[0] in header)
    return [Named(str(name), str(version), sha256, nnuisance or 0) for name, version, sha256, nnuisance in found]


def basis_of(catalog: Path, header: Mapping[str, Any], sha256: str | None, given: str | None) -> "Basis":
    """Return the basis that has a fingerprint if jaxz ships it, else the one that is given or the header names.

    Raises:
        ValueError: if there is none.
        FileError: if it cannot be read.
    """
    from jaxz import io

    shipped = (io.load_basis(one) for one in io.basis_names() if given is None)
    basis = next((one for one in shipped if one.sha256 == sha256), None)
    return basis or io.load_basis(given or _named(catalog, header))


def _named(catalog: Path, header: Mapping[str, Any]) -> str | None:
    if "BASISARG" not in header:
        raise ValueError(f"{catalog}: its header names no basis: give one with --basis")
    return None if header["BASISARG"] == "default" else header["BASISARG"]


def fitted_models(catalog: Path, header: Mapping[str, Any], given: str | None) -> "list[AbstractModel]":
    """Return all models that the redshifts of a catalog were found with, their sky and error model with them.

    A catalog that is not of jaxz has those of the basis that is given, or none.

    Args:
        catalog: for messages.
        header: of the catalog.
        given: basis, where it is not where the header says.

    Raises:
        ValueError: if a basis is not the one that the redshifts were measured with.
        FileError: if one cannot be read.
    """
    from jaxz import io
    from jaxz.models import ErrorModel, Free, NonNegative

    if "TARGARG" in header:
        return [target_model(header)]
    known = models_in(header)
    sky = _sky_in(header, max((one.nnuisance for one in known), default=0))
    if not known and given is None:
        return []
    models = []
    for one in known or [Named("", "", None, 0)]:
        basis = basis_of(catalog, header, one.sha256, given)
        if one.sha256 not in (None, basis.sha256):
            raise ValueError(
                f"{catalog}: was measured with {one.name} {one.version} (SHA-256 {one.sha256[:8]}…), not with "
                f"{basis.name} {basis.version} ({basis.sha256[:8]}…): give that basis with --basis, or measure again"
            )
        parts = [io.load_component(name).with_step(basis.grid.step) for name in sky]
        error = ErrorModel.from_cards(header)
        if basis.method == "PCA":
            models.append(Free(basis, parts, error=error))
        else:
            models.append(NonNegative(basis, parts, error=error, weighting=header.get("WEIGHTS", "ivar")))
    return models


def target_model(header: Mapping[str, Any]) -> "Madgics":
    """Return the model of a catalog of `jaxz lae`: its target, as it is in its file, and what lies beside it.

    Raises:
        FileError: if a component cannot be read.
        ValueError: if they do not fit together.
    """
    from jaxz.cli.lae import components

    return components(header["TARGARG"], _sky_in(header, int(header.get("NNUIS", 0))))


def _sky_in(header: Mapping[str, Any], number: int) -> list[str]:
    """Return the names or files of so many components of the sky."""
    return [str(header[f"SKYARG{i}"]) for i in range(number)]


def curves_of(path: Path, found: "Table", rows: Sequence[int]) -> "tuple[np.ndarray, np.ndarray]":
    """Return trial redshifts and χ² there, (spec, shift), of some rows of a catalog, from its file of curves.

    Those of one name are in the file in the order in which they are in the catalog.

    Args:
        path: of the file.
        found: the catalog.
        rows: increasing.

    Raises:
        FileError: as `jaxz.io.read_curves`.
    """
    import numpy as np

    from jaxz import io

    names = [str(name).strip() for name in found["ID"]]
    wanted = {names[row] for row in rows}
    asked = [row for row, name in enumerate(names) if name in wanted]
    z, chi2 = io.read_curves(path, [names[row] for row in asked])
    return z, chi2[np.searchsorted(asked, rows)]


def reading(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of `jaxz.io.open_spectra` with which the spectra of a catalog were read."""
    how = {"format": "FORMAT", "spectrum": "SPENAME", "medium": "MEDIUM"}
    options = {option: header.get(card) or None for option, card in how.items()}
    return {"columns": chosen_columns(header.get("COLUMNS")), **options}
