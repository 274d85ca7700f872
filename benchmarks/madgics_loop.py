"""The published algebra [L, appendix A] in NumPy, one redshift at a time, which `benchmarks.madgics` is compared with.

Float64, as published; BLAS takes all cores. What does not depend on z is computed once and charged once.
"""

import numpy as np


def prepare(ivar: np.ndarray, nuisance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return V_sky w and (1 + V_sky w V_skyᵀ)⁻¹ of one spectrum [L, eq. A13, with the inverse that it lacks]."""
    weighted = nuisance * ivar
    return weighted, np.linalg.inv(np.eye(len(nuisance)) + weighted @ nuisance.T)


def loop(
    flux: np.ndarray, ivar: np.ndarray, nuisance: np.ndarray, target: np.ndarray, begins: np.ndarray, *, whole: bool
) -> np.ndarray:
    """Return Δχ² of adding the target with its pixel 0 at each of `begins` [L, eq. A12].

    Args:
        flux, ivar: (obs,) in whitened flux.
        nuisance: (comp, obs).
        target: (comp, rest).
        begins: (shift,) spectrum pixels.
        whole: move the target as a vector of all pixels, rather than to work on those that it covers.
    """
    weighted, inverse = prepare(ivar, nuisance)
    solved = ivar * flux - (inverse @ (weighted @ flux)) @ weighted
    size = target.shape[1]
    delta = np.empty(len(begins))
    for i, begin in enumerate(begins):
        if whole:
            moved, at = np.zeros((len(target), len(flux))), slice(None)
            moved[:, begin : begin + size] = target
        else:
            moved, at = target, slice(begin, begin + size)
        shared = moved @ weighted[:, at].T
        inner = (moved * ivar[at]) @ moved.T - shared @ inverse @ shared.T
        gain = moved @ solved[at]
        delta[i] = -gain @ np.linalg.solve(np.eye(len(target)) + inner, gain)
    return delta
