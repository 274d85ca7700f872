import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jaxz.models import Basis, Trials
from jaxz.scan import nmf_scan
from jaxz.spectra import LogGrid, Spectra
from jaxz.status import Status
from tests import oracle, small

ROOT = Path(__file__).resolve().parents[1]
RANGE = {"zmin": small.ZMIN, "zmax": small.ZMAX}


@pytest.fixture(scope="module")
def basis():
    return small.basis()


@pytest.fixture
def spectra(rng):
    return small.spectra(rng, [0.02, 0.1, 0.22], [3.0, 10.0, 50.0])[0]


def test_trial_redshifts_are_lattice_shifts_within_the_range():
    trials = Trials.between(0.0, 6.7, 5e-5)
    assert (trials.first, trials.number, trials.last) == (0, 17730, 17729)
    z = Trials.between(-0.005, 1.7, 1e-4).z
    np.testing.assert_array_equal(z, 10.0 ** (np.round(np.log10(1 + z) / 1e-4) * 1e-4) - 1)
    assert -0.005 <= z[0] < -0.0047
    assert 1.6993 < z[-1] <= 1.7


@pytest.mark.parametrize(
    ("zmin", "zmax"), [(1.0, 0.5), (0.5, 0.5), (-1.0, 1.0), (0.0, np.inf), (np.nan, 1.0), (0.10003, 0.10004)]
)
def test_an_empty_range_raises(zmin, zmax, spectra, basis):
    with pytest.raises(ValueError, match="zmin"):
        nmf_scan(spectra, basis, zmin=zmin, zmax=zmax)


