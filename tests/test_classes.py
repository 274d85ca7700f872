"""The shipped models, compared: what a galaxy, a star, a quasar and nothing at all are called."""

import numpy as np
import pytest

import jaxz
from jaxz import Spectra, ZWarn, mock
from jaxz.classes import candidates

ZMAX = 0.2
WAVE = np.arange(3800.0, 9000.0, 3.0)


@pytest.fixture(scope="module")
def found():
    """A galaxy, a star, a quasar, blank sky and a constant."""
    made = [
        mock.from_basis(jaxz.load_basis(name), np.array([z]), np.array([25.0]), seed=seed, wave=WAVE)[0]
        for name, z, seed in (("galaxy", 0.1, 4), ("star", 0.0003, 5), ("qso", 0.15, 7))
    ]
    rng = np.random.default_rng(8)
    noise = rng.normal(size=(2, len(WAVE)))
    more = Spectra(WAVE, noise + np.array([[0.0], [30.0]]), np.ones_like(noise))
    flux = np.concatenate([*(one.flux for one in made), more.flux])
    spectra = Spectra(WAVE, flux, np.ones_like(flux), ids=["galaxy", "star", "quasar", "blank", "constant"])
    return jaxz.redshifts(spectra, zmax=ZMAX)


def test_each_has_its_class_and_redshift(found):
    assert found.spectype[:4].tolist() == ["GALAXY", "STAR", "QSO", "BLANK"]
    np.testing.assert_allclose(found.z[:3], [0.1, 0.0003, 0.15], atol=1e-3)
    assert np.all(found.pclass[:3] > 0.99)


def test_nothing_is_flagged_as_nothing(found):
    assert [bool(bits & ZWarn.BLANK) for bits in found.zwarn[:4]] == [False, False, False, True]


def test_a_featureless_spectrum_is_no_galaxy_without_a_warning(found):
    assert found.spectype[4] != "GALAXY" or found.zwarn[4] != 0


def test_coefficients_are_those_of_the_model_that_won(found):
    assert found.ncoeff[:3].tolist() == [len(found.models[which]) for which in found.which[:3]]
    assert np.all(np.isfinite(found.coeff[np.arange(3), found.ncoeff[:3] - 1]))


def test_classes_are_named():
    assert [one.model.spectype for one in candidates(0.0, 1.0)] == ["GALAXY", "STAR", "QSO"]
    assert [one.model.spectype for one in candidates(0.0, 0.04)] == ["GALAXY", "STAR"]
    assert len(candidates(0.0, 1.0, classes=["galaxy"])) == 1
    with pytest.raises(ValueError, match="use one of galaxy, star, qso"):
        candidates(0.0, 1.0, classes=["galaxy", "planet"])
    with pytest.raises(ValueError, match="begin with galaxy"):
        candidates(0.0, 1.0, classes=["star"])


def test_ten_real_galaxies_of_muse_and_2df(data):
    """Images of a cluster, whose redshifts are published, and of 2dF, the first galaxy in two files.

    The benchmark `confidence` has the cluster against stars, quasars and all redshifts.
    """
    folder = data / "muse_cluster"
    truth = jaxz.io.read_table(folder / "truth.ecsv")
    files = [folder / str(name) for name in truth["file"]] + [data / "formats" / "emlLogVacuumHelioMultiple.fits"]
    with pytest.warns(jaxz.io.FileWarning, match="taken as air"):
        again = jaxz.io.read(data / "formats" / "emlLinearSkyAirHelio.fits")
    found = jaxz.redshifts(Spectra.concatenate([jaxz.io.read(files), again]), zmax=0.6, classes=["galaxy"])
    assert np.all(np.abs(found.z[:6] - truth["z"]) < 0.0005)
    np.testing.assert_allclose(found.z[[6, 9]], 0.11245, atol=1e-4)
