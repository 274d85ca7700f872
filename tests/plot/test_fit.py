"""Figures of a spectrum hold what they are said to hold, and save without a display or a warning."""

import dataclasses

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from matplotlib.figure import Figure

import jaxz
from jaxz import Redshifts, Spectra, ZScan, plot
from jaxz.plot.labels import spread
from jaxz.plot.spectrum import draw_zoom, smooth as weighted, strongest_lines
from tests import small
from tests.plot.drawn import labels, panel, size_of_png, texts

LINES = {"[O II]": 3728.0, "Hγ": 4341.0, "far away": 20000.0}


@pytest.fixture(scope="module")
def measured() -> tuple[Spectra, ZScan, Redshifts]:
    """Three spectra, the last without a good pixel, with their curves and redshifts."""
    spectra, _ = small.spectra(np.random.default_rng(4), [0.1, 0.2, 0.1], [10.0, 1.0, 10.0])
    spectra = Spectra(spectra.wave, spectra.flux, spectra.ivar * np.array([1, 1, 0])[:, None], ids=spectra.ids)
    scan = jaxz.nmf_scan(spectra, small.basis(), zmin=small.ZMIN, zmax=small.ZMAX)
    return spectra, scan, jaxz.find_redshifts(scan, spectra)


def test_fit_shows_spectrum_model_lines_and_candidates(measured):
    spectra, scan, found = measured
    figure = plot.plot_fit(plot.ZFit.of(spectra, scan, found, 0), lines=LINES)
    top, bottom = panel(figure, "spectrum"), panel(figure, "curve")
    model = next(line for line in top.lines if line.get_label() == "best fit")
    np.testing.assert_array_equal(model.get_xdata(), spectra.wave[0])
    chi2 = np.sum(spectra.ivar[0] * (spectra.flux[0] - model.get_ydata()) ** 2)
    assert chi2 == pytest.approx(found.chi2[0], rel=1e-6)
    assert texts(top) == ["[O II]", "Hγ"]
    assert [text.xy[0] for text in top.texts] == pytest.approx([3728 * (1 + found.z[0]), 4341 * (1 + found.z[0])])
    np.testing.assert_array_equal(bottom.lines[0].get_ydata(), scan.chi2[0])
    assert f"best: {found.z[0]:.4f}" in texts(bottom)
    assert f"2: {found.zalt[0, 1]:.4f}" in texts(bottom)
    assert any(f"R = {found.robustness[0]:.3g}" in text for text in texts(bottom))
    assert any(f"fractional depth = {found.significance[0]:.3g}" in text for text in texts(bottom))
    assert size_of_png(figure) > 5000


def test_noisy_spectrum_is_smoothed_and_says_so(measured):
    spectra, scan, found = measured
    figures = [plot.plot_fit(plot.ZFit.of(spectra, scan, found, row), lines={}) for row in (0, 1)]
    labels = [[line.get_label() for line in figure.axes[0].lines] for figure in figures]
    assert "spectrum" in labels[0]
    assert {"spectrum, smoothed over 5 pixels", "best fit, likewise"} <= set(labels[1])


def test_spectrum_without_redshift_is_drawn_empty(measured):
    figure = plot.plot_fit(plot.ZFit.of(*measured, 2), lines=LINES)
    assert figure.get_suptitle() == "s2: no redshift"
    assert [texts(axes) for axes in figure.axes] == [["no good pixel"], ["no χ² curve"]]
    assert size_of_png(figure) > 1000


def test_candidates_without_a_curve_are_stems(measured):
    fit = dataclasses.replace(plot.ZFit.of(*measured, 0), curve=None, zrange=(0.0, 0.3))
    bottom = panel(plot.plot_fit(fit, lines={}), "curve")
    known = np.isfinite(fit.zalt)
    stems = np.concatenate([line.get_segments() for line in bottom.collections])
    order = np.argsort(stems[:, 0, 0])
    np.testing.assert_array_equal(stems[order, 0, 0], np.sort(fit.zalt[known]))
    np.testing.assert_array_equal(stems[order, 0, 1], fit.zalt_chi2[known][np.argsort(fit.zalt[known])])
    assert f"best: {fit.z:.4f}" in texts(bottom)
    assert f"2: {fit.zalt[1]:.4f}" in texts(bottom)
    low, high = bottom.get_ylim()
    assert np.all((stems > low) & (stems < high) | (np.arange(2) == 0))
    assert bottom.get_xlim() == (0.0, 0.3)


