"""Simulated surveys: reproducible, with the truth, the S/N and the redshifts that are promised."""

import sys

import numpy as np
import pytest

from jaxz import mock
from jaxz.mock import INSTRUMENTS, galaxy
from jaxz.mock.lines import LIGHT_SPEED

MODULE = sys.modules["jaxz.mock.survey"]
MUSE = INSTRUMENTS["muse"]()
NOISE = MUSE.level * MUSE.noise
STARS = mock.analytic_populations()


def made(n, seed=1, **options):
    return mock.survey(MUSE, n, seed=seed, populations=STARS, **options)


@pytest.fixture(scope="module")
def sample():
    return made(300, blank=0.2)


def same(one, other):
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)


def test_the_seed_decides():
    one, again, other = (made(6, seed=seed, blank=0.3, artefacts=True) for seed in (4, 4, 5))
    np.testing.assert_array_equal(one[0].flux, again[0].flux)
    same(one[1], again[1])
    assert not (one[0].flux == other[0].flux).all(axis=1).any()


@pytest.mark.parametrize("artefacts", [False, True])
def test_a_spectrum_does_not_depend_on_how_many_there_are(artefacts):
    few, many = (made(n, seed=3, blank=0.3, artefacts=artefacts) for n in (3, 9))
    np.testing.assert_array_equal(few[0].flux, many[0].flux[:3])
    same(few[1], [column[:3] for column in many[1]])


def test_spectra_are_of_the_instrument(sample):
    spectra, truth = sample
    assert spectra.flux.dtype == spectra.ivar.dtype == np.float32
    np.testing.assert_array_equal(spectra.wave[7], MUSE.wave)
    np.testing.assert_allclose(spectra.ivar[5], NOISE**-2.0, rtol=1e-6)
    assert np.isfinite(spectra.flux).all()
    assert spectra.ids == tuple(truth.id)
    assert spectra.ids[:2] == ("muse-1-00000", "muse-1-00001")


def test_blank_spectra_hold_noise_alone(sample):
    spectra, truth = sample
    blank = truth.type == mock.BLANK
    assert blank.mean() == pytest.approx(0.2, abs=0.06)
    assert np.isnan(truth.z[blank]).all()
    assert not truth.snr_line[blank].any()
    assert not truth.snr_cont[blank].any()
    assert (truth.line[blank] == "").all()
    pull = spectra.flux[blank] * np.sqrt(spectra.ivar[blank])
    assert pull.mean() == pytest.approx(0, abs=5 / np.sqrt(pull.size))
    assert pull.std() == pytest.approx(1, abs=5 / np.sqrt(2 * pull.size))
    neighbours = np.mean(pull[:, 1:] * pull[:, :-1])
    assert abs(neighbours) < 5 / np.sqrt(pull.size)


def test_truth_is_complete(sample):
    truth = sample[1]
    real = truth.type != mock.BLANK
    assert set(truth.type[real]) == set(galaxy.KINDS)
    assert np.isfinite(truth.z[real]).all()
    assert (truth.snr_line[real] >= 0).all()
    assert ((truth.line[real] == "") == (truth.snr_line[real] == 0)).all()
    lines = real & ~np.isin(truth.type, ["PASSIVE", "LBG"]) & ((truth.z < 1.5) | (truth.z > 2.8)) & (truth.line != "")
    assert truth.snr_line[lines].min() >= 3
    assert truth.snr_line[lines].max() <= 300
    desert = real & (truth.z > 1.5) & (truth.z < 2.8)
    assert (truth.snr_cont[desert] >= 0.99).all()
    assert (truth.snr_cont[desert] <= 15.01).all()
    assert (truth.type[real & (truth.z > 2.8)] != "SFG").all()
    assert (truth.z[truth.type == "PASSIVE"] < 2).all()


def test_residuals_have_the_variance_that_ivar_says(monkeypatch):
    signals = []

    def kept(instrument, noise, kind, z, *rest, right=MODULE._galaxy):
        found = right(instrument, noise, kind, z, *rest)
        if found is not None:
            signals.append(found[0])
        return found

    monkeypatch.setattr(MODULE, "_galaxy", kept)
    spectra, _ = made(20, seed=8)
    pull = (spectra.flux - np.array(signals)) * np.sqrt(spectra.ivar)
    assert pull.std() == pytest.approx(1, abs=5 / np.sqrt(2 * pull.size))
    np.testing.assert_allclose(pull.std(axis=1), 1, atol=0.06)


