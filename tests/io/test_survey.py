"""Simulated samples and stellar populations in files: what is written is read again, and damage is one line."""

import numpy as np
import pytest
from astropy.io import fits

from jaxz import io, mock
from jaxz.mock.continuum import REST, Populations
from jaxz.spectra import Spectra

MUSE = mock.INSTRUMENTS["muse"]()
AGES = np.array([1e7, 1e9, 1e10])


@pytest.fixture(scope="module")
def sample():
    return mock.survey(MUSE, 5, seed=1, blank=0.3)


def test_a_survey_is_read_again_to_the_bit(sample, tmp_path):
    spectra, truth = sample
    io.write_survey(spectra, truth, tmp_path / "sim.fits", header={"SEED": 1})
    again = io.read(tmp_path / "sim.fits")
    assert again.ids == spectra.ids
    for name in ("wave", "flux", "ivar"):
        np.testing.assert_array_equal(getattr(again, name), getattr(spectra, name))
    table = io.read_table(tmp_path / "sim.fits")
    assert table.colnames == ["ID", "Z", "TYPE", "SNR_LINE", "SNR_CONT", "LINE"]
    for name in ("id", "z", "type", "snr_line", "snr_cont"):
        np.testing.assert_array_equal(np.asarray(table[name.upper()]), getattr(truth, name))
    assert fits.getheader(tmp_path / "sim.fits")["SEED"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["sim.fits"]


def test_greek_letters_are_spelled_out(sample, tmp_path):
    spectra, truth = sample
    named = truth._replace(line=np.array(["Lyα", "Hβ", "[O II] 3727", "", "Hγ"]))
    io.write_survey(spectra, named, tmp_path / "sim.fits")
    lines = list(io.read_table(tmp_path / "sim.fits")["LINE"])
    assert lines == ["Lyalpha", "Hbeta", "[O II] 3727", "", "Hgamma"]


def test_an_existing_survey_is_kept(sample, tmp_path):
    (tmp_path / "sim.fits").write_text("mine")
    with pytest.raises(io.FileError, match="exists"):
        io.write_survey(*sample, tmp_path / "sim.fits")
    assert (tmp_path / "sim.fits").read_text() == "mine"
    io.write_survey(*sample, tmp_path / "sim.fits", overwrite=True)
    assert len(io.read(tmp_path / "sim.fits")) == 5


def test_several_wavelength_grids_are_written_too(sample, tmp_path):
    spectra, truth = sample
    wave = spectra.wave + np.arange(5)[:, None]
    io.write_survey(Spectra(wave, spectra.flux, spectra.ivar), truth, tmp_path / "sim.fits")
    np.testing.assert_array_equal(io.read(tmp_path / "sim.fits").wave, wave)
    assert len(io.read_table(tmp_path / "sim.fits")["Z"]) == 5


def test_half_a_survey_is_refused(sample, tmp_path):
    io.write_survey(*sample, tmp_path / "sim.fits")
    whole = (tmp_path / "sim.fits").read_bytes()
    (tmp_path / "sim.fits").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(io.FileError, match=r"sim\.fits: truncated or damaged"):
        io.read(tmp_path / "sim.fits")


def library(path, *, wave=None, norm=None, age=AGES, nmetal=2):
    """Write a small library in the layout of pyplatefit and return its spectra (metallicity, age, pix)."""
    wave = np.arange(1000.0, 9500.0, 5.0) if wave is None else wave
    norm = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]) if norm is None else norm
    flux = np.array([[(wave / 5000) ** (-1 - m + 0.5 * a) for a in range(len(age))] for m in range(nmetal)])
    images = [fits.ImageHDU(one) for one in (*flux, norm, age, wave)]
    fits.HDUList([fits.PrimaryHDU(), *images]).writeto(path)
    return flux


def test_populations_are_light_per_mass_in_vacuum(tmp_path):
    flux = library(tmp_path / "ssp.fits")
    found = io.read_populations(tmp_path / "ssp.fits")
    np.testing.assert_array_equal(found.age, AGES)
    expected = flux * np.array([[1.0, 3.0, 5.0], [2.0, 4.0, 6.0]])[:, :, None]
    np.testing.assert_allclose(found.flux[..., : flux.shape[2]], expected)
    air = np.arange(1000.0, 9500.0, 5.0)
    np.testing.assert_allclose(found.wave[: len(air)], io.airtovac(air))


def test_populations_go_on_as_a_power_law(tmp_path):
    library(tmp_path / "ssp.fits", norm=np.ones((3, 2)))
    found = io.read_populations(tmp_path / "ssp.fits")
    assert found.wave[-1] > REST[1]
    assert (np.diff(found.wave) > 0).all()
    beyond = found.wave > 9600
    for m, a in ((0, 0), (1, 2)):
        expected = (found.wave[beyond] / 5000) ** (-1 - m + 0.5 * a)
        np.testing.assert_allclose(found.flux[m, a, beyond], expected, rtol=0.01)


def test_the_real_library(data):
    found = io.read_populations(data / "templates" / "cb08_ssp.fits")
    assert found.flux.shape == (len(found.flux), len(found.age), len(found.wave))
    assert len(found.flux) > 1
    assert found.wave[0] < 1000
    assert found.wave[-1] > REST[1]
    assert np.isfinite(found.flux).all()
    assert (np.diff(found.age) > 0).all()
    green = (found.wave > 5400) & (found.wave < 5600)
    light = found.flux[..., green].mean(axis=-1)
    assert (light[:, 0] > 10 * light[:, -1]).all()
    old, young = (found.flux[1, row] for row in (-1, 0))
    assert old[green].mean() / old[(found.wave > 3000) & (found.wave < 3100)].mean() > young[green].mean() / (
        young[(found.wave > 3000) & (found.wave < 3100)].mean()
    )


def test_a_survey_of_the_real_library(data):
    stars = io.read_populations(data / "templates" / "cb08_ssp.fits")
    spectra, truth = mock.survey(MUSE, 4, seed=3, populations=stars)
    assert np.isfinite(spectra.flux).all()
    assert np.isfinite(truth.z).all()


@pytest.mark.parametrize(
    "damage",
    [
        {"wave": np.arange(9500.0, 1000.0, -5.0)},
        {"norm": np.ones((2, 2))},
        {"norm": np.full((3, 2), np.nan)},
        {"age": np.array([1e9])},
        {"nmetal": 0},
    ],
)
def test_another_layout_is_refused_in_one_line(tmp_path, damage):
    library(tmp_path / "ssp.fits", **damage)
    with pytest.raises(io.FileError, match=r"ssp\.fits: no library of stellar populations") as caught:
        io.read_populations(tmp_path / "ssp.fits")
    assert "\n" not in str(caught.value)


def test_files_that_are_no_library(tmp_path):
    library(tmp_path / "ssp.fits")
    whole = (tmp_path / "ssp.fits").read_bytes()
    (tmp_path / "half.fits").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.fits").write_text("no FITS")
    fits.PrimaryHDU().writeto(tmp_path / "empty.fits")
    for name in ("half.fits", "text.fits", "empty.fits", "missing.fits"):
        with pytest.raises(io.FileError, match=rf"{name}: ") as caught:
            io.read_populations(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_populations_have_a_type(tmp_path):
    library(tmp_path / "ssp.fits")
    assert isinstance(io.read_populations(tmp_path / "ssp.fits"), Populations)
