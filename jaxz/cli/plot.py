"""`jaxz plot`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jaxz.cli.console import check_outputs, errors_in_one_line, results, say
from jaxz.cli.zprior import read_prior

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from jaxz.spectra import Spectra

PICTURES = (".png", ".pdf", ".svg")
"""Kinds of picture files."""


def plot(
    catalog: Annotated[Path, typer.Argument(help="Catalog of `jaxz zfind` or `jaxz lae`.")],
    name: Annotated[str, typer.Option("--id", help="ID or TARGETID of the spectrum.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Picture to write (png, pdf, svg); ID.png if absent.")
    ] = None,
    spectra: Annotated[
        Path | None, typer.Option(help="File with the spectrum, where it is not at the place the catalog names.")
    ] = None,
    basis: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="Basis, where it is not the one the catalog names.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a picture that exists.")] = False,
) -> None:
    """Draw a spectrum with its best fit and its χ² curve; of a catalog of `jaxz lae`, with its components.

    The spectrum is read again, and scanned or separated again with what the catalog's header names.
    """
    from jaxz import io

    with errors_in_one_line():
        found = io.read_catalog(catalog)
        row = _row(catalog, found, name, unique=spectra is not None)
        picture = output or Path(f"{str(found['ID'][row]).replace('/', '_')}.png")
        if picture.suffix not in PICTURES:
            raise ValueError(f"{picture}: choose a name that ends in {', '.join(PICTURES)}")
        check_outputs(picture, overwrite=overwrite)
        if "TARGARG" in found.meta:
            if basis is not None:
                raise ValueError(f"{catalog}: was made with components, not with a basis: leave out --basis")
            figure = _separated(catalog, found, row, spectra)
        else:
            figure = _fitted(catalog, found, row, spectra, basis)
    save_figure(figure, picture, overwrite=overwrite)
    results.print(f"{picture}", soft_wrap=True)


def _fitted(catalog: Path, found: Any, row: int, spectra: Path | None, basis: str | None) -> "Figure":
    from jaxz import io
    from jaxz.plot import plot_fit
    from jaxz.redshift import find_redshifts
    from jaxz.scan import nmf_scan

    header = found.meta
    model = io.load_basis(basis or _basis_named(catalog, header))
    if header.get("BASISSHA", model.sha256) != model.sha256:
        say(f"{catalog}: was made with another basis than {model.name} {model.version}; the figure may differ")
    one = _spectrum(catalog, found, row, spectra)
    prior = read_prior(None if header.get("PRIOR", "none") == "none" else header["PRIOR"])(one)
    scan = nmf_scan(
        one,
        model,
        zmin=header.get("ZMIN", 0.0),
        zmax=header.get("ZMAX", 6.7),
        engine=header.get("ENGINE", "fft"),
        weighting=header.get("WEIGHTS", "ivar"),
        precision=header.get("PRECIS", "float32"),
    )
    best = find_redshifts(scan, one, nminima=header.get("NMINIMA", 5), prior=prior)
    return plot_fit(one, scan, best, lines=line_list())


def _separated(catalog: Path, found: Any, row: int, spectra: Path | None) -> "Figure":
    """Return the figure of a row of a catalog of `jaxz lae`: its spectrum taken apart at its redshift."""
    import numpy as np

    from jaxz.cli.lae import components
    from jaxz.plot import plot_components
    from jaxz.separation import separate

    header = found.meta
    sky = [header[f"SKYARG{i}"] for i in range(header.get("NNUIS", 0))]
    model = components(header["TARGARG"], sky)
    if header.get("TARGSHA", model.target.sha256) != model.target.sha256:
        say(f"{catalog}: was made with another {model.target.name} than {header['TARGARG']}; the figure may differ")
    one = _spectrum(catalog, found, row, spectra)
    z = float(found["Z"][row])
    parts = separate(one, [*model.nuisance, model.target], z=np.array([z]))
    line = 10.0 ** (model.target.centre * model.step) * (1 + z) if np.isfinite(z) else None
    return plot_components(parts, line=line)


def save_figure(figure: "Figure", path: Path, *, overwrite: bool) -> None:
    """Write a picture under a temporary name and rename it, or `fail`."""
    from jaxz.io.output import replacing

    with errors_in_one_line(), replacing(path, overwrite=overwrite) as unfinished:
        figure.savefig(unfinished, dpi=130)


def line_list() -> dict[str, float]:
    """Return name and rest wavelength (vacuum Å) of the lines that figures are labelled with."""
    from jaxz import io

    lines = io.read_lines()
    return dict(zip(lines["name"], lines["wave"], strict=True))


def _row(catalog: Path, found: Any, name: str, unique: bool) -> int:
    names = [(str(one["ID"]).strip(), str(one["TARGETID"])) for one in found]
    rows = [row for row, both in enumerate(names) if name in both]
    if not rows:
        raise ValueError(f"{catalog}: no ID or TARGETID {name!r} among its {len(found)} rows")
    if len(rows) > 1 and not unique:
        files = ", ".join(sorted({str(found["FILE"][row]) for row in rows})) if "FILE" in found.colnames else "?"
        raise ValueError(f"{catalog}: {len(rows)} rows have the name {name!r} ({files}): choose one with --spectra")
    return rows[0]


def _basis_named(catalog: Path, header: Any) -> str | None:
    if "BASISARG" not in header:
        raise ValueError(f"{catalog}: its header names no basis: give one with --basis")
    return None if header["BASISARG"] == "default" else header["BASISARG"]


def _spectrum(catalog: Path, found: Any, row: int, override: Path | None) -> "Spectra":
    from jaxz import io

    if override is None and "FILE" not in found.colnames:
        raise ValueError(f"{catalog}: it does not say where the spectra are: give their file with --spectra")
    path = override or Path(str(found["FILE"][row]).strip())
    if not path.exists():
        raise ValueError(f"{path}: the spectrum is not there: give its file with --spectra")
    source = io.open_spectra(path, format=found.meta.get("FORMAT") or None, spectrum=found.meta.get("SPENAME") or None)
    wanted = str(found["ID"][row]).strip()
    places = [place for place, name in enumerate(source.ids) if name == wanted]
    if not places:
        raise ValueError(f"{path}: holds no spectrum {wanted!r}")
    return source[places[0] : places[0] + 1]
