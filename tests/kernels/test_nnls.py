import inspect

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxz.kernels import nnls as kernel, packed
from tests import oracle

compiled = jax.jit(kernel.nnls, static_argnames=("solver", "max_iter"))


def nnls(gram, rhs, *, solver="pivoting", max_iter=None):
    """Call the compiled solver with all arguments, so that those of one default are one program."""
    return compiled(gram, rhs, solver=solver, max_iter=max_iter)


all_solvers = pytest.mark.parametrize("solver", ["pivoting", "gradient", "dense"])


def _normal(design, flux):
    return design.T @ design, design.T @ flux, flux @ flux


@pytest.fixture
def problems(rng):
    return list(oracle.nnls_problems(rng))


@all_solvers
def test_objective_equals_scipy_on_the_whitened_problem(problems, solver):
    clipped = 0
    for name, design, flux in problems:
        gram, rhs, const = _normal(design, flux)
        result = nnls(jnp.asarray(gram)[..., None], jnp.asarray(rhs)[:, None], solver=solver)
        coeff = np.asarray(result.coeff[:, 0])
        expected_coeff, expected = oracle.nnls(design, flux)
        clipped += int(np.sum(expected_coeff == 0))
        assert np.all(coeff >= 0), name
        assert bool(result.converged[0]), name
        assert oracle.chi2(gram, rhs, const, coeff) == pytest.approx(expected, rel=1e-6), name
        assert float(result.kkt[0]) < 1e-8, name
    # The table would prove nothing if no constraint were ever active.
    assert clipped > 50


@all_solvers
def test_float32_objective_is_near_the_float64_one(problems, solver):
    for name, design, flux in problems:
        gram, rhs, const = _normal(design, flux)
        result = nnls(jnp.asarray(gram, jnp.float32)[..., None], jnp.asarray(rhs, jnp.float32)[:, None], solver=solver)
        assert result.coeff.dtype == jnp.float32
        objective = oracle.chi2(gram, rhs, const, np.asarray(result.coeff[:, 0], dtype=float))
        assert objective == pytest.approx(oracle.nnls(design, flux)[1], abs=2e-3 * const), name


@all_solvers
@pytest.mark.parametrize("scale", [1e-21, 1e9])
def test_scales_of_matrix_and_data_do_not_matter(rng, solver, scale):
    design = np.abs(rng.normal(size=(60, 8)))
    flux = design @ [1, 0, 2, 0, 0, 3, 0.5, 0] + 0.01 * rng.normal(size=60)
    expected, _ = oracle.nnls(design, flux)
    gram, rhs, _ = _normal(design * scale, flux / scale)
    result = nnls(jnp.asarray(gram)[..., None], jnp.asarray(rhs)[:, None], solver=solver)
    assert bool(result.converged[0])
    np.testing.assert_allclose(np.asarray(result.coeff[:, 0]) * scale**2, expected, atol=1e-7)


def test_scales_of_single_columns_do_not_matter(rng):
    design = np.abs(rng.normal(size=(60, 8)))
    flux = design @ [1, 0, 2, 0, 0, 3, 0.5, 0] + 0.01 * rng.normal(size=60)
    scale = 10.0 ** np.array([-9, 0, 9, -4, 4, -7, 7, 2])
    gram, rhs, _ = _normal(design * scale, flux)
    result = nnls(jnp.asarray(gram)[..., None], jnp.asarray(rhs)[:, None])
    np.testing.assert_allclose(np.asarray(result.coeff[:, 0]) * scale, oracle.nnls(design, flux)[0], atol=1e-10)


@all_solvers
def test_vanishing_and_negative_diagonals_give_zero(solver):
    gram = jnp.asarray(np.diag([2.0, 0.0, -1e-18]))[..., None]
    result = nnls(gram, jnp.asarray([[4.0], [1e-20], [1e-20]]), solver=solver)
    np.testing.assert_allclose(result.coeff[:, 0], [2.0, 0.0, 0.0])


