import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxz.kernels import sliding, woodbury
from jaxz.kernels.normal import NormalEquations, pairs
from tests import oracle

NPIX = 60


@pytest.fixture(params=[(), (5, 2), (1, 4, 2)], ids=lambda sizes: f"parts {sizes}")
def problem(request, rng):
    """Parts of these sizes, a spectrum with masked pixels, and the dense covariance."""
    parts = [
        scale * rng.normal(size=(size, NPIX)) for size, scale in zip(request.param, (3.0, 0.5, 30.0), strict=False)
    ]
    ivar = rng.uniform(0.1, 10, size=NPIX)
    ivar[20:27] = 0
    flux = np.where(ivar > 0, rng.normal(size=NPIX) + sum(part[0] for part in parts), 0)
    return parts, flux, ivar


@pytest.fixture(params=[np.float32, np.float64])
def dtype(request):
    return request.param


def tolerance(dtype):
    return 2e-3 if dtype == np.float32 else 1e-9


def factor(parts, ivar, dtype=np.float64):
    return woodbury.factorise([jnp.asarray(part, dtype) for part in parts], jnp.asarray(ivar, dtype))


def test_chi2_solve_and_determinant_are_the_dense_ones(problem, dtype):
    parts, flux, ivar = problem
    dense, good = oracle.covariance(ivar, *parts)

    @jax.jit
    def found(ivar, flux, *parts):
        made = woodbury.factorise(parts, ivar)
        return woodbury.chi2(made, flux), woodbury.solve(made, flux), woodbury.logdet(made)

    chi2, solved, logdet = found(*(jnp.asarray(x, dtype) for x in (ivar, flux, *parts)))
    assert chi2.dtype == solved.dtype == dtype
    expected = np.linalg.solve(dense, flux[good])
    assert float(chi2) == pytest.approx(flux[good] @ expected, rel=tolerance(dtype))
    np.testing.assert_allclose(solved[good], expected, atol=tolerance(dtype) * np.abs(expected).max())
    assert np.all(np.asarray(solved)[~good] == 0)
    assert float(logdet) == pytest.approx(np.linalg.slogdet(dense)[1], rel=tolerance(dtype))


def test_the_inverse_is_weights_minus_projections(problem):
    parts, _, ivar = problem
    dense, good = oracle.covariance(ivar, *parts)
    rows = np.asarray(woodbury.projected(factor(parts, ivar)))
    np.testing.assert_allclose((np.diag(ivar) - rows.T @ rows)[np.ix_(good, good)], np.linalg.inv(dense), atol=1e-8)


def test_posterior_is_the_dense_one(problem, dtype):
    """Means, variances and the covariance as a function [L, eq. 2 and 22]; the noise is what is left."""
    parts, flux, ivar = problem
    dense, good = oracle.covariance(ivar, *parts)
    made = factor(parts, ivar, dtype)
    begin, total = 0, np.zeros(NPIX)
    for vectors in parts:
        part = slice(begin, begin + len(vectors))
        begin += len(vectors)
        prior = vectors.T @ vectors
        mean = prior[:, good] @ np.linalg.solve(dense, flux[good])
        covariance = prior - prior[:, good] @ np.linalg.solve(dense, prior[good])
        scale = np.abs(prior).max()
        found = np.asarray(woodbury.posterior_mean(made, jnp.asarray(flux, dtype), part))
        np.testing.assert_allclose(found, mean, atol=tolerance(dtype) * np.abs(mean).max())
        variance = woodbury.posterior_variance(made, part)
        np.testing.assert_allclose(variance, np.diag(covariance), atol=tolerance(dtype) * scale * 0.1)
        weights = np.linspace(-1, 2, NPIX)
        applied = woodbury.posterior_covariance(made, part)(jnp.asarray(weights, dtype))
        np.testing.assert_allclose(applied, covariance @ weights, atol=tolerance(dtype) * scale)
        total += found
    noise = np.linalg.solve(dense, flux[good]) / ivar[good]
    np.testing.assert_allclose(total[good] + noise, flux[good], atol=tolerance(dtype) * 30)


def test_what_has_no_weight_may_hold_anything(problem):
    parts, flux, ivar = problem
    other = np.where(ivar > 0, flux, 1e8)
    made = factor(parts, ivar)
    chi2 = [float(woodbury.chi2(made, jnp.asarray(values))) for values in (flux, other)]
    assert chi2[0] == pytest.approx(chi2[1], rel=1e-12)
    nothing = factor(parts, np.zeros(NPIX))
    assert float(woodbury.chi2(nothing, jnp.asarray(flux))) == 0
    assert float(woodbury.logdet(nothing)) == pytest.approx(0, abs=1e-12)


