"""Artefacts: what each does, how large, and where."""

import numpy as np
import pytest

from jaxz.mock import INSTRUMENTS, artefacts

MUSE = INSTRUMENTS["muse"]()


def many(make, count=100):
    return np.array([make(MUSE, np.random.default_rng(seed)) for seed in range(count)])


def test_sky_residuals_are_at_sky_lines_alone():
    found = many(artefacts.sky_residuals)
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(np.pad(MUSE.noise, 50, mode="edge"), 101), axis=1)
    bright = MUSE.noise / smooth > artefacts.BRIGHT
    beside = np.convolve(bright, [1, 1, 1], mode="same") > 0
    assert 0.01 < bright.mean() < 0.3
    assert not found[:, ~beside].any()
    assert (np.abs(found[:, bright]).max(axis=1) > 0).all()
    assert 1 < np.median(np.abs(found).max(axis=1)) < 50


def test_sky_residuals_have_either_sign():
    found = many(artefacts.sky_residuals)
    assert (found.max(axis=1) > 0).all()
    assert (found.min(axis=1) < 0).all()
    assert abs(found.mean()) < 0.1 * found.std()


def test_distorted_ends_leave_the_middle_alone():
    found = many(artefacts.distorted_ends)
    middle = np.abs(MUSE.wave - MUSE.wave.mean()) < 300
    assert np.abs(found[:, middle]).max() < 0.01
    # What the other end adds here is below 1e-6.
    for end in (found[:, 0], found[:, -1]):
        distorted = np.abs(end) > 1e-6
        assert distorted.mean() == pytest.approx(0.7, abs=0.15)
        assert end[distorted].std() == pytest.approx(3, rel=0.3)
    for spectrum in found:
        assert (np.diff(np.abs(spectrum[:500])) <= 1e-6).all()
        assert (np.diff(np.abs(spectrum[-500:])) >= -1e-6).all()


def test_negative_flux_is_negative_everywhere():
    found = many(artefacts.negative_flux)
    assert (found < 0).all()
    level = -found.mean(axis=1)
    assert 0.1 <= level.min() < 0.15
    assert 0.8 < level.max() <= 1
    assert np.allclose(np.diff(found, 2, axis=1), 0, atol=1e-12)


def test_shares_of_spectra(monkeypatch):
    for name in ("sky_residuals", "distorted_ends", "negative_flux"):
        other = {"sky_residuals": 1.0, "distorted_ends": 10.0, "negative_flux": 100.0}[name]
        monkeypatch.setattr(artefacts, name, lambda instrument, rng, value=other: np.full(len(instrument.wave), value))
    total = many(artefacts.drawn, 2000)[:, 0].astype(int)
    shares = [(total // unit % 10).mean() for unit in (1, 10, 100)]
    assert shares == pytest.approx([0.5, 0.25, 0.2], abs=0.04)
    both = (total // 10 % 10) * (total // 100 % 10)
    assert both.mean() == pytest.approx(0.05, abs=0.02)
