"""Factorisation: equal to a slow dense transcription, never worse after an iteration, defined without data."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxz import Status
from jaxz.train import fit_nmf, nmf as nmf_module
from jaxz.train.nmf import Problem
from tests import oracle
from tests.train.problems import NREST, made, problems

CASES = {name: arrays for name, *arrays in problems(np.random.default_rng(7))}
KEY = jax.random.key(3)


def started(rng, nspec, rank):
    return rng.uniform(0.1, 1, (nspec, rank)), rng.uniform(0.1, 1, (rank, NREST))


def level_of(flux, ivar, algorithm):
    return max(0.0, -flux[ivar > 0].min()) if algorithm == "shift" else 0.0


@pytest.mark.parametrize("algorithm", ["nearly", "shift"])
@pytest.mark.parametrize("name", CASES)
def test_equals_the_dense_transcription(name, algorithm, rng):
    flux, ivar, shift = CASES[name]
    coeff, basis = started(rng, len(flux), 3)
    level = level_of(flux, ivar, algorithm)
    whole = (oracle.dense(values, shift, NREST) for values in (flux * (ivar > 0), ivar))
    expected = oracle.nmf(*whole, coeff, basis, 5, level)
    found = fit_nmf(flux, ivar, rank=3, shift=shift, coeff=coeff, basis=basis, algorithm=algorithm, n_iter=5)
    for mine, slow in zip(found[:3], expected, strict=True):
        np.testing.assert_allclose(mine, slow, rtol=1e-9, atol=1e-12 * np.max(slow))


@pytest.mark.parametrize("algorithm", ["nearly", "shift"])
@pytest.mark.parametrize("name", CASES)
def test_chi2_never_rises(name, algorithm):
    flux, ivar, shift = CASES[name]
    fit = fit_nmf(flux, ivar, rank=3, shift=shift, algorithm=algorithm, n_iter=60, rtol=0.0, key=KEY)
    assert len(fit.chi2) == 61
    assert (np.diff(fit.chi2) <= 1e-12 * fit.chi2[:-1]).all()
    assert fit.chi2[-1] < fit.chi2[0]
    for values in (fit.coeff, fit.basis):
        assert np.isfinite(values).all()
        assert (values >= 0).all()


@pytest.mark.parametrize("name", CASES)
def test_compact_and_dense_forms_agree(name, rng):
    flux, ivar, shift = CASES[name]
    coeff, basis = started(rng, len(flux), 2)
    whole = [oracle.dense(values, shift, NREST) for values in (flux * (ivar > 0), ivar)]
    compact = fit_nmf(flux, ivar, rank=2, shift=shift, coeff=coeff, basis=basis, n_iter=8)
    dense = fit_nmf(*whole, rank=2, coeff=coeff, basis=basis, n_iter=8)
    for one, other in zip(compact[:3], dense[:3], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-13 * np.max(other))


def test_factors_without_noise_are_found(rng):
    flux, ivar, shift = made(rng, 60, 60, 2, noise=1e-6)
    fit = fit_nmf(flux, ivar, rank=2, shift=shift, n_iter=600, rtol=0.0, key=KEY)
    model = np.stack([w @ fit.basis[:, s : s + 60] for w, s in zip(fit.coeff, shift, strict=True)])
    assert np.sqrt(np.mean((model - flux) ** 2)) < 0.01 * flux.std()


def test_a_spectrum_without_data_has_zeros_and_changes_no_other(rng):
    flux, ivar, shift = made(rng, 20, 30, 2, noise=0.1)
    coeff, basis = started(rng, 20, 2)
    ivar[[0, 7]] = 0
    use = (ivar > 0).any(axis=1)
    fit = fit_nmf(flux, ivar, rank=2, shift=shift, coeff=coeff, basis=basis, n_iter=9)
    others = fit_nmf(flux[use], ivar[use], rank=2, shift=shift[use], coeff=coeff[use], basis=basis, n_iter=9)
    assert not fit.coeff[~use].any()
    assert fit.status.tolist() == [Status.OK if one else Status.NO_DATA for one in use]
    np.testing.assert_allclose(fit.coeff[use], others.coeff, rtol=1e-10)
    np.testing.assert_allclose(fit.basis, others.basis, rtol=1e-10)


def test_the_order_of_the_spectra_does_not_matter(rng):
    flux, ivar, shift = made(rng, 50, 30, 3, noise=0.1)
    coeff, basis = started(rng, 50, 3)
    mixed = rng.permutation(50)
    one = fit_nmf(flux, ivar, rank=3, shift=shift, coeff=coeff, basis=basis, n_iter=9)
    other = fit_nmf(flux[mixed], ivar[mixed], rank=3, shift=shift[mixed], coeff=coeff[mixed], basis=basis, n_iter=9)
    np.testing.assert_allclose(one.coeff[mixed], other.coeff, rtol=1e-10)
    np.testing.assert_allclose(one.basis, other.basis, rtol=1e-10, atol=1e-14)


def test_rest_pixels_without_data_are_zero():
    flux, ivar, shift = CASES["a gap in the rest frame"]
    fit = fit_nmf(flux, ivar, rank=2, shift=shift, n_iter=3, key=KEY)
    assert fit.basis.shape == (2, 85)
    assert not fit.basis[:, 25:60].any()
    assert fit.basis[:, :25].any(axis=1).all()


def test_dead_vectors_come_to_life(rng):
    flux, ivar, shift = made(rng, 20, 30, 3, noise=0.1)
    coeff, basis = started(rng, 20, 3)
    alive = fit_nmf(flux, ivar, rank=3, shift=shift, coeff=coeff, basis=basis, n_iter=400, rtol=0.0)
    basis[1] = 0
    coeff[:, 2] = 0
    fit = fit_nmf(flux, ivar, rank=3, shift=shift, coeff=coeff, basis=basis, n_iter=400, rtol=0.0)
    assert (fit.coeff.max(axis=0) * fit.basis.mean(axis=1) > 0.1 * np.abs(flux).mean()).all()
    assert fit.chi2[-1] < 1.5 * alive.chi2[-1]


def growth(flux, ivar, coeff, basis, level):
    """Factors by which the next update without a floor would change coefficients and basis; 0 where there are no data.

    Above 1 is where χ² falls if the value grows: 1 - factor has the sign of the gradient.
    """
    data, model = ivar * (flux + level), ivar * (coeff @ basis + level)
    for above, below in ((data @ basis.T, model @ basis.T), (coeff.T @ data, coeff.T @ model)):
        below = below + np.maximum(-above, 0)
        yield np.where(above > 0, above / np.where(below > 0, below, 1e-300), 0)


def started_with_zeros(rng, nspec, rank):
    return (values * (rng.uniform(size=values.shape) < 0.5) for values in started(rng, nspec, rank))


@pytest.mark.parametrize(
    ("name", "algorithm"), [("a negative spectrum", "shift"), ("more noise than signal", "nearly")]
)
def test_what_ends_at_the_floor_does_not_want_to_grow(name, algorithm, rng):
    """The condition of Karush, Kuhn and Tucker, from a start with zeros, where spectra are partly negative."""
    flux, ivar, shift = CASES[name]
    coeff, basis = started_with_zeros(rng, len(flux), 3)
    arguments = {"rank": 3, "shift": shift, "algorithm": algorithm, "rtol": 0.0}
    fit = fit_nmf(flux, ivar, coeff=coeff, basis=basis, n_iter=800, **arguments)
    whole = (oracle.dense(values, shift, NREST) for values in (flux * (ivar > 0), ivar))
    wanted = growth(*whole, fit.coeff, fit.basis, level_of(flux, ivar, algorithm))
    size = np.abs(flux).mean(axis=1, keepdims=True) / fit.basis.max(axis=1)
    low = fit.coeff < 1e-5 * size, fit.basis < 1e-5 * fit.basis.mean(axis=1, keepdims=True)
    for factor, values in zip(wanted, low, strict=True):
        assert values.any()
        assert factor[values].max() < 1.02


@pytest.mark.parametrize("algorithm", ["nearly", "shift"])
@pytest.mark.parametrize("name", CASES)
def test_only_values_raised_from_zero_may_increase_chi2(name, algorithm, rng):
    flux, ivar, shift = CASES[name]
    coeff, basis = started_with_zeros(rng, len(flux), 3)
    fit = fit_nmf(
        flux, ivar, rank=3, shift=shift, coeff=coeff, basis=basis, algorithm=algorithm, n_iter=60, rtol=0.0
    )  # fmt: skip
    rise = np.diff(fit.chi2)
    assert rise[0] <= 1e-5 * fit.chi2[0]
    assert (rise[1:] <= 1e-12 * fit.chi2[1:-1]).all()
    place = shift[:, None] + np.arange(flux.shape[1])
    seen = np.isin(np.arange(NREST), place[ivar > 0])
    np.testing.assert_array_equal(fit.basis > 0, np.broadcast_to(seen, (3, NREST)))
    np.testing.assert_array_equal(fit.coeff > 0, np.broadcast_to((ivar > 0).any(axis=1, keepdims=True), (len(flux), 3)))


def test_what_is_hidden_under_no_weight_does_not_count(rng):
    flux, ivar, shift = made(rng, 20, 30, 2, noise=0.1)
    ivar[:, 3] = 0
    damaged = flux.copy()
    damaged[:, 3] = np.nan
    one, other = (fit_nmf(f, ivar, rank=2, shift=shift, n_iter=5, key=KEY) for f in (flux, damaged))
    np.testing.assert_array_equal(one.basis, other.basis)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_kept(dtype, rng):
    flux, ivar, shift = made(rng, 20, 30, 2, noise=0.1)
    fit = fit_nmf(flux.astype(dtype), ivar.astype(dtype), rank=2, shift=shift, n_iter=40, key=KEY)
    assert fit.coeff.dtype == fit.basis.dtype == dtype
    assert fit.chi2.dtype == np.float64


def test_float32_follows_float64(rng):
    flux, ivar, shift = made(rng, 40, 30, 3, noise=0.1)
    start = dict(zip(("coeff", "basis"), started(rng, 40, 3), strict=True))
    fits = [
        fit_nmf(flux.astype(d), ivar.astype(d), rank=3, shift=shift, n_iter=50, rtol=0.0, **start)
        for d in (np.float32, np.float64)
    ]
    np.testing.assert_allclose(fits[0].chi2, fits[1].chi2, rtol=1e-4)


def test_a_fit_that_goes_on_takes_the_same_steps():
    flux, ivar, shift = CASES["windows"]
    seen = []
    whole = fit_nmf(flux, ivar, rank=3, shift=shift, n_iter=20, rtol=0.0, key=KEY, callback=seen.append)
    half = seen[8]
    rest = fit_nmf(flux, ivar, rank=3, shift=shift, coeff=half.coeff, basis=half.basis, n_iter=12, rtol=0.0)
    np.testing.assert_array_equal(rest.coeff, whole.coeff)
    np.testing.assert_array_equal(rest.basis, whole.basis)
    np.testing.assert_array_equal(rest.chi2, whole.chi2[8:])


def test_callback_sees_every_iteration_and_may_end_it():
    flux, ivar, shift = CASES["windows"]
    seen = []
    fit_nmf(flux, ivar, rank=2, shift=shift, n_iter=4, key=KEY, callback=lambda fit: seen.append(len(fit.chi2)))
    assert seen == [1, 2, 3, 4, 5]

    def enough(fit):
        if len(fit.chi2) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_nmf(flux, ivar, rank=2, shift=shift, n_iter=4, key=KEY, callback=enough)


def test_does_not_end_on_a_plateau():
    """Spectra much alike: all vectors are at first their mean, and part slowly."""
    rng = np.random.default_rng(4)
    vectors = rng.gamma(0.5, size=(2, 40))
    mean = 1 + 0.3 * np.cos(np.linspace(0, 3, 40))
    flux = rng.uniform(0.5, 1.5, (30, 1)) * (mean + 0.1 * rng.gamma(1.0, size=(30, 2)) @ vectors)
    flux += 0.1 * rng.standard_normal(flux.shape)
    fit = fit_nmf(flux, np.full(flux.shape, 100.0), rank=3, n_iter=1500, rtol=1e-2, key=KEY)
    slow = np.flatnonzero(fit.chi2[10:] >= 0.99 * fit.chi2[:-10])[0] + 10
    assert fit.chi2[slow] > 1.2 * fit.chi2[-1]
    assert 2 * slow < len(fit.chi2) < 1500
    arguments = {"coeff": fit.coeff, "basis": fit.basis, "n_iter": 300, "rtol": 0.0}
    assert fit.chi2[-1] < 1.01 * fit_nmf(flux, np.full(flux.shape, 100.0), rank=3, **arguments).chi2[-1]


def test_ends_soon_when_there_is_nothing_to_gain():
    flux, ivar, shift = CASES["windows"]
    fit = fit_nmf(flux, ivar, rank=1, shift=shift, n_iter=5000, key=KEY)
    assert len(fit.chi2) - 1 == nmf_module.SHORTEST


@pytest.mark.parametrize(
    ("excess", "done"),
    [
        (lambda t: 1 / (t + 1), 998),  # 1/500 - 1/1000 is a thousandth
        (lambda t: np.exp(-t / 100), 1382),  # exp(-6.91) is
        (lambda t: np.exp(-t / 10), 138),
        (lambda t: 0.0 * t, 100),
        (lambda t: 1 / (1 + np.exp((t - 160) / 8)), 430),  # a step after a plateau; the last 50 of 100 gain too little
    ],
)
def test_a_fit_has_converged_when_its_second_half_gains_little(excess, done):
    chi2 = (1000 * (1 + excess(np.arange(2000)))).tolist()
    ends = [t for t in range(2000) if nmf_module.converged(chi2[: t + 1], 1e-3)]
    assert ends[0] == pytest.approx(done, abs=4)


def test_the_key_decides():
    flux, ivar, shift = CASES["windows"]
    one, again, other = (fit_nmf(flux, ivar, rank=2, shift=shift, n_iter=2, key=jax.random.key(k)) for k in (1, 1, 2))
    np.testing.assert_array_equal(one.basis, again.basis)
    assert not np.allclose(one.basis, other.basis)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rank": 41}, "rank=41 with 40 spectra"),
        ({"rank": 0}, "rank=0"),
        ({"key": None}, "needs a key"),
        ({"shift": np.full(40, -1)}, "none negative"),
        ({"shift": np.zeros(3, int)}, "needs 40 integers"),
        ({"basis": np.ones((3, 20))}, "lengthen the basis"),
        ({"basis": -np.ones((3, NREST))}, "not negative"),
        ({"basis": np.zeros((3, NREST))}, "0 everywhere"),
        ({"coeff": np.full((40, 3), np.nan)}, "coeff has shape"),
        ({"coeff": np.ones((40, 2))}, r"it needs \(40, 3\)"),
    ],
)
def test_what_cannot_be_fitted(change, message):
    flux, ivar, shift = CASES["windows"]
    with pytest.raises(ValueError, match=message):
        fit_nmf(flux, ivar, **{"rank": 3, "shift": shift, "key": KEY, **change})


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(value):
    flux, ivar, shift = (values.copy() for values in CASES["windows"])
    flux[0, 0] = value
    with pytest.raises(ValueError, match="set ivar to 0"):
        fit_nmf(flux, ivar, rank=2, shift=shift, key=KEY)
    with pytest.raises(ValueError, match="set ivar to 0"):
        fit_nmf(*CASES["windows"][:1], -ivar, rank=2, shift=shift, key=KEY)


def test_dtypes_and_shapes_must_agree():
    flux, ivar, _ = CASES["windows"]
    for wrong in (ivar[:5], ivar.astype(np.float32)):
        with pytest.raises(ValueError, match="one shape"):
            fit_nmf(flux, wrong, rank=2, key=KEY)


def scattered(rng, nspec=130, nobs=100, nrest=6000):
    """Few pixels seen of a long rest frame: the dense form would be sixty times larger."""
    shift = rng.integers(0, nrest - nobs + 1, nspec)
    return rng.uniform(0.5, 1.5, (nspec, nobs)), np.ones((nspec, nobs)), shift, nrest


def on_device(before):
    return sum(array.nbytes for array in jax.live_arrays() if id(array) not in before)


def test_memory_is_that_of_the_tiles_not_of_the_rest_frame(rng):
    flux, ivar, shift, nrest = scattered(rng, nspec=1000, nrest=12000)
    before = {id(array) for array in jax.live_arrays()}
    problem = Problem(flux, ivar, shift, nrest, "nearly")
    held = [on_device(before)]
    for _, _ in zip(range(3), problem.iterate(np.ones((1000, 2)), np.ones((2, nrest))), strict=False):
        held.append(on_device(before))
    assert max(held) < 0.1 * 2 * flux.itemsize * len(flux) * nrest
    assert held[-1] == held[-2]


def test_no_step_of_an_iteration_makes_a_dense_array(rng):
    flux, ivar, shift, nrest = scattered(rng)
    problem = Problem(flux, ivar, shift, nrest, "nearly")
    start, tiles = problem._blocks[0]
    coeff = jnp.ones((*tiles.flux.shape[:2], 2))
    vectors, level = jnp.ones((2, nrest)), jnp.asarray(0.0)
    traced = jax.make_jaxpr(nmf_module._sweep, static_argnums=6)(
        coeff, vectors, start, tiles, level, jnp.asarray(True), problem._reach
    )
    assert max(sizes_in(traced.jaxpr)) <= max(tiles.flux.size, vectors.size) < 130 * nrest / 10


def sizes_in(jaxpr):
    """Yield the sizes of all arrays that a computation makes, those inside its loops included."""
    for equation in jaxpr.eqns:
        yield from (int(np.prod(variable.aval.shape)) for variable in equation.outvars)
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from sizes_in(inner)
