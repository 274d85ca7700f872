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
from jaxz.lines.continuum import regular
from jaxz.lines.known import FAMILIES, Layout
from jaxz.lines.windows import Windows, profiles

HIGHEST = jax.lax.Precision.HIGHEST
NFAMILY = len(FAMILIES)

STEPS = 12
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
    """The fit at one p.

    Attributes:
        place: p.
        chi2: with what p₀ asks.
        gradient, hessian: half of those of χ²(p).
        coeff: (free + column,) fluxes and changes of the continuum.
        whole: normal matrix of the Jacobian of coeff and p.
    """

    place: Float[Array, " param"]
    chi2: Float[Array, ""]
    gradient: Float[Array, " param"]
    hessian: Float[Array, "param param"]
    coeff: Float[Array, " linear"]
    whole: Float[Array, "all all"]


def evaluate(problem: Problem, place: Float[Array, " param"]) -> Point:
    """Return the best fluxes and continuum at p, and where p should go."""
    lines, windows = problem.lines, problem.windows
    nfree, npart = len(problem.used), lines.offset.shape[1]
    velocity, width = SCALE * place[:NFAMILY], jnp.exp(place[NFAMILY:])
    value, moved, grown = profiles(windows, lines, velocity, width)
    rows = jnp.concatenate([value, SCALE * moved, grown], axis=1)
    weighted = rows * windows.ivar[:, None]
    product = lambda a, b: jnp.matmul(a, b, precision=HIGHEST)  # noqa: E731
    gram = product(weighted, jnp.swapaxes(rows, 1, 2))
    across = product(weighted, jnp.swapaxes(windows.columns, 1, 2))
    rhs = product(weighted, windows.flux[..., None])[..., 0]

    # One past the last is where components without flux end up.
    used = jnp.concatenate([problem.used, jnp.zeros(1, bool)])
    flux_of = jnp.where(used[lines.flux_of], lines.flux_of, nfree)
    share = jnp.where(used[lines.flux_of], lines.ratio, 0)
    linear = _summed(gram[:, :npart, :npart], across[:, :npart], flux_of, share, nfree)
    linear = jnp.block([[linear[0], linear[1]], [linear[1].T, problem.gram]])
    wanted = jnp.zeros(nfree + 1, rhs.dtype).at[flux_of].add(share * rhs[:, :npart])[:nfree]
    wanted = jnp.concatenate([wanted, problem.rhs])
    factor, scale = _factored(linear)
    coeff = _solve(factor, scale, wanted)

    flux = jnp.concatenate([coeff[:nfree], jnp.zeros(1, coeff.dtype)])[flux_of] * share
    shares = jnp.concatenate([share, flux, flux], axis=1)
    fitted = product(gram[:, :, :npart], flux[..., None])[..., 0] + product(across, coeff[nfree:])
    slope = flux_both(flux) * (rhs - fitted)[:, npart:]
    family = lines.family_of
    number = jnp.concatenate([family, NFAMILY + family], axis=1)
    gradient = jnp.zeros(2 * NFAMILY, slope.dtype).at[number].add(slope)
    # Fluxes, parameters, and the place of those without flux.
    index = jnp.concatenate([jnp.where(flux_of == nfree, nfree + 2 * NFAMILY, flux_of), nfree + number], axis=1)
    of_lines, sides = _summed(gram, across, index, shares, nfree + 2 * NFAMILY)
    side = jnp.concatenate([of_lines[:nfree, nfree:], sides[nfree:].T])
    start, precision = expected()
    corner = of_lines[nfree:, nfree:] + precision
    away = place - start
    whole = jnp.block([[linear, side], [side.T, corner]])
    # Of what is eliminated first the last rows of a Cholesky factor know nothing more.
    factor, scale = _factored(whole)
    corner = factor[len(coeff) :, len(coeff) :] / scale[len(coeff) :, None]
    chi2 = problem.const - jnp.sum(coeff * wanted) + away @ (precision @ away)
    return Point(place, chi2, gradient - precision @ away, product(corner, corner.T), coeff, whole)


def flux_both(flux: Float[Array, "blend part"]) -> Float[Array, "blend part2"]:
    """Return fluxes twice, for both derivatives of each component."""
    return jnp.concatenate([flux, flux], axis=1)


def _summed(gram: Array, across: Array, index: Array, share: Array, size: int) -> tuple[Array, Array]:
    """Return products of blends' rows as those of `size` parameters: of each with each, and with the continuum."""
    products = gram * share[:, :, None] * share[:, None]
    whole = jnp.zeros((size + 1, size + 1), gram.dtype).at[index[:, :, None], index[:, None]].add(products)
    sides = jnp.zeros((size + 1, across.shape[-1]), gram.dtype).at[index].add(across * share[..., None])
    return whole[:size, :size], sides[:size]


def _factored(matrix: Float[Array, "n n"]) -> tuple[Array, Array]:
    """Return the Cholesky factor of a matrix with its diagonal made 1, and what makes it so."""
    power = jnp.diagonal(matrix)
    scale = jax.lax.rsqrt(jnp.where(power > 0, power, 1))
    return jnp.linalg.cholesky(regular(matrix * scale[:, None] * scale[None])), scale


def _solve(factor: Array, scale: Array, rhs: Array) -> Array:
    wide = scale if rhs.ndim == 1 else scale[:, None]
    return wide * cho_solve((factor, True), wide * rhs)


def covariance(point: Point) -> Float[Array, "all all"]:
    """Return the covariance of fluxes, changes of the continuum and p; 1 for a flux that is not fitted."""
    factor, scale = _factored(point.whole)
    return _solve(factor, scale, jnp.eye(len(scale), dtype=scale.dtype))


def minimise(problem: Problem, start: Float[Array, " param"]) -> Point:
    """Return the fit at the least χ²(p) that Levenberg and Marquardt's steps lead to."""
    low, high = LIMITS

    def step(_: Array, state: tuple[Point, Array]) -> tuple[Point, Array]:
        best, damping = state
        power = jnp.diagonal(best.hessian)
        bent = best.hessian + jnp.diag(damping * power)
        there = jnp.clip(best.place + cho_solve(cho_factor(bent), best.gradient), low, high)
        tried = evaluate(problem, there)
        better = tried.chi2 < best.chi2
        kept = jax.tree.map(lambda new, old: jnp.where(better, new, old), tried, best)
        return kept, jnp.clip(jnp.where(better, damping / 10, damping * 10), 1e-6, 1e6)

    # The first step is to the start, which is better than nothing.
    shapes = jax.eval_shape(lambda place: evaluate(problem, place), start)
    nothing = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    unit = jnp.eye(len(start), dtype=start.dtype)
    nothing = nothing._replace(place=start, chi2=jnp.full_like(nothing.chi2, jnp.inf), hessian=unit)
    return jax.lax.fori_loop(0, STEPS, step, (nothing, jnp.asarray(1e-3, start.dtype)))[0]


__all__ = ["Point", "Problem", "covariance", "evaluate", "expected", "minimise"]
