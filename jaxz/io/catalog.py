"""The redshift catalog: a FITS table that Redrock's readers understand."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from astropy.io import fits
from astropy.table import Table

from jaxz import __version__
from jaxz.io.cards import from_ascii, header_of, table_hdu
from jaxz.io.files import FileError, damage_named, open_fits, summary_of
from jaxz.io.identifiers import NOT_A_TARGET, named_by_row, targetids_of
from jaxz.io.meanings import COLUMNS
from jaxz.io.parquet import holds_parquet, read_parquet
from jaxz.io.tabular import table_of
from jaxz.models import AbstractModel
from jaxz.redshift import Redshifts
from jaxz.status import Status

_EXTENSIONS = ("REDSHIFTS", "ZBEST")


def to_table(redshifts: Redshifts) -> Table:
    """Return redshifts as an astropy table with Redrock's columns and types first, then ours.

    ``TARGETID`` i8 (-1 where the input gives none), ``Z`` f8, ``ZERR`` f4, ``ZWARN`` i4, ``CHI2`` f4, ``COEFF``
    f4[basis], ``FITMETHOD``, ``NPIXELS`` i4, ``SPECTYPE``, ``SUBTYPE``, ``NCOEFF`` i2, ``DELTACHI2`` f4; ``ID``,
    ``STATUS`` i2 (a `Status` code), ``SIGNIFICANCE``, ``ROBUSTNESS``, ``PCONF``, ``PCLASS``, ``TEMPERATURE`` f4,
    ``ZALT`` f8[cand], ``ZALT_ERR`` f4[cand], ``ZALT_CHI2`` f8[cand], ``ZALT_PROB`` f4[cand], ``Z_LO`` f8, ``Z_HI`` f8,
    ``COVERAGE`` f4, ``ULTRAVIOLET`` bool; with an error model ``PREAL`` f4, the probability that there is a source
    (`Redshifts.preal`); after a MADGICS scan ``CHI2_NULL`` f8, χ² without the target, and ``DETECTION_RAW`` f4, |Δχ²|
    by which the target improves it; then the other columns of `redshifts.meta` (``RA``, ``DEC``, ``FILE``), but for
    those of other extensions. COEFF is 0 beyond NCOEFF. Δχ² of TEMPERATURE is worth one
    (see `jaxz.calibration`); Z_LO and Z_HI enclose the densest part of P(z) (see `jaxz.intervals`). ULTRAVIOLET says
    that no line from [O II] on is in reach: z rests on Lyα and the ultraviolet, whose velocities are their own. It is
    no warning. A spectrum that could not be measured has Z = NaN, and STATUS says why.

    Args:
        redshifts: of (spec,) spectra.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> best = jaxz.find_redshifts(scan, spectra)
        >>> table = jaxz.io.to_table(best)
        >>> table["Z"].round(3).tolist(), table.colnames[:4]
        ([0.05], ['TARGETID', 'Z', 'ZERR', 'ZWARN'])
    """
    nspec = len(redshifts)
    low, high = redshifts.z_interval
    targetid = redshifts.meta.get("TARGETID", np.full(nspec, NOT_A_TARGET))
    columns = {
        "TARGETID": np.asarray(targetid, dtype=np.int64),
        "Z": np.asarray(redshifts.z, dtype=np.float64),
        "ZERR": _float32(redshifts.zerr),
        "ZWARN": np.asarray(redshifts.zwarn, dtype=np.int32),
        "CHI2": _float32(redshifts.chi2),
        "COEFF": _float32(np.where(np.isfinite(redshifts.z)[:, None], np.nan_to_num(redshifts.coeff), np.nan)),
        "FITMETHOD": np.asarray(redshifts.fitmethod, dtype=str),
        "NPIXELS": np.asarray(redshifts.npixels, dtype=np.int32),
        "SPECTYPE": np.asarray(redshifts.spectype, dtype=str),
        "SUBTYPE": np.asarray(redshifts.subtype, dtype=str),
        "NCOEFF": np.asarray(redshifts.ncoeff, dtype=np.int16),
        "DELTACHI2": _float32(redshifts.deltachi2),
        "ID": np.array(redshifts.ids, dtype=str),
        "STATUS": np.asarray(redshifts.status, dtype=np.int16),
        "SIGNIFICANCE": _float32(redshifts.significance),
        "ROBUSTNESS": _float32(redshifts.robustness),
        "PCONF": _float32(redshifts.pconf),
        "PCLASS": _float32(redshifts.pclass),
        "TEMPERATURE": _float32(redshifts.temperature),
        "ZALT": np.asarray(redshifts.zalt, dtype=np.float64),
        "ZALT_ERR": _float32(redshifts.zalt_err),
        "ZALT_CHI2": np.asarray(redshifts.zalt_chi2, dtype=np.float64),
        "ZALT_PROB": _float32(redshifts.zalt_prob),
        "Z_LO": low,
        "Z_HI": high,
        "COVERAGE": _float32(redshifts.coverage),
        "ULTRAVIOLET": redshifts.ultraviolet,
    }
    if all(model.error is not None for model in redshifts.models):
        columns["PREAL"] = _float32(redshifts.preal)
    if any(model.line is not None for model in redshifts.models):
        columns["CHI2_NULL"] = np.asarray(redshifts.chi2_null, dtype=np.float64)
        columns["DETECTION_RAW"] = _float32(redshifts.detection)
    further = {name: column for name, column in redshifts.meta.items() if name not in columns and "." not in name}
    table = Table({**columns, **further})
    for name in COLUMNS.keys() & set(table.colnames):
        table[name].description = COLUMNS[name]
    return table


def catalog_cards(redshifts: Redshifts, header: Mapping[str, Any] | None) -> fits.Header:
    """Return the header of a redshift catalog; `jaxz.io.write` says what is in it."""
    return _cards(redshifts.models, {"ZCALIB": redshifts.calibration.name, **(header or {})})


def catalog_tables(redshifts: Redshifts) -> dict[str, Table]:
    """Return the tables of a redshift catalog, that of `to_table` first, by the names of their extensions."""
    return {_EXTENSIONS[0]: to_table(redshifts), **_further_tables(redshifts)}


def catalog_hdus(cards: fits.Header, tables: Mapping[str, Table]) -> list[Any]:
    """Return the HDUs of a redshift catalog."""
    hdus = [table_hdu(table, name, cards if name in _EXTENSIONS else None) for name, table in tables.items()]
    return [fits.PrimaryHDU(header=cards), *hdus]


def read_catalog(path: str | Path) -> Table:
    """Read a redshift catalog of ours or of Redrock's (any version: wider types and no ``FITMETHOD`` are fine).

    Args:
        path: of the file.

    Returns:
        The table as it is in the file, headers in its `meta`; ``ID`` (the TARGETID in digits) is added if it has none.
        Where a TARGETID is unknown (see `read_table`), it is -1, and ID the name of the file and the row.

    Raises:
        FileError: if the file cannot be read, is not such a catalog, or TARGETID or Z are not one number in each row.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> best = jaxz.find_redshifts(scan, spectra)
        >>> jaxz.io.write(best, "redshifts.fits")
        >>> jaxz.io.read_catalog("redshifts.fits")["Z"].round(3).tolist()
        [0.05]
    """
    path = Path(path)
    table, name = (read_parquet(path), "") if holds_parquet(path) else _read_fits(path)
    missing = {"TARGETID", "Z"} - set(table.colnames)
    if missing:
        raise FileError(f"{path}{name}: not a redshift catalog: no column {', '.join(sorted(missing))}")
    if table["Z"].ndim != 1 or table["Z"].dtype.kind not in "fiu":
        raise FileError(f"{path}{name}: the column Z needs one number in each row: write it again")
    targetid = targetids_of(path, table["TARGETID"])
    if "ID" not in table.colnames:
        table["ID"] = named_by_row(path, targetid, targetid == NOT_A_TARGET)
    return table


def _read_fits(path: Path) -> tuple[Table, str]:
    with damage_named(path), open_fits(path) as hdus:
        name = next((name for name in _EXTENSIONS if name in hdus), None)
        if name is None or not isinstance(hdus[name], fits.BinTableHDU):
            raise FileError(f"{path}: not a redshift catalog: no table REDSHIFTS (it holds {summary_of(hdus)})")
        table = table_of(path, hdus[name])
        cards = {**hdus[0].header, **table.meta}
        table.meta = {key: from_ascii(value) if isinstance(value, str) else value for key, value in cards.items()}
    return table, f"[{name}]"


def _further_tables(redshifts: Redshifts) -> dict[str, Table]:
    tables: dict[str, Table] = {}
    for name, column in redshifts.meta.items():
        extension, _, own = name.partition(".")
        if own:
            tables.setdefault(extension, Table())[own] = column
    return tables


def _float32(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.asarray(values).astype(np.float32)


def model_cards(models: Sequence[AbstractModel]) -> dict[str, Any]:
    """Return what headers say of the versions and the models of a catalog (see `write`)."""
    cards: dict[str, Any] = {"JAXZVER": __version__, "JAXVER": jax.__version__}
    if len(models) == 1:
        cards |= models[0].cards()
    errors = [{} if model.error is None else model.error.cards() for model in models]
    same = all(one == errors[0] for one in errors)
    for i, model in enumerate(models if len(models) > 1 else ()):
        name, version, sha256 = list(model.cards().values())[:3]
        cards |= {f"MODEL{i}": name, f"MODVER{i}": version, f"MODSHA{i}": sha256, f"NNUIS{i}": len(model.nuisance)}
        for j, part in enumerate(model.nuisance):
            cards |= {f"NUIS{i}{j}": part.name, f"NUSHA{i}{j}": part.sha256}
        cards |= errors[i] if same else {f"{key}{i}": value for key, value in errors[i].items()}
    return cards


def _cards(models: Sequence[AbstractModel], further: Mapping[str, Any]) -> fits.Header:
    device = jax.devices()[0]
    own = {"DEVICE": f"{len(jax.devices())} x {device.device_kind} ({device.platform})"}
    header = header_of({**model_cards(models), **own, **further})
    for status in Status:
        header[f"STATUS{status.value}"] = (status.name, "meaning of this value of the column STATUS")
    return header
