"""Non-negative least squares at every trial redshift: pivoting, projected gradient, and SciPy in a loop.

Checked: χ² is within 1e-6, relative, of SciPy's on the whitened problem in float64 — of pivoting in float32 too.
"""

import argparse
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy import optimize

from benchmarks import common, inputs
from benchmarks.common import Report, require
from jaxz.kernels import packed
from jaxz.kernels.nnls import lanes, nnls_packed

TOLERANCE = 1e-6
_SHIPPED = "pivoting"
_STEPS = (0, 30, 100)
_EVERY = 20
_NULL = 1e-14


class Problems(NamedTuple):
    """The fits of one spectrum at all trial redshifts, float64, vectors at unit length.

    Attributes:
        gram: (basis, basis, lane).
        rhs: (basis, lane).
        const: Σ ivar flux².
    """

    gram: np.ndarray
    rhs: np.ndarray
    const: float

    def chi2(self, coeff: np.ndarray) -> np.ndarray:
        """Return χ² of each lane."""
        quadratic = np.einsum("al,abl,bl->l", coeff, self.gram, coeff)
        return self.const - 2 * np.sum(self.rhs * coeff, axis=0) + quadratic

    def excess(self, coeff: np.ndarray, every: int, best: np.ndarray) -> np.ndarray:
        """Return (χ² - χ²_SciPy) / χ²_SciPy at every `every`-th trial redshift, where SciPy's is `best`."""
        return self.chi2(coeff.astype(np.float64))[::every] / best - 1


def problems(case: inputs.Inputs, row: int) -> Problems:
    """Return the problems of one spectrum."""
    equations, const = inputs.normal_equations(case, row)
    gram, rhs = np.asarray(equations.unpack()), np.asarray(equations.rhs)
    diagonal = np.einsum("aal->al", gram)
    scale = np.where(diagonal > 0, 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1)), 0)
    return Problems(gram * scale[:, None] * scale, rhs * scale, const)


def by_scipy(problem: Problems) -> np.ndarray:
    """Return the coefficients by SciPy, one whitened problem after the other.

    A has no negative entry, so that a vector with b ≤ 0 has coefficient 0; vectors that vanish are among these.
    """
    coeff = np.zeros_like(problem.rhs)
    for lane in range(problem.rhs.shape[1]):
        some = np.flatnonzero(problem.rhs[:, lane] > 0)
        values, rotation = np.linalg.eigh(problem.gram[np.ix_(some, some)][..., lane])
        kept = values > _NULL
        root = np.sqrt(values[kept])
        whitened = rotation[:, kept].T @ problem.rhs[some, lane] / root
        coeff[some, lane] = optimize.nnls((rotation[:, kept] * root).T, whitened, maxiter=1000)[0]
    return coeff


def solvers(
    nbasis: int, steps: Sequence[int], dtype: np.dtype
) -> dict[str, Callable[[jax.Array, jax.Array], jax.Array]]:
    """Return what is compared; projected gradient with each number of `steps`."""
    size = lanes(nbasis, dtype) if jax.default_backend() == "cpu" else 1 << 20
    compared = {_SHIPPED: _in_blocks(size, solver="pivoting")}
    for niter in steps:
        compared[f"projected gradient, {niter} steps"] = _in_blocks(size, solver="gradient", max_iter=niter)
    return compared


def _in_blocks(size: int, **options: Any) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """Return the solver with `size` lanes at a time, as a scan uses it."""

    @jax.jit
    def solve(gram: jax.Array, rhs: jax.Array) -> jax.Array:
        nlane = rhs.shape[1]
        block = min(size, nlane)
        begins = np.minimum(np.arange(0, nlane, block), nlane - block)

        def one(begin: jax.Array) -> jax.Array:
            part = [jax.lax.dynamic_slice_in_dim(values, begin, block, axis=1) for values in (gram, rhs)]
            return nnls_packed(*part, **options).coeff

        coeff = jnp.moveaxis(jax.lax.map(one, jnp.asarray(begins)), 0, 1)
        most = coeff[:, :-1].reshape(len(rhs), -1)
        return jnp.concatenate([most, coeff[:, -1, most.shape[1] + block - nlane :]], axis=1)

    return solve


def run(case: inputs.Inputs, *, quick: bool) -> Report:
    """Time the solvers on all trial redshifts of the spectra of `case`."""
    every = 50 * _EVERY if quick else _EVERY
    with jax.enable_x64(True):
        full = [problems(case, row) for row in range(len(case.spectra))]
        sample = [Problems(p.gram[..., ::every], p.rhs[..., ::every], p.const) for p in full]
        best = [p.chi2(by_scipy(p)) for p in sample]
        loop = common.measure({"SciPy": lambda: [by_scipy(p) for p in sample]}, 1)["SciPy"]
        rows = []
        for dtype in (jnp.float32,) if quick else (jnp.float32, jnp.float64):
            first, second = packed.pairs(len(case.basis))
            arrays = [(jnp.asarray(p.gram[first, second], dtype), jnp.asarray(p.rhs, dtype)) for p in full]
            calls = {
                name: functools.partial(_each, solve, arrays)
                for name, solve in solvers(len(case.basis), _STEPS[:1] if quick else _STEPS, jnp.dtype(dtype)).items()
            }
            spent = common.measure(calls, 1 if quick else 5)
            for name, call in calls.items():
                over = [p.excess(np.asarray(w), every, ref) for p, w, ref in zip(full, call(), best, strict=True)]
                worst = np.max(np.abs(over))
                require(name != _SHIPPED or bool(worst < TOLERANCE), f"{name}: χ² is {worst:.1e} off SciPy's")
                rows.append(_row(name, jnp.dtype(dtype).name, spent[name], len(full), np.concatenate(over)))
        rows.append(_row("SciPy in a loop", "float64", loop, len(full) / every, np.zeros(1)))
    settings = {"inputs": case.label, "spectra": len(full), "trial z": full[0].rhs.shape[1], "basis": len(case.basis)}
    notes = [
        f"Excess: (χ² - χ²_SciPy)/χ²_SciPy at every {every}th trial redshift; {TOLERANCE:g} is required.",
        "SciPy is timed on those alone and scaled; its time includes the whitening.",
        "On a CPU both take `jaxz.kernels.nnls.lanes` problems at a time.",
    ]
    return Report("nnls", rows, settings, notes)


def _each(solve: Callable, arrays: list) -> list[jax.Array]:
    return [solve(*one) for one in arrays]


def _row(name: str, dtype: str, time: common.Timing, nspec: float, over: np.ndarray) -> dict:
    return {
        "solver": name,
        "dtype": dtype,
        **time.columns(nspec),
        "worst excess": float(np.max(over)),
        "99% excess": float(np.percentile(over, 99)),
    }


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    case = inputs.choose(quick=arguments.quick, basis_file=arguments.basis)
    common.finish(run(case.take(1 if arguments.quick else 3), quick=arguments.quick), arguments)


if __name__ == "__main__":
    main(common.parser(__doc__).parse_args())
