"""The intergalactic medium of Inoue et al. 2014, against its integrals done slowly and against measured opacities."""

import numpy as np
import pytest

from jaxz.mock import igm


def forest_lya(z):
    """Optical depth of Lyα at absorber redshift z, piece by piece (Inoue et al. 2014, eq. 21 and table 2)."""
    if z < 1.2:
        return 1.68976e-2 * (1 + z) ** 1.2
    if z < 4.7:
        return 2.35379e-3 * (1 + z) ** 3.7
    return 1.02611e-4 * (1 + z) ** 5.5


def damped_lya(z):
    return 1.61698e-4 * (1 + z) ** 2 if z < 2 else 5.38995e-5 * (1 + z) ** 3


@pytest.mark.parametrize("z", [0.5, 2.0, 3.0, 4.0, 5.0, 6.0])
def test_only_lya_absorbs_between_lya_and_lyb(z):
    absorber = np.linspace(1080 * (1 + z) / 1215.67 - 1, z - 0.001, 7)
    expected = [np.exp(-forest_lya(one) - damped_lya(one)) for one in absorber]
    np.testing.assert_allclose(igm.transmission(1215.67 * (1 + absorber), z), expected, rtol=1e-6)


@pytest.mark.parametrize("z", [2.5, 3.0, 3.5, 4.0, 5.0])
def test_mean_opacity_is_the_measured_one(z):
    """Fits to the Lyα opacity of quasars: Becker et al. 2013, eq. 5, up to z = 4.85, and Fan et al. 2006, eq. 5."""
    tau = 0.751 * ((1 + z) / 4.5) ** 2.90 - 0.132 if z < 4.85 else 0.85 * ((1 + z) / 5) ** 4.3
    just_blue = igm.transmission(np.array([1215.0 * (1 + z)]), z)
    np.testing.assert_allclose(-np.log(just_blue), tau, rtol=0.1)


@pytest.mark.parametrize("z", [0.0, 3.0, 6.7])
def test_nothing_absorbs_redward_of_lya(z):
    wave = np.linspace(1215.68 * (1 + z), 20000, 50)
    np.testing.assert_array_equal(igm.transmission(wave, z), 1)


def test_transmission_at_each_line_adds_up():
    """Between Lyγ and Lyδ three lines of the series absorb, each at a redshift of its own."""
    z, wave = 3.5, 960.0 * 4.5
    lines = ((1215.67, 2.35379e-3, 5.38995e-5), (1025.72, 6.53625e-4, 5.15129e-5), (972.537, 3.11884e-4, 4.99222e-5))
    tau = sum(a * (wave / rest) ** 3.7 + d * (wave / rest) ** 3 for rest, a, d in lines)
    np.testing.assert_allclose(igm.transmission(np.array([wave]), z), np.exp(-tau), rtol=1e-6)


@pytest.mark.parametrize("z", [0.8, 3.0, 5.5])
def test_ionising_light_is_absorbed_more_the_farther_it_goes(z):
    wave = 911.8 * (1 + z) * np.linspace(0.75, 0.999, 20)
    through = igm.transmission(wave, z)
    assert (through >= 0).all()
    assert (through <= 1).all()
    at_the_limit = igm.transmission(np.array([911.9 * (1 + z)]), z)[0]
    assert through[0] < through[-1] < at_the_limit * 1.001


def test_mean_free_path_at_the_limit():
    """The optical depth reaches 1 after some tens of proper Mpc at z = 4 (Worseck et al. 2014: 37 Mpc)."""
    z = 4.0
    wave = 911.8 * (1 + z) * np.linspace(0.8, 0.9995, 200)
    lyman = [igm._lines(np.array([one]), z)[0] for one in wave]
    tau = -np.log(igm.transmission(wave, z)) - lyman
    reached = wave[np.argmin(np.abs(tau - 1))] / 911.8 - 1
    hubble = 70 * np.sqrt(0.3 * (1 + z) ** 3 + 0.7)
    megaparsec = 299792.458 / hubble * (z - reached) / (1 + z)
    assert 20 < megaparsec < 50
