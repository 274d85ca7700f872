"""A catalog and its spectra → the best fits, in the pixels of the spectra."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxz.batch.jobs import expanded
from jaxz.batch.plan import plan
from jaxz.batch.work import Job, load
from jaxz.candidates import fits_of
from jaxz.io.catalog import read_catalog
from jaxz.io.files import FileError
from jaxz.io.model_file import write_models
from jaxz.models import AbstractModel
from jaxz.spectra import Spectra


def write_best_fits(
    job: Job,
    models: Sequence[AbstractModel],
    files: Sequence[str | Path],
    catalog: str | Path,
    path: str | Path,
    *,
    nth: int = 1,
    overwrite: bool = False,
) -> None:
    """Read spectra again, and write the best fit of each at a candidate (see `jaxz.io.model_file.write_models`).

    The coefficients are fitted again, those of nuisance parts and of an error model too, so that the catalog need not
    have them. All spectra are in memory for it, without their resolution matrices.

    Args:
        job: with which the catalog was made.
        models: that were compared.
        files: and folders, as the catalog was made of.
        catalog: FITS.
        path: of the file.
        nth: of the candidates in ZALT, 1 for the best; where a spectrum has fewer the fit is NaN.
        overwrite: whether to replace an existing file.

    Raises:
        FileError: if the catalog is not of these files, or the file cannot be written.
        ValueError: if the catalog has fewer candidates.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> jaxz.io.write(spectra, "spectra.fits")
        >>> model = jaxz.NonNegative(basis)
        >>> complete = jaxz.batch.run(["spectra.fits"], model, "redshifts.fits", zmax=0.1).complete
        >>> job = jaxz.batch.Job(lambda spectra, **_: None, {})  # its files are read as the catalog's were
        >>> jaxz.batch.write_best_fits(job, [model], ["spectra.fits"], "redshifts.fits", "models.fits")
    """
    table = read_catalog(catalog)
    most = np.atleast_2d(table["ZALT"]).shape[1]
    if not 1 <= nth <= most:
        raise ValueError(f"nth={nth}: {catalog} has candidates 1 to {most}")
    pieces, flux = [], []
    for spectra, rows in _measured(job, files, table):
        # Resolution matrices are large, and not written.
        pieces.append(Spectra(spectra.wave, spectra.flux, spectra.ivar, ids=spectra.ids, meta=spectra.meta))
        z, chi2 = (np.asarray(table[name][rows], dtype=float)[:, [nth - 1]] for name in ("ZALT", "ZALT_CHI2"))
        flux.append(fits_of(spectra, models, z, chi2).flux[:, 0].astype(np.float32))
    if sum(map(len, pieces)) != len(table):
        raise FileError(f"{catalog}: holds other spectra than its files now have: measure them again")
    whole = Spectra.concatenate(pieces)
    width = whole.flux.shape[1]
    padded = [np.pad(one, ((0, 0), (0, width - one.shape[1])), constant_values=np.nan) for one in flux]
    write_models(whole, np.concatenate(padded), catalog, path, nth=nth, overwrite=overwrite)


def _measured(job: Job, files: Sequence[str | Path], table: Any) -> Iterator[tuple[Spectra, slice]]:
    """Yield spectra that are in a catalog, and their rows; those of a part that failed are in none."""
    names = [(str(name).strip(), str(file).strip()) for name, file in zip(table["ID"], table["FILE"], strict=True)]
    begin = 0
    for part in plan(expanded(files)[0])[0]:
        for piece in load(job, part).pieces:
            given = zip(piece.ids, piece.meta["FILE"].tolist(), strict=True)
            wanted = [(name.strip(), file.strip()) for name, file in given]
            if names[begin : begin + len(piece)] == wanted:
                yield piece, slice(begin, begin + len(piece))
                begin += len(piece)
