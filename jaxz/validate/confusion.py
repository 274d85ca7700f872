"""Failures that take one emission line for another, by name."""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from jaxz.validate.metrics import TOLERANCE, is_good

STRONG_LINES = {
    "Lyα": 1215.670,
    "C III]": 1907.709,
    "Mg II": 2799.943,
    "[O II]": 3728.484,
    "Hβ": 4862.683,
    "[O III]": 5008.240,
    "Hα": 6564.614,
}
"""Rest wavelengths (vacuum Å) of the emission lines that may be all that is seen of a galaxy: those of the line list of
`jaxz.io.read_lines`; of a doublet the mean, as its lines are taken for others together."""

UNEXPLAINED = "unexplained"
UNMEASURED = "no redshift"
"""Names of the failures that are no confusion."""


def name_confusions(
    z: np.ndarray, ztrue: np.ndarray, lines: Mapping[str, float] = STRONG_LINES, *, tolerance: float = TOLERANCE
) -> list[str]:
    """Return for each spectrum which line was taken for which other, "" where the redshift is good.

    Line a taken for line b puts the redshift at 1 + z_ab = (1 + ztrue) λ_a / λ_b: it is "a taken for b" if
    |z - z_ab| < tolerance (1 + z_ab), the nearest of the pairs that fit. The name says what would explain the failure,
    not what caused it: of redshifts that are wrong at random, evenly in ln(1+z) for 0 < z < 6.7, one in eight fits one
    of the 42 pairs of `STRONG_LINES`.

    Args:
        z: (spec,) redshifts; NaN is named `UNMEASURED`.
        ztrue: (spec,) true redshifts, finite.
        lines: name and rest wavelength of the lines, at least two.
        tolerance: of the confusions, and of a good redshift.

    Raises:
        ValueError: if there are fewer than two lines.

    Example:
        >>> wrong = 1.5 * 3728.5 / 1215.67 - 1  # [O II] at z = 0.5
        >>> jaxz.validate.name_confusions(np.array([wrong, 0.5]), np.array([0.5, 0.5]))
        ['[O II] taken for Lyα', '']
    """
    if len(lines) < 2:
        raise ValueError(f"a confusion needs two lines, got {list(lines)}")
    pairs = [(a, b) for a in lines for b in lines if a != b]
    ratios = np.array([lines[a] / lines[b] for a, b in pairs])
    names = ["" for _ in z]
    for row in np.flatnonzero(~is_good(z, ztrue, tolerance=tolerance)):
        distance = np.abs((1 + z[row]) / ((1 + ztrue[row]) * ratios) - 1)
        nearest = int(np.argmin(distance))
        if np.isnan(z[row]):
            names[row] = UNMEASURED
        elif distance[nearest] < tolerance:
            names[row] = "{} taken for {}".format(*pairs[nearest])
        else:
            names[row] = UNEXPLAINED
    return names


def confusions(
    z: np.ndarray, ztrue: np.ndarray, lines: Mapping[str, float] = STRONG_LINES, *, tolerance: float = TOLERANCE
) -> dict[str, int]:
    """Return how many failures have each name of `name_confusions`, the most frequent first, unexplained ones last.

    Example:
        >>> jaxz.validate.confusions(np.array([1.5 * 3728.5 / 1215.67 - 1, 0.5]), np.array([0.5, 0.5]))
        {'[O II] taken for Lyα': 1}
    """
    counts = Counter(filter(None, name_confusions(z, ztrue, lines, tolerance=tolerance)))
    rest = {name: counts.pop(name) for name in (UNEXPLAINED, UNMEASURED) if name in counts}
    return dict(counts.most_common()) | rest
