import numpy as np
import pytest

import jaxz
from jaxz import Spectra, plot
from tests import gaussian
from tests.plot.drawn import panel, size_of_png, texts


@pytest.fixture(scope="module")
def parts():
    """Two spectra with their sky and line; the second has no good pixel."""
    rng = np.random.default_rng(5)
    sky, lae = gaussian.sky(rng, mask=True), gaussian.target(scale=10.0)
    spectra, _ = gaussian.lattice_spectra(rng, [sky, lae], 2, z=[2.1, 2.1], coeff=[2.0, 1.0])
    spectra = Spectra(spectra.wave, spectra.flux, spectra.ivar * np.array([1, 0])[:, None], ids=spectra.ids)
    return jaxz.separate(spectra, [sky, lae], z=np.array([2.1, np.nan]))


def test_each_component_has_a_panel_and_they_sum_to_the_data(parts):
    figure = plot.plot_components(parts, row=0)
    left = figure.axes[::2]
    assert [texts(axes) for axes in left] == [["data"], ["sky"], ["LAE"], ["residual"]]
    curves = [axes.lines[0].get_ydata() for axes in left]
    good = np.isfinite(curves[0])
    np.testing.assert_allclose(sum(curves[1:])[good], curves[0][good], rtol=1e-10, atol=1e-10)
    low, high = figure.axes[1].get_xlim()
    assert low < gaussian.LINE * 3.1 < high
    assert figure.get_suptitle() == "g0: separated at z = 2.10000"
    assert size_of_png(figure) > 5000


def test_the_line_to_look_at_can_be_given(parts):
    low, high = plot.plot_components(parts, row=0, line=3700.0, zoom=20.0).axes[1].get_xlim()
    assert (low, high) == (3680, 3720)


def test_redshift_detection_flux_and_curve_are_shown(parts):
    spectrum = Spectra(parts.grid.wave, parts.flux[0], parts.ivar[0], ids=["g0"])
    z = np.linspace(2.0, 2.2, 50)
    known = {"spectype": "LAE", "chi2": 300.0, "curve": (z, 400 - np.sin(z)), "scores": {"detection": 55.5}}
    fit = plot.ZFit(spectrum, 2.1, 1e-4, 4, None, np.array([2.1, 2.15]), np.array([300.0, 340.0]), **known)
    figure = plot.plot_components(parts, row=0, fit=fit)
    bottom = panel(figure, "curve")
    assert "detection |Δχ²| = 55.5" in texts(bottom)
    np.testing.assert_array_equal(bottom.lines[0].get_xdata(), z)
    title = figure.get_suptitle()
    assert title.startswith("g0   LAE   z = 2.10000 ± 0.00010   χ²/n = ")
    assert f"SMALL_DELTA_CHI2   flux {parts.line_flux[0, -1]:.3g} ± " in title
    assert size_of_png(figure) > 5000


def test_a_spectrum_without_data_is_drawn_empty(parts):
    figure = plot.plot_components(parts, row=1)
    assert texts(figure.axes[0]) == ["no good pixel"]
    assert figure.get_suptitle() == "g1: no redshift"
    assert size_of_png(figure) > 1000
