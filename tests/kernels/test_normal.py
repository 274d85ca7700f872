import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxz.kernels import normal
from jaxz.kernels.nnls import nnls
from jaxz.kernels.packed import pairs
from tests import oracle


def packed(gram, rhs):
    """Normal equations of full matrices (lane, basis, basis) and (lane, basis)."""
    row, column = pairs(rhs.shape[1])
    return normal.NormalEquations(jnp.asarray(gram[:, row, column].T), jnp.asarray(rhs.T))


@pytest.fixture
def problem(rng):
    """Two lanes of four vectors, and their normal equations by the slow sums."""
    vectors = rng.uniform(size=(4, 300))
    flux, ivar = rng.normal(size=90) + 1, rng.uniform(0.5, 2, size=90)
    ivar[40:50] = 0
    first = (100, 130)
    gram, rhs = zip(*(oracle.normal_equations(vectors, flux, ivar, k) for k in first), strict=True)
    return vectors, flux, ivar, first, np.array(gram), np.array(rhs)


@pytest.mark.parametrize("nbasis", [1, 2, 5])
def test_pairs_are_the_squares_and_then_every_other_pair_once(nbasis):
    first, second = pairs(nbasis)
    np.testing.assert_array_equal(first[:nbasis], np.arange(nbasis))
    np.testing.assert_array_equal(second[:nbasis], np.arange(nbasis))
    assert np.all(first[nbasis:] != second[nbasis:])
    every = {frozenset(pair) for pair in zip(first.tolist(), second.tolist(), strict=True)}
    assert len(every) == len(first) == nbasis * (nbasis + 1) // 2


def test_unpacked_matrices_are_whole_and_symmetric(problem):
    *_, gram, rhs = problem
    np.testing.assert_array_equal(np.moveaxis(packed(gram, rhs).unpack(), -1, 0), gram)


def test_chi2_is_that_of_the_residuals(problem):
    vectors, flux, ivar, first, gram, rhs = problem
    equations = packed(gram, rhs)
    coeff = nnls(equations.unpack(), equations.rhs).coeff
    chi2 = normal.chi2(equations, jnp.asarray((ivar * flux**2).sum()), coeff)
    each = normal.chi2(equations, jnp.asarray([(ivar * flux**2).sum(), 0.0]), coeff)
    for k, begin in enumerate(first):
        model = np.asarray(coeff)[:, k] @ vectors[:, begin : begin + 90]
        assert float(chi2[k]) == pytest.approx((ivar * (flux - model) ** 2).sum(), rel=1e-12)
    assert float(each[0]) == float(chi2[0])
    assert float(each[1]) == pytest.approx(float(chi2[1]) - (ivar * flux**2).sum())


def test_a_vector_that_vanishes_is_removed_and_others_are_not(problem):
    vectors, _, ivar, _, gram, rhs = problem
    power = np.sqrt((vectors**4).sum(axis=1))
    floor = np.asarray(normal.vanishing(jnp.asarray(ivar), jnp.asarray(power)))
    np.testing.assert_allclose(floor, normal.FAINT["float64"] * power * np.sqrt((ivar**2).sum()), rtol=1e-12)
    gram[0, 2, 2] = floor[2]
    gram[1, 2, 2] = floor[2] * (1 + 1e-9)
    gram[1, 0, 0] = -floor[0]
    lean = normal.without_vanishing(packed(gram, rhs), jnp.asarray(floor))
    expected = gram.copy()
    expected[0, 2, 2] = expected[1, 0, 0] = 0
    np.testing.assert_array_equal(np.moveaxis(lean.unpack(), -1, 0), expected)
    np.testing.assert_array_equal(lean.rhs, rhs.T)
    coeff = np.asarray(jax.jit(nnls)(lean.unpack(), lean.rhs).coeff)
    assert coeff[2, 0] == coeff[0, 1] == 0


def test_fixed_columns_after_the_sliding_ones_never_vanish(problem):
    *_, gram, rhs = problem
    gram[:, 3, 3] = 1e-30
    lean = normal.without_vanishing(packed(gram, rhs), jnp.asarray(np.full(3, 1e-3)))
    np.testing.assert_array_equal(np.moveaxis(lean.unpack(), -1, 0), gram)


@pytest.mark.parametrize("nfixed", [1, 3])
def test_further_columns_extend_the_matrices(rng, nfixed):
    """Of a design whose last columns are the same in both lanes."""
    fixed = rng.normal(size=(40, nfixed))
    designs = [np.concatenate([rng.normal(size=(40, 3)), fixed], axis=1) for _ in range(2)]
    data = rng.normal(size=40)
    gram = np.array([design.T @ design for design in designs])
    rhs = np.array([design.T @ data for design in designs])
    whole = normal.extended(
        packed(gram[:, :3, :3], rhs[:, :3]), jnp.asarray(np.moveaxis(gram[:, 3:, :3], 0, -1)),
        jnp.asarray(gram[0, 3:, 3:]), jnp.asarray(rhs[:, 3:].T),
    )  # fmt: skip
    np.testing.assert_allclose(np.moveaxis(whole.unpack(), -1, 0), gram, rtol=1e-12)
    np.testing.assert_allclose(whole.rhs, rhs.T, rtol=1e-12)
