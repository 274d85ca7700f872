"""Candidate redshifts of a scan → z, error, χ² and coefficients of each, in float64."""

from jaxz.refine.fit import Fit as Fit
from jaxz.refine.madgics import refine_madgics as refine_madgics
from jaxz.refine.nmf import basis_in_pixels as basis_in_pixels, best_fit as best_fit, refine as refine
