"""Cross-validation: fair folds, each spectrum held out once, and the bases that `fit_basis` would give."""

import sys

import jax
import numpy as np
import pytest

import jaxz
from jaxz import validate
from jaxz.train import Training, crossval, fit_basis, folds
from tests import small

KEY = jax.random.key(4)
TRAINING = Training(step=4e-4, stage_iter=10, final_iter=20)


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(5)
    z = np.sort(rng.uniform(small.ZMIN, small.ZMAX, 30))
    # Each of three folds has one of the lowest and one of the highest, so that their bases have the same pixels.
    z[:3], z[-3:] = z[0], z[-1]
    return small.spectra(rng, z, 20.0)[0], z


@pytest.fixture(scope="module")
def found(sample):
    done = []
    result = crossval(
        *sample, ranks=[3, 1], key=KEY, nfolds=3, zmax=small.ZMAX, training=TRAINING, callback=lambda *x: done.append(x)
    )
    assert done == [(i, 6) for i in range(1, 7)]
    return result


@pytest.mark.parametrize("size", [10, 23])
def test_folds_have_the_same_redshifts(rng, size):
    z = rng.uniform(0, 6, size)
    fold = folds(z, nfolds=5, key=KEY)
    ordered = fold[np.argsort(z)]
    for begin in range(0, size, 5):
        group = ordered[begin : begin + 5]
        assert len(set(group)) == len(group)
    assert set(fold) == set(range(5))


def test_the_key_decides_the_folds(rng):
    z = rng.uniform(0, 6, 50)
    one, again, other = (folds(z, nfolds=5, key=jax.random.key(k)) for k in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


@pytest.mark.parametrize("nfolds", [1, 51])
def test_impossible_folds(nfolds):
    with pytest.raises(ValueError, match=f"nfolds={nfolds} for 50 spectra: use 2 to 50"):
        folds(np.zeros(50), nfolds=nfolds, key=KEY)


def test_each_spectrum_is_held_out_once(found, sample):
    assert found.ranks.tolist() == [1, 3]
    np.testing.assert_array_equal(found.fold, folds(sample[1], nfolds=3, key=KEY))
    np.testing.assert_array_equal(found.ztrue, sample[1])
    assert found.z.shape == (2, 30)
    assert np.isfinite(found.z).all()


def test_redshifts_are_those_of_a_basis_of_the_other_folds(found, sample):
    spectra, z = sample
    for row, rank in enumerate(found.ranks):
        use = found.fold != 2
        basis = fit_basis(spectra[use], z[use], rank=int(rank), key=KEY, training=TRAINING)
        held = spectra[~use]
        best = jaxz.find_redshifts(jaxz.nmf_scan(held, basis, zmax=small.ZMAX), held)
        np.testing.assert_allclose(found.z[row, ~use], best.z, atol=2e-5)


def test_metrics_of_each_rank_and_fold(found):
    assert found.good_fraction.shape == found.mae.shape == (2, 3)
    held = found.fold == 1
    expected = validate.good_fraction(found.z[1, held], found.ztrue[held]).value
    assert found.good_fraction[1, 1] == expected
    assert found.mae[1, 1] == validate.mean_absolute_error(found.z[1, held], found.ztrue[held])[0]
    assert found.good_fraction[1].mean() > 0.9


def test_folds_begin_from_a_basis_too(sample, monkeypatch):
    spectra, z = sample
    tried = []

    def scan(test, basis, **_):
        tried.append(basis)
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["jaxz.train.crossval"], "nmf_scan", scan)
    options = {"key": KEY, "start": small.basis(), "training": TRAINING._replace(final_iter=2)}
    with pytest.raises(KeyboardInterrupt):
        crossval(spectra, z, ranks=[5], nfolds=3, **options)
    use = folds(z, nfolds=3, key=KEY) != 0
    assert tried[0].sha256 == fit_basis(spectra[use], z[use], rank=5, **options).sha256


def test_a_rank_beyond_the_spectra_of_a_fold(sample):
    with pytest.raises(ValueError, match="rank=21 with 20 spectra"):
        crossval(*sample, ranks=[21], key=KEY, nfolds=3, training=TRAINING)
