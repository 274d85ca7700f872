"""Cuts on magnitude and colour that a survey may choose its targets by [L, §IV.3, fig. 11], and what they are worth.

A cut is chosen on half of the targets, and measured on the other half: what chose it would flatter it.
"""

import dataclasses
import hashlib
import math
from collections.abc import Iterable, Sequence

import numpy as np

from jaxz.validate.bins import even_edges
from jaxz.validate.metrics import GoodFraction, fraction_of

CONFIRMED = {"DETECTION": 25.0, "PCONF": 0.99}
"""The score from which a target counts as confirmed: |Δχ²| as [L, §IV.1] has it, or a probability."""

COMPLETENESS = (0.9, 0.7, 0.5)
"""Shares of the confirmed targets that suggested cuts aim to keep."""

ZEROPOINT = 22.5
"""Magnitude (AB) of a flux of one nanomaggy."""


def magnitude(flux: np.ndarray, *, zeropoint: float = ZEROPOINT) -> np.ndarray:
    """Return zeropoint - 2.5 log10 flux, float64, of the shape of `flux`; NaN where the flux is not above 0.

    Args:
        flux: in nanomaggies, or in what the zero point belongs to.
        zeropoint: magnitude of a flux of 1.

    Example:
        >>> jaxz.validate.magnitude(np.array([1.0, 10.0, -0.2]))
        array([22.5, 20. ,  nan])
    """
    flux = np.asarray(flux, dtype=np.float64)
    return zeropoint - 2.5 * np.log10(np.where(flux > 0, flux, np.nan))


def halves(names: Iterable[object]) -> np.ndarray:
    """Return which of two halves each target is in, (target,) bool, by the SHA-256 of its name.

    The half of a target depends on nothing but its name: not on the others, their order, or a seed.

    Example:
        >>> jaxz.validate.halves([39633345008634465, "39633345008634466", "udf10_00004"])
        array([ True,  True, False])
    """
    return np.array([hashlib.sha256(str(name).encode()).digest()[0] & 1 for name in names], dtype=bool)


def open_edges(values: np.ndarray) -> np.ndarray:
    """Return edges of some eight bins of the middle 98 % of the values, open at both ends, (bins + 1,).

    Args:
        values: what is not finite does not count.

    Raises:
        ValueError: if no value is finite.

    Example:
        >>> jaxz.validate.open_edges(np.linspace(22, 26, 50)).tolist()
        [-inf, 22.5, 23.0, 23.5, 24.0, 24.5, 25.0, 25.5, inf]
    """
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    middle = even_edges(np.quantile(known, [0.01, 0.99]) if known.size else known)
    return np.r_[-np.inf, middle[1:-1], np.inf]


@dataclasses.dataclass(frozen=True)
class TargetCut:
    """A box in one or two quantities, of which any side may be open, and that of the second may be slanted.

    Kept is low ≤ x < high of the first quantity x, and low ≤ y - slope·x < high of the second, y. Of a quantity whose
    sides are both open nothing is asked, not even a value.

    Args:
        low: (axis,) lower sides, -∞ where open.
        high: (axis,) upper sides, ∞ where open.
        slope: of the sides of the second against the first.

    Example:
        >>> cut = jaxz.validate.TargetCut(low=(-np.inf, -np.inf), high=(24.0, -1.0))
        >>> cut.keeps(np.array([[23.0, -1.5], [23.0, 0.2], [np.nan, -1.5]]))
        array([ True, False, False])
        >>> cut.describe(["I464", "I464-G"])
        'I464 < 24 and (I464-G) < -1'
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    slope: float = 0.0

    @property
    def nsides(self) -> int:
        """How many sides are closed; a slant counts as one."""
        return int(np.isfinite([*self.low, *self.high]).sum()) + (self.slope != 0)

    def keeps(self, values: np.ndarray) -> np.ndarray:
        """Return which targets are kept, (target,) bool; one without a value (NaN) of what is cut in is not.

        Args:
            values: (target, axis).
        """
        columns = tilted(np.asarray(values, dtype=np.float64), self.slope)
        open_ = np.isneginf(self.low) & np.isposinf(self.high)
        return np.all(open_ | ((columns >= self.low) & (columns < self.high)), axis=1)

    def describe(self, names: Sequence[str]) -> str:
        """Return the cut in words.

        Args:
            names: (axis,) of the quantities.
        """
        written = [f"({name})" if set(name) & set(" -") else name for name in names]
        if self.slope:
            written[1] += f" {'-' if self.slope > 0 else '+'} {abs(self.slope):g} {written[0]}"
        sides = [_sides(*side) for side in zip(self.low, written, self.high, strict=True)]
        return " and ".join(filter(None, sides)) or "every target"


@dataclasses.dataclass(frozen=True)
class CutQuality:
    """What a cut is worth on some targets.

    Args:
        purity: confirmed among the kept, with the 95 % Wilson interval.
        completeness: kept among the confirmed, those without a value included, likewise.
    """

    purity: GoodFraction
    completeness: GoodFraction


def cut_quality(cut: TargetCut, values: np.ndarray, confirmed: np.ndarray) -> CutQuality:
    """Return purity and completeness of a cut on targets that must not be those that it was chosen on.

    Args:
        cut: as of `suggest_cut`.
        values: (target, axis).
        confirmed: (target,) bool.

    Example:
        >>> cut = jaxz.validate.TargetCut(low=(-np.inf,), high=(24.0,))
        >>> values, confirmed = np.array([[23.0], [23.5], [24.5]]), np.array([True, False, True])
        >>> found = jaxz.validate.cut_quality(cut, values, confirmed)
        >>> found.purity.value, found.completeness.value
        (0.5, 0.5)
    """
    kept, confirmed = cut.keeps(values), np.asarray(confirmed, dtype=bool)
    return CutQuality(fraction_of(confirmed[kept]), fraction_of(kept[confirmed]))


def tilted(values: np.ndarray, slope: float) -> np.ndarray:
    """Return (target, axis) values with y - slope·x in place of the second quantity y; one alone as it is."""
    return values if not slope else np.column_stack([values[:, 0], values[:, 1] - slope * values[:, 0]])


def _sides(low: float, name: str, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return ""
    if math.isinf(low):
        return f"{name} < {high:.10g}"
    return f"{low:.10g} ≤ {name}" + ("" if math.isinf(high) else f" < {high:.10g}")
