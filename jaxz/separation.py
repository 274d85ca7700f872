"""A spectrum → its parts: posterior means that sum to the data, and their variances [L, eq. 2 and 22]."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Float, Int
from jaxz.arguments import check_types
from jaxz.kernels import resample, woodbury
from jaxz.kernels.nnls import nnls
from jaxz.models import AbstractModel
from jaxz.models.columns import Nuisance
from jaxz.models.error import ErrorModel
from jaxz.models.parts import Part, parts_of
from jaxz.pixels import OVERLAP, Pixels
from jaxz.run import run
from jaxz.spectra import LogGrid, Spectra

ROUND = 512
"""The window is computed on a multiple of this, so that few sizes are compiled."""


class Separation(eqx.Module):
    """Spectra taken apart, on the lattice, in the unit of their flux; all NumPy, float64.

    The parts are what slides, the nuisance parts of a model and, as "continuum", what its error model adds to the shape
    of the continuum, or the components in the order given, and last the noise. In each pixel with data their means sum
    to `flux` to round-off. A pixel that a component masks belongs to it: its mean there is the flux less the means of
    the others, its variance that of the pixel, and the noise is 0. In a pixel without data the components are what they
    are expected to be there, and flux and noise are NaN.

    Args:
        ids: names of the spectra.
        names: of the parts but for the noise.
        z: (spec,) at which what slides was; NaN where there was none.
        grid: lattice window that covers all spectra.
        flux, ivar: (spec, obs) on the lattice.
        mean, variance: (spec, part, obs) of the posterior.
        coeff: (spec, comp) posterior means of the coefficients of all vectors, one component after the other; 0 for a
            component that was not there.
        coeff_covariance: (spec, comp, comp) theirs: [A⁻¹] of `jaxz.kernels.woodbury`, from which the covariance of any
            part, and of any sum over its pixels, follows as V_iᵀ [A⁻¹]_ii V_i.
        line_flux, line_flux_err: (spec, part - 1) ∫ mean dλ of each component and its posterior 1 σ error, in the unit
            of flux times Å. A mean is drawn towards zero where the data say little, as the prior has it.
        chi2: (spec,) dᵀC⁻¹d over the pixels that count.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> parts = jaxz.separate(spectra, jaxz.NonNegative(basis), z=np.array([0.05]))
        >>> good = parts.ivar > 0
        >>> bool(np.allclose(parts.mean.sum(axis=1)[good], parts.flux[good]))
        True
    """

    ids: tuple[str, ...] = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)
    z: np.ndarray
    grid: LogGrid = eqx.field(static=True)
    flux: np.ndarray
    ivar: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    coeff: np.ndarray
    coeff_covariance: np.ndarray
    line_flux: np.ndarray
    line_flux_err: np.ndarray
    chi2: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


def separate(
    spectra: Spectra,
    model: AbstractModel | Sequence[Nuisance],
    *,
    z: np.ndarray | None = None,
    batch_size: int = 64,
) -> Separation:
    """Return the parts of each spectrum: posterior means C_i C⁻¹ d of Gaussian ones, best fits of others.

    C_res is the noise of the pixels with the floor of the model's error model, which may leave pixels out: they are
    without data here. The variance of a Gaussian part is the diagonal of C_i - C_i C⁻¹ C_i [L, eq. 22]; of a free one
    the same without a prior; non-negative coefficients are taken as known: their part has variance 0.
    Spectra are put on the lattice as for the scan, on a window that covers all of them: in 16 (part + 1) bytes for each
    spectrum and lattice pixel. Take a large sample slice by slice. (The window depends on the spectra given, so that
    round-off may differ between slices.)

    Args:
        spectra: what was measured.
        model: that the spectra are sums of; or Gaussian components alone, any number, of one lattice step. A pixel
            masked by several components belongs to the first of them.
        z: (spec,) redshift of what slides in each spectrum; where it is NaN nothing does.
        batch_size: spectra on the device at a time. The answer does not depend on it.

    Raises:
        ValueError: if there are no components, their steps differ, or something slides and `z` is missing or of the
            wrong length.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> parts = jaxz.separate(spectra, jaxz.NonNegative(basis), z=np.array([0.05]))
        >>> parts.names
        ('galaxy',)
    """
    check_types("separate(spectra, model)", spectra=(spectra, Spectra))
    with jax.enable_x64(True):
        parts = parts_of(model)
    if z is None and any(part.slides for part in parts):
        raise ValueError("z is missing: shiftable components need one redshift for each spectrum")
    at = np.full(len(spectra), np.nan) if z is None else np.asarray(z, dtype=np.float64)
    if at.shape != (len(spectra),):
        raise ValueError(f"z has shape {at.shape}: give one redshift for each spectrum, ({len(spectra)},)")
    step = parts[0].step
    grid = window_of(spectra, step)
    size = -(-grid.size // ROUND) * ROUND
    with jax.enable_x64(True):
        owner = np.zeros((len(parts), size), dtype=bool)
        for row, part in enumerate(parts):
            owner[row] = part.owned(grid.start, size) & ~owner.any(axis=0)
        error = model.error if isinstance(model, AbstractModel) else None
        task = _Separate(parts, error, jnp.int32(grid.start), jnp.asarray(owner), size, step)
    rows = np.flatnonzero(spectra.npixels > 1)
    found = run(task, spectra, rows, (at,), step=step, batch_size=batch_size)
    found.ivar[spectra.npixels < 2] = 0
    cut = {name: getattr(found, name)[..., : grid.size] for name in ("flux", "ivar", "mean", "variance")}
    names = tuple(part.name for part in parts)
    return Separation(ids=spectra.ids, names=names, z=at, grid=grid, **(found._asdict() | cut))


class _Parts(NamedTuple):
    """The arrays of `Separation`, in its order."""

    flux: Array | np.ndarray
    ivar: Array | np.ndarray
    mean: Array | np.ndarray
    variance: Array | np.ndarray
    coeff: Array | np.ndarray
    coeff_covariance: Array | np.ndarray
    line_flux: Array | np.ndarray
    line_flux_err: Array | np.ndarray
    chi2: Array | np.ndarray


class _Separate(eqx.Module):
    """The task (spectrum, z) → `_Parts`, on a window that all spectra share."""

    parts: tuple[Part, ...]
    error: ErrorModel | None
    start: Int[Array, ""]
    owner: Array
    size: int = eqx.field(static=True)
    step: float = eqx.field(static=True)

    def __call__(self, serial: bool, pixels: Pixels, z: Float[Array, ""]) -> _Parts:
        """Return the parts of one spectrum."""
        begin = self.start - pixels.start
        distortion = jnp.zeros((0, self.size), pixels.flux.dtype)
        if self.error is not None:
            pixels, columns_at = self.error.applied(pixels, self.step)
            distortion = columns_at((begin + jnp.arange(self.size, dtype=begin.dtype)).astype(pixels.edges.dtype))
        flux, ivar = resample.overlap(pixels.edges, pixels.flux, pixels.ivar, begin, size=self.size, width=OVERLAP)
        owned = jnp.any(self.owner, axis=0)
        columns = [distortion if part.of_error else part.columns(z, self.start, self.size) for part in self.parts]
        positive = [part.kind == "non-negative" for part in self.parts]
        eliminated = [c for c, p in zip(columns, positive, strict=True) if not p]
        free = [
            part.kind == "free"
            for part, p in zip(self.parts, positive, strict=True)
            if not p
            for _ in range(part.count)
        ]
        factor = woodbury.factorise(eliminated, jnp.where(owned, 0, ivar), free)
        known, weights = jnp.zeros_like(flux), {}
        if any(positive):
            given = jnp.concatenate([c for c, p in zip(columns, positive, strict=True) if p])
            solved = jnp.stack([woodbury.solve(factor, row) for row in jnp.concatenate([given, flux[None]])])
            product = jnp.matmul(given, solved.T, precision=woodbury.HIGHEST)
            weight = nnls(product[:, :-1, None], product[:, -1:]).coeff[:, 0]
            known = jnp.matmul(weight, given, precision=woodbury.HIGHEST)
            weights = {"non-negative": weight}
        coeff, covariance = woodbury.coefficients(factor, flux - known), woodbury.coefficient_covariance(factor)
        return self._assembled(flux, ivar, owned, columns, positive, factor, coeff, covariance, weights, known)

    def _assembled(
        self, flux: Array, ivar: Array, owned: Array, columns: list[Array], positive: list[bool],
        factor: woodbury.Factor, coeff: Array, covariance: Array, weights: dict[str, Array], known: Array,
    ) -> _Parts:  # fmt: skip
        width = 10.0 ** (
            (self.start + jnp.arange(self.size + 1, dtype=self.start.dtype)).astype(flux.dtype) * self.step
            - self.step / 2
        )
        width = jnp.diff(width)
        means, variances, lines, errors, every = [], [], [], [], []
        total = sum(part.count for part in self.parts)
        whole = jnp.zeros((total, total), flux.dtype)
        at, row = {False: 0, True: 0}, 0
        index: list[int] = []
        for part, vectors, sort in zip(self.parts, columns, positive, strict=True):
            own = slice(at[sort], at[sort] + part.count)
            at[sort] += part.count
            values = weights["non-negative"][own] if sort else coeff[own]
            means.append(jnp.matmul(values, vectors, precision=woodbury.HIGHEST))
            area = jnp.matmul(vectors, width, precision=woodbury.HIGHEST)
            block = jnp.zeros((part.count, part.count), flux.dtype) if sort else covariance[own, own]
            inner = jnp.matmul(block, vectors, precision=woodbury.HIGHEST)
            variances.append(jnp.sum(inner * vectors, axis=0))
            lines.append(jnp.sum(values * area))
            errors.append(jnp.sqrt(area @ (block @ area)))
            every.append(values)
            if not sort:
                index += range(row, row + part.count)
            row += part.count
        if index:
            whole = whole.at[np.ix_(index, index)].set(covariance)
        mean, variance = jnp.stack(means), jnp.stack(variances)
        noise = flux - jnp.sum(mean, axis=0)
        data = ivar > 0
        kept = self.owner & data[None]
        mean = jnp.where(kept, mean + noise[None], mean)
        variance = jnp.where(kept, 1 / jnp.where(data, ivar, 1)[None], variance)
        of_noise = jnp.where(owned, 0, woodbury.posterior_variance(factor, slice(None)))
        mean = jnp.concatenate([mean, jnp.where(data, jnp.where(owned, 0, noise), jnp.nan)[None]])
        variance = jnp.concatenate([variance, jnp.where(data, of_noise, jnp.nan)[None]])
        chi2 = woodbury.chi2(factor, flux - known)
        flux = jnp.where(data, flux, jnp.nan)
        return _Parts(
            flux, ivar, mean, variance, jnp.concatenate(every), whole, jnp.stack(lines), jnp.stack(errors), chi2
        )


def window_of(spectra: Spectra, step: float) -> LogGrid:
    """Return the smallest window that holds the pixels with data of all spectra."""
    good = spectra.ivar > 0
    if not good.any():
        return LogGrid.covering(spectra.wave.min(initial=1.0), spectra.wave.max(initial=1.0), step)
    edges = resample.pixel_edges(spectra.wave, step) if spectra.wave.shape[1] > 1 else np.log10(spectra.wave) / step
    first = np.floor(edges[:, : good.shape[1]][good].min() + 0.5)
    last = np.ceil(edges[:, -good.shape[1] :][good].max() - 0.5)
    return LogGrid(int(first), int(last - first) + 1, step)
