"""How well a second redshift in a spectrum is found: simulated blends, and sums of two real spectra [M, sec. 4.4].

Simulated are MUSE spectra at the depth of MXDF (the S/N of the UDF-10 field times √(140/31)), half of them of two
galaxies. A second one counts as visible if its brightest line has S/N 5 or its continuum S/N 1 per pixel; the labels of
the paper are of inspectors, who see no other. Real sums are of VANDELS and FORS2 spectra, brought to the grid of the
former, the second scaled to 0.1 to 1 of the median flux of the first, and visible by the same rule, its lines being
measured at its true redshift before; negatives are spectra of the same two surveys.

`jaxz.blends.PROBABILITY` was fitted to simulated spectra of another seed, and to the half of the surveys that other
methods were developed on (`samples.Survey.new` is False). Every number here is of what chose nothing.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

import jaxz
from benchmarks import common, samples
from benchmarks.common import Report, require
from jaxz import ErrorModel, NonNegative, Redshifts, Spectra, mock, validate
from jaxz.blends import Blends, First, deblend
from jaxz.mock import galaxy
from jaxz.mock.lines import LIGHT_SPEED

SEED = 71
DEPTH = (140 / 31) ** 0.5
VISIBLE_LINE, VISIBLE_CONTINUUM = 5.0, 1.0
FAINTEST, LEAST_PIXELS, APART = 0.1, 300, 0.02
FALSE_POSITIVE = 0.18
COSTED = 32
DETECTED = 0.5
"""Probability of a blend from which it is called one."""

FIRSTS: tuple[First, ...] = ("lines", "model", "basis")

RARE = {
    "C II* 1336": 1335.71, "Si II* 1265": 1264.74, "Si II* 1309": 1309.28, "Si II* 1533": 1533.43,
    "Fe II* 2365": 2365.55, "Fe II* 2396": 2396.36, "Fe II* 2612": 2612.65, "Fe II* 2626": 2626.45,
    "He I 3189": 3188.67, "He I 4473": 4472.73, "He I 5877": 5877.25, "[N I] 5202": 5201.7,
}  # fmt: skip
"""Rest wavelengths (vacuum Å) of lines that no basis has, and that give false blends [M, sec. 4.4]."""


class Sample(NamedTuple):
    """Spectra of one or two galaxies.

    Attributes:
        spectra: measured.
        z: (spec, 2) redshifts, the second NaN where there is none.
        counts: (spec,) whether it counts: visible, or single.
    """

    spectra: Spectra
    z: np.ndarray
    counts: np.ndarray

    @property
    def blended(self) -> np.ndarray:
        """(spec,) whether there are two."""
        return np.isfinite(self.z[:, 1])


def simulated(n: int, *, seed: int, artefacts: bool) -> Sample:
    """Return simulated blends and single galaxies."""
    muse = mock.INSTRUMENTS["muse"]()
    spectra, first, second = mock.blends(muse, n, seed=seed, artefacts=artefacts, depth=DEPTH)
    visible = (second.snr_line > VISIBLE_LINE) | (second.snr_cont > VISIBLE_CONTINUUM)
    z = np.stack([first.z, second.z], axis=1)
    return Sample(spectra, z, visible | np.isnan(second.z))


def rare_lines(n: int, *, seed: int) -> Sample:
    """Return single galaxies with lines that no basis has, of S/N 5 to 30."""
    muse = mock.INSTRUMENTS["muse"]()
    spectra, truth = mock.survey(muse, n, seed=seed, depth=DEPTH)
    flux, edges = spectra.flux.astype(np.float64), galaxy.pixel_bounds(muse.wave)
    for row, z in enumerate(truth.z):
        rng = np.random.default_rng([seed, row])
        for rest in RARE.values():
            centre = rest * (1 + z)
            if rng.uniform() < 0.5 and edges[0] < centre < edges[-1]:
                sigma = np.hypot(centre * 80 / LIGHT_SPEED, 2.6 / 2.355)
                noise = np.interp(centre, muse.wave, muse.level * muse.noise) * np.sqrt(4 * sigma * 1.25)
                galaxy.add_line(flux[row], edges, centre, rng.uniform(5, 30) * noise, sigma)
    spectra = Spectra(muse.wave, flux, spectra.ivar, ids=spectra.ids)
    return Sample(spectra, np.stack([truth.z, np.full(n, np.nan)], axis=1), np.ones(n, bool))


def real(n: int, *, seed: int, new: bool) -> Sample:
    """Return sums of two real spectra and as many single ones, of a half of the surveys; none is in both."""
    surveys = samples.vandels(), samples.fors2()
    grid = surveys[0].spectra.wave[0]
    parts = [on_grid(survey.spectra[survey.new == new], grid) for survey in surveys]
    flux, ivar = (np.concatenate(part) for part in zip(*parts, strict=True))
    ztrue = np.concatenate([survey.ztrue[survey.new == new] for survey in surveys])
    pool = np.flatnonzero((np.count_nonzero(ivar > 0, axis=1) > LEAST_PIXELS) & (ztrue > 0.02))
    rng = np.random.default_rng(seed)
    rng.shuffle(pool)
    pool, alone = np.split(pool, [2 * len(pool) // 3])
    nothing = np.zeros(len(grid))
    rows = [(flux[one], nothing, ivar[one], float(ztrue[one]), np.nan) for one in alone[:n]]
    while len(rows) < len(alone[:n]) + n:
        one, two = rng.choice(pool, 2, replace=False)
        both = (ivar[one] > 0) & (ivar[two] > 0)
        level = np.median(flux[one][both]) / np.median(flux[two][both]) if both.sum() > LEAST_PIXELS else 0.0
        if level > 0 and abs(np.log1p(ztrue[one]) - np.log1p(ztrue[two])) > APART:
            share = level * rng.uniform(FAINTEST, 1)
            variance = 1 / np.where(both, ivar[one], 1) + share**2 / np.where(both, ivar[two], 1)
            rows.append((flux[one], share * flux[two], both / variance, float(ztrue[one]), float(ztrue[two])))
    ahead, behind, weight, first, second = (np.array(column) for column in zip(*rows, strict=True))
    lines = jaxz.fit_lines(Spectra(grid, behind, weight), second, jaxz.load_basis("continuum"))
    brightest = np.max(np.where(np.array(lines.kind) == "absorption", 0, np.nan_to_num(lines.snr)), axis=1)
    visible = (brightest > VISIBLE_LINE) | (np.nan_to_num(lines.continuum_snr) > VISIBLE_CONTINUUM)
    z = np.stack([first, second], axis=1)
    return Sample(Spectra(grid, ahead + behind, weight), z, visible | np.isnan(second))


def on_grid(spectra: Spectra, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return flux and ivar on other pixels, their information conserved (see `jaxz.kernels.resample.overlap`)."""
    edges = galaxy.pixel_bounds(grid)
    flux, ivar = np.zeros((2, len(spectra), len(grid)))
    for row in range(len(spectra)):
        old = galaxy.pixel_bounds(spectra.wave[row])
        weight = spectra.ivar[row]
        sums = [np.interp(edges, old, np.r_[0, np.cumsum(values)]) for values in (weight, weight * spectra.flux[row])]
        ivar[row], product = (np.diff(one) for one in sums)
        flux[row] = np.where(ivar[row] > 0, product / np.where(ivar[row] > 0, ivar[row], 1), 0)
    return flux, ivar


