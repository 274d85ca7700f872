import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxz.kernels import elimination, sliding, woodbury
from jaxz.kernels.normal import NormalEquations
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
    solved = woodbury.solve(made, jnp.asarray(flux))
    spectrum = sliding.Conditioned(jnp.asarray(ivar), woodbury.projected(made), solved[None])
    added = sliding.at_places(sliding.with_products(jnp.asarray(target)[:, None]), spectrum).equations
    delta, logdet = woodbury.delta_chi2(added)
    dense, base, dense_logdet = oracle.delta_chi2(flux, ivar, nuisance, target)
    assert float(delta[0]) == pytest.approx(dense, rel=1e-9)
    assert float(logdet[0]) == pytest.approx(dense_logdet, rel=1e-9)
    assert float(woodbury.chi2(both, jnp.asarray(flux))) == pytest.approx(base + dense, rel=1e-9)
    assert float(woodbury.logdet(both) - woodbury.logdet(made)) == pytest.approx(dense_logdet, rel=1e-9)
    coeff = woodbury.coefficients(both, jnp.asarray(flux))
    np.testing.assert_allclose(elimination.solve(added, size, prior=1).coeff[:, 0], coeff[4:], rtol=1e-8)


@pytest.mark.parametrize("sign", [-1, 0, 1])
def test_the_penalty_is_the_posterior_mass_of_positive_sums(rng, sign):
    """By drawing from the dense posterior of the coefficients."""
    target = np.abs(rng.normal(size=(2, NPIX)))
    flux, ivar = 0.1 * sign * target[0] + rng.normal(size=NPIX), np.ones(NPIX)
    spectrum = sliding.Conditioned(jnp.asarray(ivar), jnp.zeros((0, NPIX)), jnp.asarray(ivar * flux)[None])
    added = sliding.at_places(sliding.with_products(jnp.asarray(target)[:, None]), spectrum).equations
    penalty = float(jax.jit(woodbury.emission_penalty)(added, jnp.asarray(target.sum(axis=1)))[0])
    covariance = np.linalg.inv(np.eye(2) + target @ target.T)
    drawn = rng.multivariate_normal(covariance @ target @ flux, covariance, size=200_000) @ target.sum(axis=1)
    assert np.exp(-penalty / 2) == pytest.approx(np.mean(drawn > 0), abs=4e-3)


def test_a_part_that_is_all_explained_adds_nothing_and_no_nan():
    """Round-off makes G slightly negative there."""
    added = NormalEquations(jnp.full((1, 2), -1e-3, jnp.float32), jnp.zeros((1, 2), jnp.float32))
    delta, logdet = woodbury.delta_chi2(added)
    assert np.all(np.asarray(delta) == 0)
    assert np.all(np.asarray(logdet) == 0)


@pytest.mark.parametrize("sizes", [(2,), (1, 3)])
def test_a_free_part_is_the_fit_without_a_prior(rng, sizes):
    """χ², coefficients and C⁻¹d are those of least squares; a Gaussian part beside it keeps its prior."""
    free, gaussian = 3 * rng.normal(size=(sizes[0], NPIX)), rng.normal(size=(sum(sizes[1:]), NPIX))
    ivar = np.where(rng.uniform(size=NPIX) < 0.1, 0, rng.uniform(0.1, 10, size=NPIX))
    flux = rng.normal(size=NPIX) + 100 * free[0]
    parts = [jnp.asarray(part) for part in (free, gaussian)]
    made = woodbury.factorise(parts, jnp.asarray(ivar), [True] * len(free) + [False] * len(gaussian))
    rows = np.concatenate([free, gaussian])
    prior = np.diag(np.r_[np.zeros(len(free)), np.ones(len(gaussian))])
    coeff = np.linalg.solve((rows * ivar) @ rows.T + prior, (rows * ivar) @ flux)
    residual = flux - coeff @ rows
    expected = np.sum(ivar * residual**2) + coeff @ prior @ coeff
    np.testing.assert_allclose(woodbury.coefficients(made, jnp.asarray(flux)), coeff, rtol=1e-8, atol=1e-8)
    assert float(woodbury.chi2(made, jnp.asarray(flux))) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(woodbury.solve(made, jnp.asarray(flux)), ivar * residual, atol=1e-7 * np.max(ivar))
    projected = np.asarray(woodbury.projected(made))
    np.testing.assert_allclose(
        ivar * flux - projected.T @ (projected @ flux), ivar * residual, atol=1e-6 * np.max(ivar)
    )


@pytest.mark.parametrize("what", ["no data", "twice the same"])
def test_free_parts_that_say_nothing_do_no_harm(rng, what):
    free = rng.normal(size=(2, NPIX))
    ivar = np.where(np.arange(NPIX) < 30, 0, 1.0)
    free[1] = np.where(ivar > 0, 0, 1) if what == "no data" else 2 * free[0]
    flux = rng.normal(size=NPIX)
    made = woodbury.factorise([jnp.asarray(free)], jnp.asarray(ivar), [True] * len(free))
    one = woodbury.factorise([jnp.asarray(free[:1])], jnp.asarray(ivar), [True])
    chi2 = [float(woodbury.chi2(factor, jnp.asarray(flux))) for factor in (made, one)]
    assert chi2[0] == pytest.approx(chi2[1], rel=1e-6)
    assert np.all(np.isfinite(np.asarray(woodbury.projected(made))))
    if what == "no data":
        assert float(woodbury.coefficients(made, jnp.asarray(flux))[1]) == 0
