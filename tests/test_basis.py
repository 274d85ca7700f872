import dataclasses
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxz.models import Basis
from jaxz.spectra import LogGrid

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.ones((2, 4)), "needs \\(basis, 5\\)"),
        (np.ones((0, 5)), "needs \\(basis, 5\\)"),
        (np.array([[1.0, 1, -1e-9, 1, 1]]), "non-negative"),
        (np.array([[1.0, 1, np.nan, 1, 1]]), "non-finite"),
        (np.array([[1.0, 1, 1, 1, 1], [0, 0, 0, 0, 0]]), "empty vector"),
    ],
)
def test_what_is_not_a_basis_raises(vectors, message):
    with pytest.raises(ValueError, match=message):
        Basis(vectors, LogGrid(70000, 5), name="X")


@pytest.mark.parametrize(("bad", "message"), [(np.nan, "non-finite"), (0.0, "empty vector")])
def test_pca_vectors_have_either_sign_but_are_finite_and_not_empty(bad, message):
    vectors = np.array([[1.0, -1, 0], [-1, -2, -3]])
    np.testing.assert_array_equal(Basis(vectors, LogGrid(70000, 3), method="PCA").vectors, vectors)
    with pytest.raises(ValueError, match=message):
        Basis(np.stack([vectors[0], np.full(3, bad)]), LogGrid(70000, 3), method="PCA")


@pytest.mark.parametrize("zrange", [(1.0, 0.5), (-1.0, 0.5), (0.0, np.inf), (np.nan, 1.0)])
def test_an_impossible_range_of_redshifts_raises(zrange):
    with pytest.raises(ValueError, match="give a lowest redshift above -1 and a highest"):
        Basis(np.ones((1, 3)), LogGrid(70000, 3), zrange=zrange)


def test_an_unknown_method_raises():
    """Asked of a Python whose types are not checked, as they are here."""
    script = "import jaxz, numpy; jaxz.Basis(numpy.ones((1, 2)), jaxz.LogGrid(70000, 2), method='nmf')"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert run.stderr.splitlines()[-1] == "ValueError: method='nmf': use one of NMF, PCA"


def test_another_step_conserves_the_integral(rng):
    basis = Basis(rng.uniform(size=(3, 4000)), LogGrid(70000, 4000, 5e-5))
    for step in (2.215525e-5, 1e-4):
        other = basis.with_step(step)
        assert other.grid.step == step
        np.testing.assert_allclose(other.vectors.sum(axis=1) * step, basis.vectors.sum(axis=1) * 5e-5, rtol=1e-9)
    assert basis.with_step(5e-5) is basis


def test_another_step_keeps_the_sign_of_pca_vectors_and_all_else(rng):
    vectors = rng.normal(size=(2, 400))
    basis = Basis(vectors, LogGrid(70000, 400), name="X", method="PCA", igm="Inoue14", zrange=(0.5, 2.0))
    other = basis.with_step(1e-4)
    assert (other.name, other.method, other.igm, other.zrange) == ("X", "PCA", "Inoue14", (0.5, 2.0))
    np.testing.assert_allclose(other.vectors.sum(axis=1) * 1e-4, vectors.sum(axis=1) * 5e-5, rtol=1e-9)
    assert (other.vectors < 0).any()
    on_device = dataclasses.replace(basis, vectors=jnp.asarray(vectors)).with_step(1e-4)
    np.testing.assert_array_equal(on_device.vectors, other.vectors)


def test_the_fingerprint_tells_vectors_and_grids_apart(rng):
    vectors = rng.uniform(size=(2, 10))
    one = Basis(vectors, LogGrid(70000, 10))
    assert one.sha256 == Basis(vectors.astype(">f8"), LogGrid(70000, 10)).sha256
    assert one.sha256 != Basis(vectors, LogGrid(70001, 10)).sha256
    assert one.sha256 != Basis(vectors * 2, LogGrid(70000, 10)).sha256
    assert one.sha256 == Basis(jnp.asarray(vectors), LogGrid(70000, 10)).sha256
    assert one.sha256 != Basis(vectors, LogGrid(70000, 10), method="PCA").sha256


def test_the_fingerprint_of_nmf_vectors_is_that_of_earlier_versions():
    basis = Basis(np.arange(1.0, 7.0).reshape(2, 3), LogGrid(70000, 3))
    assert basis.sha256 == "a2b29ffff2e7a5e5f20fde2ff44b303a394dcf3072308f225e7ca8f9b493ce28"


@pytest.fixture(params=["NMF", "PCA"])
def either(rng, request):
    values = rng.normal(size=(2, 5))
    vectors = np.abs(values) if request.param == "NMF" else values
    return Basis(vectors, LogGrid(70000, 5), name="X", method=request.param, igm="Calura12", zrange=(0.1, 0.2))


def test_a_basis_passes_through_jit(either):
    @jax.jit
    def doubled(basis):
        return dataclasses.replace(basis, vectors=2 * basis.vectors)

    twice = doubled(either)
    np.testing.assert_array_equal(twice.vectors, 2 * either.vectors)
    assert jax.tree.structure(twice) == jax.tree.structure(either)


def test_the_leaves_of_a_basis_are_its_vectors(either):
    (leaf,) = jax.tree.leaves(either)
    assert leaf is either.vectors
    np.testing.assert_array_equal(jax.tree.map(lambda x: -x, either).vectors, -either.vectors)


def test_the_gradient_with_respect_to_a_basis_is_a_basis(either):
    gradient = jax.grad(lambda basis: -jnp.sum(basis.vectors**2))(either)
    np.testing.assert_array_equal(gradient.vectors, -2 * either.vectors)
    assert gradient.method == either.method


def test_bases_are_made_under_vmap(either):
    batch = jnp.stack([either.vectors, 3 * either.vectors])
    bases = jax.vmap(lambda vectors: dataclasses.replace(either, vectors=vectors))(batch)
    np.testing.assert_array_equal(bases.vectors, batch)


def test_what_is_known_under_jit_is_checked():
    grid = LogGrid(70000, 5)
    with pytest.raises(ValueError, match="needs \\(basis, 5\\)"):
        jax.jit(lambda x: Basis(x, grid).vectors)(jnp.ones((2, 4)))
    constant = -jnp.ones((2, 5))
    with pytest.raises(ValueError, match="negative"):
        jax.jit(lambda x: Basis(constant, grid).vectors + x)(1.0)