@all_solvers
def test_lanes_do_not_see_each_other(problems, solver):
    """A lane is the same to the bit alone and beside others, whatever they need."""
    chosen = [(d, f) for _, d, f in problems if d.shape[1] == 10]
    normal = [_normal(d, f) for d, f in chosen]
    gram = jnp.stack([jnp.asarray(g) for g, _, _ in normal], axis=-1)
    rhs = jnp.stack([jnp.asarray(r) for _, r, _ in normal], axis=-1)
    together = nnls(gram, rhs, solver=solver).coeff
    for lane in range(gram.shape[-1]):
        alone = nnls(gram[..., lane : lane + 1], rhs[:, lane : lane + 1], solver=solver).coeff
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


@all_solvers
def test_under_jit_and_vmap(problems, solver):
    normal = [_normal(d, f) for _, d, f in problems if d.shape[1] == 5]
    gram = jnp.stack([jnp.asarray(g) for g, _, _ in normal])[..., None]
    rhs = jnp.stack([jnp.asarray(r) for _, r, _ in normal])[..., None]
    mapped = jax.jit(jax.vmap(lambda g, r: nnls(g, r, solver=solver).coeff))(gram, rhs)
    for row in range(len(gram)):
        alone = nnls(gram[row], rhs[row], solver=solver).coeff
        np.testing.assert_allclose(mapped[row], alone, rtol=1e-9, atol=1e-12)


def test_packed_matrices_give_the_same(problems):
    for name, design, flux in problems[::5]:
        gram, rhs, _ = _normal(design, flux)
        stored = jnp.asarray(gram[packed.pairs(len(rhs))])[:, None]
        alike = kernel.nnls_packed(stored, jnp.asarray(rhs)[:, None]).coeff
        np.testing.assert_array_equal(alike, nnls(jnp.asarray(gram)[..., None], jnp.asarray(rhs)[:, None]).coeff, name)


def test_packed_product_is_that_of_the_full_matrix(rng):
    for nbasis in range(1, 8):
        half = rng.normal(size=(nbasis, nbasis, 3))
        full, coeff = half + half.swapaxes(0, 1), rng.normal(size=(nbasis, 3))
        parts = packed.diagonals(jnp.asarray(full[packed.pairs(nbasis)]), nbasis)
        assert sum(map(len, parts)) == nbasis * (nbasis + 1) // 2
        np.testing.assert_allclose(
            packed.apply(parts, jnp.asarray(coeff)), np.einsum("abl,bl->al", full, coeff), rtol=1e-12
        )


def test_blocks_stay_in_the_cache_and_are_no_power_of_two():
    for dtype, factor in (("float32", 1), ("float64", 2)):
        for nbasis in (2, 5, 12, 16):
            size = kernel.lanes(nbasis, np.dtype(dtype))
            assert size % 16 == 8
            assert 400_000 < 4 * factor * size * nbasis * (nbasis + 4) < 610_000


def test_unknown_solver_raises():
    unchecked = inspect.unwrap(kernel.nnls_packed)
    with pytest.raises(ValueError, match="solver='newton': use one of pivoting, gradient, dense"):
        unchecked(jnp.ones((1, 1)), jnp.ones((1, 1)), solver="newton")


def test_second_call_compiles_nothing(rng):
    counted = jax.jit(eqx.debug.assert_max_traces(kernel.nnls, max_traces=1))
    for _ in range(2):
        design = rng.uniform(size=(20, 3))
        counted(jnp.asarray(design.T @ design)[..., None], jnp.asarray(design.T @ rng.uniform(size=20))[:, None])


@all_solvers
@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_gradients(rng, mode, solver):
    """Finite differences through a problem with a clipped and several positive coefficients."""
    design, flux = rng.uniform(size=(30, 5)), rng.uniform(size=30)
    flux = flux - 0.4 * design[:, 3]

    def coeff(matrix, values):
        matrix, values = jnp.asarray(matrix), jnp.asarray(values)
        return nnls((matrix.T @ matrix)[..., None], (matrix.T @ values)[:, None], solver=solver).coeff

    solution = np.asarray(coeff(design, flux))
    assert 0 < np.count_nonzero(solution) < 5
    check_grads(coeff, (design, flux), order=1, modes=[mode], rtol=1e-5)
