"""The tables and the figure of `jaxz target`."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jaxz.cli.console import show, table
from jaxz.cli.evaluation import interval

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from jaxz.validate import CutQuality, GoodFraction, TargetCut


class Rule(NamedTuple):
    """What makes a target confirmed: a score of the catalog that is high enough, and ZWARN = 0."""

    score: str
    least: float

    @property
    def words(self) -> str:
        """What is confirmed."""
        return f"{self.score} ≥ {self.least:g}, ZWARN = 0"

    def confirmed(self, found: Any) -> "np.ndarray":
        """Return which rows of a catalog are, bool."""
        import numpy as np

        measured = np.isfinite(np.asarray(found["Z"], dtype=float))
        return measured & (self.scores(found) >= self.least) & (np.asarray(found["ZWARN"]) == 0)

    def scores(self, found: Any) -> "np.ndarray":
        """Return the score of the rows of a catalog, NaN where it has none."""
        import numpy as np

        return np.asarray(found[self.score], dtype=np.float64)

    def best_of_each(self, found: Any, rows: "np.ndarray", target: "np.ndarray") -> "np.ndarray":
        """Return of each target the confirmed row, or that of the highest score, in the order of the catalog.

        Args:
            found: the catalog.
            rows: (matched,) rows of it.
            target: (matched,) number of the target of each.
        """
        import numpy as np

        order = np.lexsort((-np.nan_to_num(self.scores(found)[rows]), ~self.confirmed(found)[rows]))
        _, first = np.unique(target[order], return_index=True)
        return np.sort(rows[order[first]])


@dataclasses.dataclass(frozen=True)
class Sample:
    """Targets that were observed.

    Args:
        ids: (target,) names.
        axes: (axis,) names of one or two quantities.
        values: (target, axis) of these, NaN where there is none.
        edges: of each axis, of its bins.
        score: (target,).
        confirmed: (target,) bool.
        chooses: (target,) bool, the half on which cuts are chosen.
        rule: what makes a target confirmed.
    """

    ids: "np.ndarray"
    axes: Sequence[str]
    values: "np.ndarray"
    edges: "list[np.ndarray]"
    score: "np.ndarray"
    confirmed: "np.ndarray"
    chooses: "np.ndarray"
    rule: Rule


def rule_of(catalog: Path, found: Any, text: str | None) -> Rule:
    """Return what ``DETECTION=25`` says, or what suits the catalog.

    Raises:
        ValueError: if it is not of that form, or the catalog lacks a column.
    """
    from jaxz.validate import CONFIRMED

    numbers = [name for name in found.colnames if found[name].dtype.kind in "fiu" and found[name].ndim == 1]
    if "ZWARN" not in numbers:
        raise ValueError(f"{catalog}: has no column ZWARN: give a catalog of `jaxz lae` or `jaxz zfind`")
    if text is None:
        name = next((name for name in CONFIRMED if name in numbers), None)
        if name is None:
            raise ValueError(f"{catalog}: has no column {' or '.join(CONFIRMED)}: choose one with --score COLUMN=LEAST")
        return Rule(name, CONFIRMED[name])
    name, _, least = (part.strip() for part in text.partition("="))
    try:
        rule = Rule(name, float(least))
    except ValueError as error:
        raise ValueError(f"--score {text}: give COLUMN=LEAST, such as DETECTION=25") from error
    if name not in numbers:
        raise ValueError(f"--score {text}: {catalog} has no such column of numbers: {', '.join(numbers)}")
    return rule


def is_observed(found: Any) -> "np.ndarray":
    """Return which rows of a catalog are of targets of which there are data, bool."""
    import numpy as np

    from jaxz.status import ZWarn

    no_target = ZWarn.SKY | ZWarn.UNPLUGGED | ZWarn.BAD_TARGET | ZWarn.NODATA
    return np.asarray(found["ZWARN"]) & int(no_target) == 0


def sample_of(
    catalog: Path, path: Path, found: Any, key: str, axes: Sequence[str], values: "np.ndarray", rule: Rule
) -> Sample:
    """Return the `Sample` of rows of a catalog.

    Args:
        catalog, path: where the rows and the values are from, for messages.
        found: (target,) rows.
        key: the column that names them.
        axes, values: as of `Sample`.
        rule: what makes a target confirmed.

    Raises:
        ValueError: if no target has a value, or either half has nothing or all confirmed.
    """
    import numpy as np

    from jaxz import validate

    for name, column in zip(axes, values.T, strict=True):
        if not np.isfinite(column).any():
            raise ValueError(f"{path}: none of {len(column)} targets has a value of {name}: choose another column")
    ids = np.array([str(name).strip() for name in found[key]])
    confirmed, chooses = rule.confirmed(found), validate.halves(ids)
    if not confirmed.any() or confirmed.all():
        raise ValueError(
            f"{catalog}: {'all' if confirmed.any() else 'none'} of {len(ids)} targets are confirmed ({rule.score} ≥ "
            f"{rule.least:g}, ZWARN = 0), and cuts need some of both: change --score, or give more targets"
        )
    if any(confirmed[half].all() or not confirmed[half].any() for half in (chooses, ~chooses)):
        raise ValueError(
            f"{catalog}: {confirmed.sum()} of {len(ids)} targets are confirmed: too few of one kind to choose cuts on "
            "one half and to measure them on the other: give more targets"
        )
    edges = [validate.open_edges(column) for column in values.T]
    return Sample(ids, axes, values, edges, rule.scores(found), confirmed, chooses, rule)


def suggest(sample: Sample) -> "dict[float, TargetCut]":
    """Return cuts by the completeness that they aim at, chosen on one half of the targets."""
    from jaxz import validate

    values, confirmed = sample.values[sample.chooses], sample.confirmed[sample.chooses]
    return {aim: validate.suggest_cut(values, confirmed, completeness=aim) for aim in validate.COMPLETENESS}


def show_rates(sample: Sample, *, title: str) -> None:
    """Show how many targets are confirmed, of all and in bins of each quantity."""
    import numpy as np

    from jaxz import validate

    whole = validate.fraction_of(sample.confirmed)
    shown = table("", "", title=title)
    shown.add_row(f"confirmed, {sample.rule.words}", f"{whole.ngood} of {whole.ntotal}")
    shown.add_row("success rate", f"{whole.value:.3f}")
    shown.add_row("  95 % interval (Wilson)", f"{whole.low:.3f} to {whole.high:.3f}")
    show(shown)
    for name, values, edges in zip(sample.axes, sample.values.T, sample.edges, strict=True):
        shown = table(
            name, "confirmed", "rate", "68 % interval", f"middle {sample.rule.score}", title="\nsuccess rate in bins"
        )
        for one, low, high in zip(
            validate.fraction_in_bins(sample.confirmed, values, edges), edges[:-1], edges[1:], strict=True
        ):
            inside = (values >= low) & (values < high)
            shown.add_row(interval(low, high), *_rate(one), _middle(sample.score[inside]))
        if (without := ~np.isfinite(values)).any():
            shown.add_row(
                "no value", *_rate(validate.fraction_of(sample.confirmed[without], level=validate.BIN_LEVEL)),
                _middle(sample.score[without]),
            )  # fmt: skip
        show(shown)


def show_cuts(sample: Sample, cuts: "Mapping[float, TargetCut]") -> None:
    """Show the cuts, with what they are worth on the half that did not choose them."""
    chose, measures = sample.chooses.sum(), (~sample.chooses).sum()
    shown = table(
        "cut", "kept", "purity", "95 % interval", "completeness", "95 % interval",
        title=f"\nsuggested cuts, chosen on {chose} targets, measured on {measures} others",
    )  # fmt: skip
    for name, worth in _measured(sample, cuts):
        shown.add_row(name, str(worth.purity.ntotal), *_share(worth.purity), *_share(worth.completeness))
    show(shown)


def cuts_table(sample: Sample, cuts: "Mapping[float, TargetCut]") -> dict[str, Any]:
    """Return the columns of the table of cuts; numbers are after the quantities, in their order."""
    rows = _measured(sample, cuts)[1:]
    columns: dict[str, Any] = {"AIM": list(cuts), "CUT": [name for name, _ in rows]}
    for axis in range(len(sample.axes)):
        columns[f"LOW_{axis + 1}"] = [cut.low[axis] for cut in cuts.values()]
        columns[f"HIGH_{axis + 1}"] = [cut.high[axis] for cut in cuts.values()]
    columns |= {"SLOPE": [cut.slope for cut in cuts.values()], "KEPT": [worth.purity.ntotal for _, worth in rows]}
    for name in ("PURITY", "COMPLETENESS"):
        parts = [getattr(worth, name.lower()) for _, worth in rows]
        for suffix, end in (("", "value"), ("_LO", "low"), ("_HI", "high")):
            columns[name + suffix] = [getattr(part, end) for part in parts]
    return columns


def rates_table(sample: Sample) -> dict[str, Any]:
    """Return the columns of the table of success rates in the bins of one quantity, or of both at once."""
    import itertools

    import numpy as np

    from jaxz import validate

    columns: dict[str, list[float]] = {}
    for bins in itertools.product(*(list(itertools.pairwise(edges)) for edges in sample.edges)):
        low, high = zip(*bins, strict=True)
        inside = np.all((sample.values >= low) & (sample.values < high), axis=1)
        one = validate.fraction_of(sample.confirmed[inside], level=validate.BIN_LEVEL)
        row = {
            f"{end}_{axis + 1}": side[axis] for axis in range(len(bins)) for end, side in (("LOW", low), ("HIGH", high))
        }
        row |= {
            "NTARGET": one.ntotal,
            "NCONFIRMED": one.ngood,
            "RATE": one.value,
            "RATE_LO": one.low,
            "RATE_HI": one.high,
        }
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return columns


def figure(sample: Sample, cuts: "Mapping[float, TargetCut]") -> "Figure":
    """Return the figure of the targets, their scores, success rates and the cuts."""
    from jaxz.plot import plot_targeting

    named = {
        f"{name}\npurity {_words(worth.purity)}, completeness {_words(worth.completeness)}": cut
        for cut, (name, worth) in zip(cuts.values(), _measured(sample, cuts)[1:], strict=True)
    }
    return plot_targeting(
        sample.values, sample.score, sample.confirmed, named,
        edges=sample.edges, names=sample.axes, score_name=sample.rule.score, least=sample.rule.least,
    )  # fmt: skip


def _measured(sample: Sample, cuts: "Mapping[float, TargetCut]") -> "list[tuple[str, CutQuality]]":
    """Return what no cut, then each, is called and worth on the half that did not choose them."""
    import numpy as np

    from jaxz import validate

    half = ~sample.chooses
    values, confirmed = sample.values[half], sample.confirmed[half]
    everything = validate.CutQuality(
        validate.fraction_of(confirmed), validate.fraction_of(np.ones(confirmed.sum(), dtype=bool))
    )
    measured = [(cut.describe(sample.axes), validate.cut_quality(cut, values, confirmed)) for cut in cuts.values()]
    return [("none: all targets", everything), *measured]


def _rate(one: "GoodFraction") -> tuple[str, str, str]:
    return f"{one.ngood} of {one.ntotal}", *_share(one)


def _share(one: "GoodFraction") -> tuple[str, str]:
    return (f"{one.value:.3f}", f"{one.low:.3f} to {one.high:.3f}") if one.ntotal else ("–", "–")


def _words(one: "GoodFraction") -> str:
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})" if one.ntotal else "unknown"


def _middle(score: "np.ndarray") -> str:
    import numpy as np

    known = score[np.isfinite(score)]
    return f"{np.median(known):.3g}" if known.size else "–"
