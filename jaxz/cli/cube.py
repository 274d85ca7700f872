"""The options of `jaxz zfind` that make spectra of parts of a cube, and those that write redshifts back to sources."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jaxz.cli.console import check_names, say

if TYPE_CHECKING:
    from jaxz.io.extraction import Extraction

BinSnr = Annotated[
    float | None,
    typer.Option(
        metavar="S/N",
        help="Of a cube, measure bins of spaxels whose continuum has this S/N in a pixel, instead of all spaxels.",
    ),
]
Segmentation = Annotated[
    Path | None,
    typer.Option(metavar="MAP", help="Of a cube, measure the sum of each label of this FITS image of its spaxels."),
]
Positions = Annotated[
    Path | None,
    typer.Option(metavar="TABLE", help="Of a cube, measure the sources of this table, columns RA and DEC in degrees."),
]
Aperture = Annotated[
    float | None, typer.Option(metavar="ARCSEC", help="Radius around positions.  [0.7]", show_default=False)
]
Psf = Annotated[
    float | None,
    typer.Option(metavar="ARCSEC", help="Around positions, weights of a point source of this FWHM, not an aperture."),
]
Sources = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="Write MPDAF source files with their redshift, Z_DESC JAXZ, to this folder too."
    ),
]


def chosen_extraction(
    bin_snr: float | None, segmentation: Path | None, positions: Path | None, aperture: float | None, psf: float | None
) -> "Extraction | None":
    """Return what is to be made of a cube; None if its spaxels are to be measured one by one.

    Raises:
        ValueError: if the options do not fit together.
    """
    from jaxz.io.extraction import Extraction

    if all(one is None for one in (bin_snr, segmentation, positions, aperture, psf)):
        return None
    return Extraction(bin_snr=bin_snr, segmentation=segmentation, positions=positions, aperture=aperture, psf=psf)


def extracted(files: Sequence[Path], how: "Extraction", output: Path, *, overwrite: bool, replaces: bool) -> Path:
    """Return the file, beside the output, of the spectra that are made of a cube; it is written unless it is there.

    Args:
        files: the cube alone.
        how: what is made of it.
        output: the catalog.
        overwrite: whether spectra of another kind may be replaced.
        replaces: whether the output may exist.

    Raises:
        ValueError: if there are several files, or the output exists.
        FileError: as `jaxz.io.extract`.
    """
    from jaxz import io
    from jaxz.io.extraction import is_extracted, write_extracted

    if len(files) != 1:
        raise ValueError(f"{len(files)} files with --bin-snr, --segmentation or --positions: give one cube")
    check_names(output, overwrite=replaces)
    path = output.with_name(f"{output.name.partition('.')[0]}-spectra.fits")
    if is_extracted(path, how, files[0]):
        return path
    inputs = [one for one in (*files, how.segmentation, how.positions) if one is not None]
    io.check_output(path, overwrite=overwrite, inputs=inputs)
    with io.claimed(path):
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always", io.FileWarning)
            made = io.extract(files[0], how)
        for note in notes:
            say(note.message)
        say(made.noise.said(files[0]))
        write_extracted(made, path, how, overwrite=overwrite)
    say(f"{path}: {len(made.spectra)} spectra of {files[0]}")
    return path
