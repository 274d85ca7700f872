"""The figure of a spectrum with its lines."""

import numpy as np

from jaxz import fit_lines
from jaxz.plot import plot_lines
from tests.lines import simulated


def test_strong_lines_have_a_panel_each_and_blends_one():
    spectra, _ = simulated.spectra(np.random.default_rng(3), [0.1, 0.2])
    found = fit_lines(spectra, np.array([0.1, np.nan]), simulated.basis())
    figure = plot_lines(spectra, found, row=0)
    whole, *panels = figure.axes
    assert whole.get_title().startswith("g0   z = 0.10000")
    titles = [panel.get_title() for panel in panels]
    assert sum("Hα" in title or "[N II]" in title for title in titles) == 1
    assert any(title.startswith("[O III] 5008") for title in titles)
    data, continuum, lines = (np.asarray(drawn.get_ydata()) for drawn in whole.lines)
    np.testing.assert_allclose(data, spectra.flux[0])
    np.testing.assert_allclose(continuum, found.continuum[0])
    np.testing.assert_allclose(lines, (found.continuum + found.lines)[0])
    assert len(plot_lines(spectra, found, row=1).axes) == 1
