"""How many redshifts stay what they are when cosmic rays or negative pixels are put into spectra, and what ZWARN says.

Cosmic rays: three for each spectrum, of one to three pixels and 10 to 1000 σ, evenly in the logarithm. Trenches: one of
2 to 19 pixels, at -5 to -100 σ. `ErrorModel(fwhm=0)` is shown beside the default: it leaves only negative pixels out.
"""

import argparse
from collections.abc import Callable

import numpy as np

import jaxz
from benchmarks import common, inputs, samples
from benchmarks.common import Report, require
from jaxz import ErrorModel, NonNegative, Redshifts, Spectra, ZWarn, validate

Drawn = Callable[[np.random.Generator], list[np.ndarray]]
"""Random numbers → profiles in units of the noise."""

HITS = 3
SAME = 0.003
"""Change of z, in units of 1+z, that is none."""


def with_cosmic_rays(spectra: Spectra, seed: int) -> Spectra:
    """Return spectra with hits of one to three pixels."""

    def hits(rng: np.random.Generator) -> list[np.ndarray]:
        heights = 10 ** rng.uniform(1, 3, HITS)
        return [rng.permutation(a * np.r_[1, rng.uniform(0.1, 1, rng.integers(0, 3))]) for a in heights]

    return _with(spectra, hits, seed)


def with_trenches(spectra: Spectra, seed: int) -> Spectra:
    """Return spectra with a range of negative pixels."""
    return _with(spectra, lambda rng: [np.full(rng.integers(2, 20), -(10 ** rng.uniform(np.log10(5), 2)))], seed)


def _with(spectra: Spectra, drawn: Drawn, seed: int) -> Spectra:
    flux = spectra.flux.astype(np.float64)
    for row in range(len(spectra)):
        rng = np.random.default_rng([seed, row])
        good = np.flatnonzero(spectra.ivar[row] > 0)
        for profile in drawn(rng):
            place = rng.integers(0, max(len(good) - len(profile), 1))
            pixels = good[place : place + len(profile)]
            flux[row, pixels] += profile[: len(pixels)] / np.sqrt(spectra.ivar[row, pixels])
    return Spectra(spectra.wave, flux, spectra.ivar, ids=spectra.ids, resolution=spectra.resolution)


def cases(*, quick: bool, every: int) -> dict[str, tuple[Spectra, np.ndarray]]:
    """Return real spectra and their redshifts; if `quick` three of the first set."""
    basis = jaxz.load_basis()
    galaxies = inputs.sdss(basis)
    if quick:
        return {"SDSS": (galaxies.spectra[:3], galaxies.ztrue[:3])}
    deep, survey = inputs.udf10(basis, hard=True), samples.vandels()
    return {
        "SDSS": (galaxies.spectra, galaxies.ztrue),
        "UDF10": (deep.spectra, deep.ztrue),
        f"VANDELS, 1 of {every}": (survey.spectra[::every], survey.ztrue[::every]),
    }


def run(*, quick: bool, every: int = 6, seed: int = 0) -> Report:
    """Measure clean and spoilt spectra."""
    models = {"default": ErrorModel()} | ({} if quick else {"fwhm=0": ErrorModel(fwhm=0.0)})
    zmax, rows = 0.2 if quick else inputs.ZMAX, []
    for name, (spectra, ztrue) in cases(quick=quick, every=every).items():
        spoilt = {"nothing": spectra, "cosmic rays": with_cosmic_rays(spectra, seed)}
        spoilt["trenches"] = with_trenches(spectra, seed)
        for label, error in models.items():
            model = NonNegative(jaxz.load_basis(), error=error)
            clean = None
            for kind, given in spoilt.items():
                found = jaxz.find_redshifts(jaxz.scan(given, model, zmin=0.0, zmax=zmax), given)
                clean = found if clean is None else clean
                rows.append({"spectra": name, "error model": label, "with": kind} | counted(found, clean, ztrue))
    for row in rows:
        enough = "VANDELS" in row["spectra"] or row["error model"] != "default" or row["same z"] >= 0.9
        require(enough, f"{row['spectra']} with {row['with']}: {row['same z']:.2f} of the redshifts are the same")
    return Report("bad_pixels", rows, {"zmax": zmax, "seed": seed}, ["FEW_PIXELS: set among wrong, among right."])


def counted(found: Redshifts, clean: Redshifts, ztrue: np.ndarray) -> dict[str, str | float]:
    """Return the columns of one row."""
    good = validate.is_good(found.z, ztrue)
    few = (found.zwarn & ZWarn.FEW_PIXELS) > 0
    sure = (found.zwarn & ~ZWarn.PARTIAL_COVERAGE) == 0
    return {
        "same z": float(np.mean(np.abs(found.z - clean.z) < SAME * (1 + clean.z))),
        "right": f"{good.sum()}/{len(good)}",
        "FEW_PIXELS: wrong, right": f"{np.sum(few & ~good)}/{np.sum(~good)}, {np.sum(few & good)}/{np.sum(good)}",
        "ZWARN 0: right/all": f"{np.sum(sure & good)}/{np.sum(sure)}",
    }


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    common.finish(run(quick=arguments.quick, every=arguments.every), arguments)


if __name__ == "__main__":
    options = common.parser(__doc__)
    options.add_argument("--every", type=int, default=6, help="take one of so many VANDELS spectra")
    main(options.parse_args())
