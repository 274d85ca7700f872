"""How many exposures a redshift needs: coadds of exposures drawn again and again [L, §V, fig. 10]."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxz.models import Madgics
from jaxz.redshift import find_redshifts
from jaxz.scan import madgics_scan
from jaxz.separation import separate
from jaxz.spectra import Spectra

CONVERGED = 0.001
"""The σ_z below which [L] calls a redshift converged."""


class Bootstrap(NamedTuple):
    """Redshifts of coadds of drawn exposures.

    Attributes:
        ids: (target,) names.
        counts: (count,) exposures in a coadd.
        z: (target, count, repeat) redshifts of the coadds.
        line_flux: (target,) ∫ flux dλ of the target component in the coadd of all exposures, unit of the flux times Å.
        exptime: (target, count) mean of the exposure times of the coadds, s; NaN where they are not known.

    Example:
        >>> z = np.random.default_rng(1).normal(2.5, 1e-4, (1, 2, 10))
        >>> found = jaxz.validate.Bootstrap(("a",), np.array([1, 4]), z, np.array([10.0]), np.array([[900.0, 3600.0]]))
        >>> found.sigma.shape, found.converged.shape
        ((1, 2), (1, 2))
    """

    ids: tuple[str, ...]
    counts: np.ndarray
    z: np.ndarray
    line_flux: np.ndarray
    exptime: np.ndarray

    @property
    def sigma(self) -> np.ndarray:
        """(target, count) standard deviation σ_z of the redshifts of equal coadds."""
        return np.std(self.z, axis=2)

    @property
    def converged(self) -> np.ndarray:
        """(target, count) whether σ_z < 0.001, bool."""
        return self.sigma < CONVERGED


def bootstrap_exposures(
    exposures: Spectra,
    model: Madgics,
    *,
    counts: Sequence[int],
    seed: int,
    repeats: int = 10,
    zmin: float = 2.0,
    zmax: float = 4.0,
    emission: bool = True,
    batch_size: int = 64,
) -> Bootstrap:
    """Return redshifts of coadds of n exposures of each target, drawn with replacement, for each n of `counts`.

    A coadd is weighted by inverse variance, and its inverse variance is the sum, as [L] has it: one that holds an
    exposure twice counts its noise as if it were of two.

    Args:
        exposures: single exposures of one wavelength grid, those of one target with one id, as
            ``jaxz.io.read_desi(path, coadd=False)`` returns them; ``FIBERMAP.EXPTIME`` of their `meta` is used where
            there is one. Targets with one exposure are left out.
        model: what is looked for, and marginalised.
        counts: exposures in a coadd.
        seed: of the random numbers.
        repeats: coadds of each number of exposures.
        zmin, zmax, emission, batch_size: as of `jaxz.madgics_scan`.

    Raises:
        ValueError: if no target has two exposures with data, the grids differ, or a count is not positive.

    Example:
        >>> lae = jaxz.load_component("desi-lae")
        >>> grid = jaxz.LogGrid.covering(3700.0, 4500.0)
        >>> noise = jaxz.mock.constant_noise(grid, 2, whitening=lae.whitening, seed=1)
        >>> lines = jaxz.mock.profiles_of(lae, 3, seed=1)
        >>> spectra, truth = jaxz.mock.inject(noise, lines, snr=np.full(2, 20.0), seed=1, zmin=2.2, zmax=2.5)
        >>> exposures = jaxz.Spectra(spectra.wave, np.repeat(spectra.flux[:1], 2, 0), spectra.ivar, ids=["a", "a"])
        >>> how = {"counts": [2], "repeats": 2, "zmin": 2.1, "zmax": 2.6}
        >>> found = jaxz.validate.bootstrap_exposures(exposures, jaxz.Madgics(lae), seed=1, **how)
        >>> bool(np.all(np.abs(found.z - truth.z[0]) < 0.002))
        True
    """
    if not len(counts) or min(counts) < 1 or repeats < 2:
        raise ValueError(f"counts={list(counts)}, repeats={repeats}: use counts of 1 or more, and two repeats at least")
    if len(exposures) and not np.allclose(exposures.wave, exposures.wave[:1], rtol=1e-9, atol=0):
        raise ValueError("the exposures have different wavelengths: a bootstrap needs those of one instrument")
    rows_of: dict[str, list[int]] = {}
    for row in np.flatnonzero(exposures.npixels > 0):
        rows_of.setdefault(exposures.ids[row], []).append(int(row))
    several = {name: np.array(rows) for name, rows in rows_of.items() if len(rows) > 1}
    if not several:
        raise ValueError(
            f"none of {len(rows_of)} targets has two exposures with data: give the single exposures of a spectra-* "
            "file, read by jaxz.io.read_desi(path, coadd=False)"
        )
    rng = np.random.default_rng(seed)
    options = {"zmin": zmin, "zmax": zmax, "emission": emission, "batch_size": batch_size}

    def redshifts(spectra: Spectra) -> np.ndarray:
        scan = madgics_scan(spectra, target=model.target, nuisance=model.nuisance, **options)
        return find_redshifts(scan, spectra, nminima=2, batch_size=batch_size).z

    time = np.asarray(exposures.meta.get("FIBERMAP.EXPTIME", np.full(len(exposures), np.nan)), dtype=np.float64)
    z = np.zeros((len(several), len(counts), repeats))
    exptime = np.zeros((len(several), len(counts)))
    for place, rows in enumerate(several.values()):
        drawn = [rng.choice(rows, size=(repeats, count)) for count in counts]
        z[place] = redshifts(_coadds(exposures, [one for each in drawn for one in each])).reshape(z.shape[1:])
        exptime[place] = [time[each].sum(axis=1).mean() for each in drawn]
    whole = _coadds(exposures, list(several.values()))
    parts = separate(whole, [model.target, *model.nuisance], z=redshifts(whole), batch_size=batch_size)
    return Bootstrap(tuple(several), np.asarray(counts), z, parts.line_flux[:, 0], exptime)


def _coadds(exposures: Spectra, groups: Sequence[np.ndarray]) -> Spectra:
    """Return the sum of each group of rows, weighted by inverse variance; a row may be in it several times."""
    flux, ivar = np.zeros((2, len(groups), exposures.flux.shape[1]))
    for place, rows in enumerate(groups):
        ivar[place] = exposures.ivar[rows].sum(axis=0, dtype=np.float64)
        total = np.sum(exposures.ivar[rows] * exposures.flux[rows].astype(np.float64), axis=0)
        flux[place] = total / np.where(ivar[place] > 0, ivar[place], 1)
    return Spectra(exposures.wave[0], flux, ivar)
