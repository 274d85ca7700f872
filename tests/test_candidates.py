"""What a catalog promises of its candidates, whatever the spectra: properties of `find_redshifts` and `compare`."""

import dataclasses

import numpy as np
import pytest

import jaxz
from jaxz import Spectra, ZWarn, posterior
from jaxz.classes import CHARGE
from jaxz.models import Basis
from tests import small

RANGE = {"zmin": small.ZMIN, "zmax": small.ZMAX}


@pytest.fixture(scope="module")
def sample():
    """Spectra that the model is not the truth of: bright ones, noise, a slope, a spike, negative flux."""
    rng = np.random.default_rng(77)
    z = rng.uniform(0.0, 0.25, 24)
    spectra, _ = small.spectra(rng, z, np.geomspace(0.3, 300, 24))
    flux = np.array(spectra.flux)
    wave = spectra.wave[0]
    flux[::4] += np.median(flux[::4], axis=1, keepdims=True) * np.sin(wave / 150)
    flux[1] = rng.normal(size=700)
    flux[2] = -flux[2]
    flux[3] *= wave / wave[0]
    flux[5, 300] *= 50
    return Spectra(wave, flux, spectra.ivar, ids=spectra.ids)


@pytest.fixture(scope="module")
def scan(sample):
    return jaxz.nmf_scan(sample, small.basis(), **RANGE)


PRIORS = {
    "none": None,
    "gaussian": posterior.gaussian(0.1, 0.01),
    "lorentzian": posterior.lorentzian(np.linspace(0, 0.25, 24), 0.002),
    "tophat": posterior.tophat(0.12, 0.15),
}


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("nminima", [1, 3, 5])
def test_deltachi2_is_that_of_the_first_two(sample, scan, prior, nminima):
    found = jaxz.find_redshifts(scan, sample, nminima=nminima, prior=PRIORS[prior])
    more = jaxz.find_redshifts(scan, sample, nminima=7, prior=PRIORS[prior])
    score = more.zalt_chi2 + more.zalt_penalty
    # Where the flux is negative no coefficient is positive at any redshift: the curve is level.
    some = np.isfinite(found.z)
    assert np.count_nonzero(~some) <= 1
    assert np.all(found.deltachi2[some] >= 0)
    assert np.all(found.robustness[some] >= 0)
    if nminima > 1:
        own = found.zalt_chi2 + found.zalt_penalty
        two = np.isfinite(own[:, 1])
        assert two.any()
        np.testing.assert_allclose(found.deltachi2[two], (own[:, 1] - own[:, 0])[two], rtol=1e-9, atol=1e-9)
        assert np.all(np.diff(own, axis=1)[np.isfinite(np.diff(own, axis=1))] >= 0), "candidates are not in order"
    # No candidate that more would have shown among the first few is better than the best.
    assert np.all(score[some, 0] <= (found.zalt_chi2 + found.zalt_penalty)[some, 0] + 1e-6)
    if prior == "none":
        assert np.all(found.zalt_penalty[np.isfinite(found.zalt)] == 0)


def test_z_pconf_and_deltachi2_are_of_one_ranking(sample, scan):
    """Where the second is worse by Δχ², P cannot be more than its share against the first alone."""
    found = jaxz.find_redshifts(scan, sample)
    two = np.isfinite(found.zalt[:, 1]) & (found.status == 0)
    # The mass of a minimum is about its width times exp(-χ²/2); widths differ by no more than some tens.
    assert np.all(found.pconf[two] > 0.02 / (1 + np.exp(-found.deltachi2[two] / 2)))
    narrow = found.zerr < 0.001 * (1 + found.z)
    assert np.all(found.pconf[two & narrow & (found.deltachi2 > 40)] > 0.99)
    assert np.all((found.pconf[two] >= 0) & (found.pconf[two] <= 1))


