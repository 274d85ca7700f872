"""The second redshift in a spectrum: sums of two galaxies of a small basis, and what is none."""

import dataclasses

import numpy as np
import pytest

import jaxz
from jaxz import NonNegative, Spectra, mock
from jaxz.blends import CONFUSION, EVEN, LYA, STRONG, Blends, confused, deblend, without_lines
from tests import small

ZFIRST, ZSECOND = 0.05, 0.195


@pytest.fixture(scope="module")
def spectra():
    """A sum of two galaxies, either alone, and a spectrum without data."""
    rng = np.random.default_rng(3)
    first, second = (small.spectra(rng, z, 60.0, coeff=np.array([[1.0, 0.8, 0.5, 1.0]]))[0] for z in (ZFIRST, ZSECOND))
    flux = np.concatenate([first.flux + 0.5 * second.flux, first.flux, second.flux, np.zeros_like(first.flux)])
    variance = 1 / first.ivar + 0.25 / second.ivar
    ivar = np.concatenate([1 / variance, first.ivar, second.ivar, np.zeros_like(variance)])
    return Spectra(first.wave[0], flux, ivar, ids=["both", "first", "second", "none"])


@pytest.fixture(scope="module")
def best(spectra):
    return jaxz.find_redshifts(jaxz.scan(spectra, NonNegative(small.basis()), zmin=0.0, zmax=small.ZMAX), spectra)


def searched(spectra, best, **options):
    return deblend(spectra, best, basis=small.basis(), zmin=0.0, zmax=small.ZMAX, **options)


@pytest.fixture(scope="module")
def found(spectra, best):
    return searched(spectra, best, first="model")


@pytest.mark.parametrize("first", ["model", "basis"])
def test_both_galaxies_are_found(spectra, best, found, first):
    both = found if first == "model" else searched(spectra, best, first=first)
    assert sorted([both.z[0], both.z2[0]]) == pytest.approx([ZFIRST, ZSECOND], abs=2e-4)
    assert both.others[0].deltachi2[0] > 100


def test_one_galaxy_is_one(found):
    assert np.all(found.others[0].deltachi2[1:3] < 0.1 * found.others[0].deltachi2[0])
    assert np.all(found.pblend[1:3] < 0.5)
    assert found.pblend[0] > 0.5


def test_the_parts_add_up(spectra, found):
    first, second = found.others[0].fit[0]
    # But for the shape of the continuum, which the error model lets be off.
    assert np.median(np.abs(first + second - spectra.flux[0])) < 0.2 * np.median(spectra.flux[0])
    assert np.median(second) > 0.1 * np.median(first + second)


def test_without_data_there_is_nothing(found):
    other = found.others[0]
    assert np.isnan([found.z[3], found.z2[3], found.z2err[3], other.deltachi2[3], found.pblend[3]]).all()


def test_neighbours_change_nothing(spectra, best, found):
    alone = searched(spectra[[2, 0]], best[[2, 0]], first="model")
    for name, column in alone.columns().items():
        np.testing.assert_array_equal(column, found.columns()[name][[2, 0]])


def test_a_third_is_looked_for_beside_the_two(spectra, best):
    three = searched(spectra, best, first="model", count=3)
    assert [*three.columns()] == ["Z2", "Z2ERR", "DELTACHI2_2", "PBLEND", "Z3", "Z3ERR", "DELTACHI2_3", "PBLEND_3"]
    assert three.others[1].deltachi2[0] < 0.1 * three.others[0].deltachi2[0]


def test_a_fall_at_lya_on_a_break_of_the_first_is_not_believed():
    z, low, high = np.array([4.75]), np.array([4750.0]), np.array([9350.0])
    at_the_limit = (1 + z) * 911.75 / LYA - 1
    assert confused(z, at_the_limit * 1.005, (low, high))
    assert not confused(z, at_the_limit * 1.05, (low, high))
    # The limit of the nearer one is beyond the range.
    assert not confused(z - 0.9, (z + 0.1) * 911.75 / LYA - 1, (low, high))
    balmer = 3698.0 * 1.8 / LYA - 1
    assert confused(np.array([0.8]), np.array([balmer]), (low, high))
    assert confused(z, z + 0.03, (low, high))
    assert not confused(z, z + np.nan, (low, high))


