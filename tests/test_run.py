"""The one loop: devices, batches, shapes, progress."""

import functools
import subprocess
import sys
from pathlib import Path

import jax
import jax.export
import numpy as np
import pytest

import jaxz
from jaxz import GaussianComponent, LogGrid, Spectra, mock, run
from jaxz.kernels import resample
from jaxz.likelihood import best_fit
from jaxz.models import Basis, Trials
from jaxz.models.columns import Columns
from jaxz.pixels import FINE, OVERLAP, PARTS, PIXELS, WINDOW, gather, layout, rebinned
from jaxz.summary import Summarise
from tests import small

ROOT = Path(__file__).resolve().parents[1]
RANGE = {"zmin": small.ZMIN, "zmax": small.ZMAX}


def test_devices_share_the_work_and_change_nothing():
    """Two devices of one processor, in a process of its own, against one of them."""
    script = """
import jax, numpy as np, jaxz
from tests import small
coeff = np.tile([1.0, 1.0, 0.0, 0.0], (7, 1))
spectra, _ = small.spectra(np.random.default_rng(1), np.linspace(0.02, 0.2, 7), 10.0, coeff=coeff)
model = jaxz.NonNegative(jaxz.Basis(small.basis().vectors[:2], small.GRID))
both, one = jax.devices(), jax.devices()[:1]
assert len(both) == 2
found = []
for devices in (both, one):
    scan = jaxz.scan(spectra, model, zmin=0.0, zmax=0.25, devices=devices, batch_size=2)
    found.append((scan.chi2, jaxz.find_redshifts(scan, spectra, devices=devices).z))
np.testing.assert_array_equal(found[0][0], found[1][0])
np.testing.assert_array_equal(found[0][1], found[1][1])
"""
    environment = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "PATH": "/usr/bin:/bin", "HOME": "/tmp"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT,
                          env=environment)  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def batch():
    """Three spectra on the device, and the tasks that are applied to them, of two vectors, which compile sooner."""
    coeff = np.tile([1.0, 1.0, 0.0, 0.0], (3, 1))
    spectra, _ = small.spectra(np.random.default_rng(8), [0.05, 0.1, 0.2], 10.0, coeff=coeff)
    model = jaxz.NonNegative(jaxz.Basis(small.basis().vectors[:2], small.GRID))
    trials = Trials.between(0.0, 0.25, model.step)
    where = layout(spectra, model.step)
    pixels, _ = gather(spectra, np.arange(3), where, model.step, 4, PIXELS, parts=PARTS)
    nfft = model.fft_lengths(where.start, np.full(3, WINDOW), trials)
    scan = model.curves(trials, WINDOW, int(nfft[0]), precision="float64", engine=None, own=None)
    shifts = np.log10(1 + np.array([[0.05, 0.12], [0.1, 0.02], [0.2, np.nan], [0.2, 0.1]])) / model.step
    curves = np.random.default_rng(1).normal(size=(4, trials.number)).cumsum(axis=1)
    return {
        "scan": (scan, (pixels,)),
        "fits": (model.fits(trials, WINDOW, own=None), (pixels, np.round(shifts))),
        "summary": (Summarise(jax.numpy.zeros(trials.number), trials, 5), (curves,)),
    }


def models():
    """One of each kind, with fixed columns."""
    basis = small.basis()
    grid = LogGrid(basis.grid.start, 50, basis.grid.step)
    nuisance = [Columns(np.ones((1, 50)), grid, kind) for kind in ("gaussian", "free", "non-negative")]
    target = GaussianComponent(np.ones((2, 40)), LogGrid(basis.grid.start, 40, basis.grid.step), reference_z=0.0)
    return jaxz.NonNegative(basis, nuisance), jaxz.Free(basis, nuisance), jaxz.Madgics(target, nuisance)


@pytest.mark.parametrize("model", models(), ids=["non-negative", "free", "madgics"])
def test_float32_needs_no_transform_that_a_tpu_lacks(model, batch):
    """Nothing complex in float64 in what is lowered for it, in a scan, a closer look and a summary."""
    trials = Trials.between(0.0, 0.25, model.step)
    pixels, curves = batch["scan"][1][0], batch["summary"][1][0].astype(np.float32)
    scan = model.curves(trials, WINDOW, 32768, precision="float32", engine=None, own=None)
    shifts = np.full((4, 2), 100.0)
    fits, summary = model.fits(trials, WINDOW, own=None), batch["summary"][0]
    for task, inputs in ((scan, (pixels,)), (fits, (pixels, shifts)), (summary, (curves,))):
        with jax.enable_x64(True):
            whole = jax.jit(functools.partial(run._batch, False))
            lowered = jax.export.export(whole, platforms=["tpu"])(task, jax.numpy.int32(4), inputs)
        text = lowered.mlir_module()
        assert "complex<f64>" not in text
        assert ("stablehlo.fft" in text) == (task is scan and not isinstance(model, jaxz.Madgics))


