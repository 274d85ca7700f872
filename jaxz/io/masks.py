"""Columns and images that say which pixels are bad, each by its own convention."""

import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxz.io.files import FileWarning

MASKS = (
    *(
        "mask",
        "nan_mask",
        "and_mask",
        "andmask",
        "badmask",
        "bad_mask",
        "bad",
        "bpm",
        "badpix",
        "bad_pix",
        "badpixel",
        "badpixels",
    ),
    *("quality", "qual", "dq", "data_quality", "flag", "flags", "flux_mask", "flux_flag", "pixmask", "pixel_mask"),
)
"""Names under which every value but 0 marks a bad pixel."""

GOOD = ("good", "gpm", "goodpix", "good_pix", "is_good", "goodmask", "good_mask", "valid")
"""Names under which 0 marks a bad pixel."""

NOT_USED = ("or_mask", "ormask")
"""Names of marks that are those of any exposure; what they leave out of a sum is gone from it."""

_ALIKE = re.compile(r"(?:.*_)?(?:mask|quality|qual|q?flags?|dq|bpm|badpix|goodpix|gpm)(?:_.*)?")
"""What is called like this looks as if it said which pixels are good."""

_NAMED = 5
_WORDS = {"true": 1, "t": 1, "false": 0, "f": 0}


def looks_like_mask(name: str) -> bool:
    """Tell whether a name is one of a mask or looks like it, but for `NOT_USED`."""
    word = name.lower()
    return word in (*MASKS, *GOOD) or (word not in NOT_USED and _ALIKE.fullmatch(word) is not None)


def is_pypeit(header: Mapping[str, Any]) -> bool:
    """Tell whether PypeIt wrote a file: its column ``mask`` is 1 for good pixels."""
    cards = {str(key).upper() for key in header}
    return "PYP_SPEC" in cards or str(header.get("DMODCLS", "")).strip() in ("OneSpec", "SpecObj")


def bad_pixels(values: Any, *, good: bool) -> np.ndarray | None:
    """Return where a mask is not for use, or None where its values are none that a mask can have.

    A value that is missing marks a bad pixel.

    Args:
        values: booleans, numbers, or words such as True and F.
        good: whether 0 marks the bad ones, and not all else.
    """
    values = np.asarray(values)
    if values.dtype.kind in "US":
        words = np.char.lower(np.char.strip(values.astype(str)))
        if not np.isin(words, list(_WORDS)).all():
            return None
        values = np.isin(words, [word for word, value in _WORDS.items() if value])
    if values.dtype.kind not in "biuf":
        return None
    return (values == 0) | (values != values) if good else values != 0


def masked(
    path: Path, ivar: np.ndarray, values: Any, name: str, ids: Sequence[str], *, good: bool = False
) -> np.ndarray:
    """Return inverse variances that are 0 where a mask says so.

    One that has no value for each pixel, or words that are not understood, is ignored. A mask that leaves no pixel of
    any spectrum is not one, but for example one that has lost the offset of unsigned integers: it is ignored, too.
    Where it leaves none of some spectra, these have no data. A `FileWarning` says each.

    Args:
        path: the file, for messages.
        ivar: (pix,) or (spec, pix).
        values: like `ivar`, as of `bad_pixels`.
        name: of the mask, for messages.
        ids: names of the spectra.
        good: as of `bad_pixels`.
    """
    bad = bad_pixels(values, good=good) if np.shape(values) == ivar.shape else None
    if bad is None:
        warn_not_used(path, name, "has no number for each pixel")
        return ivar
    with np.errstate(invalid="ignore"):
        has_data = np.atleast_2d(np.isfinite(ivar) & (ivar > 0))
    before = has_data.any(axis=1)
    lost = np.flatnonzero(before & ~np.any(has_data & ~np.atleast_2d(bad), axis=1))
    if len(lost) and len(lost) == np.count_nonzero(before):
        _warn(
            f"{path}[{name}]: marks every pixel of {'the spectrum' if len(ids) == 1 else 'all spectra'} as bad: "
            "ignored; write it with 0 for good pixels, or call it good if these have 1"
        )
        return ivar
    if len(lost):
        some = ", ".join(ids[int(row)] for row in lost[:_NAMED])
        _warn(f"{path}[{name}]: leaves no pixel of {len(lost)} of {len(ids)} spectra: {some}")
    return np.where(bad, ivar.dtype.type(0), ivar)


def warn_not_used(path: Path, name: str, why: str) -> None:
    """Give a `FileWarning` that what looks like a mask is none that is understood."""
    _warn(f"{path}[{name}]: {why}: ignored, no pixel is masked by it")


def _warn(message: str) -> None:
    warnings.warn(message, FileWarning, stacklevel=4)
