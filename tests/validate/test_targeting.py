"""Cuts that are chosen on one half of the targets are worth on others what the other half says."""

import itertools

import numpy as np
import pytest

from jaxz import validate
from jaxz.validate import suggestion

LEVELS = pytest.mark.parametrize("completeness", validate.COMPLETENESS)


def probability(values):
    """Return how probable it is that a target is confirmed: below 24.2 and -0.6, with soft sides."""
    magnitude, colour = values.T
    return 0.03 + 0.85 / (1 + np.exp((magnitude - 24.2) / 0.25)) / (1 + np.exp((colour + 0.6) / 0.2))


def targets(rng, count):
    """Return magnitudes and colours, and which targets are confirmed."""
    values = np.column_stack([rng.uniform(21, 26, count), rng.normal(0, 1, count)])
    return values, rng.uniform(size=count) < probability(values)


def test_magnitudes():
    with np.errstate(all="raise"):
        found = validate.magnitude(np.array([[1.0, 100.0], [0.0, -3.0], [np.nan, np.inf]]))
    np.testing.assert_allclose(found[0], [22.5, 17.5])
    assert np.isnan(found[1:, 0]).all()
    assert np.isnan(found[1, 1])
    assert validate.magnitude(np.array([1.0], dtype=np.float32), zeropoint=8.9).tolist() == [8.9]


def test_halves_depend_on_names_alone(rng):
    names = rng.integers(0, 2**62, 4000)
    half = validate.halves(names)
    order = rng.permutation(len(names))
    assert validate.halves(names[order]).tolist() == half[order].tolist()
    assert validate.halves([str(name) for name in names]).tolist() == half.tolist()
    assert abs(half.mean() - 0.5) < 0.03
    # Neighbouring numbers are in no pattern.
    row = validate.halves(range(4000))
    assert abs(np.mean(row[1:] == row[:-1]) - 0.5) < 0.03


def test_open_edges_hold_every_value(rng):
    values = np.r_[rng.normal(23, 1, 500), 99.0, -1e4, np.nan]
    edges = validate.open_edges(values)
    assert np.isinf(edges[[0, -1]]).all()
    assert 20 < edges[1] < edges[-2] < 26
    assert sum(one.ntotal for one in validate.fraction_in_bins(values > 0, values, edges)) == 502
    assert validate.open_edges(np.full(3, 2.0)).tolist() == [-np.inf, np.inf]
    with pytest.raises(ValueError, match="no finite values"):
        validate.open_edges(np.array([np.nan]))


@pytest.mark.parametrize(
    ("cut", "words"),
    [
        (validate.TargetCut((-np.inf,), (24.0,)), "r < 24"),
        (validate.TargetCut((22.0,), (24.5,)), "22 ≤ r < 24.5"),
        (validate.TargetCut((59001.25,), (np.inf,)), "59001.25 ≤ r"),
        (validate.TargetCut((22.0, -np.inf), (np.inf, np.inf)), "22 ≤ r"),
        (validate.TargetCut((-np.inf, -1.0), (24.0, np.inf)), "r < 24 and -1 ≤ (g - r)"),
        (validate.TargetCut((-np.inf, -np.inf), (np.inf, 3.0), 0.2), "(g - r) - 0.2 r < 3"),
        (validate.TargetCut((-np.inf, -np.inf), (np.inf, 3.0), -0.2), "(g - r) + 0.2 r < 3"),
        (validate.TargetCut((-np.inf, -np.inf), (np.inf, np.inf)), "every target"),
    ],
)
def test_words_of_a_cut(cut, words):
    assert cut.describe(["r", "g - r"][: len(cut.low)]) == words


def test_what_a_cut_keeps():
    cut = validate.TargetCut((22.0, -np.inf), (np.inf, 3.0), 0.1)
    values = np.array([[22.0, 5.1], [22.0, 5.3], [21.9, 0.0], [30.0, 5.9], [23.0, np.nan], [np.nan, 0.0]])
    assert cut.keeps(values).tolist() == [True, False, False, True, False, False]
    bright = validate.TargetCut((-np.inf, -np.inf), (22.5, np.inf))
    assert bright.keeps(values).tolist() == [True, True, True, False, False, False]
    assert bright.keeps(np.array([[22.0, np.nan]])).all()
    found = validate.cut_quality(cut, values, np.array([True, True, False, False, True, False]))
    assert (found.purity.ngood, found.purity.ntotal) == (1, 2)
    assert (found.completeness.ngood, found.completeness.ntotal) == (1, 3)
    assert (found.purity.low, found.purity.high) == validate.wilson_interval(1, 2)


@pytest.mark.parametrize(("naxes", "slope"), [(1, 0.0), (2, 0.0), (2, -0.4)])
def test_boxes_keep_what_their_cuts_keep(rng, naxes, slope):
    values, confirmed = targets(rng, 150)
    values[::7, 0], values[::5, 1] = np.nan, np.nan
    values = values[:, :naxes]
    boxes = suggestion._boxes(values, confirmed, slope)
    for row in rng.choice(len(boxes.kept), 200):
        cut = validate.TargetCut(tuple(boxes.low[row]), tuple(boxes.high[row]), slope)
        kept = cut.keeps(values)
        assert (boxes.kept[row], boxes.right[row]) == (kept.sum(), (kept & confirmed).sum())
    everything = np.isinf(boxes.low).all(axis=1) & np.isinf(boxes.high).all(axis=1)
    assert boxes.kept[everything].tolist() == [150]


