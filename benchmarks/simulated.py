"""How many redshifts of simulated MUSE surveys are right, and how well true sources are told from blank ones.

The surveys are those of `jaxz simulate muse`, with artefacts and without, half of the spectra being of nothing. No
basis was learned from their seeds. The threshold between true and blank sources is the balanced one (as many kept as
there are true sources) of the score that does best on surveys of other seeds, of both kinds together: one for all.

Counted are galaxies whose brightest line has a S/N of 7 or more, and as many blank spectra.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

import jaxz
from benchmarks import common, inputs
from benchmarks.common import Report, require
from jaxz import mock, validate
from jaxz.mock import Populations, Truth
from jaxz.models import Basis
from jaxz.redshift import Redshifts
from jaxz.spectra import Spectra

LEAST_SNR = 7.0
"""Of the brightest line of a galaxy that counts."""

SEEDS = {"off": 901, "on": 902}
OTHER_SEEDS = {"off": 903, "on": 904}
"""With artefacts off and on; the thresholds come from the latter."""

SCORES = ("significance", "robustness", "deltachi2", "pconf")

_LYMAN, _OXYGEN = "Lyα", "[O II]"


class Surveyed(NamedTuple):
    """A simulated survey and what was found, galaxies with faint lines left out.

    Attributes:
        truth: of the spectra.
        found: their redshifts.
        real: (spec,) whether there is a galaxy.
        lines: (spec,) whether it counts, by the S/N of its brightest line; True for blank spectra.
    """

    truth: Truth
    found: Redshifts
    real: np.ndarray
    lines: np.ndarray

    @property
    def kept(self) -> np.ndarray:
        """(spec,) galaxies that count, and as many blank spectra."""
        blank = np.flatnonzero(~self.real)[: np.count_nonzero(self.real & self.lines)]
        chosen = self.real & self.lines
        chosen[blank] = True
        return chosen


def surveyed(
    find: Callable[[Spectra], Redshifts], stars: Populations | None, n: int, *, seed: int, artefacts: bool
) -> Surveyed:
    """Simulate a survey and find its redshifts."""
    spectra, truth = mock.survey(
        mock.INSTRUMENTS["muse"](), n, seed=seed, populations=stars, artefacts=artefacts, blank=0.5
    )
    found = find(spectra)
    real = truth.type != mock.BLANK
    return Surveyed(truth, found, real, ~real | (truth.snr_line >= LEAST_SNR))


def threshold_of(surveys: list[Surveyed]) -> tuple[str, float]:
    """Return the score and the threshold on it that tell true from blank sources best."""
    best = (-1.0, SCORES[0], np.inf)
    for name in SCORES:
        score = np.concatenate([getattr(one.found, name)[one.kept] for one in surveys])
        cut = validate.separation(score, np.concatenate([one.real[one.kept] for one in surveys])).balanced()
        best = max(best, (min(cut.completeness, cut.purity), name, cut.threshold))
    return best[1], best[2]


def row_of(label: str, one: Surveyed, score: str, threshold: float) -> dict[str, str]:
    """Return a line of the table."""
    counted = one.real & one.lines
    z, ztrue = one.found.z, one.truth.z
    good = validate.good_fraction(z[counted], ztrue[counted])
    names = validate.name_confusions(z[counted], ztrue[counted])
    confused = sum(name in (f"{_LYMAN} taken for {_OXYGEN}", f"{_OXYGEN} taken for {_LYMAN}") for name in names)
    cut = validate.separation(getattr(one.found, score)[one.kept], one.real[one.kept]).at(threshold)
    every = validate.good_fraction(z[one.real], ztrue[one.real])
    return {
        "artefacts": label,
        f"good, line S/N ≥ {LEAST_SNR:g}": f"{good.ngood} of {good.ntotal}",
        "fraction": f"{good.value:.4f} ({good.low:.4f}–{good.high:.4f})",
        "[O II]/Lyα": f"{confused}, {confused / good.ntotal:.2%}",
        "true/blank: completeness": f"{cut.completeness:.4f}",
        "purity": f"{cut.purity:.4f}",
        "good, all": f"{every.ngood} of {every.ntotal}",
    }


def draw(folder: Path, label: str, one: Surveyed) -> None:
    """Write the figures of a survey, as [M, figs. 7, 8, 9 and 11]."""
    folder.mkdir(parents=True, exist_ok=True)
    z, ztrue = one.found.z[one.real], one.truth.z[one.real]
    significance, robustness = one.found.significance, one.found.robustness
    binned = {
        "true redshift": (ztrue, validate.REDSHIFT_EDGES),
        "S/N of the continuum": (one.truth.snr_cont[one.real], validate.SNR_EDGES),
        "S/N of the lines": (one.truth.snr_line[one.real], validate.SNR_EDGES),
    }
    bins = {name: (values, validate.occupied(values, edges)) for name, (values, edges) in binned.items()}
    figures = {
        "redshifts": jaxz.plot.plot_comparison(z, ztrue),
        "errors": jaxz.plot.plot_errors(z, ztrue, significance[one.real], robustness[one.real]),
        "bins": jaxz.plot.plot_bins(z, ztrue, bins),
        "separation": jaxz.plot.plot_separation(
            significance[one.kept],
            robustness[one.kept],
            one.real[one.kept],
            names=("true sources", "blank sources"),
        ),
    }
    for name, figure in figures.items():
        figure.savefig(folder / f"simulated-{label}-{name}.png", dpi=100)


def run(basis: Basis, n: int, *, least: tuple[float, float], figures: Path | None = None) -> Report:
    """Measure surveys of `n` spectra, of which at least these shares have to be good without and with artefacts."""

    def find(spectra: Spectra) -> Redshifts:
        return jaxz.find_redshifts(jaxz.nmf_scan(spectra, basis, zmax=inputs.ZMAX), spectra)

    library = inputs.data_folder() / "templates" / "cb08_ssp.fits"
    stars = jaxz.io.read_populations(library) if library.is_file() else None
    tried = [surveyed(find, stars, n, seed=seed, artefacts=name == "on") for name, seed in OTHER_SEEDS.items()]
    score, threshold = threshold_of(tried)
    rows = []
    for (name, seed), wanted in zip(SEEDS.items(), least, strict=True):
        one = surveyed(find, stars, n, seed=seed, artefacts=name == "on")
        counted = one.real & one.lines
        good = validate.is_good(one.found.z[counted], one.truth.z[counted]).mean()
        require(good >= wanted, f"artefacts {name}: {good:.3f} of the redshifts are good, {wanted} expected")
        rows.append(row_of(name, one, score, threshold))
        if figures is not None:
            draw(figures, name, one)
    settings = {"spectra": n, "basis": f"{basis.name} {basis.version}", "stars": library.name if stars else "analytic"}
    return Report("simulated", rows, settings, [f"True sources: {score} from {threshold:.4g}."])


def main(arguments: argparse.Namespace) -> None:
    """Run it from the command line."""
    basis = jaxz.load_basis(arguments.basis)
    n, least = (40, (0.7, 0.7)) if arguments.quick else (arguments.n, (0.93, 0.88))
    common.finish(run(basis, n, least=least, figures=arguments.figures), arguments)


if __name__ == "__main__":
    options = common.parser(__doc__)
    options.add_argument("--n", type=int, default=4000, help="spectra of each survey, half of them blank")
    options.add_argument("--figures", type=Path, help="folder to write figures to")
    main(options.parse_args())
