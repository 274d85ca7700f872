"""A catalog and its spectra → the best fits, in the pixels of the spectra."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxz.batch.jobs import expanded
from jaxz.batch.plan import plan
from jaxz.batch.work import Job, load
from jaxz.io.cards import in_ascii
from jaxz.io.catalog import read_catalog
from jaxz.io.files import FileError
from jaxz.io.model_file import write_models
from jaxz.likelihood import best_fit
from jaxz.models import AbstractModel
from jaxz.spectra import Spectra


def write_best_fits(
    job: Job,
    models: Sequence[AbstractModel],
    files: Sequence[str | Path],
    catalog: str | Path,
    path: str | Path,
    *,
    overwrite: bool = False,
) -> None:
    """Read spectra again, and write the best fit of each at its redshift (see `jaxz.io.model_file.write_models`).

    The coefficients are fitted again, those of nuisance parts and of an error model too, so that the catalog need not
    have them. All spectra are in memory for it, without their resolution matrices.

    Args:
        job: with which the catalog was made.
        models: that were compared, by whose names SUBTYPE tells which fits best.
        files: and folders, as the catalog was made of.
        catalog: FITS.
        path: of the file.
        overwrite: whether to replace an existing file.

    Raises:
        FileError: if the catalog is not of these files, or the file cannot be written.

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
    pieces, flux = [], []
    for spectra, rows in _measured(job, files, table):
        # Resolution matrices are large, and not written.
        pieces.append(Spectra(spectra.wave, spectra.flux, spectra.ivar, ids=spectra.ids, meta=spectra.meta))
        flux.append(_best_fits(spectra, models, table[rows]))
    if sum(map(len, pieces)) != len(table):
        raise FileError(f"{catalog}: holds other spectra than its files now have: measure them again")
    whole = Spectra.concatenate(pieces)
    width = whole.flux.shape[1]
    padded = [np.pad(one, ((0, 0), (0, width - one.shape[1])), constant_values=np.nan) for one in flux]
    write_models(whole, np.concatenate(padded), catalog, path, overwrite=overwrite)


def _measured(job: Job, files: Sequence[str | Path], table: Any) -> Iterator[tuple[Spectra, slice]]:
    """Yield spectra that are in a catalog, and their rows; those of a part that failed are in none."""
    names = [(str(name).strip(), str(file).strip()) for name, file in zip(table["ID"], table["FILE"], strict=True)]
    begin = 0
    for part in plan(expanded(files)[0])[0]:
        for piece in load(job, part).pieces:
            given = zip(piece.ids, piece.meta["FILE"].tolist(), strict=True)
            wanted = [(in_ascii(name).strip(), in_ascii(file).strip()) for name, file in given]
            if names[begin : begin + len(piece)] == wanted:
                yield piece, slice(begin, begin + len(piece))
                begin += len(piece)


def _best_fits(spectra: Spectra, models: Sequence[AbstractModel], rows: Any) -> np.ndarray:
    """Return the flux of the model that fits best, (spec, pix)."""
    flux = np.full(spectra.flux.shape, np.nan, dtype=np.float32)
    subtype = np.array([str(name).strip() for name in rows["SUBTYPE"]])
    z = np.asarray(rows["Z"], dtype=np.float64)
    for model in models:
        its = np.flatnonzero((subtype == model.name) & np.isfinite(z))
        if len(its):
            flux[its] = best_fit(spectra[its], model, z[its])
    return flux
