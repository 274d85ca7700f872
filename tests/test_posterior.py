import numpy as np
import pytest

from jaxz import posterior as module
from jaxz.models import Trials
from jaxz.redshift import _posterior_mass
from jaxz.run import run
from jaxz.summary import Summarise, Weigh
from tests import made

TRIALS = Trials(0, 4000, 1e-4)


def _scan(chi2):
    return made.zscan(chi2, TRIALS)


@pytest.fixture
def z():
    return 10 ** (np.arange(4000) * 1e-4) - 1


def test_a_parabola_gives_a_gaussian_with_its_sigma(z):
    probability = module.posterior(_scan(((z - 0.5) / 0.01) ** 2 + 1e5))[0]
    assert probability.sum() == pytest.approx(1)
    mean = probability @ z
    assert mean == pytest.approx(0.5, abs=1e-4)
    assert np.sqrt(probability @ (z - mean) ** 2) == pytest.approx(0.01, rel=1e-3)


def test_a_flat_curve_is_flat_in_z(z):
    probability = module.posterior(_scan(np.zeros_like(z)))[0]
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
    probability = module.posterior(_scan(np.zeros_like(z)), prior)[0]
    density = expected(z) * (1 + z)
    np.testing.assert_allclose(probability, density / density.sum(), rtol=1e-9, atol=1e-15)


def test_a_prior_can_differ_between_spectra(z):
    scan = _scan(np.zeros((2, len(z))))
    best = module.posterior(scan, module.gaussian(np.array([0.2, 0.9]), 0.01)).argmax(axis=1)
    np.testing.assert_allclose(z[best], [0.2, 0.9], atol=1e-3)


def test_a_population_is_a_distribution_and_excludes_nothing(rng):
    known = np.append(rng.normal(0.8, 0.1, 300), [np.nan, np.inf, -3])
    z = np.expm1(np.linspace(0, np.log1p(module.FARTHEST), 20_000))
    density = np.exp(-module.population(known)(z) / 2)
    assert np.trapezoid(density, z) == pytest.approx(1, abs=1e-3)
    near = np.abs(z - 0.8) < 0.3
    assert np.trapezoid(np.where(near, density, 0), z) > 0.85
    assert density[-1] * (1 + z[-1]) == pytest.approx(module.UNIFORM / np.log1p(module.FARTHEST))


@pytest.mark.parametrize("known", [[], [np.nan], [-1.0]])
def test_a_population_needs_a_redshift(known):
    with pytest.raises(ValueError, match="needs one at least"):
        module.population(np.array(known))


@pytest.mark.parametrize("numbers", [{"kernel": 0.0}, {"uniform": 0.0}, {"uniform": 1.5}])
def test_a_population_without_width_or_share_is_refused(numbers):
    with pytest.raises(ValueError, match="use a positive kernel, and a share"):
        module.population(np.array([0.5]), **numbers)


def test_a_width_must_be_positive():
    with pytest.raises(ValueError, match="positive"):
        module.gaussian(0.5, 0.0)


def test_no_curve_gives_no_probability(z):
    assert np.isnan(module.posterior(_scan(np.full(len(z), np.nan)))).all()


def _near(curve, penalty, chi2=None, temperature=1.0):
    """PCONF and the ln of all mass of one curve, and where its candidates are, best first."""
    row, given, t = np.array([0]), (curve[None], penalty[None]), np.array([temperature])
    summary = run(Summarise(None, TRIALS, 3), None, row, given)
    mass = run(Weigh(None, TRIALS), None, row, (*given, summary.place, t))
    near, total = _posterior_mass(mass, summary.chi2, summary.chi2 if chi2 is None else chi2, t)
    assert 0 <= np.nansum(near) <= 1 + 1e-12
    return near[0, 0], total[0], summary.place[0]


def test_pconf_is_the_mass_within_five_thousandths(z):
    """Of one Gaussian: 0.005(1+z) is 0.75 σ here."""
    pconf, total, index = _near(((z - 0.5) / 0.01) ** 2 + 100, np.zeros_like(z))
    assert z[index[0]] == pytest.approx(0.5, abs=1e-4)
    assert pconf == pytest.approx(0.5467, abs=0.01)
    assert total == pytest.approx(np.log(np.sqrt(2 * np.pi) * 0.01) - 50, abs=1e-3)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
@pytest.mark.parametrize("apart", [0.05, 0.012, 0.006])
def test_pconf_is_that_of_the_posterior_of_the_curve(z, apart, temperature):
    """With a prior, and a second minimum that is far, near, or within the interval itself; Δχ² counting for less."""
    curve = np.minimum(((z - 0.5) / 0.002) ** 2, ((z - 0.5 - apart) / 0.002) ** 2 + 1) + 30 * (z - 0.5) ** 2
    penalty = ((z - 0.52) / 0.1) ** 2
    pconf, total, index = _near(curve, penalty, temperature=temperature)
    best = z[index[0]]
    probability = module.posterior(_scan(curve / temperature), lambda x: ((x - 0.52) / 0.1) ** 2)[0]
    expected = probability[np.abs(z - best) < 0.005 * (1 + best)].sum()
    assert pconf == pytest.approx(expected, rel=1e-6)
    weight = np.log(10) * 1e-4 * (1 + z) * np.exp(-(curve / temperature + penalty) / 2)
    assert total == pytest.approx(np.log(weight.sum()), rel=1e-9)


def test_pconf_weighs_each_candidate_with_its_chi2_from_the_closer_look(z):
    """Two equal minima far apart; then one is found to be better by 2 than the curve has it."""
    curve = np.minimum(((z - 0.3) / 0.002) ** 2, ((z - 0.6) / 0.002) ** 2)
    pconf, _, index = _near(curve, np.zeros_like(z))
    assert pconf == pytest.approx(0.5, abs=1e-3)
    changed = np.where(np.isclose(z[index], 0.3, atol=1e-3), -2.0, 0.0)[None]
    pconf, _, _ = _near(curve, np.zeros_like(z), np.where(index >= 0, changed, np.nan))
    share = np.exp(1) / (1 + np.exp(1))
    first = np.isclose(z[index[0]], 0.3, atol=1e-3)
    assert pconf == pytest.approx(share if first else 1 - share, abs=1e-3)
