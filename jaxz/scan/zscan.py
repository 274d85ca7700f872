"""χ²(z) of spectra, and the trial redshifts at which it is known."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Literal

import equinox as eqx
import numpy as np

Precision = Literal["float32", "float64"]


class ZScan(eqx.Module):
    """χ²(z) of each spectrum on a grid of trial redshifts, uniform in log(1+z).

    Args:
        z: (shift,) float64, z = 10^((first + i)·step) - 1.
        chi2: (spec, shift); a row is NaN where `status` is not OK.
        status: (spec,) `Status` codes.
        ids: names of the spectra.
        first: lattice shift of the first trial redshift.
        step: of the lattice, dex.
        null: (spec,) float64, χ² without the target, of a MADGICS scan: Δχ²(z) = chi2 - null.
        logdet: whether `chi2` and `null` hold the log-determinants of the covariance.
    """

    z: np.ndarray
    chi2: np.ndarray
    status: np.ndarray
    ids: tuple[str, ...] = eqx.field(static=True)
    first: int = eqx.field(static=True)
    step: float = eqx.field(static=True)
    null: np.ndarray | None = None
    logdet: bool = eqx.field(static=True, default=False)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: slice) -> "ZScan":
        """Return the curves of a slice of the spectra, without copying them."""
        null = None if self.null is None else self.null[rows]
        return dataclasses.replace(self, chi2=self.chi2[rows], status=self.status[rows], ids=self.ids[rows], null=null)

    @classmethod
    def concatenate(cls, parts: Sequence["ZScan"]) -> "ZScan":
        """Return the curves of all parts, which have the same trial redshifts.

        Raises:
            ValueError: if they have not, or there are no parts.
        """
        if not parts:
            raise ValueError("no scans to concatenate: give at least one")
        if len({(part.first, len(part.z), part.step) for part in parts}) != 1:
            raise ValueError("scans to concatenate need the same trial redshifts: use one zmin, zmax and step")
        nulls = [part.null for part in parts if part.null is not None]
        if len({(part.null is None, part.logdet) for part in parts}) != 1:
            raise ValueError("scans to concatenate need one method: keep those of NMF and MADGICS apart")
        return dataclasses.replace(
            parts[0],
            chi2=np.concatenate([part.chi2 for part in parts]),
            status=np.concatenate([part.status for part in parts]),
            ids=tuple(name for part in parts for name in part.ids),
            null=np.concatenate(nulls) if nulls else None,
        )


def trial_shifts(zmin: float, zmax: float, step: float) -> np.ndarray:
    """Return the lattice shifts k with zmin ≤ 10^(k·step) - 1 ≤ zmax.

    Raises:
        ValueError: if there are none.
    """
    if not -1 < zmin < zmax < math.inf:
        raise ValueError(f"zmin={zmin} and zmax={zmax}: zmin must be below zmax, and both above -1")
    tiny = 1e-6
    first = math.ceil(math.log10(1 + zmin) / step - tiny)
    last = math.floor(math.log10(1 + zmax) / step + tiny)
    if last < first:
        raise ValueError(
            f"no lattice redshift between zmin={zmin} and zmax={zmax}: widen the range or make the step finer"
        )
    return np.arange(first, last + 1)
