"""Lines and continuum of a spectrum at a known redshift: fluxes, equivalent widths, velocities, widths."""

from jaxz.lines.fit import LineFits as LineFits, fit_lines as fit_lines
from jaxz.lines.known import Line as Line, known_lines as known_lines
