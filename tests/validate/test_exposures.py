"""Coadds of drawn exposures: more exposures, and brighter lines, give redshifts that scatter less."""

import dataclasses

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import Madgics, io, mock, validate
from jaxz.spectra import Spectra
from tests import gaussian

LINE = gaussian.target(scale=10.0, whiten=False)
RANGE = {"zmin": 2.03, "zmax": 2.22}
COUNTS = (1, 2, 5)


def single_exposures(nexp=6):
    """A bright and a faint line, each seen in several exposures."""
    blank = mock.constant_noise(gaussian.SKY_GRID, 2 * nexp, seed=1, sigma=1.0)
    quiet = dataclasses.replace(blank[:2], flux=np.zeros(blank.flux[:2].shape))
    profile = dataclasses.replace(LINE, vectors=LINE.vectors[:1])
    signal, truth = mock.inject(quiet, profile, snr=np.array([30.0, 4.0]), seed=2, sigma=1.0, **RANGE)
    flux = blank.flux + np.repeat(signal.flux, nexp, axis=0)
    names = np.repeat(["1001", "1002"], nexp)
    meta = {"FIBERMAP.EXPTIME": np.full(2 * nexp, 900.0)}
    return Spectra(gaussian.SKY_GRID.wave, flux, blank.ivar, ids=names.tolist(), meta=meta), truth


def bootstrap(exposures, **options):
    return validate.bootstrap_exposures(exposures, Madgics(LINE), counts=COUNTS, seed=4, **{**RANGE, **options})


def test_scatter_falls_with_exposures_and_flux():
    exposures, truth = single_exposures()
    found = bootstrap(exposures, repeats=12)
    assert found.ids == ("1001", "1002")
    assert found.z.shape == (2, 3, 12)
    np.testing.assert_allclose(found.exptime, np.tile(900.0 * np.array(COUNTS), (2, 1)))
    assert found.converged.tolist() == [[True] * 3, [False, *found.converged[1, 1:]]]
    assert found.sigma[0, 2] < found.sigma[0, 0] < found.sigma[1, 0]
    assert found.sigma[1, 2] < found.sigma[1, 0]
    assert found.line_flux[0] == pytest.approx(truth.line_flux[0], rel=0.1)
    np.testing.assert_allclose(found.z[0], truth.z[0], atol=1e-3)


def test_a_desi_file_of_single_exposures(tmp_path):
    """Read as it is; and coadded, which leaves one exposure and nothing to draw from."""
    exposures, truth = single_exposures(4)
    wave = np.arange(3630.0, 3960.0, 0.6)
    flux = np.array([np.interp(wave, exposures.wave[0], one) for one in exposures.flux])
    table = Table({
        "TARGETID": np.array(exposures.ids, dtype=np.int64), "OBJTYPE": ["TGT"] * 8,
        "EXPID": np.arange(8, dtype=np.int32), "EXPTIME": np.full(8, 1000.0),
    })  # fmt: skip
    images = {"BRZ_WAVELENGTH": wave, "BRZ_FLUX": flux, "BRZ_IVAR": np.ones(flux.shape)}
    hdus = [fits.ImageHDU(image, name=name) for name, image in images.items()]
    path = tmp_path / "spectra-x.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table, name="FIBERMAP"), *hdus]).writeto(path)
    found = bootstrap(io.read_desi(path, coadd=False), repeats=3)
    assert found.ids == ("1001", "1002")
    assert found.exptime[0].tolist() == [1000.0, 2000.0, 5000.0]
    assert abs(np.median(found.z[0]) - truth.z[0]) < 1e-3
    with pytest.raises(ValueError, match="none of 2 targets has two exposures with data: give the single exposures"):
        bootstrap(io.read_desi(path))


def test_what_cannot_be_drawn_is_refused():
    exposures, _ = single_exposures(2)
    masked = dataclasses.replace(exposures, ivar=exposures.ivar * np.array([1, 0, 1, 1])[:, None])
    assert bootstrap(masked, repeats=2).ids == ("1002",)
    with pytest.raises(ValueError, match="two repeats at least"):
        bootstrap(exposures, repeats=1)
    moved = dataclasses.replace(exposures, wave=exposures.wave * np.array([1, 1, 1, 1.01])[:, None])
    with pytest.raises(ValueError, match="different wavelengths"):
        bootstrap(moved)
