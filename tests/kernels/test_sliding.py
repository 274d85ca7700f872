import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxz.kernels import normal, sliding, woodbury
from jaxz.kernels.nnls import nnls
from jaxz.kernels.packed import pairs
from tests import oracle

NPIX = 60
OFFSETS = pytest.mark.parametrize(
    "offset", [40, 180, 320], ids=["leaves at the blue end", "inside", "enters at the red end"]
)

by_fft = jax.jit(sliding.by_fft, static_argnames=("nbasis", "nshift"))
by_sums = jax.jit(sliding.direct)


@pytest.fixture
def problem(rng):
    vectors = rng.uniform(size=(4, 300))
    vectors[3, :200] *= 1e-5
    flux, ivar = rng.normal(size=90) + 1, rng.uniform(0.5, 2, size=90)
    ivar[40:50] = 0
    flux[40:50] = 0
    return vectors, flux, ivar


def alone(flux, ivar):
    """A spectrum without columns that are eliminated."""
    rows = (ivar, np.zeros((0, len(ivar))), (ivar * flux)[None])
    return sliding.Conditioned(*(jnp.asarray(x) for x in rows))


def conditioned(factor, *rows):
    """A spectrum, and further columns, given what a factor has eliminated."""
    solved = jnp.stack([woodbury.solve(factor, jnp.asarray(row)) for row in rows])
    return sliding.Conditioned(factor.ivar, woodbury.projected(factor), solved)


def at_every_shift(vectors, spectrum, offset, nshift):
    """By transforms and by sums."""
    nfft = sliding.fft_length(vectors.shape[1], len(spectrum.ivar), offset - nshift + 1, offset)
    part = sliding.transform(jnp.asarray(vectors), nfft)
    fft = by_fft(part, spectrum, jnp.asarray(offset), nbasis=len(vectors), nshift=nshift)
    return fft, by_sums(jnp.asarray(vectors), spectrum, jnp.asarray(offset - np.arange(nshift)))


@OFFSETS
def test_fft_and_direct_equal_the_slow_sums_at_every_shift(problem, offset):
    vectors, flux, ivar = problem
    nshift = 150
    power = jnp.asarray(np.sqrt((vectors**4).sum(axis=1)))
    floor = np.asarray(normal.vanishing(jnp.asarray(ivar), power))
    both = [
        normal.without_vanishing(found.equations, jnp.asarray(floor))
        for found in at_every_shift(vectors, alone(flux, ivar), offset, nshift)
    ]
    whole = [(np.asarray(found.unpack()), np.asarray(found.rhs)) for found in both]
    faint = 0
    for k in range(nshift):
        gram, rhs = oracle.normal_equations(vectors, flux, ivar, offset - k)
        keep = np.diag(gram) > floor
        faint += int(np.sum(~keep & (np.diag(gram) > 0)))
        scale = np.sqrt(np.outer(np.diag(gram), np.diag(gram))) + 1e-300
        for (matrix, found), tolerance in zip(whole, (1e-7, 1e-12), strict=True):
            off = np.abs(matrix[:, :, k] - gram) / scale
            assert np.max(off[np.outer(keep, keep)], initial=0) < tolerance
            np.testing.assert_array_equal(np.diag(matrix[:, :, k]) > 0, keep)
            np.testing.assert_allclose(found[keep, k], rhs[keep], rtol=1e-7, atol=1e-9)
    # The fourth vector is faint in the blue: only there does the floor have something to remove.
    assert (faint > 0) == (offset < 200)


@pytest.mark.parametrize("size", [16, 64, 512])
@pytest.mark.parametrize("offset", [-700, -40, 0, 40, 180, 320, 900])
def test_transforms_of_blocks_give_the_sums(problem, offset, size):
    """Of any length, wherever the spectrum lies; also where it meets nothing."""
    vectors, flux, ivar = problem
    part = sliding.transform_blocks(jnp.asarray(vectors), size)
    found = by_fft(part, alone(flux, ivar), jnp.asarray(offset), nbasis=4, nshift=150)
    sums = by_sums(jnp.asarray(vectors), alone(flux, ivar), jnp.asarray(offset - np.arange(150)))
    for a, b in zip(found, sums, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-11)


