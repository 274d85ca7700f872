"""Simulated spectra, for tests, benchmarks, the demo, and the basis and the components in the package."""

from jaxz.mock.blends import blends as blends
from jaxz.mock.continuum import Populations as Populations, analytic_populations as analytic_populations
from jaxz.mock.drawn import MUSE_WAVE as MUSE_WAVE, from_basis as from_basis
from jaxz.mock.emitters import emitter_spectra as emitter_spectra
from jaxz.mock.injection import (
    Injected as Injected,
    constant_noise as constant_noise,
    emitter_profiles as emitter_profiles,
    inject as inject,
    profiles_of as profiles_of,
    robust_sigma as robust_sigma,
)
from jaxz.mock.instruments import INSTRUMENTS as INSTRUMENTS, Instrument as Instrument
from jaxz.mock.sky import sky_spectra as sky_spectra
from jaxz.mock.survey import BLANK as BLANK, Truth as Truth, survey as survey