@pytest.mark.parametrize("prior", PRIORS)
def test_probabilities_of_candidates_are_those_of_one_posterior(sample, scan, prior):
    found = jaxz.find_redshifts(scan, sample, prior=PRIORS[prior])
    np.testing.assert_array_equal(np.isfinite(found.zalt_prob), np.isfinite(found.zalt))
    some = np.isfinite(found.z)
    probability = np.nan_to_num(found.zalt_prob)
    assert np.all((probability >= 0) & (probability <= 1))
    assert np.all(probability.sum(axis=1) <= 1 + 1e-12)
    np.testing.assert_array_equal(found.zalt_prob[:, 0], found.pconf)
    low, high = found.z_interval
    assert np.all((low <= found.z)[some] & (found.z <= high)[some])
    assert np.all(np.isnan(low[~some]) & np.isnan(high[~some]))
    same = jaxz.find_redshifts(scan, sample, prior=PRIORS[prior], batch_size=5)
    for name in ("zalt_prob", "z_interval"):
        np.testing.assert_array_equal(getattr(same, name), getattr(found, name))


def test_the_lowest_chi2_wins_even_without_a_parabola(sample, scan):
    """A curve that says otherwise by its refinement: errors that are infinite do not demote."""
    found = jaxz.find_redshifts(scan, sample, nminima=7)
    some = np.isfinite(found.z)
    np.testing.assert_array_equal(np.nanargmin(found.zalt_chi2[some], axis=1), 0)
    flagged = (found.zwarn & ZWarn.BAD_MINFIT) > 0
    np.testing.assert_array_equal(flagged, ~np.isfinite(found.zerr))


def test_a_scan_of_other_spectra_is_refused(sample, scan):
    flux = np.array(sample.flux)
    flux[7, 100] += 1
    changed = Spectra(sample.wave[0], flux, sample.ivar, ids=sample.ids)
    with pytest.raises(ValueError, match="'s7' is not the one that was scanned"):
        jaxz.find_redshifts(scan, changed)
    with pytest.raises(ValueError, match="pass the spectra that were scanned"):
        jaxz.find_redshifts(scan, sample[:5])


def test_a_scan_reports_its_optimality(scan, sample):
    assert np.all(scan.unconverged == 0)
    assert np.all((scan.kkt >= 0) & (scan.kkt < 1e-4))
    found = jaxz.find_redshifts(scan, sample)
    assert np.all((found.chi2_null >= found.chi2)[np.isfinite(found.z)])


@pytest.fixture(scope="module")
def other():
    """A model of another class: one line, and a continuum."""
    basis = small.basis()
    return Basis(basis.vectors[1:2] + 0.2 * basis.vectors[3:], basis.grid, name="ONE", spectype="OTHER")


def test_compare_takes_the_model_that_fits_best(other):
    rng = np.random.default_rng(3)
    basis = small.basis()
    coeff = np.tile([0.0, 1.0, 0.0, 0.2], (6, 1))
    coeff[3:] = [1.0, 0.3, 1.0, 0.5]
    spectra, _ = small.spectra(rng, np.full(6, 0.1), 30.0, coeff=coeff)
    found = [jaxz.find_redshifts(jaxz.nmf_scan(spectra, b, **RANGE), spectra) for b in (basis, other)]
    best = jaxz.compare(found, charge=9.0)
    np.testing.assert_array_equal(best.spectype, ["OTHER"] * 3 + ["GALAXY"] * 3)
    np.testing.assert_array_equal(best.subtype, ["ONE"] * 3 + ["SMALL"] * 3)
    np.testing.assert_array_equal(best.ncoeff, [1] * 3 + [4] * 3)
    np.testing.assert_array_equal(best.which, [1] * 3 + [0] * 3)
    assert best.coeff.shape == (6, 4)
    assert np.isnan(best.coeff[:3, 1:]).all()
    assert np.all(np.abs(best.z - 0.1) < 1e-3)
    # Without a charge, what has more freedom never fits worse.
    free = jaxz.compare(found)
    assert np.all(free.spectype == "GALAXY")
    np.testing.assert_array_equal(free.z, found[0].z)


