"""What `jaxz evaluate` shows of what a catalog promises: probabilities, flags and errors."""

import itertools
from typing import TYPE_CHECKING, Any

from jaxz.cli.console import show, table
from jaxz.cli.evaluation import interval
from jaxz.status import ZWarn

if TYPE_CHECKING:
    import numpy as np

    from jaxz.cli.evaluation import Sample
    from jaxz.plot.style import Figure

CERTAIN = 0.99
"""PCONF of what a user takes to be certain."""


def show_promises(sample: "Sample", tolerance: float) -> None:
    """Show how true probabilities, flags and errors are, of those that the catalog has."""
    from jaxz import validate

    good = validate.is_good(sample.z, sample.ztrue, tolerance=tolerance)
    _show_probabilities(sample, good)
    _show_pulls(sample)


def reliability_figure(sample: "Sample", tolerance: float) -> "Figure | None":
    """Return the reliability diagram, or None of a catalog without probabilities."""
    from jaxz import plot, validate

    known = _probability(sample.found)
    if known is None or not len(sample.z):
        return None
    good = validate.is_good(sample.z, sample.ztrue, tolerance=tolerance)
    return plot.plot_reliability(known[1][:, 0], good)


def _show_probabilities(sample: "Sample", good: "np.ndarray") -> None:
    import numpy as np

    from jaxz import validate

    found = sample.found
    shown = table("", "", title="\nwhat the catalog promises")
    if "ZWARN" in found.colnames:
        sure = (np.asarray(found["ZWARN"], dtype=np.int64) & ~ZWarn.PARTIAL_COVERAGE.value) == 0
        shown.add_row("ZWARN = 0 (but for PARTIAL_COVERAGE)", _of(good[sure], "right"))
        shown.add_row("  of the right ones it keeps", _of(sure[good], ""))
    if "PCONF" in found.colnames:
        certain = np.asarray(found["PCONF"]) >= CERTAIN
        shown.add_row(f"PCONF ≥ {CERTAIN:g}", _of(good[certain], "right"))
    if {"Z_LO", "Z_HI"} <= set(found.colnames):
        inside = validate.is_inside(found["Z_LO"], found["Z_HI"], sample.ztrue)
        shown.add_row("Z_LO … Z_HI", _of(inside, "inside"))
    known, found_right = _probability(found), None
    if known is not None and len(good):
        zalt, probability = known
        name = "ZALT_PROB" if "ZALT_PROB" in found.colnames else "PCONF"
        score = validate.log_score(sample.ztrue, zalt, probability)
        shown.add_row(f"mean log score, -ln P({validate.TOLERANCE:g}(1+z)), of {name}", f"{score.mean():.3f}")
        found_right = validate.reliability(probability[:, 0], good)
        bins = len(found_right.number)
        shown.add_row(f"ECE, {bins} bin{'s' if bins > 1 else ''}", f"{validate.ece(probability[:, 0], good):.3f}")
    if shown.rows:
        show(shown)
    if found_right is not None:
        _show_bins(found_right)


def _show_bins(found: Any) -> None:
    from jaxz import validate

    interval = f"{100 * validate.BIN_LEVEL:.0f} % interval"
    shown = table("mean probability", "number", "share right", interval, title="\nreliability")
    rows = zip(found.probability, found.number, found.right, found.low, found.high, strict=True)
    for probability, number, right, low, high in rows:
        shown.add_row(f"{probability:.4f}", str(number), f"{right:.3f}", f"{low:.3f} to {high:.3f}")
    show(shown)


def _show_pulls(sample: "Sample") -> None:
    """Show the pulls of all right redshifts, of each class and in each bin of S/N."""
    import numpy as np

    from jaxz import validate

    if "ZERR" not in sample.found.colnames:
        return
    zerr = np.asarray(sample.found["ZERR"], dtype=np.float64)
    groups = {"all": np.ones(len(zerr), dtype=bool)}
    if "SPECTYPE" in sample.found.colnames:
        classes = np.array([str(name).strip() for name in sample.found["SPECTYPE"]], dtype=str)
        groups |= {str(name): classes == name for name in np.unique(classes)}
    for name, (values, edges) in sample.bins.items():
        if name.startswith("S/N"):
            for low, high in itertools.pairwise(edges):
                groups[f"{name}, {interval(low, high)}"] = (low <= values) & (values < high)
    shown = table("pulls, (z - z true)/ZERR", "number", "median", "width", title="\nerrors")
    for name, rows in groups.items():
        pull = validate.pulls(sample.z[rows], zerr[rows], sample.ztrue[rows])
        if len(pull):
            shown.add_row(name, str(len(pull)), f"{np.median(pull):+.2f}", f"{validate.pull_width(pull):.2f}")
    if shown.rows:
        show(shown)


def _probability(found: Any) -> "tuple[np.ndarray, np.ndarray] | None":
    """Return redshifts and probabilities of the candidates, (spec, cand); of older catalogs those of Z alone."""
    import numpy as np

    if {"ZALT", "ZALT_PROB"} <= set(found.colnames):
        return np.asarray(found["ZALT"], dtype=np.float64), np.asarray(found["ZALT_PROB"], dtype=np.float64)
    if "PCONF" not in found.colnames:
        return None
    return np.asarray(found["Z"], dtype=np.float64)[:, None], np.asarray(found["PCONF"], dtype=np.float64)[:, None]


def _of(which: "np.ndarray", word: str) -> str:
    """Return how many of a mask are true, in words and as a share."""
    share = f" ({which.mean():.3f})" if len(which) else ""
    return f"{which.sum()} of {len(which)} {word}".rstrip() + share
