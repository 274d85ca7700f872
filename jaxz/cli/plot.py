"""`jaxz plot`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jaxz.cli.console import check_outputs, errors_in_one_line, results, say
from jaxz.cli.fitted import Named, basis_of, models_in, reading

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from jaxz.models import Basis
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
        str | None, typer.Option(metavar="NAME|PATH", help="Basis, where it is not where the catalog says.")
    ] = None,
    curves: Annotated[
        Path | None, typer.Option(help="File of `jaxz zfind --curves`, from which χ²(z) is drawn.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a picture that exists.")] = False,
) -> None:
    """Draw a spectrum with its best fit and its candidates; of a catalog of `jaxz lae`, with its components.

    Redshift, fit, candidates and scores are those of the catalog: nothing is measured again. With an error model the
    fit is the basis and the continuum distortion, and residuals are in units of the noise with its floor. The spectrum
    is read from its file, the basis must be the one that the redshift was measured with, and χ²(z) is drawn if --curves
    gives it. Components are separated again with what the catalog's header names.
    """
    from jaxz import io

    with errors_in_one_line():
        found = io.read_catalog(catalog)
        row = _row(catalog, found, name, spectra)
        picture = output or Path(f"{str(found['ID'][row]).replace('/', '_')}.png")
        if picture.suffix not in PICTURES:
            raise ValueError(f"{picture}: choose a name that ends in {', '.join(PICTURES)}")
        check_outputs(picture, overwrite=overwrite)
        if "TARGARG" in found.meta:
            for option, given in (("--basis", basis), ("--curves", curves)):
                if given is not None:
                    raise ValueError(f"{catalog}: was made with components, not with a basis: leave out {option}")
            figure = _separated(catalog, found, row, spectra)
        else:
            figure = _fitted(catalog, found, row, spectra, basis, curves)
    save_figure(figure, picture, overwrite=overwrite)
    results.print(f"{picture}", soft_wrap=True)


def _fitted(
    catalog: Path, found: Any, row: int, spectra: Path | None, basis: str | None, curves: Path | None
) -> "Figure":
    """Return the figure of a row of a catalog of `jaxz zfind`, or of Redrock as far as its columns go."""
    import numpy as np

    from jaxz.likelihood import fitted_flux, sigma_of
    from jaxz.models import ErrorModel
    from jaxz.plot import SCORES, ZFit, plot_fit

    def of_row(name: str, absent: Any = np.nan) -> Any:
        return found[name][row] if name in found.colnames else absent

    header, z = found.meta, float(found["Z"][row])
    spectrum = _spectrum(catalog, found, row, spectra)
    model = alone = sigma = None
    if np.isfinite(z) and "COEFF" in found.colnames:
        used = _basis(catalog, found, row, basis)
        given = spectrum, used, np.array([z]), np.atleast_1d(of_row("COEFF"))[: len(used)][None]
        model, error = fitted_flux(*given)[0], ErrorModel.from_cards(header)
        if error is not None:
            alone, model = model, fitted_flux(*given, error=error)[0]
            sigma = sigma_of(spectrum, error, used.grid.step)[0]
    fit = ZFit(
        spectrum=spectrum,
        z=z,
        zerr=float(of_row("ZERR")),
        zwarn=int(of_row("ZWARN", 0)),
        model=model,
        zalt=np.atleast_1d(of_row("ZALT", z)),
        zalt_chi2=np.atleast_1d(of_row("ZALT_CHI2", of_row("CHI2"))).astype(np.float64),
        scores={name: float(of_row(name.upper())) for name in SCORES},
        curve=None if curves is None else _curve(curves, found, row),
        zrange=(header["ZMIN"], header["ZMAX"]) if {"ZMIN", "ZMAX"} <= {*header} else None,
        basis=alone,
        sigma=sigma,
    )
    return plot_fit(fit, lines=line_list())


def _basis(catalog: Path, found: Any, row: int, given: str | None) -> "Basis":
    """Return the basis that the coefficients of a row are of."""
    name, version, sha256, nnuisance = _model_of(catalog, found, row)
    basis = basis_of(catalog, found.meta, sha256, given)
    if sha256 not in (None, basis.sha256):
        raise ValueError(
            f"{catalog}: COEFF of {found['ID'][row]} are of {name} {version} (SHA-256 {sha256[:8]}…), not of "
            f"{basis.name} {basis.version} ({basis.sha256[:8]}…): give that basis with --basis, or measure again"
        )
    ncoeff = found["NCOEFF"][row] if "NCOEFF" in found.colnames else len(basis)
    if ncoeff != len(basis):
        raise ValueError(
            f"{catalog}: {found['ID'][row]} has {ncoeff} coefficients, {basis.name} {basis.version} has {len(basis)} "
            "vectors: give the basis that it was measured with, with --basis"
        )
    if nnuisance:
        say(f"{catalog}: has no coefficients of the nuisance parts beside the basis: the figure does not show them")
    return basis


def _model_of(catalog: Path, found: Any, row: int) -> Named:
    """Return the model that fits a row best; a catalog that is not of jaxz names none."""
    models = models_in(found.meta)
    if len(models) > 1:
        models = [model for model in models if model.name == str(found["SUBTYPE"][row]).strip()]
        if len(models) != 1:
            raise ValueError(
                f"{catalog}: its header does not tell which of its models {found['ID'][row]} was fitted with: measure "
                "it with one alone"
            )
    return models[0] if models else Named("", "", None, 0)


def _curve(curves: Path, found: Any, row: int) -> "tuple[np.ndarray, np.ndarray]":
    """Return χ²(z) of a row; rows of one name are in a file of curves in the order in which they are in the catalog."""
    from jaxz import io

    names = [str(name).strip() for name in found["ID"]]
    z, chi2 = io.read_curves(curves, [name for name in names if name == names[row]])
    return z, chi2[names[:row].count(names[row])]


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


def _row(catalog: Path, found: Any, name: str, spectra: Path | None) -> int:
    """Return the row of a spectrum; of several with one name, that whose file `spectra` is."""
    names = [(str(one["ID"]).strip(), str(one["TARGETID"])) for one in found]
    rows = [row for row, both in enumerate(names) if name in both]
    if not rows:
        raise ValueError(f"{catalog}: no ID or TARGETID {name!r} among its {len(found)} rows")
    if len(rows) == 1:
        return rows[0]
    files = {row: str(found["FILE"][row]).strip() if "FILE" in found.colnames else "?" for row in rows}
    same = [row for row in rows if spectra is not None and Path(files[row]).resolve() == spectra.resolve()]
    if len(same) != 1:
        known = ", ".join(sorted({*files.values()}))
        raise ValueError(f"{catalog}: {len(rows)} rows have the name {name!r} ({known}): choose one with --spectra")
    return same[0]


def _spectrum(catalog: Path, found: Any, row: int, override: Path | None) -> "Spectra":
    from jaxz import io

    if override is None and "FILE" not in found.colnames:
        raise ValueError(f"{catalog}: it does not say where the spectra are: give their file with --spectra")
    path = override or Path(str(found["FILE"][row]).strip())
    if not path.exists():
        raise ValueError(f"{path}: the spectrum is not there: give its file with --spectra")
    source = io.open_spectra(path, **reading(found.meta))
    wanted = str(found["ID"][row]).strip()
    places = [place for place, name in enumerate(source.ids) if name == wanted]
    if not places:
        raise ValueError(f"{path}: holds no spectrum {wanted!r}")
    return source[places[0] : places[0] + 1]
