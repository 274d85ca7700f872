"""A method that needs no compiler: what it finds follows from the flux alone, so that runs can be compared."""

import time

import numpy as np

from jaxz import Calibration
from jaxz.models import NonNegative, Trials
from jaxz.redshift import Redshifts
from jaxz.scan import ZScan, fingerprints_of
from tests import small

MODEL = NonNegative(small.basis())
NUMBERS = ("zerr", "chi2", "deltachi2", "coverage", "significance", "robustness", "pconf", "pclass", "logmass")
NUMBERS += ("temperature", "chi2_null")
CANDIDATES = ("zalt", "zalt_err", "zalt_chi2", "zalt_penalty", "zalt_prob")
TRIALS = Trials.between(0.0, 0.001, MODEL.step)


class Method:
    """Redshifts that are the mean flux.

    Args:
        pause: seconds that a group takes.
        fails_on: name of a spectrum whose group cannot be measured.
    """

    def __init__(self, pause=0.0, fails_on=None):
        self.pause, self.fails_on = pause, fails_on
        self.groups = []

    def __call__(self, spectra, *, devices=None, progress=None):
        self.groups.append((spectra.flux.shape, devices))
        time.sleep(self.pause)
        if self.fails_on in spectra.ids:
            raise MemoryError("no room")
        if progress is not None:
            progress(len(spectra), len(spectra))
        return [curves_of(spectra)], found_in(spectra)


def found_in(spectra):
    n = len(spectra)
    z = np.where(spectra.npixels > 0, spectra.flux.sum(axis=1, dtype=float) / np.maximum(spectra.npixels, 1), np.nan)
    one = {name: np.cos((1 + number) * z) for number, name in enumerate(NUMBERS)}
    cand = {name: z[:, None] * np.arange(1, 4) for name in CANDIDATES}
    return Redshifts(
        ids=spectra.ids,
        z=z,
        zwarn=np.where(np.isnan(z), 512, 0).astype(np.int32),
        status=np.where(np.isnan(z), 1, 0),
        coeff=z[:, None] * np.arange(len(MODEL)),
        ncoeff=np.full(n, len(MODEL), np.int16),
        npixels=spectra.npixels,
        spectype=np.full(n, "GALAXY"),
        subtype=np.full(n, "fake"),
        fitmethod=np.full(n, "NMF"),
        reddest=spectra.reddest,
        meta=spectra.meta,
        fingerprints=fingerprints_of(spectra),
        models=(MODEL,),
        which=np.zeros(n, np.int16),
        trials=(TRIALS,),
        calibration=Calibration(),
        **one,
        **cand,
    )


def curves_of(spectra):
    n = len(spectra)
    chi2 = (spectra.flux.sum(axis=1)[:, None] + np.arange(TRIALS.number)).astype(np.float32)
    return ZScan(
        chi2, np.zeros(n, int), spectra.ids, TRIALS, MODEL, np.ones(n), np.zeros(n), np.zeros(n, np.int32),
        fingerprints_of(spectra),
    )  # fmt: skip
