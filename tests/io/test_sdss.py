import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from jaxz import io


@pytest.fixture
def spec(tmp_path: Path, pixels: Any) -> Path:
    """Return a file in the layout of SDSS's spec files; pixel 3 has no data, 4 and 5 are flagged."""
    loglam = 3.55 + 1e-4 * np.arange(200)
    ivar = 1 / pixels.variance
    ivar[3] = 0
    flags = np.zeros(200, dtype=np.int32)
    flags[3:6] = [1 << 24, 1 << 23, 1 << 4]
    columns = [
        fits.Column("flux", "E", array=pixels.flux),
        fits.Column("loglam", "E", array=loglam),
        fits.Column("ivar", "E", array=ivar),
        fits.Column("and_mask", "J", array=flags),
        fits.Column("or_mask", "J", array=flags),
        fits.Column("model", "E", array=pixels.flux),
    ]
    primary = fits.PrimaryHDU()
    primary.header.update(PLATEID=4039, MJD=55648, FIBERID=759, PLUG_RA=206.64, PLUG_DEC=9.5, RA=200.0, DEC=10.0)
    path = tmp_path / "spec-4039-55648-0759.fits"
    fits.HDUList([primary, fits.BinTableHDU.from_columns(columns, name="COADD")]).writeto(path)
    return path


def test_pixels_names_and_position(spec: Path, pixels: Any) -> None:
    spectra = io.read(spec)
    assert spectra.ids == ("spec-4039-55648-0759",)
    assert spectra.meta["TARGETID"].tolist() == [4039_55648_0759]
    assert (spectra.meta["RA"][0], spectra.meta["DEC"][0]) == (206.64, 9.5)
    np.testing.assert_allclose(spectra.wave[0], 10 ** (3.55 + 1e-4 * np.arange(200)), rtol=6e-7)  # loglam is float32
    assert spectra.flux.dtype == spectra.ivar.dtype == np.float32
    good = np.arange(200) != 3
    np.testing.assert_array_equal(spectra.flux[0, good], pixels.flux.astype(np.float32)[good])


def test_pixels_without_data_do_not_count_but_flagged_ones_do(spec: Path) -> None:
    np.testing.assert_array_equal(np.flatnonzero(io.read(spec).ivar[0] == 0), [3])


def test_a_table_with_loglam_alone_is_a_plain_table(spec: Path, tmp_path: Path) -> None:
    with fits.open(spec) as hdus:
        columns = [column for column in hdus[1].columns if column.name != "and_mask"]
        fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(columns)]).writeto(tmp_path / "plain.fits")
    plain, coadd = io.read(tmp_path / "plain.fits", format="table"), io.read(spec, format="sdss")
    np.testing.assert_array_equal(plain.wave, coadd.wave)
    np.testing.assert_array_equal(plain.ivar, coadd.ivar)
    with pytest.raises(io.FileError, match="format 'sdss' is SDSS or BOSS spec file"):
        io.read(tmp_path / "plain.fits", format="sdss")


@pytest.mark.parametrize("fill", [0.0, np.nan])
def test_pixels_without_a_wavelength_are_none(spec: Path, fill: float) -> None:
    before = io.read(spec)
    with fits.open(spec, mode="update") as hdus:
        hdus[1].data["loglam"][:2] = hdus[1].data["loglam"][-5:] = fill
    after = io.read(spec)
    assert after.npixels.tolist() == [before.npixels[0] - 7]
    np.testing.assert_array_equal(after.wave[0], before.wave[0, 2:-5])


@pytest.mark.parametrize("form", ["C", "A", "2I"])
def test_columns_of_no_numbers_are_refused(spec: Path, form: str) -> None:
    with fits.open(spec, mode="update") as hdus:
        hdus[1].header["TFORM2"] = form
    with pytest.raises(io.FileError, match=re.escape(str(spec))):
        io.read(spec)


def test_signalling_nan_is_a_pixel_without_wavelength(spec: Path) -> None:
    """As flipped bits make it; NumPy warns where such numbers are cast."""
    with fits.open(spec, mode="update") as hdus:
        hdus[1].data["loglam"][:1].view(">u4")[0] = 0x7FA00000
    assert io.read(spec).npixels.tolist() == [198]
