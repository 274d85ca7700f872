"""`jaxz plot`."""

import dataclasses
import functools
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jaxz.cli.console import check_outputs, errors_in_one_line, results, say
from jaxz.cli.fitted import Named, basis_of, curves_of, models_in, reading, target_model

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from jaxz.io.reader import Source
    from jaxz.models import Basis
    from jaxz.plot import ZFit
    from jaxz.spectra import Spectra

PICTURES = (".png", ".pdf", ".svg")
"""Kinds of picture files."""


def plot(
    catalog: Annotated[Path, typer.Argument(help="Catalog of `jaxz zfind` or `jaxz lae`.")],
    names: Annotated[
        list[str] | None,
        typer.Option(
            "--id", help="ID or TARGETID of a spectrum; any number, a page for each.  [all; of a cube, its maps]"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Picture to write (png, pdf, svg), pdf for several spectra; ID.png if absent."
        ),
    ] = None,
    spectra: Annotated[
        Path | None,
        typer.Option(help="File with the spectra, or their folder, where they are not at the place the catalog names."),
    ] = None,
    basis: Annotated[
        str | None, typer.Option(metavar="NAME|PATH", help="Basis, where it is not where the catalog says.")
    ] = None,
    curves: Annotated[
        Path | None, typer.Option(help="File of --curves of the same run, from which χ²(z) is drawn.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a picture that exists.")] = False,
) -> None:
    """Draw spectra with best fits and candidates; of `jaxz lae` with components, of `jaxz deblend` with both parts.

    Redshift, fit, candidates and scores are those of the catalog: nothing is measured again. With an error model the
    fit is the basis and the continuum distortion, and residuals are in units of the noise with its floor. A spectrum
    is read from its file, the basis must be the one that the redshift was measured with, and χ²(z) is drawn if --curves
    gives it. Components are separated again with what the catalog's header names, and second redshifts searched again.
    Without --id, maps of the redshifts of a cube are drawn.

    Example: `jaxz plot redshifts.fits --id udf10_00004 --id udf10_00009 -o some.pdf`
    """
    from jaxz import io

    with errors_in_one_line():
        found = io.read_catalog(catalog)
        maps = {} if names else _maps(catalog)
        rows = [_row(catalog, found, name, spectra) for name in names] if names else list(range(len(found)))
        if not rows:
            raise ValueError(f"{catalog}: holds no spectra")
        usual = catalog.name.partition(".")[0] if maps else str(found["ID"][rows[0]]).replace("/", "_")
        picture = output or Path(f"{usual}.png")
        if picture.suffix not in PICTURES:
            raise ValueError(f"{picture}: choose a name that ends in {', '.join(PICTURES)}")
        if len(rows) > 1 and not maps and picture.suffix != ".pdf":
            raise ValueError(f"{picture}: {len(rows)} spectra need pages: choose one with --id, or give -o NAME.pdf")
        check_outputs(picture, overwrite=overwrite)
        if "TARGARG" in found.meta and basis is not None:
            raise ValueError(f"{catalog}: was made with components, not with a basis: leave out --basis")
        every = (_drawn(catalog, found, row, spectra, basis, curves) for row in rows)
        save_figures([_mapped(maps)] if maps else every, picture, overwrite=overwrite)
    results.print(f"{picture}", soft_wrap=True)


def _maps(catalog: Path) -> dict[str, Any]:
    """Return the maps in a catalog; Parquet has none."""
    from jaxz import io

    return {} if catalog.suffix == ".parquet" else io.read_maps(catalog)


def _mapped(maps: dict[str, Any]) -> "Figure":
    from jaxz.plot import plot_maps

    return plot_maps(maps)


def _drawn(
    catalog: Path, found: Any, row: int, spectra: Path | None, basis: str | None, curves: Path | None
) -> "Figure":
    spectrum = _spectrum(catalog, found, row, spectra)
    if "Z2" in found.colnames and basis is None and curves is None:
        return _blended(found.meta, spectrum)
    curve = None
    if curves is not None:
        z, chi2 = curves_of(curves, found, [row])
        curve = z, chi2[0]
    if "TARGARG" in found.meta:
        return _separated(catalog, found, row, _known(found, row, spectrum, curve))
    return _fitted(catalog, found, row, basis, _known(found, row, spectrum, curve))


def _blended(header: Any, spectrum: "Spectra") -> "Figure":
    """Return the figure of a row of a catalog of `jaxz deblend`, whose searches are made again for their curves."""
    from jaxz.blends import confused, deblend, ends_of
    from jaxz.classes import candidates, classified
    from jaxz.models import ErrorModel
    from jaxz.plot import plot_blend

    zmin, zmax = header["ZMIN"], header["ZMAX"]
    (curves,), best = classified(spectrum, candidates(zmin, zmax, error=ErrorModel()))
    found = deblend(spectrum, best, first=header["FIRST"], zmin=zmin, zmax=zmax)
    second = found.others[0]
    z, parts = (found.z[0], found.z2[0]), (second.fit[0, 0], second.fit[0, 1])
    excluded = confused(found.z[:, None], second.curves.z[None], ends_of(spectrum))[0]
    return plot_blend(spectrum, z, parts, (curves, second.curves), probability=found.pblend[0], confused=excluded)


