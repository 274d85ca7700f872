"""How the good fraction falls with magnitude in exposures of 3, 11, 30 and 140 hours with MUSE [M, fig. 10].

The same simulated galaxies in each, with the noise of the real UDF10 spectra, of 31 hours (Bacon et al. 2017), which
falls with the square root of the time. Magnitudes are of the flux without noise, over a band like HST's F775W.

Checked: the deepest exposure has at least as many good redshifts as the shallowest, and nine tenths of the bright ones.
"""

import argparse
from pathlib import Path

import numpy as np

import jaxz
from benchmarks import common, inputs
from benchmarks.common import Report, require
from jaxz import validate
from jaxz.mock.instruments import Instrument, muse
from jaxz.mock.survey import drawn
from jaxz.spectra import Spectra

SEED = 3141
HOURS = (3, 11, 30, 140)
HOURS_OF_UDF10 = 31.0

BAND, PIVOT = (6900.0, 8600.0), 7693.0
"""Å between which the filter lets light through, and its pivot wavelength."""

AB_ZERO = -48.6
LIGHT_SPEED = 2.998e18
"""Å/s."""

UNIT = 1e-20
"""Of MUSE's flux, erg/s/cm²/Å."""

BRIGHT = 24.0


def udf10() -> Instrument:
    """Return MUSE with the noise of the UDF10 spectra, the median of their standard deviations in each pixel."""
    spectra = jaxz.io.read(inputs.data_folder() / "muse_udf10")
    good = spectra.ivar > 0
    sigma = np.nanmedian(np.where(good, 1 / np.sqrt(np.where(good, spectra.ivar, 1)), np.nan), axis=0)
    level = float(np.nanmedian(sigma))
    return Instrument(
        "udf10", np.median(spectra.wave, axis=0), muse().fwhm, np.nan_to_num(sigma / level, nan=10), level
    )


def galaxies(instrument: Instrument, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return galaxies without noise, (spec, pix), their redshifts, and AB magnitudes, (spec,)."""
    stars = jaxz.io.read_populations(inputs.data_folder() / "templates" / "cb08_ssp.fits")
    made = [drawn(instrument, stars, np.random.default_rng([SEED, row]), 0.0, inputs.ZMAX, 1.0) for row in range(n)]
    flux = np.array([signal for signal, _ in made])
    seen = (instrument.wave > BAND[0]) & (instrument.wave < BAND[1])
    of_frequency = flux[:, seen].mean(axis=1) * UNIT * PIVOT**2 / LIGHT_SPEED
    return flux, np.array([row[0] for _, row in made]), AB_ZERO - 2.5 * np.log10(of_frequency)


def exposed(instrument: Instrument, flux: np.ndarray, hours: float) -> Spectra:
    """Return spectra of galaxies that were exposed for some hours."""
    sigma = instrument.noise * instrument.level * np.sqrt(HOURS_OF_UDF10 / hours)
    noise = np.random.default_rng([SEED, round(hours)]).normal(size=flux.shape)
    ivar = np.broadcast_to(sigma**-2, flux.shape)
    return Spectra(instrument.wave, (flux + sigma * noise).astype(np.float32), ivar.astype(np.float32))


def run(n: int, figures: Path | None = None) -> Report:
    """Measure `n` galaxies in each exposure."""
    instrument = udf10()
    flux, ztrue, magnitude = galaxies(instrument, n)
    edges = validate.even_edges(magnitude)
    rows, found = [], {}
    for hours in HOURS:
        spectra = exposed(instrument, flux, hours)
        z = jaxz.redshifts(spectra, zmax=inputs.ZMAX, classes=("galaxy",)).z
        found[f"{hours} h"] = z, ztrue, magnitude
        bins = validate.good_fraction_in_bins(z, ztrue, magnitude, edges)
        whole = validate.good_fraction(z, ztrue)
        parts = {
            f"{low:g}–{high:g}": f"{one.ngood} of {one.ntotal}"
            for low, high, one in zip(edges[:-1], edges[1:], bins, strict=True)
        }
        rows.append({"hours": str(hours), "good": f"{whole.ngood} of {whole.ntotal}", **parts})
    share = {name: validate.is_good(z, ztrue).mean() for name, (z, _, _) in found.items()}
    bright = magnitude < BRIGHT
    deepest = found[f"{HOURS[-1]} h"][0]
    right = validate.is_good(deepest[bright], ztrue[bright]).mean() if bright.any() else 1.0
    require(share[f"{HOURS[-1]} h"] >= share[f"{HOURS[0]} h"] and right >= 0.9, f"good: {share}; bright ones: {right}")
    if figures is not None:
        figures.mkdir(parents=True, exist_ok=True)
        jaxz.plot.plot_depth(found, edges, name="F775W (AB)").savefig(figures / "depth.png", dpi=100)
    return Report("depth", rows, {"galaxies": n, "noise": "UDF10's", "stars": "cb08_ssp.fits"})


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    common.finish(run(8 if arguments.quick else arguments.n, arguments.figures), arguments)


if __name__ == "__main__":
    options = common.parser(__doc__)
    options.add_argument("--n", type=int, default=200, help="galaxies")
    options.add_argument("--figures", type=Path, help="folder to write the figure to")
    main(options.parse_args())