def test_compare_keeps_candidates_of_all_models_apart(sample, scan, other):
    first = jaxz.find_redshifts(scan, sample)
    second = jaxz.find_redshifts(jaxz.nmf_scan(sample, other, **RANGE), sample)
    best = jaxz.compare([first, second])
    score = best.zalt_chi2 + best.zalt_penalty
    some = np.isfinite(first.z) & np.isfinite(second.z)
    for row in np.flatnonzero(some):
        z = best.zalt[row][np.isfinite(best.zalt[row])]
        apart = 299792.458 * np.abs(np.subtract.outer(np.log1p(z), np.log1p(z)))[~np.eye(len(z), dtype=bool)]
        assert np.all(apart >= 1000)
        lowest = np.nanmin([np.nanmin(found.zalt_chi2[row]) for found in (first, second)])
        assert best.chi2[row] == best.zalt_chi2[row, 0] == lowest
    assert np.all(best.deltachi2[some] >= 0)
    two = np.isfinite(score[:, 1])
    np.testing.assert_allclose(best.deltachi2[two], (score[:, 1] - score[:, 0])[two])
    assert np.all((best.pconf[some] >= 0) & (best.pconf[some] <= 1))
    probability = np.nan_to_num(best.zalt_prob[some])
    assert np.all((probability >= 0) & (probability.sum(axis=1, keepdims=True) <= 1 + 1e-12))
    assert np.all(probability[:, 0] >= best.pconf[some] - 1e-12)
    low, high = best.z_interval
    assert np.all((low <= best.z)[some] & (best.z <= high)[some])
    assert np.all((best.pconf <= np.maximum(first.pconf, second.pconf) + 1e-12)[some])


def test_a_redshift_that_two_classes_share_is_as_sure_as_both_together(sample, scan):
    """Twins: half of the probability each of the class, all of it of the redshift."""
    found = jaxz.find_redshifts(scan, sample)
    twin = dataclasses.replace(found, spectype=np.full(len(found), "QSO"))
    best = jaxz.compare([found, twin])
    some = np.isfinite(found.z)
    np.testing.assert_allclose(best.pclass[some], 0.5)
    np.testing.assert_allclose(best.pconf[some], found.pconf[some] / 2)
    alone = np.nan_to_num(found.zalt_prob)[some]
    np.testing.assert_allclose(np.nan_to_num(best.zalt_prob)[some], alone, atol=1e-12)


def test_compare_refuses_what_cannot_be_compared(sample, scan, other):
    found = jaxz.find_redshifts(scan, sample)
    with pytest.raises(ValueError, match="nothing to compare"):
        jaxz.compare([])
    part = jaxz.find_redshifts(scan[:5], sample[:5])
    with pytest.raises(ValueError, match="different spectra"):
        jaxz.compare([found, part])


def test_redrock_classes_are_told_apart(data):
    """Redrock's own templates, scanned here, against our galaxies: quasars and stars of SDSS, all but one at most."""
    from jaxz.io import read, read_basis, read_table

    folder = data / "classes" / "sdss_files"
    truth = [row for row in read_table(folder / "truth.ecsv") if str(row["class"]).strip() in ("STAR", "QSO")]
    chosen = truth[:3] + [row for row in truth if str(row["class"]).strip() == "QSO"][:3]
    spectra = read([folder / str(row["file"]).strip() for row in chosen])
    models = [
        (jaxz.NonNegative(jaxz.load_basis().with_step(1e-4)), 0.0, 1.7),
        (jaxz.Free(read_basis(data / "templates" / "rrtemplate-QSO-LOZ-v1.1.fits")), 0.05, 1.6),
        (jaxz.Free(read_basis(data / "templates" / "rrtemplate-QSO-HIZ-v1.1.fits")), 1.4, 4.0),
    ]
    stars = sorted((data / "templates" / "redrock").glob("*STAR-[FGK]*"))
    models += [(jaxz.Free(read_basis(path)), -0.002, 0.00201) for path in stars]
    found = []
    for model, low, high in models:
        found.append(jaxz.find_redshifts(jaxz.scan(spectra, model, zmin=low, zmax=high), spectra))
    best = jaxz.compare(found, charge=CHARGE)
    right = [kind == str(row["class"]).strip() for kind, row in zip(best.spectype, chosen, strict=True)]
    assert sum(right) >= len(right) - 1
