"""Measured lines of the places in a cube → maps of the sky."""

from collections.abc import Mapping, Sequence

import numpy as np

from jaxz.io.line_tables import spelled
from jaxz.io.maps import NEEDED, Maps, maps_of
from jaxz.lines import LineFits

Columns = dict[str, np.ndarray]

LEAST = 5.0
"""S/N that a line must have somewhere in a cube to have maps."""

_OF_ALL = {
    "SNR_LINES": ("f4", "S/N of all lines above 3 together"),
    "SNR_CONT": ("f4", "median S/N of the continuum in a pixel"),
}


def place_columns(found: LineFits, meta: Mapping[str, np.ndarray]) -> Columns:
    """Return what `line_maps` needs of spectra: where they are, and flux and error of each line, all (spec,).

    Args:
        found: of (spec,) spectra.
        meta: of these spectra, as `Spectra.meta`; nothing is returned of those that are of no cube.

    Example:
        >>> wave = np.arange(6000.0, 7000.0)
        >>> flux = 1 + 20 * np.exp(-0.5 * ((wave - 6564.614) / 3) ** 2) / (3 * np.sqrt(2 * np.pi))
        >>> spectra = jaxz.Spectra(wave, flux, np.full(1000, 1e4))
        >>> fits = jaxz.fit_lines(spectra, np.zeros(1), jaxz.load_basis("continuum"))
        >>> place = {"X": np.array([4]), "Y": np.array([2]), "FILE": np.array(["cube.fits"])}
        >>> columns = jaxz.io.place_columns(fits, place)
        >>> columns["X"], columns["Halpha"].round()
        (array([4]), array([20.], dtype=float32))
    """
    if not set(NEEDED) <= set(meta):
        return {}
    columns = {name: np.asarray(meta[name]) for name in (*NEEDED, "LABEL") if name in meta}
    columns |= {"SNR_LINES": found.total_snr, "SNR_CONT": found.continuum_snr}
    for line, name in enumerate(map(spelled, found.names)):
        columns[name] = found.flux[:, line].astype(np.float32)
        columns[_error_of(name)] = found.fluxerr[:, line].astype(np.float32)
    return columns


def line_maps(groups: Sequence[Columns]) -> Maps:
    """Return maps of the flux of each line whose S/N is `LEAST` somewhere, in the unit of the cube times Å.

    That of its error is under the name of the line and ERR.

    Args:
        groups: from `place_columns`.

    Raises:
        FileError: if a file that the spectra are from cannot be read.

    Example:
        >>> jaxz.io.line_maps([{}]).hdus
        []
    """
    there = [group for group in groups if group]
    names = {name for group in there for name in group if _error_of(name) in group}
    seen = sorted(name for name in names if any(_greatest_snr(group, name) >= LEAST for group in there))
    quantities = dict(_OF_ALL)
    for name in seen:
        quantities |= {name: ("f4", "flux, unit of the cube times Angstrom"), _error_of(name): ("f4", "its error")}
    return maps_of(there, quantities)


def _error_of(name: str) -> str:
    return f"{name} ERR"


def _greatest_snr(group: Columns, name: str) -> float:
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.nanmax(np.abs(group[name] / group[_error_of(name)]), initial=0.0))