def test_float32_blocks_do_not_feel_bright_lines_that_are_far_from_the_window(rng):
    """A transform of whole rows does."""
    vectors = rng.uniform(0.5, 1, size=(2, 4000))
    vectors[:, 3900:3905] = 1e4
    spectrum = alone(rng.normal(size=500) + 1, rng.uniform(0.5, 2, size=500))
    single = sliding.Conditioned(*(rows.astype(jnp.float32) for rows in spectrum))
    lean = jnp.asarray(vectors, dtype=jnp.float32)
    sums = by_sums(jnp.asarray(vectors), spectrum, jnp.asarray(900 - np.arange(600)))
    whole, blocks = (
        by_fft(part, single, jnp.asarray(900), nbasis=2, nshift=600)
        for part in (sliding.transform(lean, 8192), sliding.transform_blocks(lean, 100))
    )
    true = np.asarray(sums.gram)
    far = [np.max(np.abs(np.asarray(found.gram) - true) / true) for found in (whole, blocks)]
    assert blocks.gram.dtype == np.float32
    assert far[1] < 3e-6 < 1e-2 < far[0]


@OFFSETS
def test_columns_that_are_eliminated_and_further_rows_are_the_dense_ones(rng, problem, offset):
    """G = T C⁻¹ Tᵀ, with rows of s for the spectrum and for a second column, and Y with YᵀY what is explained."""
    vectors, flux, ivar = problem
    vectors[3] = vectors[3, ::-1]
    nuisance, extra = 3 * rng.normal(size=(5, 90)), rng.normal(size=90)
    factor = woodbury.factorise([jnp.asarray(nuisance)], jnp.asarray(ivar))
    dense, good = oracle.covariance(ivar, nuisance)
    inverse = np.linalg.inv(dense)
    nshift = 120
    both = at_every_shift(vectors, conditioned(factor, flux, extra), offset, nshift)
    for k in (0, 37, 119):
        moved = np.zeros((4, 90))
        for p in range(90):
            if 0 <= offset - k + p < 300:
                moved[:, p] = vectors[:, offset - k + p]
        gram = moved[:, good] @ inverse @ moved[:, good].T
        plain = (moved * ivar) @ moved.T
        rows = [moved[:, good] @ inverse @ values[good] for values in (flux, extra)]
        # The round-off of transforms is relative to all of a vector, wherever it is.
        power = np.sqrt((vectors**4).sum(axis=1) * (ivar**2).sum())
        scale = np.sqrt(np.outer(power, power))
        for found in both:
            assert np.max(np.abs(np.asarray(found.equations.unpack())[..., k] - gram) / scale) < 1e-12
            np.testing.assert_array_equal(found.equations.rhs, found.rows[0])
            np.testing.assert_allclose(found.rows[:, :, k], rows, atol=1e-12 * np.abs(vectors).max() * 300)
            across = np.asarray(found.projected)[..., k]
            assert np.max(np.abs(plain - across.T @ across - gram) / scale) < 1e-12


def test_a_shift_that_leaves_nothing_of_the_basis_gives_zeros(problem):
    vectors, flux, ivar = problem
    for first in (-90, -5000, 300, 5000):
        gone = by_sums(jnp.asarray(vectors), alone(flux, ivar), jnp.asarray([first])).equations
        assert np.all(np.asarray(gone.gram) == 0)
        assert np.all(np.asarray(nnls(gone.unpack(), gone.rhs).coeff) == 0)


