"""A spectrum with its redshift → the redshift of what else is in it [M, sec. 4.4; Tsalmantza & Hogg 2012].

    d = first + Σ_k B_k(z2) w_k + noise,   first, w ≥ 0.

What was found first is fitted at its redshift and is one more non-negative column (or several), fixed in the observed
frame, in a second scan with the same basis. Δχ²(z2) from adding the basis to it tells whether there is another galaxy.

Two things imitate one. What the fit of the first leaves at its lines and breaks has their wavelengths, so that a
redshift which puts a strong line on one of its lines, or a break on one of its breaks, is not believed (`confused`).
And no fit is perfect: Δχ² is in units of the temperature of the second fit, which follows from its χ²/n, and what it
means is known from simulated blends (`PROBABILITY`).
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Device, Float
from jaxz.calibration import probability_of
from jaxz.classes import redshifts
from jaxz.io import load_basis
from jaxz.likelihood import fitted_flux, in_pixels
from jaxz.lines import fit_lines
from jaxz.models import Basis, ErrorModel, NonNegative, OwnColumns
from jaxz.models.native import HIGHEST, Native, basis_in_pixels
from jaxz.models.template_tasks import solved_chi2
from jaxz.models.templates import AbstractTemplates, check_option
from jaxz.pixels import WINDOW, Pixels
from jaxz.redshift import Redshifts, find_redshifts
from jaxz.scan import ZScan, check_scanned, scan
from jaxz.spectra import Spectra
from jaxz.validate import STRONG_LINES

First = Literal["lines", "model", "basis"]
"""What the galaxy that was found first is in the second search: its best fit by the basis, with one coefficient; beside
that its continuum and lines fitted one by one (`jaxz.fit_lines`), as [M] has it, which leaves least at bright lines; or
all vectors of the basis at its redshift (Tsalmantza & Hogg 2012). Without the lines a second continuum is not taken for
that of the first."""

STRONG = STRONG_LINES | {
    "C IV": 1549.48, "[Ne III]": 3869.86, "Hγ": 4341.68, "[O III] 4960": 4960.30, "[N II]": 6585.27, "[S II]": 6724.5,
}  # fmt: skip
"""Lines that may be all that is seen of a galaxy, and those that outshine what a second one has, vacuum Å; doublets at
their mean."""

CONFUSION = 10.0
"""Å between a strong line of one redshift and one of another within which they are confused [M, sec. 4.4]."""

BREAKS = (911.75, 1025.72, 1215.67)
"""Where the intergalactic medium makes the continuum of distant galaxies fall: at the Lyman limit, Lyβ and Lyα, vacuum
Å. What the fit of the first leaves at one of them is a fall of Lyα of another redshift, a third or a fifth lower."""

BREAK_CONFUSION = 0.02
"""Relative distance of two of them within which they are confused."""

NEAR = 0.01
"""Difference in units of 1+z below which two redshifts are not told apart: what the fit of bright Lyα leaves may be as
wide as that."""

NCANDIDATES = 10
"""Minima that are looked at for one that is not confused."""

PROBABILITY = {"lines": (-5.1, 1.5), "model": (-4.2, 1.0), "basis": (-4.6, 1.0)}
"""Odds (see `jaxz.calibration.probability_of`) of a blend, if a quarter of the spectra are blends, as in MXDF [M,
sec. 4.4]. Fitted to 100 simulated MUSE spectra, and to 120 sums and single spectra of the half of VANDELS and FORS2 of
which no figure is reported (`benchmarks.blends`)."""


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
    model = NonNegative(basis or load_basis(), error=ErrorModel())
    columns = vectors_of(spectra, best) if first == "basis" else fit_of(spectra, best)[:, None]
    if first == "lines":
        columns = np.concatenate([columns, lines_of(spectra, best, **where)[:, None]], axis=1)
    known, others = best.z[:, None], []
    for _ in range(count - 1):
        curves = scan(spectra, model, zmin=zmin, zmax=zmax, own=OwnColumns(columns), **where)
        found = find_redshifts(curves, spectra, nminima=NCANDIDATES, **where)
        other = _chosen(model, curves, found, spectra, known, PROBABILITY[first], batch_size)
        others.append(other)
        known = np.column_stack([known, other.z])
        columns = np.concatenate([columns, other.fit[:, 1:]], axis=1)
    return Blends(best, tuple(others))


def lines_of(
    spectra: Spectra, best: Redshifts, *, batch_size: int = 64, devices: Sequence[Device] | None = None
) -> np.ndarray:
    """Return continuum and lines of each spectrum at its redshift, (spec, pix); 0 where there is none."""
    fits = fit_lines(spectra, best.z, load_basis("continuum"), batch_size=batch_size, devices=devices)
    return np.nan_to_num(fits.model)


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
    """Return whether a strong line of one redshift is within 10 Å of a strong line of another [M, sec. 4.4].

    Likewise a Lyman break of one that is near a break of the other, and redshifts within `NEAR` of each other.

    Args:
        z, other: redshifts of equal shape.
        reach: ends of the wavelengths that are seen, Å, of that shape; lines and breaks beyond them do not count.
    """
    lines = _coincide(z, other, reach, [*STRONG.values()], within=CONFUSION)
    breaks = _coincide(z, other, reach, BREAKS, share=BREAK_CONFUSION)
    return lines | breaks | (np.abs(z - other) < NEAR * (1 + z))


def _coincide(
    z: np.ndarray,
    other: np.ndarray,
    reach: tuple[np.ndarray, np.ndarray],
    rest: Sequence[float],
    *,
    within: float = 0.0,
    share: float = 0.0,
) -> np.ndarray:
    """Return whether any of some rest wavelengths at z is within so many Å, and so large a share, of one at another."""
    one, two = (np.asarray(rest) * (1 + redshift[..., None]) for redshift in (z, other))
    low, high = (end[..., None] for end in reach)
    seen = (one > low - CONFUSION) & (one < high + CONFUSION)
    near = np.abs(one[..., :, None] - two[..., None, :]) < within + share * one[..., None]
    return np.asarray(np.any(near & seen[..., :, None], axis=(-2, -1)))


def _chosen(
    model: NonNegative,
    curves: ZScan,
    found: Redshifts,
    spectra: Spectra,
    known: np.ndarray,
    odds: tuple[float, float],
    batch_size: int,
) -> Other:
    """Return the best candidate of each spectrum that is confused with no redshift that is known.

    Args:
        model: of the second search.
        curves, found: of it, all candidates included.
        spectra: what was measured.
        known: (spec, any) redshifts.
        odds: from `PROBABILITY`.
        batch_size: spectra on a device at a time.
    """
    assert curves.own is not None
    z, gain = found.zalt, found.chi2_null[:, None] - found.zalt_chi2
    bluest = np.min(np.where(spectra.ivar > 0, spectra.wave, np.inf), axis=1, initial=np.inf)
    ends = bluest[:, None], spectra.reddest[:, None]
    with np.errstate(invalid="ignore"):
        taken = [confused(one[:, None], z, ends) for one in known.T]
    allowed = np.isfinite(z) & np.isfinite(known[:, :1]) & ~np.any(taken, axis=0)
    place = np.argmax(np.where(allowed, gain, -np.inf), axis=1)
    rows = np.arange(len(z))
    pick = lambda values: np.where(allowed[rows, place], values[rows, place], np.nan)  # noqa: E731
    deltachi2, at = pick(gain), pick(z)
    beside = _Beside(model.fits(found.trials[0], WINDOW, own="non-negative").native)
    fit = np.nan_to_num(in_pixels(beside, spectra, model.step, (at,), batch_size, curves.own.vectors))
    probability = probability_of(deltachi2, found.temperature, odds)
    return Other(at, pick(found.zalt_err), deltachi2, found.temperature, probability, fit, curves)


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
