import dataclasses

import numpy as np
import pytest

from jaxz import posterior
from jaxz.calibration import OPTICAL
from jaxz.likelihood import best_fit, fitted_flux
from jaxz.models import NonNegative
from jaxz.redshift import Redshifts, find_redshifts
from jaxz.scan import ZScan, nmf_scan
from jaxz.spectra import Spectra
from jaxz.status import Status, ZWarn
from tests import small

RANGE = {"zmin": small.ZMIN, "zmax": small.ZMAX}
SHORT = {"zmin": 0.095, "zmax": 0.105}


@pytest.fixture(scope="module")
def basis():
    return small.basis()


@pytest.fixture(scope="module")
def sample(basis):
    rng = np.random.default_rng(11)
    z = rng.uniform(0.02, 0.23, size=60)
    spectra, coeff = small.spectra(rng, z, np.geomspace(2, 100, 60))
    scan = nmf_scan(spectra, basis, **RANGE)
    return spectra, scan, find_redshifts(scan, spectra), z, coeff


def test_redshifts_are_right_within_their_errors(sample):
    _, _, found, z, _ = sample
    pull = (found.z - z) / found.zerr
    assert np.all(np.abs(found.z - z) < 1e-3)
    assert 0.75 < np.std(pull) < 1.3
    assert np.abs(np.mean(pull)) < 0.5
    assert np.all(found.zwarn == 0)
    assert found.z.dtype == found.zerr.dtype == np.float64


def test_errors_scale_with_the_noise(sample):
    _, _, found, _, _ = sample
    assert np.median(found.zerr[:20]) > 8 * np.median(found.zerr[-20:])


def test_chi2_and_coefficients_are_those_of_the_model(sample, basis):
    spectra, _, found, _, coeff = sample
    model = best_fit(spectra, NonNegative(basis), found.z)
    np.testing.assert_allclose(found.chi2, np.sum(spectra.ivar * (spectra.flux - model) ** 2, axis=1), rtol=1e-6)
    assert np.all(np.abs(found.chi2 / found.npixels - 1) < 0.3)
    np.testing.assert_allclose(found.coeff[-1], coeff[-1], rtol=0.1)


def test_flux_of_known_coefficients_is_that_of_the_best_fit(sample, basis):
    """Also on irregular pixels with bad ones at both ends, and where there is no redshift."""
    wave = sample[0].wave[0] + 0.6 * np.sin(np.arange(700))
    bad = np.isin(np.arange(700), [0, 1, 50, 699]) | (np.arange(3) == 1)[:, None]
    spectra = Spectra(wave, sample[0].flux[-3:], np.where(bad, 0, sample[0].ivar[-3:]))
    found = find_redshifts(nmf_scan(spectra, basis, **RANGE), spectra)
    flux, model = fitted_flux(spectra, basis, found.z, found.coeff), best_fit(spectra, NonNegative(basis), found.z)
    np.testing.assert_allclose(flux, model, rtol=0, atol=1e-7 * np.nanmax(model))
    np.testing.assert_array_equal(np.isfinite(found.z), [True, False, True])
    with pytest.raises(ValueError, match=r"coeff \(3, 2\): give those of each spectrum, \(3,\) and \(3, 4\)"):
        fitted_flux(spectra, basis, found.z, np.ones((3, 2)))


def test_scores_follow_their_equations(sample):
    _, scan, found, _, _ = sample
    row = 5
    chi2 = scan.chi2[row].astype(float)
    quartile = np.quantile(chi2, 0.25)
    best = chi2[np.argmin(np.abs(scan.z - found.z[row]))]
    assert found.significance[row] == pytest.approx(1 - best / quartile, rel=1e-3)
    velocity = 299792.458 * np.log((1 + scan.z) / (1 + found.z[row]))
    padded = np.concatenate([[np.inf], chi2, [np.inf]])
    local = (chi2 < padded[:-2]) & (chi2 <= padded[2:]) & (np.abs(velocity) > 1000)
    # The next minimum of the curve is a candidate, and R is in what the closer look made of both.
    follower = np.abs(found.zalt[row] - scan.z[local][np.argmin(chi2[local])]).argmin()
    assert found.zalt[row, follower] == pytest.approx(scan.z[local][np.argmin(chi2[local])], abs=2e-4)
    assert follower > 0
    expected = (found.zalt_chi2[row, 1] - found.chi2[row]) / np.std(chi2[chi2 <= quartile])
    assert found.robustness[row] == pytest.approx(expected, rel=1e-6)
    assert found.robustness[row] == pytest.approx((chi2[local].min() - best) / np.std(chi2[chi2 <= quartile]), rel=0.2)


