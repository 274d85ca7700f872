"""Coefficients of every kind against dense solutions of NumPy and SciPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxz.kernels import elimination
from jaxz.kernels.normal import NormalEquations
from jaxz.kernels.packed import pairs
from tests import oracle

NPIX, NLANE = 60, 4

solve = jax.jit(elimination.solve, static_argnames=("neliminated", "prior"))


def equations(designs, data, dtype=np.float64):
    """Normal equations of designs (lane, pix, basis) and data (lane, pix)."""
    gram = np.einsum("lpa,lpb->abl", designs, designs)
    rhs = np.einsum("lpa,lp->al", designs, data)
    return NormalEquations(jnp.asarray(gram[pairs(len(rhs))], dtype), jnp.asarray(rhs, dtype))


def dense(design, data, neliminated, prior):
    """The best coefficients of one lane, those of either sign as a difference of two that are not negative."""
    free, positive = design[:, :neliminated], design[:, neliminated:]
    unit, none = np.eye(neliminated), np.zeros((neliminated, positive.shape[1]))
    rows = np.concatenate([free, -free, positive], axis=1)
    if prior:
        rows = np.concatenate([rows, np.concatenate([unit, -unit, none], axis=1)])
        data = np.concatenate([data, np.zeros(neliminated)])
    coeff, _ = oracle.nnls(rows, data)
    return np.concatenate([coeff[:neliminated] - coeff[neliminated : 2 * neliminated], coeff[2 * neliminated :]])


def objective(design, data, coeff, neliminated, prior):
    return np.sum((data - design @ coeff) ** 2) + prior * np.sum(coeff[:neliminated] ** 2)


@pytest.fixture
def problem(rng):
    """Six columns of different sizes, with a condition number of some thousands."""
    designs = rng.normal(size=(NLANE, NPIX, 6)) * np.geomspace(0.3, 30, 6)
    designs[:, :, 1] += 3 * designs[:, :, 0]
    return designs, np.einsum("lpa,a->lp", designs, [1, -1, 0.5, -2, 0.3, -0.1]) + rng.normal(size=(NLANE, NPIX))


@pytest.mark.parametrize("prior", [0, 1])
def test_without_further_columns_it_is_linear_algebra(problem, prior):
    designs, data = problem
    found = solve(equations(designs, data), 6, prior=prior)
    for lane, (design, values) in enumerate(zip(designs, data, strict=True)):
        expected = np.linalg.solve(design.T @ design + prior * np.eye(6), design.T @ values)
        np.testing.assert_allclose(found.coeff[:, lane], expected, rtol=1e-9, atol=1e-11)
    assert found.converged.dtype == bool
    assert np.all(found.converged)
    assert np.all(np.asarray(found.kkt) == 0)


@pytest.mark.parametrize("prior", [0, 1])
@pytest.mark.parametrize("neliminated", [1, 3, 5])
def test_non_negative_columns_after_those_that_are_eliminated(problem, prior, neliminated):
    designs, data = problem
    found = solve(equations(designs, data), neliminated, prior=prior)
    coeff = np.asarray(found.coeff)
    assert np.all(coeff[neliminated:] >= 0)
    # Some of them are at their limit, some are not.
    assert 0 < np.sum(coeff[neliminated:] == 0) < NLANE * 6
    for lane, (design, values) in enumerate(zip(designs, data, strict=True)):
        expected = dense(design, values, neliminated, prior)
        np.testing.assert_allclose(coeff[:, lane], expected, rtol=1e-7, atol=1e-9)
    assert np.all(found.converged)
    assert np.all(np.asarray(found.kkt) < 1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("prior", "neliminated"), [(0, 6), (0, 3), (1, 6), (1, 3)])
@pytest.mark.parametrize("what", ["vanishing", "collinear", "all vanish"])
def test_columns_that_say_nothing_do_no_harm(problem, what, prior, neliminated, dtype):
    """χ² is the least there is, whatever of the equal coefficients it is reached with; a column without data has 0."""
    designs, data = problem
    designs = designs.copy()
    if what == "all vanish":
        designs[:, :, :neliminated] = 0
    elif what == "vanishing":
        designs[:, :, 1] = 0
    else:
        designs[:, :, 2] = 2 * designs[:, :, 0]
    designs = designs.astype(np.float32).astype(np.float64)
    found = solve(equations(designs, data, dtype), neliminated, prior=prior)
    coeff = np.asarray(found.coeff, dtype=np.float64)
    assert found.coeff.dtype == dtype
    assert np.all(np.isfinite(coeff))
    assert np.all(coeff[neliminated:] >= 0)
    if what != "collinear":
        assert np.all(coeff[1] == 0)
    for lane, (design, values) in enumerate(zip(designs, data, strict=True)):
        least = objective(design, values, dense(design, values, neliminated, prior), neliminated, prior)
        reached = objective(design, values, coeff[:, lane], neliminated, prior)
        assert reached == pytest.approx(least, rel=1e-9 if dtype == np.float64 else 1e-4)


def test_a_collinear_free_column_leaves_the_one_before_it(problem):
    designs, data = problem
    designs = np.concatenate([designs[:, :, :2], 5 * designs[:, :, :1]], axis=2)
    coeff = np.asarray(solve(equations(designs, data), 3, prior=0).coeff)
    assert np.all(coeff[2] == 0)
    for lane in range(NLANE):
        expected = np.linalg.lstsq(designs[lane, :, :2], data[lane], rcond=None)[0]
        np.testing.assert_allclose(coeff[:2, lane], expected, rtol=1e-9)


def test_the_factor_is_that_of_the_dense_matrix(problem):
    """Forward and backward substitution are L⁻¹ and L⁻ᵀ."""
    designs, data = problem
    made = equations(designs, data)
    for prior in (0, 1):
        lower = elimination.factor(made.unpack(), prior=prior)
        reduced = elimination.forward(lower, made.rhs)
        solved = elimination.backward(lower, reduced)
        for lane in range(NLANE):
            gram = designs[lane].T @ designs[lane] + prior * np.eye(6)
            expected = np.linalg.cholesky(gram)
            np.testing.assert_allclose([values[lane] for values in lower.inverse], 1 / np.diag(expected), rtol=1e-9)
            for i, row in enumerate(lower.rows):
                np.testing.assert_allclose([values[lane] for values in row], expected[i, :i], rtol=1e-8, atol=1e-9)
            rhs = designs[lane].T @ data[lane]
            np.testing.assert_allclose([values[lane] for values in reduced], np.linalg.solve(expected, rhs), rtol=1e-8)
            np.testing.assert_allclose(solved[:, lane], np.linalg.solve(gram, rhs), rtol=1e-8)


def test_round_off_below_zero_is_put_back_by_the_prior():
    """A Gaussian column that others explain has a pivot of 1, and not a little less."""
    lower = elimination.factor(jnp.full((1, 1, 2), -1e-3, jnp.float32), prior=1)
    np.testing.assert_array_equal(lower.inverse[0], 1)


def test_it_is_differentiable(problem):
    """In reverse mode, with a coefficient at its limit and one that is left out."""
    designs, data = problem
    designs = designs.copy()
    designs[:, :, 1] = 0
    made = equations(designs, data)

    @jax.jit
    def total(rhs):
        return jnp.sum(elimination.solve(made._replace(rhs=rhs), 3, prior=0).coeff[:, 0])

    gradient = np.asarray(jax.grad(total)(made.rhs))[:, 0]
    assert np.all(np.isfinite(gradient))
    for i in (0, 2, 3, 4):
        step = 1e-4
        numeric = (float(total(made.rhs.at[i, 0].add(step))) - float(total(made.rhs.at[i, 0].add(-step)))) / (2 * step)
        assert gradient[i] == pytest.approx(numeric, rel=1e-5, abs=1e-9)
