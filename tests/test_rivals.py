"""A line that was found, and the galaxy at another redshift that it may be of."""

import numpy as np
import pytest

import jaxz
from jaxz import Basis, Spectra
from jaxz.rivals import LEAST, MARGIN, rivals
from jaxz.spectra import LogGrid
from tests import gaussian, small

RANGE = {"zmin": 0.0, "zmax": 0.12}
PAIR = (3500.0, 3700.0)
ZGALAXY = 0.06


def galaxies(pair=PAIR):
    """Return a vector of two lines and a smooth one, on the lattice step of the components."""
    grid = LogGrid.covering(3200.0, 4100.0, gaussian.STEP)
    place = np.arange(grid.size)[None] + grid.start
    centre = np.log10(np.array(pair))[:, None] / gaussian.STEP
    lines = 10 * np.exp(-0.5 * ((place - centre) / 2.0) ** 2).sum(axis=0)
    return Basis(np.stack([lines + 1e-3, np.full(grid.size, 1.0)]), grid, name="PAIR", version="1")


def observed(rng):
    """Return a line of the target, a galaxy of two lines, nothing, and no data, on residuals of the sky."""
    sky, lae = gaussian.sky(rng), gaussian.target(scale=40.0)
    spectra, _ = gaussian.lattice_spectra(rng, [sky], 4)
    flux, ivar = np.array(spectra.flux), np.array(spectra.ivar)
    grid = LogGrid(gaussian.SKY_GRID.start + 10, gaussian.SKY_GRID.size - 20, gaussian.STEP)
    flux[0] += np.array([0.5, 0.1]) @ lae.at(2.1).in_flux(grid)
    for line in PAIR:
        flux[1] += 12 * np.exp(-0.5 * ((np.log10(grid.wave / line / (1 + ZGALAXY)) / gaussian.STEP) / 2.0) ** 2)
    ivar[3] = 0
    spectra = Spectra(grid.wave, flux, ivar, ids=["target", "galaxy", "blank", "empty"])
    scan = jaxz.madgics_scan(spectra, target=lae, nuisance=[sky], zmin=2.0, zmax=2.25, emission=True)
    return spectra, jaxz.find_redshifts(scan, spectra)


def test_a_galaxy_with_two_lines_is_better_and_one_line_is_the_targets(rng):
    spectra, found = observed(rng)
    assert found.detection[0] > 50
    assert found.detection[1] > 50
    other = rivals(found, spectra, galaxies(), **RANGE)
    assert list(other.is_better) == [False, True, False, False]
    assert other.z[1] == pytest.approx(ZGALAXY, abs=1e-3)
    assert other.deltachi2[1] < -MARGIN
    assert other.deltachi2[0] > -MARGIN
    quiet = ~(found.detection >= LEAST)
    assert quiet[3]
    assert np.isnan(other.z[quiet]).all()
    assert np.isnan(other.deltachi2[quiet]).all()


def test_fewer_candidates_than_asked_for_change_nothing(rng):
    """In so short a range there is one, at z = 0, where those that are missing must not count as the target's."""
    spectra, found = observed(rng)
    at_rest = galaxies(tuple(line * (1 + ZGALAXY) for line in PAIR))
    other = rivals(found, spectra, at_rest, zmin=-0.0015, zmax=0.0015)
    assert list(other.is_better) == [False, True, False, False]
    assert other.z[1] == pytest.approx(0, abs=1e-3)


def test_what_it_finds_depends_on_the_spectrum_alone(rng):
    spectra, found = observed(rng)
    together = rivals(found, spectra, galaxies(), **RANGE)
    alone = rivals(found[[1]], spectra[[1]], galaxies(), **RANGE)
    assert (together.z[1], together.deltachi2[1]) == (alone.z[0], alone.deltachi2[0])


def test_without_a_detection_nothing_is_fitted(rng):
    spectra, found = observed(rng)
    other = rivals(found[[3]], spectra[[3]], galaxies(), **RANGE)
    assert np.isnan(other.z).all()
    assert not other.is_better.any()


def test_other_redshifts_are_refused(rng):
    spectra, found = observed(rng)
    with pytest.raises(ValueError, match="pass the spectra that were scanned"):
        rivals(found, spectra[:2], galaxies())
    some, _ = small.spectra(rng, 0.1, 20.0)
    basis = small.basis()
    of_basis = jaxz.find_redshifts(jaxz.nmf_scan(some, basis, zmin=small.ZMIN, zmax=small.ZMAX), some)
    with pytest.raises(ValueError, match="give redshifts of a MADGICS scan"):
        rivals(of_basis, some, basis)