def test_one_candidate_and_no_scores(measured):
    fit = plot.ZFit(measured[0][[0]], 0.1, np.nan, 0, None, np.array([0.1]), np.array([700.0]), {})
    figure = plot.plot_fit(fit, lines=LINES)
    assert figure.get_suptitle() == "s0   z = 0.10000"
    assert texts(panel(figure, "curve")) == ["best: 0.1000", ""]
    low, high = panel(figure, "curve").get_xlim()
    assert low < 0.1 < high
    assert size_of_png(figure) > 1000


def test_warnings_are_in_the_title(measured):
    spectra, scan, found = measured
    described = lambda found, row: plot.describe(plot.ZFit.of(spectra, scan, found, row))  # noqa: E731
    assert described(found, 2) == "s2: no redshift"
    assert described(found, 0) == (
        f"s0   GALAXY   z = {found.z[0]:.7f} ± {found.zerr[0]:.7f}   χ²/n = {found.chi2[0] / 700:.2f}"
    )
    assert 1e-6 < found.zerr[0] < 1e-5
    flagged = Redshifts(**{**vars(found), "zwarn": np.full(3, 4)})
    assert described(flagged, 0).endswith("   SMALL_DELTA_CHI2")


def test_sky_residuals_do_not_set_the_scale():
    wave = 4750 + 1.25 * np.arange(2000)
    rng = np.random.default_rng(2)
    sigma = np.ones(2000)
    sigma[::100] = 50.0
    flux = 10 + sigma * rng.standard_normal(2000)
    flux[500:502] = 3000.0
    sigma[500:502] = 2000.0
    axes = Figure().subplots()
    plot.draw_spectrum(axes, Spectra(wave, flux, sigma**-2), np.full(2000, 10.0), np.nan, {})
    low, high = axes.get_ylim()
    assert low < 0
    assert 12 < high < 20


def test_bright_lines_are_inside_the_scale_whatever_their_own_noise():
    wave = np.linspace(5000, 6000, 801)
    line = 50 * np.exp(-0.5 * ((wave - 5500) / 2) ** 2)
    flux, sigma = 1 + line, 0.1 + 0.05 * line
    flux[600], sigma[600] = 300.0, 100.0  # a sky line, elsewhere
    spectrum = Spectra(wave, flux, sigma**-2, ids=["a"])
    figure = Figure()
    axes = figure.subplots(2)
    plot.draw_spectrum(axes[0], spectrum, np.ones(801), 0.1, {"X": 5000.0})
    draw_zoom(axes[1], spectrum, np.ones(801), 5500.0, {"X": 5500.0})
    for one in axes:
        assert 51 < one.get_ylim()[1] < 60


def test_model_is_inside_the_scale():
    wave = 4750 + 1.25 * np.arange(500)
    model = np.where(np.arange(500) == 250, 400.0, 1.0)
    axes = Figure().subplots()
    plot.draw_spectrum(axes, Spectra(wave, np.ones(500), np.full(500, 100.0)), model, 0.0, {})
    assert axes.get_ylim()[1] > 400


def test_demo_figure_has_all_panels(measured):
    spectra, scan, found = measured
    figure = plot.plot_demo(spectra, scan, found, np.array([0.1, 0.2, 0.1]), row=0, lines=LINES)
    assert [axes.get_label() for axes in figure.axes[:2]] == ["spectrum", "residual"]
    assert len(figure.axes) >= 5
    assert size_of_png(figure) > 5000


def test_residual_is_in_units_of_the_noise(measured):
    spectra, scan, found = measured
    figure = plot.plot_fit(plot.ZFit.of(spectra, scan, found, 0), lines=LINES)
    model = next(line for line in panel(figure, "spectrum").lines if line.get_label() == "best fit").get_ydata()
    residual = panel(figure, "residual").lines[0].get_ydata()
    np.testing.assert_allclose(residual, (spectra.flux[0] - model) * np.sqrt(spectra.ivar[0]))
    assert panel(figure, "residual").get_ylabel() == "residual (σ)"


