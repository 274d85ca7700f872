import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxz.kernels import nnls as solver
from tests import oracle

nnls = jax.jit(solver.nnls, static_argnames=("max_iter", "solver"))
SOLVERS = ("pivoting", "gradient")


def _normal(design, flux):
    return design.T @ design, design.T @ flux, flux @ flux


@pytest.fixture
def problems(rng):
    return list(oracle.nnls_problems(rng))


@pytest.mark.parametrize("kind", SOLVERS)
def test_objective_equals_scipy_on_the_whitened_problem(problems, kind):
    clipped = 0
    for name, design, flux in problems:
        gram, rhs, const = _normal(design, flux)
        result = nnls(jnp.asarray(gram)[..., None], jnp.asarray(rhs)[:, None], solver=kind)
        coeff = np.asarray(result.coeff[:, 0])
        expected_coeff, expected = oracle.nnls(design, flux)
        clipped += int(np.sum(expected_coeff == 0))
        assert np.all(coeff >= 0), name
        assert bool(result.converged[0]), name
        assert oracle.chi2(gram, rhs, const, coeff) == pytest.approx(expected, rel=1e-6), name
        assert float(result.kkt[0]) < 1e-8, name
    # The table would prove nothing if no constraint were ever active.
    assert clipped > 50


@pytest.mark.parametrize("kind", SOLVERS)
def test_float32_objective_is_near_the_float64_one(problems, kind):
    for name, design, flux in problems:
        gram, rhs, const = _normal(design, flux)
        result = nnls(jnp.asarray(gram, jnp.float32)[..., None], jnp.asarray(rhs, jnp.float32)[:, None], solver=kind)
        assert result.coeff.dtype == jnp.float32
        objective = oracle.chi2(gram, rhs, const, np.asarray(result.coeff[:, 0], dtype=float))
        assert objective == pytest.approx(oracle.nnls(design, flux)[1], abs=2e-3 * const), name


@pytest.mark.parametrize("kind", SOLVERS)
def test_vanishing_and_negative_diagonals_give_zero(kind):
    gram = jnp.asarray(np.diag([2.0, 0.0, -1e-18]))[..., None]
    result = nnls(gram, jnp.asarray([[4.0], [1e-20], [1e-20]]), solver=kind)
    np.testing.assert_allclose(result.coeff[:, 0], [2.0, 0.0, 0.0])


@pytest.mark.parametrize("kind", SOLVERS)
def test_lanes_do_not_see_each_other(problems, kind):
    """A lane is the same to the bit alone and beside others, whatever they need."""
    chosen = [(d, f) for _, d, f in problems if d.shape[1] == 10]
    normal = [_normal(d, f) for d, f in chosen]
    gram = jnp.stack([jnp.asarray(g) for g, _, _ in normal], axis=-1)
    rhs = jnp.stack([jnp.asarray(r) for _, r, _ in normal], axis=-1)
    together = nnls(gram, rhs, solver=kind).coeff
    for lane in range(gram.shape[-1]):
        alone = nnls(gram[..., lane : lane + 1], rhs[:, lane : lane + 1], solver=kind).coeff
        np.testing.assert_array_equal(together[:, lane], alone[:, 0])


def test_reports_that_it_did_not_converge(problems):
    _, design, flux = problems[-5]
    gram, rhs, _ = _normal(design, flux)
    result = nnls(jnp.asarray(gram)[..., None], jnp.asarray(rhs)[:, None], max_iter=1)
    assert not bool(result.converged[0])
    assert float(result.kkt[0]) > 1e-6


def test_least_index_rule_reaches_the_same_answer(problems):
    """With the worst-violation rule used for no step at all, Murty's rule alone must solve the problem."""
    _, design, flux = problems[20]
    gram, rhs, const = _normal(design, flux)
    limited = nnls(jnp.asarray(gram)[..., None], jnp.asarray(rhs)[:, None], max_iter=4 * len(rhs))
    assert oracle.chi2(gram, rhs, const, np.asarray(limited.coeff[:, 0])) == pytest.approx(
        oracle.nnls(design, flux)[1], rel=1e-9
    )


@pytest.mark.parametrize("kind", SOLVERS)
def test_under_jit_and_vmap(problems, kind):
    normal = [_normal(d, f) for _, d, f in problems if d.shape[1] == 8]
    gram = jnp.stack([jnp.asarray(g) for g, _, _ in normal])[..., None]
    rhs = jnp.stack([jnp.asarray(r) for _, r, _ in normal])[..., None]
    mapped = jax.jit(jax.vmap(lambda g, r: nnls(g, r, solver=kind).coeff))(gram, rhs)
    for row in range(len(gram)):
        np.testing.assert_allclose(mapped[row], nnls(gram[row], rhs[row], solver=kind).coeff, rtol=1e-9, atol=1e-12)


def test_second_call_compiles_nothing(rng):
    counted = jax.jit(eqx.debug.assert_max_traces(solver.nnls, max_traces=1))
    for _ in range(2):
        design = rng.uniform(size=(20, 3))
        counted(jnp.asarray(design.T @ design)[..., None], jnp.asarray(design.T @ rng.uniform(size=20))[:, None])


@pytest.mark.parametrize("kind", SOLVERS)
@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_gradients(rng, mode, kind):
    """Finite differences through a problem with a clipped and several positive coefficients."""
    design, flux = rng.uniform(size=(30, 5)), rng.uniform(size=30)
    flux = flux - 0.4 * design[:, 3]

    def coeff(matrix, values):
        matrix, values = jnp.asarray(matrix), jnp.asarray(values)
        return nnls((matrix.T @ matrix)[..., None], (matrix.T @ values)[:, None], solver=kind).coeff

    solution = np.asarray(coeff(design, flux))
    assert 0 < np.count_nonzero(solution) < 5
    check_grads(coeff, (design, flux), order=1, modes=[mode], rtol=1e-5)