def test_candidates_are_ranked_and_apart(sample):
    _, _, found, _, _ = sample
    assert found.zalt.shape == (60, 5)
    np.testing.assert_array_equal(found.zalt[:, 0], found.z)
    np.testing.assert_array_equal(found.zalt_chi2[:, 0], found.chi2)
    for row in found.zalt:
        row = row[np.isfinite(row)]
        velocity = 299792.458 * np.abs(np.subtract.outer(np.log1p(row), np.log1p(row)))
        assert np.all(velocity[~np.eye(len(row), dtype=bool)] > 800)
    np.testing.assert_allclose(found.deltachi2[:20], (found.zalt_chi2[:, 1] - found.zalt_chi2[:, 0])[:20])


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_every_precision_gives_the_same_redshift(sample, basis, precision):
    spectra, _, found, _, _ = sample
    other = find_redshifts(nmf_scan(spectra, basis, **RANGE, precision=precision), spectra)
    assert np.all(np.abs(found.z - other.z) < 0.1 * found.zerr)


def test_company_and_batch_size_do_not_change_a_bit(rng, sample, basis):
    spectra, _, found, _, _ = sample
    long = small.spectra(rng, 0.1, 5.0, wave=np.geomspace(3500, 7000, 3000))[0]
    empty = Spectra(spectra.wave[0], spectra.flux[0], np.zeros(700), ids=["empty"])
    company = Spectra.concatenate([spectra[:2], long, empty, spectra[2:4]])
    other = find_redshifts(nmf_scan(company, basis, **RANGE), company, batch_size=3)
    for name in ("z", "zerr", "chi2", "coeff", "significance", "robustness", "pconf", "zalt", "zwarn"):
        np.testing.assert_array_equal(getattr(other, name)[[0, 1, 4, 5]], getattr(found, name)[:4])
    assert other.status[3] == Status.NO_DATA
    assert np.isnan(other.z[3])
    assert other.zwarn[3] == ZWarn.NODATA | ZWarn.LITTLE_COVERAGE


def test_a_redshift_without_optical_lines_says_so(sample):
    spectra, _, found, _, _ = sample
    assert not found.ultraviolet.any()
    last = spectra.wave[0, -1]
    np.testing.assert_array_equal(found.reddest, last)
    edge = last / OPTICAL - 1
    far = dataclasses.replace(found[:3], z=np.array([edge - 0.01, edge + 0.01, np.nan]))
    assert far.ultraviolet.tolist() == [False, True, False]


def test_a_part_of_redshifts_is_that_of_the_spectra(sample, basis):
    spectra, scan, found, _, _ = sample
    part = find_redshifts(scan[3:7], spectra[3:7])
    for some in (found[3:7], found[[3, 4, 5, 6]], found[np.isin(np.arange(60), [3, 4, 5, 6])]):
        assert some.ids == part.ids
        for name in ("z", "zalt_prob", "zwarn", "coeff"):
            np.testing.assert_array_equal(getattr(some, name), getattr(part, name))


def test_noise_alone_is_flagged(rng, basis):
    wave = 3800 + 2.0 * np.arange(700)
    blank = Spectra(wave, rng.normal(size=(20, 700)), np.ones((20, 700)))
    found = find_redshifts(nmf_scan(blank, basis, **RANGE), blank)
    assert np.mean((found.zwarn & ZWarn.SMALL_DELTA_CHI2) > 0) > 0.8
    assert np.median(found.pconf) < 0.9


def test_a_minimum_at_the_end_of_the_range_is_flagged(rng, basis):
    spectra, _ = small.spectra(rng, [SHORT["zmax"] + 2e-4], 30.0)
    found = find_redshifts(nmf_scan(spectra, basis, **SHORT), spectra)
    assert found.zwarn[0] & ZWarn.Z_FITLIMIT


def test_a_prior_chooses_between_candidates(sample, basis):
    spectra, scan, found, _, _ = sample
    wanted = found.zalt[0, 1]
    pulled = find_redshifts(scan, spectra, prior=posterior.tophat(wanted, 0.004))
    assert pulled.z[0] == pytest.approx(wanted, abs=1e-4)
    assert pulled.chi2[0] > found.chi2[0]
    excluded = find_redshifts(scan, spectra, prior=posterior.tophat(5.0, 0.1))
    assert np.isnan(excluded.z).all()
    assert np.all(excluded.status == Status.NO_CANDIDATE)
    assert np.all(excluded.zwarn & ZWarn.BAD_MINFIT)


