"""One iteration of the factorisation: spectra in tiles, as jaxz keeps them, and spread over the rest frame in NumPy.

Checked: after an iteration from the same start, both have the same coefficients, basis and χ², within 1e-4 of the
greatest coefficient and of each vector's greatest value, and 1e-5 of χ².
"""

import argparse
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import common, inputs
from benchmarks.common import Report, Timing, require
from jaxz import mock
from jaxz.spectra import DEFAULT_STEP
from jaxz.train.nmf import Problem

TOLERANCE, CHI2_TOLERANCE = 1e-4, 1e-5
RANK = 10
NSPEC = 2000
_NOISE = 0.3


class Case(NamedTuple):
    """Spectra of a positive model with noise, float32, and where the iteration begins.

    Attributes:
        flux, ivar: (spec, obs).
        shift: (spec,) rest pixel that meets pixel 0.
        coeff: (spec, basis).
        basis: (basis, rest).
    """

    flux: np.ndarray
    ivar: np.ndarray
    shift: np.ndarray
    coeff: np.ndarray
    basis: np.ndarray


def made(*, quick: bool) -> Case:
    """Return spectra of MUSE's range on the lattice, in random order, evenly in log(1+z) up to `inputs.ZMAX`."""
    nspec, step = (60, 20 * DEFAULT_STEP) if quick else (NSPEC, DEFAULT_STEP)
    rng = np.random.default_rng(0)
    first, last, _ = mock.MUSE_WAVE
    nobs = round(np.log10(last / first) / step)
    nshift = round(np.log10(1 + inputs.ZMAX) / step)
    shift = rng.permutation(np.linspace(0, nshift, nspec).round().astype(int))
    vectors = rng.gamma(2.0, size=(RANK, nshift + nobs)).astype(np.float32)
    share = rng.gamma(0.5, size=(nspec, RANK)).astype(np.float32)
    sigma = (_NOISE * rng.uniform(0.5, 2, (nspec, nobs))).astype(np.float32)
    flux = sigma * rng.standard_normal((nspec, nobs), dtype=np.float32)
    for row, begin in enumerate(shift):
        flux[row] += share[row] @ vectors[:, begin : begin + nobs]
    ivar = sigma**-2
    start = (rng.uniform(0.1, 1, shape).astype(np.float32) for shape in (share.shape, vectors.shape))
    return Case(flux, ivar, shift, *start)


