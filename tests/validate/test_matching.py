"""Matching by name against a case worked out by hand, and what it keeps of both sides."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from jaxz import validate


def test_match_by_hand():
    found = validate.match(["b", "x", "a", "b"], np.array(["a", "b", "c"]))
    assert found.rows.tolist() == [0, 2, 3]
    assert found.truth_rows.tolist() == [1, 0, 1]
    assert found.unmatched.tolist() == [1]
    assert found.truth_unmatched.tolist() == [2]


def test_match_compares_numbers_as_text():
    found = validate.match(["4 ", "11"], np.array([11, 4, 17]))
    assert found.truth_rows.tolist() == [1, 0]


def test_match_refuses_an_ambiguous_truth():
    with pytest.raises(ValueError, match="'7' 2 times"):
        validate.match([7], [7, 8, 7])


@given(st.lists(st.integers(0, 30), max_size=20), st.lists(st.integers(0, 30), max_size=20, unique=True))
def test_match_splits_both_sides(names, truth):
    found = validate.match(names, truth)
    assert sorted([*found.rows, *found.unmatched]) == list(range(len(names)))
    assert all(names[i] == truth[j] for i, j in zip(found.rows, found.truth_rows, strict=True))
    assert not {names[i] for i in found.unmatched} & set(truth)
    assert {truth[j] for j in found.truth_unmatched} == set(truth) - set(names)
