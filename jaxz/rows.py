"""Which of the spectra of a container: by position, slice, mask, name, or lists of these."""

import difflib
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

Rows = int | np.integer | str | slice | Sequence | np.ndarray
"""What containers are indexed with: the result is always a container, of one spectrum for a position or a name."""


def rows_of(index: Any, ids: Sequence[str], *, what: str) -> np.ndarray:
    """Return the positions that an index means, (any,) int64.

    Args:
        index: a position, which may count from the end, or a name; a slice, a mask, or positions or names. A name that
            several spectra have means all of them.
        ids: names of the spectra.
        what: they are, for the message.

    Raises:
        IndexError: if there is no such position, or a mask has another length.
        KeyError: if there is no such name.
        TypeError: if it is something else.

    Example:
        >>> from jaxz.rows import rows_of
        >>> names = ["a", "b", "c"]
        >>> [rows_of(index, names, what="spectra").tolist() for index in (-1, "b", slice(1, None), ["c", "a"])]
        [[2], [1], [1, 2], [2, 0]]
    """
    if isinstance(index, slice):
        return np.arange(len(ids))[index]
    if isinstance(index, str):
        return _named([index], ids, what)
    wanted = np.asarray(index)
    if wanted.dtype.kind in "US" and wanted.ndim == 1:
        return _named(wanted.astype(str).tolist(), ids, what)
    if wanted.size == 0 and wanted.ndim == 1:
        return np.zeros(0, dtype=np.int64)
    if wanted.dtype.kind == "b" and wanted.ndim == 1:
        if len(wanted) != len(ids):
            raise IndexError(f"a mask of {len(wanted)} for {len(ids)} {what}: give one value for each")
        return np.flatnonzero(wanted)
    if wanted.dtype.kind not in "iu" or wanted.ndim > 1:
        raise TypeError(
            f"{what} are chosen by position, name, slice, mask, or a list of positions or names, not by "
            f"{type(index).__name__} {index!r}"
        )
    places = np.atleast_1d(wanted).astype(np.int64)
    outside = places[(places < -len(ids)) | (places >= len(ids))]
    if len(outside):
        raise IndexError(f"no number {outside[0]} among {len(ids)} {what}: names are given as text, '{outside[0]}'")
    return places % max(len(ids), 1)


def row_of(index: Any, ids: Sequence[str], *, what: str) -> int:
    """Return the position of the one spectrum that an index means.

    Raises:
        IndexError, KeyError, TypeError: as `rows_of`.
        ValueError: if it means several, or none.
    """
    rows = rows_of(index, ids, what=what)
    if len(rows) != 1:
        raise ValueError(f"{index!r} means {len(rows)} of the {what}: give the position or the name of one")
    return operator.index(rows[0])


def _named(names: Sequence[str], ids: Sequence[str], what: str) -> np.ndarray:
    places: dict[str, list[int]] = {}
    for row, name in enumerate(ids):
        places.setdefault(name, []).append(row)
    for name in names:
        if name not in places:
            like = difflib.get_close_matches(name, places, n=3, cutoff=0.5) or list(places)[:3]
            raise KeyError(f"no {name!r} among {len(ids)} {what}, whose names are such as {', '.join(map(repr, like))}")
    return np.array([row for name in names for row in places[name]], dtype=np.int64)
