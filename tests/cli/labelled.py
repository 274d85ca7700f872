"""Spectra with known redshifts, small enough that a basis is learned from them in a second."""

import numpy as np
from astropy.table import Table

from tests import small

QUICK = ("--step", 4e-4, "--iterations", 3, "--final-iterations", 4)
NSPEC = 12


def write_sample(folder, *, z=None, ids=None, flux=None):
    """Write `NSPEC` spectra and a truth table, whose columns can be replaced; return both paths and the spectra."""
    rng = np.random.default_rng(11)
    ztrue = np.sort(rng.uniform(small.ZMIN, small.ZMAX, NSPEC))
    # Each of two folds has one of the lowest and one of the highest, so that their bases have the same pixels.
    ztrue[:2], ztrue[-2:] = ztrue[0], ztrue[-1]
    spectra, _ = small.spectra(rng, ztrue, 30.0, npix=400)
    table = Table({"ID": list(spectra.ids), "FLUX": spectra.flux, "IVAR": spectra.ivar})
    table["WAVE"] = spectra.wave
    table["FLUX"] = spectra.flux if flux is None else flux(spectra.flux)
    table.write(folder / "sample.fits")
    known = ztrue if z is None else z(ztrue)
    Table({"ID": list(spectra.ids) if ids is None else ids, "Z": known}).write(folder / "truth.ecsv")
    return folder / "sample.fits", folder / "truth.ecsv", spectra
