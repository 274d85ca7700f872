"""`jaxz lines`."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jaxz.cli import measure as common
from jaxz.cli.columns import Columns, chosen_columns
from jaxz.cli.console import check_outputs, errors_in_one_line, make_folder, messages, results, say, show, table
from jaxz.cli.labelled import read_known
from jaxz.cli.summary import LISTED

if TYPE_CHECKING:
    import numpy as np
    from astropy.table import Table

    from jaxz.cli.inputs import Inputs
    from jaxz.lines import LineFits
    from jaxz.models import Basis
    from jaxz.spectra import Spectra

GROUP = 1024
"""Spectra whose models are in memory at a time."""

RESOLVING = 100.0
"""A number of --lsf from here on is a resolving power."""

STRONGEST = 5
"""Lines of a spectrum that the summary names."""


def lines(
    catalog: Annotated[
        Path,
        typer.Argument(help="Catalog of `jaxz zfind`, or any table (FITS, ECSV, CSV), with ID or TARGETID, and Z."),
    ],
    files: common.Files,
    output: Annotated[Path, typer.Option("-o", "--output", help="Table to write (FITS).")],
    lsf: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FWHM|R",
            help="Line-spread function, where files have no resolution matrix: muse, desi or vimos, a FWHM in Å, or, "
            "above 100, a resolving power.  [none: widths are as observed]",
        ),
    ] = None,
    basis: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="Of the continuum, without lines of gas.")
    ] = "continuum",
    format: common.Format = None,
    spectrum: common.SpectrumName = None,
    air: common.Air = None,
    columns: Columns = None,
    batch_size: common.BatchSize = 64,
    figures: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Draw each spectrum with its lines, to ID.png.")
    ] = None,
    sources: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Write MPDAF source files with their lines, table LINES, to this folder too."
        ),
    ] = None,
    overwrite: common.Overwrite = False,
) -> None:
    """Measure the lines and the continuum of spectra at the redshifts of a catalog.

    The table LINES has a row for each line in reach: FLUX and its error in the unit of the file times Å, S/N, velocity
    and width (without the instrument's), rest-frame equivalent width, positive in emission, and the continuum. SOURCES
    has a row for each spectrum, with the S/N of all lines above 3 together; NaN where there is no redshift or no data.
    Of a cube, maps follow of the flux and the error of each line that stands above S/N 5 somewhere.

    Example: `jaxz lines redshifts.fits spectra/ -o lines.fits --lsf muse`
    """
    from jaxz import __version__, io
    from jaxz.batch import expanded
    from jaxz.cli.inputs import Inputs
    from jaxz.io.source import check_sources

    with errors_in_one_line():
        common.check_format(format)
        fwhm = _lsf(lsf)
        check_outputs(output, overwrite=overwrite, inputs=[catalog, *files, basis])
        if figures is not None:
            make_folder(figures)
        if sources is not None:
            check_sources(expanded(files)[0], sources, overwrite=overwrite)
        continuum = io.load_basis(basis)
        inputs = Inputs(
            files, format=format, spectrum=spectrum, medium=common.medium(air), columns=chosen_columns(columns)
        )
        tables, places = [], []
        for some, found in _measured(inputs, catalog, continuum, fwhm, batch_size):
            tables.append(io.line_tables(found, some.meta))
            places.append(io.place_columns(found, some.meta))
            if figures is not None:
                _draw(some, found, figures, overwrite=overwrite)
        whole, maps = io.joined_tables(tables), io.line_maps(places)
        made = {"CONTBAS": continuum.name, "CONTVER": continuum.version, "CONTSHA": continuum.sha256}
        header = {"JAXZVER": __version__, "CATALOG": catalog.name, "LSF": lsf or "none", **made}
        io.write_lines(whole, output, header=header, maps=maps, overwrite=overwrite)
        _summarise(whole, output)
        for note in maps.notes:
            say(note)
        if sources is not None:
            written = io.write_line_sources(whole, sources, overwrite=overwrite)
            results.print(f"{sources}: {len(written)} sources with their lines", soft_wrap=True)
    if inputs.unreadable:
        raise typer.Exit(1)


def _measured(
    inputs: "Inputs",
    catalog: Path,
    continuum: "Basis",
    lsf: "Callable[[np.ndarray], np.ndarray] | None",
    batch_size: int,
) -> "Iterator[tuple[Spectra, LineFits]]":
    """Return groups of spectra with their lines.

    Raises:
        ValueError: if no spectrum can be read, none is in the catalog, or none has a redshift there.
    """
    import numpy as np

    from jaxz.cli.inputs import NOTHING_READ
    from jaxz.lines import fit_lines

    known = read_known([catalog])
    first: tuple[str, ...] = ()
    total, absent, without = 0, 0, 0
    for some in inputs.groups(GROUP):
        z, unknown = known.of(some)
        z = np.where(z > -1, z, np.nan)
        first = first or some.ids
        total, absent, without = total + len(z), absent + int(unknown.sum()), without + int(np.isnan(z).sum())
        with messages.status(f"measuring lines, {total - len(z)} spectra done"):
            yield some, fit_lines(some, z, continuum, lsf=lsf, batch_size=batch_size)
    if not total:
        raise ValueError(NOTHING_READ)
    if absent == total:
        raise known.foreign(first)
    if without == total:
        raise ValueError(f"{catalog}: no spectrum has a redshift: Z is missing or NaN in all rows that match")
    if absent:
        say(f"{absent} spectra are not in {catalog}: they have no lines")


def _lsf(text: str | None) -> "Callable[[np.ndarray], np.ndarray] | None":
    """Return the FWHM (Å) at wavelengths (Å) that --lsf stands for."""
    from jaxz.mock.instruments import INSTRUMENTS

    if text is None:
        return None
    if text in INSTRUMENTS:
        return INSTRUMENTS[text]().fwhm
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise ValueError(f"--lsf {text}: give one of {', '.join(INSTRUMENTS)}, a FWHM in Å or a resolving power")
    return (lambda wave: wave / number) if number >= RESOLVING else (lambda wave: number + 0 * wave)


def _draw(spectra: "Spectra", found: "LineFits", folder: Path, *, overwrite: bool) -> None:
    import numpy as np

    from jaxz.cli.plot import save_figure
    from jaxz.plot import plot_lines

    for row in np.flatnonzero(np.isfinite(found.chi2)):
        name = f"{found.ids[row].replace('/', '_')}.png"
        save_figure(plot_lines(spectra, found, row=int(row)), folder / name, overwrite=overwrite)


def _summarise(tables: "Mapping[str, Table]", output: Path) -> None:
    """Say what was found, with a line for each spectrum if they are few."""
    import numpy as np

    from jaxz.lines.fit import SIGNIFICANT

    lines, sources = tables["LINES"], tables["SOURCES"]
    if len(sources) <= LISTED:
        shown = table("name", "z", "S/N of lines", "lines", "strongest")
        for one in sources:
            own = lines[(lines["ID"] == one["ID"]) & (np.abs(lines["SNR"]) > SIGNIFICANT)]
            names = own["LINE"][np.argsort(-np.abs(own["SNR"]))[:STRONGEST]]
            measured = np.isfinite(one["CHI2"])
            numbers = [f"{one['Z']:.5f}", f"{one['SNR_LINES']:.1f}", str(one["NLINES"])] if measured else ["–"] * 3
            shown.add_row(str(one["ID"]), *numbers, ", ".join(names))
        show(shown)
    measured = int(np.isfinite(sources["CHI2"]).sum())
    results.print(
        f"{output}: {len(lines)} lines of {measured} spectra, {int(sources['NLINES'].sum())} of them above S/N 3; "
        f"{len(sources) - measured} spectra without a redshift or data",
        soft_wrap=True,
    )
