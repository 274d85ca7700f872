"""The MADGICS scan, 2 ≤ z ≤ 4 at 5e-5 dex, 50 + 2 vectors, 8720 pixels, against the published loop in the same run.

Checked: Δχ² in float32 is that of the loop in float64 within 1e-4 or 0.01, and every redshift is the true one.
"""

import argparse
import functools
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxz
from benchmarks import common, madgics_loop
from benchmarks.common import Report, Timing, require
from jaxz.kernels import resample
from jaxz.models import GaussianComponent, Madgics, Trials, lattice_z
from jaxz.pixels import rebinned
from jaxz.spectra import LogGrid, Spectra

RELATIVE, ABSOLUTE = 1e-4, 0.01
_LINE, _NIGHT = 1215.67, (3600.0, 9824.0)


class Case(NamedTuple):
    """Simulated spectra with sky residuals and a line, the model, and the true redshifts."""

    spectra: Spectra
    model: Madgics
    ztrue: np.ndarray
    limits: dict[str, float]


def simulated(*, quick: bool, nspec: int, seed: int = 0) -> Case:
    """Return spectra with DESI's pixels, drawn from the sky component, with a line of 10 σ and more."""
    rng = np.random.default_rng(seed)
    step = 2e-4 if quick else 5e-5
    pixels = 8720 * 5e-5 / step
    grid = LogGrid(round(np.log10(_NIGHT[0]) / step), round(pixels), step)
    model = Madgics(_target(step), [_sky(rng, grid, 6 if quick else 50)])
    wave = np.arange(_NIGHT[0], _NIGHT[1], 0.8)
    limits = {"zmin": 2.0, "zmax": 2.5 if quick else 4.0}
    z = rng.uniform(limits["zmin"] + 0.02, limits["zmax"] - 0.02, size=nspec)
    sky = rng.normal(size=(nspec, len(model.nuisance[0]))) @ model.nuisance[0].vectors
    flux = rng.normal(size=(nspec, len(wave)))
    for row in range(nspec):
        line = model.target.at(z[row])
        flux[row] += np.interp(wave, grid.wave, sky[row])
        flux[row] += rng.uniform(1.5, 10) * np.interp(wave, line.grid.wave, line.vectors[0], left=0, right=0)
    return Case(Spectra(wave, flux, np.ones_like(flux)), model, z, limits)


def _sky(rng: np.random.Generator, grid: LogGrid, count: int) -> GaussianComponent:
    """Groups of narrow lines with residuals of both signs."""
    place = np.arange(grid.size)
    vectors = np.zeros((count, grid.size))
    for row in range(count):
        for centre in rng.uniform(0, grid.size, 20):
            vectors[row] += rng.normal() * np.exp(-0.5 * ((place - centre) / 2) ** 2)
    return GaussianComponent(vectors * np.geomspace(20, 1, count)[:, None], grid, name="sky", spectype="SKY")


def _target(step: float) -> GaussianComponent:
    """An asymmetric line and its derivative over 4133 to 4278 Å, as published."""
    reference = lattice_z(2.45, step)
    grid = LogGrid.covering(4133.0, 4278.0, step)
    velocity = 299792.458 * np.log(grid.wave / (_LINE * (1 + reference)))
    line = np.exp(-0.5 * (velocity / 150) ** 2) * (1 + np.tanh(velocity / 150))
    slope = np.gradient(line) * 2e-4 / step
    return GaussianComponent(np.stack([5 * line, slope]), grid, reference_z=reference, name="line", spectype="LAE")


def run(case: Case, *, quick: bool) -> Report:
    """Time the scan both ways, the refinement, and the loop."""
    nspec = len(case.spectra)
    options = {"target": case.model.target, "nuisance": case.model.nuisance, **case.limits}
    scan = functools.partial(jaxz.madgics_scan, case.spectra, **options)
    found: dict[str, jaxz.ZScan] = {}

    def keep(engine: Literal["products", "fft"]) -> np.ndarray | jax.Array:
        found[engine] = scan(engine=engine)
        return found[engine].chi2

    calls = {
        "jaxz, float32 products": functools.partial(keep, "products"),
        "jaxz, float64 transforms": functools.partial(keep, "fft"),
        "five candidates refined": lambda: jaxz.find_redshifts(found["products"], case.spectra),
        "published loop, cut to the target": functools.partial(published, case, 0, whole=False),
        "published loop, all pixels": functools.partial(published, case, 0, whole=True),
    }
    spent = common.measure(calls, 1 if quick else 5)
    errors = {engine: difference(case, result) for engine, result in found.items()}
    result = found["products"]
    z = jaxz.find_redshifts(result, case.spectra).z
    wrong = ~(np.abs(z - case.ztrue) < 0.002)
    require(not wrong.any(), f"found z = {z[wrong]} for {case.ztrue[wrong]}")
    counts = dict.fromkeys(calls, nspec) | {name: 1 for name in calls if "loop" in name}
    flops = work(case)
    rows = [_row(name, spent[name], counts[name], flops) for name in calls]
    by_name = {row["what"]: row for row in rows}
    notes = [f"Worst |Δχ² - Δχ²_loop| less {RELATIVE:g} |Δχ²|: " + _listed(errors) + f"; {ABSOLUTE:g} is allowed."]
    for name in calls:
        if "loop" in name:
            ratio = [
                f"{by_name[name][column] / rows[0][column]:.1f} ({column})"
                for column in ("ms/spectrum", "best ms", "cpu ms")
            ]
            notes.append(f"Ratio of {name} to the first row: {', '.join(ratio)}.")
    rate = machine_rate(small=quick)
    best = 1e3 * flops / rate
    notes.append(
        f"Flops: the correlations of the target with {len(case.model.nuisance[0]) + 1} rows as sums, "
        f"{flops / 1e6:.0f} Mflop; the transforms need fewer."
    )
    notes.append(
        f"Limit measured here: {rate / 1e9:.0f} GFLOP/s in a float32 matrix product, so {best:.2f} ms for these sums; "
        f"the whole scan takes {rows[0]['best ms'] / best:.1f} times that."
    )
    settings = {"spectra": nspec, "pixels": case.spectra.flux.shape[1], "trial z": len(result.z),
                "vectors": f"{len(case.model.nuisance[0])} + {len(case.model)}"}  # fmt: skip
    return Report("madgics", rows, settings, notes)