def test_artefacts_are_added_in_units_of_the_noise_and_ivar_does_not_know(monkeypatch):
    monkeypatch.setattr(MODULE.artefact, "drawn", lambda instrument, rng: np.full(len(instrument.wave), 3.0))
    clean, dirty = (made(5, seed=2, blank=0.5, artefacts=flag) for flag in (False, True))
    np.testing.assert_array_equal(clean[0].ivar, dirty[0].ivar)
    np.testing.assert_allclose(dirty[0].flux - clean[0].flux, 3 * MUSE.level, rtol=1e-3)
    same(clean[1], dirty[1])


def testline_snr_is_that_of_many_noise_draws(rng):
    """Sum the line over the pixels within 2 σ in many noise draws: mean over scatter is the S/N of the truth."""
    z, wanted, sigma = 0.4, 12.0, 120.0
    at = 5008.24 * (1 + z)
    emission = galaxy.Emission(np.array([5008.24]), np.array([1.0]), np.array([sigma]), ("[O III] 5008",))
    unit = MODULE.line_snr(MUSE, NOISE, emission, "[O III] 5008", z)
    dark = galaxy.Galaxy("SFG", z, STARS.wave, np.zeros(len(STARS.wave)), np.zeros((0, 2)), 100.0, emission)
    signal = wanted / unit * galaxy.observe(dark, MUSE)[0]
    width = np.hypot(at * sigma / LIGHT_SPEED, MUSE.fwhm(np.array(at)) / 2.3548)
    near = np.abs(MUSE.wave - at) < 2 * width
    pixel = np.gradient(MUSE.wave)[near]
    sums = (signal[near] + NOISE[near] * rng.standard_normal((20000, near.sum()))) @ pixel
    # 2 σ on both sides hold 95.4 % of a Gaussian: the definition counts all of its flux.
    assert sums.mean() / sums.std() == pytest.approx(0.954 * wanted, rel=0.04)


def test_depth_multiplies_every_signal():
    one, deeper = (made(12, seed=6, depth=depth)[1] for depth in (1.0, 4.0))
    np.testing.assert_array_equal(one.z, deeper.z)
    np.testing.assert_allclose(deeper.snr_line, 4 * one.snr_line)
    np.testing.assert_allclose(deeper.snr_cont, 4 * one.snr_cont)


def test_redshifts_follow_the_table():
    z = np.array([MODULE._redshift(np.random.default_rng(seed), 0.0, 6.7) for seed in range(3000)])
    share, known = MODULE._quantiles()
    even = np.log10(1 + known) / np.log10(7.7)
    for value, expected in zip(known[2:-2:3], (0.85 * share + 0.15 * even)[2:-2:3], strict=True):
        assert (z < value).mean() == pytest.approx(expected, abs=0.03)


def test_redshifts_stay_in_their_range():
    truth = made(40, zmin=2.9, zmax=3.4)[1]
    assert truth.z.min() >= 2.9
    assert truth.z.max() <= 3.4
    outside = made(3, zmin=0.0, zmax=0.1)[1]
    assert outside.z.max() <= 0.1


@pytest.mark.parametrize("name", ["desi", "vimos"])
def test_other_instruments(name):
    instrument = INSTRUMENTS[name]()
    spectra, truth = mock.survey(instrument, 4, seed=1, artefacts=True)
    assert spectra.flux.shape == (4, len(instrument.wave))
    assert np.isfinite(spectra.flux).all()
    assert truth.id[0] == f"{name}-1-00000"


@pytest.mark.parametrize(
    "bad",
    [{"n": 0}, {"zmin": -0.1}, {"zmin": 3.0, "zmax": 3.0}, {"zmax": np.nan}, {"blank": 1.5}, {"blank": -0.1}]
    + [{"depth": value} for value in (0.0, -1.0, np.inf, np.nan)],
)
def test_bad_arguments(bad):
    with pytest.raises(ValueError, match=f"{next(iter(bad))}=.*: use"):
        made(**{"n": 3, **bad})
