"""χ² of one spectrum at one redshift, pure, to be transformed at will; and the fits of many in their native pixels."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxz._typing import Array, Float
from jaxz.kernels import resample, woodbury
from jaxz.models import AbstractModel, Basis, ErrorModel
from jaxz.models.columns import Fixed
from jaxz.models.model import Task
from jaxz.models.native import Native, basis_in_pixels
from jaxz.pixels import Pixels, layout, native
from jaxz.run import run
from jaxz.spectra import Spectra


def chi2(model: AbstractModel, pixels: Pixels, z: ArrayLike) -> Float[Array, ""]:
    """Return χ² of a model at one redshift, minimised over its coefficients: -2 ln of the likelihood and a constant.

    It is what `find_redshifts` minimises: a basis is integrated over native pixels, a Gaussian target moved by
    band-limited interpolation. ``jax.jit``, ``jax.vmap`` and ``jax.grad`` work with respect to flux, ivar, z and the
    arrays of the model, in forward and in reverse mode, with coefficients at their limit as well. Turn on
    ``jax_enable_x64``: in float32 a bright spectrum's χ² is a small difference of large numbers.

    Args:
        model: `NonNegative`, `Free` or `Madgics`.
        pixels: of one spectrum, on the lattice step of the model (`Pixels.of`).
        z: redshift.

    Example:
        >>> import jax, numpy as np, jaxz
        >>> grid = jaxz.LogGrid.covering(3000.0, 7000.0)
        >>> line = np.exp(-0.5 * ((grid.wave - 5008.24) / 3) ** 2)
        >>> model = jaxz.NonNegative(jaxz.Basis(line[None] + 0.1, grid))
        >>> wave = np.arange(5000.0, 6000.0)
        >>> flux = np.exp(-0.5 * ((wave - 5008.24 * 1.1) / 3.3) ** 2) + 0.1
        >>> pixels = jaxz.Pixels.of(wave, flux, np.full(1000, 100.0), step=model.step)
        >>> slope = jax.grad(jaxz.chi2, argnums=2)
        >>> bool(slope(model, pixels, 0.0995) < 0 < slope(model, pixels, 0.1005))
        True
    """
    return model.chi2(pixels, z)


def best_fit(spectra: Spectra, model: AbstractModel, z: np.ndarray, *, batch_size: int = 64) -> np.ndarray:
    """Return the flux of a model's best fit at given redshifts, nuisance parts included, (spec, pix) float64.

    Outside the good pixels of a spectrum, and where z is NaN, it is NaN.

    Args:
        spectra: what was measured.
        model: what is fitted.
        z: (spec,) redshifts.
        batch_size: spectra on a device at a time.

    Raises:
        ValueError: if `z` has the wrong length.
    """
    z = np.asarray(z, dtype=np.float64)
    if z.shape != (len(spectra),):
        raise ValueError(f"z has shape {z.shape}: give one redshift for each spectrum, ({len(spectra)},)")
    return in_pixels(_Predict(model), spectra, model.step, (z,), batch_size)


def fitted_flux(
    spectra: Spectra, basis: Basis, z: np.ndarray, coeff: np.ndarray, *, error: ErrorModel | None = None
) -> np.ndarray:
    """Return the flux of a basis with the coefficients of a fit that was made before, (spec, pix) float64.

    With z and coeff of `Redshifts` it is that of `best_fit`, nuisance parts left out, and NaN in the same places.
    Coefficients of an error model follow from those of the basis: they are the best for what this leaves.

    Args:
        spectra: what was fitted.
        basis: the vectors.
        z: (spec,) redshifts.
        coeff: (spec, basis) coefficients.
        error: of the model that was fitted, whose continuum distortion is added; the basis alone if None.

    Raises:
        ValueError: if `z` or `coeff` has the wrong shape.
    """
    z, coeff = (np.asarray(values, dtype=np.float64) for values in (z, coeff))
    nspec = len(spectra)
    if z.shape != (nspec,) or coeff.shape != (nspec, len(basis)):
        raise ValueError(
            f"z has shape {z.shape}, coeff {coeff.shape}: give those of each spectrum, ({nspec},) and "
            f"({nspec}, {len(basis)})"
        )
    where = layout(spectra, basis.grid.step)
    flux = np.full(spectra.flux.shape, np.nan)
    for row in np.flatnonzero(np.isfinite(z) & (spectra.npixels > 1)):
        pixels = slice(where.first[row], where.end[row])
        resolution = None if spectra.resolution is None else spectra.resolution[row, :, pixels]
        columns = basis_in_pixels(basis, spectra.wave[row, pixels], z[row], resolution=resolution)
        flux[row, pixels] = coeff[row] @ columns
    if error is None:
        return flux
    with jax.enable_x64(True):
        native = Native(resample.cumulative(jnp.asarray(basis.vectors, float)), Fixed.of(()), error, basis.grid)
    return flux + in_pixels(_Distortion(native), spectra, basis.grid.step, (z, coeff))


def sigma_of(spectra: Spectra, error: ErrorModel, step: float) -> np.ndarray:
    """Return the noise of each pixel with an error model's floor, (spec, pix) float64; NaN where a pixel is left out.

    Args:
        spectra: what was measured.
        error: the error model.
        step: of the lattice, dex.
    """
    return in_pixels(_Sigma(error, step), spectra, step, ())


def in_pixels(
    task: Task,
    spectra: Spectra,
    step: float,
    inputs: tuple[np.ndarray, ...],
    batch_size: int = 64,
    columns: np.ndarray | None = None,
) -> np.ndarray:
    """Return what a task gives for each pixel, (spec, …, pix); NaN where an input or data are missing.

    Args:
        task: (spectrum, *inputs[, own columns]) → (…, pix).
        spectra: what was measured.
        step: of the lattice, dex.
        inputs: (spec, …) each.
        batch_size: spectra on a device at a time.
        columns: (spec, comp, pix) of each spectrum's own, or None.
    """
    there = spectra.npixels > 1
    for values in inputs:
        there = there & np.isfinite(values.reshape(len(spectra), -1)).all(axis=1)
    rows = np.flatnonzero(there)
    found = run(task, spectra, rows, inputs, step=step, columns=columns, parts=None, batch_size=batch_size)
    return native(found, rows, layout(spectra, step), spectra.flux.shape[1])


class _Predict(eqx.Module):
    """The task (spectrum, z) → flux of the best fit, all parts together."""

    model: AbstractModel

    def __call__(self, serial: bool, pixels: Pixels, z: Float[Array, ""]) -> Float[Array, " pix"]:
        """Return it for one spectrum."""
        return self.model.predict(pixels, z).sum(axis=0)


class _Distortion(eqx.Module):
    """The task (spectrum, z, coefficients of the basis) → flux of the continuum distortion."""

    native: Native

    def __call__(
        self, serial: bool, pixels: Pixels, z: Float[Array, ""], coeff: Float[Array, " basis"]
    ) -> Float[Array, " pix"]:
        """Return it for one spectrum."""
        prepared = self.native.prepare(pixels, None)
        shift = jnp.log10(1 + z) / self.native.grid.step
        eliminated = self.native.fitted(prepared, shift, coeff).eliminated
        return jnp.matmul(eliminated, prepared.factor.vectors, precision=woodbury.HIGHEST)


class _Sigma(eqx.Module):
    """The task (spectrum) → 1 σ of each pixel."""

    error: ErrorModel
    step: float = eqx.field(static=True)

    def __call__(self, serial: bool, pixels: Pixels) -> Float[Array, " pix"]:
        """Return it for one spectrum."""
        ivar = self.error.applied(pixels, self.step)[0].ivar
        return jnp.where(ivar > 0, jax.lax.rsqrt(jnp.where(ivar > 0, ivar, 1)), jnp.nan)