def test_resolution_is_applied_to_the_model(rng, basis):
    """Spectra blurred by a banded matrix are fitted well only by the model blurred alike."""
    spectra, _ = small.spectra(rng, [0.1], 1e4)
    kernel = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
    bands = np.tile(kernel[:, None], (1, 1, 700))
    blurred = np.convolve(spectra.flux[0], kernel, mode="same")
    inside = np.where(np.abs(np.arange(700) - 350) < 340, 1.0, 0.0)
    with_matrix = Spectra(spectra.wave, blurred[None], inside[None], resolution=bands)
    without = Spectra(spectra.wave, blurred[None], inside[None])
    found = [find_redshifts(nmf_scan(s, basis, **SHORT), s) for s in (without, with_matrix)]
    sharp, right = (one.chi2[0] for one in found)
    assert right < 1e-2 * sharp
    assert found[1].z[0] == pytest.approx(0.1, abs=1e-6)
    model = best_fit(with_matrix, NonNegative(basis), found[1].z)
    assert np.nansum(with_matrix.ivar * (with_matrix.flux - model) ** 2) == pytest.approx(right, rel=1e-6)
    again = fitted_flux(with_matrix, basis, found[1].z, found[1].coeff)
    np.testing.assert_allclose(again, model, rtol=0, atol=1e-7 * np.nanmax(model))


def test_wrong_use_raises(sample, basis):
    spectra, scan, _, _, _ = sample
    with pytest.raises(ValueError, match="pass the spectra that were scanned"):
        find_redshifts(scan, spectra[:2])
    changed = spectra.flux + 1e-6 * (np.arange(60)[:, None] == 7)
    other = Spectra(spectra.wave, changed, spectra.ivar, ids=spectra.ids)
    with pytest.raises(ValueError, match="spectrum 's7' is not the one that was scanned"):
        find_redshifts(scan, other)
    with pytest.raises(ValueError, match="nminima=0"):
        find_redshifts(scan, spectra, nminima=0)
    with pytest.raises(ValueError, match="prior has shape"):
        find_redshifts(scan, spectra, prior=lambda z: np.zeros(3))


def test_one_candidate_still_has_deltachi2(sample, basis):
    spectra, scan, _, _, _ = sample
    one = find_redshifts(scan, spectra, nminima=1)
    assert one.zalt.shape == (60, 1)
    assert np.isfinite(one.deltachi2).all()


def test_an_empty_batch_is_an_empty_result(basis):
    nothing = Spectra(np.arange(4000.0, 4010), np.zeros((0, 10)), np.zeros((0, 10)))
    scan = nmf_scan(nothing, basis, **RANGE)
    assert scan.chi2.shape == (0, len(scan.z))
    assert len(find_redshifts(scan, nothing)) == 0


def test_curves_with_a_single_minimum_have_a_finite_deltachi2(sample, basis):
    spectra, scan, _, _, _ = sample
    near = np.abs(scan.z[None] - 0.1)
    single = dataclasses.replace(scan, chi2=np.tile(1e4 * near, (60, 1)))
    found = find_redshifts(single, spectra)
    assert np.isfinite(found.deltachi2).all()


def test_parts_can_be_joined(sample, basis):
    spectra, scan, found, _, _ = sample
    parts = [find_redshifts(scan[rows], spectra[rows]) for rows in (slice(0, 20), slice(20, 60))]
    joined = Redshifts.concatenate(parts)
    assert joined.ids == found.ids
    np.testing.assert_array_equal(joined.z, found.z)
    np.testing.assert_array_equal(joined.coeff, found.coeff)
    curves = ZScan.concatenate([scan[:20], scan[20:]])
    np.testing.assert_array_equal(curves.chi2, scan.chi2)
    other = NonNegative(dataclasses.replace(basis, vectors=2 * basis.vectors))
    with pytest.raises(ValueError, match="need the same models"):
        Redshifts.concatenate([parts[0], dataclasses.replace(parts[1], models=(other,))])
    with pytest.raises(ValueError, match="need one model"):
        ZScan.concatenate([scan[:20], dataclasses.replace(scan[20:], model=other)])
    with pytest.raises(ValueError, match="same trial redshifts"):
        ZScan.concatenate([scan, nmf_scan(spectra[:2], basis, **SHORT)])


def test_a_minimum_made_by_the_edge_of_a_prior_is_flagged(sample, basis):
    """The curve still falls where the top-hat ends: the redshift beside its edge is no minimum."""
    spectra, scan, found, _, _ = sample
    beside = posterior.tophat(found.z[0] + 0.0006, 0.001)
    cut = find_redshifts(scan[:1], spectra[:1], prior=beside)
    assert cut.zwarn[0] & ZWarn.Z_FITLIMIT
    assert cut.deltachi2[0] < np.ptp(scan.chi2[0])


def test_warning_bits_that_are_known_before_are_kept(sample, basis):
    spectra, scan, found, _, _ = sample
    known = np.zeros(60, dtype=np.uint32)
    known[[3, 5]] = ZWarn.SKY, ZWarn.POORDATA | ZWarn.SKY
    told = Spectra(spectra.wave, spectra.flux, spectra.ivar, ids=spectra.ids, meta={"ZWARN": known})
    flagged = find_redshifts(scan, told)
    assert flagged.zwarn.dtype == np.int32
    np.testing.assert_array_equal(flagged.zwarn, known | found.zwarn)
    np.testing.assert_array_equal(flagged.z, found.z)