def published(case: Case, row: int, *, whole: bool) -> np.ndarray:
    """Return Δχ² of one spectrum at every trial redshift by the loop, resampling included; nothing is whitened."""
    trials, target = trials_of(case), case.model.target
    edges = resample.pixel_edges(case.spectra.wave[row], case.model.step)
    first = min(int(np.floor(edges[0] + 0.5)), target.rest_start + trials.first)
    end = max(int(np.ceil(edges[-1] + 0.5)), target.rest_start + trials.last + target.grid.size)
    window = LogGrid(first, end - first, case.model.step)
    # Pixels finer than half a lattice pixel are put together in jaxz.
    binned = rebinned(edges, case.spectra.flux[row], case.spectra.ivar[row])
    with jax.enable_x64(True):
        flux, ivar = _overlap(
            *(jnp.asarray(x) for x in binned),
            jnp.int32(first), size=window.size, width=resample.overlap_width(binned[0]),
        )  # fmt: skip
    nuisance = np.concatenate(
        [part.in_flux(window) for part in case.model.nuisance if isinstance(part, GaussianComponent)]
    )
    begins = target.rest_start + trials.first - first + np.arange(trials.number)
    return madgics_loop.loop(
        np.asarray(flux), np.asarray(ivar), nuisance, np.asarray(target.vectors), begins, whole=whole
    )


def trials_of(case: Case) -> Trials:
    """Return the trial redshifts."""
    return Trials.between(case.limits["zmin"], case.limits["zmax"], case.model.step)


_overlap = jax.jit(resample.overlap, static_argnames=("size", "width"))


def difference(case: Case, result: jaxz.ZScan) -> float:
    """Return the largest deviation of Δχ² from the loop's beyond the relative one that is allowed."""
    worst = 0.0
    for row in range(min(len(case.spectra), 2)):
        expected = published(case, row, whole=False)
        off = np.abs(result.chi2[row] - result.null[row] - expected) - RELATIVE * np.abs(expected)
        worst = max(worst, float(off.max()))
    require(worst < ABSOLUTE, f"Δχ² is {worst:.2g} off the published loop's")
    return worst


def work(case: Case) -> float:
    """Return the flops of the correlations of one spectrum, summed as they are written."""
    target = case.model.target
    shifts = trials_of(case).number
    rows = sum(len(component) for component in case.model.nuisance) + 1
    pairs = len(target) * (len(target) + 1) // 2
    return 2.0 * shifts * target.grid.size * (rows * len(target) + pairs)


def machine_rate(*, small: bool) -> float:
    """Return the float32 flop/s of a matrix product here."""
    side = 256 if small else 2048
    square = jnp.ones((side, side), jnp.float32)
    product = jax.jit(lambda x: jnp.matmul(x, x, precision=jax.lax.Precision.HIGHEST))
    return 2.0 * side**3 / common.measure({"product": lambda: product(square)}, 5)["product"].best


def _listed(errors: dict[str, float]) -> str:
    return ", ".join(f"{name} {max(error, 0):.1g}" for name, error in errors.items())


def _row(what: str, time: Timing, nspec: int, flops: float) -> dict:
    counted = "refined" not in what
    return {
        "what": what,
        **time.columns(nspec),
        "spectra/s": nspec / time.median,
        "GFLOP/s": flops * nspec / time.best / 1e9 if counted else "",
    }


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    nspec = 3 if arguments.quick else common.batch_size()
    common.finish(run(simulated(quick=arguments.quick, nspec=nspec), quick=arguments.quick), arguments)


if __name__ == "__main__":
    main(common.parser(__doc__).parse_args())
