import numpy as np
import pytest

from jaxz.models import Basis
from jaxz.spectra import LogGrid


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.ones((2, 4)), "needs \\(basis, 5\\)"),
        (np.array([[1.0, 1, -1e-9, 1, 1]]), "non-negative"),
        (np.array([[1.0, 1, np.nan, 1, 1]]), "non-finite"),
        (np.array([[1.0, 1, 1, 1, 1], [0, 0, 0, 0, 0]]), "empty vector"),
    ],
)
def test_what_is_not_a_basis_raises(vectors, message):
    with pytest.raises(ValueError, match=message):
        Basis(vectors, LogGrid(70000, 5), name="X")


def test_another_step_conserves_the_integral(rng):
    basis = Basis(rng.uniform(size=(3, 4000)), LogGrid(70000, 4000, 5e-5))
    for step in (2.215525e-5, 1e-4):
        other = basis.with_step(step)
        assert other.grid.step == step
        np.testing.assert_allclose(other.vectors.sum(axis=1) * step, basis.vectors.sum(axis=1) * 5e-5, rtol=1e-9)
    assert basis.with_step(5e-5) is basis


def test_the_fingerprint_tells_vectors_and_grids_apart(rng):
    vectors = rng.uniform(size=(2, 10))
    one = Basis(vectors, LogGrid(70000, 10))
    assert one.sha256 == Basis(vectors.astype(">f8"), LogGrid(70000, 10)).sha256
    assert one.sha256 != Basis(vectors, LogGrid(70001, 10)).sha256
    assert one.sha256 != Basis(vectors * 2, LogGrid(70000, 10)).sha256
