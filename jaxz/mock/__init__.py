"""Simulated spectra, for tests, benchmarks, the demo, and the basis and the components in the package."""

from jaxz.mock.continuum import Populations as Populations, analytic_populations as analytic_populations
from jaxz.mock.drawn import MUSE_WAVE as MUSE_WAVE, from_basis as from_basis
from jaxz.mock.emitters import emitter_spectra as emitter_spectra
from jaxz.mock.instruments import INSTRUMENTS as INSTRUMENTS, Instrument as Instrument
from jaxz.mock.sky import sky_spectra as sky_spectra
from jaxz.mock.survey import BLANK as BLANK, Truth as Truth, survey as survey
