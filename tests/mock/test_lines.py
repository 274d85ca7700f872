"""Emission and absorption lines: the ratios that physics fixes, the ranges that are drawn, and equivalent widths."""

import numpy as np
import pytest

from jaxz import io
from jaxz.mock import lines


def drawn(count=200):
    return [lines.nebular(np.random.default_rng(seed), sigma=70.0) for seed in range(count)]


def of(emission, name):
    return emission.flux[emission.name.index(name)]


@pytest.mark.parametrize(
    ("strong", "weak", "ratio"),
    [
        ("[O III] 5008", "[O III] 4960", 2.98),
        ("[N II] 6585", "[N II] 6550", 3.05),
        ("Hα", "Hβ", 2.863),
        ("Hβ", "Hγ", 1 / 0.468),
        ("Hγ", "Hδ", 0.468 / 0.259),
    ],
)
def test_ratios_that_atoms_fix(strong, weak, ratio):
    np.testing.assert_allclose([of(one, strong) / of(one, weak) for one in drawn(20)], ratio)


@pytest.mark.parametrize(
    ("red", "blue", "low", "high"),
    [("[O II] 3730", "[O II] 3727", 1.1, 1.45), ("[S II] 6718", "[S II] 6733", 1.12, 1.42)],
)
def test_doublets_follow_the_density(red, blue, low, high):
    ratio = np.array([of(one, red) / of(one, blue) for one in drawn()])
    assert low <= ratio.min() < low + 0.02
    assert high - 0.02 < ratio.max() <= high


def test_excitation_and_its_sequence():
    o3 = np.log10([of(one, "[O III] 5008") / of(one, "Hβ") for one in drawn()])
    n2 = np.log10([of(one, "[N II] 6585") / of(one, "Hα") for one in drawn()])
    assert o3.min() < -0.45
    assert 0.8 < o3.max() <= 0.85
    assert np.corrcoef(o3, n2)[0, 1] < -0.7
    assert (n2 <= 0).all()
    o2 = [(of(one, "[O II] 3727") + of(one, "[O II] 3730")) / of(one, "Hβ") for one in drawn()]
    assert 1.5 < np.median(o2) < 4


def test_lines_are_where_the_line_list_has_them():
    table = io.read_lines()
    known = np.array(table["wave"], dtype=float)
    for name in ("Hα", "Hβ", "[O III] 5008", "[N II] 6585", "Mg II 2796"):
        assert np.min(np.abs(known - lines.WAVE[name])) < 0.2, name
    assert lines.WAVE["[O II] 3730"] - lines.WAVE["[O II] 3727"] == pytest.approx(2.78, abs=0.01)


def test_all_components_have_the_width_asked_for():
    for one in drawn(3):
        assert (one.sigma == 70).all()
        assert (one.flux >= 0).all()
        assert len(one.wave) == len(one.flux) == len(one.name) == len(set(one.name))


def test_ultraviolet_equivalent_widths():
    found = [lines.ultraviolet(np.random.default_rng(seed), sigma=70.0) for seed in range(200)]
    c3 = np.array([one["[C III] 1907"] + one["C III] 1909"] for one in found])
    assert 0.5 <= c3.min() < 0.6
    assert 11 < c3.max() < 12.6
    for one in found:
        assert 1.2 <= one["[C III] 1907"] / one["C III] 1909"] <= 1.6
        assert one["Mg II 2796"] / one["Mg II 2804"] == pytest.approx(0.65 / 0.35)


def test_lya_is_shifted_to_the_red_and_asymmetric():
    found = [lines.lyman_alpha(np.random.default_rng(seed)) for seed in range(300)]
    two_peaks = 0
    for one in found:
        assert one.flux.sum() == pytest.approx(1)
        velocity = (one.wave / 1215.67 - 1) * lines.LIGHT_SPEED
        assert 100 <= velocity[0] <= 350
        assert 60 <= one.sigma[0] <= 150
        assert (velocity[1:3] > velocity[0]).all()
        assert (one.sigma[1:3] > one.sigma[0]).all()
        two_peaks += velocity[-1] < 0
    assert two_peaks / len(found) == pytest.approx(1 / 3, abs=0.08)


@pytest.mark.parametrize("sigma", [2.0, 5.0])
def test_absorption_keeps_equivalent_widths(sigma):
    wave = np.arange(4000, 5000, 0.5)
    width = np.array([1.5, 0.4])
    through = lines.absorption(wave, np.array([4300.0, 4700.0]), width, sigma)
    for centre, wanted in zip((4300, 4700), width, strict=True):
        near = np.abs(wave - centre) < 6 * sigma
        assert np.sum(1 - through[near]) * 0.5 == pytest.approx(wanted, rel=1e-4)
        assert wave[near][np.argmin(through[near])] == centre


def test_absorption_never_covers_all():
    wave = np.arange(4000, 5000, 0.5)
    assert lines.absorption(wave, np.array([4500.0]), np.array([100.0]), 3.0).min() == pytest.approx(1 - lines.COVERED)
    np.testing.assert_array_equal(lines.absorption(wave, np.array([9000.0]), np.array([5.0]), 3.0), 1)


def test_damped_lya_by_hand():
    found = lines.damped_lyman_alpha(np.array([1215.67, 1219.67, 1211.67, 1315.67]), 4.0)
    np.testing.assert_allclose(found, [0, np.exp(-1), np.exp(-1), np.exp(-0.0016)], atol=1e-12)