def test_an_unknown_option_lists_the_known():
    """In a process of its own, because here the type checker would object first."""
    script = """
from tests import small
import numpy as np, jaxz
spectra, _ = small.spectra(np.random.default_rng(1), 0.1, 5.0)
for option in ("engine", "weighting", "precision", "resampling", "batch_size"):
    try:
        jaxz.nmf_scan(spectra, small.basis(), zmax=0.2, **{option: 0 if option == "batch_size" else "magic"})
    except ValueError as error:
        print(error)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.splitlines() == [
        "engine='magic': use one of fft, direct",
        "weighting='magic': use one of ivar, uniform",
        "precision='magic': use one of float32, mixed, float64",
        "resampling='magic': use one of overlap, linear",
        "batch_size=0: use 1 or more",
    ]


@pytest.mark.parametrize("weighting", ["ivar", "uniform"])
def test_the_curve_is_the_slow_one(spectra, basis, weighting):
    """Resample, shift, fit with scipy and take χ², one redshift after the other."""
    scan = nmf_scan(spectra, basis, **RANGE, precision="float64", weighting=weighting)
    from jaxz.kernels import resample

    step = basis.grid.step
    for row in range(len(spectra)):
        edges = resample.pixel_edges(spectra.wave[row], step)
        start = int(np.floor(edges[0] + 0.5))
        size = int(np.ceil(edges[-1] + 0.5)) - start
        flux, ivar = oracle.overlap(edges, spectra.flux[row], spectra.ivar[row], start, size)
        wave = 10 ** ((start + np.arange(size)) * step)
        weight = np.sqrt(ivar) if weighting == "ivar" else wave * (ivar > 0)
        for k in (0, 170, 1000, len(scan.z) - 1):
            padded = np.pad(basis.vectors, ((0, 0), (5000, 5000)))
            model = padded[:, start - basis.grid.start - scan.trials.first - k + 5000 :][:, :size]
            coeff, _ = oracle.nnls((model * weight).T, flux * weight)
            expected = np.sum(ivar * (flux - coeff @ model) ** 2)
            assert scan.chi2[row, k] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("first", [3000.0, 900.0], ids=["ends in the blue", "opaque below the Lyman limit"])
@pytest.mark.parametrize("weighting", ["ivar", "uniform"])
def test_pixels_beyond_the_basis_are_compared_with_their_running_mean(rng, spectra, first, weighting):
    """The basis enters or leaves the spectrum: while half of the good pixels are covered it goes on as their mean."""
    from jaxz.kernels import resample
    from jaxz.models.lattice import CONTINUUM

    coarse = small.basis().with_step(2e-4)
    step, start_of = 2e-4, round(np.log10(first) / 2e-4)
    grid = LogGrid(start_of, coarse.grid.size, step)
    basis = Basis(coarse.vectors, grid)
    ratio = first / 3000.0
    wave = spectra.wave[0, ::2] * ratio
    ivar = spectra.ivar[:2, ::2] * (rng.uniform(size=(2, 350)) > 0.1)
    cut = Spectra(wave, spectra.flux[:2, ::2], ivar)
    scan = nmf_scan(cut, basis, zmin=-0.5, zmax=0.7, precision="float64", weighting=weighting)
    seen = set()
    for row in range(2):
        edges = resample.pixel_edges(wave, step)
        start = int(np.floor(edges[0] + 0.5))
        size = int(np.ceil(edges[-1] + 0.5)) - start
        flux, weight = oracle.overlap(edges, cut.flux[row], cut.ivar[row], start, size)
        scale = np.sqrt(weight) if weighting == "ivar" else 10 ** (step * np.arange(size)) * (weight > 0)
        mean = oracle.running_mean(edges, cut.flux[row], cut.ivar[row], start + np.arange(size), CONTINUUM / step)
        for k in range(0, len(scan.z), 97):
            place = start + np.arange(size) - grid.start - (scan.trials.first + k)
            inside = (place >= 0) & (place < grid.size)
            model = np.where(inside, basis.vectors[:, np.clip(place, 0, grid.size - 1)], 0)
            coeff, _ = oracle.nnls((model * scale).T, flux * scale)
            beyond = ~inside & ((place >= grid.size) | (first > 912))
            share = 1 - np.sum(beyond & (weight > 0)) / np.sum(weight > 0)
            fitted = flux - np.where(beyond & (share >= 0.5), mean, 0) - coeff @ model
            assert scan.chi2[row, k] == pytest.approx(np.sum(weight * fitted**2), rel=1e-8)
            seen.add("whole" if share == 1 else "priced" if share >= 0.5 else "0")
    assert seen == {"whole", "priced", "0"}


def test_fft_equals_direct_to_1e_9(spectra, basis):
    fft = nmf_scan(spectra, basis, **RANGE, precision="float64")
    direct = nmf_scan(spectra, basis, **RANGE, precision="float64", engine="direct")
    np.testing.assert_allclose(fft.chi2, direct.chi2, rtol=1e-9)
    np.testing.assert_array_equal(fft.z, direct.z)


def test_fft_equals_direct_on_a_real_spectrum(data):
    from jaxz.io import read, read_basis

    spectra = read(data / "muse_udf10" / "udf10_00004.fits")
    basis = read_basis(data / "templates" / "interim-nmf-k10.fits")
    limits = {"zmin": 5.5, "zmax": 6.7, "precision": "float64"}
    fft, direct = nmf_scan(spectra, basis, **limits), nmf_scan(spectra, basis, **limits, engine="direct")
    np.testing.assert_allclose(fft.chi2, direct.chi2, rtol=1e-9)


def test_float32_is_near_float64(spectra, basis):
    single, mixed, double = (
        nmf_scan(spectra, basis, **RANGE, precision=p).chi2 for p in ("float32", "mixed", "float64")
    )
    assert (single.dtype, mixed.dtype, double.dtype) == (np.float32, np.float32, np.float64)
    np.testing.assert_allclose(mixed, double, rtol=2e-7)
    everything = (spectra.flux**2 * spectra.ivar).sum(axis=1)
    assert np.max(np.abs(single - double) / everything[:, None]) < 2e-6


def test_neither_batch_size_nor_order_nor_company_changes_a_bit(rng, spectra, basis):
    """Among the company: no data, a longer spectrum, another wavelength range, NaN."""
    alone = nmf_scan(spectra, basis, **RANGE).chi2
    np.testing.assert_array_equal(nmf_scan(spectra, basis, **RANGE, batch_size=1).chi2, alone)
    np.testing.assert_array_equal(nmf_scan(spectra[[2, 0, 1]], basis, **RANGE).chi2, alone[[2, 0, 1]])
    long = small.spectra(rng, 0.1, 5.0, wave=np.geomspace(3500, 7000, 3000))[0]
    empty = Spectra(spectra.wave[0], spectra.flux[0], np.zeros(700), ids=["empty"])
    broken = Spectra(spectra.wave[0] * 10, spectra.flux[0], spectra.ivar[0], ids=["wrong unit"])
    company = Spectra.concatenate([long, spectra[:1], empty, spectra[1:2], broken, spectra[2:]])
    np.testing.assert_array_equal(nmf_scan(company, basis, **RANGE, batch_size=4).chi2[[1, 3, 5]], alone)


def test_a_spectrum_that_cannot_be_scanned_says_why(spectra, basis):
    few = np.zeros((4, 700))
    few[0, :3] = 1
    few[1:] = spectra.ivar[0]
    few[2] = 0
    wave = np.stack([spectra.wave[0], spectra.wave[0] / 3, spectra.wave[0], spectra.wave[0]])
    odd = Spectra(wave, np.tile(spectra.flux[0], (4, 1)), few)
    scan = nmf_scan(odd, basis, **RANGE)
    np.testing.assert_array_equal(scan.status, [Status.TOO_FEW_PIXELS, Status.NO_COVERAGE, Status.NO_DATA, Status.OK])
    assert np.isnan(scan.chi2[:3]).all()
    assert np.isfinite(scan.chi2[3]).all()


def test_a_basis_that_falls_into_a_gap_covers_nothing(basis):
    wave = np.concatenate([np.arange(1000.0, 1100.0), np.arange(9000.0, 9100.0)])
    scan = nmf_scan(Spectra(wave, np.ones(200), np.ones(200)), basis, **RANGE)
    assert scan.status[0] == Status.NO_COVERAGE


@pytest.mark.parametrize("step", [0.0, -1e-4, 0.05, np.nan])
def test_a_step_that_makes_no_sense_raises(spectra, basis, step):
    with pytest.raises(ValueError, match=r"use 1e-06 to 0\.001 dex"):
        nmf_scan(spectra, basis, **RANGE, step=step)


def test_three_pixels_only(basis):
    scan = nmf_scan(Spectra(np.array([4000.0, 4001, 4002]), np.ones(3), np.ones(3)), basis, **RANGE)
    assert scan.status[0] == Status.TOO_FEW_PIXELS


@pytest.mark.parametrize("resampling", ["overlap", "linear"])
def test_the_unit_of_flux_does_not_matter(spectra, basis, resampling):
    tiny = Spectra(spectra.wave, spectra.flux * 1e-20, spectra.ivar * 1e40, ids=spectra.ids)
    scans = [nmf_scan(s, basis, **RANGE, resampling=resampling).chi2 for s in (spectra, tiny)]
    np.testing.assert_allclose(scans[1], scans[0], rtol=1e-5)


def test_the_minimum_is_at_the_true_redshift(spectra, basis):
    for step in (None, 2.5e-5, 1e-4):
        scan = nmf_scan(spectra, basis, **RANGE, step=step)
        np.testing.assert_allclose(scan.z[scan.chi2.argmin(axis=1)], [0.02, 0.1, 0.22], atol=2e-4)