def test_pixels_of_strong_lines_do_not_count(spectra):
    known = np.array([[0.05, np.nan], [0.05, 0.1], [np.nan, np.nan], [0.0, np.nan]])
    counted = without_lines(spectra, known)
    lines = np.array([*STRONG.values()])
    for row, redshifts in enumerate(known):
        at = np.concatenate([lines * (1 + z) for z in redshifts[np.isfinite(redshifts)]] or [np.zeros(1)])
        near = np.min(np.abs(spectra.wave[row] - at[:, None]), axis=0) < CONFUSION
        assert near.any() == (row != 2)
        np.testing.assert_array_equal(counted.ivar[row], np.where(near, 0, spectra.ivar[row]))
    some = counted.ivar > 0
    np.testing.assert_array_equal(counted.flux[some], spectra.flux[some])


def test_what_the_fit_leaves_at_a_strong_line_is_no_galaxy(spectra):
    row, wave = 1, spectra.wave[1]
    height = 30 / np.sqrt(np.median(spectra.ivar[row]))
    bump = height * np.exp(-0.5 * ((wave - STRONG["[O III]"] * (1 + ZFIRST)) / 2) ** 2)
    changed = Spectra(wave, spectra.flux[[row]] + bump, spectra.ivar[[row]])
    first = jaxz.find_redshifts(jaxz.scan(changed, NonNegative(small.basis()), zmin=0.0, zmax=small.ZMAX), changed)
    assert first.z == pytest.approx(ZFIRST, abs=1e-3)
    assert searched(changed, first, first="model").pblend[0] < 0.5


def test_where_one_galaxy_at_the_second_redshift_is_enough_the_first_is_doubted(found):
    # Its lines are those that galaxies have, so that it is fitted by them.
    one = small.spectra(np.random.default_rng(4), ZFIRST, 60.0, coeff=np.array([[0.0, 0.8, 0.0, 1.0]]))[0]
    first = jaxz.find_redshifts(jaxz.scan(one, NonNegative(small.basis()), zmin=0.0, zmax=small.ZMAX), one)
    wrong = searched(one, dataclasses.replace(first, z=np.array([0.11])), first="model")
    assert wrong.z2[0] == pytest.approx(ZFIRST, abs=1e-3)
    assert wrong.others[0].deltachi2[0] > 100
    assert wrong.pblend[0] == EVEN
    assert found.pblend[0] > EVEN


def test_any_first_search_will_do(spectra):
    """The published one without weights too, whose fits cannot have an error model."""
    model = NonNegative(small.basis(), weighting="uniform")
    plain = jaxz.find_redshifts(jaxz.scan(spectra, model, zmin=0.0, zmax=small.ZMAX), spectra)
    both = searched(spectra[:1], plain[:1], first="model")
    assert sorted([both.z[0], both.z2[0]]) == pytest.approx([ZFIRST, ZSECOND], abs=2e-4)
    assert both.pblend[0] > 0.5


def test_what_does_not_fit_is_refused(spectra, best):
    with pytest.raises(ValueError, match="count=1"):
        searched(spectra, best, count=1)
    with pytest.raises(ValueError, match="pass the spectra that were scanned"):
        searched(spectra[:2], best, first="model")
    other = dataclasses.replace(best, fingerprints=best.fingerprints + np.uint64(1))
    with pytest.raises(ValueError, match="is not the one that was scanned"):
        searched(spectra, other, first="model")


def test_simulated_blends_are_sums_with_known_parts():
    muse = mock.INSTRUMENTS["muse"]()
    spectra, first, second = mock.blends(muse, 6, seed=2, share=0.5)
    again = mock.blends(muse, 3, seed=2, share=0.5)[0]
    np.testing.assert_array_equal(spectra.flux[:3], again.flux)
    single = second.type == mock.BLANK
    assert 0 < np.count_nonzero(single) < 6
    np.testing.assert_array_equal(np.isnan(second.z), single)
    assert np.isfinite(first.z).all()
    with pytest.raises(ValueError, match="share=2"):
        mock.blends(muse, 1, seed=1, share=2.0)


def test_columns_are_named(found):
    assert isinstance(found, Blends)
    assert [*found.columns()] == ["Z2", "Z2ERR", "DELTACHI2_2", "PBLEND"]
