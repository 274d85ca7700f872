"""The figure of maps shows what they hold."""

import numpy as np
import pytest

from jaxz.plot import plot_maps
from tests.plot.drawn import size_of_png, texts


def maps(rng, shape=(6, 8)):
    known = {name: rng.uniform(0.1, 1, shape) for name in ("ZERR", "DELTACHI2", "PCONF", "CHI2N")}
    z = np.full(shape, 0.4)
    z[0], z[3, 3] = np.nan, 5.0
    warned = np.zeros(shape, dtype=int)
    warned[3, 3], warned[0] = 4, 512
    return {"Z": z, "ZWARN": warned, **known}


def test_panels(rng):
    figure = plot_maps({"a.fits": maps(rng), "b.fits": maps(rng, (4, 4))})
    panels = [axes for axes in figure.axes if axes.images]
    assert len(panels) == 10
    assert texts(panels[0]) == ["a.fits: 39 of 40 places without a warning"]
    assert panels[0].get_title() == "redshift"


def test_what_is_doubtful_is_pale_and_sets_no_scale(rng):
    image = plot_maps({"a": maps(rng)}).axes[0].images[0]
    assert image.get_alpha()[3, 3] < 0.5
    assert image.get_alpha()[3, 4] == 1
    assert image.get_clim()[1] < 0.5


def test_a_cube_of_warnings_alone_is_drawn(rng):
    every = maps(rng)
    every["ZWARN"][:] = 4
    assert size_of_png(plot_maps({"a": every})) > 5000


def test_a_cube_without_redshifts_is_drawn(rng):
    nothing = {name: np.full((3, 3), np.nan) for name in ("Z", "ZERR", "DELTACHI2", "PCONF", "CHI2N")}
    assert size_of_png(plot_maps({"a": {**nothing, "ZWARN": np.full((3, 3), 512)}})) > 2000


def test_no_maps_are_refused():
    with pytest.raises(ValueError, match="no maps"):
        plot_maps({})
