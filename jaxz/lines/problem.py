"""Normal equations of lines and continuum together, and the few parameters that they are not linear in.

The flux of a spectrum less its first continuum is d = Σ f_i L_i(p) + Σ c_j C_j + noise, with the fluxes f of the lines,
changes c of the continuum, and velocities and logarithms of widths p of the families. For given p, f and c follow from
linear equations; p follows by Levenberg and Marquardt from

    χ²(p) = min_{f,c} |d - Lf - Cc|²_ivar + (p - p₀)ᵀ Λ (p - p₀),

whose gradient is that with f and c held, and whose Hessian is the Schur complement of the Jacobian of all parameters
(variable projection in the form of Kaufman 1975, BIT 15, 49). The inverse of the Jacobian's normal matrix is the
covariance of everything: of blended lines, of lines and continuum, of fluxes and widths.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import cho_factor, cho_solve

from jaxz._typing import Array, Bool, Float
from jaxz.kernels import elimination
from jaxz.lines.continuum import inverse, regular
from jaxz.lines.known import FAMILIES, Layout
from jaxz.lines.windows import Windows, profiles

HIGHEST = jax.lax.Precision.HIGHEST
NFAMILY = len(FAMILIES)

STEPS = 10
"""Evaluations of χ²(p)."""

SCALE = 100.0
"""km/s that velocities are measured in, so that all parameters are of order 1."""

VELOCITY = np.array([0.0, 0.0, 0.0, 0.0, -100.0, 200.0, -300.0]) / SCALE
WIDTH = np.log([70.0, 70.0, 70.0, 100.0, 150.0, 150.0, 150.0])
"""What is expected of each family: velocity in `SCALE`, ln σ in km/s."""

_COMMON = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0])
_VELOCITY_SD = np.array([0.3, 0.3, 0.5, 1.5, 1.5, 2.0, 2.0])
_WIDTH_SD = np.array([0.3, 0.3, 0.3, 0.5, 0.5, 0.6, 0.6])
_SHARED = (2.0, 0.6)
"""Of the redshift, whose error all families but Lyα share, and of what they have in common in their widths; the others
are how far each family departs from that. A family without a line that is seen follows those that are."""

LIMITS = np.stack(
    [
        np.concatenate([VELOCITY - 6.0, np.full(NFAMILY, np.log(10.0))]),
        np.concatenate([VELOCITY + 6.0, np.full(NFAMILY, np.log(500.0))]),
    ]
)
"""Least and greatest p."""


def expected() -> tuple[np.ndarray, np.ndarray]:
    """Return p₀ and Λ."""
    blocks = [
        shared**2 * np.outer(_COMMON, _COMMON) + np.diag(np.square(own))
        for shared, own in zip(_SHARED, (_VELOCITY_SD, _WIDTH_SD), strict=True)
    ]
    precision = np.zeros((2 * NFAMILY, 2 * NFAMILY))
    for number, block in enumerate(blocks):
        part = slice(number * NFAMILY, (number + 1) * NFAMILY)
        precision[part, part] = np.linalg.inv(block)
    return np.concatenate([VELOCITY, WIDTH]), precision


class Problem(NamedTuple):
    """What is fitted.

    Attributes:
        windows: of the spectrum, flux less the first continuum.
        lines: all.
        used: (free,) whether a flux is fitted: whether pixels with data hold most of its line.
        gram, rhs: of the continuum's columns, over all pixels.
        const: Σ ivar d².
    """

    windows: Windows
    lines: Layout
    used: Bool[Array, " free"]
    gram: Float[Array, "column column"]
    rhs: Float[Array, " column"]
    const: Float[Array, ""]


class Point(NamedTuple):
    """Where a search is.

    Attributes:
        place: p.
        chi2: with what p₀ asks.
        gradient, hessian: half of those of χ²(p).
    """

    place: Float[Array, " param"]
    chi2: Float[Array, ""]
    gradient: Float[Array, " param"]
    hessian: Float[Array, "param param"]


class Solution(NamedTuple):
    """The fit at one p.

    Attributes:
        point: where it is, and where p should go.
        flux: (free,) of the lines.
        change: of the continuum.
        lower: Cholesky factors of the normal matrices of the groups of fluxes.
        across: (member, group, column + param) products of fluxes with all else, solved with `lower`.
        rest: normal matrix of the continuum and p, the fluxes eliminated.
    """

    point: Point
    flux: Float[Array, " free"]
    change: Float[Array, " column"]
    lower: elimination.Factor
    across: Float[Array, "member group rest"]
    rest: Float[Array, "rest rest"]


def solved(problem: Problem, place: Float[Array, " param"]) -> Solution:
    """Return the best fluxes and continuum at p, and where p should go.

    Fluxes of different groups meet in the continuum and in p alone: group by group they are eliminated first.
    """
    lines, windows = problem.lines, problem.windows
    ncolumn, npart = len(problem.gram), lines.offset.shape[1]
    value, moved, grown = profiles(windows, lines, SCALE * place[:NFAMILY], jnp.exp(place[NFAMILY:]))
    rows = jnp.concatenate([value, SCALE * moved, grown], axis=1)
    weighted = rows * windows.ivar[:, None]
    gram = _product(weighted, jnp.swapaxes(rows, 1, 2))
    across = _product(weighted, jnp.swapaxes(windows.columns, 1, 2))
    rhs = _product(weighted, windows.flux[..., None])[..., 0]

    used = jnp.concatenate([problem.used, jnp.zeros(1, bool)])[lines.flux_of]
    share = jnp.where(used, lines.ratio, 0)
    group, member = lines.group[lines.flux_of], lines.member[lines.flux_of]
    size = (int(lines.member.max()) + 1, int(lines.group.max()) + 1)

    def of_groups(values: Array) -> Array:
        """Return values (blend, part, …) of components as those of fluxes, (member, group, …)."""
        wide = share.reshape(*share.shape, *[1] * (values.ndim - 2))
        return jnp.zeros((*size, *values.shape[2:]), values.dtype).at[member, group].add(values * wide)

    products = gram[:, :npart, :npart] * share[:, :, None] * share[:, None]
    blocks = jnp.zeros((size[0], *size), gram.dtype).at[member[:, :, None], member[:, None], group[:, :, None]]
    lower = elimination.factor(blocks.add(products), prior=0)
    own, wanted = across[:, :npart], rhs[:, :npart]
    linear = _forward(lower, of_groups(jnp.concatenate([own, wanted[..., None]], axis=-1)))
    flat = linear.reshape(-1, ncolumn + 1)
    taken = _product(flat.T, flat)
    left = problem.gram - taken[:-1, :-1]
    change = _solve(left, problem.rhs - taken[:-1, -1])
    amount = _backward(lower, linear[..., -1] - _product(linear[..., :-1], change))
    flux = amount[lines.member, lines.group][:-1]

    each = amount[member, group] * share
    fitted = _product(gram[:, :, :npart], each[..., None])[..., 0] + _product(across, change)
    number = jnp.asarray(np.concatenate([lines.family_of, NFAMILY + lines.family_of], axis=1))
    twice = jnp.concatenate([each, each], axis=1)
    nparam = 2 * NFAMILY

    def of_families(values: Array) -> Array:
        """Return values (blend, 2 part, …) of derivatives as those of p."""
        wide = twice.reshape(*twice.shape, *[1] * (values.ndim - 2))
        return jnp.zeros((nparam, *values.shape[2:]), values.dtype).at[number].add(values * wide)

    bent = gram[:, npart:, npart:] * twice[:, :, None] * twice[:, None]
    corner = jnp.zeros((nparam, nparam), gram.dtype).at[number[:, :, None], number[:, None]].add(bent)
    met = jnp.swapaxes(gram[:, npart:, :npart], 1, 2) * twice[:, None]
    where = jnp.broadcast_to(number[:, None], met.shape)
    met = (
        jnp.zeros((*met.shape[:2], nparam), gram.dtype)
        .at[np.arange(met.shape[0])[:, None, None], np.arange(npart)[None, :, None], where]
        .add(met)
    )
    slid = _forward(lower, of_groups(met)).reshape(-1, nparam)
    start, precision = expected()
    side = of_families(across[:, npart:]).T - _product(flat[:, :-1].T, slid)
    corner = corner + precision - _product(slid.T, slid)
    rest = jnp.block([[left, side], [side.T, corner]])
    away = place - start
    gained = jnp.sum(jnp.square(linear[..., -1])) + jnp.sum(change * (problem.rhs - taken[:-1, -1]))
    chi2 = problem.const - gained + away @ (precision @ away)
    gradient = of_families((rhs - fitted)[:, npart:]) - precision @ away
    # Of what is eliminated first the last rows of a Cholesky factor know nothing more.
    factor, scale = _factored(rest)
    last = factor[ncolumn:, ncolumn:] / scale[ncolumn:, None]
    point = Point(place, chi2, gradient, _product(last, last.T))
    together = jnp.concatenate([flat[:, :-1], slid], axis=1).reshape(*size, -1)
    return Solution(point, flux, change, lower, together, rest)


def _product(a: Array, b: Array) -> Array:
    return jnp.matmul(a, b, precision=HIGHEST)


def _forward(lower: elimination.Factor, rhs: Float[Array, "member group rhs"]) -> Array:
    return jax.vmap(lambda one: jnp.stack(elimination.forward(lower, one)), in_axes=-1, out_axes=-1)(rhs)


def _backward(lower: elimination.Factor, reduced: Float[Array, "member group"]) -> Array:
    return elimination.backward(lower, list(reduced))


def _factored(matrix: Float[Array, "n n"]) -> tuple[Array, Array]:
    """Return the Cholesky factor of a matrix with its diagonal made 1, and what makes it so."""
    scaled, scale = regular(matrix)
    return jnp.linalg.cholesky(scaled), scale


def _solve(matrix: Float[Array, "n n"], rhs: Float[Array, " n"]) -> Float[Array, " n"]:
    factor, scale = _factored(matrix)
    return scale * cho_solve((factor, True), scale * rhs)


class Covariance(NamedTuple):
    """Of everything that is fitted.

    Attributes:
        flux: of the lines.
        across: of the lines with the continuum and p.
        rest: of the changes of the continuum, and p after them.
    """

    flux: Float[Array, "free free"]
    across: Float[Array, "free rest"]
    rest: Float[Array, "rest rest"]


def covariance(problem: Problem, solution: Solution) -> Covariance:
    """Return the inverse of the normal matrix of the Jacobian."""
    lines, lower = problem.lines, solution.lower
    nfree = len(problem.used)
    member, group = lines.member[:nfree], lines.group[:nfree]
    rest = inverse(solution.rest)
    most, ngroup = solution.across.shape[:2]
    unit = jnp.broadcast_to(jnp.eye(most, dtype=rest.dtype)[:, None], (most, ngroup, most))
    backward = jax.vmap(lambda one: _backward(lower, one), in_axes=-1, out_axes=-1)
    alone = backward(_forward(lower, unit))
    same = group[:, None] == group[None]
    flux = jnp.where(same, alone[member[:, None], group[:, None], member[None]], 0)
    slope = backward(solution.across)[member, group]
    across = -_product(slope, rest)
    return Covariance(flux - _product(across, slope.T), across, rest)


def minimise(problem: Problem, start: Float[Array, " param"]) -> Point:
    """Return the fit at the least χ²(p) that Levenberg and Marquardt's steps lead to."""
    low, high = LIMITS

    def step(_: Array, state: tuple[Point, Array]) -> tuple[Point, Array]:
        best, damping = state
        power = jnp.diagonal(best.hessian)
        bent = best.hessian + jnp.diag(damping * power)
        there = jnp.clip(best.place + cho_solve(cho_factor(bent), best.gradient), low, high)
        tried = solved(problem, there).point
        better = tried.chi2 < best.chi2
        kept = jax.tree.map(lambda new, old: jnp.where(better, new, old), tried, best)
        return kept, jnp.clip(jnp.where(better, damping / 10, damping * 10), 1e-6, 1e6)

    # The first step is to the start, which is better than nothing.
    damping = jnp.asarray(1e-3, start.dtype)
    return jax.lax.fori_loop(0, STEPS, step, (nowhere(start), damping))[0]


def nowhere(start: Float[Array, " param"]) -> Point:
    """Return a point at p that is worse than any."""
    worst = jnp.asarray(jnp.inf, start.dtype)
    return Point(start, worst, jnp.zeros_like(start), jnp.eye(len(start), dtype=start.dtype))