class Dense:
    """[M, eq. 3] as it is written, on (spec, rest) arrays with the threads of NumPy's BLAS.

    V∘X is computed once, V∘(WH) in an array that is used again, and χ² only where it is asked for.
    """

    def __init__(self, case: Case) -> None:
        nspec, nobs = case.flux.shape
        self._flux, self._ivar, self._model = np.zeros((3, nspec, case.basis.shape[1]), np.float32)
        for row, begin in enumerate(case.shift):
            self._flux[row, begin : begin + nobs] = case.flux[row]
            self._ivar[row, begin : begin + nobs] = case.ivar[row]
        self._data = self._ivar * self._flux

    def iterate(self, coeff: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return coefficients and basis after one iteration, the basis updated first."""
        self._weigh(coeff, basis)
        basis = _updated(basis, coeff.T @ self._data, coeff.T @ self._model)
        self._weigh(coeff, basis)
        return _updated(coeff, self._data @ basis.T, self._model @ basis.T), basis

    def chi2(self, coeff: np.ndarray, basis: np.ndarray) -> float:
        """Return χ²."""
        return float(np.sum(self._ivar * (self._flux - coeff @ basis) ** 2, dtype=np.float64))

    def _weigh(self, coeff: np.ndarray, basis: np.ndarray) -> None:
        np.matmul(coeff, basis, out=self._model)
        np.multiply(self._model, self._ivar, out=self._model)


def _updated(values: np.ndarray, numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    below = denominator + np.maximum(-numerator, 0)
    return values * np.divide(np.maximum(numerator, 0), below, out=np.zeros_like(below), where=below > 0)


def run(*, quick: bool) -> Report:
    """Compare both forms after one iteration, and time one."""
    case = made(quick=quick)
    nspec, nobs = case.flux.shape
    problem, dense = Problem(case.flux, case.ivar, case.shift, case.basis.shape[1], "nearly"), Dense(case)
    worst = check(problem, dense, case)
    # The check has compiled the iteration, so it is forgotten for the first call to compile it again.
    jax.clear_caches()
    fit = problem.iterate(case.coeff, case.basis)
    calls = {"compact": lambda: next(fit), "dense": lambda: dense.iterate(case.coeff, case.basis)}
    spent = common.measure(calls, 2 if quick else 15)
    bandwidth, rate = common.machine_limits(jnp.float32, small=quick)
    flops, traffic = work(nspec, nobs)
    limit = max(flops / rate, traffic / bandwidth)
    rows = [
        _row("jaxz, in tiles", spent["compact"], nspec, flops, traffic),
        _row("NumPy, dense", spent["dense"], nspec, *work(nspec, case.basis.shape[1])),
    ]
    ratio = [f"{rows[1][column] / rows[0][column]:.1f} ({column})" for column in ("ms/spectrum", "best ms", "cpu ms")]
    notes = [
        f"Ratio of NumPy to jaxz: {', '.join(ratio)}. jaxz computes χ² too.",
        f"After one iteration: coefficients differ by {worst[0]:.1e}, basis by {worst[1]:.1e} ({TOLERANCE:g} is "
        f"required), χ² by {worst[2]:.1e} ({CHI2_TOLERANCE:g}).",
        f"Flops: six products of {RANK} vectors with each pixel, 2 flops each: {flops / 1e9:.2f} Gflop; dense with "
        "each rest pixel. Bytes: flux and ivar read once.",
        f"Limits measured here: {bandwidth / 1e9:.1f} GB/s in an update in place, {rate / 1e9:.0f} GFLOP/s in a "
        f"float32 matrix product, so {1e3 * limit:.1f} ms at best; jaxz takes {spent['compact'].best / limit:.1f} "
        f"times that, {1e3 * spent['compact'].best:.1f} ms.",
    ]
    settings = {"spectra": nspec, "pixels": nobs, "rest pixels": case.basis.shape[1], "basis": RANK, "dtype": "float32"}
    return Report("nmf", rows, settings, notes)


def check(problem: Problem, dense: Dense, case: Case) -> tuple[float, float, float]:
    """Require that one iteration gives the same, and return how far coefficients, basis and χ² are apart."""
    fit = problem.iterate(case.coeff, case.basis)
    next(fit)
    coeff, basis, chi2 = next(fit)
    expected, vectors = dense.iterate(case.coeff, case.basis)
    known = dense.chi2(expected, vectors)
    apart = (
        float(np.max(np.abs(coeff - expected)) / np.max(expected)),
        float(np.max(np.abs(basis - vectors) / np.max(vectors, axis=1, keepdims=True))),
        abs(chi2 / known - 1),
    )
    allowed = TOLERANCE, TOLERANCE, CHI2_TOLERANCE
    for name, value, most in zip(("coefficients", "basis", "χ²"), apart, allowed, strict=True):
        require(value < most, f"{name} in tiles: {value:.1e} off the dense form")
    return apart


def work(nspec: int, npix: int) -> tuple[float, float]:
    """Return the flops of the products of one iteration and the bytes that have to move at least."""
    return 12.0 * RANK * nspec * npix, 8.0 * nspec * npix


def _row(form: str, time: Timing, nspec: int, flops: float, traffic: float) -> dict:
    return {
        "form": form,
        **time.columns(nspec),
        "GFLOP/s": flops / time.best / 1e9,
        "GB/s": traffic / time.best / 1e9,
    }


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    common.finish(run(quick=arguments.quick), arguments)


if __name__ == "__main__":
    main(common.parser(__doc__).parse_args())
