"""Best fits of the models of a catalog at its candidate redshifts, each candidate by the model that its χ² is of."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np

from jaxz._typing import Array, Float
from jaxz.models import AbstractModel
from jaxz.pixels import Pixels, layout, native
from jaxz.run import run
from jaxz.spectra import Spectra


class Fits(NamedTuple):
    """Best fits of candidates.

    Attributes:
        flux: (spec, cand, pix) all parts of the model together; NaN outside the good pixels, and where there is none.
        chi2: (spec, cand) of the fit, NaN likewise.
        which: (spec, cand) index of the model, -1 where there is none.
    """

    flux: np.ndarray
    chi2: np.ndarray
    which: np.ndarray


def fits_of(
    spectra: Spectra, models: Sequence[AbstractModel], z: np.ndarray, chi2: np.ndarray, *, batch_size: int = 64
) -> Fits:
    """Return the best fits at candidate redshifts.

    A catalog does not say which model a candidate is of, but its χ² does: it is that of the model whose own χ² there is
    nearest.

    Args:
        spectra: what was measured.
        models: that it was measured with, at least one.
        z, chi2: (spec, cand) of the candidates, NaN where there are fewer.
        batch_size: spectra on a device at a time.
    """
    found = [_fits(spectra, model, z, batch_size) for model in models]
    away = np.stack([np.abs(one - chi2) for _, one in found])
    away = np.where(np.isnan(away), np.inf, away)
    which = np.argmin(away, axis=0)
    there = np.isfinite(np.stack([one for _, one in found])).any(axis=0) & np.isfinite(z)
    rows, cands = np.indices(which.shape)
    flux = np.stack([flux for flux, _ in found])[which, rows, cands]
    own = np.stack([one for _, one in found])[which, rows, cands]
    return Fits(np.where(there[..., None], flux, np.nan), np.where(there, own, np.nan), np.where(there, which, -1))


def _fits(spectra: Spectra, model: AbstractModel, z: np.ndarray, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return flux (spec, cand, pix) and χ² (spec, cand) of one model."""
    rows = np.flatnonzero((spectra.npixels > 1) & np.isfinite(z).any(axis=1))
    at = np.where(np.isfinite(z), z, np.nanmax(np.where(np.isfinite(z), z, 0), axis=1, keepdims=True))
    task = _Fits(model)
    found, chi2 = run(task, spectra, rows, (at,), step=model.step, parts=None, batch_size=batch_size)
    return native(found, rows, layout(spectra, model.step), spectra.flux.shape[1]), chi2


class _Fits(eqx.Module):
    """The task (spectrum, redshifts) → flux and χ² of the best fit at each."""

    model: AbstractModel

    def __call__(
        self, serial: bool, pixels: Pixels, z: Float[Array, " cand"]
    ) -> tuple[Float[Array, "cand pix"], Float[Array, " cand"]]:
        """Return them for one spectrum."""

        def fit(z: Float[Array, ""]) -> tuple[Array, Array]:
            return self.model.predict(pixels, z).sum(axis=0), self.model.chi2(pixels, z)

        return jax.lax.map(fit, z)
