"""Numbers → short text, which `packing.js` turns back into numbers in a browser."""

import base64
import zlib
from collections.abc import Sequence

import numpy as np


def packed(columns: Sequence[tuple[np.ndarray, int]]) -> str:
    """Return columns of integers as text: differences, zigzag code, bytes of like weight together, deflate, base64.

    Smooth columns have small differences, whose upper bytes are all 0 and take no room.

    Args:
        columns: each (any,) of integers whose differences are below 2^31, and the order of the differences.

    Example:
        >>> from jaxz.inspect.packing import packed
        >>> len(packed([(np.arange(10_000), 2)])) < 100
        True
    """
    return base64.b64encode(zlib.compress(b"".join(_planes(*column) for column in columns), 9)).decode("ascii")


def _planes(values: np.ndarray, order: int) -> bytes:
    steps = np.diff(np.asarray(values, dtype=np.int64), n=order, prepend=np.zeros(order, dtype=np.int64))
    zigzag = ((steps << 1) ^ (steps >> 31)).astype("<u4")
    return zigzag.view(np.uint8).reshape(-1, 4).T.tobytes()
