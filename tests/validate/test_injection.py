"""Injected lines are found again as often as theory allows, and the calibration is that of [L, §IV.2.3]."""

import dataclasses
import math

import numpy as np
import pytest

from jaxz import find_redshifts, madgics_scan, mock, validate
from jaxz.status import Status, ZWarn
from tests import gaussian, made

RANGE = {"zmin": 2.03, "zmax": 2.22}
"""Of the search. Lines are within it, as one at its end counts as not found."""
LINE = gaussian.target(scale=3.0)
PROFILE = dataclasses.replace(LINE, vectors=LINE.vectors[:1])
GRID = gaussian.SKY_GRID


def lines(snr, seed, *, count=150, profiles=PROFILE):
    blank = mock.constant_noise(GRID, count, seed=seed, whitening=LINE.whitening)
    return mock.inject(blank, profiles, snr=np.full(count, snr), seed=seed, sigma=0.3, zmin=2.035, zmax=2.215)


def found(spectra, target, **options):
    scan = madgics_scan(spectra, target=target, emission=True, **RANGE, **options)
    return find_redshifts(scan, spectra)


def test_the_search_is_as_good_as_a_filter_that_knows_the_line():
    """With one vector, that of the line, the two are the same search but for the fine grid."""
    narrow = dataclasses.replace(PROFILE, vectors=10 * PROFILE.vectors)
    for snr, low, high in ((3.0, 0.5, 0.9), (6.0, 0.97, 1.0)):
        spectra, truth = lines(snr, seed=int(snr))
        ideal = validate.is_recovered(validate.matched_filter(spectra, PROFILE, truth.profile, **RANGE), truth.z)
        ours = validate.is_recovered(found(spectra, narrow).z, truth.z)
        assert low < ideal.mean() <= high
        assert abs(ideal.mean() - ours.mean()) < 0.02


def test_a_filter_of_either_sign_finds_troughs():
    spectra, truth = lines(9.0, seed=2, count=5)
    upside_down = dataclasses.replace(spectra, flux=-spectra.flux)
    options = {"emission": False, **RANGE}
    z = validate.matched_filter(upside_down, PROFILE, truth.profile, **options)
    np.testing.assert_array_equal(z, validate.matched_filter(spectra, PROFILE, truth.profile, **options))
    assert validate.is_recovered(z, truth.z).all()
    assert not validate.is_recovered(
        validate.matched_filter(upside_down, PROFILE, truth.profile, **RANGE), truth.z
    ).all()


def test_calibration_makes_wrong_noise_right():
    """Noise that is twice what ivar says: errors come out half as large as they are, and |Δχ²| four times too large."""
    target = dataclasses.replace(PROFILE, vectors=10 * PROFILE.vectors)
    measured = []
    for seed in (1, 2):
        spectra, truth = lines(30.0, seed=seed, count=400)
        spectra = dataclasses.replace(spectra, ivar=4 * spectra.ivar)
        measured.append((found(spectra, target), truth))
    (first, of_first), (second, of_second) = measured
    s = validate.calibration(first.detection, of_first.snr)
    assert s == pytest.approx(2, rel=0.02)
    raw = validate.iqr_ratio(validate.z_scores(second.z, second.zerr, of_second.z))
    better = validate.calibrated(second, s)
    assert raw == pytest.approx(2, rel=0.15)
    ratio = validate.iqr_ratio(validate.z_scores(better.z, better.zerr, of_second.z))
    assert ratio == pytest.approx(raw / s)
    np.testing.assert_array_equal(better.meta["ZERR_RAW"], second.zerr)
    np.testing.assert_allclose(better.meta["DETECTION"], second.detection / s**2)
    np.testing.assert_array_equal(better.zalt_err[:, 0], better.zerr)
    np.testing.assert_array_equal(better.detection, second.detection)


def test_recovered_fractions_by_hand():
    z = np.array([2.0, 2.1049, 2.1051, np.nan, 3.0])
    ztrue = np.array([2.0, 2.1, 2.1, 2.2, 3.0])
    snr = np.array([1.0, 1.5, 1.9, 2.0, 4.0])
    low, high, empty = validate.recovered_fraction(z, ztrue, snr, [1.0, 2.0, 3.0, 3.5])
    assert (low.ngood, low.ntotal, high.ngood, high.ntotal) == (2, 3, 0, 1)
    assert math.isnan(empty.value)
    with pytest.raises(ValueError, match="edges of bins must increase"):
        validate.recovered_fraction(z, ztrue, snr, [2.0, 1.0])


def test_scores_leave_out_what_is_lost_or_has_no_error():
    z, ztrue = np.array([2.001, 2.5, 2.002, np.nan]), np.full(4, 2.0)
    scores = validate.z_scores(z, np.array([0.001, 0.001, np.inf, 0.001]), ztrue)
    np.testing.assert_allclose(scores, [1.0])
    assert math.isnan(validate.iqr_ratio(np.zeros(0)))


def test_calibration_needs_lines():
    with pytest.raises(ValueError, match="nothing to calibrate with"):
        validate.calibration(np.array([np.nan, 4.0]), np.array([3.0, 0.0]))
    assert validate.calibration(np.array([4.0, 9.0, 0.0]), np.array([1.0, 1.0, 0.0])) == 2.5


def test_what_cannot_be_measured_has_a_status():
    """All pixels masked; a range of redshifts that the spectrum does not cover; a component on another lattice step."""
    spectra, _ = lines(9.0, seed=2, count=2)
    masked = dataclasses.replace(spectra, ivar=np.stack([spectra.ivar[0], 0 * spectra.ivar[1]]))
    result = found(masked, LINE)
    assert result.status.tolist() == [Status.OK, Status.NO_DATA]
    assert result.zwarn[1] & ZWarn.NODATA
    beyond = madgics_scan(spectra, target=LINE, zmin=3.5, zmax=3.6, emission=True)
    assert set(beyond.status) == {Status.NO_COVERAGE}
    assert np.isnan(find_redshifts(beyond, spectra).z).all()
    with pytest.raises(ValueError, match="resample it with component"):
        found(spectra, LINE, nuisance=[gaussian.sky(np.random.default_rng(1)).with_step(2e-4)])
    with pytest.raises(ValueError, match="calibrate redshifts of madgics_scan"):
        validate.calibrated(dataclasses.replace(result, models=(made.model(),)), 2.0)
