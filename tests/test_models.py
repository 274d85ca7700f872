"""Every kind of model against the dense oracle: what slides × what is fixed, on the lattice and in native pixels."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import jaxz
from jaxz import Basis, Columns, Free, GaussianComponent, LogGrid, Madgics, NonNegative, OwnColumns, Pixels, Spectra
from jaxz.kernels import resample
from jaxz.models.lattice import CONTINUUM
from tests import dense, gaussian

STEP = gaussian.STEP
GRID = LogGrid(35600, 480, STEP)
REST = LogGrid(GRID.start - 160, 650, STEP)
WINDOW = LogGrid(GRID.start - 2, GRID.size + 4, STEP)
ZMIN, ZMAX = 0.0, 0.03


@pytest.fixture(scope="module")
def basis():
    x = np.arange(REST.size)
    rows = [1 + 0.4 * np.sin(x / 60.0)]
    rows += [0.2 + 6 * np.exp(-0.5 * ((x - at) / 2.5) ** 2) for at in (200, 330, 480)]
    return Basis(np.array(rows), REST, name="B")


@pytest.fixture(scope="module")
def template():
    x = np.arange(REST.size)
    rows = np.array([np.cos(x / 40.0), np.exp(-0.5 * ((x - 400) / 3) ** 2), np.sin(x / 90.0)])
    return Basis(rows, REST, name="P", method="PCA")


@pytest.fixture(scope="module")
def spectra(basis):
    rng = np.random.default_rng(5)
    sigma = rng.uniform(0.5, 1.5, (3, GRID.size))
    shift = np.array([20, 61, 100])
    flux = sigma * rng.normal(size=sigma.shape)
    for row, k in enumerate(shift):
        flux[row] += rng.exponential(2, 4) @ dense.shifted(basis.vectors, REST.start + k - GRID.start, GRID.size)
    ivar = sigma**-2.0
    ivar[1, 100:140] = 0
    return Spectra(GRID.wave, flux, ivar)


def sky(rng):
    return gaussian.sky(rng, size=3, scale=3.0)


def columns(kind):
    x = np.arange(GRID.size) / GRID.size
    return Columns(np.stack([np.ones_like(x), x, np.exp(-0.5 * ((x - 0.3) / 0.1) ** 2)]), GRID, kind=kind, name=kind)


NUISANCES = {
    "nothing": lambda rng: [],
    "Gaussian": lambda rng: [sky(rng), columns("gaussian")],
    "free": lambda rng: [columns("free")],
    "non-negative": lambda rng: [columns("non-negative")],
    "all": lambda rng: [sky(rng), columns("non-negative"), Columns(columns("free").vectors[:1], GRID, kind="free")],
}


def fixed_parts(nuisance):
    parts = []
    for part in nuisance:
        if isinstance(part, Columns):
            parts.append((dense.shifted(part.vectors, part.grid.start - WINDOW.start, WINDOW.size), part.kind))
        else:
            parts.append((part.in_flux(WINDOW), "gaussian"))
    return parts


def on_window(spectra, row, *others):
    """A spectrum on the lattice, and other values of its pixels, weighted as its flux."""
    edges = jnp.asarray(resample.pixel_edges(spectra.wave[row], STEP) - WINDOW.start)
    put = lambda values: resample.overlap(  # noqa: E731
        edges,
        jnp.asarray(values),
        jnp.asarray(spectra.ivar[row]),
        jnp.int32(0),
        size=WINDOW.size,
        width=3,
    )
    flux, ivar = map(np.asarray, put(spectra.flux[row]))
    return flux, ivar, *(np.asarray(put(values)[0]) for values in others)


def at(vectors, k):
    """Vectors of `REST` at a lattice redshift."""
    return dense.shifted(vectors, REST.start + k - WINDOW.start, WINDOW.size)


MODELS = {
    "NonNegative": (lambda b, t, n: NonNegative(b, n), "non-negative"),
    "Free": (lambda b, t, n: Free(t, n), "free"),
    "Madgics": (lambda b, t, n: Madgics(GaussianComponent(5 * b.vectors[1:3], REST, 0.0, name="T"), n), "gaussian"),
}


def sliding(model):
    return model.target.vectors if isinstance(model, Madgics) else model.basis.vectors


CASES = [("NonNegative", fixed) for fixed in NUISANCES]
CASES += [(kind, fixed) for kind in ("Free", "Madgics") for fixed in ("nothing", "all")]


@pytest.mark.parametrize(("kind", "fixed"), CASES)
def test_the_curve_is_that_of_the_dense_model(kind, fixed, basis, template, spectra, rng):
    nuisance = NUISANCES[fixed](rng)
    make, sort = MODELS[kind]
    model = make(basis, template, nuisance)
    found = jaxz.scan(spectra, model, zmin=ZMIN, zmax=ZMAX, precision="float64")
    assert np.all(found.unconverged == 0)
    assert np.all(found.kkt < 1e-9)
    nothing = [(np.zeros((1, WINDOW.size)), "free")]
    for row in range(3):
        flux, ivar = on_window(spectra, row)
        null, _ = dense.minimum(flux, ivar, *(fixed_parts(nuisance) or nothing))
        assert found.null[row] == pytest.approx(null, rel=1e-8)
        # At shifts up to here the basis covers the whole window.
        for k in (0, 33, 128):
            expected, _ = dense.minimum(flux, ivar, (at(sliding(model), k), sort), *fixed_parts(nuisance))
            assert found.chi2[row, k] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("model", "kind"),
    [("NonNegative", "non-negative"), ("NonNegative", "free"), ("Free", "gaussian"), ("Madgics", "non-negative")],
)
def test_columns_of_each_spectrums_own(model, kind, basis, template, spectra, rng):
    """As those that all share, but others for each spectrum; in the refinement too."""
    make, sort = MODELS[model]
    made = make(basis, template, [sky(rng)])
    own = OwnColumns(rng.uniform(0.5, 1.5, (3, 2, GRID.size)).cumsum(axis=2) / 100, kind)
    found = jaxz.scan(spectra, made, zmin=ZMIN, zmax=ZMAX, precision="float64", own=own)
    fixed = fixed_parts(made.nuisance)
    for row in range(3):
        flux, ivar, *rows = on_window(spectra, row, *own.vectors[row])
        for k in (10, 120):
            parts = ((at(sliding(made), k), sort), *fixed, (np.array(rows), kind))
            expected, _ = dense.minimum(flux, ivar, *parts)
            assert found.chi2[row, k] == pytest.approx(expected, rel=1e-8)
    best = jaxz.find_redshifts(found, spectra)
    lowest = np.nanmin(found.chi2, axis=1)
    # Between lattice redshifts it is a little lower.
    assert np.all(best.chi2 <= lowest + 1e-6)
    assert np.all(best.chi2 > lowest - 30)


def test_engines_agree_with_nuisances(basis, spectra, rng):
    model = NonNegative(basis, [sky(rng), columns("gaussian")])
    one, other = (
        jaxz.scan(spectra, model, zmin=0.0, zmax=0.05, precision="float64", engine=e).chi2 for e in ("direct", "fft")
    )
    np.testing.assert_allclose(one, other, rtol=1e-9)


def test_uncovered_pixels_are_compared_with_the_running_mean(basis, spectra, rng):
    """With fixed columns, too: d - u m in place of d, u telling where the basis does not reach."""
    nuisance = [columns("gaussian")]
    found = jaxz.scan(spectra, NonNegative(basis, nuisance), zmin=0.0, zmax=0.3, precision="float64")
    half = CONTINUUM / STEP
    for row in range(3):
        edges = resample.pixel_edges(spectra.wave[row], STEP) - WINDOW.start
        native = spectra.ivar[row] * spectra.flux[row], spectra.ivar[row]
        total = [np.concatenate([[0], np.cumsum(values)]) for values in native]
        place = np.arange(WINDOW.size)
        above, below = (np.interp(place + half, edges, t) - np.interp(place - half, edges, t) for t in total)
        mean = above / below
        flux, ivar = on_window(spectra, row)
        for k in (200, 300, 420):
            begin = REST.start + k - WINDOW.start
            outside = (place < begin) | (place >= begin + REST.size)
            share = 1 - np.mean(outside[ivar > 0])
            data = np.where(outside, flux - mean, flux) if share >= 0.5 else flux
            expected, _ = dense.minimum(data, ivar, (at(basis.vectors, k), "non-negative"), *fixed_parts(nuisance))
            assert found.chi2[row, k] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(("kind", "fixed"), [case for case in CASES if case[1] == "all"])
def test_chi2_of_one_spectrum_is_that_of_the_scan(kind, fixed, basis, template, spectra, rng):
    """At lattice redshifts, native pixels being lattice pixels."""
    model = MODELS[kind][0](basis, template, NUISANCES[fixed](rng))
    found = jaxz.scan(spectra, model, zmin=ZMIN, zmax=ZMAX, precision="float64")
    pixels = Pixels.of(GRID.wave, spectra.flux[1], spectra.ivar[1], step=STEP)
    # Native pixels meet half-way in λ, not in log λ: what is mixed on the lattice is lost at all redshifts alike.
    first, second = (float(jaxz.chi2(model, pixels, float(found.z[k]))) for k in (5, 90))
    assert first == pytest.approx(found.chi2[1, 5], rel=1e-4)
    assert first - second == pytest.approx(found.chi2[1, 5] - found.chi2[1, 90], rel=1e-5)


@pytest.mark.parametrize("kind", MODELS)
def test_chi2_can_be_differentiated(kind, basis, template, spectra, rng):
    """With respect to flux, ivar, z and the vectors; with a coefficient at its limit, forward and reverse."""
    model = MODELS[kind][0](basis, template, [columns("gaussian")])
    flux = spectra.flux[0] - 1.0
    pixels = Pixels.of(GRID.wave, flux, spectra.ivar[0], step=STEP)
    z = 10 ** (20.3 * STEP) - 1

    @jax.jit
    def value(flux, ivar, z, scale):
        arrays = model.target if kind == "Madgics" else model.basis
        moved = jax.tree.map(lambda leaf: leaf * scale, arrays)
        changed = type(model)(moved, model.nuisance)
        # `check_grads` passes NumPy arrays.
        return jaxz.chi2(changed, pixels._replace(flux=jnp.asarray(flux), ivar=jnp.asarray(ivar)), z) / 1000

    given = (jnp.asarray(flux), jnp.asarray(spectra.ivar[0]), jnp.asarray(z), jnp.asarray(1.1))
    check_grads(value, given, order=1, modes=("fwd", "rev"), atol=1e-5, rtol=1e-5, eps=1e-7)


def test_chi2_can_be_compiled_and_mapped(basis, spectra):
    model = NonNegative(basis)
    pixels = Pixels.of(GRID.wave, spectra.flux[0], spectra.ivar[0], step=STEP)
    z = jnp.linspace(0.001, 0.02, 5)
    many = jax.jit(jax.vmap(jaxz.chi2, in_axes=(None, None, 0)))(model, pixels, z)
    each = [float(jaxz.chi2(model, pixels, one)) for one in z]
    np.testing.assert_allclose(many, each, rtol=1e-10)
    slope = jax.jit(jax.grad(lambda m: jaxz.chi2(m, pixels, 0.01)))(model)
    assert np.any(np.asarray(slope.basis.vectors) != 0)


def test_models_refuse_what_does_not_fit(basis, template, rng):
    with pytest.raises(ValueError, match=r"use jaxz\.Free"):
        NonNegative(template)
    with pytest.raises(ValueError, match=r"component\.at\(z\)"):
        NonNegative(basis, [gaussian.target()])
    with pytest.raises(ValueError, match="lattice step"):
        Free(template, [sky(rng).with_step(2e-4)])
    with pytest.raises(ValueError, match="use weighting='ivar'"):
        NonNegative(basis, [sky(rng)], weighting="uniform")
    with pytest.raises(ValueError, match="not finite"):
        Columns(np.full((1, GRID.size), np.nan), GRID)


def test_own_columns_of_a_wrong_shape_are_refused(basis, spectra):
    with pytest.raises(ValueError, match=r"needs \(spec, comp, pix\)"):
        jaxz.scan(spectra, NonNegative(basis), zmin=0.0, zmax=0.01, own=OwnColumns(np.ones((3, GRID.size))))


def test_both_solvers_give_one_curve(basis, spectra):
    one, other = (
        jaxz.scan(spectra, NonNegative(basis, solver=solver), zmin=0.0, zmax=0.03, precision="float64")
        for solver in ("pivoting", "gradient")
    )
    np.testing.assert_allclose(one.chi2, other.chi2, rtol=1e-9)
    assert np.all(other.unconverged == 0)
