"""Trial redshifts: whole numbers of lattice pixels."""

import math
from typing import NamedTuple

import numpy as np


class Trials(NamedTuple):
    """Redshifts 10^(k·step) - 1 for k = first … first + number - 1.

    Attributes:
        first: lattice shift of the first.
        number: how many there are.
        step: of the lattice, dex.
    """

    first: int
    number: int
    step: float

    @classmethod
    def between(cls, zmin: float, zmax: float, step: float) -> "Trials":
        """Return all with zmin ≤ z ≤ zmax.

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
        return cls(first, last - first + 1, step)

    @property
    def last(self) -> int:
        """Lattice shift of the last."""
        return self.first + self.number - 1

    @property
    def z(self) -> np.ndarray:
        """(number,) float64."""
        return 10.0 ** ((self.first + np.arange(self.number)) * self.step) - 1
