"""Spectra and their redshifts → the lines in them, on their continua."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Bool, Device, Float
from jaxz.arguments import check_types
from jaxz.kernels import resample
from jaxz.lines.continuum import FEW, first_fit, misfit
from jaxz.lines.known import BLUE, FAMILIES, FWHM_TO_SIGMA, LIGHT_SPEED, LYA, layout
from jaxz.lines.problem import (
    NFAMILY,
    SCALE,
    Point,
    Problem,
    Solution,
    covariance,
    expected,
    minimise,
    nowhere,
    solved,
)
from jaxz.lines.windows import MARGIN, Windows, around, places, profiles, window_size
from jaxz.models.basis import Basis
from jaxz.pixels import Pixels, layout as pixel_layout, native
from jaxz.run import Progress, run
from jaxz.spectra import LogGrid, Spectra

OF_LYA = [FAMILIES.index(family) for family in (LYA, BLUE)]

COVERED = 0.7
"""Share of a line that pixels with data must hold for its flux to be fitted."""

MASKED = 500.0
"""km/s from a line in which pixels do not count for the first fit of the continuum; thrice that beside Lyα."""

TWO_PEAKS = 20.0
"""χ² that a second peak of Lyα must gain with its three parameters."""

BLUE_TRIED, BLUE_WIDTH = np.arange(-850.0, -50.0, 100.0), 100.0
"""Velocities at which it is looked for first, and its width there, km/s."""

REDWARD = 1500.0
"""km/s from Lyα at which its continuum is taken, away from what gas absorbs."""

SIGNIFICANT = 3.0
"""S/N from which a line counts as detected [M, §2]."""


class LineFits(eqx.Module):
    """Lines and continua of spectra; all NumPy, float64.

    NaN stands for a line outside the good pixels of a spectrum, and for all of a spectrum that could not be fitted.
    Fluxes are in the unit of the spectrum times Å, as observed; absorption is negative. Errors are of 1 σ and hold what
    the blends, the continuum, velocities and widths add; where the continuum leaves more around lines than ivar says,
    that is taken to be the noise. In a family all lines have one velocity and one width.

    Args:
        ids: names of the spectra.
        names, kind: (line,) of the lines; kind is "emission", "absorption" or "both".
        wave: (line,) rest wavelengths, vacuum Å.
        family: (line,) of each.
        z: (spec,) redshifts that were given.
        flux, fluxerr: (spec, line); of Lyα that of both peaks.
        ew, ewerr: (spec, line) equivalent widths in the rest frame, Å, positive in emission; NaN on a continuum that is
            not positive.
        velocity, velocityerr: (spec, line) km/s, c ln(λ/λ_z).
        width, widtherr: (spec, line) σ in km/s, without what the instrument adds.
        level, levelerr: (spec, line) continuum at the line, of Lyα 1500 km/s redward of it.
        continuum, lines: (spec, pix) flux of both in native pixels; NaN where a spectrum has no data.
        continuum_snr: (spec,) median over pixels of the continuum over the noise.
        chi2: (spec,) of the fit.
        npixels: (spec,) good pixels.

    Example:
        >>> wave = np.arange(6000.0, 7000.0)
        >>> flux = 1 + 20 * np.exp(-0.5 * ((wave - 6564.614) / 3) ** 2) / (3 * np.sqrt(2 * np.pi))
        >>> spectra = jaxz.Spectra(wave, flux, np.full(1000, 1e4))
        >>> fits = jaxz.fit_lines(spectra, np.zeros(1), jaxz.load_basis("continuum"))
        >>> [fits.names[line] for line in np.flatnonzero(fits.snr[0] > 50)]
        ['Hα']
    """

    ids: tuple[str, ...] = eqx.field(static=True)
    names: tuple[str, ...] = eqx.field(static=True)
    kind: tuple[str, ...] = eqx.field(static=True)
    family: tuple[str, ...] = eqx.field(static=True)
    wave: np.ndarray
    z: np.ndarray
    flux: np.ndarray
    fluxerr: np.ndarray
    ew: np.ndarray
    ewerr: np.ndarray
    velocity: np.ndarray
    velocityerr: np.ndarray
    width: np.ndarray
    widtherr: np.ndarray
    level: np.ndarray
    levelerr: np.ndarray
    continuum: np.ndarray
    lines: np.ndarray
    continuum_snr: np.ndarray
    chi2: np.ndarray
    npixels: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def model(self) -> np.ndarray:
        """(spec, pix) flux of continuum and lines, 0 where it would be negative; NaN without data."""
        return np.maximum(self.continuum + self.lines, 0)

    @property
    def snr(self) -> np.ndarray:
        """(spec, line) flux over its error."""
        return self.flux / self.fluxerr

    @property
    def detected(self) -> np.ndarray:
        """(spec, line) bool, S/N above 3, in emission or absorption as the line is; the blue peak is part of Lyα."""
        sign = np.array([{"emission": 1.0, "absorption": -1.0, "both": np.nan}[kind] for kind in self.kind])
        snr = np.where(np.isnan(sign), np.abs(self.snr), sign * self.snr)
        return (np.nan_to_num(snr) > SIGNIFICANT) & (np.array(self.names) != BLUE)

    @property
    def total_snr(self) -> np.ndarray:
        """(spec,) S/N of all lines together: √Σ S/N² of those that are detected [M, §2]."""
        total = np.sqrt(np.sum(np.square(self.snr), axis=1, where=self.detected))
        return np.where(np.isfinite(self.chi2), total, np.nan)


def fit_lines(
    spectra: Spectra,
    z: np.ndarray,
    continuum: Basis,
    *,
    lsf: Callable[[np.ndarray], np.ndarray] | None = None,
    batch_size: int = 64,
    devices: Sequence[Device] | None = None,
    progress: Progress | None = None,
) -> LineFits:
    """Return the lines of each spectrum at its redshift, and the continuum below them.

    The continuum is a non-negative sum of vectors of stars and a polynomial of order 10. Lines (`known_lines`) are
    Gaussians integrated over pixels, those of a family with one velocity and width; lines of one upper level have the
    ratio of their transition probabilities. Lyα has a red wing, and a blue peak where χ² wants it. Fluxes are free to
    be negative, so that those of lines that are not there scatter about 0. Velocities and widths are drawn towards what
    galaxies have (see `jaxz.lines.problem`), which matters where lines are faint: redshifts may be off by some
    200 km/s, and Lyα is expected at 200 km/s. All is fitted at once, so that errors know of each other.

    As by Bacon et al. 2023, A&A 670, A4, sec. 5.4 (pyPlatefit), whose columns `jaxz.io` writes.

    Args:
        spectra: what was measured.
        z: (spec,) redshifts; where it is NaN nothing is fitted.
        continuum: non-negative vectors without lines of gas: ``jaxz.load_basis("continuum")``.
        lsf: FWHM of the instrument's line-spread function (Å) at observed wavelengths (vacuum Å), where there is no
            resolution matrix; if None, widths are as observed.
        batch_size: spectra on a device at a time. The answer does not depend on it.
        devices: that share the work; all that JAX shows if absent.
        progress: told after each batch.

    Raises:
        ValueError: if `z` has the wrong length, or `continuum` has negative values.

    Example:
        >>> import numpy as np, jaxz
        >>> wave = np.arange(6000.0, 7000.0)
        >>> flux = 1 + 20 * np.exp(-0.5 * ((wave - 6564.614) / 3) ** 2) / (3 * np.sqrt(2 * np.pi))
        >>> spectra = jaxz.Spectra(wave, flux, np.full(1000, 1e4))
        >>> fits = jaxz.fit_lines(spectra, np.zeros(1), jaxz.load_basis("continuum"))
        >>> line = fits.names.index("Hα")
        >>> print(f"{fits.flux[0, line]:.1f}")
        20.0
    """
    check_types("fit_lines(spectra, z, continuum)", spectra=(spectra, Spectra), continuum=(continuum, Basis))
    if not isinstance(z, (np.ndarray, Sequence, jax.Array)):
        raise TypeError(f"fit_lines(spectra, z, continuum): z must be redshifts, is {type(z).__name__}: give best.z")
    z = np.asarray(z, dtype=np.float64)
    if z.shape != (len(spectra),):
        raise ValueError(f"z has shape {z.shape}: give one redshift for each spectrum, ({len(spectra)},)")
    if continuum.method != "NMF":
        raise ValueError(f"continuum {continuum.name!r} has negative values: give one like load_basis('continuum')")
    known, step = layout(), continuum.grid.step
    rows = np.flatnonzero(np.isfinite(z) & (z > -1) & (spectra.npixels > 1))
    observed = _waves(z)
    sigma = np.zeros_like(observed) if lsf is None else LIGHT_SPEED * FWHM_TO_SIGMA * lsf(observed) / observed
    with jax.enable_x64(True):
        integral = resample.cumulative(jnp.asarray(np.asarray(continuum.vectors), jnp.float64))
    size = window_size(spectra.wave[rows] if len(rows) else spectra.wave, known.reach)
    task = _Fit(integral, continuum.grid, size)
    options = {"batch_size": batch_size, "devices": devices, "progress": progress}
    found: _Found = run(task, spectra, rows, (z, sigma), step=step, parts=None, **options)
    parts = found._asdict()
    where = pixel_layout(spectra, step)
    for name in ("continuum", "lines"):
        parts[name] = native(parts[name], rows, where, spectra.flux.shape[1])
    continuum_snr = np.full(len(spectra), np.nan)
    for row in rows:
        good = spectra.ivar[row] > 0
        continuum_snr[row] = np.median(parts["continuum"][row, good] * np.sqrt(spectra.ivar[row, good]))
    return LineFits(
        ids=spectra.ids,
        names=known.name,
        kind=tuple(known.kind.tolist()),
        family=tuple(FAMILIES[number] for number in known.family),
        wave=known.wave,
        z=z,
        npixels=spectra.npixels,
        continuum_snr=continuum_snr,
        **parts,
    )


def _waves(z: np.ndarray) -> np.ndarray:
    """Return observed wavelengths of the components of all blends, (spec, blend, part) Å; of z = 0 where it is NaN."""
    known = layout()
    rest = known.centre[:, None] * np.exp(known.offset / LIGHT_SPEED)
    return (1 + np.nan_to_num(z))[:, None, None] * rest


class _Found(NamedTuple):
    """The arrays of `LineFits` that are fitted, of one spectrum."""

    flux: Array | np.ndarray
    fluxerr: Array | np.ndarray
    ew: Array | np.ndarray
    ewerr: Array | np.ndarray
    velocity: Array | np.ndarray
    velocityerr: Array | np.ndarray
    width: Array | np.ndarray
    widtherr: Array | np.ndarray
    level: Array | np.ndarray
    levelerr: Array | np.ndarray
    continuum: Array | np.ndarray
    lines: Array | np.ndarray
    chi2: Array | np.ndarray


class _Fit(eqx.Module):
    """The task (spectrum, z, σ of the line-spread function at each component) → `_Found`."""

    integral: Float[Array, "basis edge"]
    grid: LogGrid = eqx.field(static=True)
    size: int = eqx.field(static=True)

    def __call__(self, serial: bool, pixels: Pixels, z: Float[Array, ""], lsf: Float[Array, "blend part"]) -> _Found:
        """Return it for one spectrum."""
        known, step = layout(), self.grid.step
        masked = outside_lines(pixels, z, step)
        first = first_fit(pixels, self.integral, self.grid, z, masked)
        begun = jnp.matmul(first.coeff, first.columns, precision=jax.lax.Precision.HIGHEST)
        left = pixels._replace(flux=jnp.where(pixels.ivar > 0, pixels.flux - begun, 0))
        left = left._replace(ivar=left.ivar / misfit(left, masked, step))
        windows = around(left, first.columns, known, lsf, z, size=self.size, step=step)
        seen = coverage(windows) >= COVERED
        used = jnp.zeros(known.of_free.shape[1] + 1, bool).at[known.flux_of].max(seen & (known.ratio > 0))[:-1]
        weighted = first.columns * left.ivar[None]
        product = lambda a, b: jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)  # noqa: E731
        gram, rhs = product(weighted, first.columns.T), product(weighted, left.flux)
        const = jnp.sum(left.ivar * jnp.square(left.flux))
        problem = Problem(windows, known, used, gram, rhs, const)
        point, used = best_of_peaks(problem)
        problem = problem._replace(used=used)
        left = left._replace(ivar=pixels.ivar)
        return self._reported(left, z, first.columns, begun, problem, solved(problem, point.place), seen)

    def _reported(
        self,
        pixels: Pixels,
        z: Array,
        columns: Array,
        begun: Array,
        problem: Problem,
        solution: Solution,
        seen: Bool[Array, "blend part"],
    ) -> _Found:
        known, point, change = problem.lines, solution.point, solution.change
        every, ncolumn = covariance(problem, solution), len(solution.change)
        product = lambda a, b: jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)  # noqa: E731
        of_free = jnp.where(problem.used[None], known.of_free, 0)
        flux = product(of_free, solution.flux)
        lya = lya_misfit(problem, solution)
        variance = jnp.where(np.isin(known.family, OF_LYA), lya, 1) * jnp.sum(
            product(of_free, every.flux) * of_free, axis=1
        )
        there = seen.reshape(-1)[known.slot] & jnp.any(of_free > 0, axis=1)

        redward = np.exp(np.where(np.isin(known.name, (LYA, BLUE)), REDWARD, 0.0) / LIGHT_SPEED)
        place = places(pixels, known.wave * redward, z, self.grid.step)
        pixel = jnp.clip(jnp.searchsorted(pixels.edges, place) - 1, 0, len(begun) - 1)
        at_lines = columns[:, pixel].T
        level = begun[pixel] + product(at_lines, change)
        level_variance = jnp.sum(product(at_lines, every.rest[:ncolumn, :ncolumn]) * at_lines, axis=1)
        both = jnp.sum(product(of_free, every.across[:, :ncolumn]) * at_lines, axis=1)
        positive = level > 0
        safe = jnp.where(positive, level, 1)
        ew = flux / safe / (1 + z)
        relative = variance - 2 * both * flux / safe + level_variance * jnp.square(flux / safe)
        ewerr = jnp.sqrt(jnp.maximum(relative, 0)) / safe / (1 + z)

        worse = jnp.where(np.isin(np.arange(NFAMILY), OF_LYA), lya, 1)
        error = jnp.sqrt(jnp.concatenate([worse, worse]) * jnp.diagonal(every.rest)[ncolumn:])
        velocity, width = SCALE * point.place[:NFAMILY], jnp.exp(point.place[NFAMILY:])
        of_family = lambda values: jnp.where(there, values[known.family], jnp.nan)  # noqa: E731
        of_line = lambda values, right: jnp.where(right, values, jnp.nan)  # noqa: E731
        changed = product(change, columns)
        lines = lines_flux(problem, solution, len(begun))
        return _Found(
            flux=of_line(flux, there),
            fluxerr=of_line(jnp.sqrt(variance), there),
            ew=of_line(ew, there & positive),
            ewerr=of_line(ewerr, there & positive),
            velocity=of_family(velocity),
            velocityerr=of_family(SCALE * error[:NFAMILY]),
            width=of_family(width),
            widtherr=of_family(width * error[NFAMILY:]),
            level=of_line(level, there),
            levelerr=of_line(jnp.sqrt(level_variance), there),
            continuum=begun + changed,
            lines=lines,
            chi2=jnp.sum(pixels.ivar * jnp.square(pixels.flux - changed - lines)),
        )


def outside_lines(pixels: Pixels, z: Float[Array, ""], step: float) -> Float[Array, " pix"]:
    """Return 0 in pixels near a line, 1 in others."""
    known = layout()
    half = np.where(known.family == FAMILIES.index(LYA), 3 * MASKED, MASKED) / (LIGHT_SPEED * np.log(10) * step)
    place = places(pixels, known.wave, z, step)
    begin = jnp.searchsorted(pixels.edges, place - half) - 1
    end = jnp.searchsorted(pixels.edges, place + half)
    npix = pixels.flux.shape[0]
    change = jnp.zeros(npix + 1, jnp.int32).at[jnp.clip(begin, 0, npix)].add(1).at[jnp.clip(end, 0, npix)].add(-1)
    return jnp.where(jnp.cumsum(change)[:npix] > 0, 0.0, 1.0)


def coverage(windows: Windows) -> Float[Array, "blend part"]:
    """Return the share of each component that lies in pixels with data, as it is expected to be."""
    width = jnp.exp(jnp.asarray(expected()[0][NFAMILY:]))
    value, _, _ = profiles(windows, layout(), jnp.zeros_like(width), width)
    good = (windows.ivar > 0).astype(value.dtype)
    return jnp.sum(value * (good * windows.width)[:, None], axis=-1)


def best_of_peaks(problem: Problem) -> tuple[Point, Bool[Array, " free"]]:
    """Return the fit, with a second peak of Lyα where that is better, and the fluxes that are in it."""
    blue = np.arange(len(problem.used)) == len(problem.used) - 1
    start = first_guess(problem)

    def fitted(peak: Array, best: tuple[Point, Bool[Array, " free"]]) -> tuple[Point, Bool[Array, " free"]]:
        used = problem.used & ((peak > 0) | ~blue)
        begin = jax.lax.cond(peak > 0, lambda: blue_guess(problem._replace(used=best[1]), best[0].place), lambda: start)
        point = minimise(problem._replace(used=used), begin)
        shines = solved(problem._replace(used=used), point.place).flux[-1] > 0
        better = (point.chi2 < best[0].chi2 - TWO_PEAKS) & (shines | (peak == 0))
        return jax.tree.map(lambda new, old: jnp.where(better, new, old), (point, used), best)

    return jax.lax.fori_loop(0, 1 + problem.used[-1].astype(jnp.int32), fitted, (nowhere(start), problem.used))


def first_guess(problem: Problem) -> Float[Array, " param"]:
    """Return p with the velocities at which a filter gains most, of those that families share and of Lyα."""
    known, windows, start = problem.lines, problem.windows, jnp.asarray(expected()[0])
    used = jnp.concatenate([problem.used, jnp.zeros(1, bool)])[known.flux_of] & (known.ratio > 0)
    steps = jnp.arange(-3.0, 4.0)
    shared = known.family_of < FAMILIES.index(LYA)

    def gain(step: Float[Array, ""]) -> Float[Array, "2"]:
        value, _, _ = profiles(windows, known, SCALE * (start[:NFAMILY] + step), jnp.exp(start[NFAMILY:]))
        weighted = value * windows.ivar[:, None]
        power = jnp.sum(weighted * value, axis=-1)
        match = jnp.sum(weighted * windows.flux[:, None], axis=-1)
        gained = jnp.where(used & (match > 0), jnp.square(match) / jnp.where(power > 0, power, 1), 0)
        return jnp.stack([jnp.sum(jnp.where(shared, gained, 0)), jnp.sum(jnp.where(shared, 0, gained))])

    gains = jax.lax.map(gain, steps) - jnp.square(steps / 2)[:, None]
    moved = steps[jnp.argmax(gains, axis=0)]
    velocity = start[:NFAMILY] + jnp.where(np.arange(NFAMILY) < FAMILIES.index(LYA), moved[0], moved[1])
    return jnp.concatenate([velocity, start[NFAMILY:]])


def blue_guess(problem: Problem, place: Float[Array, " param"]) -> Float[Array, " param"]:
    """Return p of a fit without the blue peak of Lyα, with that where a filter gains most of what the fit leaves."""
    near, left = around_lya(problem, solved(problem, place))
    part = int(near.lines.slot[near.lines.name.index(BLUE)]) % near.lines.offset.shape[1]
    ivar, family = near.windows.ivar[0], FAMILIES.index(BLUE)
    velocity, width = SCALE * place[:NFAMILY], jnp.exp(place[NFAMILY:]).at[family].set(BLUE_WIDTH)

    def gain(tried: Float[Array, ""]) -> Float[Array, ""]:
        peak = profiles(near.windows, near.lines, velocity.at[family].set(tried), width)[0][0, part]
        power, match = jnp.sum(ivar * peak * peak), jnp.sum(ivar * peak * left)
        return jnp.where(match > 0, jnp.square(match) / jnp.where(power > 0, power, 1), 0)

    tried = jnp.asarray(BLUE_TRIED)
    best = tried[jnp.argmax(jax.lax.map(gain, tried))]
    return place.at[family].set(best / SCALE).at[NFAMILY + family].set(np.log(BLUE_WIDTH))


def around_lya(problem: Problem, solution: Solution) -> tuple[Problem, Float[Array, " win"]]:
    """Return the problem with no blend but that of Lyα, and what a fit leaves of the flux in its window."""
    known, place = problem.lines, solution.point.place
    blend = int(known.slot[known.name.index(LYA)]) // known.offset.shape[1]
    one = slice(blend, blend + 1)
    of_blend = ("reach", "offset", "flux_of", "ratio", "family_of", "shift", "stretch")
    lines = known._replace(**{name: getattr(known, name)[one] for name in of_blend})
    windows = jax.tree.map(lambda values: values[one], problem.windows)
    value, _, _ = profiles(windows, lines, SCALE * place[:NFAMILY], jnp.exp(place[NFAMILY:]))
    free = jnp.where(problem.used, solution.flux, 0)
    flux = jnp.concatenate([free, jnp.zeros(1, free.dtype)])[lines.flux_of[0]] * lines.ratio[0]
    product = lambda a, b: jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)  # noqa: E731
    left = windows.flux[0] - product(flux, value[0]) - product(solution.change, windows.columns[0])
    return problem._replace(lines=lines, windows=windows), left


def lya_misfit(problem: Problem, solution: Solution) -> Float[Array, ""]:
    """Return by how much what a fit leaves of Lyα exceeds the noise, as variance; 1 at least.

    Of all lines it alone has shapes that two or three Gaussians do not have.
    """
    near, left = around_lya(problem, solution)
    place = (near.windows.edges[0, 1:] + near.windows.edges[0, :-1]) / 2 - near.lines.offset[0, 0]
    ivar = jnp.where(jnp.abs(place) < MARGIN, near.windows.ivar[0], 0)
    chi2, number = jnp.sum(ivar * jnp.square(left)), jnp.sum((ivar > 0).astype(ivar.dtype))
    return jnp.maximum((chi2 + FEW) / (number + FEW), 1)


def lines_flux(problem: Problem, solution: Solution, npix: int) -> Float[Array, " pix"]:
    """Return the flux of all lines in the pixels of a spectrum."""
    known, windows, place = problem.lines, problem.windows, solution.point.place
    value, _, _ = profiles(windows, known, SCALE * place[:NFAMILY], jnp.exp(place[NFAMILY:]))
    free = jnp.where(problem.used, solution.flux, 0)
    flux = jnp.concatenate([free, jnp.zeros(1, free.dtype)])[known.flux_of] * known.ratio
    return jnp.zeros(npix, value.dtype).at[windows.pixel].add(jnp.sum(value * flux[..., None], axis=1))
