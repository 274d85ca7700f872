"""A model and spectra → χ² at every trial redshift."""

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import numpy as np

from jaxz._typing import Array, Device
from jaxz.arguments import check_types
from jaxz.display import curve_svg, html_of, shown_rows, text_of
from jaxz.models import AbstractModel, Basis, GaussianComponent, Madgics, NonNegative, OwnColumns, Trials
from jaxz.models.columns import Kind, Nuisance
from jaxz.models.model import Curve, Engine, Precision
from jaxz.models.templates import Resampling, Weighting, check_option
from jaxz.pixels import WINDOW, bucket, layout
from jaxz.rows import Rows, row_of, rows_of
from jaxz.run import Progress, one_by_one, run
from jaxz.spectra import Spectra
from jaxz.status import Status

if TYPE_CHECKING:
    from jaxz.posterior import Density, Prior

MIN_STEP, MAX_STEP = 1e-6, 1e-3
"""Lattice steps that make sense, in dex: 0.7 to 690 km/s."""


class ZScan(eqx.Module):
    """χ²(z) of each spectrum on a grid of trial redshifts, and what made it.

    Args:
        chi2: (spec, shift); a row is NaN where `status` is not OK. After a scan on an accelerator it is there, as a JAX
            array, which `find_redshifts` summarises in place; ``np.asarray`` fetches it.
        status: (spec,) `Status` codes.
        ids: names of the spectra.
        trials: at which redshifts.
        model: that was scanned with.
        null: (spec,) float64, χ² of the fixed columns and noise alone; Δχ²(z) of a detection is chi2 - null.
        kkt: (spec,) largest violation of the optimality conditions of the fits (see `jaxz.kernels.nnls`).
        unconverged: (spec,) trial redshifts at which the fit did not converge.
        fingerprints: (spec,) of the spectra, as `fingerprints_of`.
        own: columns that each spectrum had of its own, or None.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> scan.z.shape == scan.chi2[0].shape, round(float(scan.z[np.argmin(scan.chi2[0])]), 3)
        (True, 0.05)
    """

    chi2: np.ndarray | Array
    status: np.ndarray
    ids: tuple[str, ...] = eqx.field(static=True)
    trials: Trials = eqx.field(static=True)
    model: AbstractModel
    null: np.ndarray
    kkt: np.ndarray
    unconverged: np.ndarray
    fingerprints: np.ndarray
    own: OwnColumns | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def z(self) -> np.ndarray:
        """(shift,) trial redshifts, float64."""
        return self.trials.z

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a curve of a name."""
        return name in self.ids

    def __iter__(self) -> Iterator["ZScan"]:
        return (self[row] for row in range(len(self)))

    def __add__(self, other: "ZScan") -> "ZScan":
        return ZScan.concatenate([self, other]) if isinstance(other, ZScan) else NotImplemented

    def __getitem__(self, rows: Rows) -> "ZScan":
        """Return the curves at a position, with a name, of a slice, a mask, or a list of positions or names.

        Those of a slice are not copied. The result is a `ZScan` always, of one spectrum for a position.

        Raises:
            IndexError, KeyError, TypeError: if there is no such spectrum, or that is no index.
        """
        index = rows_of(rows, self.ids, what="curves")
        ids = tuple(self.ids[i] for i in index)
        taken = rows if isinstance(rows, slice) else index
        own = None if self.own is None else self.own._replace(vectors=self.own.vectors[taken])
        return dataclasses.replace(
            self, ids=ids, own=own, **{name: getattr(self, name)[taken] for name in _PER_SPECTRUM}
        )

    def __repr__(self) -> str:
        return text_of(*self._shown())

    def _repr_html_(self) -> str:
        drawn = [curve_svg(np.asarray(self.chi2[row]), lowest=True) for row in shown_rows(len(self))]
        return html_of(*self._shown(), ("χ²(z)", drawn))

    def _shown(self) -> tuple[str, dict[str, list[str]], int]:
        some, z = self[shown_rows(len(self))], self.z
        curves = np.where(np.isfinite(some.chi2), some.chi2, np.inf)
        best = np.argmin(curves, axis=1)
        columns = {
            "ID": list(some.ids),
            "status": [Status(code).name for code in some.status],
            "lowest χ²": [f"{chi2:.1f}" for chi2 in np.min(curves, axis=1)],
            "at z": [f"{z[at]:.5f}" if code == Status.OK else "–" for at, code in zip(best, some.status, strict=True)],
        }
        name = f"{type(self.model).__name__} {self.model.name}"
        return f"ZScan: {len(self)}, {len(z):,} redshifts {z[0]:.4g} to {z[-1]:.4g}, {name}", columns, len(self)

    def pz(self, row: Rows, *, prior: "Prior | None" = None, temperature: float = 1.0) -> "Density":
        """Return P(z) of one spectrum, with its quantiles (see `jaxz.posterior.posterior`).

        Args:
            row: position or name of the spectrum.
            prior: penalty on z.
            temperature: T, as ``best.temperature[row]`` for a calibrated one.

        Raises:
            IndexError, KeyError, TypeError, ValueError: if `row` is no position or name of one spectrum.
        """
        from jaxz.posterior import Density, posterior

        one = self[row_of(row, self.ids, what="curves")]
        return Density(self.z, posterior(one, prior, temperature=temperature)[0])

    @classmethod
    def concatenate(cls, parts: Sequence["ZScan"]) -> "ZScan":
        """Return the curves of all parts, which have the same model and trial redshifts.

        Raises:
            ValueError: if they have not, or there are no parts.
        """
        if not parts:
            raise ValueError("no scans to concatenate: give at least one")
        if len({part.trials for part in parts}) != 1:
            raise ValueError("scans to concatenate need the same trial redshifts: use one zmin, zmax and step")
        if len({part.model.sha256 for part in parts}) != 1:
            raise ValueError("scans to concatenate need one model: keep those of different models apart")
        own = [part.own for part in parts if part.own is not None]
        if len(own) not in (0, len(parts)):
            raise ValueError("scans to concatenate need columns of each spectrum's own in all of them, or in none")
        vectors = np.concatenate([columns.vectors for columns in own]) if own else None
        return dataclasses.replace(
            parts[0],
            ids=tuple(name for part in parts for name in part.ids),
            own=None if vectors is None else own[0]._replace(vectors=vectors),
            **{name: np.concatenate([getattr(part, name) for part in parts]) for name in _PER_SPECTRUM},
        )


_PER_SPECTRUM = ("chi2", "status", "null", "kkt", "unconverged", "fingerprints")


def scan(
    spectra: Spectra,
    model: AbstractModel,
    *,
    zmin: float,
    zmax: float,
    own: OwnColumns | None = None,
    engine: Engine | None = None,
    precision: Precision | None = None,
    batch_size: int = 64,
    devices: Sequence[Device] | None = None,
    progress: Progress | None = None,
) -> ZScan:
    """Return χ²(z) of a model at every lattice redshift from `zmin` to `zmax`.

    The result keeps 4 bytes (float32) for each spectrum and trial redshift. While it runs, a CPU holds the arrays of
    one spectrum for each core, an accelerator those of one batch: about 16 K(K+1) bytes for each trial redshift, 40 MB
    for a spectrum with 17,730 of them and K = 12, whatever the number of spectra.

    Args:
        spectra: what was measured.
        model: `NonNegative`, `Free` or `Madgics`, with its settings and nuisance parts.
        zmin, zmax: range of trial redshifts, above -1.
        own: columns that each spectrum has of its own beside those of the model, in its native pixels.
        engine: how sums over pixels are made, "fft", "products" or "direct"; the fastest that the model has if absent.
        precision: "float32", "mixed" or "float64" (see `jaxz.models.model.Precision`); the fastest on the first device
            if absent, which is "mixed" on a CPU and "float32" on others.
        batch_size: spectra on a device at a time. The answer does not depend on it.
        devices: that share the work; all that JAX shows if absent.
        progress: called with the number of spectra done and of all, after each batch.

    Raises:
        ValueError: if `zmin` is not below `zmax`, columns have the wrong shape, or an option is not one of the above.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> (scan.pz(0).quantiles([0.16, 0.5, 0.84]) - 0.05).round(3)
        array([-0.,  0.,  0.])
    """
    check_types("scan(spectra, model)", spectra=(spectra, Spectra), model=(model, AbstractModel))
    precision = precision or fastest_precision(devices)
    check_option("precision", precision, ("float32", "mixed", "float64"))
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: use 1 or more")
    trials = Trials.between(zmin, zmax, model.step)
    columns, kind = own_columns(spectra, own)
    status = scannable(spectra, model, trials)
    single = np.float64 if precision == "float64" else np.float32
    chi2: np.ndarray | Array = np.full((len(spectra), trials.number), np.nan, dtype=single)
    null, kkt = np.full((2, len(spectra)), np.nan)
    unconverged = np.zeros(len(spectra), dtype=np.int32)
    rows = np.flatnonzero(status == Status.OK)
    where = layout(spectra, model.step)
    windows = np.array([bucket(int(n), WINDOW) for n in where.size[rows]], dtype=int)
    shapes = np.column_stack([windows, model.fft_lengths(where.start[rows], windows, trials)]).reshape(-1, 2)
    kinds = np.unique(shapes, axis=0)
    for size, nfft in kinds:
        members = rows[(shapes == (size, nfft)).all(axis=1)]
        task = model.curves(trials, int(size), int(nfft), precision=precision, engine=engine, own=kind)
        options = {"step": model.step, "batch_size": batch_size, "devices": devices, "progress": progress}
        # Spectra of one kind stay where their curves were made; others are put together here.
        found: Curve = run(task, spectra, members, columns=columns, resident=len(kinds) == 1, **options)
        if len(kinds) == 1:
            chi2 = found.chi2
        else:
            chi2 = np.asarray(chi2).astype(found.chi2.dtype, copy=False)
            chi2[members] = found.chi2[members]
        for whole, values in zip((null, kkt, unconverged), found[1:], strict=True):
            whole[members] = values[members]
    return ZScan(chi2, status, spectra.ids, trials, model, null, kkt, unconverged, fingerprints_of(spectra), own)


def nmf_scan(
    spectra: Spectra,
    basis: Basis,
    *,
    zmin: float = 0.0,
    zmax: float = 6.7,
    step: float | None = None,
    nuisance: Sequence[Nuisance] = (),
    weighting: Weighting = "ivar",
    resampling: Resampling = "overlap",
    engine: Engine = "fft",
    precision: Precision | None = None,
    batch_size: int = 64,
) -> ZScan:
    """Return χ²(z) of the non-negative fit of a basis [M, eq. 5-6]: `scan` with ``NonNegative(basis, nuisance)``.

    Args:
        spectra: what was measured.
        basis, nuisance, weighting, resampling: of the model, see `NonNegative`.
        step: of the lattice, dex; the basis is resampled if its own differs. The basis' step if absent.
        zmin, zmax, engine, precision, batch_size: as of `scan`.

    Raises:
        ValueError: as `scan` and `NonNegative`, and if `step` is not 1e-6 to 1e-3.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.nmf_scan(spectra, basis, zmax=0.1)
        >>> round(float(scan.z[np.argmin(scan.chi2[0])]), 3)
        0.05
    """
    check_types("nmf_scan(spectra, basis)", spectra=(spectra, Spectra), basis=(basis, Basis))
    if step is not None and not MIN_STEP <= step <= MAX_STEP:
        raise ValueError(f"step={step}: use {MIN_STEP:g} to {MAX_STEP:g} dex")
    on_step = basis if step is None else basis.with_step(step)
    model = NonNegative(on_step, nuisance, weighting=weighting, resampling=resampling)
    options = {"zmin": zmin, "zmax": zmax, "engine": engine, "precision": precision, "batch_size": batch_size}
    return scan(spectra, model, **options)


def madgics_scan(
    spectra: Spectra,
    *,
    target: GaussianComponent,
    nuisance: Sequence[Nuisance] = (),
    zmin: float = 2.0,
    zmax: float = 4.0,
    logdet: bool = False,
    emission: bool = False,
    engine: Engine | None = None,
    precision: Precision | None = None,
    batch_size: int = 64,
) -> ZScan:
    """Return χ²(z) of noise, nuisance components and a target [L]: `scan` with ``Madgics(target, nuisance)``.

    The rows of the result are the *total* χ², the nuisance components marginalised; Δχ²(z) of [L, eq. 6], negative
    where the target helps, is ``scan.chi2 - scan.null[:, None]``.

    Args:
        spectra: what was measured.
        target, nuisance, logdet, emission: of the model, see `Madgics`.
        zmin, zmax, engine, precision, batch_size: as of `scan`.

    Raises:
        ValueError: as `scan` and `Madgics`.

    Example:
        >>> lae = jaxz.load_component("desi-lae")
        >>> grid = jaxz.LogGrid.covering(3700.0, 4500.0)
        >>> noise = jaxz.mock.constant_noise(grid, 2, whitening=lae.whitening, seed=1)
        >>> lines = jaxz.mock.profiles_of(lae, 3, seed=1)
        >>> spectra, truth = jaxz.mock.inject(noise, lines, snr=np.full(2, 20.0), seed=1, zmin=2.2, zmax=2.5)
        >>> scan = jaxz.madgics_scan(spectra, target=lae, zmin=2.1, zmax=2.6)
        >>> depth = scan.chi2 - scan.null[:, None]
        >>> bool(np.all(np.abs(scan.z[np.argmin(depth, axis=1)] - truth.z) < 0.002))
        True
    """
    check_types("madgics_scan(spectra, target=…)", spectra=(spectra, Spectra), target=(target, GaussianComponent))
    model = Madgics(target, nuisance, logdet=logdet, emission=emission)
    options = {"zmin": zmin, "zmax": zmax, "engine": engine, "precision": precision, "batch_size": batch_size}
    return scan(spectra, model, **options)


def fastest_precision(devices: Sequence[Device] | None = None) -> Precision:
    """Return the precision of a scan that is fastest on the first of some devices, by default of all that JAX shows."""
    return "mixed" if one_by_one(devices or jax.local_devices()) else "float32"


def own_columns(spectra: Spectra, own: OwnColumns | None) -> tuple[np.ndarray | None, Kind | None]:
    """Return columns of each spectrum's own as `run` takes them, and their kind.

    Raises:
        ValueError: if they do not fit to the spectra.
    """
    if own is None:
        return None, None
    if own.vectors.ndim != 3 or (own.vectors.shape[0], own.vectors.shape[2]) != spectra.flux.shape:
        raise ValueError(
            f"own columns have shape {own.vectors.shape}; flux {spectra.flux.shape} needs (spec, comp, pix)"
        )
    check_option("kind", own.kind, ("gaussian", "free", "non-negative"))
    return own.vectors, own.kind


def fingerprints_of(spectra: Spectra) -> np.ndarray:
    """Return a hash of wavelengths, flux and ivar of each spectrum, (spec,) uint64."""

    def digest(*rows: np.ndarray) -> bytes:
        total = hashlib.blake2b(digest_size=8)
        for row in rows:
            total.update(np.ascontiguousarray(row).tobytes())
        return total.digest()

    common = spectra.wave.strides[0] == 0 and len(spectra) > 0
    wave = digest(spectra.wave[0]) if common else b""
    every = (
        digest(np.frombuffer(wave or digest(w), np.uint8), f, v)
        for w, f, v in zip(spectra.wave, spectra.flux, spectra.ivar, strict=True)
    )
    return np.fromiter((int.from_bytes(found, "little") for found in every), np.uint64, len(spectra))


def check_scanned(ids: Sequence[str], fingerprints: np.ndarray, spectra: Spectra) -> None:
    """Refuse spectra that are not those of a scan, given its ids and fingerprints.

    Raises:
        ValueError: naming the first that differs.
    """
    if ids != spectra.ids:
        if len(ids) != len(spectra):
            said = f"{len(ids)} were scanned, and {len(spectra)} are given"
        else:
            place = next(place for place, name in enumerate(ids) if name != spectra.ids[place])
            said = f"number {place} of those that were scanned is {ids[place]!r}, and of these {spectra.ids[place]!r}"
        raise ValueError(f"{said}: pass the spectra that were scanned, in their order")
    other = np.flatnonzero(fingerprints != fingerprints_of(spectra))
    if len(other):
        raise ValueError(
            f"spectrum {spectra.ids[other[0]]!r} is not the one that was scanned: flux, ivar or wavelengths differ: "
            "scan these spectra"
        )


def scannable(spectra: Spectra, model: AbstractModel, trials: Trials) -> np.ndarray:
    """Return which spectra can be scanned at all, as `Status` codes (spec,)."""
    good = model.counts(spectra)
    low, high = (
        edge * 10.0 ** (half * model.step) for edge, half in zip(model.reach(trials), (-0.5, 0.5), strict=True)
    )
    covered = good & (spectra.wave > low) & (spectra.wave < high)
    status = np.where(covered.any(axis=1), Status.OK, Status.NO_COVERAGE)
    status = np.where(np.count_nonzero(good, axis=1) <= len(model), Status.TOO_FEW_PIXELS, status)
    return np.where(spectra.npixels == 0, Status.NO_DATA, status)
