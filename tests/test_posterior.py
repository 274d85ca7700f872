import numpy as np
import pytest

from jaxz import posterior as module
from jaxz.scan import ZScan


def _scan(chi2, z):
    chi2 = np.atleast_2d(chi2)
    return ZScan(z, chi2, np.zeros(len(chi2), dtype=int), ids=tuple(map(str, range(len(chi2)))), first=0, step=1e-4)


@pytest.fixture
def z():
    return 10 ** (np.arange(4000) * 1e-4) - 1


def test_a_parabola_gives_a_gaussian_with_its_sigma(z):
    probability = module.posterior(_scan(((z - 0.5) / 0.01) ** 2 + 1e5, z))[0]
    assert probability.sum() == pytest.approx(1)
    mean = probability @ z
    assert mean == pytest.approx(0.5, abs=1e-4)
    assert np.sqrt(probability @ (z - mean) ** 2) == pytest.approx(0.01, rel=1e-3)
    # 0.005(1+z) is 0.75 σ here.
    assert module.mass_near(probability, z, 0.5) == pytest.approx(0.5467, abs=0.01)


def test_a_flat_curve_is_flat_in_z(z):
    probability = module.posterior(_scan(np.zeros_like(z), z))[0]
    assert probability[z < 0.5].sum() == pytest.approx(0.5 / z[-1], rel=1e-3)


@pytest.mark.parametrize(
    ("prior", "expected"),
    [
        (module.gaussian(0.5, 0.1), lambda z: np.exp(-0.5 * ((z - 0.5) / 0.1) ** 2)),
        (module.lorentzian(0.5, 0.1), lambda z: 1 / (1 + ((z - 0.5) / 0.1) ** 2)),
        (module.tophat(0.5, 0.1), lambda z: (np.abs(z - 0.5) < 0.05).astype(float)),
    ],
    ids=["gaussian", "lorentzian", "tophat"],
)
def test_a_prior_is_the_posterior_where_the_data_say_nothing(z, prior, expected):
    probability = module.posterior(_scan(np.zeros_like(z), z), prior)[0]
    density = expected(z) * (1 + z)
    np.testing.assert_allclose(probability, density / density.sum(), rtol=1e-9, atol=1e-15)


def test_a_prior_can_differ_between_spectra(z):
    scan = _scan(np.zeros((2, len(z))), z)
    best = module.posterior(scan, module.gaussian(np.array([0.2, 0.9]), 0.01)).argmax(axis=1)
    np.testing.assert_allclose(z[best], [0.2, 0.9], atol=1e-3)


def test_a_width_must_be_positive():
    with pytest.raises(ValueError, match="positive"):
        module.gaussian(0.5, 0.0)


def test_no_curve_gives_no_probability(z):
    assert np.isnan(module.posterior(_scan(np.full(len(z), np.nan), z))).all()