def _known(found: Any, row: int, spectrum: "Spectra", curve: "tuple[np.ndarray, np.ndarray] | None") -> "ZFit":
    """Return what a catalog, of jaxz or of Redrock as far as its columns go, says of a row."""
    import numpy as np

    from jaxz.plot import SCORES, ZFit

    def of_row(name: str, absent: Any = np.nan) -> Any:
        return found[name][row] if name in found.colnames else absent

    header, z = found.meta, float(found["Z"][row])
    return ZFit(
        spectrum=spectrum,
        z=z,
        zerr=float(of_row("ZERR")),
        zwarn=int(of_row("ZWARN", 0)),
        model=None,
        zalt=np.atleast_1d(of_row("ZALT", z)),
        zalt_chi2=np.atleast_1d(of_row("ZALT_CHI2", of_row("CHI2"))).astype(np.float64),
        scores={name: float(of_row(name.upper())) for name in (*SCORES, "detection")},
        curve=curve,
        zrange=(header["ZMIN"], header["ZMAX"]) if {"ZMIN", "ZMAX"} <= {*header} else None,
        spectype=str(of_row("SPECTYPE", "")).strip(),
        chi2=float(of_row("CHI2")),
    )


def _fitted(catalog: Path, found: Any, row: int, basis: str | None, known: "ZFit") -> "Figure":
    """Return the figure of a row of a catalog of `jaxz zfind`."""
    import numpy as np

    from jaxz.likelihood import fitted_flux, sigma_of
    from jaxz.models import ErrorModel
    from jaxz.plot import plot_fit

    if not np.isfinite(known.z) or "COEFF" not in found.colnames:
        return plot_fit(known)
    if not models_in(found.meta) and basis is None:
        say(f"{catalog}: its header names no basis, so that no fit is drawn; give it with --basis")
        return plot_fit(known)
    used, error = _basis(catalog, found, row, basis), ErrorModel.from_cards(found.meta)
    given = known.spectrum, used, np.array([known.z]), np.atleast_1d(found["COEFF"][row])[: len(used)][None]
    alone = fitted_flux(*given)[0]
    if error is None:
        return plot_fit(dataclasses.replace(known, model=alone))
    whole = fitted_flux(*given, error=error)[0]
    sigma = sigma_of(known.spectrum, error, used.grid.step)[0]
    return plot_fit(dataclasses.replace(known, model=whole, basis=alone, sigma=sigma))


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


def _separated(catalog: Path, found: Any, row: int, known: "ZFit") -> "Figure":
    """Return the figure of a row of a catalog of `jaxz lae`: its spectrum taken apart at its redshift."""
    import numpy as np

    from jaxz.plot import plot_components
    from jaxz.separation import separate

    header = found.meta
    model = target_model(header)
    if header.get("TARGSHA", model.target.sha256) != model.target.sha256:
        say(f"{catalog}: was made with another {model.target.name} than {header['TARGARG']}; the figure may differ")
    parts = separate(known.spectrum, [*model.nuisance, model.target], z=np.array([known.z]))
    line = 10.0 ** (model.target.centre * model.step) * (1 + known.z) if np.isfinite(known.z) else None
    return plot_components(parts, line=line, fit=known)


def save_figures(figures: "Iterable[Figure]", path: Path, *, overwrite: bool) -> None:
    """Write pictures, one or, in a PDF, any number, under a temporary name and rename it, or `fail`."""
    from jaxz.io.output import replacing

    with errors_in_one_line(), replacing(path, overwrite=overwrite) as unfinished:
        if path.suffix != ".pdf":
            for figure in figures:
                figure.savefig(unfinished, dpi=130)
            return
        from jaxz.plot import save_pages

        save_pages(figures, unfinished)


def save_figure(figure: "Figure", path: Path, *, overwrite: bool) -> None:
    """Write one picture; see `save_figures`."""
    save_figures([figure], path, overwrite=overwrite)


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
    if override is None and "FILE" not in found.colnames:
        raise ValueError(f"{catalog}: it does not say where the spectra are: give their file with --spectra")
    if override is not None and override.is_dir() and "FILE" not in found.colnames:
        raise ValueError(f"{override}: a folder, and {catalog} does not say which file: give that with --spectra")
    file = Path(str(found["FILE"][row]).strip()) if "FILE" in found.colnames else Path()
    path = file if override is None else override / file.name if override.is_dir() else override
    if not path.exists():
        raise ValueError(f"{path}: the spectrum is not there: give its file, or its folder, with --spectra")
    source = _opened(path, tuple((name, _hashable(value)) for name, value in reading(found.meta).items()))
    wanted = str(found["ID"][row]).strip()
    places = [place for place, name in enumerate(source.ids) if name == wanted]
    if not places:
        raise ValueError(f"{path}: holds no spectrum {wanted!r}")
    return source[places[0] : places[0] + 1]


def _hashable(value: Any) -> Any:
    return tuple(value.items()) if isinstance(value, dict) else value


@functools.lru_cache(maxsize=1)
def _opened(path: Path, options: tuple) -> "Source":
    """Return an open file; the last is kept, as the next page is likely of it, too. Its warnings are said once."""
    from jaxz import io
    from jaxz.cli.inputs import warnings_said

    given: dict[str, Any] = dict(options)
    given["columns"] = dict(given["columns"])
    with warnings_said():
        return io.open_spectra(path, **given)