def row_of(label: str, first: str, sample: Sample, found: Blends) -> dict[str, str | float]:
    """Return a line of the table."""
    blended, counts = sample.blended, sample.counts
    curve = validate.roc(found.pblend[counts], blended[counts])
    detected = blended & counts & (found.pblend > DETECTED)
    right = is_right(sample, found)
    reported = found.pblend[counts], blended[counts]
    return {
        "spectra": label,
        "first is": first,
        "blends, singles": f"{np.count_nonzero(blended & counts)}, {np.count_nonzero(~blended)}",
        "AUC": round(curve.auc, 3),
        "AUC with unseen": round(validate.roc(found.pblend, blended).auc, 3),
        f"TPR at FPR {FALSE_POSITIVE}": round(curve.at(FALSE_POSITIVE)[0], 3),
        f"PBLEND > {DETECTED:g}": f"{detected.sum()}; {np.count_nonzero(~blended & (found.pblend > DETECTED))} singles",
        "z2 right of these": f"{np.count_nonzero(right & detected)} ({np.mean(right[detected]):.3f})",
        "ECE": round(validate.ece(*reported), 3),
    }


def run(n: int, nreal: int, firsts: Sequence[First], *, least: float, figures: Path | None) -> Report:
    """Measure simulated blends without and with artefacts, and real sums; the AUC of the first row is at least this."""
    cases = {
        "simulated": simulated(n, seed=SEED, artefacts=False),
        "simulated, artefacts": simulated(n, seed=SEED + 1, artefacts=True),
        "real sums": real(nreal, seed=SEED, new=True),
    }
    rows, notes = [], []
    for label, sample in cases.items():
        best = jaxz.redshifts(sample.spectra)
        curves = {}
        for first in firsts:
            found = deblend(sample.spectra, best, first=first)
            rows.append(row_of(label, first, sample, found))
            print(rows[-1], flush=True)
            curves[first] = validate.roc(found.pblend[sample.counts], sample.blended[sample.counts])
        if figures is not None:
            figures.mkdir(parents=True, exist_ok=True)
            name = label.replace(", ", "-").replace(" ", "-")
            jaxz.plot.plot_roc(curves).savefig(figures / f"blends-{name}.png", dpi=100)
    rare = rare_lines(nreal, seed=SEED + 2)
    best = jaxz.redshifts(rare.spectra)
    for first in firsts:
        false = deblend(rare.spectra, best, first=first).pblend > DETECTED
        notes.append(f"{first}: {false.sum()} of {len(false)} single galaxies with rare lines are called blends.")
    print(notes, flush=True)
    notes += [f"{first}: {cost(rare.spectra[:COSTED], best[:COSTED], first):.1f} × a scan, cpu" for first in firsts]
    require(rows[0]["AUC"] >= least, f"AUC of {rows[0]['AUC']}, {least} expected")
    return Report("blends", rows, {"simulated": n, "real sums": nreal, "depth": round(DEPTH, 2)}, notes)


