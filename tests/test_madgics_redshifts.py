"""From the curves of a MADGICS scan to redshifts with errors, alternatives and flags."""

import dataclasses

import numpy as np
import pytest

from jaxz import posterior
from jaxz.models import Madgics
from jaxz.pixels import WINDOW
from jaxz.redshift import Redshifts, find_redshifts
from jaxz.run import run
from jaxz.scan import madgics_scan, nmf_scan
from jaxz.separation import separate
from jaxz.spectra import LogGrid, Spectra
from jaxz.status import Status, ZWarn
from tests import gaussian, oracle, small

RANGE = {"zmin": gaussian.ZMIN, "zmax": gaussian.ZMAX}
SHARED = ("z", "zerr", "chi2", "coeff", "zalt", "zwarn", "chi2_null", "deltachi2", "pconf")


@pytest.fixture(scope="module")
def model():
    return Madgics(gaussian.target(scale=20.0), [gaussian.sky(np.random.default_rng(3))])


@pytest.fixture(scope="module")
def sample(model):
    """Spectra drawn from the model: the prior holds, so that errors and pulls must fit."""
    rng = np.random.default_rng(8)
    z = rng.uniform(2.02, 2.23, size=200)
    spectra, drawn = gaussian.lattice_spectra(rng, [*model.nuisance, model.target], 200, z=z)
    scan = madgics_scan(spectra, target=model.target, nuisance=model.nuisance, **RANGE)
    return spectra, scan, find_redshifts(scan, spectra), z, drawn[-1]


def test_pulls_have_unit_width(sample):
    """Monte Carlo: an error too large or too small by √2 would be seen; 160 pulls tell σ within 6 %."""
    _, _, found, z, coeff = sample
    bright = (np.abs(coeff).max(axis=1) > 0.7) & (found.zwarn == 0)
    pull = ((found.z - z) / found.zerr)[bright]
    assert bright.sum() > 130
    assert np.mean(np.abs(pull) < 5) > 0.97
    width = (np.quantile(pull, 0.75) - np.quantile(pull, 0.25)) / 1.34896
    assert 0.84 < width < 1.16
    assert 0.84 < np.std(pull[np.abs(pull) < 5]) < 1.16
    assert abs(np.mean(pull[np.abs(pull) < 5])) < 0.3


def test_the_model_is_that_of_whitened_and_masked_components():
    rng = np.random.default_rng(9)
    sky, target = gaussian.sky(rng, mask=True), gaussian.target(scale=20.0)
    spectra, _ = gaussian.lattice_spectra(rng, [sky, target], 1, z=np.array([2.1]), coeff=[3.0, 0.0])
    found = find_redshifts(madgics_scan(spectra, target=target, nuisance=[sky], **RANGE), spectra)
    flux = found.model(0, spectra)
    used = np.isfinite(flux)
    used[[90, 91, 92, 290]] = False  # masked
    residual = spectra.flux[0, used] - flux[used]
    prior = np.sum(separate(spectra, [sky, target], z=found.z).coeff ** 2)
    assert np.sum(spectra.ivar[0, used] * residual**2) + prior == pytest.approx(found.chi2[0], rel=1e-3)


def test_the_error_is_where_delta_chi2_has_risen_by_one(sample, model):
    """[L, eq. 12]: dz = (1+z) ln 10 step dp, with dp from Δχ² = 1, by dense covariances."""
    spectra, _, found, _, coeff = sample
    row = int(np.argmax(np.abs(coeff[:, 0])))
    grid = LogGrid(35550, 600, gaussian.STEP)
    flux, ivar = np.zeros((2, grid.size))
    inside = slice(gaussian.SKY_GRID.start + 10 - grid.start, gaussian.SKY_GRID.start - 10 + 500 - grid.start)
    flux[inside], ivar[inside] = spectra.flux[row], spectra.ivar[row]
    nuisance = model.nuisance[0].in_flux(grid)
    z, zerr = found.z[row], found.zerr[row]
    base, low, high = (
        oracle.delta_chi2(flux, ivar, nuisance, model.target.at(x).in_flux(grid))[0] for x in (z, z - zerr, z + zerr)
    )
    assert (low + high) / 2 - base == pytest.approx(1, rel=0.1)
    assert found.chi2[row] - found.chi2_null[row] == pytest.approx(base, rel=1e-5)
    assert found.detection[row] == pytest.approx(-base, rel=1e-5)


