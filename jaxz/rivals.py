"""A line that was found → what a galaxy at another redshift makes of the spectrum: is the line the target's?

A search for one line [L] finds any line. Here galaxies are scanned over the same spectrum, at all redshifts, and the
best of them are fitted again beside the nuisance components of the search, without an error model, so that what they
gain over nuisances and noise can be compared with what the target gains. A galaxy elsewhere that gains far more has
other lines, or a continuum, that the target leaves. One whose only line in reach this is cannot be told so.
"""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np

from jaxz._typing import Array, Device, Float
from jaxz.arguments import check_types
from jaxz.models import Basis, ErrorModel, NonNegative, Trials
from jaxz.models.native import Native
from jaxz.models.template_tasks import solved_chi2
from jaxz.pixels import FINE, WINDOW, Pixels
from jaxz.posterior import CONFIDENCE_WIDTH
from jaxz.redshift import Redshifts, find_redshifts
from jaxz.run import run
from jaxz.scan import check_scanned, scan
from jaxz.spectra import Spectra

LEAST = 16.0
"""Detection, |Δχ²|, from which a line is worth a look."""

MARGIN = 25.0
"""χ² by which a galaxy elsewhere must be better for the line not to be the target's. Of 185 simulated lines of Lyα with
a detection above 25 the most was 12, of 15 other lines the least 443; `benchmarks.rivals` measures others."""

NCANDIDATES = 5


class Rivals(NamedTuple):
    """The best galaxy at another redshift than the target's; NaN where it was not looked for.

    Attributes:
        z: (spec,) its redshift.
        deltachi2: (spec,) χ² of it less that of the target, or of a galaxy at the target's redshift if that is less.

    Example:
        >>> jaxz.Rivals(z=np.array([0.3, np.nan]), deltachi2=np.array([-80.0, np.nan])).is_better
        array([ True, False])
    """

    z: np.ndarray
    deltachi2: np.ndarray

    @property
    def is_better(self) -> np.ndarray:
        """(spec,) whether it is, by more than `MARGIN`."""
        with np.errstate(invalid="ignore"):
            return self.deltachi2 < -MARGIN


def rivals(
    found: Redshifts,
    spectra: Spectra,
    basis: Basis,
    *,
    zmin: float = 0.0,
    zmax: float = 6.7,
    least: float = LEAST,
    batch_size: int = 64,
    devices: Sequence[Device] | None = None,
) -> Rivals:
    """Return the best galaxy at another redshift, of each spectrum with a detection of `least` or more.

    Args:
        found: of a MADGICS scan.
        spectra: that were scanned.
        basis: of galaxies, non-negative.
        zmin, zmax: range of their redshifts.
        least: `Redshifts.detection` from which a line is looked at.
        batch_size: spectra on a device at a time.
        devices: that share the work; all that JAX shows if absent.

    Raises:
        ValueError: if `found` is not of such a scan, or of other spectra.

    Example:
        >>> lae = jaxz.load_component("desi-lae")
        >>> grid = jaxz.LogGrid.covering(3700.0, 4500.0)
        >>> noise = jaxz.mock.constant_noise(grid, 2, whitening=lae.whitening, seed=1)
        >>> lines = jaxz.mock.profiles_of(lae, 3, seed=1)
        >>> spectra, truth = jaxz.mock.inject(noise, lines, snr=np.full(2, 20.0), seed=1, zmin=2.2, zmax=2.5)
        >>> scan = jaxz.madgics_scan(spectra, target=lae, zmin=2.1, zmax=2.6)
        >>> found = jaxz.find_redshifts(scan, spectra)
        >>> galaxies = jaxz.rivals(found, spectra, jaxz.load_basis(), least=2000.0)  # no line is that bright
        >>> galaxies.is_better
        array([False, False])
    """
    given = {"found": (found, Redshifts), "spectra": (spectra, Spectra), "basis": (basis, Basis)}
    check_types("rivals(found, spectra, basis)", **given)
    model = found.models[0]
    if model.line is None:
        raise ValueError(f"model {model.name!r} has no line of its own: give redshifts of a MADGICS scan")
    check_scanned(found.ids, found.fingerprints, spectra)
    z, deltachi2 = np.full((2, len(spectra)), np.nan)
    rows = np.flatnonzero(found.detection >= least)
    if not len(rows):
        return Rivals(z, deltachi2)
    some, options = spectra[rows], {"batch_size": batch_size, "devices": devices}
    curves = scan(some, NonNegative(basis, error=ErrorModel()), zmin=zmin, zmax=zmax, **options)
    elsewhere = find_redshifts(curves, some, nminima=NCANDIDATES, **options).zalt
    tried = np.concatenate([elsewhere, found.z[rows][:, None]], axis=1)
    beside = NonNegative(basis.with_step(model.step), model.nuisance)
    native = beside.fits(Trials.between(zmin, zmax, model.step), WINDOW, own=None).native
    shifts = np.log10(1 + np.nan_to_num(tried)) / model.step
    gain = run(_Gain(native), some, np.arange(len(rows)), (shifts,), step=model.step, parts=FINE, **options)
    away = np.abs(tried - tried[:, -1:]) > CONFIDENCE_WIDTH * (1 + tried[:, -1:])
    others = np.where(away, gain, -np.inf)
    at = np.arange(len(rows)), np.argmax(others, axis=1)
    there = np.isfinite(others[at])
    # Where there are fewer candidates, they are neither elsewhere nor at the target's redshift.
    of_target = np.max(np.where(away | np.isnan(tried), -np.inf, gain), axis=1)
    z[rows] = np.where(there, tried[at], np.nan)
    deltachi2[rows] = np.where(there, np.maximum(found.detection[rows], of_target) - others[at], np.nan)
    return Rivals(z, deltachi2)


class _Gain(eqx.Module):
    """The task (spectrum, shifts) → χ² of fixed columns and noise less that of a fit at each shift."""

    native: Native

    def __call__(self, serial: bool, pixels: Pixels, shifts: Float[Array, " cand"]) -> Float[Array, " cand"]:
        """Return it for one spectrum."""
        spectrum, nslide = self.native.prepare(pixels, None), len(self.native.integral)

        def chi2(shift: Float[Array, ""]) -> Float[Array, ""]:
            return solved_chi2(self.native.moments(spectrum, shift, blocks=True), nslide, positive=True)[0][0]

        return self.native.null(spectrum) - jax.lax.map(chi2, shifts)