def cost(spectra: Spectra, best: Redshifts, first: First) -> float:
    """Return the processor time of `deblend`, redshifts being known, over that of one scan; both compiled."""
    model = NonNegative(jaxz.load_basis(), error=ErrorModel())

    def seconds(call: Callable[[], object]) -> float:
        call()
        begin = time.process_time()
        call()
        return time.process_time() - begin

    plain = seconds(lambda: np.asarray(jaxz.scan(spectra, model, zmin=0.0, zmax=6.7).chi2))
    return seconds(lambda: deblend(spectra, best, first=first)) / plain


def is_right(sample: Sample, found: Blends) -> np.ndarray:
    """Return where both redshifts are found, in whatever order, (spec,) bool."""
    ahead, behind = sample.z.T
    both = [validate.is_good(found.z, a) & validate.is_good(found.z2, b) for a, b in ((ahead, behind), (behind, ahead))]
    return sample.blended & (both[0] | both[1])


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    n, nreal, least = (16, 6, 0.6) if arguments.quick else (arguments.n, arguments.real, 0.8)
    firsts: Sequence[First] = ("model",) if arguments.quick else FIRSTS
    common.finish(run(n, nreal, firsts, least=least, figures=arguments.figures), arguments)


if __name__ == "__main__":
    options = common.parser(__doc__)
    options.add_argument("--n", type=int, default=400, help="simulated spectra without and with artefacts, each")
    options.add_argument("--real", type=int, default=100, help="sums of real spectra, and as many single ones")
    options.add_argument("--figures", type=Path, help="folder to write ROC curves to")
    main(options.parse_args())
