import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxz.kernels import resample
from tests import oracle


def _spectrum(rng, npix, gap):
    wave = np.cumsum(rng.uniform(0.8, 1.2, size=npix)) * 1.25 + 4750
    flux, ivar = rng.normal(size=npix) + 3, rng.uniform(0.1, 5, size=npix)
    if gap:
        ivar[npix // 3 : npix // 2] = 0
        flux[npix // 3 : npix // 2] = 0
    return wave, flux, ivar


def _lattice(edges):
    start = int(np.floor(edges[0] + 0.5))
    return start, int(np.ceil(edges[-1] + 0.5)) - start


@pytest.mark.parametrize("step", [1e-5, 5e-5, 4e-4], ids=["finer", "similar", "coarser"])
@pytest.mark.parametrize("gap", [False, True])
def test_overlap_equals_the_slow_sums_and_conserves_information(rng, step, gap):
    wave, flux, ivar = _spectrum(rng, 60, gap)
    edges = resample.pixel_edges(wave, step)
    start, size = _lattice(edges)
    width = resample.overlap_width(edges)
    new_flux, new_ivar = resample.overlap(
        *map(jnp.asarray, (edges, flux, ivar)), jnp.asarray(start), size=size, width=width
    )
    slow_flux, slow_ivar = oracle.overlap(edges, flux, ivar, start, size)
    np.testing.assert_allclose(new_ivar, slow_ivar, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(new_flux, slow_flux, rtol=1e-8, atol=1e-10)
    assert float(jnp.sum(new_ivar)) == pytest.approx(ivar.sum(), rel=1e-13)
    assert float(jnp.sum(new_ivar * new_flux)) == pytest.approx((ivar * flux).sum(), rel=1e-12)


def test_lattice_pixels_of_a_gap_have_no_weight(rng):
    wave, flux, ivar = _spectrum(rng, 60, gap=True)
    edges = resample.pixel_edges(wave, 1e-5)
    start, size = _lattice(edges)
    new_flux, new_ivar = resample.overlap(
        *map(jnp.asarray, (edges, flux, ivar)), jnp.asarray(start), size=size, width=resample.overlap_width(edges)
    )
    place = start + np.arange(size)
    inside = (place - 0.5 > edges[20]) & (place + 0.5 < edges[30])
    assert inside.sum() > 10
    assert np.all(np.asarray(new_ivar)[inside] == 0)
    assert np.all(np.asarray(new_flux)[inside] == 0)


@pytest.mark.parametrize("step", [1e-5, 4e-4])
def test_interpolate_equals_the_slow_recipe(rng, step):
    wave, flux, ivar = _spectrum(rng, 40, gap=True)
    loglam = np.log10(wave) / step
    start, size = int(loglam[0]) - 2, int(loglam[-1] - loglam[0]) + 5
    new = resample.interpolate(*map(jnp.asarray, (loglam, flux, ivar)), jnp.asarray(start), size=size)
    for values, slow in zip(new, oracle.interpolate(loglam, flux, ivar, start, size), strict=True):
        np.testing.assert_allclose(values, slow, rtol=1e-9)
    assert np.asarray(new[1])[0] == 0


def test_pixel_edges_of_a_uniform_grid():
    edges = resample.pixel_edges(np.array([5000.0, 5002.0, 5004.0]), 1e-4)
    np.testing.assert_allclose(10 ** (edges * 1e-4), [4999, 5001, 5003, 5005])


def test_at_pixels_on_the_lattice_itself_returns_the_basis(rng):
    vectors = rng.uniform(size=(3, 50))
    edges = np.arange(51) - 0.5 + 700
    model = resample.at_pixels(resample.cumulative(jnp.asarray(vectors)), jnp.asarray(edges), 700)
    np.testing.assert_allclose(model, vectors, rtol=1e-10)


def test_at_pixels_is_the_mean_over_each_pixel():
    """Against the exact integral of a resolved Gaussian line, at fractional shifts; zero outside the basis."""
    from scipy.special import erf

    sigma, centre = 2.5, 1060.3

    def integral(x):
        return 0.5 * (1 + erf((x - centre) / (np.sqrt(2) * sigma)))

    lattice = np.arange(1000, 1121)
    vectors = np.diff(integral(np.append(lattice - 0.5, lattice[-1] + 0.5)))[None]
    edges = np.arange(985, 1135, 1.7) + 0.123
    model = resample.at_pixels(resample.cumulative(jnp.asarray(vectors)), jnp.asarray(edges), 1000)[0]
    np.testing.assert_allclose(model, np.diff(integral(edges)) / 1.7, atol=1e-3 * vectors.max())
    assert np.all(np.asarray(model)[edges[1:] < 999] == 0)


def test_at_pixels_conserves_flux(rng):
    vectors = rng.uniform(size=(2, 80))
    edges = np.sort(rng.uniform(90, 190, size=70))
    edges[0], edges[-1] = 90, 190
    model = resample.at_pixels(resample.cumulative(jnp.asarray(vectors)), jnp.asarray(edges), 100)
    np.testing.assert_allclose(np.asarray(model) @ np.diff(edges), vectors.sum(axis=1), rtol=1e-10)


def test_float32_in_float32_out_under_jit_and_vmap(rng):
    wave, flux, ivar = _spectrum(rng, 60, gap=False)
    edges = resample.pixel_edges(wave, 5e-5)
    start, size = _lattice(edges)
    run = jax.jit(
        jax.vmap(
            lambda f, v: resample.overlap(
                jnp.asarray(edges), f, v, jnp.asarray(start), size=size, width=resample.overlap_width(edges)
            )
        )
    )
    two = run(jnp.asarray([flux, 2 * flux], jnp.float32), jnp.asarray([ivar, ivar], jnp.float32))
    assert two[0].dtype == two[1].dtype == jnp.float32
    np.testing.assert_allclose(two[0][1], 2 * two[0][0], rtol=1e-5)


def test_between_is_linear_interpolation_of_each_row(rng):
    """Edges that repeat, as beyond the last pixel of a spectrum, and places beyond the ends included."""
    edges = np.sort(rng.uniform(0, 50, 40))
    edges[30:] = edges[30]
    values, at = rng.normal(size=(3, 40)), rng.uniform(-5, 60, 200)
    found = resample.between(jnp.asarray(edges), jnp.asarray(values), jnp.asarray(at))
    inside = at < edges[30]
    for row, expected in zip(np.asarray(found), values, strict=True):
        np.testing.assert_allclose(
            row[inside], np.interp(at[inside], edges[:31], expected[:31]), rtol=1e-12, atol=1e-12
        )
    assert np.isfinite(found).all()
