"""Figures of spectra, of their redshifts, and of how good these are; the only part of jaxz that uses matplotlib.

Functions take containers or arrays and return a matplotlib `Figure`, which needs no display and no global state: save
it with ``figure.savefig(path)``.
"""

from jaxz.plot.bins import plot_bins as plot_bins
from jaxz.plot.blend import plot_blend as plot_blend
from jaxz.plot.comparison import plot_comparison as plot_comparison
from jaxz.plot.components import plot_components as plot_components
from jaxz.plot.crossval import plot_crossval as plot_crossval
from jaxz.plot.curve import SCORES as SCORES, draw_curve as draw_curve
from jaxz.plot.demo import plot_demo as plot_demo
from jaxz.plot.depth import plot_depth as plot_depth
from jaxz.plot.fit import ZFit as ZFit, describe as describe, known_lines as known_lines, plot_fit as plot_fit
from jaxz.plot.injection import (
    plot_bootstrap as plot_bootstrap,
    plot_recovered as plot_recovered,
    plot_zerr as plot_zerr,
)
from jaxz.plot.lines import plot_lines as plot_lines
from jaxz.plot.maps import plot_maps as plot_maps
from jaxz.plot.pages import save_pages as save_pages
from jaxz.plot.reliability import plot_reliability as plot_reliability
from jaxz.plot.roc import plot_roc as plot_roc
from jaxz.plot.scores import plot_errors as plot_errors, plot_separation as plot_separation
from jaxz.plot.spectrum import draw_spectrum as draw_spectrum
from jaxz.plot.targeting import plot_targeting as plot_targeting