def test_direct_is_differentiable(problem):
    vectors, flux, ivar = problem

    @jax.jit
    def chi2(values):
        equations = sliding.direct(values, alone(flux, ivar), jnp.asarray([100])).equations
        coeff = nnls(equations.unpack(), equations.rhs).coeff
        return normal.chi2(equations, jnp.asarray((ivar * flux**2).sum()), coeff)[0]

    gradient = np.asarray(jax.grad(chi2)(jnp.asarray(vectors)))
    for place in ((0, 120), (2, 150)):
        moved = vectors.copy()
        moved[place] += 1e-5
        numeric = (float(chi2(jnp.asarray(moved))) - float(chi2(jnp.asarray(vectors)))) / 1e-5
        assert gradient[place] == pytest.approx(numeric, rel=1e-3)


@pytest.mark.parametrize("need", [1, 7, 255, 257, 320, 321, 432, 433, 24020, 24301, 100000])
def test_fft_length_is_one_of_few_and_long_enough(need):
    """2^a times 1, 5/4 or 27/16: the longest step between two of them is 27/20."""
    length = sliding.fft_length(need, 1, 0, 0)
    assert need <= length <= max(256, 1.35 * need)
    assert any(length == share * 2**a for share in (1, 1.25, 27 / 16) for a in range(8, 20))


@pytest.mark.parametrize(
    ("nrest", "nobs", "offset", "nshift"),
    [
        (256, 10, 5, 6),
        (10, 256, 0, 1),
        (200, 40, 280, 3),
        (300, 20, 0, 21),
        (20, 300, 20, 321),
        (256, 256, 0, 1),
        (100, 432, 0, 333),
    ],
)
def test_at_the_least_length_nothing_wraps_around(rng, nrest, nobs, offset, nshift):
    """Where the length is just enough."""
    vectors, flux = rng.normal(size=(1, nrest)), rng.normal(size=nobs)
    fft, sums = at_every_shift(vectors, alone(flux, np.ones(nobs)), offset, nshift)
    np.testing.assert_allclose(fft.gram, sums.gram, atol=1e-9)
    np.testing.assert_allclose(fft.rows, sums.rows, atol=1e-9)


@pytest.mark.parametrize(("way", "places"), [("products", 7), ("products", 64), ("fft", 1)])
def test_every_shift_is_the_published_loop(rng, way, places):
    """Shifts at which the target leaves the spectrum are among them."""
    nuisance, target = 4 * rng.normal(size=(6, NPIX)), rng.normal(size=(3, 12))
    ivar = np.where(np.arange(NPIX) % 9 == 0, 0, rng.uniform(0.5, 2, size=NPIX))
    flux = np.where(ivar > 0, rng.normal(size=NPIX), 0)
    spectrum = conditioned(woodbury.factorise([jnp.asarray(nuisance)], jnp.asarray(ivar)), flux)
    nshift = 55
    if way == "products":
        added = sliding.by_products(sliding.places(jnp.asarray(target), places), spectrum, nshift)
    else:
        part = sliding.transform(jnp.asarray(target), 256)
        added = by_fft(part, spectrum, jnp.asarray(0), nbasis=3, nshift=nshift)
    delta = np.asarray(woodbury.delta_chi2(added.equations)[0])
    np.testing.assert_allclose(delta, oracle.published_loop(flux, ivar, nuisance, target, nshift), rtol=1e-8)
    for k in (0, 17, 54):
        moved = np.zeros((3, NPIX))
        moved[:, k : k + 12] = target[:, : NPIX - k]
        assert delta[k] == pytest.approx(oracle.delta_chi2(flux, ivar, nuisance, moved)[0], rel=1e-8)


def test_products_are_in_the_order_of_the_normal_equations(rng):
    vectors = rng.normal(size=(3, 4))
    part = sliding.places(jnp.asarray(vectors), 2)
    first, second = pairs(3)
    np.testing.assert_array_equal(part.products[:, 1, 1:], vectors[first] * vectors[second])
    np.testing.assert_array_equal(part.vectors[:, 0, :4], vectors)
