"""Cameras and exposures in one spectrum: against the definition, one pixel at a time, and dense matrices."""

from collections.abc import Sequence

import numpy as np
import pytest

from jaxz.io.coadd import CommonGrid, Exposure
from tests.io.conftest import DESI_START, STEP, matrix_of, random_bands

WAVES = {camera: start + STEP * np.arange(60) for camera, start in DESI_START.items()}
NPIX = 160
"""From the first pixel of B to the last of Z."""


def draw(rng: np.random.Generator, ndiag: int = 5) -> Exposure:
    return Exposure(rng.normal(size=60), rng.uniform(1, 4, 60), random_bands(rng, 60, ndiag))


def transcribed(exposures: dict[str, Sequence[Exposure]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return flux, ivar and the dense resolution matrix, where all cameras share one grid phase."""
    flux, ivar, matrix = np.zeros(NPIX), np.zeros(NPIX), np.zeros((NPIX, NPIX))
    for pixel in range(NPIX):
        for camera, several in exposures.items():
            own = pixel - round((DESI_START[camera] - 3600) / STEP)
            for exposure in several if 0 <= own < 60 else []:
                ivar[pixel] += exposure.ivar[own]
                flux[pixel] += exposure.ivar[own] * exposure.flux[own]
                begin = pixel - own
                matrix[pixel, begin : begin + 60] += exposure.ivar[own] * matrix_of(exposure.resolution)[own]
    return flux / ivar, ivar, matrix / ivar[:, None]


@pytest.mark.parametrize("nexp", [1, 3])
def test_cameras_on_one_grid(rng: np.random.Generator, nexp: int) -> None:
    exposures = {camera: [draw(rng) for _ in range(nexp)] for camera in WAVES}
    grid = CommonGrid(WAVES, dict.fromkeys(WAVES, 5))
    np.testing.assert_allclose(grid.wave, 3600 + STEP * np.arange(NPIX), rtol=1e-15)
    assert grid.ndiag == 5
    one = grid.combined(exposures)
    flux, ivar, matrix = transcribed(exposures)
    np.testing.assert_allclose(one.flux, flux, rtol=1e-13)
    np.testing.assert_allclose(one.ivar, ivar, rtol=1e-13)
    np.testing.assert_allclose(matrix_of(one.resolution), matrix, rtol=1e-13, atol=1e-16)


def test_the_matrix_predicts_the_weighted_mean_of_what_each_camera_sees(rng: np.random.Generator) -> None:
    exposures = {camera: [draw(rng)] for camera in WAVES}
    one = CommonGrid(WAVES, dict.fromkeys(WAVES, 5)).combined(exposures)
    model = rng.normal(size=NPIX)
    seen = {camera: matrix_of(exposures[camera][0].resolution) @ model[i * 50 :][:60] for i, camera in enumerate("BRZ")}
    predicted = matrix_of(one.resolution) @ model
    np.testing.assert_allclose(predicted[:50], seen["B"][:50], rtol=1e-13)
    weights = exposures["B"][0].ivar[50:], exposures["R"][0].ivar[:10]
    mean = (weights[0] * seen["B"][50:] + weights[1] * seen["R"][:10]) / sum(weights)
    np.testing.assert_allclose(predicted[50:60], mean, rtol=1e-13)


def test_one_measurement_is_kept_to_the_bit(rng: np.random.Generator) -> None:
    exposures = {camera: [Exposure(*(x.astype(np.float32) for x in draw(rng)))] for camera in WAVES}
    one = CommonGrid(WAVES, dict.fromkeys(WAVES, 5)).combined(exposures)
    np.testing.assert_array_equal(one.flux[:50], exposures["B"][0].flux[:50])
    np.testing.assert_array_equal(one.ivar[60:100], exposures["R"][0].ivar[10:50])
    np.testing.assert_array_equal(one.resolution[:, 2:48].astype(np.float32), exposures["B"][0].resolution[:, 2:48])


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.3, 0.4, 0.55, 0.79])
def test_cameras_off_one_grid_share_pixels_by_area(rng: np.random.Generator, shift: float) -> None:
    """Against dense matrices S of the fraction of each pixel that falls in each pixel of the grid."""
    waves = WAVES | {"R": WAVES["R"] + shift}
    exposures = {camera: [draw(rng)] for camera in waves}
    grid = CommonGrid(waves, dict.fromkeys(waves, 5))
    assert np.all(np.diff(grid.wave) > 0.39)
    edges = np.concatenate([[3599.6], (grid.wave[1:] + grid.wave[:-1]) / 2, [grid.wave[-1] + 0.4]])
    ivar, flux, matrix = np.zeros(len(grid.wave)), np.zeros(len(grid.wave)), 0
    for camera, wave in waves.items():
        upper = np.minimum(edges[None, 1:], wave[:, None] + 0.4)
        share = np.clip(upper - np.maximum(edges[None, :-1], wave[:, None] - 0.4), 0, None) / STEP
        exposure = exposures[camera][0]
        ivar += share.T @ exposure.ivar
        flux += share.T @ (exposure.ivar * exposure.flux)
        matrix += share.T @ (exposure.ivar[:, None] * matrix_of(exposure.resolution)) @ share
    one = grid.combined(exposures)
    np.testing.assert_allclose(one.ivar, ivar, rtol=2e-3)
    np.testing.assert_allclose(one.ivar.sum(), sum(e[0].ivar.sum() for e in exposures.values()), rtol=1e-3)
    np.testing.assert_allclose(one.flux, flux / ivar, rtol=0, atol=2e-2)
    np.testing.assert_allclose(matrix_of(one.resolution), matrix / ivar[:, None], atol=2e-3)
    alone = CommonGrid({"B": WAVES["B"]}, {"B": 5}).combined({"B": exposures["B"]})
    np.testing.assert_array_equal(one.flux[:45], alone.flux[:45])


def test_a_flat_spectrum_stays_flat_where_cameras_are_off_one_grid(rng: np.random.Generator) -> None:
    waves = WAVES | {"R": WAVES["R"] + 0.31}
    flat = {camera: [draw(rng)._replace(flux=np.full(60, 7.0))] for camera in waves}
    one = CommonGrid(waves, dict.fromkeys(waves, 5)).combined(flat)
    np.testing.assert_allclose(one.flux, 7.0, rtol=1e-14)
    np.testing.assert_allclose((matrix_of(one.resolution) @ np.full(len(one.flux), 7.0)), 7.0, rtol=2e-3)


def test_a_missing_camera_is_a_gap_without_data(rng: np.random.Generator) -> None:
    waves = {camera: WAVES[camera] for camera in "BZ"}
    waves["Z"] = waves["Z"] + 30 * STEP
    exposures = {camera: [draw(rng)] for camera in waves}
    grid = CommonGrid(waves, dict.fromkeys(waves, 5))
    one = grid.combined(exposures)
    np.testing.assert_allclose(np.diff(grid.wave)[58:63], [STEP, STEP, 69 * STEP, STEP, STEP], rtol=1e-9)
    np.testing.assert_array_equal(one.ivar[60:62], 0)
    np.testing.assert_allclose(one.flux[62:], exposures["Z"][0].flux, rtol=1e-15)
    np.testing.assert_allclose(matrix_of(one.resolution)[62:, 62:], matrix_of(exposures["Z"][0].resolution), rtol=1e-14)


def test_a_gap_of_one_pixel(rng: np.random.Generator) -> None:
    waves = {"B": WAVES["B"], "R": WAVES["B"][-1] + STEP * np.arange(2, 62)}
    grid = CommonGrid(waves, dict.fromkeys(waves, 0))
    np.testing.assert_allclose(np.diff(grid.wave), STEP, rtol=1e-9)
    one = grid.combined({camera: [draw(rng)._replace(resolution=None)] for camera in waves})
    assert np.flatnonzero(one.ivar == 0).tolist() == [60]
    assert one.resolution is None


def test_a_camera_without_a_matrix_is_sharp_if_another_has_one(rng: np.random.Generator) -> None:
    exposures = {"B": [draw(rng)], "R": [draw(rng)._replace(resolution=None)]}
    grid = CommonGrid({camera: WAVES[camera] for camera in "BR"}, {"B": 5, "R": 0})
    matrix = matrix_of(grid.combined(exposures).resolution)
    np.testing.assert_allclose(matrix[60:], np.eye(110)[60:], atol=1e-15)


def test_cameras_with_matrices_of_different_width(rng: np.random.Generator) -> None:
    exposures = {"B": [draw(rng, 5)], "R": [draw(rng, 9)]}
    grid = CommonGrid({camera: WAVES[camera] for camera in "BR"}, {"B": 5, "R": 9})
    assert grid.ndiag == 9
    matrix = matrix_of(grid.combined(exposures).resolution)
    np.testing.assert_allclose(matrix[:50, :60], matrix_of(exposures["B"][0].resolution)[:50], atol=1e-15)


def test_what_is_no_measurement_does_not_count(rng: np.random.Generator) -> None:
    """Flux or ivar that is no number, ivar of zero or below, and a matrix with too little light, or none at all."""
    one, other = draw(rng), draw(rng)
    one.flux[3], one.ivar[4], one.ivar[5], one.ivar[6], one.ivar[7] = np.nan, np.nan, np.inf, 0, -1
    bands = one.resolution
    bands[0, 12], bands[2, 20] = np.nan, 0.0
    grid = CommonGrid({"B": WAVES["B"]}, {"B": 5})
    rows = np.nan_to_num(matrix_of(bands)).sum(axis=1)
    assert np.flatnonzero(rows < 0.99).tolist() == [10, 20]
    bad = [3, 4, 5, 6, 7, 10, 20]
    alone = grid.combined({"B": [one]})
    assert np.flatnonzero(alone.ivar == 0).tolist() == bad
    assert np.all(alone.flux[bad] == 0)
    both = grid.combined({"B": [one, other]})
    np.testing.assert_array_equal(both.ivar[bad], other.ivar[bad])
    np.testing.assert_array_equal(both.flux[bad], other.flux[bad])
    np.testing.assert_allclose(matrix_of(both.resolution)[bad], matrix_of(other.resolution)[bad], rtol=1e-14)
    blank = other._replace(resolution=np.zeros((5, 60)))
    assert not np.any(grid.combined({"B": [blank]}).ivar)


def test_a_masked_pixel_keeps_its_row_so_that_a_model_passes_through(rng: np.random.Generator) -> None:
    exposure = draw(rng)
    exposure.ivar[30] = 0
    one = CommonGrid({"B": WAVES["B"]}, {"B": 5}).combined({"B": [exposure]})
    np.testing.assert_allclose(matrix_of(one.resolution)[30], matrix_of(exposure.resolution)[30], rtol=1e-14)


def test_no_exposure_and_no_data_are_spectra_without_data(rng: np.random.Generator) -> None:
    grid = CommonGrid(WAVES, dict.fromkeys(WAVES, 5))
    empty = grid.combined({camera: [] for camera in WAVES})
    masked = grid.combined({camera: [draw(rng)._replace(ivar=np.zeros(60))] for camera in WAVES})
    for one in (empty, masked):
        assert not one.flux.any()
        assert not one.ivar.any()
        assert np.isfinite(one.resolution).all()
