"""Line confusions by name, in examples worked out from observed wavelengths."""

import math

import numpy as np
import pytest

from jaxz import io, validate

TWO = {"[O II]": 3728.484, "Lyα": 1215.670}


def observed_as(true, found, ztrue):
    """Return the redshift at which line `found` is where line `true` is seen of a galaxy at `ztrue`."""
    seen = validate.STRONG_LINES[true] * (1 + ztrue)
    return seen / validate.STRONG_LINES[found] - 1


def test_names_by_hand():
    # [O II] at z = 0.5 is seen at 5592.7 Å, which is Lyα at z = 3.6005.
    z = np.array([3.6005, 0.9563, 0.7, 2.0, np.nan])
    ztrue = np.array([0.5, 5.0, 0.7, 0.1, 1.0])
    names = validate.name_confusions(z, ztrue, TWO)
    assert names == ["[O II] taken for Lyα", "Lyα taken for [O II]", "", "unexplained", "no redshift"]


@pytest.mark.parametrize("true", validate.STRONG_LINES)
@pytest.mark.parametrize("found", validate.STRONG_LINES)
def test_every_pair_of_strong_lines(true, found):
    names = validate.name_confusions(np.array([observed_as(true, found, 2.9)]), np.array([2.9]))
    assert names == ["" if true == found else f"{true} taken for {found}"]


def test_tolerance_is_that_of_the_confused_redshift():
    confused = observed_as("[O II]", "Lyα", 0.5)
    z = confused + np.array([-0.006, -0.004, 0.004, 0.006]) * (1 + confused)
    names = validate.name_confusions(z, np.full(4, 0.5), TWO)
    assert names == ["unexplained", "[O II] taken for Lyα", "[O II] taken for Lyα", "unexplained"]
    assert validate.name_confusions(z, np.full(4, 0.5), TWO, tolerance=0.01)[0] == "[O II] taken for Lyα"


def test_the_nearest_of_several_pairs():
    lines = {"a": 1000.0, "b": 2000.0, "c": 2006.0}
    # a taken for b gives 1 + z = 0.5 (1 + ztrue), a taken for c 0.4985: half the way, and a little to either side.
    ztrue = np.full(2, 3.0)
    z = 4.0 * np.array([0.4994, 0.4991]) - 1
    assert validate.name_confusions(z, ztrue, lines) == ["a taken for b", "a taken for c"]


def test_counts():
    rng = np.random.default_rng(8)
    ztrue = rng.uniform(0, 1, 20)
    z = ztrue.copy()
    z[:3] = [observed_as("Hα", "[O II]", one) for one in ztrue[:3]]
    z[3:8] = [observed_as("[O II]", "Lyα", one) for one in ztrue[3:8]]
    z[8:15] = 60.0
    z[15] = math.nan
    counts = validate.confusions(z, ztrue)
    expected = [("[O II] taken for Lyα", 5), ("Hα taken for [O II]", 3), ("unexplained", 7), ("no redshift", 1)]
    assert list(counts.items()) == expected


def test_no_failure_and_no_spectrum():
    assert validate.confusions(np.ones(3), np.ones(3)) == {}
    assert validate.confusions(np.zeros(0), np.zeros(0)) == {}


def test_one_line_cannot_be_confused():
    with pytest.raises(ValueError, match=r"two lines, got \['Lyα'\]"):
        validate.confusions(np.ones(1), np.ones(1), {"Lyα": 1215.67})


def test_random_failures_fit_a_pair_in_one_case_of_eight():
    rng = np.random.default_rng(1)
    z, ztrue = 7.7 ** rng.uniform(size=(2, 20_000)) - 1
    counts = validate.confusions(z, ztrue)
    explained = 1 - counts["unexplained"] / sum(counts.values())
    assert explained == pytest.approx(1 / 8, abs=0.01)


def test_wavelengths_are_those_of_the_line_list():
    lines = io.read_lines()
    wave = dict(zip(lines["name"], lines["wave"], strict=True))
    names = {
        "Lyα": ["Lyα"],
        "C III]": ["[C III] 1907", "C III] 1909"],
        "Mg II": ["Mg II 2796", "Mg II 2804"],
        "[O II]": ["[O II] 3727", "[O II] 3730"],
        "Hβ": ["Hβ"],
        "[O III]": ["[O III] 5008"],
        "Hα": ["Hα"],
    }
    means = {name: np.mean([wave[one] for one in several]) for name, several in names.items()}
    assert means == pytest.approx(validate.STRONG_LINES, abs=1e-3)
