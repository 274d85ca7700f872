"""Simulated spectra, for tests, benchmarks and the demo."""

from jaxz.mock.drawn import MUSE_WAVE as MUSE_WAVE, from_basis as from_basis
