"""A rest-frame basis on the lattice: NMF or PCA vectors."""

import dataclasses
import hashlib
from typing import Literal

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer

from jaxz.models.steps import averaged
from jaxz.spectra import LogGrid

Method = Literal["NMF", "PCA"]


class Basis(eqx.Module):
    """Rest-frame vectors, whose combinations are spectra.

    With method "NMF" neither vectors nor coefficients are negative [M, eq. 5]; with "PCA" either may be. Outside its
    grid a basis is zero. It is a pytree whose one leaf is `vectors`; traced ones are checked for their shape only.

    Args:
        vectors: (basis, rest) f_λ, float32 or float64, finite; non-negative with method "NMF".
        grid: the lattice window that the vectors cover, rest-frame vacuum.
        name: for the catalog's SUBTYPE and header.
        version: of the basis, not of jaxz.
        spectype: for the catalog's SPECTYPE.
        method: how the vectors are to be combined, "NMF" or "PCA".
        igm: the absorption by the intergalactic medium that the vectors are free of and a model should have, as
            Redrock names it ("Calura12", "Kamble20", "Inoue14"), or "None". It is kept for those who ask; nothing here
            applies it.
        zrange: lowest and highest redshift to try, where the maker of the basis gave them.

    Raises:
        ValueError: if the shapes disagree, a vector is empty, not finite, or negative with method "NMF", or an
            argument does not make sense.

    Example:
        >>> grid = jaxz.LogGrid.covering(3000.0, 7000.0)
        >>> flat = jaxz.Basis(np.ones((1, grid.size)), grid, name="FLAT")
        >>> flat.with_step(1e-4).vectors.shape
        (1, 3681)
    """

    vectors: np.ndarray | jax.Array
    grid: LogGrid = eqx.field(static=True)
    name: str = eqx.field(static=True, default="")
    version: str = eqx.field(static=True, default="0")
    spectype: str = eqx.field(static=True, default="GALAXY")
    method: Method = eqx.field(static=True, default="NMF")
    igm: str = eqx.field(static=True, default="None")
    zrange: tuple[float, float] | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        if self.method not in ("NMF", "PCA"):
            raise ValueError(f"method={self.method!r}: use one of NMF, PCA")
        if self.zrange is not None and not -1 < self.zrange[0] <= self.zrange[1] < np.inf:
            raise ValueError(
                f"basis {self.name!r}: zrange={self.zrange}: give a lowest redshift above -1 and a highest"
            )
        if self.vectors.ndim != 2 or not len(self.vectors) or self.vectors.shape[1] != self.grid.size:
            raise ValueError(f"basis vectors have shape {self.vectors.shape}; the grid needs (basis, {self.grid.size})")
        if isinstance(self.vectors, Tracer):
            return
        # With numpy: under jit even operations on concrete JAX arrays are traced, and have no truth value.
        values = np.asarray(self.vectors)
        if not np.all(np.isfinite(values)):
            raise ValueError(f"basis {self.name!r} has non-finite values")
        if self.method == "NMF" and np.any(values < 0):
            raise ValueError(
                f"basis {self.name!r} has negative values: NMF needs non-negative ones, PCA takes both signs"
            )
        if not np.all(np.any(values != 0, axis=1)):
            raise ValueError(f"basis {self.name!r} has an empty vector: remove it")

    def __len__(self) -> int:
        return len(self.vectors)

    def with_step(self, step: float) -> "Basis":
        """Return the basis on a lattice of another step, each new pixel holding the mean over its width.

        The vectors must be concrete, not traced; those returned are in numpy.
        """
        if step == self.grid.step:
            return self
        mean, grid = averaged(np.asarray(self.vectors), self.grid, step)
        # Rounding must not take the mean of non-negative values below zero.
        vectors = np.maximum(mean, 0) if self.method == "NMF" else mean
        return dataclasses.replace(self, vectors=vectors, grid=grid)

    @property
    def sha256(self) -> str:
        """Fingerprint of the vectors, their grid and their method, as written to catalog headers."""
        # NMF adds nothing, so that fingerprints from when there was no other method hold.
        method = [] if self.method == "NMF" else [np.frombuffer(self.method.encode(), np.uint8)]
        return fingerprint(self.grid, np.asarray(self.vectors), *method)


def fingerprint(grid: LogGrid, *arrays: np.ndarray) -> str:
    """Return the SHA-256 of arrays and the grid that they are on."""
    digest = hashlib.sha256(repr((grid.start, grid.size, grid.step)).encode())
    for values in arrays:
        digest.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
    return digest.hexdigest()
