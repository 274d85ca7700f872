"""Learning a basis: what it is learned from, how it grows, and whether it finds redshifts."""

import jax
import numpy as np
import pytest

import jaxz
from jaxz import LogGrid, Spectra, validate
from jaxz.models import Basis
from jaxz.train import Training, fit_basis, labelled
from jaxz.train.basis import BORDER, MOST, as_basis, continued
from jaxz.train.nmf import State
from jaxz.train.sample import rest_frame
from tests import small

KEY = jax.random.key(0)
QUICK = Training(step=2e-4, stage_iter=12, final_iter=30)


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(11)
    z = np.sort(rng.uniform(small.ZMIN, small.ZMAX, 60))
    return small.spectra(rng, z, 30.0)[0], z


def test_a_learned_basis_finds_unseen_redshifts(sample, rng):
    basis = fit_basis(*sample, rank=4, key=KEY, training=QUICK, name="TOY", version="7")
    assert (basis.name, basis.version, basis.grid.step, len(basis)) == ("TOY", "7", 2e-4, 4)
    z = rng.uniform(0.02, 0.2, 20)
    unseen = small.spectra(rng, z, 20.0)[0]
    found = jaxz.find_redshifts(jaxz.nmf_scan(unseen, basis, zmax=small.ZMAX), unseen)
    assert validate.is_good(found.z, z, tolerance=1e-3).sum() >= 19


def test_vectors_have_mean_one_on_the_grid_of_the_sample(sample):
    spectra, z = sample
    basis = fit_basis(spectra, z, rank=2, key=KEY, training=QUICK)
    assert basis.vectors.dtype == np.float32
    np.testing.assert_allclose([v[v > 0].mean() for v in basis.vectors], 1, rtol=1e-5)
    wave = basis.grid.wave
    assert wave[0] == pytest.approx(spectra.wave.min() / (1 + z.max()), rel=1e-3)
    assert wave[-1] == pytest.approx(spectra.wave.max() / (1 + z.min()), rel=1e-3)


def test_vectors_are_added_one_by_one(sample):
    steps = []
    fit_basis(*sample, rank=3, key=KEY, training=QUICK._replace(rtol=0.0), callback=steps.append)
    ranks = [step.rank for step in steps]
    assert [ranks.count(rank) for rank in (1, 2, 3)] == [13, 13, 13 + 31]
    assert ranks == sorted(ranks)
    assert steps[-1].done == steps[-1].total == 3 * 12 + 30
    last = {rank: [step.chi2 for step in steps if step.rank == rank][-1] for rank in (1, 2, 3)}
    assert last[1] > last[2] > last[3]


def test_the_key_decides(sample):
    one, again, other = (fit_basis(*sample, rank=2, key=jax.random.key(k), training=QUICK).vectors for k in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one, other)


def test_begins_from_a_basis_and_stays_near_it(sample):
    start = fit_basis(*sample, rank=3, key=KEY, training=QUICK)
    near = fit_basis(*sample, rank=3, key=KEY, start=start, training=QUICK._replace(final_iter=1))
    moved = fit_basis(*sample, rank=3, key=KEY, start=start, training=QUICK._replace(final_iter=30))
    first, last = (np.abs(one.vectors - start.vectors).mean() for one in (near, moved))
    assert 0 < first < last
    assert first < 0.05


def test_an_unseen_start_adds_vectors(sample):
    start = fit_basis(*sample, rank=2, key=KEY, training=QUICK)
    assert len(fit_basis(*sample, rank=4, key=KEY, start=start, training=QUICK)) == 4


def test_where_no_spectrum_speaks_the_start_remains(sample):
    """Red spectra change a start that reaches further at both ends, with a gap among them, and add a vector to it."""
    spectra, z = sample
    start = small.basis()
    wave = spectra.wave / (1 + z)[:, None]
    keep = ((wave > 3900) & (wave < 4200)) | ((wave > 4300) & (wave < 4700))
    tilted = spectra.flux * (wave / 4300) ** 3
    red = Spectra(spectra.wave, tilted, np.where(keep, spectra.ivar, 0))
    found = fit_basis(red, z, rank=5, key=KEY, start=start, training=QUICK._replace(step=small.GRID.step))
    assert found.grid == small.GRID
    rest = small.GRID.wave
    covered = ((rest > 3902) & (rest < 4198)) | ((rest > 4302) & (rest < 4698))
    outer = (rest < 3898) | (rest > 4702)
    ratio = found.vectors[:4] / start.vectors
    for end in (rest < 3898, rest > 4702):
        np.testing.assert_allclose(ratio[:, end] / ratio[:, end][:, :1], 1, rtol=1e-5)
    assert not found.vectors[4, outer].any()
    assert found.vectors[4, covered].all()
    near = round(BORDER / small.GRID.step)
    edges = np.flatnonzero(np.diff(found.vectors[4] > 0))
    assert len(edges) == 4
    for edge, inwards in zip(edges, (1, -1, 1, -1), strict=True):
        beyond, first = (edge, edge + 1) if inwards > 0 else (edge + 1, edge)
        side = np.sort(first + inwards * np.arange(near))
        made = found.vectors[:4, side].sum(axis=1) / start.vectors[:, side].sum(axis=1)
        np.testing.assert_allclose(ratio[:, beyond], made, rtol=2e-2)
    inside = ratio[:, edges[1] + 1 : edges[2] + 1]
    np.testing.assert_allclose(np.diff(np.log(inside), 2), 0, atol=1e-5)
    # Without the scale there would be steps: the vectors have become redder.
    assert (ratio[0, rest > 4702][0] / ratio[0, rest < 3898][0]) > 1.3