@pytest.mark.parametrize("what", ["scan", "fits", "summary"])
def test_side_by_side_is_one_after_the_other(batch, what):
    """As accelerators and as processors are given the same work."""
    task, inputs = batch[what]
    count = jax.numpy.int32(3)
    inputs = jax.tree.map(jax.numpy.asarray, inputs)
    one, other = (run.program(task, serial, count, inputs)(task, count, inputs) for serial in (True, False))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a[:3], b[:3], rtol=1e-6, atol=1e-9)


def test_curves_stay_where_they_were_made(monkeypatch):
    """On an accelerator, which this processor is taken for; redshifts are those of curves that were fetched."""
    spectra, _ = small.spectra(np.random.default_rng(9), np.linspace(0.05, 0.2, 7), 10.0)
    model = jaxz.NonNegative(small.basis())
    found = jaxz.find_redshifts(jaxz.scan(spectra, model, **RANGE), spectra)
    monkeypatch.setattr(run, "one_by_one", lambda devices: False)
    # Four, and three in arrays for four: one program.
    scan = jaxz.scan(spectra, model, **RANGE, batch_size=4)
    assert isinstance(scan.chi2, jax.Array)
    assert scan.chi2.shape == (7, len(scan.z))
    other = jaxz.find_redshifts(scan, spectra)
    np.testing.assert_allclose(other.z, found.z, rtol=1e-9)
    np.testing.assert_allclose(other.chi2, found.chi2, rtol=1e-9)
    np.testing.assert_allclose(other.pconf, found.pconf, rtol=1e-6)


@pytest.mark.parametrize("what", ["scan", "fits", "summary"])
def test_what_runs_here_can_be_compiled_for_a_gpu(batch, what):
    task, inputs = batch[what]
    whole = jax.jit(lambda given: run._batch(False, task, jax.numpy.int32(3), given))
    assert jax.export.export(whole, platforms=["cuda"])(inputs).platforms == ("cuda",)


def test_spectra_of_many_grids_are_compiled_for_once(rng):
    """Twenty wavelength grids of optical spectrographs: one program for scan, summary and refinement each."""
    parts = []
    for start, step, size in zip(
        rng.uniform(3500, 4800, 20), rng.uniform(0.6, 4, 20), rng.integers(600, 2500, 20), strict=True
    ):
        wave = start + step * np.arange(size)
        parts.append(small.spectra(rng, 0.1, 10.0, wave=wave[wave < 5500])[0])
    spectra = Spectra.concatenate(parts)
    before = run.programs()
    scan = jaxz.nmf_scan(spectra, small.basis(), zmin=0.0, zmax=0.2497)
    found = jaxz.find_redshifts(scan, spectra)
    assert run.programs() - before <= 4
    assert np.mean(np.abs(found.z - 0.1) < 1e-3) > 0.8


def test_progress_is_told_after_each_batch():
    spectra, _ = small.spectra(np.random.default_rng(2), np.full(9, 0.1), 5.0)
    told = []
    model = jaxz.NonNegative(small.basis())
    jaxz.scan(spectra, model, **RANGE, batch_size=2, progress=lambda done, total: told.append((done, total)))
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert told[-1] == (9, 9)
    assert len(told) >= 5


def test_a_batch_of_nothing_is_refused():
    spectra, _ = small.spectra(np.random.default_rng(2), 0.1, 5.0)
    with pytest.raises(ValueError, match="batch_size=0"):
        jaxz.scan(spectra, jaxz.NonNegative(small.basis()), **RANGE, batch_size=0)