def test_total_chi2_is_that_of_the_noise(sample):
    _, scan, found, _, _ = sample
    assert np.all(np.abs(found.chi2 / found.npixels - 1) < 0.25)
    np.testing.assert_array_equal(found.chi2_null, scan.null)
    assert np.all(found.detection > 0)
    lowest = np.min(scan.chi2, axis=1)
    settled = found.zwarn == 0
    assert np.all(found.chi2[settled] <= lowest[settled] + 0.05)


def test_coefficients_are_the_drawn_ones(sample):
    _, _, found, z, coeff = sample
    right = np.abs(found.z - z) < 3 * found.zerr
    off = (found.coeff - coeff)[right]
    assert np.median(np.abs(off)) < 0.1
    assert found.coeff.shape == (200, 2)


def test_candidates_are_ranked_and_apart(sample):
    _, _, found, _, _ = sample
    assert found.zalt.shape == (200, 5)
    np.testing.assert_array_equal(found.zalt[:, 0], found.z)
    for row in found.zalt:
        row = np.sort(row[np.isfinite(row)])
        assert np.all(np.diff(np.log1p(row)) * 299792.458 > 300)
    for column, value in ((found.spectype, "LAE"), (found.subtype, "LAE"), (found.fitmethod, "MADGICS")):
        assert list(column) == 200 * [value]


def test_company_and_batch_size_do_not_change_a_bit(sample, model):
    spectra, _, found, _, _ = sample
    empty = Spectra(spectra.wave[0], spectra.flux[0], np.zeros(480), ids=["empty"])
    company = Spectra.concatenate([spectra[3:4], empty, spectra[1:2]])
    scan = madgics_scan(company, target=model.target, nuisance=model.nuisance, **RANGE, batch_size=2)
    other = find_redshifts(scan, company, batch_size=1)
    for name in SHARED:
        np.testing.assert_array_equal(getattr(other, name)[[0, 2]], getattr(found, name)[[3, 1]])
    assert other.status[1] == Status.NO_DATA
    assert np.isnan(other.z[1])
    assert other.zwarn[1] & ZWarn.NODATA


def test_flags(rng, model):
    """The end of the range; noise alone; the line where two cameras meet."""
    z = np.array([2.103, 2.15])
    spectra, _ = gaussian.lattice_spectra(rng, [model.target], 2, z=z, coeff=[2.0, 0.0])
    scan = madgics_scan(spectra, target=model.target, **gaussian.SHORT)
    at_limit = find_redshifts(scan, spectra)
    assert at_limit.zwarn[1] & ZWarn.Z_FITLIMIT
    whole = madgics_scan(spectra, target=model.target, **RANGE)
    line = gaussian.LINE * 3.15
    joined = find_redshifts(whole, spectra, joins=[(line - 5, line + 5), (9000.0, 9100.0)])
    np.testing.assert_array_equal(joined.zwarn, [0, ZWarn.CAMERA_JOIN])
    np.testing.assert_array_equal(find_redshifts(whole, spectra).zwarn, 0)
    noise = Spectra(spectra.wave[0], rng.normal(size=(20, 480)), np.ones((20, 480)))
    blank = find_redshifts(madgics_scan(noise, target=model.target, **RANGE), noise)
    assert np.mean((blank.zwarn & ZWarn.SMALL_DELTA_CHI2) > 0) > 0.8


