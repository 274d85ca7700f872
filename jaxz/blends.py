"""A spectrum with its redshift → the redshift of what else is in it [M, sec. 4.4; Tsalmantza & Hogg 2012].

    d = first + Σ_k B_k(z2) w_k + noise,   first, w ≥ 0.

What was found first is fitted at its redshift and is one more non-negative column (or several), fixed in the observed
frame, in a second scan with the same basis. Δχ²(z2) from adding the basis to it tells whether there is another galaxy.

Four things imitate one.

* What the fit of the first leaves at its strong lines: their pixels do not count in the second search, so that another
  line there is no evidence, while all else of a galaxy that has one there still is.
* What it leaves at its breaks: a redshift that puts the fall at Lyα on one of them is not believed (`confused`).
* The shape of its continuum, which no fit has to a few per cent: candidates are weighed with a continuum that may
  bend fifty times (`BENDING`).
* A first redshift that was wrong: where the spectrum is fitted at z2 alone, with all its lines, as well as by both,
  there may be one galaxy, at z2.

And no fit is perfect: Δχ² is in units of the temperature of the second fit, which follows from its χ²/n, and what it
means is known from blends (`PROBABILITY`).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Device, Float
from jaxz.calibration import probability_of
from jaxz.classes import redshifts
from jaxz.io import load_basis
from jaxz.likelihood import fitted_flux, in_pixels
from jaxz.lines import fit_lines
from jaxz.models import Basis, ErrorModel, Free, NonNegative, OwnColumns, Trials
from jaxz.models.native import HIGHEST, Native, basis_in_pixels
from jaxz.models.template_tasks import solved_chi2
from jaxz.models.templates import AbstractTemplates, check_option
from jaxz.pixels import FINE, WINDOW, Pixels
from jaxz.redshift import Redshifts, find_redshifts
from jaxz.run import run
from jaxz.scan import ZScan, check_scanned, scan
from jaxz.spectra import Spectra
from jaxz.validate import STRONG_LINES

First = Literal["lines", "model", "basis"]
"""What the galaxy that was found first is in the second search: its best fit by the basis, with one coefficient; beside
that its continuum and lines fitted one by one (`jaxz.fit_lines`), as [M] has it; or all vectors of the basis at its
redshift (Tsalmantza & Hogg 2012). The other two miss fewer faint galaxies, but take lines that the basis does not know
for a second one."""

STRONG = STRONG_LINES | {
    "C IV": 1549.48, "[Ne III]": 3869.86, "Hγ": 4341.68, "[O III] 4960": 4960.30, "[N II]": 6585.27, "[S II]": 6724.5,
}  # fmt: skip
"""Lines that may be all that is seen of a galaxy, and those that outshine what a second one has, vacuum Å; doublets at
their mean."""

CONFUSION = 10.0
"""Å from a strong line of one redshift within which one of another is confused with it [M, sec. 4.4]."""

LYA = 1215.67
"""Where the continuum of distant galaxies falls, vacuum Å."""

BREAKS = (911.75, 1025.72, LYA, 3698.0)
"""Where that of the first may: at the Lyman limit, Lyβ, Lyα, and where the lines of the Balmer series run into each
other, vacuum Å."""

BREAK_CONFUSION = 0.02
"""Relative distance of two falls within which they are confused."""

NEAR = 0.01
"""Difference in units of 1+z below which two redshifts are not told apart: what the fit of bright Lyα leaves may be as
wide as that."""

NCANDIDATES = 10
"""Minima that are weighed."""

BENDING = ErrorModel(order=50)
"""Of candidates. Of orders 5, 16, 24, 32, 40, 64 and 100, tried on spectra of which no figure is reported, 40 and 64
tell best two galaxies from one."""

NEEDED = 9.0
"""Δχ²/T by which the first redshift has to improve the fit at the second alone."""

EVEN = 0.5
"""Probability of a blend where it does not: either the first, which is there, is hardly seen, or it was wrong and there
is one galaxy, at the second. Such spectra are few: of those of which no figure is reported 3 were blends and 1 was
not; 11 more, which were not, had been given lines that no basis has."""

PROBABILITY = {"lines": (-7.1, 2.4), "model": (-8.4, 2.4), "basis": (-8.9, 2.5)}
"""Odds (see `jaxz.calibration.probability_of`) of a blend, if a quarter of the spectra are blends, as in MXDF [M,
sec. 4.4]. Fitted to 600 simulated MUSE spectra, and to 280 sums and single spectra of the half of VANDELS and FORS2 of
which no figure is reported (`benchmarks.blends`); galaxies that nobody would see were left out of the former."""


class Other(NamedTuple):
    """What is found beside what was found before; NaN where there is no minimum that is not confused.

    Attributes:
        z: (spec,) redshift.
        zerr: (spec,) its 1 σ error.
        deltachi2: (spec,) by which it improves χ².
        temperature: (spec,) Δχ² that is worth one.
        probability: (spec,) that there is such a galaxy.
        fit: (spec, 2, pix) flux of what was known before and of it, fitted together.
        curves: χ² at all trial redshifts, confused ones included.
    """

    z: np.ndarray
    zerr: np.ndarray
    deltachi2: np.ndarray
    temperature: np.ndarray
    probability: np.ndarray
    fit: np.ndarray
    curves: ZScan


class Blends(NamedTuple):
    """What spectra are sums of.

    Attributes:
        first: redshifts of what dominates.
        others: what was found then, one after the other, the second being first.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> best = jaxz.find_redshifts(scan, spectra)
        >>> few = jaxz.Basis(basis.vectors[:2], basis.grid)
        >>> found = jaxz.deblend(spectra, best, first="model", basis=few, zmax=0.1)
        >>> sorted(found.columns())
        ['DELTACHI2_2', 'PBLEND', 'Z2', 'Z2ERR']
    """

    first: Redshifts
    others: tuple[Other, ...]

    @property
    def z(self) -> np.ndarray:
        """(spec,) redshift of what dominates."""
        return self.first.z

    @property
    def z2(self) -> np.ndarray:
        """(spec,) second redshift; NaN where there is none, however improbable."""
        return self.others[0].z

    @property
    def z2err(self) -> np.ndarray:
        """(spec,) its 1 σ error."""
        return self.others[0].zerr

    @property
    def pblend(self) -> np.ndarray:
        """(spec,) probability that the spectrum is a blend."""
        return self.others[0].probability

    def columns(self) -> dict[str, np.ndarray]:
        """Return what a catalog says of them beside the first redshifts: Z2, Z2ERR, DELTACHI2_2, PBLEND; Z3, …."""
        named = {}
        for number, other in enumerate(self.others, 2):
            probability = "PBLEND" if number == 2 else f"PBLEND_{number}"
            named |= {f"Z{number}": other.z, f"Z{number}ERR": other.zerr, f"DELTACHI2_{number}": other.deltachi2}
            named[probability] = other.probability
        return named


def deblend(
    spectra: Spectra,
    best: Redshifts | None = None,
    *,
    first: First = "lines",
    basis: Basis | None = None,
    count: int = 2,
    zmin: float = 0.0,
    zmax: float = 6.7,
    batch_size: int = 64,
    devices: Sequence[Device] | None = None,
) -> Blends:
    """Return the second redshift in each spectrum, and how probable it is that there is one.

    Args:
        spectra: what was measured.
        best: their redshifts; those of `jaxz.redshifts` if absent.
        first: what the galaxy that was found first is in the second scan.
        basis: of the galaxies that are looked for, non-negative; the one in the package if absent.
        count: of redshifts in each spectrum; 3 looks for a third beside the first two.
        zmin, zmax: range of their redshifts.
        batch_size: spectra on a device at a time.
        devices: that share the work; all that JAX shows if absent.

    Raises:
        ValueError: if `best` is of other spectra, `count` is below 2, or `first` is not known.

    Example:
        >>> basis = jaxz.load_basis()
        >>> spectra, _ = jaxz.mock.from_basis(basis, np.array([0.05]), np.array([30.0]), seed=1)
        >>> scan = jaxz.scan(spectra, jaxz.NonNegative(basis), zmin=0.0, zmax=0.1)
        >>> best = jaxz.find_redshifts(scan, spectra)
        >>> few = jaxz.Basis(basis.vectors[:2], basis.grid)
        >>> found = jaxz.deblend(spectra, best, first="model", basis=few, zmax=0.1)
        >>> found.z.round(3), found.pblend < 0.5
        (array([0.05]), array([ True]))
    """
    check_option("first", first, [*PROBABILITY])
    if count < 2:
        raise ValueError(f"count={count}: use 2, or more for further redshifts")
    where = {"batch_size": batch_size, "devices": devices}
    if best is None:
        best = redshifts(spectra, zmin=zmin, zmax=zmax, **where)
    check_scanned(best.ids, best.fingerprints, spectra)
    model = _model_of(basis)
    columns = vectors_of(spectra, best) if first == "basis" else fit_of(spectra, best)[:, None]
    if first == "lines":
        columns = np.concatenate([columns, lines_of(spectra, best.z, **where)[:, None]], axis=1)
    known, others = best.z[:, None], []
    for _ in range(count - 1):
        counted = without_lines(spectra, known)
        curves = scan(counted, model, zmin=zmin, zmax=zmax, own=OwnColumns(columns), **where)
        weighed = replace(curves, model=replace(model, error=BENDING))
        found = find_redshifts(weighed, counted, nminima=NCANDIDATES, **where)
        other = _chosen(model, curves, found, spectra, known, best, PROBABILITY[first], where)
        others.append(other)
        known = np.column_stack([known, other.z])
        columns = np.concatenate([columns, other.fit[:, 1:]], axis=1)
    return Blends(best, tuple(others))


def lines_of(
    spectra: Spectra, z: np.ndarray, *, batch_size: int = 64, devices: Sequence[Device] | None = None
) -> np.ndarray:
    """Return continuum and lines of each spectrum at its redshift (spec,), as (spec, pix); 0 where there is none."""
    fits = fit_lines(spectra, z, load_basis("continuum"), batch_size=batch_size, devices=devices)
    return np.nan_to_num(fits.model)


def without_lines(spectra: Spectra, known: np.ndarray) -> Spectra:
    """Return spectra in which no pixel within 10 Å of a strong line of a known redshift (spec, any) counts."""
    near = np.zeros(spectra.ivar.shape, dtype=bool)
    for z in known.T:
        for rest in STRONG.values():
            near |= np.abs(spectra.wave - rest * (1 + z[:, None])) < CONFUSION
    return replace(spectra, ivar=np.where(near, 0, spectra.ivar))


def fit_of(spectra: Spectra, best: Redshifts) -> np.ndarray:
    """Return the fit of each spectrum by the basis that is best, (spec, pix); 0 where there is none."""
    flux = np.zeros(spectra.flux.shape)
    for number, model in enumerate(_templates(best)):
        rows = np.flatnonzero((best.which == number) & np.isfinite(best.z))
        coeff = best.coeff[rows, : len(model)]
        flux[rows] = np.nan_to_num(fitted_flux(spectra[rows], model.basis, best.z[rows], coeff))
    return flux


def vectors_of(spectra: Spectra, best: Redshifts) -> np.ndarray:
    """Return the vectors of the best basis at the redshift of each spectrum, (spec, comp, pix)."""
    bases = [model.basis for model in _templates(best)]
    vectors = np.zeros((len(spectra), max(map(len, bases)), spectra.flux.shape[1]))
    for row in np.flatnonzero(np.isfinite(best.z) & (spectra.npixels > 1)):
        basis = bases[best.which[row]]
        resolution = None if spectra.resolution is None else spectra.resolution[row]
        inside = basis_in_pixels(basis, spectra.wave[row], best.z[row], resolution=resolution)
        vectors[row, : len(basis)] = inside
    return vectors


def _templates(best: Redshifts) -> list[AbstractTemplates]:
    """Return the models that were compared.

    Raises:
        ValueError: if one has no basis.
    """
    models = [model for model in best.models if isinstance(model, AbstractTemplates)]
    if len(models) != len(best.models):
        raise ValueError("redshifts of a MADGICS scan are of lines, not of spectra: give those of `jaxz.redshifts`")
    return models


def confused(z: np.ndarray, other: np.ndarray, reach: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Return whether another redshift is near, or has the fall at Lyα where the continuum of the first may have one.

    Args:
        z, other: redshifts, of shapes that go together.
        reach: ends of the wavelengths that are seen, Å, likewise; breaks beyond them do not count.
    """
    breaks, lya = np.asarray(BREAKS) * (1 + z[..., None]), LYA * (1 + other[..., None])
    low, high = (end[..., None] for end in reach)
    near = np.abs(lya - breaks) < BREAK_CONFUSION * breaks
    fall = np.any(near & (breaks > low) & (breaks < high), axis=-1)
    return np.asarray(fall | (np.abs(z - other) < NEAR * (1 + z)))


