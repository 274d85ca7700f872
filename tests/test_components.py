import dataclasses

import numpy as np
import pytest

from jaxz.models import GaussianComponent, Madgics, Whitening, lattice_z
from jaxz.models.steps import TAPER, shifted
from jaxz.spectra import LogGrid
from tests import gaussian


def test_a_whole_shift_returns_the_vector_and_a_fraction_the_function(rng):
    """A Gaussian of σ = 2 pixels is band-limited to 1e-9."""
    x = np.arange(81) - 40
    profile = lambda centre: np.exp(-0.5 * ((x - centre) / 2) ** 2)  # noqa: E731
    moved = shifted(profile(0)[None], np.array([0.0, 3.0, 0.3, -1.7]))
    assert moved.shape == (1, 4, 81 + 64)
    for found, centre in zip(moved[0], (0, 3, 0.3, -1.7), strict=True):
        np.testing.assert_allclose(found[32:-32], profile(centre), atol=1e-8)
    rough = rng.normal(size=(2, 9))
    np.testing.assert_allclose(shifted(rough, np.array([0.0]))[:, 0, 32:-32], rough, atol=1e-12)


def test_edges_fall_to_zero_without_ringing():
    """A vector that ends at 1 has a tail of 16 pixels; a hard edge would ring by 9 % of it."""
    moved = shifted(np.ones((1, 40)), np.array([0.0, 0.5]))[0]
    assert np.all(np.diff(moved[0][32 - TAPER : 32]) > 0)
    assert np.all(moved[0][: 32 - TAPER - 1] < 1e-12)
    np.testing.assert_allclose(moved[1], (moved[0] + np.roll(moved[0], 1)) / 2, atol=3e-3)


def test_whitening_is_the_polynomial_and_constant_outside():
    loglam = np.linspace(3.56, 3.98, 500)
    truth = np.polynomial.Polynomial([2.0, -1.0, 0.5, 0.2, -0.1], domain=[3.56, 3.98])
    variance = np.exp(truth(loglam))
    variance[::50] = [0, np.nan] * 5
    curve = Whitening.fit(loglam, variance)
    np.testing.assert_allclose(curve.log_variance(loglam[1:-2]), truth(loglam[1:-2]), atol=1e-9)
    assert curve.log_variance(np.array([3.0]))[0] == curve.log_variance(np.array([curve.low]))[0]
    assert len(curve.coeff) == 5


def test_in_flux_undoes_the_whitening(rng):
    sky = gaussian.sky(rng)
    grid = LogGrid(gaussian.SKY_GRID.start - 5, 100, gaussian.STEP)
    found = sky.in_flux(grid)
    white = np.exp(gaussian.whitening().log_variance(grid.loglam) / 2)
    np.testing.assert_allclose(found[:, 5:], (sky.vectors[:, :95] * white[5:]))
    assert np.all(found[:, :5] == 0)
    with pytest.raises(ValueError, match=r"use component.at\(z\)"):
        gaussian.target().in_flux(grid)


def test_a_shiftable_component_is_put_at_any_redshift():
    lae = gaussian.target()
    centre = {z: np.sum(c.vectors[0] * c.grid.loglam) / np.sum(c.vectors[0]) for z in (2.1, 2.10007)
              for c in [lae.at(z)]}  # fmt: skip
    rest = np.sum(lae.vectors[0] * lae.grid.loglam) / np.sum(lae.vectors[0]) - np.log10(1 + lae.reference_z)
    for z, where in centre.items():
        assert where == pytest.approx(rest + np.log10(1 + z), abs=1e-7)
    assert lae.at(2.1).reference_z is None
    assert lae.at(2.1).at(3.0).grid == lae.at(2.1).grid
    with pytest.raises(ValueError, match="give a redshift above -1"):
        lae.at(-1.5)
    at_reference = lae.at(lae.reference_z)
    np.testing.assert_allclose(at_reference.vectors[:, 32:-32], lae.vectors, atol=1e-12)
    assert at_reference.grid.start + 32 == lae.grid.start
    assert lae.rest_start == lae.grid.start - round(np.log10(1 + lae.reference_z) / gaussian.STEP)
    assert 0.2 < lae.centre - np.log10(gaussian.LINE) / gaussian.STEP < 0.8


def test_another_step_keeps_integrals_places_and_masks(rng):
    sky, lae = gaussian.sky(rng, mask=True), gaussian.target()
    for component in (sky, lae):
        other = component.with_step(2.5e-4)
        factor = component.grid.step / other.grid.step
        np.testing.assert_allclose(other.vectors.sum(axis=1), component.vectors.sum(axis=1) * factor, atol=1e-9)
    assert other.centre / factor == pytest.approx(component.centre, abs=0.3)
    assert other.reference_z == 0.0
    coarse = sky.with_step(2.5e-4)
    masked = 10 ** np.array([coarse.grid.loglam[coarse.mask].min(), sky.grid.loglam[sky.mask].min()])
    assert masked[0] == pytest.approx(masked[1], rel=4e-4)
    assert 2 <= coarse.mask.sum() <= 4
    assert sky.with_step(gaussian.STEP) is sky


def test_fingerprints_differ_with_all_that_a_scan_uses(rng):
    sky = gaussian.sky(rng, mask=True)
    changed = [
        dataclasses.replace(sky, vectors=sky.vectors * 2),
        dataclasses.replace(sky, whitening=None),
        dataclasses.replace(sky, mask=None),
        dataclasses.replace(sky, grid=LogGrid(sky.grid.start + 1, sky.grid.size, sky.grid.step)),
    ]
    assert len({component.sha256 for component in [sky, *changed]}) == 5
    assert dataclasses.replace(sky, name="other").sha256 == sky.sha256


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vectors": np.ones((2, 3))}, r"vectors have shape \(2, 3\); the grid needs \(comp, 4\)"),
        ({"vectors": np.ones((0, 4))}, "the grid needs"),
        ({"vectors": np.full((1, 4), np.nan)}, "empty or a non-finite vector"),
        ({"vectors": np.zeros((1, 4))}, "empty or a non-finite vector"),
        ({"calibration": 0.0}, "give a positive number"),
        ({"velocity": -1.0}, "velocity=-1.0: give 0 or a positive number"),
        ({"mask": np.ones(3, dtype=bool)}, "the mask has shape"),
        ({"mask": np.ones(4, dtype=bool), "reference_z": 0.0}, "a mask would move"),
        ({"reference_z": 2.45}, r"reference_z=2.45 is no lattice redshift: the nearest is 2\.4498"),
    ],
)
def test_components_that_make_no_sense_are_refused(change, message):
    good = {"vectors": np.ones((1, 4)), "grid": LogGrid(35000, 4, 1e-4), "name": "x"}
    GaussianComponent(**good)
    with pytest.raises(ValueError, match=message):
        GaussianComponent(**{**good, **change})


def test_curves_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="the domain is empty"):
        Whitening(np.ones(2), 3.9, 3.6)
    with pytest.raises(ValueError, match="one or more finite numbers"):
        Whitening(np.array([np.inf]), 3.6, 3.9)


def test_a_lattice_redshift_is_a_whole_number_of_pixels():
    z = lattice_z(2.45, 5e-5)
    assert abs(z - 2.45) < 2e-4
    assert np.log10(1 + z) / 5e-5 == pytest.approx(round(np.log10(1 + z) / 5e-5), abs=1e-8)
    assert Madgics(gaussian.target()).nuisance == ()
