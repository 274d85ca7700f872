"""The readers on files that the instruments' own programs wrote."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import io


def test_twelve_muse_spectra(data: Path) -> None:
    spectra = io.read(data / "muse_udf10")
    truth = Table.read(data / "muse_udf10" / "truth.ecsv")
    assert len(spectra) == 12
    assert sorted(spectra.meta["TARGETID"]) == sorted(truth["ID"])
    assert all(
        name == f"udf10_{number:05d}" for name, number in zip(spectra.ids, spectra.meta["TARGETID"], strict=True)
    )
    assert spectra.flux.shape == (12, 3681)
    assert (spectra.npixels > 3600).all()
    np.testing.assert_allclose(spectra.wave[:, [0, -1]], np.broadcast_to([4751.329, 9352.566], (12, 2)), atol=1e-3)
    np.testing.assert_allclose(spectra.meta["RA"], 53.16, atol=0.01)
    np.testing.assert_allclose(spectra.meta["DEC"], -27.78, atol=0.01)


def test_six_muse_spectra_of_a_cluster(data: Path) -> None:
    spectra = io.read(data / "muse_cluster")
    assert len(spectra) == 6
    np.testing.assert_array_equal(spectra.wave[:, :2], np.broadcast_to([4700.0, 4701.25], (6, 2)))
    assert [f"spec_{number}" for number in spectra.meta["TARGETID"]] == list(spectra.ids)
    assert np.isin(spectra.npixels, [3590, 3591]).all()


@pytest.mark.parametrize(("number", "z"), [("00004", 0.76451), ("00017", 0.8436)])
def test_oxygen_lines_of_muse_spectra_are_at_their_published_redshift(data: Path, number: str, z: float) -> None:
    """Within 120 km/s: the published z took wavelengths in air for vacuum, which is 82 km/s."""
    spectra = io.read(data / "muse_udf10" / f"udf10_{number}.fits")
    rest, flux = spectra.wave[0] / (1 + z), spectra.flux[0]
    near, beside = np.abs(rest - 5008.24) < 8, np.abs(np.abs(rest - 5008.24) - 16) < 8
    line = flux[near] - np.median(flux[beside])
    assert np.sum(rest[near] * line) / np.sum(line) == pytest.approx(5008.24, rel=4e-4)


def test_twenty_sdss_spectra(data: Path) -> None:
    spectra = io.read(data / "sdss")
    assert len(spectra) == 20
    for row, path in enumerate(sorted((data / "sdss").glob("spec-*.fits"))):
        plate, mjd, fiber = (int(part) for part in path.stem.split("-")[1:])
        assert spectra.ids[row] == path.stem
        assert spectra.meta["TARGETID"][row] == plate * 10**9 + mjd * 10**4 + fiber
        with fits.open(path) as hdus:
            coadd = hdus[1].data
            position = hdus[2].data["PLUG_RA"][0], hdus[2].data["PLUG_DEC"][0]
        size = len(coadd)
        np.testing.assert_array_equal(spectra.ivar[row, :size], coadd["ivar"])
        assert not spectra.ivar[row, size:].any()
        np.testing.assert_allclose(np.log10(spectra.wave[row, :size]), coadd["loglam"], atol=1e-7)
        np.testing.assert_allclose((spectra.meta["RA"][row], spectra.meta["DEC"][row]), position, atol=1e-6)


def test_muse_and_sdss_in_one_batch(data: Path) -> None:
    spectra = io.read([data / "muse_udf10", data / "sdss"])
    alone = io.read(data / "muse_udf10")
    np.testing.assert_array_equal(spectra.flux[:12, :3681], alone.flux)
    np.testing.assert_array_equal(spectra.npixels[:12], alone.npixels)


def test_a_muse_cube_has_a_spectrum_in_each_spaxel(data: Path) -> None:
    spectra = io.read(data / "muse_cube" / "subcub_mosaic.fits")
    assert spectra.flux.shape == (900, 500)
    assert spectra.npixels.min() > 490


@pytest.mark.parametrize("name", ["templates/interim-nmf-k10.fits", "desi/redrock-special-dark-27247.fits"])
def test_other_fits_files_are_refused(data: Path, name: str) -> None:
    with pytest.raises(io.FileError, match=r"not a known kind of spectrum file: it holds .*; known kinds: mpdaf"):
        io.read(data / name)


@pytest.mark.parametrize(
    ("name", "z"), [("redrock-4-80613-thru20210324", 0.36874), ("redrock-special-dark-27247", 0.00727)]
)
def test_catalogs_of_redrock(data: Path, name: str, z: float) -> None:
    table = io.read_catalog(data / "desi" / f"{name}.fits")
    assert table["Z"][0] == pytest.approx(z, abs=1e-5)
    assert table["SPECTYPE"][0] == "GALAXY"
    assert table["ID"][0] == str(table["TARGETID"][0])
