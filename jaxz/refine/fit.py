"""What a closer look at candidate redshifts finds."""

from typing import NamedTuple

import numpy as np


class Fit(NamedTuple):
    """Best fits near candidate redshifts, all (spec, cand, …) NumPy arrays; NaN where there is no candidate.

    Attributes:
        shift: log10(1+z)/step of each candidate, float64.
        shift_err: its 1 σ error (Δχ² = 1); infinite where χ² has no minimum there.
        chi2: of the fit.
        coeff: (spec, cand, basis) of the fit.
        converged: whether the fit did.
    """

    shift: np.ndarray
    shift_err: np.ndarray
    chi2: np.ndarray
    coeff: np.ndarray
    converged: np.ndarray

    def reordered(self, order: np.ndarray) -> "Fit":
        """Return the candidates of each spectrum in another order, (spec, cand) int."""
        rows = np.arange(len(order))[:, None]
        return Fit(*(values[rows, order] for values in self))
