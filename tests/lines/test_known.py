"""The list of lines, and how a fit groups them."""

import numpy as np
import pytest

from jaxz.lines.known import APART, FAMILIES, LIGHT_SPEED, known_lines, layout


def test_lines_have_names_of_their_own_and_increase():
    lines = known_lines()
    assert len({line.name for line in lines}) == len(lines) > 80
    assert (np.diff([line.wave for line in lines]) > 0).all()
    assert {line.family for line in lines} - {""} == set(FAMILIES[:-1])


@pytest.mark.parametrize(
    "name",
    ["Fe II* 2366", "Fe II* 2396", "Fe II* 2613", "Fe II* 2626", "C II* 1336", "Si II* 1265", "Si II* 1309",
     "Si II* 1533", "He I 3189", "He I 4473", "He I 5877", "[N I] 5199", "[N I] 5202", "Lyα", "Mg II 2796"],
)  # fmt: skip
def test_rare_lines_are_there(name):
    assert name in layout().name


@pytest.mark.parametrize(
    ("weak", "strong", "ratio"),
    [("[O III] 4960", "[O III] 5008", 2.98), ("[N II] 6550", "[N II] 6585", 2.95), ("[O I] 6366", "[O I] 6302", 3.1)],
)
def test_lines_of_one_level_are_tied(weak, strong, ratio):
    shares = layout().of_free
    rows = [layout().name.index(name) for name in (weak, strong)]
    np.testing.assert_allclose(shares[rows[1]], ratio * shares[rows[0]], rtol=1e-4)


@pytest.mark.parametrize(("one", "other"), [("[O II] 3727", "[O II] 3730"), ("[S II] 6718", "[S II] 6733")])
def test_doublets_that_depend_on_density_are_free(one, other):
    rows = layout().of_free[[layout().name.index(name) for name in (one, other)]]
    assert rows[0] @ rows[1] == 0


def test_every_line_is_in_one_blend_and_neighbours_share_one():
    known = layout()
    blend = known.slot // known.offset.shape[1]
    assert len(set(known.slot)) == len(known.slot)
    velocity = LIGHT_SPEED * np.log(known.wave[:-1])
    np.testing.assert_array_equal(np.diff(blend[:-1]) == 0, np.diff(velocity) < APART)
    assert np.abs(known.offset).max() <= known.reach.max() + 1e-6


def test_fluxes_that_meet_are_in_one_group():
    known = layout()
    for fluxes in known.flux_of:
        assert len(set(known.group[fluxes[fluxes < len(known.group) - 1]])) == 1
    assert len({*zip(known.group, known.member, strict=True)}) == len(known.group)
