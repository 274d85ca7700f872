"""One pass over tiles, against the update equation on dense arrays; under jit and in both precisions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxz.kernels import nmf
from tests import oracle

NREST, WIDTH, RANK = 40, 15, 3


def case(rng, dtype=np.float64):
    flux = rng.normal(1, 1, (4, 5, WIDTH))
    ivar = rng.uniform(0, 2, flux.shape) * (rng.uniform(size=flux.shape) < 0.8)
    ivar[2, 3] = 0
    first = np.array([0, 3, 25, 11], np.int32)
    flux[1, 2] = -np.abs(flux[1, 2])
    weight = ivar.sum(axis=2)
    size = np.sum(ivar * np.abs(flux), axis=2) / np.where(weight > 0, weight, 1)
    tiles = nmf.Tiles(*(jnp.asarray(x.astype(dtype)) for x in (flux * (ivar > 0), ivar, size)), jnp.asarray(first))
    coeff, basis = rng.uniform(0.1, 1, (4, 5, RANK)), rng.uniform(0.1, 1, (RANK, NREST))
    coeff[0, 1] = coeff[2, 2, 1] = 0
    return jnp.asarray(coeff.astype(dtype)), jnp.asarray(basis.astype(dtype)), tiles


def dense(tiles):
    shift = np.repeat(np.asarray(tiles.first), 5)
    return [oracle.dense(np.asarray(x).reshape(20, WIDTH), shift, NREST) for x in tiles[:2]]


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 2e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("level", [0.0, 4.0])
@pytest.mark.parametrize("update", [False, True])
def test_sweep_equals_the_equation(rng, dtype, rtol, compiled, level, update):
    coeff, basis, tiles = case(rng, dtype)
    sweep = jax.jit(nmf.sweep) if compiled else nmf.sweep
    found = sweep(coeff, basis, tiles, nmf.coeff_floor(basis), jnp.asarray(level, dtype), jnp.asarray(update))
    flux, ivar = dense(tiles)
    expected = np.asarray(coeff, np.float64).reshape(20, RANK)
    vectors = np.asarray(basis, np.float64)
    if update:
        expected, _ = oracle.coeff_update(flux, ivar, expected, vectors, level)
    model = expected @ vectors
    assert found.coeff.dtype == dtype
    np.testing.assert_allclose(found.coeff.reshape(20, RANK), expected, rtol=rtol)
    np.testing.assert_allclose(found.numerator, expected.T @ (ivar * (flux + level)), rtol=rtol, atol=20 * rtol)
    np.testing.assert_allclose(found.denominator, expected.T @ (ivar * (model + level)), rtol=rtol, atol=20 * rtol)
    np.testing.assert_allclose(found.chi2.ravel(), (ivar * (flux - model) ** 2).sum(axis=1), rtol=rtol, atol=1e-30)


def test_updated_by_hand():
    values = jnp.array([[2.0, 2.0, 2.0, 0.0, 2.0]])
    numerator = jnp.array([[3.0, -3.0, 0.0, 5.0, 4.0]])
    denominator = jnp.array([[6.0, 1.0, 0.0, 1.0, 0.0]])
    found = nmf.updated(values, numerator, denominator, jnp.zeros((1, 5)))
    np.testing.assert_array_equal(found, [[1.0, 0.0, 0.0, 0.0, 0.0]])
    assert not np.signbit(np.asarray(found)).any()


def test_what_falls_stops_at_the_floor_and_what_is_zero_is_raised_to_it():
    values = jnp.array([[2.0, 0.01, 0.01, 0.0, 2.0]])
    numerator = jnp.array([[-3.0, -3.0, 3.0, -1.0, 3.0]])
    found = nmf.updated(values, numerator, jnp.ones((1, 5)), jnp.full((1, 5), 0.1))
    np.testing.assert_allclose(found, [[0.1, 0.01, 0.03, 0.1, 6.0]])


def test_floors_by_hand():
    basis = jnp.array([[2.0, 4.0, 0.0, 2.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.4]])
    floor = nmf.basis_floor(basis, jnp.array([True, True, False, True]))
    np.testing.assert_allclose(floor, [[2e-6, 2e-6, 0, 2e-6], [2e-12, 2e-12, 0, 2e-12], [1e-7, 1e-7, 0, 1e-7]])
    np.testing.assert_allclose(nmf.coeff_floor(basis), [2.5e-7, 0, 2.5e-6])
