"""The metrics of [M, sec. 3.4] against numbers worked out by hand, scipy and slow loops."""

import math

import numpy as np
import pytest
from scipy import stats

from jaxz import validate


def test_relative_error_is_equation_9():
    error = validate.relative_error(np.array([1.01, 0.99, np.nan]), np.array([1.0, 1.0, 1.0]))
    np.testing.assert_allclose(error, [0.005, 0.005, np.nan], rtol=1e-12)


def test_relative_error_refuses_to_broadcast():
    with pytest.raises(ValueError, match="one shape"):
        validate.relative_error(np.zeros(3), np.zeros(1))


def test_good_is_below_the_tolerance_and_never_nan():
    ztrue = np.array([0.0, 0.0, 3.0, 3.0, 1.0])
    z = np.array([0.0049, 0.0051, 3.0199, 3.0201, np.nan])
    assert validate.is_good(z, ztrue).tolist() == [True, False, True, False, False]
    assert validate.is_good(z, ztrue, tolerance=0.01).tolist() == [True, True, True, True, False]


def test_good_fraction_counts_what_was_not_measured():
    good = validate.good_fraction(np.array([1.0, 2.0, np.nan, 5.0]), np.array([1.0, 2.0, 3.0, 4.0]))
    assert (good.ngood, good.ntotal, good.value) == (2, 4, 0.5)
    assert good.low < 0.5 < good.high


def test_good_fraction_of_nothing():
    good = validate.good_fraction(np.array([]), np.array([]))
    assert math.isnan(good.value)
    assert (good.low, good.high) == (0.0, 1.0)


@pytest.mark.parametrize(("ngood", "ntotal"), [(0, 1), (1, 1), (12, 12), (10, 12), (1363, 1454), (0, 500)])
@pytest.mark.parametrize("level", [0.68, 0.95])
def test_wilson_interval_equals_scipy(ngood, ntotal, level):
    expected = stats.binomtest(ngood, ntotal).proportion_ci(confidence_level=level, method="wilson")
    np.testing.assert_allclose(
        validate.wilson_interval(ngood, ntotal, level=level), (expected.low, expected.high), atol=1e-12
    )


@pytest.mark.parametrize("counts", [(3, 2), (-1, 2)])
def test_wilson_interval_of_an_impossible_count(counts):
    with pytest.raises(ValueError, match="0 <= ngood <= ntotal"):
        validate.wilson_interval(*counts)


def test_mean_absolute_error_rejects_beyond_five_mad():
    # Relative errors 1, 2, 3, 4 and 900 (in 1e-4): median 3, MAD 1, so only 900 exceeds 5.
    error = np.array([1, 2, 3, 4, 900]) * 1e-4
    ztrue = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    mae, kept = validate.mean_absolute_error(ztrue + error * (1 + ztrue), ztrue)
    assert kept == 4
    assert mae == pytest.approx(2.5e-4, rel=1e-9)


@pytest.mark.parametrize("z", [[np.nan, np.nan], [1.1, 1.1]], ids=["not measured", "all equal"])
def test_mean_absolute_error_with_nothing_left(z):
    mae, kept = validate.mean_absolute_error(np.array(z), np.ones(2))
    assert math.isnan(mae)
    assert kept == 0


def test_bias_and_scatter_of_the_good_ones():
    rng = np.random.default_rng(3)
    ztrue = rng.uniform(0, 6, 20_000)
    error = rng.normal(2e-4, 3e-4, len(ztrue))
    error[::10] = 0.3
    bias, scatter = validate.bias_and_scatter(ztrue + error * (1 + ztrue), ztrue)
    assert bias == pytest.approx(2e-4, abs=1e-5)
    assert scatter == pytest.approx(3e-4, rel=0.03)
    assert np.isnan(validate.bias_and_scatter(ztrue + 1, ztrue)).all()