def test_fine_pixels_are_put_together_without_loss(rng):
    """What a lattice pixel sums is the same from pixels of a tenth of it, put together or not."""
    edges = np.sort(rng.uniform(0, 30, 400)) - 0.5
    flux, ivar = rng.normal(size=399), rng.exponential(size=399) * (rng.uniform(size=399) > 0.1)
    few = rebinned(edges, flux, ivar)
    assert len(few[1]) < 140
    assert few[2].sum() == pytest.approx(ivar.sum())
    assert np.sum(few[1] * few[2]) == pytest.approx(np.sum(flux * ivar))
    # The last edge begins no pixel.
    assert resample.overlap_width(few[0][:-1]) <= OVERLAP
    untouched = rebinned(edges[::20], flux[:19], ivar[:19])
    np.testing.assert_array_equal(untouched[0], edges[::20])


def test_a_spectrum_of_very_fine_pixels_has_the_redshift_of_coarse_ones(rng):
    """20,000 pixels of 0.07 Å."""
    fine, _ = small.spectra(np.random.default_rng(4), 0.1, 3.0, wave=3800 + 0.07 * np.arange(20000))
    scan = jaxz.nmf_scan(fine, small.basis(), **RANGE)
    found = jaxz.find_redshifts(scan, fine)
    assert abs(found.z[0] - 0.1) < 4 * found.zerr[0] < 1e-3
    assert found.npixels[0] == 20000


@pytest.mark.parametrize("parts", [PARTS, FINE])
def test_arrays_are_no_larger_for_finer_pixels(parts):
    wave = np.linspace(4000.0, 4100.0, 200_000)
    spectra = Spectra(wave, np.ones((1, len(wave))), np.ones((1, len(wave))))
    where = layout(spectra, 5e-5)
    pixels, _ = gather(spectra, np.zeros(1, int), where, 5e-5, 1, len(wave), parts=parts)
    assert pixels.filled[0] <= parts * where.size[0] + 2 < 2000
    assert pixels.ivar.sum() == pytest.approx(len(wave))


def test_what_is_for_each_pixel_is_as_long_as_its_spectrum(rng):
    """9000 good pixels and 3000, whose arrays have different lengths: each is as if it were alone."""
    spectra, _ = small.spectra(rng, [0.1, 0.12], 20.0, wave=np.linspace(3800.0, 5200.0, 9000))
    ivar = np.array(spectra.ivar)
    ivar[1, 3000:] = 0
    spectra = Spectra(spectra.wave, spectra.flux, ivar)
    model, z = jaxz.NonNegative(small.basis()), np.array([0.1, 0.12])
    both = best_fit(spectra, model, z)
    np.testing.assert_array_equal(np.isfinite(both).sum(axis=1), [9000, 3000])
    for row in range(2):
        np.testing.assert_array_equal(best_fit(spectra[[row]], model, z[[row]])[0], both[row])


def test_nearby_galaxies_are_not_put_where_the_basis_covers_more():
    """Of a basis that ends at 9000 Å: what lies beyond counts at no redshift as fitted by nothing."""
    whole = jaxz.load_basis()
    size = int(np.searchsorted(whole.grid.wave, 9000.0))
    basis = Basis(whole.vectors[:, :size], LogGrid(whole.grid.start, size, whole.grid.step))
    spectra, truth = mock.survey(mock.INSTRUMENTS["desi"](), 12, seed=31, depth=5.0, zmin=0.003, zmax=0.035)
    scan = jaxz.nmf_scan(spectra, basis, zmax=1.7, step=1e-4)
    found = jaxz.find_redshifts(scan, spectra)
    right = np.abs(found.z - truth.z) < 0.005 * (1 + truth.z)
    assert np.all(right), f"{found.z[~right]} for {truth.z[~right]}"
    partial = (found.zwarn & jaxz.ZWarn.PARTIAL_COVERAGE) > 0
    np.testing.assert_array_equal(partial, found.coverage < 0.99)
    assert np.all(partial)


def test_the_far_end_of_the_range_is_covered_by_what_comes_through_nothing(rng):
    """Beyond the Lyman limit a basis that begins there is opaque: no share of the spectrum is missing at z = 6.5."""
    basis = jaxz.load_basis().with_step(1e-4)
    spectra, _ = mock.from_basis(basis, np.array([6.3, 6.5]), np.array([20.0, 20.0]), seed=3)
    scan = jaxz.nmf_scan(spectra, basis, zmin=5.0, zmax=6.7)
    found = jaxz.find_redshifts(scan, spectra)
    np.testing.assert_allclose(found.z, [6.3, 6.5], atol=0.01)
    np.testing.assert_array_equal(found.coverage, 1.0)