def test_unit_is_that_of_the_file(measured):
    one = measured[0][0]
    known = Spectra(one.wave, one.flux, one.ivar, meta={"FLUXUNIT": np.array(["1e-17 erg / (Angstrom s cm2)"])})
    named = []
    for spectrum in (one, known):
        axes = Figure().subplots()
        plot.draw_spectrum(axes, spectrum, None, np.nan, {})
        named.append(axes.get_ylabel())
    assert named == ["flux density\n(unit of the file)", "flux density\n(1e-17 erg / (Angstrom s cm2))"]


def test_legend_is_clear_of_the_data(measured):
    figure = plot.plot_fit(plot.ZFit.of(*measured, 0), lines=LINES)
    size_of_png(figure)
    top = panel(figure, "spectrum")
    assert top.get_legend().get_window_extent().y1 < top.get_window_extent().y0
    assert "spectrum" in labels(top)


def test_strongest_lines_are_looked_at_closely():
    wave = np.arange(4000.0, 9000.0)
    seen = {"faint": 5000.0, "strong": 6000.0, "beside it": 6030.0, "absorbed": 7000.0, "not there": 8000.0}
    depth = {5000.0: 5.0, 6000.0: 50.0, 6030.0: 20.0, 7000.0: -30.0}
    model = 100 + sum(size * np.exp(-0.5 * ((wave - at) / 4) ** 2) for at, size in depth.items())
    assert strongest_lines(Spectra(wave, model, np.ones(5000)), model, seen) == [5000.0, 6000.0, 7000.0]


def test_closer_looks_are_drawn(measured):
    figure = plot.plot_fit(plot.ZFit.of(*measured, 0), lines={"[O II]": 3728.0})
    centre = 3728 * (1 + measured[2].z[0])
    (zoom,) = (axes for axes in figure.axes if axes.get_label() == "zoom")
    assert zoom.get_xlim() == pytest.approx((centre * 0.987, centre * 1.013))


def test_the_method_draws_the_same(measured):
    spectra, scan, found = measured
    figure = found.plot("s0", spectra, scan=scan)
    assert figure.get_suptitle() == plot.describe(plot.ZFit.of(*measured, 0))
    np.testing.assert_array_equal(panel(figure, "curve").lines[0].get_ydata(), scan.chi2[0])
    alone = found.plot(1, spectra, scan=scan[1])
    np.testing.assert_array_equal(panel(alone, "curve").lines[0].get_ydata(), scan.chi2[1])
    with pytest.raises(ValueError, match="none of the 1 that were given is 's1'"):
        found.plot(1, spectra, scan=scan[0])


def test_a_notebook_shows_it_without_pyplot(measured):
    assert measured[2].plot(0, measured[0])._repr_png_().startswith(b"\x89PNG")


@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 100)), st.floats(0.1, 3.0))
def test_labels_are_apart_in_order_and_within(positions, gap):
    placed = spread(positions, gap, 0.0, 100.0)
    order = np.argsort(positions)
    assert np.all(np.diff(placed[order]) >= gap - 1e-9)
    assert placed.min() >= -1e-9
    assert placed.max() <= 100 + 1e-9


def test_labels_that_are_apart_stay():
    positions = np.array([30.0, 10.0, 20.0])
    np.testing.assert_allclose(spread(positions, 5.0, 0.0, 100.0), positions)
    np.testing.assert_allclose(spread(np.array([50.0, 50.0]), 4.0, 0.0, 100.0), [48.0, 52.0])


def test_smoothing_is_a_weighted_mean():
    values, ivar = np.array([1.0, 2.0, 90.0, 4.0, 5.0]), np.array([1.0, 2.0, 0.0, 1.0, 1.0])
    smooth = weighted(values, ivar, 3)
    np.testing.assert_allclose(smooth, [5 / 3, 5 / 3, np.nan, 4.5, 4.5])
