"""The tables and figures of `jaxz evaluate`."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jaxz.cli.console import say, show, table

if TYPE_CHECKING:
    import numpy as np

    from jaxz.plot.style import Figure

SNR = {"SNR_CONT": "S/N of the continuum", "SNR_LINE": "S/N of the lines"}
"""Columns of the truth in which the good fraction is binned, and what they are."""

SCORES = ("SIGNIFICANCE", "ROBUSTNESS")

AIR, AIR_MARGIN = 2.77e-4, 5e-5
"""Refractive index of air less 1, 4000 to 9000 Å to a hundredth, and how near a bias is to be to it: 15 km/s."""


@dataclasses.dataclass(frozen=True)
class Sample:
    """What a catalog and the truth say of the same sources.

    Args:
        found: (galaxy,) rows of the catalog.
        z: (galaxy,) redshifts that were found, NaN where there is none.
        ztrue: (galaxy,) true ones.
        bins: of each quantity its name, (galaxy,) values and the edges of bins.
        scores: (source,) `SCORES`, galaxies and blank sources; none if the catalog lacks one.
        blank: (source,) whether a source is known to be none.
    """

    found: Any
    z: "np.ndarray"
    ztrue: "np.ndarray"
    bins: "dict[str, tuple[np.ndarray, np.ndarray]]"
    scores: "list[np.ndarray]"
    blank: "np.ndarray"

    def positive(self, tolerance: float) -> "np.ndarray":
        """Return which (source,) a score is to keep: those that are not blank; if none is, the right redshifts."""
        from jaxz import validate

        return ~self.blank if self.blank.any() else validate.is_good(self.z, self.ztrue, tolerance=tolerance)

    @property
    def kinds(self) -> tuple[str, str]:
        """What is positive, and what is not."""
        return ("true sources", "blank sources") if self.blank.any() else ("right redshifts", "wrong redshifts")


def sample_of(found: Any, true: Any, blank: "np.ndarray", columns: Sequence[str] = ()) -> Sample:
    """Return the `Sample` of matched rows of a catalog and the truth.

    Args:
        found, true: the rows.
        blank: (source,) whether one is known to be none.
        columns: of the truth in which the good fraction is binned too.

    Raises:
        ValueError: if a column is not there, or holds no numbers.
    """
    import numpy as np

    from jaxz import validate

    z, ztrue = _numbers(found, "Z")[~blank], _numbers(true, "Z")[~blank]
    binned: dict[str, tuple[np.ndarray, Any]] = {"true redshift": (ztrue, validate.REDSHIFT_EDGES)}
    for column, name in SNR.items():
        if _has_numbers(true, column):
            binned[name] = _numbers(true, column)[~blank], validate.SNR_EDGES
    for column in columns:
        if not _has_numbers(true, column):
            raise ValueError(f"--bins {column}: the truth has no such column of numbers: {', '.join(true.colnames)}")
        values = _numbers(true, column)[~blank]
        binned[column] = values, validate.even_edges(values)
    bins = {}
    for name, (values, edges) in binned.items():
        if (seen := validate.occupied(values, edges)).size:
            bins[name] = values, seen
    return Sample(
        found=found[~blank],
        z=z,
        ztrue=ztrue,
        bins=bins,
        scores=[_numbers(found, name) for name in SCORES] if all(_has_numbers(found, name) for name in SCORES) else [],
        blank=blank,
    )


def show_summary(sample: Sample, tolerance: float, *, title: str) -> None:
    """Show the metrics of all redshifts."""
    from jaxz import validate
    from jaxz.summary import LIGHT_SPEED

    fraction = validate.good_fraction(sample.z, sample.ztrue, tolerance=tolerance)
    mae, kept = validate.mean_absolute_error(sample.z, sample.ztrue)
    bias, scatter = validate.bias_and_scatter(sample.z, sample.ztrue, tolerance=tolerance)
    shown = table("", "", title=title)
    shown.add_row(f"good, |Δz| < {tolerance:g}(1+z)", f"{fraction.ngood} of {fraction.ntotal}")
    shown.add_row("good fraction", f"{fraction.value:.3f}")
    shown.add_row("  95 % interval (Wilson)", f"{fraction.low:.3f} to {fraction.high:.3f}")
    shown.add_row(f"mean |Δz|/(1+z), {kept} within 5 MAD", f"{mae:.2e}")
    shown.add_row("bias, median Δz/(1+z) of the good", f"{bias:+.2e} ({LIGHT_SPEED * bias:+.0f} km/s)")
    shown.add_row("scatter, 1.48 MAD of the same", f"{scatter:.2e}")
    show(shown)
    if abs(abs(bias) - AIR) < AIR_MARGIN:
        say(
            f"the bias is that of wavelengths in air taken for vacuum, {LIGHT_SPEED * AIR:.0f} km/s: is one of the two "
            "on a scale of air, as the published redshifts of MUSE UDF10 are?"
        )


def show_bins(sample: Sample, tolerance: float) -> None:
    """Show the good fraction in bins, a table for each quantity."""
    from jaxz import validate

    for name, (values, edges) in sample.bins.items():
        fractions = validate.good_fraction_in_bins(sample.z, sample.ztrue, values, edges, tolerance=tolerance)
        shown = table(
            name, "good", "fraction", f"{100 * validate.BIN_LEVEL:.0f} % interval", title="\ngood fraction in bins"
        )
        for one, low, high in zip(fractions, edges[:-1], edges[1:], strict=True):
            numbers = (f"{one.value:.3f}", f"{one.low:.3f} to {one.high:.3f}") if one.ntotal else ("–", "–")
            shown.add_row(interval(low, high), f"{one.ngood} of {one.ntotal}", *numbers)
        if outside := len(values) - sum(one.ntotal for one in fractions):
            shown.add_row("no value", str(outside))
        show(shown)


def show_confusions(sample: Sample, tolerance: float) -> None:
    """Show how many failures would be explained by which line taken for which other."""
    from jaxz import validate

    counts = validate.confusions(sample.z, sample.ztrue, tolerance=tolerance)
    if counts:
        shown = table("line taken for another", "number", title="\nfailures by name")
        for name, count in counts.items():
            shown.add_row(name, str(count))
        show(shown)


def show_scores(sample: Sample, tolerance: float) -> None:
    """Show what thresholds on the scores keep."""
    from jaxz import validate

    if not sample.scores:
        return
    positive = sample.positive(tolerance)
    significance, robustness = (validate.separation(score, positive) for score in sample.scores)
    if sample.blank.any():
        cuts = {
            "SIGNIFICANCE, balanced": significance.balanced(),
            "SIGNIFICANCE, published": significance.at(validate.SIGNIFICANT),
            "ROBUSTNESS, balanced": robustness.balanced(),
        }
    else:
        cuts = {"ROBUSTNESS, published": robustness.at(validate.ROBUST)}
    title = f"\n{sample.kinds[0]}: {positive.sum()}, {sample.kinds[1]}: {(~positive).sum()}"
    shown = table("", "from", "kept", "completeness", "purity", title=title)
    for name, cut in cuts.items():
        shown.add_row(name, f"{cut.threshold:.3g}", str(cut.kept), f"{cut.completeness:.3f}", f"{cut.purity:.3f}")
    show(shown)


def show_failures(sample: Sample, tolerance: float) -> None:
    """Show each redshift that is not good, and whether the right one is among its other candidates."""
    import numpy as np

    from jaxz import validate

    found, z, ztrue = sample.found, sample.z, sample.ztrue
    wrong = np.flatnonzero(~validate.is_good(z, ztrue, tolerance=tolerance))
    if not wrong.size:
        return
    error = validate.velocity_error(z, ztrue)
    others = np.asarray(found["ZALT"]) if "ZALT" in found.colnames else z[:, None]
    right = validate.is_good(others, np.broadcast_to(ztrue[:, None], others.shape), tolerance=tolerance)
    shown = table("name", "z", "z true", "Δz/(1+z)", "right among the others", "ZWARN", title="\nfailures")
    key = "ID" if "ID" in found.colnames else "TARGETID"
    for row in wrong:
        rank = int(np.argmax(right[row]))
        shown.add_row(
            str(found[key][row]),
            f"{z[row]:.4f}",
            f"{ztrue[row]:.4f}",
            f"{error[row]:+.4f}",
            f"number {rank + 1}: {others[row, rank]:.4f}" if right[row, rank] else "none",
            str(found["ZWARN"][row]) if "ZWARN" in found.colnames else "",
        )
    show(shown)


def figures_of(sample: Sample, tolerance: float) -> "dict[str, Figure]":
    """Return the figures by the names of their files."""
    from jaxz import plot

    figures = {"redshifts.png": plot.plot_comparison(sample.z, sample.ztrue, tolerance=tolerance)}
    if sample.bins:
        figures["bins.png"] = plot.plot_bins(sample.z, sample.ztrue, sample.bins, tolerance=tolerance)
    if sample.scores:
        significance, robustness = sample.scores
        galaxies = [score[~sample.blank] for score in sample.scores]
        figures["errors.png"] = plot.plot_errors(sample.z, sample.ztrue, *galaxies, tolerance=tolerance)
        figures["separation.png"] = plot.plot_separation(
            significance, robustness, sample.positive(tolerance), names=sample.kinds
        )
    return figures


def depth_figures(samples: Mapping[str, Sample], columns: Sequence[str], tolerance: float) -> "dict[str, Figure]":
    """Return a figure of the good fraction of several catalogs in the bins of each column, by the names of files."""
    import numpy as np

    from jaxz import plot, validate

    figures = {}
    for column in columns:
        given = {name: (one.z, one.ztrue, one.bins[column][0]) for name, one in samples.items()}
        edges = validate.even_edges(np.concatenate([values for *_, values in given.values()]))
        figures[f"depth-{column}.png"] = plot.plot_depth(given, edges, name=column, tolerance=tolerance)
    return figures


def interval(low: float, high: float) -> str:
    """Return a bin in words."""
    if math.isinf(low):
        return "all" if math.isinf(high) else f"below {high:g}"
    return f"from {low:g}" if math.isinf(high) else f"{low:g} to {high:g}"


def _has_numbers(columns: Any, name: str) -> bool:
    return name in columns.colnames and columns[name].dtype.kind in "fiu" and columns[name].ndim == 1


def _numbers(columns: Any, name: str) -> "np.ndarray":
    import numpy as np

    return np.asarray(columns[name], dtype=np.float64)
