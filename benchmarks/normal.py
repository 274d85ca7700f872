"""The normal equations at every trial redshift by FFT: error, time, and distance from the limits of the hardware.

Checked: χ² from them is that of the direct sums within 1e-9, relative, in float64.
"""

import argparse
import functools

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import common, inputs
from benchmarks.common import Report, require
from jaxz.kernels import normal, sliding
from jaxz.kernels.nnls import nnls

TOLERANCE = 1e-9
_EVERY = 40


def run(case: inputs.Inputs, *, quick: bool) -> Report:
    """Compare the FFT with the direct sums on each spectrum of `case`, and time both on the first."""
    every = 20 * _EVERY if quick else _EVERY
    with jax.enable_x64(True):
        vectors = jnp.asarray(case.basis.vectors, dtype=jnp.float64)
        worst = 0.0
        for row in range(len(case.spectra)):
            apart = difference(case, row, vectors, every)
            require(apart < TOLERANCE, f"{case.spectra.ids[row]}: χ² by FFT is {apart:.1e} off the direct sums")
            worst = max(worst, apart)
        flux, ivar, offset, nshift = inputs.on_lattice(case, 0)
        nfft = sliding.fft_length(vectors.shape[1], len(flux), offset - nshift + 1, offset)
        transforms = sliding.transform(vectors, nfft)
        by_fft = jax.jit(functools.partial(inputs.by_fft, nshift=nshift))
        chosen = jnp.asarray(offset - np.arange(0, nshift, every))
        calls = {
            "fft": lambda: by_fft(transforms, vectors, flux, ivar, jnp.int32(offset)),
            "direct": lambda: _direct(vectors, flux, ivar, chosen),
        }
        spent = common.measure(calls, 2 if quick else 15)
        bandwidth, rate = common.machine_limits(jnp.float64, small=quick)
    flops, traffic = work(len(vectors), nfft, nshift)
    limit = max(flops / rate, traffic / bandwidth)
    above = spent["fft"].best / limit
    by_sums = direct_flops(len(vectors), len(flux), nshift)
    rows = [
        _row("FFT, all shifts", spent["fft"], 1, flops),
        _row(f"direct, every {every}th, scaled", spent["direct"], nshift / len(chosen), by_sums),
    ]
    inverse = _transforms(len(vectors))
    notes = [
        f"Worst |χ²_FFT - χ²_direct| / χ²_direct: {worst:.1e} at every {every}th shift; {TOLERANCE:g} is required.",
        f"Flops: {inverse} inverse and 2 forward complex FFTs of N = {nfft}, 5 N log2 N each: {flops / 1e6:.0f} Mflop.",
        f"Bytes: {inverse} stored transforms read, 16 N each, and 8 bytes for each shift and entry written: "
        f"{traffic / 1e6:.0f} MB.",
        f"Limits measured here: {bandwidth / 1e9:.1f} GB/s in an update in place, {rate / 1e9:.0f} GFLOP/s in a "
        f"float64 matrix product, so {1e3 * limit:.2f} ms at best; the FFT takes {above:.1f} times that.",
    ]
    settings = {"inputs": case.label, "spectra": len(case.spectra), "trial z": nshift, "dtype": "float64"}
    return Report("normal", rows, settings, notes)


def difference(case: inputs.Inputs, row: int, vectors: jax.Array, every: int) -> float:
    """Return the largest relative difference between the χ² curves of the two ways."""
    flux, ivar, offset, nshift = inputs.on_lattice(case, row)
    chosen = np.arange(0, nshift, every)
    full, const = inputs.normal_equations(case, row)
    by_transforms = normal.NormalEquations(full.gram[:, chosen], full.rhs[:, chosen])
    direct = _direct(vectors, flux, ivar, jnp.asarray(offset - chosen))
    first, second = (np.asarray(_chi2(equations, jnp.asarray(const))) for equations in (by_transforms, direct))
    return float(np.max(np.abs(first - second) / second))


@jax.jit
def _direct(vectors: jax.Array, flux: jax.Array, ivar: jax.Array, first: jax.Array) -> normal.NormalEquations:
    slid = sliding.direct(vectors, inputs.alone(flux, ivar), first)
    return inputs.solvable(slid.equations, vectors, ivar)


@jax.jit
def _chi2(equations: normal.NormalEquations, const: jax.Array) -> jax.Array:
    return normal.chi2(equations, const, nnls(equations.unpack(), equations.rhs).coeff)


def work(nbasis: int, nfft: int, nshift: int) -> tuple[float, float]:
    """Return the flops of the FFTs of one spectrum and the bytes that have to move at least."""
    correlations = nbasis * (nbasis + 3) // 2
    flops = (_transforms(nbasis) + 2) * 5.0 * nfft * np.log2(nfft)
    return flops, _transforms(nbasis) * 16.0 * nfft + correlations * 8.0 * nshift


def _transforms(nbasis: int) -> int:
    """Return the number of inverse transforms: two correlations share one."""
    return (nbasis + 1) // 2 + (nbasis * (nbasis + 1) // 2 + 1) // 2


def direct_flops(nbasis: int, nobs: int, nshift: int) -> float:
    """Return the flops of the sums as written: a weighted window, its Gram matrix, and its product with the flux."""
    return float(nshift) * nobs * nbasis * (1 + 2 * nbasis + 2)


def _row(way: str, time: common.Timing, scale: float, flops: float) -> dict:
    return {
        "normal equations": way,
        **time.columns(1 / scale),
        "Mflop": flops / 1e6,
        "GFLOP/s": flops / (time.best * scale) / 1e9,
    }


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    case = inputs.choose(quick=arguments.quick, basis_file=arguments.basis)
    common.finish(run(case, quick=arguments.quick), arguments)


if __name__ == "__main__":
    main(common.parser(__doc__).parse_args())
