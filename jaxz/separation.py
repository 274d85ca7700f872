"""A spectrum → its components: posterior means that sum to the data, and their variances [L, eq. 2 and 22]."""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Bool, Float
from jaxz.chunks import Chunk, chunks, each, spread
from jaxz.frame import Native, native, on_window
from jaxz.kernels import resample, woodbury
from jaxz.models.components import GaussianComponent, check_step, placed
from jaxz.spectra import LogGrid, Spectra


class Separation(eqx.Module):
    """Spectra taken apart, on the lattice, in the unit of their flux; all NumPy, float64.

    The parts are the components in the order given, then the noise. In each pixel with data their means sum to `flux`
    to round-off. A pixel that a component masks belongs to it: its mean there is the flux less the means of the
    others, its variance that of the pixel, and the noise is 0. In a pixel without data the components are what they are
    expected to be there, and flux and noise are NaN.

    Args:
        ids: names of the spectra.
        names: of the components.
        z: (spec,) at which the shiftable components were; NaN where there were none.
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
    spectra: Spectra, components: Sequence[GaussianComponent], *, z: np.ndarray | None = None, batch_size: int = 64
) -> Separation:
    """Return the posterior means C_i C⁻¹ d of the components of each spectrum, and their variances.

    C_res is the noise of the pixels. The variance of a component is the diagonal of C_i - C_i C⁻¹ C_i [L, eq. 22].
    Spectra are put on the lattice as for the scan, on a window that covers all of them: in 16 (part + 1) bytes for each
    spectrum and lattice pixel. Take a large sample slice by slice. (The window depends on the spectra given, so that
    round-off may differ between slices.)

    Args:
        spectra: what was measured.
        components: any number, of one lattice step; a pixel masked by several belongs to the first of them.
        z: (spec,) redshift of the shiftable components in each spectrum; where it is NaN there are none.
        batch_size: spectra on the device at a time. The answer does not depend on it.

    Raises:
        ValueError: if there are no components, their steps differ, or one is shiftable and `z` is missing or of the
            wrong length.
    """
    if not components:
        raise ValueError("no components to separate into: give at least one")
    for component in components:
        check_step(component, components[0].grid.step)
    if z is None and any(component.reference_z is not None for component in components):
        raise ValueError("z is missing: shiftable components need one redshift for each spectrum")
    at = np.full(len(spectra), np.nan) if z is None else np.asarray(z, dtype=np.float64)
    if at.shape != (len(spectra),):
        raise ValueError(f"z has shape {at.shape}: give one redshift for each spectrum, ({len(spectra)},)")
    grid = window_of(spectra, components[0].grid.step)
    sizes = tuple(len(component) for component in components)
    fixed = [component.in_flux(grid) if component.reference_z is None else None for component in components]
    result = _empty(len(spectra), sizes, grid.size)
    with jax.enable_x64(True):
        owner = jnp.asarray(_owners(components, grid))
        width = jnp.asarray(np.diff(10.0 ** ((grid.start - 0.5 + np.arange(grid.size + 1)) * grid.step)))

    def task(chunk: Chunk) -> _Parts:
        vectors = np.zeros((len(chunk.flux), sum(sizes), grid.size))
        for place, row in enumerate(chunk.rows):
            vectors[place] = _vectors(components, fixed, float(at[row]), grid)
        with jax.enable_x64(True):
            pixels, most = native(chunk, grid.step)
            plan = _Plan(grid.start, grid.size, most, sizes)
            found = _separate_chunk(plan, owner, width, (pixels, jnp.asarray(vectors)))
            return _Parts(*(np.asarray(values)[: len(chunk.rows)] for values in found))

    rows = np.flatnonzero(spectra.npixels > 1)
    every = (chunk for _, chunk in chunks(spectra, rows, np.zeros((len(rows), 0), dtype=int), batch_size))
    for chunk, found in each(task, every):
        for values, here in zip(result, found, strict=True):
            values[chunk.rows] = here
    names = tuple(component.name for component in components)
    return Separation(ids=spectra.ids, names=names, z=at, grid=grid, **result._asdict())


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


def _empty(nspec: int, sizes: tuple[int, ...], nobs: int) -> _Parts:
    """Return what a spectrum without data has: nothing is known."""
    count, total = len(sizes), sum(sizes)
    shapes = (
        (nobs,), (nobs,), (count + 1, nobs), (count + 1, nobs), (total,), (total, total), (count,), (count,), (),
    )  # fmt: skip
    parts = _Parts(*(np.full((nspec, *shape), np.nan) for shape in shapes))
    parts.ivar[:] = 0
    return parts


def window_of(spectra: Spectra, step: float) -> LogGrid:
    """Return the smallest window that holds the pixels with data of all spectra."""
    good = spectra.ivar > 0
    if not good.any():
        return LogGrid.covering(spectra.wave.min(initial=1.0), spectra.wave.max(initial=1.0), step)
    edges = resample.pixel_edges(spectra.wave, step) if spectra.wave.shape[1] > 1 else np.log10(spectra.wave) / step
    first = np.floor(edges[:, : good.shape[1]][good].min() + 0.5)
    last = np.ceil(edges[:, -good.shape[1] :][good].max() - 0.5)
    return LogGrid(int(first), int(last - first) + 1, step)


def _owners(components: Sequence[GaussianComponent], grid: LogGrid) -> np.ndarray:
    """Return which component has all of the flux of a pixel, (part - 1, obs) bool."""
    owner = np.zeros((len(components), grid.size), dtype=bool)
    for row, component in enumerate(components):
        if component.mask is not None:
            owner[row] = placed(component.mask, component.grid, grid) & ~owner.any(axis=0)
    return owner


def _vectors(
    components: Sequence[GaussianComponent], fixed: list[np.ndarray | None], z: float, grid: LogGrid
) -> np.ndarray:
    parts = []
    for component, known in zip(components, fixed, strict=True):
        if known is not None:
            parts.append(known)
        elif np.isnan(z):
            parts.append(np.zeros((len(component), grid.size)))
        else:
            parts.append(component.at(z).in_flux(grid))
    return np.concatenate(parts)


class _Plan(NamedTuple):
    """What is static: the window, native pixels in a lattice pixel at most, and vectors of each component."""

    start: int
    size: int
    width: int
    sizes: tuple[int, ...]


@functools.partial(jax.jit, static_argnums=0)
def _separate_chunk(plan: _Plan, owner: Bool[Array, "part obs"], width: Float[Array, " obs"], spectra: tuple) -> _Parts:
    return spread(lambda one: _separate_spectrum(plan, owner, width, *one), spectra)


def _separate_spectrum(
    plan: _Plan,
    owner: Bool[Array, "part obs"],
    width: Float[Array, " obs"],
    pixels: Native,
    vectors: Float[Array, "comp obs"],
) -> _Parts:
    flux, ivar, _ = on_window(pixels, plan.start, plan.size, plan.width)
    owned = jnp.any(owner, axis=0)
    factor = woodbury.factorise([vectors], jnp.where(owned, 0, ivar))
    coeff, covariance = woodbury.coefficients(factor, flux), woodbury.coefficient_covariance(factor)
    ends = np.cumsum(plan.sizes)
    parts = [slice(int(end) - size, int(end)) for end, size in zip(ends, plan.sizes, strict=True)]
    mean = jnp.stack([woodbury.posterior_mean(factor, flux, part) for part in parts])
    variance = jnp.stack([woodbury.posterior_variance(factor, part) for part in parts])
    noise = flux - jnp.sum(mean, axis=0)
    data = ivar > 0
    kept = owner & data[None]
    mean = jnp.where(kept, mean + noise[None], mean)
    variance = jnp.where(kept, 1 / jnp.where(data, ivar, 1)[None], variance)
    of_noise = jnp.where(owned, 0, woodbury.posterior_variance(factor, slice(None)))
    mean = jnp.concatenate([mean, jnp.where(data, jnp.where(owned, 0, noise), jnp.nan)[None]])
    variance = jnp.concatenate([variance, jnp.where(data, of_noise, jnp.nan)[None]])
    area = jnp.matmul(vectors, width, precision=woodbury.HIGHEST)
    total = jnp.stack([jnp.sum(coeff[part] * area[part]) for part in parts])
    spread_of = jnp.stack([area[part] @ (covariance[part, part] @ area[part]) for part in parts])
    chi2 = woodbury.chi2(factor, flux)
    flux = jnp.where(data, flux, jnp.nan)
    return _Parts(flux, ivar, mean, variance, coeff, covariance, total, jnp.sqrt(spread_of), chi2)
