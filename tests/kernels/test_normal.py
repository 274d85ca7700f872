import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxz.kernels import normal
from jaxz.kernels.nnls import nnls
from tests import oracle

by_fft = jax.jit(normal.by_fft, static_argnames=("nshift", "nfft"))
by_sums = jax.jit(normal.direct)


@pytest.fixture
def problem(rng):
    vectors = rng.uniform(size=(4, 300))
    vectors[3, :200] *= 1e-5
    flux, ivar = rng.normal(size=90) + 1, rng.uniform(0.5, 2, size=90)
    ivar[40:50] = 0
    flux[40:50] = 0
    return vectors, flux, ivar


@pytest.mark.parametrize("offset", [40, 180, 320], ids=["leaves at the blue end", "inside", "enters at the red end"])
def test_fft_and_direct_equal_the_slow_sums_at_every_shift(problem, offset):
    vectors, flux, ivar = problem
    nshift = 150
    nfft = normal.fft_length(300, 90, offset - nshift + 1, offset)
    fft = by_fft(
        normal.transform_basis(jnp.asarray(vectors), nfft),
        jnp.asarray(flux), jnp.asarray(ivar), jnp.asarray(offset), nshift=nshift, nfft=nfft,
    )  # fmt: skip
    first = offset - np.arange(nshift)
    direct = by_sums(jnp.asarray(vectors), jnp.asarray(flux), jnp.asarray(ivar), jnp.asarray(first))
    floor = normal.FAINT * np.sqrt((vectors**4).sum(axis=1)) * np.sqrt((ivar**2).sum())
    faint = 0
    for k in range(nshift):
        gram, rhs = oracle.normal_equations(vectors, flux, ivar, first[k])
        keep = np.diag(gram) > floor
        faint += int(np.sum(~keep & (np.diag(gram) > 0)))
        scale = np.sqrt(np.outer(np.diag(gram), np.diag(gram))) + 1e-300
        for result, tolerance in ((fft, 1e-7), (direct, 1e-12)):
            found = np.asarray(result.unpack())[:, :, k]
            assert np.max((np.abs(found - gram) / scale)[np.outer(keep, keep)], initial=0) < tolerance
            np.testing.assert_array_equal(np.diag(found) > 0, keep)
            np.testing.assert_allclose(np.asarray(result.rhs)[keep, k], rhs[keep], rtol=1e-7, atol=1e-9)
    # The fourth vector is faint in the blue: only there does the floor have something to remove.
    assert (faint > 0) == (offset < 200)


def test_a_shift_that_leaves_nothing_of_the_basis_gives_zeros(problem):
    vectors, flux, ivar = problem
    for first in (-90, -5000, 300, 5000):
        gone = by_sums(jnp.asarray(vectors), jnp.asarray(flux), jnp.asarray(ivar), jnp.asarray([first]))
        assert np.all(np.asarray(gone.gram) == 0)
        assert np.all(np.asarray(nnls(gone.unpack(), gone.rhs).coeff) == 0)


def test_chi2_is_that_of_the_residuals(problem, rng):
    vectors, flux, ivar = problem
    first = np.array([100, 130])
    equations = by_sums(jnp.asarray(vectors), jnp.asarray(flux), jnp.asarray(ivar), jnp.asarray(first))
    coeff = nnls(equations.unpack(), equations.rhs).coeff
    chi2 = normal.chi2(equations, jnp.asarray((ivar * flux**2).sum()), coeff)
    for k, begin in enumerate(first):
        model = np.asarray(coeff)[:, k] @ vectors[:, begin : begin + 90]
        assert float(chi2[k]) == pytest.approx((ivar * (flux - model) ** 2).sum(), rel=1e-12)


def test_direct_is_differentiable(problem):
    vectors, flux, ivar = problem

    @jax.jit
    def chi2(values):
        equations = normal.direct(values, jnp.asarray(flux), jnp.asarray(ivar), jnp.asarray([100]))
        coeff = nnls(equations.unpack(), equations.rhs).coeff
        return normal.chi2(equations, jnp.asarray((ivar * flux**2).sum()), coeff)[0]

    gradient = np.asarray(jax.grad(chi2)(jnp.asarray(vectors)))
    for place in ((0, 120), (2, 150)):
        moved = vectors.copy()
        moved[place] += 1e-5
        numeric = (float(chi2(jnp.asarray(moved))) - float(chi2(jnp.asarray(vectors)))) / 1e-5
        assert gradient[place] == pytest.approx(numeric, rel=1e-3)


@pytest.mark.parametrize("need", [1, 7, 24020, 24301, 100000])
def test_fft_length_is_fast_and_long_enough(need):
    length = normal.fft_length(need, 1, 0, 0)
    assert need <= length <= max(256, 1.25 * need)
    for prime in (2, 3, 5):
        while length % prime == 0:
            length //= prime
    assert length == 1
