"""Spectra with their models and curves → sheets: what the page keeps of each spectrum, as short text.

Noise is kept to 1 %, flux to 1/16 of it, models to 1/64 of its median, wavelengths to 0.0005 Å, and of χ²(z) the lowest
value in each of `BINS` bins: a screen shows no more.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxz.blends import fit_beside, lines_of
from jaxz.candidates import Fits, fits_of
from jaxz.inspect.packing import packed
from jaxz.models import AbstractModel
from jaxz.spectra import Spectra

WAVE_STEP = 1e-3
"""Å."""

RATIO = 1.02
"""Of neighbouring values of the noise."""

PARTS = 8
"""Steps of the flux in a σ."""

MOST = 1 << 29
"""Of them, positive or negative: more is no measurement."""

MODEL_PARTS = 32
"""Steps of models in the median σ: with fewer, a faint continuum is a staircase."""

LEVELS = 1 << 15
"""Steps of χ²(z) between its least and its largest value; at most as many of a model between 0 and its peak."""

BINS = 1024
"""Of χ²(z)."""


@dataclasses.dataclass(frozen=True)
class Sheet:
    """One spectrum, packed.

    Attributes:
        grid: its wavelengths, packed; text that many spectra share.
        about: numbers that unpacking needs, and candidates: see `sheets_of`.
        data: noise, flux, models, curve, packed.
    """

    grid: str
    about: dict[str, Any]
    data: str


def sheets_of(
    spectra: Spectra,
    columns: Mapping[str, np.ndarray],
    models: Sequence[AbstractModel],
    curves: tuple[np.ndarray, np.ndarray] | None = None,
    *,
    batch_size: int = 64,
) -> list[Sheet]:
    """Return a sheet for each spectrum.

    Args:
        spectra: what was measured.
        columns: of the catalog, by name, of the same spectra. Candidates are ``ZALT`` with ``ZALT_CHI2`` and
            ``ZALT_PROB``, (spec, cand), or ``Z`` with ``CHI2`` alone; after them come the further redshifts of a
            blend, ``Z2`` with ``DELTACHI2_2`` and ``PBLEND``, ``Z3`` and so on, whose best fit is that of all galaxies
            so far, the first with its lines (see `jaxz.deblend`).
        models: that were fitted; without any no best fit is drawn.
        curves: trial redshifts (shift,) and χ² there (spec, shift), or None.
        batch_size: spectra on a device at a time.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> best = jaxz.find_redshifts(scan, spectra)
        >>> sheets = jaxz.inspect.sheets_of(spectra, {"Z": best.z, "CHI2": best.chi2}, best.models)
        >>> len(sheets), sheets[0].about["candidates"][0]["spectype"]
        (1, 'GALAXY')
    """
    several = "ZALT" in columns
    z = np.asarray(columns["ZALT" if several else "Z"], dtype=np.float64).reshape(len(spectra), -1)
    chi2 = _of_candidates(columns, "ZALT_CHI2" if several else "CHI2", z.shape)
    probability = _of_candidates(columns, "ZALT_PROB" if several else "PCONF", z.shape)
    fits = fits_of(spectra, models, z, chi2, batch_size=batch_size) if models else None
    others = _others(spectra, columns, fits, z[:, 0], chi2[:, 0], batch_size)
    # What no model was fitted for has the class of the catalog, which is that of the best candidate.
    classes = np.asarray(columns.get("SPECTYPE", np.full(len(spectra), ""))).astype(str)
    sheets = []
    for row in range(len(spectra)):
        known = [k for k in range(z.shape[1]) if np.isfinite(z[row, k])]
        flux = [None if fits is None or fits.which[row, k] < 0 else fits.flux[row, k] for k in known]
        candidates = [
            {
                "z": z[row, k],
                "chi2": _number(chi2[row, k]),
                "probability": _number(probability[row, k]),
                "spectype": models[int(fits.which[row, k])].spectype
                if fits is not None and fits.which[row, k] >= 0
                else classes[row].strip() * (k == 0),
            }
            for k in known
        ]
        for other in others:
            if np.isfinite(other.z[row]):
                candidates.append(other.about(row))
                flux.append(None if other.flux is None else other.flux[row])
        curve = None if curves is None else (curves[0], curves[1][row])
        sheets.append(_sheet(spectra, row, candidates, flux, curve))
    return sheets


class _Other(NamedTuple):
    """A further redshift of a blend, (spec,) each, and the flux of all galaxies so far, (spec, pix), or None."""

    z: np.ndarray
    chi2: np.ndarray
    probability: np.ndarray
    flux: np.ndarray | None

    def about(self, row: int) -> dict[str, Any]:
        """Return what is said of it as a candidate."""
        said = {"z": float(self.z[row]), "chi2": _number(self.chi2[row]), "probability": _number(self.probability[row])}
        return {**said, "spectype": "GALAXY", "beside": True}


def _others(
    spectra: Spectra,
    columns: Mapping[str, np.ndarray],
    fits: Fits | None,
    z: np.ndarray,
    chi2: np.ndarray,
    batch_size: int,
) -> list[_Other]:
    """Return the further redshifts that a catalog has beside the first one, (spec,), of a χ²."""
    numbers = list(itertools.takewhile(lambda number: f"Z{number}" in columns, itertools.count(2)))
    parts = None
    if numbers and fits is not None:
        parts = np.stack([np.nan_to_num(fits.flux[:, 0]), lines_of(spectra, z, batch_size=batch_size)], axis=1)
    others: list[_Other] = []
    for number in numbers:
        other = np.asarray(columns[f"Z{number}"], dtype=np.float64)
        chi2 = chi2 - _of_candidates(columns, f"DELTACHI2_{number}", chi2.shape)
        probability = _of_candidates(columns, "PBLEND" if number == 2 else f"PBLEND_{number}", chi2.shape)
        flux = None
        if parts is not None:
            both = fit_beside(spectra, parts, other, batch_size=batch_size)
            parts, flux = np.concatenate([parts, both[:, 1:]], axis=1), both.sum(axis=1)
        others.append(_Other(other, chi2, probability, flux))
    return others


def _of_candidates(columns: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return a column as (spec, cand) float64; NaN where the catalog has none."""
    return np.asarray(columns.get(name, np.full(shape, np.nan)), dtype=np.float64).reshape(shape)


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _sheet(
    spectra: Spectra,
    row: int,
    candidates: list[dict[str, Any]],
    models: Sequence[np.ndarray | None],
    curve: tuple[np.ndarray, np.ndarray] | None,
) -> Sheet:
    good = spectra.ivar[row] > 0
    last = len(good) - int(np.argmax(good[::-1])) if good.any() else min(2, len(good))
    wave, flux, ivar = (values[row, :last].astype(np.float64) for values in (spectra.wave, spectra.flux, spectra.ivar))
    good = good[:last]
    sigma = 1 / np.sqrt(ivar[good])
    least = float(sigma.min()) if good.any() else 1.0
    code = np.zeros(last, dtype=np.int64)
    code[good] = 1 + np.rint(np.log(sigma / least) / np.log(RATIO))
    kept = least * RATIO ** (code[good] - 1)
    signal = np.zeros(last, dtype=np.int64)
    signal[good] = np.rint(np.clip(flux[good] / kept * PARTS, -MOST, MOST))
    packs = [(code, 1), (signal, 0)]
    middle = float(np.median(kept)) if good.any() else 1.0
    for candidate, model in zip(candidates, models, strict=True):
        if model is None or not np.isfinite(model).any():
            continue
        first, end = _reach(model)
        values = model[first:end]
        step = max(middle / MODEL_PARTS, float(np.max(np.abs(values))) / LEVELS)
        candidate["model"] = {"first": first, "count": end - first, "step": step}
        packs.append((np.rint(values / step), 1))
    snr = float(np.median(np.abs(signal[good]))) / PARTS if good.any() else 0.0
    about: dict[str, Any] = {"npix": last, "least": least, "snr": snr, "candidates": candidates}
    if curve is not None and np.isfinite(curve[1]).any():
        low, step, binned = _binned(*curve)
        about["curve"] = {"first": float(curve[0][0]), "last": float(curve[0][-1]), "low": low, "step": step}
        packs.append((binned, 1))
    return Sheet(packed([(np.rint(wave / WAVE_STEP), 2)]), about, packed(packs))


def _reach(model: np.ndarray) -> tuple[int, int]:
    """Return the first and one after the last pixel of a model, which has no gaps."""
    there = np.flatnonzero(np.isfinite(model))
    return int(there[0]), int(there[-1]) + 1


def _binned(z: np.ndarray, chi2: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Return the least χ², the step of its levels, and the level of the lowest in each of `BINS` equal bins of z.

    A bin without a trial redshift has the level that interpolation gives, one where χ² is not known, the highest.
    """
    low, high = float(np.nanmin(chi2)), float(np.nanmax(chi2))
    values = np.where(np.isfinite(chi2), chi2, high)
    edges = np.linspace(z[0], z[-1], BINS + 1)
    binned = np.interp((edges[1:] + edges[:-1]) / 2, z, values)
    place = np.clip(np.searchsorted(edges, z, side="right") - 1, 0, BINS - 1)
    lowest = np.full(BINS, np.inf)
    np.minimum.at(lowest, place, values)
    binned = np.where(np.isfinite(lowest), lowest, binned)
    step = (high - low) / LEVELS or 1.0
    return low, step, np.rint((binned - low) / step)
