"""The scan with Gaussian components against dense covariances and the published loop."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxz
from jaxz.kernels import resample
from jaxz.models import GaussianComponent, Madgics
from jaxz.scan import ZScan, madgics_scan
from jaxz.spectra import LogGrid, Spectra
from jaxz.status import Status
from tests import gaussian, oracle

ROOT = Path(__file__).resolve().parents[1]
RANGE = {"zmin": gaussian.ZMIN, "zmax": gaussian.ZMAX}


@pytest.fixture(scope="module")
def sky():
    return gaussian.sky(np.random.default_rng(3), mask=True)


@pytest.fixture(scope="module")
def lae():
    return gaussian.target()


@pytest.fixture
def spectra(rng):
    """Native pixels of their own, strong sky residuals, gaps; the last is very bright."""
    wave = np.arange(3640.0, 4040.0, 0.8)
    flux = 30 * rng.normal(size=(3, len(wave))) * (rng.uniform(size=(3, len(wave))) < 0.05)
    flux += rng.normal(size=flux.shape) + np.array([0, 0, 2000.0])[:, None]
    flux[:, 150:160] += 20
    ivar = rng.uniform(0.2, 3, size=flux.shape)
    ivar[:, 200:215] = 0
    return Spectra(wave, flux, ivar)


def on_lattice(spectra, row, grid):
    """Flux and ivar on a window."""
    edges = resample.pixel_edges(spectra.wave[row], grid.step)
    found = _overlap(
        *(jnp.asarray(x) for x in (edges, spectra.flux[row], spectra.ivar[row])),
        jnp.int32(grid.start), size=grid.size, width=resample.overlap_width(edges),
    )  # fmt: skip
    return tuple(np.array(values) for values in found)


_overlap = jax.jit(resample.overlap, static_argnames=("size", "width"))


@pytest.mark.parametrize(
    ("engine", "precision"), [("products", "mixed"), ("products", "float32"), ("fft", "float32"), ("fft", "float64")]
)
def test_the_curve_is_the_dense_one(spectra, sky, lae, engine, precision):
    """Also with a second nuisance component, which has no whitening and reaches less far."""
    other = GaussianComponent(np.full((1, 80), 50.0), LogGrid(35700, 80, gaussian.STEP), name="glow")
    scan = madgics_scan(spectra, target=lae, nuisance=[sky, other], **RANGE, engine=engine, precision=precision)
    grid = LogGrid(35500, 700, gaussian.STEP)
    root = np.exp(gaussian.whitening().log_variance(grid.loglam) / 2)
    nuisance = np.concatenate([component.in_flux(grid) for component in (sky, other)])
    np.testing.assert_allclose(nuisance[:-1, 90:590], sky.vectors * root[90:590])
    for row in range(len(spectra)):
        flux, ivar = on_lattice(spectra, row, grid)
        ivar[90:590][sky.mask] = 0
        for k in (0, 77, len(scan.z) - 1):
            moved = np.zeros((2, grid.size))
            begin = lae.rest_start + scan.trials.first + k - grid.start
            moved[:, begin : begin + lae.grid.size] = lae.vectors
            white = (flux / root, ivar * root**2, nuisance / root)
            delta, base, _ = oracle.delta_chi2(*white, moved)
            if precision == "float64":
                assert scan.null[row] == pytest.approx(base, rel=1e-9)
                assert scan.chi2[row, k] == pytest.approx(base + delta, rel=1e-9)
            found = scan.chi2[row, k] - scan.null[row]
            assert abs(found - delta) < max(1e-4 * abs(delta), 0.01)
            assert delta < 0


def test_the_log_determinant_is_the_dense_one(spectra, sky, lae):
    options = {"target": lae, "nuisance": [sky], **RANGE, "precision": "float64"}
    scan, both = (madgics_scan(spectra[:1], **options, logdet=wanted) for wanted in (False, True))
    assert (scan.model.logdet, both.model.logdet) == (False, True)
    grid = LogGrid(35500, 700, gaussian.STEP)
    flux, ivar = on_lattice(spectra, 0, grid)
    ivar[90:590][sky.mask] = 0
    nuisance = sky.in_flux(grid)
    matrix = np.eye(len(nuisance)) + (nuisance * ivar) @ nuisance.T
    assert both.null[0] - scan.null[0] == pytest.approx(np.linalg.slogdet(matrix)[1], rel=1e-9)
    moved = lae.at(scan.z[50]).in_flux(grid)
    expected = oracle.delta_chi2(flux, ivar, nuisance, moved)[2]
    gain = (both.chi2 - both.null[:, None] - scan.chi2 + scan.null[:, None])[0, 50]
    assert gain == pytest.approx(expected, rel=1e-6)


def test_the_curve_is_the_published_loop(rng, lae):
    """One redshift after the other in whitened flux [L, appendix A], on spectra that need no resampling."""
    sky = gaussian.sky(rng)
    spectra, _ = gaussian.lattice_spectra(rng, [sky, lae], 2, z=[2.1, 2.2])
    scan = madgics_scan(spectra, target=lae, nuisance=[sky], **RANGE, precision="float64")
    whole = LogGrid(35500, 700, gaussian.STEP)
    root = np.exp(gaussian.whitening().log_variance(whole.loglam) / 2)
    offset = lae.rest_start + scan.trials.first - whole.start
    for row in range(2):
        flux, ivar = on_lattice(spectra, row, whole)
        white = (flux / root, ivar * root**2, sky.in_flux(whole) / root)
        loop = oracle.published_loop(*white, lae.vectors, offset + len(scan.z))[offset:]
        np.testing.assert_allclose(scan.chi2[row] - scan.null[row], loop, rtol=1e-8, atol=1e-9)


def test_a_spectrum_in_cgs_units_has_the_same_curve(spectra, sky, lae):
    small = Spectra(spectra.wave, spectra.flux * 1e-17, spectra.ivar * 1e34)
    scaled = [dataclasses.replace(c, vectors=c.vectors * 1e-17) for c in (sky, lae)]
    scan = madgics_scan(spectra, target=lae, nuisance=[sky], **RANGE)
    again = madgics_scan(small, target=scaled[1], nuisance=[scaled[0]], **RANGE)
    np.testing.assert_allclose(again.chi2 - again.null[:, None], scan.chi2 - scan.null[:, None], rtol=1e-4, atol=1e-2)


def test_without_nuisance_chi2_counts_every_pixel(spectra, lae):
    """Pixels that no component reaches add ivar flux² as well, whatever the range of redshifts."""
    scan = madgics_scan(spectra, target=lae, **RANGE)
    native = np.sum(spectra.ivar * spectra.flux**2, axis=1)
    assert np.all(scan.null <= native)
    assert np.all(scan.null > 0.5 * native)
    grid = LogGrid(35550, 600, gaussian.STEP)
    for row in range(len(spectra)):
        flux, ivar = on_lattice(spectra, row, grid)
        assert scan.null[row] == pytest.approx(np.sum(ivar * flux**2), rel=1e-9)
    narrow = madgics_scan(spectra, target=lae, **gaussian.SHORT)
    np.testing.assert_allclose(narrow.null, scan.null, rtol=1e-12)


def test_neither_batch_size_nor_order_nor_company_changes_a_bit(rng, spectra, sky, lae):
    """Among the company: no data, NaN, a longer spectrum, another wavelength range."""
    options = {"target": lae, "nuisance": [sky], **RANGE}
    alone = madgics_scan(spectra, **options)
    np.testing.assert_array_equal(madgics_scan(spectra, **options, batch_size=1).chi2, alone.chi2)
    np.testing.assert_array_equal(madgics_scan(spectra[[2, 0, 1]], **options).chi2, alone.chi2[[2, 0, 1]])
    long = Spectra(np.arange(3500.0, 4500, 0.5), rng.normal(size=2000), np.ones(2000), ids=["long"])
    empty = Spectra(spectra.wave[0], spectra.flux[0], np.zeros(500), ids=["empty"])
    broken = Spectra(spectra.wave[0], np.full(500, np.nan), spectra.ivar[0], ids=["NaN"])
    elsewhere = Spectra(spectra.wave[0] * 2, spectra.flux[0], spectra.ivar[0], ids=["elsewhere"])
    company = Spectra.concatenate([long, spectra[:1], empty, broken, spectra[1:2], elsewhere, spectra[2:]])
    scan = madgics_scan(company, **options, batch_size=4)
    np.testing.assert_array_equal(scan.chi2[[1, 4, 6]], alone.chi2)
    np.testing.assert_array_equal(scan.null[[1, 4, 6]], alone.null)
    expected = [Status.OK, Status.OK, Status.NO_DATA, Status.NO_DATA, Status.OK, Status.NO_COVERAGE, Status.OK]
    np.testing.assert_array_equal(scan.status, expected)
    assert np.isnan(scan.chi2[[2, 3, 5]]).all()
    assert np.isnan(scan.null[[2, 3, 5]]).all()
    assert np.isfinite(scan.chi2[[0, 1, 4, 6]]).all()


def test_what_is_all_masked_says_so(sky, lae):
    """Only pixels that the sky component keeps to itself, and too few pixels."""
    wave = sky.grid.wave
    ivar = np.stack([sky.mask.astype(float), np.arange(500) < 2])
    scan = madgics_scan(Spectra(wave, np.ones((2, 500)), ivar), target=lae, nuisance=[sky], **RANGE)
    np.testing.assert_array_equal(scan.status, [Status.TOO_FEW_PIXELS, Status.TOO_FEW_PIXELS])
    wide = np.arange(500) < 90
    late = madgics_scan(Spectra(wave, np.ones(500), wide * 1.0), target=lae, zmin=2.2, zmax=2.25)
    assert late.status[0] == Status.NO_COVERAGE


def test_components_that_do_not_fit_together_are_refused(sky, lae, spectra):
    with pytest.raises(ValueError, match="'sky' is fixed in the observed frame"):
        madgics_scan(spectra, target=sky)
    with pytest.raises(ValueError, match=r"'LAE' is shiftable: say where it is, with component.at\(z\)"):
        madgics_scan(spectra, target=lae, nuisance=[lae])
    coarse = sky.with_step(2e-4)
    with pytest.raises(ValueError, match=r"step of 0.0002 dex, the others 0.0001: .* component.with_step\(0.0001\)"):
        madgics_scan(spectra, target=lae, nuisance=[coarse])
    with pytest.raises(ValueError, match="zmin"):
        madgics_scan(spectra, target=lae, zmin=3.0, zmax=2.0)


def test_an_unknown_option_lists_the_known():
    """In a process of its own, because here the type checker would object first."""
    script = """
