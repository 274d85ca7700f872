"""Input files → parts: pieces of work that are done, kept and, after an interruption, not done again."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jaxz.io.files import FileError, reason_of

PART_BYTES = 1 << 24
"""Of its files, in a part: some 36 DESI spectra with resolution matrices, or 500 of MUSE.
What an interruption costs at most, for each process, is one part."""

PART_FILES = 64
"""In a part, at most."""

ANCHOR = 64
"""A part begins at every file of whose name a hash is a multiple of this: a file that comes, goes or changes its size
changes the parts near it, and no others."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One file, or a share of its spectra.

    Attributes:
        file: as it was given.
        size: of the file, bytes.
        changed: when it was, in ns since 1970.
        share: number of the share, from 0.
        shares: into how many the file is cut.
    """

    file: str
    size: int
    changed: int
    share: int = 0
    shares: int = 1

    def rows(self, count: int) -> range:
        """Return the rows that this is of `count` spectra in the file."""
        return range(self.share * count // self.shares, (self.share + 1) * count // self.shares)


@dataclasses.dataclass(frozen=True)
class Part:
    """Files that are measured together.

    Attributes:
        entries: in the order of the catalog.

    Example:
        >>> part = jaxz.batch.Part(())
        >>> part.key({"ZMAX": 1.0}) == part.key({"ZMAX": 2.0})
        False
    """

    entries: tuple[Entry, ...]

    def key(self, settings: Mapping[str, Any]) -> str:
        """Return a fingerprint of the files, their sizes and times, and of what is done with them."""
        stated = [dict(settings), [dataclasses.astuple(entry) for entry in self.entries]]
        return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()[:20]


@dataclasses.dataclass(frozen=True)
class Failure:
    """An input that was not read, and why.

    Attributes:
        file: as it was given.
        reason: one line, which names the file.
    """

    file: str
    reason: str


def plan(files: Sequence[Path]) -> tuple[list[Part], list[Failure]]:
    """Return the parts of a sample, and the files that are not there.

    They depend on the names and sizes of the files alone, so that no file is opened, and every process that is given
    the same files finds the same parts.

    Args:
        files: in the order of the catalog.
    """
    parts, failures, together, size = [], [], [], 0
    for file in files:
        try:
            found = os.stat(file)
        except (OSError, ValueError) as error:
            said = getattr(error, "strerror", None) or reason_of(error)
            failures.append(Failure(str(file), f"{file}: cannot be opened: {said}"))
            continue
        shares = max(found.st_size // PART_BYTES, 1)
        begins = shares > 1 or size + found.st_size > PART_BYTES or len(together) == PART_FILES or _is_anchor(file)
        if together and begins:
            parts.append(Part(tuple(together)))
            together, size = [], 0
        entries = [Entry(str(file), found.st_size, found.st_mtime_ns, share, shares) for share in range(shares)]
        if shares > 1:
            parts += [Part((entry,)) for entry in entries]
        else:
            together += entries
            size += found.st_size
    if together:
        parts.append(Part(tuple(together)))
    return parts, failures


def _is_anchor(file: Path) -> bool:
    return int.from_bytes(hashlib.sha256(os.fsencode(file.name)).digest()[:8]) % ANCHOR == 0


def share_of(job: str) -> tuple[int, int]:
    """Return the number of a job of an array, from 1, and how many there are.

    Args:
        job: "i/n".

    Raises:
        FileError: if it is not of this form, or i is not 1 to n.
    """
    number, _, count = job.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise FileError(f"part {job}: give i/n, the number of the job and how many there are, such as 3/20")
    return int(number), int(count)