def test_a_candidate_whose_minimum_is_out_of_reach_has_no_error(sample, model):
    """9 pixels from the line χ² still falls towards it at the end of the fine grid."""
    spectra, scan, found, _, coeff = sample
    row = int(np.argmax(np.abs(coeff[:, 0])))
    best = np.round(np.log10(1 + found.z[row]) / gaussian.STEP)
    # As many as candidates usually are, so that the program is the usual one.
    shifts = np.array([[best, best - 9, np.nan, best + 3, np.nan]])
    task = model.fits(scan.trials, WINDOW, own=None)
    fit = run(task, spectra[[row]], np.array([0]), (shifts,), step=model.step, parts=None)
    assert np.isfinite(fit.shift_err[0, 0])
    assert fit.shift_err[0, 1] == np.inf
    assert np.isnan(fit.shift[0, 2])
    np.testing.assert_array_equal(fit.converged[0], [True, True, False, True, False])
    assert fit.shift[0, 3] == pytest.approx(fit.shift[0, 0], abs=1e-3)


def test_a_prior_chooses_between_candidates(sample, model):
    spectra, scan, found, _, _ = sample
    wanted = found.zalt[0, 1]
    pulled = find_redshifts(scan, spectra, prior=posterior.tophat(wanted, 0.006))
    assert pulled.z[0] == pytest.approx(wanted, abs=2e-3)
    assert pulled.detection[0] < found.detection[0]


def test_the_log_determinant_goes_through(sample, model):
    spectra, _, found, _, _ = sample
    some = spectra[:4]
    scan = madgics_scan(some, target=model.target, nuisance=model.nuisance, **RANGE, logdet=True)
    other = find_redshifts(scan, some)
    assert np.all(np.abs(other.z - found.z[:4]) < found.zerr[:4])
    assert np.all(other.detection < found.detection[:4])


def test_a_trough_is_no_emission_line(rng, model):
    """A line at 2.1 and a deeper trough at 2.17: the trough is found unless the line must be one of emission."""
    target = dataclasses.replace(model.target, vectors=model.target.vectors[:1])
    line, _ = gaussian.lattice_spectra(rng, [target], 1, z=[2.1], coeff=[0.25])
    trough, _ = gaussian.lattice_spectra(rng, [target], 1, z=[2.17], coeff=[-0.35])
    both = dataclasses.replace(line, flux=line.flux + trough.flux)
    found = {}
    for emission in (False, True):
        scan = madgics_scan(both, target=target, emission=emission, **RANGE)
        assert scan.model.emission is emission
        found[emission] = find_redshifts(scan, both)
    assert found[False].z[0] == pytest.approx(2.17, abs=1e-3)
    assert found[True].z[0] == pytest.approx(2.1, abs=1e-3)
    place = int(np.argmin(np.abs(found[False].zalt[0] - found[True].z[0])))
    assert found[True].detection[0] == pytest.approx(found[False].chi2_null[0] - found[False].zalt_chi2[0, place])


def test_parts_can_be_joined(sample, model):
    spectra, scan, found, _, _ = sample
    parts = [find_redshifts(scan[rows], spectra[rows]) for rows in (slice(0, 64), slice(64, 200))]
    joined = Redshifts.concatenate(parts)
    for name in SHARED:
        np.testing.assert_array_equal(getattr(joined, name), getattr(found, name))
    with pytest.raises(ValueError, match="need the same models"):
        Redshifts.concatenate([parts[0], dataclasses.replace(parts[1], models=(Madgics(model.target),))])


def test_what_belongs_to_other_spectra_or_models_is_refused(rng, sample):
    spectra, scan, _, _, _ = sample
    brighter = dataclasses.replace(spectra, flux=1.001 * spectra.flux)
    with pytest.raises(ValueError, match="'g0' is not the one that was scanned"):
        find_redshifts(scan, brighter)
    other, _ = small.spectra(rng, 0.1, 5.0)
    nmf = nmf_scan(other, small.basis(), zmin=small.ZMIN, zmax=small.ZMAX)
    with pytest.raises(ValueError, match="pass the spectra that were scanned"):
        find_redshifts(nmf, spectra)
    with pytest.raises(ValueError, match="a basis has lines everywhere"):
        find_redshifts(nmf, other, joins=[(5760.0, 5800.0)])
