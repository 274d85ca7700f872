"""The components in the package: what they are, that they say how they were made, and redshifts found with them."""

from importlib import resources

import numpy as np
import pytest

import jaxz
from jaxz import mock
from jaxz.models import Madgics

NAMES = ("desi-sky", "desi-lae")
EMPTY_ROWS = [0, 2, 10, 14, 17, 18]


@pytest.fixture(scope="module")
def model():
    sky, lae = (jaxz.load_component(name) for name in NAMES)
    return Madgics(lae, [sky])


def found(spectra, model, zmin=2.0, zmax=4.0):
    scan = jaxz.madgics_scan(spectra, target=model.target, nuisance=model.nuisance, zmin=zmin, zmax=zmax)
    return scan, jaxz.find_redshifts(scan, spectra)


def test_they_are_small():
    folder = resources.files("jaxz") / "data"
    assert sum(len((folder / f"component-{name}.fits").read_bytes()) for name in NAMES) < 2e6


def test_what_they_are(model):
    sky, lae = model.nuisance[0], model.target
    assert (len(sky), len(lae), sky.name, lae.name) == (50, 2, *NAMES)
    assert (sky.spectype, lae.spectype, sky.reference_z) == ("SKY", "LAE", None)
    assert sky.vectors.dtype == lae.vectors.dtype == np.float32
    assert sky.grid.step == lae.grid.step == 5e-5
    np.testing.assert_allclose(sky.grid.wave[[0, -1]], [3600, 9824], atol=1)
    np.testing.assert_allclose(lae.grid.wave[[0, -1]], [4133, 4278], atol=1)
    assert 0 < sky.mask.mean() < 0.1
    assert not sky.mask[sky.grid.wave < 5500].any()
    assert lae.provenance["SKYSHA"] == sky.sha256
    for component in (sky, lae):
        assert component.provenance["NOTE"].startswith("simulated: jaxz simulate desi-")


def test_lya_is_where_the_redshift_says(model):
    """The peak of the first vector is at 1215.67 Å; the lines of the sky are those of the list."""
    lae = model.target
    peak = lae.grid.wave[np.argmax(lae.vectors[0])]
    assert peak / (1 + lae.reference_z) == pytest.approx(1215.67, rel=2 * lae.grid.step * np.log(10))
    assert lae.vectors[0].max() > 10 * np.abs(lae.vectors[0][:80]).max()


def test_simulated_emitters_are_found_where_they_are(model):
    """Of another seed. Above S/N 6 all are; the zero point is that of the peak."""
    spectra, truth = mock.emitter_spectra(mock.INSTRUMENTS["desi"](), 60, seed=77, zmin=2.0, zmax=2.6)
    bright = truth.snr_line > 6
    _, best = found(spectra[bright], model, 1.99, 2.62)
    velocity = (best.z - truth.z[bright]) / (1 + truth.z[bright]) * 299792.458
    assert np.mean(np.abs(velocity) < 350) >= 0.98
    assert abs(np.median(velocity)) < 10


def test_the_real_emitter(model, data):
    """The survey pipeline says 0.0073; the published redshift is that of Lyα."""
    spectra = jaxz.io.read(data / "desi" / "coadd-special-dark-27247.fits")
    scan, best = found(spectra, model)
    assert best.z[0] == pytest.approx(3.1484, abs=0.003)
    assert best.zwarn[0] == 0
    assert scan.null[0] - best.chi2[0] > 500
    parts = jaxz.separate(spectra, [*model.nuisance, model.target], z=best.z)
    line = np.abs(parts.grid.wave - 5044) < 15
    assert np.nanmax(parts.mean[0, 1, line]) > 5 * np.nanmax(np.abs(parts.mean[0, 0, line]))


@pytest.mark.filterwarnings("ignore::jaxz.io.FileWarning")
def test_real_spectra_of_sky_are_far_below_it(model, data):
    spectra = jaxz.io.read(data / "desi" / "coadd-quasarnp-25rows.fits")[EMPTY_ROWS]
    scan, best = found(spectra, model)
    assert np.all(scan.null - best.chi2 < 100)
