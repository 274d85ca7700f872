"""A galaxy as an instrument sees it: fluxes, positions and widths of lines, and where the continuum ends."""

import numpy as np
import pytest
from scipy.special import erf

from jaxz.mock import INSTRUMENTS, analytic_populations, galaxy
from jaxz.mock.lines import LIGHT_SPEED, WAVE, Emission

NOTHING = np.zeros((0, 2))
WAVELENGTHS = np.arange(590.0, 10600.0, 1.0)


@pytest.fixture(scope="module", params=["muse", "desi", "vimos"])
def instrument(request):
    return INSTRUMENTS[request.param]()


def lined(z, emission, continuum=0.0):
    light = np.full(len(WAVELENGTHS), continuum)
    return galaxy.Galaxy("SFG", z, WAVELENGTHS, light, NOTHING, 100.0, emission)


def one_line(wave, flux=7.0, sigma=80.0, name="line"):
    return Emission(np.array([wave]), np.array([flux]), np.array([sigma]), (name,))


def moments(wave, flux):
    pixel = np.gradient(wave)
    total = np.sum(flux * pixel)
    mean = np.sum(flux * pixel * wave) / total
    return total, mean, np.sqrt(np.sum(flux * pixel * (wave - mean) ** 2) / total)


@pytest.mark.parametrize("z", [0.2, 0.4, 0.7])
def test_a_line_keeps_its_flux_place_and_width(instrument, z):
    flux, totals = galaxy.observe(lined(z, one_line(5008.24)), instrument)
    total, mean, sigma = moments(instrument.wave, flux)
    at = 5008.24 * (1 + z)
    assert totals == {"line": 7.0}
    assert total == pytest.approx(7.0, rel=1e-3)
    assert mean == pytest.approx(at, abs=0.02)
    pixel = np.interp(at, instrument.wave, np.gradient(instrument.wave))
    expected = np.sqrt((at * 80 / LIGHT_SPEED) ** 2 + (instrument.fwhm(np.array(at)) / 2.3548) ** 2 + pixel**2 / 12)
    assert sigma == pytest.approx(expected, rel=0.01)


def test_velocity_offsets_move_a_line(instrument):
    shifted = one_line(5008.24 * (1 + 300 / LIGHT_SPEED))
    mean = [
        moments(instrument.wave, galaxy.observe(lined(0.4, e), instrument)[0])[1] for e in (shifted, one_line(5008.24))
    ]
    assert LIGHT_SPEED * (mean[0] / mean[1] - 1) == pytest.approx(300, abs=5)


def test_components_of_a_line_are_summed_and_lines_outside_left_out():
    muse = INSTRUMENTS["muse"]()
    three = Emission(np.array([5000.0, 5002.0, 2000.0]), np.array([1.0, 2.0, 5.0]), np.full(3, 90.0), ("a", "a", "b"))
    flux, totals = galaxy.observe(lined(0.1, three), muse)
    assert totals == {"a": 3.0}
    assert moments(muse.wave, flux)[0] == pytest.approx(3.0, rel=1e-3)


def test_oii_is_resolved_by_desi_and_muse_at_high_redshift():
    doublet = Emission(
        np.array([WAVE["[O II] 3727"], WAVE["[O II] 3730"]]),
        np.ones(2),
        np.full(2, 30.0),
        ("[O II] 3727", "[O II] 3730"),
    )
    for name, z in (("desi", 0.9), ("muse", 1.3)):
        instrument = INSTRUMENTS[name]()
        flux, _ = galaxy.observe(lined(z, doublet), instrument)
        at = [np.interp(wave * (1 + z), instrument.wave, flux) for wave in (3727.09, 3728.48, 3729.88)]
        assert at[1] < 0.85 * min(at[0], at[2]), name


def test_added_lines_are_exact_integrals():
    edges = np.cumsum(np.r_[4000.0, np.linspace(0.7, 3.0, 60)])
    flux = np.full(60, 0.5)
    galaxy.add_line(flux, edges, 4050.3, 3.0, 2.2)
    cumulative = 3.0 * 0.5 * (1 + erf((edges - 4050.3) / (2.2 * np.sqrt(2))))
    np.testing.assert_allclose(flux - 0.5, np.diff(cumulative) / np.diff(edges), rtol=1e-7, atol=1e-8)


def test_a_line_at_the_edge_is_cut():
    edges = np.arange(4000.0, 4101.0)
    flux = np.zeros(100)
    galaxy.add_line(flux, edges, 4000.0, 2.0, 3.0)
    assert flux.sum() == pytest.approx(1.0)
    assert (flux >= 0).all()


def test_a_flat_continuum_stays_flat_redward_of_lya(instrument):
    nothing = Emission(np.zeros(0), np.zeros(0), np.zeros(0), ())
    flux, totals = galaxy.observe(lined(3.5, nothing, 2.0), instrument)
    red = instrument.wave > 1216 * 4.5 + 30
    assert totals == {}
    np.testing.assert_allclose(flux[red], flux[red][0], rtol=1e-6)
    blue = (instrument.wave > 1100 * 4.5) & (instrument.wave < 1200 * 4.5)
    assert 0.4 < np.median(flux[blue]) / flux[red][0] < 0.7


@pytest.mark.parametrize("kind", galaxy.KINDS)
def test_every_kind_is_drawn_and_observed(kind):
    muse, stars = INSTRUMENTS["muse"](), analytic_populations()
    for seed in range(3):
        z = 3.2 if kind in ("LBG", "LAE") else 0.7
        made = galaxy.draw(kind, z, stars, np.random.default_rng(seed))
        flux, totals = galaxy.observe(made, muse)
        assert made.kind == kind
        assert np.isfinite(flux).all()
        assert (flux > -1e-9).all()
        assert all(value >= 0 for value in totals.values())
        assert ("Lyα" in totals) or kind != "LAE"


def test_lya_has_the_equivalent_width_of_a_lae():
    stars = analytic_populations()
    for seed in range(20):
        made = galaxy.draw("LAE", 4.0, stars, np.random.default_rng(seed))
        lya = sum(flux for flux, name in zip(made.emission.flux, made.emission.name, strict=True) if name == "Lyα")
        assert 14 < lya / np.interp(1230, made.wave, made.continuum) < 210
