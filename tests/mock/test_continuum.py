"""Stars and dust: breaks and ages of the analytic populations, Calzetti's law at published values, mixtures."""

import numpy as np
import pytest

from jaxz.mock import analytic_populations, continuum


@pytest.fixture(scope="module")
def stars():
    return analytic_populations()


def level(stars, age, low, high):
    inside = (stars.wave > low) & (stars.wave < high)
    return np.median(stars.flux[0, age, inside])


def test_populations_cover_the_rest_frame(stars):
    assert stars.flux.shape == (1, len(continuum.AGES), len(stars.wave))
    assert (stars.wave[0], stars.wave[-1]) == (590, 10599)
    assert (stars.flux > 0).all()
    assert (np.diff(stars.age) > 0).all()


def test_old_stars_are_redder_and_fainter(stars):
    colour = [level(stars, age, 5400, 5600) / level(stars, age, 1450, 1550) for age in range(len(stars.age))]
    assert (np.diff(colour) >= 0).all()
    assert colour[-1] > 100 * colour[0]
    at = np.argmin(np.abs(stars.wave - 5500))
    np.testing.assert_allclose(stars.flux[0, :, at], (stars.age / 1e9) ** -0.75, rtol=1e-3)


def test_breaks_come_with_age(stars):
    d4000 = [level(stars, age, 4000, 4100) / level(stars, age, 3850, 3950) for age in range(len(stars.age))]
    assert d4000[0] == pytest.approx(1.0, abs=0.1)
    assert d4000[-1] > 1.7
    balmer = [level(stars, age, 3700, 3720) / level(stars, age, 3560, 3600) for age in range(len(stars.age))]
    assert 2e8 < stars.age[np.argmax(balmer)] < 1e9


def test_no_light_below_the_lyman_limit(stars):
    assert (stars.flux[0, :, stars.wave == 911] < 0.03 * stars.flux[0, :, stars.wave == 912]).all()


@pytest.mark.parametrize(
    ("wave", "k"), [(1200, 12.19), (1500, 10.33), (2200, 8.42), (4400, 5.06), (5500, 4.05), (6564, 3.32), (8000, 2.57)]
)
def test_dust_has_the_published_curve(wave, k):
    """k(λ) worked out by hand from Calzetti et al. 2000, eq. 4: R_V = 4.05 at 5500 Å, where k = R_V by definition."""
    attenuation = -2.5 * np.log10(continuum.calzetti(np.array([float(wave)]), 0.3)) / 0.3
    np.testing.assert_allclose(attenuation, k, rtol=0.01)


def test_dust_at_its_ends():
    wave = np.array([900.0, 1200.0])
    assert np.ptp(continuum.calzetti(wave, 0.2)) == 0
    np.testing.assert_array_equal(continuum.calzetti(np.linspace(1000, 9000, 9), 0.0), 1)
    edge = continuum.calzetti(np.array([6299.0, 6301.0]), 0.5)
    assert abs(edge[1] / edge[0] - 1) < 0.02


@pytest.mark.parametrize("made", [continuum.star_forming, continuum.passive])
def test_mixtures_have_mean_one_and_are_drawn(stars, made):
    lights = [made(stars, np.random.default_rng(seed), 5e9) for seed in (0, 0, 1)]
    inside = (stars.wave > 1500) & (stars.wave < 5500)
    for light in lights:
        assert light[inside].mean() == pytest.approx(1)
        assert (light > 0).all()
    np.testing.assert_array_equal(lights[0], lights[1])
    assert not np.allclose(lights[0], lights[2])


def test_passive_galaxies_are_redder(stars):
    red = [np.interp(5500, stars.wave, continuum.passive(stars, np.random.default_rng(s), 1e10)) for s in range(20)]
    blue = [
        np.interp(5500, stars.wave, continuum.star_forming(stars, np.random.default_rng(s), 1e10)) for s in range(20)
    ]
    assert min(red) > np.median(blue)


def test_metallicities_are_mixed(stars):
    two = stars._replace(flux=np.concatenate([stars.flux, 0 * stars.flux + 1.0]))
    lights = [continuum.passive(two, np.random.default_rng(seed), 1e10) for seed in range(5)]
    pure = [continuum.passive(stars, np.random.default_rng(seed), 1e10) for seed in range(5)]
    assert not any(np.allclose(one, other) for one, other in zip(lights, pure, strict=True))


def test_power_law():
    np.testing.assert_allclose(continuum.power_law(np.array([2500.0, 5000.0]), -1.5), [1, 2**-1.5])
