"""The spectral lines of galaxies, and how a fit takes them together: families, ties, blends."""

import csv
import functools
from importlib import resources
from typing import NamedTuple

import numpy as np

from jaxz.summary import LIGHT_SPEED as LIGHT_SPEED

FWHM_TO_SIGMA = 1 / 2.3548

FAMILIES = ("recombination", "forbidden", "ultraviolet", "resonant", "interstellar", "Lyα", "Lyα blue")
"""Lines of one velocity and one width: hydrogen and helium in the optical; forbidden lines; semi-forbidden and
fluorescent ones and He II in the ultraviolet; resonance lines that may be in emission; absorption by gas in front of
the stars; Lyα, and a second peak of it blueward of the first."""

LYA, BLUE = FAMILIES[-2:]

TAIL = (1.3, 1.8)
"""The red wing of Lyα is a second Gaussian, whose velocity is higher by so many widths of the first, and whose width is
so many times that. What share of the flux it has makes the line more or less skewed."""

APART = 1500.0
"""km/s; lines that are closer share their pixels in a fit, others are taken not to overlap."""


class Line(NamedTuple):
    """A spectral line.

    Attributes:
        name: of the line.
        wave: rest-frame vacuum Å.
        kind: "emission", "absorption" or "both".
        family: one of `FAMILIES`, or "" for what a fit leaves to the continuum: lines of stars, and means of doublets.
        tied: name of a line of the same upper level, or "".
        ratio: flux as a share of that of the line that it is tied to; 1 if there is none.
        labelled: whether figures name it.
    """

    name: str
    wave: float
    kind: str
    family: str
    tied: str
    ratio: float
    labelled: bool


@functools.cache
def known_lines() -> tuple[Line, ...]:
    """Return all lines, by wavelength."""
    with (resources.files("jaxz") / "data" / "lines.ecsv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(row for row in stream if not row.startswith("#")))
    word = lambda text: "" if text == "none" else text  # noqa: E731
    return tuple(
        Line(
            name=row["name"],
            wave=float(row["wave"]),
            kind=row["kind"],
            family=word(row["family"]),
            tied=word(row["tied"]),
            ratio=float(row["ratio"]),
            labelled=row["labelled"] == "True",
        )
        for row in rows
    )


class Layout(NamedTuple):
    """The lines of a fit as arrays: blends of Gaussian components that share their pixels.

    A component is a line, or the red wing or the blue peak of Lyα; blends with fewer components than others are filled
    up with some that have no flux. `free` are the fluxes that are fitted, one for each line that is not tied.

    Attributes:
        name, kind, family: (line,) of each line that is reported, the blue peak of Lyα last; family as a number.
        wave: (line,) rest-frame vacuum Å.
        slot: (line,) its component, as the number of its place in arrays (blend, part).
        of_free: (line, free) what the flux of each is made of.
        group, member: (free + 1,) groups of fluxes that share pixels, and the number of each flux in its group; the
            last, of components without flux, is in a group of its own.
        centre: (blend,) rest-frame vacuum Å of the middle of each.
        reach: (blend,) km/s from there to its outermost line.
        offset: (blend, part) velocity of the components from the middle, km/s.
        flux_of: (blend, part) number of the free flux of each, one past the last for none.
        ratio: (blend, part) its share of that.
        family_of: (blend, part) of each.
        shift, stretch: (blend, part) velocity in units of the width, and width in that of the family.
    """

    name: tuple[str, ...]
    kind: np.ndarray
    family: np.ndarray
    wave: np.ndarray
    slot: np.ndarray
    of_free: np.ndarray
    group: np.ndarray
    member: np.ndarray
    centre: np.ndarray
    reach: np.ndarray
    offset: np.ndarray
    flux_of: np.ndarray
    ratio: np.ndarray
    family_of: np.ndarray
    shift: np.ndarray
    stretch: np.ndarray


class _Component(NamedTuple):
    line: int
    wave: float
    flux_of: int
    ratio: float
    family: int
    shift: float = 0.0
    stretch: float = 1.0


@functools.cache
def layout() -> Layout:
    """Return all lines that are fitted."""
    lines = [line for line in known_lines() if line.family]
    names = [line.name for line in lines]
    untied = [line.name for line in lines if not line.tied]
    free = {name: number for number, name in enumerate(untied)}
    wing, blue = len(free), len(free) + 1
    of_free = np.zeros((len(lines) + 1, len(free) + 2))
    of_free[-1, blue] = 1.0
    components = []
    for row, line in enumerate(lines):
        own, family = free[line.tied or line.name], FAMILIES.index(line.family)
        of_free[row, own] = line.ratio
        components.append(_Component(row, line.wave, own, line.ratio, family))
        if line.name == LYA:
            of_free[row, [wing, blue]] = 1.0
            components.append(_Component(-1, line.wave, wing, 1.0, family, *TAIL))
            components.append(_Component(len(lines), line.wave, blue, 1.0, FAMILIES.index(BLUE)))
    blends: list[list[_Component]] = []
    for one in components:
        if blends and _velocity(one.wave, blends[-1][-1].wave) < APART:
            blends[-1].append(one)
        else:
            blends.append([one])
    centre = np.array([np.sqrt(blend[0].wave * blend[-1].wave) for blend in blends])
    most = max(map(len, blends))
    nothing = [blend + [_Component(-1, blend[0].wave, blue + 1, 0.0, 0)] * (most - len(blend)) for blend in blends]
    line_of, wave, flux_of, ratio, family, shift, stretch = (
        np.array([[one[field] for one in blend] for blend in nothing]) for field in range(len(_Component._fields))
    )
    group, member = _groups(flux_of.astype(int), blue + 1)
    return Layout(
        name=(*names, BLUE),
        kind=np.array([line.kind for line in lines] + ["emission"]),
        family=np.array([FAMILIES.index(line.family) for line in lines] + [FAMILIES.index(BLUE)]),
        wave=np.array([line.wave for line in lines] + [lines[names.index(LYA)].wave]),
        slot=np.array([np.flatnonzero(line_of == row)[0] for row in range(len(lines) + 1)]),
        of_free=of_free,
        group=group,
        member=member,
        centre=centre,
        reach=np.array([_velocity(blend[-1].wave, blend[0].wave) / 2 for blend in blends]),
        offset=_velocity(wave, centre[:, None]),
        flux_of=flux_of,
        ratio=ratio,
        family_of=family,
        shift=shift,
        stretch=stretch,
    )


def _groups(flux_of: np.ndarray, nothing: int) -> tuple[np.ndarray, np.ndarray]:
    """Return group and number in it of each flux; fluxes are in one group if they meet in a blend."""
    group = np.arange(nothing + 1)
    for blend in flux_of:
        met = group[blend[blend != nothing]]
        group[np.isin(group, met)] = met.min()
    _, group = np.unique(group, return_inverse=True)
    return group, np.array([np.count_nonzero(group[:number] == own) for number, own in enumerate(group)])


def _velocity(wave: float | np.ndarray, rest: float | np.ndarray) -> np.ndarray:
    """Return c ln(λ/λ_rest), km/s: what a velocity is in all of this folder."""
    return np.asarray(LIGHT_SPEED * np.log(np.divide(wave, rest)))
