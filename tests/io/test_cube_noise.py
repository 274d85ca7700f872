"""The covariance of a cube's noise is that which was put in, and tells what sums vary by."""

import numpy as np
import pytest

from jaxz.io.cube import open_cube
from jaxz.io.cube_noise import LAG, noise_of_cube
from tests import cubes

LONG = (600, 16, 20)
WIDE = (600, 48, 56)
"""Of so much sky the sum along wavelength is known to 0.02, of that above to 0.05 (the scatter of 60 such cubes)."""


@pytest.fixture
def open_noise(tmp_path):
    def open_noise(flux, variance):
        path = cubes.write(tmp_path / "c.fits", flux.astype(np.float32), variance.astype(np.float32))
        return noise_of_cube(open_cube(path))

    return open_noise


def test_white_noise(rng, open_noise):
    found = open_noise(*cubes.noise(rng, LONG))
    np.testing.assert_allclose(found.covariance[LAG, LAG], 1, atol=0.02)
    others = found.covariance[np.arange(49).reshape(7, 7) != 24]
    np.testing.assert_allclose(others, 0, atol=0.03)
    np.testing.assert_allclose(found.sigma, 2)
    assert found.blank == 320


def test_what_neighbours_share_and_how_wrong_stat_is(rng, open_noise):
    flux, variance = cubes.noise(rng, LONG)
    found = open_noise(cubes.smeared(flux) * 1.5, variance[:, :, 1:])
    covariance = found.covariance / 1.5**2
    assert covariance[LAG, LAG] == pytest.approx(1, abs=0.03)
    assert covariance[LAG, LAG + 1] == covariance[LAG, LAG - 1] == pytest.approx(cubes.SMEARED, abs=0.03)
    assert covariance[LAG + 1, LAG] == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_the_factor_is_what_sums_vary_by(rng, open_noise, size):
    flux, variance = cubes.noise(rng, LONG)
    flux = cubes.smeared(flux) * 1.3
    noise = open_noise(flux, variance[:, :, 1:])
    weight = rng.uniform(0.2, 1, (size, size))
    y, x = np.indices((size, size)).reshape(2, -1)
    patches = [flux[:, a : a + size, b : b + size] for a in range(0, 16 - size, 4) for b in range(0, 19 - size, 5)]
    measured = np.mean([np.var(np.sum(patch * weight, axis=(1, 2))) for patch in patches]) / np.sum(4 * weight**2)
    assert noise.factor(y + 3, x + 5, 2 * weight.ravel()) == pytest.approx(measured, rel=0.06)


def test_stat_is_never_made_smaller(rng, open_noise):
    flux, variance = cubes.noise(rng, LONG)
    assert open_noise(0.5 * flux, variance).factor(np.array([2]), np.array([3]), np.array([1.0])) == 1


@pytest.mark.parametrize(("before", "expected"), [(0.0, 1.0), (0.6, 1 + 2 * cubes.SMEARED)])
def test_along_wavelength(rng, open_noise, before, expected):
    flux, variance = cubes.noise(rng, (601, *WIDE[1:]))
    found = open_noise(np.sqrt(1 - before**2) * flux[1:] + before * flux[:-1], variance[1:])
    # Three standard deviations.
    assert found.along == pytest.approx(expected, abs=0.06)


def test_galaxies_and_sky_lines_are_not_taken_for_noise(rng, open_noise):
    flux, variance = cubes.noise(rng, LONG)
    flux[:, 4:9, 4:9] += 100 * rng.normal(1, 0.3, (600, 1, 1))
    flux[::20] += 30
    found = open_noise(flux, variance)
    np.testing.assert_allclose(found.covariance[LAG, LAG : LAG + 2], [1, 0], atol=0.03)
    assert found.blank == 320 - 25


def test_without_blank_spaxels_stat_is_taken_as_it_is(rng, open_noise):
    flux, variance = cubes.noise(rng, LONG)
    found = open_noise(flux + 50, variance)
    assert (found.blank, found.factor(np.array([0, 0]), np.array([0, 1]), np.ones(2))) == (0, 1)
    assert "c: fewer than 100 spaxels are blank" in found.said("c")


def test_what_is_said(rng, open_noise):
    found = open_noise(*cubes.noise(rng, LONG))
    assert "the variance of the noise is 1.0" in found.said("c.fits")
    assert set(found.cards()) == {"NOISENUM", "NOISEVAR", "NOISECOR", "NOISEALO"}


def test_the_real_cube(data):
    """Boxes of 3 and 5 spaxels on the sky vary as the covariance of pairs says."""
    cube = open_cube(data / "muse_cube" / "subcub_mosaic.fits")
    noise = noise_of_cube(cube)
    assert 1.0 < noise.covariance[LAG, LAG] < 1.06
    assert 0.1 < noise.cards()["NOISECOR"] < 0.14
    ((_, slab),) = cube.slabs([slice(None)])
    for size in (3, 5):
        boxes = [part.reshape(500, 30 // size, size, 30 // size, size).sum(axis=(2, 4)) for part in slab]
        far = (boxes[0][10:] - boxes[0][:-10]) / np.sqrt(boxes[1][10:] + boxes[1][:-10])
        measured = (1.4826 * np.median(np.abs(far - np.median(far, axis=(1, 2), keepdims=True)))) ** 2
        square = np.indices((size, size)).reshape(2, -1)
        assert noise.factor(*square, np.ones(size**2)) == pytest.approx(measured, rel=0.08)