from tests import gaussian
import numpy as np, jaxz
spectra = jaxz.Spectra(np.arange(3700.0, 3800), np.ones(100), np.ones(100))
for option in ("engine", "precision", "batch_size"):
    try:
        jaxz.madgics_scan(spectra, target=gaussian.target(), **{option: 0 if option == "batch_size" else "magic"})
    except ValueError as error:
        print(error)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.splitlines() == [
        "engine='magic': use one of products, fft",
        "precision='magic': use one of float32, mixed, float64",
        "batch_size=0: use 1 or more",
    ]


def test_a_component_at_a_known_redshift_can_be_marginalised(rng, lae):
    """A second line in the same spectrum is found once the first one is a nuisance."""
    spectra, _ = gaussian.lattice_spectra(rng, [lae], 1, z=[2.1], coeff=[12.0, 0.0])
    other, _ = gaussian.lattice_spectra(rng, [lae], 1, z=[2.2], coeff=[4.0, 0.0])
    blend = Spectra(spectra.wave, spectra.flux + other.flux, 0.5 * spectra.ivar)
    first = madgics_scan(blend, target=lae, **RANGE)
    second = madgics_scan(blend, target=lae, nuisance=[lae.at(2.1)], **RANGE)
    assert first.z[first.chi2[0].argmin()] == pytest.approx(2.1, abs=2e-3)
    assert second.z[second.chi2[0].argmin()] == pytest.approx(2.2, abs=2e-3)
    assert second.null[0] == pytest.approx(first.chi2[0].min(), rel=0.1)


def test_scans_can_be_cut_and_joined(spectra, sky, lae):
    scan = madgics_scan(spectra, target=lae, nuisance=[sky], **RANGE)
    joined = ZScan.concatenate([scan[:1], scan[1:]])
    np.testing.assert_array_equal(joined.chi2, scan.chi2)
    np.testing.assert_array_equal(joined.null, scan.null)
    with pytest.raises(ValueError, match="need one model"):
        ZScan.concatenate([scan, dataclasses.replace(scan, model=Madgics(lae))])


def test_the_public_names_are_there(sky, lae):
    assert jaxz.madgics_scan is madgics_scan
    model = jaxz.Madgics(lae, [sky])
    assert (len(model), model.name, model.spectype, model.step) == (2, "LAE", "LAE", gaussian.STEP)
    assert isinstance(model, Madgics)
