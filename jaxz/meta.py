"""Columns of values for each spectrum, such as a catalog has, of several samples put together."""

from collections.abc import Mapping, Sequence

import numpy as np

_FILL = {"f": np.nan, "i": -1, "u": 0, "b": False}
"""What stands where a column has no value, by its kind; an empty string in text."""


def concatenate_meta(metas: Sequence[Mapping[str, np.ndarray]], sizes: Sequence[int]) -> dict[str, np.ndarray]:
    """Return the columns of all parts; one that a part lacks is NaN, -1 or an empty string there.

    Where parts disagree on what a column is, all of it is kept: vectors are padded with the same blanks to the longest,
    a number becomes a vector where others are, and numbers become text where others are text.

    Args:
        metas: the columns of each part.
        sizes: how many rows each part has.
    """
    names = {name: None for meta in metas for name in meta}
    return {name: _joined([meta.get(name) for meta in metas], sizes) for name in names}


def _joined(parts: Sequence[np.ndarray | None], sizes: Sequence[int]) -> np.ndarray:
    there = [part for part in parts if part is not None]
    if {part.dtype.kind in "US" for part in there} == {True, False}:
        parts = [None if part is None else part.astype(np.str_) for part in parts]
        there = [part for part in parts if part is not None]
    ndim = max(part.ndim for part in there)
    parts = [None if part is None else part.reshape(*part.shape, *[1] * (ndim - part.ndim)) for part in parts]
    longest = np.max([part.shape[1:] for part in parts if part is not None], axis=0, initial=0).astype(int).tolist()
    joined = []
    for part, size in zip(parts, sizes, strict=True):
        like = there[0] if part is None else part
        whole = np.full((size, *longest), _FILL.get(like.dtype.kind, ""), dtype=like.dtype)
        if part is not None:
            whole[tuple(slice(length) for length in part.shape)] = part
        joined.append(whole)
    return np.concatenate(joined)
