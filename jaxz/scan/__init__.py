"""A model and spectra → χ² at every trial redshift."""

from jaxz.scan.madgics import madgics_scan as madgics_scan
from jaxz.scan.nmf import nmf_scan as nmf_scan
from jaxz.scan.zscan import Precision as Precision, ZScan as ZScan, trial_shifts as trial_shifts
