"""Redshifts and spectra → files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from astropy.io import fits

from jaxz.arguments import check_types
from jaxz.io.catalog import catalog_cards, catalog_hdus, catalog_tables
from jaxz.io.output import check_kind, replacing
from jaxz.io.parquet import ParquetFile, is_parquet
from jaxz.io.spectra_file import spectra_hdus
from jaxz.redshift import Redshifts
from jaxz.spectra import Spectra


def write(
    contents: Redshifts | Spectra,
    path: str | Path,
    *,
    header: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a redshift catalog, which `read_catalog` reads, or spectra, which `read` reads to the bit.

    **Redshifts**: HDU ``REDSHIFTS``, with the columns of `to_table`. Columns of `meta` with a dot in their name become
    tables of their own, row by row beside REDSHIFTS: ``FIBERMAP.OBJTYPE`` is the column OBJTYPE of the HDU
    ``FIBERMAP``. Both headers say the versions of jaxz and JAX, the device, and name, version and SHA-256 of the
    models: of a basis, or of a target (with its calibration) and of each nuisance component. Of several models these
    are MODEL0, MODVER0, MODSHA0, NNUIS0, NUIS00, NUSHA00 and so on, in the order in which they were compared. If the
    name ends in ``.parquet``, all is one table of Parquet (see `jaxz.io.parquet.ParquetFile`).

    **Spectra**: table ``SPECTRA`` (``ID``, ``FLUX``, ``IVAR``, float32 or float64 as they are), image ``WAVE`` (pix,)
    in vacuum Å, or a column WAVE where the wavelength grids differ, table ``META`` with the columns of `meta` and image
    ``RESOLUTION``, where there are any. FLUX and IVAR have the unit that `meta` gives as ``FLUXUNIT``. Read again, all
    is as it was, but for ``FILE``, which becomes the new file.

    Letters that are not ASCII, which FITS has not, are written as Python escapes them, and read as they were.

    Args:
        contents: what to write.
        path: of the file; it appears only when it is complete.
        header: further keywords, e.g. the grid and the options (long ones become HIERARCH cards).
        overwrite: whether to replace an existing file.

    Raises:
        FileError: as `check_output`; or if there are no spectra, or their wavelengths are not between 100 Å and 10 µm.

    Example:
        >>> spectra = jaxz.Spectra(np.linspace(5000, 6000, 101), np.ones((2, 101)), np.ones((2, 101)), ids="ab")
        >>> jaxz.io.write(spectra, "spectra.fits", overwrite=True)
    """
    check_kind(path)
    if isinstance(contents, Spectra):
        hdus = spectra_hdus(contents, path, header)
    else:
        check_types("write(contents, path)", contents=(contents, Redshifts))
        cards, tables = catalog_cards(contents, header), catalog_tables(contents)
        hdus = catalog_hdus(cards, tables)
        if is_parquet(path):
            with replacing(path, overwrite=overwrite) as unfinished, ParquetFile(unfinished, cards) as file:
                file.write({name: dict(table.items()) for name, table in tables.items()})
            return
    with replacing(path, overwrite=overwrite) as unfinished:
        fits.HDUList(hdus).writeto(unfinished)