def ends_of(spectra: Spectra) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the wavelengths that are seen, Å, (spec, 1) each."""
    bluest = np.min(np.where(spectra.ivar > 0, spectra.wave, np.inf), axis=1, initial=np.inf)
    return bluest[:, None], spectra.reddest[:, None]


def _chosen(
    model: NonNegative,
    curves: ZScan,
    found: Redshifts,
    spectra: Spectra,
    known: np.ndarray,
    best: Redshifts,
    odds: tuple[float, float],
    where: dict[str, Any],
) -> Other:
    """Return the best candidate of each spectrum that is confused with no redshift that is known.

    Args:
        model: of the search.
        curves, found: of it, all candidates included.
        spectra: what was measured.
        known: (spec, any) redshifts.
        best: what was found first.
        odds: from `PROBABILITY`.
        where: batch size and devices.
    """
    assert curves.own is not None
    z, gain = found.zalt, found.chi2_null[:, None] - found.zalt_chi2
    ends = ends_of(spectra)
    with np.errstate(invalid="ignore"):
        taken = [confused(one[:, None], z, ends) for one in known.T]
    allowed = np.isfinite(z) & np.isfinite(known[:, :1]) & ~np.any(taken, axis=0)
    place = np.argmax(np.where(allowed, gain, -np.inf), axis=1)
    rows = np.arange(len(z))
    pick = lambda values: np.where(allowed[rows, place], values[rows, place], np.nan)  # noqa: E731
    deltachi2, at = pick(gain), pick(z)
    fit = fit_beside(spectra, curves.own.vectors, at, model, batch_size=where["batch_size"])
    probability = probability_of(deltachi2, found.temperature, odds)
    doubtful = np.flatnonzero(deltachi2 >= NEEDED * found.temperature)
    needed = _improvement(best[doubtful], spectra[doubtful], at[doubtful], where) / found.temperature[doubtful]
    alone = doubtful[needed < NEEDED]
    probability[alone] = np.minimum(probability[alone], EVEN)
    return Other(at, pick(found.zalt_err), deltachi2, found.temperature, probability, fit, curves)


def fit_beside(
    spectra: Spectra, columns: np.ndarray, z: np.ndarray, model: NonNegative | None = None, *, batch_size: int = 64
) -> np.ndarray:
    """Return the flux of what is known and of the basis at another redshift, fitted together, (spec, 2, pix).

    Args:
        spectra: what was measured.
        columns: (spec, any, pix) of what is known, non-negative.
        z: (spec,) the other redshift; where it is NaN, both are 0.
        model: of the other galaxy, that of `jaxz.deblend` if absent.
        batch_size: spectra on a device at a time.
    """
    model = _model_of(None) if model is None else model
    beside = _Beside(model.fits(Trials(0, 1, model.step), WINDOW, own="non-negative").native)
    return np.nan_to_num(in_pixels(beside, spectra, model.step, (z,), batch_size, columns))


def _model_of(basis: Basis | None) -> NonNegative:
    return NonNegative(basis or load_basis(), error=ErrorModel())


def _improvement(best: Redshifts, spectra: Spectra, z: np.ndarray, where: dict[str, Any]) -> np.ndarray:
    """Return the Δχ² by which the first redshift improves the fit by one galaxy at another, (spec,)."""
    deltachi2 = np.full(len(spectra), np.nan)
    counted, columns = without_lines(spectra, z[:, None]), lines_of(spectra, z, **where)[:, None]
    for number, (model, trials) in enumerate(zip(_templates(best), best.trials, strict=True)):
        rows = np.flatnonzero(best.which == number)
        if not len(rows):
            continue
        bending = (NonNegative if model.positive else Free)(model.basis, model.nuisance, error=BENDING)
        task = bending.fits(trials, WINDOW, own="non-negative")
        shifts = np.log10(1 + best.z)[:, None] / model.step
        fit = run(task, counted, rows, (shifts,), step=model.step, columns=columns, parts=FINE, **where)
        deltachi2[rows] = (fit.null - fit.chi2[:, 0])[rows]
    return deltachi2


class _Beside(eqx.Module):
    """The task (spectrum, z, own columns) → flux of these and of the basis at z, fitted together, (2, pix)."""

    native: Native

    def __call__(
        self, serial: bool, pixels: Pixels, z: Float[Array, ""], own: Float[Array, "comp pix"]
    ) -> Float[Array, "part pix"]:
        """Return it for one spectrum."""
        spectrum, shift = self.native.prepare(pixels, own), jnp.log10(1 + z) / self.native.grid.step
        equations = self.native.moments(spectrum, shift, blocks=True)
        coeff = solved_chi2(equations, len(self.native.integral), positive=True)[1].coeff[:, 0]
        beside = jnp.matmul(coeff[len(self.native.integral) :], spectrum.positive, precision=HIGHEST)
        return jnp.stack([beside, self.native.fitted(spectrum, shift, coeff).slid])
