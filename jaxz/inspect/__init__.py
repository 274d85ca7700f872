"""A page for the visual inspection of spectra and redshifts in a browser; the only part of jaxz that uses bokeh."""

from jaxz.inspect.page import assembled as assembled, page as page
from jaxz.inspect.sheets import Sheet as Sheet, sheets_of as sheets_of
