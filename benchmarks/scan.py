"""The whole scan, 0 ≤ z ≤ 6.7 at 5e-5 dex, against the published recipe on the same cores in the same run.

Checked: both find the true redshift of every spectrum, and the scan with the error model that of most: of the twelve
of UDF10 the curve of one has its minimum elsewhere. Without numba or SciPy, on a bare accelerator machine, the
recipe is left out.
"""

import argparse
import functools
import importlib.util
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxz
from benchmarks import common, inputs
from benchmarks.common import Report, Timing, require
from jaxz import validate
from jaxz.kernels import resample, sliding
from jaxz.models import ErrorModel

LEAST = 0.85
"""Share of right ones with the error model."""

_STAGES = ("resampling", "normal equations")


def run(case: inputs.Inputs, *, quick: bool) -> Report:
    """Time the scan of a batch, its stages, and the recipe."""
    batch = case if quick else case.take(common.batch_size())
    nspec = len(batch.spectra)
    options = {"zmax": inputs.ZMAX, "batch_size": common.batch_size()}
    scan = functools.partial(jaxz.nmf_scan, batch.spectra, batch.basis, **options)
    erring = jaxz.NonNegative(batch.basis, error=ErrorModel())
    with_error = functools.partial(jaxz.scan, batch.spectra, erring, zmin=0.0, **options)
    parts = stages(batch, _STAGES[:1] if quick else _STAGES)
    published, notes = recipes(case.take(1) if quick else case)
    spent = common.measure(
        {"scan": scan, "error": with_error} | parts | {name: call.run for name, call in published.items()},
        1 if quick else 5,
    )
    result = scan()
    check("jaxz", result.z[np.argmin(result.chi2, axis=1)], batch.ztrue)
    good = validate.is_good(result.z[np.argmin(with_error().chi2, axis=1)], batch.ztrue)
    require(good.mean() > LEAST, f"with the error model {good.mean():.2f} are right, {LEAST} expected")
    rows = [_row("jaxz, whole scan", spent["scan"], nspec)]
    rows.append(_row("the same with the error model", spent["error"], nspec))
    cost = spent["error"].cpu / spent["scan"].cpu
    notes.append(f"Ratio of the scan with the error model to that without: {cost:.2f} (cpu ms).")
    done = 0.0
    for stage in parts:
        share = max(spent[stage].cpu - done, 0) / spent["scan"].cpu
        rows.append(_row(f"  up to {stage}", spent[stage], nspec) | {"share": f"{share:.0%}"})
        done = spent[stage].cpu
    for name, call in published.items():
        rows.append(_row(name, spent[name], call.nspec))
        ratio = [
            f"{rows[-1][column] / rows[0][column]:.1f} ({column})" for column in ("ms/spectrum", "best ms", "cpu ms")
        ]
        notes.append(f"Ratio of {name} to jaxz: {', '.join(ratio)}.")
    notes.append(
        "Share: the processor time that a stage adds, as a part of the whole scan's; stages are timed on one core."
    )
    notes.append("The rest is the non-negative fit, χ² and the host.")
    settings = {"inputs": case.label, "spectra": nspec, "trial z": len(result.z), "dtype": "float32"}
    return Report("scan", rows, settings, notes)


def check(name: str, z: np.ndarray, ztrue: np.ndarray) -> None:
    """Require that all redshifts are good."""
    good = validate.is_good(z, ztrue)
    require(bool(good.all()), f"{name} found z = {z[~good]} for {ztrue[~good]}")


def recipes(case: inputs.Inputs) -> tuple[dict[str, Any], list[str]]:
    """Return the published recipe as calls to time, and what to say about it."""
    if not all(importlib.util.find_spec(name) for name in ("numba", "scipy")):
        return {}, ["The published recipe was left out: it needs numba and SciPy."]
    from benchmarks import baseline

    return baseline.recipes(case), list(baseline.NOTES)


def stages(batch: inputs.Inputs, names: Sequence[str]) -> dict[str, Callable[[], Any]]:
    """Return the scan up to each stage in `names` as a call to time, built of the kernels as `jaxz.scan` does it."""
    step, grid = batch.basis.grid.step, batch.basis.grid
    with jax.enable_x64(True):
        edges = resample.pixel_edges(batch.spectra.wave, step)
        start = np.floor(edges[:, 0] + 0.5).astype(np.int32)
        size = int(np.max(np.ceil(edges[:, -1] + 0.5) - start))
        offset = start - grid.start
        nshift = int(np.log10(1 + inputs.ZMAX) / step) + 1
        nfft = sliding.fft_length(grid.size, size, int(offset.min()) - nshift + 1, int(offset.max()))
        width = resample.overlap_width(edges)
        vectors = jnp.asarray(batch.basis.vectors, dtype=jnp.float64)
        transforms = sliding.transform(vectors, nfft)
        arrays = tuple(jnp.asarray(x) for x in (edges, batch.spectra.flux, batch.spectra.ivar, start, offset))

    def upto(stage: str, one: tuple) -> jax.Array:
        edge, flux, ivar, begin, place = one
        flux, ivar = (x.astype(edge.dtype) for x in (flux, ivar))
        flux, ivar = resample.overlap(edge, flux, ivar, begin, size=size, width=width)
        if stage == _STAGES[0]:
            return jnp.sum(flux * ivar)
        equations = inputs.by_fft(transforms, vectors, flux, ivar, place, nshift=nshift)
        return jnp.sum(equations.gram) + jnp.sum(equations.rhs)

    @functools.partial(jax.jit, static_argnums=0)
    def each(stage: str, spectra: tuple) -> jax.Array:
        return jax.lax.map(functools.partial(upto, stage), spectra)

    def call(stage: str) -> jax.Array:
        with jax.enable_x64(True):
            return each(stage, arrays)

    return {name: functools.partial(call, name) for name in names}


def _row(what: str, time: Timing, nspec: int) -> dict:
    return {
        "what": what,
        **time.columns(nspec),
        "spectra/s": nspec / time.median,
        "share": "",
    }


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    case = inputs.choose(quick=arguments.quick, basis_file=arguments.basis)
    common.finish(run(case, quick=arguments.quick), arguments)


if __name__ == "__main__":
    main(common.parser(__doc__).parse_args())
