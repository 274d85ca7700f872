"""Programs that are compiled for 100 spectra of 20 wavelength grids, and how long that takes, with nothing kept.

Checked: no more than 4 programs for scan, summary and refinement.
"""

import argparse
import time
from typing import Any

import jax
import numpy as np

import jaxz
from benchmarks import common, inputs
from benchmarks.common import Report, require
from jaxz import mock, run as loop

MOST = 4


def spectra_of_many_grids(basis: jaxz.Basis, count: int, each: int) -> jaxz.Spectra:
    """Return `each` spectra on `count` grids of optical spectrographs."""
    rng = np.random.default_rng(20)
    parts = []
    for number in range(count):
        start, step = rng.uniform(3550, 5000), rng.uniform(0.7, 4.0)
        wave = np.arange(start, rng.uniform(7000, 9800), step)
        z = rng.uniform(0.1, 0.5, each)
        parts.append(mock.from_basis(basis, z, np.full(each, 20.0), seed=number, wave=wave)[0])
    return jaxz.Spectra.concatenate(parts)


def run(*, quick: bool) -> Report:
    """Count programs and seconds."""
    basis = inputs.drawn_basis(2e-4, quick=True) if quick else jaxz.load_basis()
    spectra = spectra_of_many_grids(basis, 4 if quick else 20, 1 if quick else 5)
    spent: list[float] = []

    def listen(event: str, duration: float, **_: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            spent.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)  # pyright: ignore[reportArgumentType]
    before, begin = loop.programs(), time.perf_counter()
    jaxz.find_redshifts(jaxz.nmf_scan(spectra, basis, zmax=0.6 if quick else inputs.ZMAX), spectra)
    first, programs = time.perf_counter() - begin, loop.programs() - before
    require(programs <= MOST, f"{programs} programs were compiled; at most {MOST} were expected")
    rows = [
        {
            "spectra": len(spectra),
            "programs of the loop": programs,
            "all that XLA compiled": len(spent),
            "seconds in XLA": sum(spent),
            "seconds in all": first,
        }
    ]
    notes = ["All that XLA compiled counts single operations, such as the transforms of the basis, as well."]
    return Report("compilation", rows, {"basis": len(basis), "zmax": inputs.ZMAX}, notes)


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    common.finish(run(quick=arguments.quick), arguments)


if __name__ == "__main__":
    main(common.parser(__doc__).parse_args())
