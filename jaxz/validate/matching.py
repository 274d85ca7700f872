"""The rows of a catalog beside those of a table of true redshifts."""

import dataclasses
from collections import Counter
from collections.abc import Iterable

import numpy as np


@dataclasses.dataclass(frozen=True)
class Match:
    """Rows of a catalog beside the rows of the truth with the same name.

    Args:
        rows: (matched,) rows of the catalog, increasing.
        truth_rows: (matched,) rows of the truth.
        unmatched: (rest,) rows of the catalog that the truth does not know.
        truth_unmatched: (rest,) rows of the truth that the catalog does not hold.
    """

    rows: np.ndarray
    truth_rows: np.ndarray
    unmatched: np.ndarray
    truth_unmatched: np.ndarray


def match(names: Iterable[object], truth_names: Iterable[object]) -> Match:
    """Return which rows have the same name; numbers are compared as text, so 4 is "4".

    A name may be in the catalog several times (several spectra of one source), in the truth only once.

    Args:
        names: (spec,) of the catalog, text or integers.
        truth_names: (source,) of the truth.

    Raises:
        ValueError: if the truth holds a name twice. The message says which.

    Example:
        >>> found = jaxz.validate.match([7, 9], ["9", "4"])
        >>> found.rows, found.truth_rows
        (array([1]), array([0]))
    """
    names = [str(name).strip() for name in names]
    truth_names = [str(name).strip() for name in truth_names]
    row_of = {name: row for row, name in enumerate(truth_names)}
    if len(row_of) < len(truth_names):
        twice = [name for name, count in Counter(truth_names).items() if count > 1]
        raise ValueError(f"the truth holds {twice[0]!r} {Counter(truth_names)[twice[0]]} times: leave one row of each")
    truth_rows = np.array([row_of.get(name, -1) for name in names], dtype=np.int64)
    rows = np.flatnonzero(truth_rows >= 0)
    return Match(
        rows=rows,
        truth_rows=truth_rows[rows],
        unmatched=np.flatnonzero(truth_rows < 0),
        truth_unmatched=np.setdiff1d(np.arange(len(truth_names)), truth_rows),
    )
