"""χ² of one spectrum at one redshift, pure, to be transformed at will; and the fits of many in their native pixels."""

import equinox as eqx
import numpy as np
from jax.typing import ArrayLike

from jaxz._typing import Array, Float
from jaxz.models import AbstractModel, Basis
from jaxz.models.native import basis_in_pixels
from jaxz.pixels import Pixels, layout
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
    rows = np.flatnonzero(np.isfinite(z) & (spectra.npixels > 1))
    found = run(_Predict(model), spectra, rows, (z,), step=model.step, binned=False, batch_size=batch_size)
    where = layout(spectra, model.step)
    flux = np.full(spectra.flux.shape, np.nan)
    for row in rows:
        pixels = slice(where.first[row], where.end[row])
        flux[row, pixels] = found[row, : pixels.stop - pixels.start]
    return flux


def fitted_flux(spectra: Spectra, basis: Basis, z: np.ndarray, coeff: np.ndarray) -> np.ndarray:
    """Return the flux of a basis with the coefficients of a fit that was made before, (spec, pix) float64.

    With z and coeff of `Redshifts` it is that of `best_fit`, nuisance parts left out, and NaN in the same places.

    Args:
        spectra: what was fitted.
        basis: the vectors.
        z: (spec,) redshifts.
        coeff: (spec, basis) coefficients.

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
    return flux


class _Predict(eqx.Module):
    """The task (spectrum, z) → flux of the best fit, all parts together."""

    model: AbstractModel

    def __call__(self, serial: bool, pixels: Pixels, z: Float[Array, ""]) -> Float[Array, " pix"]:
        """Return it for one spectrum."""
        return self.model.predict(pixels, z).sum(axis=0)
