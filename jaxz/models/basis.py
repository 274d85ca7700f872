"""A non-negative rest-frame basis on the lattice."""

import dataclasses
import hashlib

import equinox as eqx
import numpy as np

from jaxz.models.steps import averaged
from jaxz.spectra import LogGrid


class Basis(eqx.Module):
    """Non-negative rest-frame vectors, whose non-negative combinations are galaxy spectra [M, eq. 5].

    Outside its grid a basis is zero.

    Args:
        vectors: (basis, rest) f_λ, float32 or float64, finite and non-negative.
        grid: the lattice window that the vectors cover, rest-frame vacuum.
        name: for the catalog's SUBTYPE and header.
        version: of the basis, not of jaxz.
        spectype: for the catalog's SPECTYPE.

    Raises:
        ValueError: if the shapes disagree, or a vector is empty, negative or not finite.
    """

    vectors: np.ndarray
    grid: LogGrid = eqx.field(static=True)
    name: str = eqx.field(static=True, default="")
    version: str = eqx.field(static=True, default="0")
    spectype: str = eqx.field(static=True, default="GALAXY")

    def __check_init__(self) -> None:
        if self.vectors.ndim != 2 or self.vectors.shape[1] != self.grid.size:
            raise ValueError(f"basis vectors have shape {self.vectors.shape}; the grid needs (basis, {self.grid.size})")
        if not np.all(np.isfinite(self.vectors)) or np.any(self.vectors < 0):
            raise ValueError(
                f"basis {self.name!r} has negative or non-finite values: the NMF scan needs a non-negative basis "
                "(PCA templates cannot be used)"
            )
        if not np.all(np.any(self.vectors > 0, axis=1)):
            raise ValueError(f"basis {self.name!r} has an empty vector: remove it")

    def __len__(self) -> int:
        return len(self.vectors)

    def with_step(self, step: float) -> "Basis":
        """Return the basis on a lattice of another step, each new pixel holding the mean over its width."""
        if step == self.grid.step:
            return self
        mean, grid = averaged(self.vectors, self.grid, step)
        return dataclasses.replace(self, vectors=np.maximum(mean, 0), grid=grid)

    @property
    def sha256(self) -> str:
        """Fingerprint of the vectors and their grid, as written to catalog headers."""
        return fingerprint(self.grid, self.vectors)


def fingerprint(grid: LogGrid, *arrays: np.ndarray) -> str:
    """Return the SHA-256 of arrays and the grid that they are on."""
    digest = hashlib.sha256(repr((grid.start, grid.size, grid.step)).encode())
    for values in arrays:
        digest.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
    return digest.hexdigest()
