"""Learning: spectra → a basis, and how good it is on others, or Gaussian components; redshifts → a calibration."""

from jaxz.train.basis import Step as Step, Training as Training, fit_basis as fit_basis
from jaxz.train.calibration import (
    conformal_level as conformal_level,
    cross_calibrate as cross_calibrate,
    fit_calibration as fit_calibration,
    recalibrated as recalibrated,
)
from jaxz.train.crossval import CrossValidation as CrossValidation, crossval as crossval, folds as folds
from jaxz.train.fine_tune import Epoch as Epoch, Tuned as Tuned, fine_tune as fine_tune
from jaxz.train.nmf import NMF as NMF, fit_nmf as fit_nmf
from jaxz.train.sample import labelled as labelled
from jaxz.train.sky import sky_component as sky_component
from jaxz.train.target import target_component as target_component
from jaxz.train.tuning import Tuning as Tuning