def test_a_start_that_is_faint_at_the_border_is_not_blown_up():
    grid, whole = LogGrid(70000, 200), LogGrid(69900, 400)
    vectors = np.ones((1, 400))
    vectors[0, :230] = np.r_[np.full(50, 2.0), np.full(180, 1e-2)]  # the last 100 covered are within `BORDER`
    found, where = continued(np.full((1, 200), 5.0), grid, Basis(vectors, whole))
    assert where == whole
    np.testing.assert_array_equal(found[0, 100:300], 5.0)
    overall = 5.0 / vectors[0, 100:300].mean()
    np.testing.assert_allclose(found[0, 300:], 5.0 / vectors[0, 200:300].mean())
    np.testing.assert_allclose(found[0, :100], MOST * overall * vectors[0, :100])


def test_a_start_within_the_range_of_the_sample_leaves_it_whole():
    grid = LogGrid(70000, 200)
    learned = np.where(np.arange(200) < 190, 2.0, 0.0)[None]
    found, where = continued(learned, grid, Basis(np.ones((1, 50)), LogGrid(70050, 50)))
    assert where == grid
    np.testing.assert_array_equal(found, learned)


def test_vectors_that_no_spectrum_uses_are_left_out():
    grid = LogGrid(70000, 20)
    state = State(np.array([[1.0, 1e-6], [0.5, 0.0]], np.float32), np.ones((2, 20), np.float32), [])
    assert len(as_basis(state, grid, None, name="TWO", version="1")) == 1


def test_spectra_without_data_are_passed_over(sample):
    spectra, z = sample
    empty = spectra.ivar.copy()
    empty[5] = 0
    with_empty = Spectra(spectra.wave, spectra.flux, empty, ids=spectra.ids)
    basis = fit_basis(with_empty, z, rank=2, key=KEY, training=QUICK)
    assert np.isfinite(basis.vectors).all()
    assert basis.vectors.any(axis=1).all()


def test_a_sample_is_scaled_and_floored(sample):
    spectra, z = sample
    plain, floored = (rest_frame(spectra, z, step=2e-4, error_floor=floor) for floor in (0.0, 0.1))
    weight = plain.ivar.sum(axis=1)
    np.testing.assert_allclose(np.sqrt((plain.ivar * plain.flux**2).sum(axis=1) / weight), 1, rtol=1e-5)
    np.testing.assert_allclose(plain.flux, floored.flux)
    seen = plain.ivar > 0
    expected = 1 / (1 / plain.ivar[seen] + 0.01 * (plain.flux[seen] ** 2 + 1))
    np.testing.assert_allclose(floored.ivar[seen], expected, rtol=1e-3)


def test_brightness_does_not_decide(sample):
    spectra, z = sample
    scale = np.geomspace(1e-3, 1e6, len(z))[:, None]
    scaled = Spectra(spectra.wave, spectra.flux * scale, spectra.ivar / scale**2, ids=spectra.ids)
    one, other = (fit_basis(s, z, rank=2, key=KEY, training=QUICK).vectors for s in (spectra, scaled))
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_what_is_a_label():
    assert labelled(np.array([0.0, -0.001, 3.0, -0.5, -1.0, np.nan, np.inf])).tolist() == [True] * 3 + [False] * 4


@pytest.mark.parametrize("bad", [np.nan, -1.0])
def test_spectra_without_a_label_are_named(sample, bad):
    spectra, z = sample
    z = z.copy()
    z[[3, 8]] = bad
    with pytest.raises(ValueError, match=r"2 spectra have no redshift: s3 \(z = .*, s8 .*leave them out"):
        fit_basis(spectra, z, rank=2, key=KEY, training=QUICK)


def test_labels_of_the_wrong_number(sample):
    with pytest.raises(ValueError, match=r"z has shape \(59,\) for 60 spectra"):
        fit_basis(sample[0], sample[1][1:], rank=2, key=KEY)


@pytest.mark.parametrize("rank", [0, 61])
def test_ranks_that_the_spectra_do_not_allow(sample, rank):
    with pytest.raises(ValueError, match=f"rank={rank} with 60 spectra that have data: use 1 to 60"):
        fit_basis(*sample, rank=rank, key=KEY, training=QUICK)


def test_a_rank_below_that_of_the_start(sample):
    with pytest.raises(ValueError, match="use 4 to 60"):
        fit_basis(*sample, rank=3, key=KEY, start=small.basis(), training=QUICK)


def test_negative_spectra_teach_nothing(sample):
    spectra, z = sample
    negative = Spectra(spectra.wave, -np.abs(spectra.flux), spectra.ivar, ids=spectra.ids)
    with pytest.raises(ValueError, match="no spectrum has a pixel of positive flux"):
        fit_basis(negative, z, rank=2, key=KEY, training=QUICK)
    mostly = np.where(np.arange(spectra.flux.shape[1]) == 100, 1e-3, negative.flux)
    with pytest.raises(ValueError, match="negative on average"):
        fit_basis(Spectra(spectra.wave, mostly, spectra.ivar, ids=spectra.ids), z, rank=2, key=KEY, training=QUICK)


def test_no_data_at_all(sample):
    spectra, z = sample
    nothing = Spectra(spectra.wave, spectra.flux, np.zeros_like(spectra.ivar), ids=spectra.ids)
    with pytest.raises(ValueError, match="none of 60 spectra has data"):
        fit_basis(nothing, z, rank=2, key=KEY, training=QUICK)