@LEVELS
def test_a_cut_keeps_what_was_asked_for_and_is_nearly_the_best(rng, completeness):
    values, confirmed = targets(rng, 600)
    cut = validate.suggest_cut(values, confirmed, completeness=completeness)
    found = validate.cut_quality(cut, values, confirmed)
    assert found.completeness.value >= completeness
    edges = [np.r_[-np.inf, np.quantile(column, np.linspace(0.1, 0.9, 9)), np.inf] for column in values.T]
    sides = [list(itertools.combinations(one, 2)) for one in edges]
    others = [validate.cut_quality(validate.TargetCut(*zip(*both, strict=True)), values, confirmed)
              for both in itertools.product(*sides)]  # fmt: skip
    best = max((one.purity for one in others if one.completeness.value >= completeness), key=lambda one: one.value)
    assert found.purity.value >= validate.wilson_interval(best.ngood, best.ntotal, level=0.68)[0] - 0.02


def test_the_true_sides_are_found_without_others(rng):
    values, _ = targets(rng, 5000)
    inside = (values[:, 0] < 24.2) & (values[:, 1] < -0.6)
    cut = validate.suggest_cut(values, rng.uniform(size=5000) < np.where(inside, 0.9, 0.02), completeness=0.9)
    assert cut.slope == 0
    assert np.isneginf(cut.low).all()
    assert cut.high == (pytest.approx(24.2, abs=0.2), pytest.approx(-0.6, abs=0.2))


def test_a_slanted_side_is_found(rng):
    values = np.column_stack([rng.normal(23, 1, 4000), rng.normal(0.5, 0.6, 4000)])
    confirmed = values[:, 1] - 0.6 * (values[:, 0] - 23) < -0.1
    cut = validate.suggest_cut(values, confirmed, completeness=0.9)
    assert 0.4 < cut.slope < 0.8
    assert validate.cut_quality(cut, values, confirmed).purity.value > 0.95


def test_of_noise_little_is_cut(rng):
    """Of the many boxes that are tried one is purer than all targets, but seldom by more than its error."""
    sides = []
    for _ in range(12):
        values, confirmed = rng.normal(size=(300, 2)), rng.uniform(size=300) < 0.3
        cut = validate.suggest_cut(values, confirmed, completeness=0.9)
        sides.append(cut.nsides)
    assert max(sides) <= 2
    assert np.mean(sides) < 0.7


def test_intervals_hold_what_cuts_are_worth_on_fresh_targets(rng):
    """As often as they promise. The half that chose a cut flatters it."""
    fresh = np.column_stack([rng.uniform(21, 26, 20_000), rng.normal(0, 1, 20_000)])
    expected = probability(fresh)
    inside, excess, flattery = [], [], []
    for _, completeness in itertools.product(range(50), validate.COMPLETENESS):
        values, confirmed = targets(rng, 300)
        half = validate.halves(rng.integers(0, 2**62, 300))
        cut = validate.suggest_cut(values[half], confirmed[half], completeness=completeness)
        kept = cut.keeps(fresh)
        purity, share = expected[kept].mean(), expected[kept].sum() / expected.sum()
        chosen, found = (validate.cut_quality(cut, values[of], confirmed[of]) for of in (half, ~half))
        inside.append([found.purity.low <= purity <= found.purity.high,
                       found.completeness.low <= share <= found.completeness.high])  # fmt: skip
        excess.append(found.purity.value - purity)
        flattery.append(chosen.purity.value - purity)
    assert np.mean(inside, axis=0).min() > 0.9
    error = np.std(excess) / np.sqrt(len(excess))
    assert abs(np.mean(excess)) < 3 * error
    assert np.mean(flattery) > 3 * error


def test_targets_without_a_value_are_lost_to_cuts_in_it_alone(rng):
    values, confirmed = targets(rng, 400)
    values[confirmed.nonzero()[0][::2], 1] = np.nan
    both = validate.suggest_cut(values, confirmed, completeness=0.7)
    one = validate.suggest_cut(values[:, :1], confirmed, completeness=0.7)
    assert (both.low, both.high) == ((*one.low, -np.inf), (*one.high, np.inf))
    found = validate.cut_quality(both, values, confirmed)
    assert found.completeness.value >= 0.7
    assert found.purity.ntotal == validate.cut_quality(one, values[:, :1], confirmed).purity.ntotal
    nothing = validate.suggest_cut(np.full((400, 2), np.nan), confirmed, completeness=0.5)
    assert nothing.nsides == 0
    assert nothing.keeps(np.full((3, 2), np.nan)).all()


def test_what_cannot_be_cut_is_refused(rng):
    values, confirmed = targets(rng, 20)
    with pytest.raises(ValueError, match=r"20 of 20 targets are confirmed: a cut needs some of both"):
        validate.suggest_cut(values, np.ones(20, dtype=bool), completeness=0.9)
    with pytest.raises(ValueError, match="0 of 20"):
        validate.suggest_cut(values, np.zeros(20, dtype=bool), completeness=0.9)
    with pytest.raises(ValueError, match=r"values \(target, 1 or 2\)"):
        validate.suggest_cut(values[:, 0], confirmed, completeness=0.9)