def test_under_vmap_and_with_one_compilation(problem):
    parts, flux, ivar = problem
    stacked = jnp.asarray(np.stack([ivar, 2 * ivar, np.zeros(NPIX)]))
    vectors = [jnp.asarray(part) for part in parts]

    @jax.jit
    @eqx.debug.assert_max_traces(max_traces=1)
    def chi2(weights):
        return jax.vmap(lambda w: woodbury.chi2(woodbury.factorise(vectors, w), jnp.asarray(flux)))(weights)

    chi2(stacked)
    for row, weights in zip(np.asarray(chi2(stacked)), np.asarray(stacked), strict=True):
        assert row == pytest.approx(float(woodbury.chi2(factor(parts, weights), jnp.asarray(flux))), rel=1e-12)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_adding_a_part_is_the_difference_of_two_dense_chi2(rng, size):
    nuisance, target = 5 * rng.normal(size=(4, NPIX)), rng.normal(size=(size, NPIX))
    ivar = np.where(rng.uniform(size=NPIX) < 0.1, 0, 1.0)
    flux = np.where(ivar > 0, 3 * target[0] + rng.normal(size=NPIX), 0)
    made = factor([nuisance], ivar)
    both = factor([nuisance, target], ivar)
    spectrum = sliding.Conditioned(woodbury.projected(made), woodbury.solve(made, jnp.asarray(flux)), jnp.asarray(ivar))
    added = sliding.at_places(sliding.with_products(jnp.asarray(target)[:, None]), spectrum)
    delta, logdet = woodbury.delta_chi2(added)
    dense, base, dense_logdet = oracle.delta_chi2(flux, ivar, nuisance, target)
    assert float(delta[0]) == pytest.approx(dense, rel=1e-9)
    assert float(logdet[0]) == pytest.approx(dense_logdet, rel=1e-9)
    assert float(woodbury.chi2(both, jnp.asarray(flux))) == pytest.approx(base + dense, rel=1e-9)
    assert float(woodbury.logdet(both) - woodbury.logdet(made)) == pytest.approx(dense_logdet, rel=1e-9)
    coeff = woodbury.coefficients(both, jnp.asarray(flux))
    np.testing.assert_allclose(woodbury.added_coefficients(added)[:, 0], coeff[4:], rtol=1e-8)


def test_a_part_that_is_all_explained_adds_nothing_and_no_nan():
    """Round-off makes G slightly negative there."""
    added = NormalEquations(jnp.full((1, 2), -1e-3, jnp.float32), jnp.zeros((1, 2), jnp.float32))
    delta, logdet = woodbury.delta_chi2(added)
    assert np.all(np.asarray(delta) == 0)
    assert np.all(np.asarray(logdet) == 0)


@pytest.mark.parametrize(("way", "places"), [("products", 7), ("products", 64), ("fft", 1)])
def test_every_shift_is_the_published_loop(rng, way, places):
    """Shifts at which the target leaves the spectrum are among them."""
    nuisance, target = 4 * rng.normal(size=(6, NPIX)), rng.normal(size=(3, 12))
    ivar = np.where(np.arange(NPIX) % 9 == 0, 0, rng.uniform(0.5, 2, size=NPIX))
    flux = np.where(ivar > 0, rng.normal(size=NPIX), 0)
    made = factor([nuisance], ivar)
    spectrum = sliding.Conditioned(woodbury.projected(made), woodbury.solve(made, jnp.asarray(flux)), jnp.asarray(ivar))
    nshift = 55
    if way == "products":
        added = sliding.by_products(sliding.slid(jnp.asarray(target), places), spectrum, nshift)
    else:
        added = sliding.by_fft(sliding.transform(jnp.asarray(target), 256), spectrum, nshift=nshift, nfft=256)
    delta = np.asarray(woodbury.delta_chi2(added)[0])
    np.testing.assert_allclose(delta, oracle.published_loop(flux, ivar, nuisance, target, nshift), rtol=1e-8)
    for k in (0, 17, 54):
        moved = np.zeros((3, NPIX))
        moved[:, k : k + 12] = target[:, : NPIX - k]
        assert delta[k] == pytest.approx(oracle.delta_chi2(flux, ivar, nuisance, moved)[0], rel=1e-8)


def test_products_are_in_the_order_of_the_normal_equations(rng):
    vectors = rng.normal(size=(3, 4))
    part = sliding.slid(jnp.asarray(vectors), 2)
    first, second = pairs(3)
    np.testing.assert_array_equal(part.products[:, 1, 1:], vectors[first] * vectors[second])
    np.testing.assert_array_equal(part.vectors[:, 0, :4], vectors)
