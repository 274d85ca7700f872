"""Simulated residuals of the sky: what their shapes are, how they vary together, and that ivar is the noise alone."""

import numpy as np
import pytest

from jaxz import mock
from jaxz.mock import sky

DESI = mock.INSTRUMENTS["desi"]()
GREEN = 5578.887


@pytest.fixture(scope="module")
def shapes():
    return sky.residual_shapes(DESI)


def near(wave, reach=8.0):
    return np.abs(DESI.wave - wave) < reach


def test_lines_are_in_order_and_within_their_groups():
    lines = sky.sky_lines()
    assert np.all(np.diff(lines.wave) > 0)
    assert lines.flux.min() > 0
    assert np.mean(np.char.startswith(lines.group, "OH")) > 0.9
    assert lines.flux[lines.group == "[O I] green"] == pytest.approx(223)


def test_shapes_are_the_profile_and_its_derivatives(shapes):
    """Against a line of 223 at finite differences: other brightness, other wavelength, other width."""
    names = np.unique(sky.sky_lines().group)
    sigma = float(DESI.fwhm(np.array(GREEN))) / 2.3548
    edges = np.concatenate([DESI.wave - 0.4, DESI.wave[-1:] + 0.4])

    def line(flux=223.0, shift=0.0, width=1.0):
        return flux * np.diff(sky.line_integral(edges - GREEN - shift, sigma * width)) / 0.8

    delta = 1e-3
    expected = (
        line() * sky.SIZES["brightness"],
        (line(shift=delta) - line(shift=-delta)) / (2 * delta) * sky.SIZES["wavelength"],
        (line(width=1 + delta) - line(width=1 - delta)) / (2 * delta) * sky.SIZES["width"],
    )
    found = shapes.lines[:, list(names).index("[O I] green")]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5 * np.abs(other).max())
    flux = found.sum(axis=1) * 0.8
    assert flux == pytest.approx([0.892, 0, 0], abs=1e-5)


def test_groups_vary_together_and_share_a_part(shapes):
    draws = np.array([sky.residual(shapes, np.random.default_rng([7, i])) for i in range(1500)])
    strong = [int(np.argmin(np.abs(DESI.wave - wave))) for wave in (8829.5, 8922.2, 9378.5)]
    power = np.sqrt(np.mean(draws[:, strong] ** 2, axis=0))
    expected = np.sqrt(
        (np.sum(shapes.lines[:, :, strong] ** 2, axis=(0, 1)) + np.sum(shapes.level[:, strong] ** 2, axis=0))
        * np.exp(2 * (0.2 * np.log(10)) ** 2)
    )
    np.testing.assert_allclose(power, expected, rtol=0.25)
    # Brightness alone: half of the variance is common to all groups.
    bright = sky.Shapes(shapes.lines[:1], np.zeros((1, len(DESI.wave))))
    flat = np.array([sky.residual(bright, np.random.default_rng([8, i])) for i in range(1500)])
    correlation = np.corrcoef(flat[:, strong].T)
    assert correlation[0, 1] == pytest.approx(1, abs=1e-6)
    assert correlation[0, 2] == pytest.approx(0.5, abs=0.1)


def test_spectra_are_noise_of_known_variance_plus_residuals(shapes):
    spectra, truth = mock.sky_spectra(DESI, 40, seed=5)
    dark = ~np.any(shapes.lines, axis=(0, 1))
    pull = spectra.flux * np.sqrt(spectra.ivar)
    neighbours = (np.diff(pull, axis=1) / np.sqrt(2))[
        :, dark[1:] & dark[:-1]
    ]  # without the zero level, which is smooth
    assert dark.sum() > 3000
    assert neighbours.std() == pytest.approx(1, abs=5 / np.sqrt(2 * 40 * dark.sum()))
    assert pull[:, near(8830)].std() > 2
    level = 1 / np.sqrt(spectra.ivar) / DESI.noise / DESI.level
    np.testing.assert_allclose(level, np.broadcast_to(level[:, :1], level.shape), rtol=1e-5)
    assert sky.DEEP <= level.min() < level.max() <= sky.SHALLOW * (1 + 1e-6)
    assert set(truth.type) == {mock.BLANK}
    assert np.isnan(truth.z).all()
    assert spectra.ids == tuple(truth.id)


def test_the_zero_level_is_smooth_and_follows_the_noise(shapes):
    assert shapes.level.shape == (sky.ORDERS, len(DESI.wave))
    ratio = shapes.level[0] / (DESI.level * DESI.noise)
    assert np.median(ratio) == pytest.approx(sky.LEVEL, rel=0.1)
    # It has nothing of a line: a wide one would be found in it.
    step = np.abs(np.diff(shapes.level[0], n=2))
    assert step.max() < 0.02 * shapes.level[0].max()
    assert np.abs(shapes.level[0][near(GREEN)] / shapes.level[0][near(5500)].mean() - 1).max() < 0.1


def test_the_seed_and_the_place_decide():
    few, many, other = (mock.sky_spectra(DESI, n, seed=seed)[0] for n, seed in ((2, 3), (4, 3), (2, 4)))
    assert few.flux.tobytes() == many.flux[:2].tobytes()
    assert few.ivar.tobytes() == many.ivar[:2].tobytes()
    assert not np.array_equal(few.flux, other.flux)


def test_no_spectra():
    with pytest.raises(ValueError, match="n=0: use 1 or more"):
        mock.sky_spectra(DESI, 0, seed=1)
