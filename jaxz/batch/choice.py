"""Which spectra of each file are measured."""

import dataclasses
import hashlib

import numpy as np

from jaxz.io.reader import Source
from jaxz.spectra import Spectra

_LONGEST = 60
"""Characters of names that a header shows."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """Some of the spectra of each file, by default all of them.

    Attributes:
        ids: names of those that are wanted; any if there are none.
        targetids: likewise.
        first: number of the first of them in each file, from 0.
        count: of them in each file, at most; all if None.

    Example:
        >>> import numpy as np, jaxz
        >>> from jaxz.batch import Choice
        >>> spectra = jaxz.Spectra(np.arange(5.0, 8.0), np.ones((4, 3)), np.ones((4, 3)), ids="abcd")
        >>> Choice(ids=("b", "d")).rows(spectra), Choice(first=1, count=2).rows(spectra)
        (array([1, 3]), array([1, 2]))
    """

    ids: tuple[str, ...] = ()
    targetids: tuple[int, ...] = ()
    first: int = 0
    count: int | None = None

    def rows(self, source: Source) -> np.ndarray:
        """Return the positions of the chosen spectra of one file, in order."""
        rows = np.arange(len(source))
        if self.ids or self.targetids:
            known = np.array(source.ids, dtype=str)
            # Where TARGETIDs are not in memory, as of DESI files, they are the names.
            numbers = source.meta.get("TARGETID", known) if isinstance(source, Spectra) else known
            wanted = np.isin(numbers.astype(str), [str(number) for number in self.targetids])
            rows = rows[np.isin(known, self.ids) | wanted]
        return rows[self.first : None if self.count is None else self.first + self.count]

    def card(self) -> str:
        """Return it in words, for a header; empty if all are chosen."""
        said = []
        for name, values in (("ids", self.ids), ("targetids", self.targetids)):
            listed = ",".join(map(str, values))
            if len(listed) > _LONGEST:
                listed = f"{len(values)} with hash {hash_of(listed)}"
            said += [f"{name}={listed}"] if values else []
        said += [f"mintarget={self.first}"] if self.first else []
        said += [] if self.count is None else [f"ntargets={self.count}"]
        return " ".join(said)


def hash_of(text: str) -> str:
    """Return a fingerprint of a text that is the same in all processes."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
