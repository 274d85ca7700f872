"""Curves and redshifts made by hand: what a test does not say is filled with what makes sense."""

import numpy as np

from jaxz import Basis, LogGrid, NonNegative, Redshifts, Status, ZScan
from jaxz.calibration import PLAIN
from jaxz.models import Trials

NCAND, NBASIS = 5, 1


def model(step=5e-5):
    """One vector, three lattice pixels long."""
    return NonNegative(Basis(np.ones((NBASIS, 3)), LogGrid(round(3.5 / step), 3, step), name="MADE"))


def zscan(chi2, trials, **known):
    """Curves (spec, shift), or one, at these trial redshifts."""
    chi2 = np.atleast_2d(chi2)
    nspec = len(chi2)
    fill = {
        "status": np.full(nspec, Status.OK),
        "ids": tuple(f"m{i}" for i in range(nspec)),
        "model": known.get("model") or model(trials.step),
        "null": np.max(chi2, axis=1).astype(np.float64),
        "kkt": np.zeros(nspec),
        "unconverged": np.zeros(nspec, dtype=np.int32),
        "fingerprints": np.arange(nspec, dtype=np.uint64),
    }
    return ZScan(chi2=chi2, trials=trials, **fill | known)


def redshifts(z, **known):
    """Redshifts (spec,), of which only the fields in `known` matter beside z."""
    z = np.asarray(z, dtype=np.float64)
    nspec = len(z)
    models = known.get("models") or (model(),)
    ncand = known["zalt"].shape[1] if "zalt" in known else NCAND
    coeff = known.get("coeff", np.ones((nspec, NBASIS)))
    missing = np.where(np.isfinite(z), Status.OK, Status.NO_DATA)
    candidates = np.concatenate([z[:, None], np.full((nspec, ncand - 1), np.nan)], axis=1)
    fill = {
        "ids": tuple(f"m{i}" for i in range(nspec)),
        "zerr": 1e-4 * (1 + z),
        "chi2": np.full(nspec, 100.0),
        "deltachi2": np.full(nspec, 50.0),
        "zwarn": np.zeros(nspec, dtype=np.int32),
        "status": missing,
        "coeff": coeff,
        "ncoeff": np.full(nspec, coeff.shape[1], dtype=np.int16),
        "npixels": np.full(nspec, 100),
        "coverage": np.ones(nspec),
        "significance": np.full(nspec, 0.5),
        "robustness": np.full(nspec, 5.0),
        "pconf": np.ones(nspec),
        "pclass": np.ones(nspec),
        "temperature": np.ones(nspec),
        "logmass": np.full(nspec, -50.0),
        "zalt": candidates,
        "zalt_err": 1e-4 * (1 + candidates),
        "zalt_chi2": 100.0 + 0 * candidates,
        "zalt_penalty": 0 * candidates,
        "zalt_prob": np.where(np.isfinite(candidates), 1.0, np.nan),
        "spectype": np.full(nspec, models[0].spectype),
        "subtype": np.full(nspec, models[0].name),
        "fitmethod": np.full(nspec, models[0].fitmethod),
        "reddest": np.full(nspec, 9800.0),
        "meta": {},
        "chi2_null": np.full(nspec, 1000.0),
        "fingerprints": np.arange(nspec, dtype=np.uint64),
        "models": models,
        "which": np.zeros(nspec, dtype=np.int16),
        "trials": tuple(Trials(0, 1000, one.step) for one in models),
        "calibration": PLAIN,
    }
    return Redshifts(z=z, **fill | known)
