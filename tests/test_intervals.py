"""The densest region of P(z): what it holds, where it ends, and that it covers what it promises."""

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from jaxz.intervals import Peaks, denser, interval

LIMITS = (0.0, 7.0)


def peaks(z, zerr, probability):
    return Peaks.of(*(np.atleast_2d(np.asarray(values, dtype=float)) for values in (z, zerr, probability)))


def test_one_candidate_has_the_interval_of_a_gaussian():
    low, high = interval(peaks(1.0, 1e-3, 1.0), np.array([1.0]), 0.9, LIMITS)
    np.testing.assert_allclose((low[0] - 1, high[0] - 1), stats.norm.interval(0.9, scale=1e-3), rtol=1e-9)
    share = denser(peaks(1.0, 1e-3, 1.0), low)
    np.testing.assert_allclose(share, 0.9, rtol=1e-9)


def test_the_density_is_the_same_at_both_ends_and_the_share_as_asked():
    """Two candidates of other widths: scipy's Gaussians, summed on a fine grid."""
    z, sigma, share = np.array([0.5, 3.0]), np.array([1e-3, 4e-3]), np.array([0.6, 0.4])
    low, high = interval(peaks(z, sigma, share), np.array([0.5]), 0.95, LIMITS)
    density = lambda x: np.sum(share * stats.norm.pdf(x, z, sigma))  # noqa: E731
    assert density(low[0]) == pytest.approx(density(high[0]), rel=1e-6)
    grid = np.concatenate([np.linspace(m - 10 * s, m + 10 * s, 40001) for m, s in zip(z, sigma, strict=True)])
    values = np.array([density(x) for x in grid[::20]])
    step = np.repeat(20 * 20 * sigma / 40000, 2001)[: len(values)]
    held = np.sum((values * step)[values > density(low[0])])
    assert held == pytest.approx(0.95, abs=2e-3)


def test_a_second_candidate_counts_only_where_it_is_needed():
    two = peaks([0.5, 3.0], [1e-3, 1e-3], [0.97, 0.03])
    _, high = interval(two, np.array([0.5]), 0.9, LIMITS)
    assert high[0] < 0.51
    low, high = interval(two, np.array([0.5]), 0.99, LIMITS)
    assert low[0] < 0.5
    assert high[0] > 3.0


def test_what_the_candidates_do_not_have_lies_anywhere():
    low, high = interval(peaks([0.5, 3.0], [1e-3, 1e-3], [0.5, 0.3]), np.array([0.5]), 0.9, LIMITS)
    assert (low[0], high[0]) == LIMITS
    assert denser(peaks([0.5, 3.0], [1e-3, 1e-3], [0.5, 0.3]), np.array([5.0]))[0] == 1


def test_where_nothing_was_measured_there_is_no_interval():
    none = peaks([np.nan, np.nan], [np.nan, np.nan], [np.nan, np.nan])
    assert np.isnan(interval(none, np.array([np.nan]), 0.9, LIMITS)).all()


def test_a_region_of_a_share_covers_as_many_truths_that_are_drawn_from_it(rng):
    many, z = 4000, np.array([0.5, 1.5, 3.0])
    share = rng.dirichlet([2.0, 1.0, 0.5], many)
    sigma = rng.uniform(1e-4, 1e-3, (many, 3))
    which = np.array([rng.choice(3, p=one) for one in share])
    rows = np.arange(many)
    truth = z[which] + sigma[rows, which] * rng.normal(size=many)
    found = denser(peaks(np.tile(z, (many, 1)), sigma, share), truth)
    assert stats.kstest(found, "uniform").pvalue > 0.01


@given(
    hnp.arrays(float, (3, 4), elements=st.floats(0.01, 6)),
    hnp.arrays(float, (3, 4), elements=st.sampled_from([0.0, 1e-5, 1e-3, 0.1, np.inf])),
    hnp.arrays(float, (3, 4), elements=st.floats(0, 0.25)),
    st.floats(0, 1),
)
def test_the_best_redshift_is_in_the_interval_and_more_is_longer(z, zerr, probability, level):
    some = Peaks.of(z, zerr, probability)
    low, high = interval(some, z[:, 0], level, LIMITS)
    assert np.all((low <= z[:, 0]) & (z[:, 0] <= high))
    below, above = interval(some, z[:, 0], level / 2, LIMITS)
    inside = (below >= LIMITS[0]) & (above <= LIMITS[1])
    assert np.all((low <= below + 1e-9) | ~inside)
    assert np.all((high >= above - 1e-9) | ~inside)
