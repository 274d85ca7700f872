import dataclasses
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import jaxz
from jaxz import LogGrid, io
from jaxz.io import FileError
from tests import gaussian


def components(rng):
    sky = gaussian.sky(rng, mask=True)
    lae = gaussian.target()
    plain = gaussian.target(whiten=False)
    single = dataclasses.replace(plain, vectors=plain.vectors.astype(np.float32), provenance={}, calibration=1.0)
    return [sky, lae, single]


def test_write_then_read_is_identical(tmp_path: Path, rng) -> None:
    for component in components(rng):
        io.write_component(component, tmp_path / "c.fits", header={"SEED": 3}, overwrite=True)
        read = jaxz.load_component(tmp_path / "c.fits")
        assert read.sha256 == component.sha256
        assert read.vectors.dtype == component.vectors.dtype
        np.testing.assert_array_equal(read.vectors, component.vectors)
        for name in ("grid", "reference_z", "calibration", "velocity", "name", "version", "spectype", "provenance"):
            assert getattr(read, name) == getattr(component, name), name
        assert (read.mask is None) == (component.mask is None)
        if component.mask is not None:
            np.testing.assert_array_equal(read.mask, component.mask)
        if component.whitening is not None:
            np.testing.assert_array_equal(read.whitening.coeff, component.whitening.coeff)
            assert (read.whitening.low, read.whitening.high) == (component.whitening.low, component.whitening.high)
    header = fits.getheader(tmp_path / "c.fits")
    assert (header["SEED"], header["SHA256"]) == (3, component.sha256)
    with pytest.raises(FileError, match="exists already"):
        io.write_component(component, tmp_path / "c.fits")


def test_components_of_another_step_are_read_and_then_refused(tmp_path: Path, rng) -> None:
    """By the scan, which says how to resample one."""
    sky, lae, _ = components(rng)
    io.write_component(sky.with_step(2e-4), tmp_path / "c.fits")
    coarse = io.read_component(tmp_path / "c.fits")
    assert coarse.grid.step == 2e-4
    with pytest.raises(ValueError, match="resample it with component"):
        jaxz.Madgics(lae, [coarse])


def altered(path: Path, rng, change) -> Path:
    """A component file with a sky's extensions, after `change` of its HDUs."""
    io.write_component(components(rng)[0], path / "good.fits")
    with fits.open(path / "good.fits") as hdus:
        change(hdus)
        hdus.writeto(path / "bad.fits")
    return path / "bad.fits"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h[0].header.update(CRVAL1=3.55903), r"bad.fits\[COMPONENT\]: CRVAL1 = .* on no lattice"),
        (lambda h: h[0].header.update(LOGLAM=0), r"bad.fits\[COMPONENT\]: no wavelengths: the header needs LOGLAM = 1"),
        (lambda h: h[0].header.update(REFZ=0.0), r"bad.fits\[COMPONENT\]: .*a mask would move"),
        (lambda h: h[0].header.update(CALIBRAT=-2.0), r"bad.fits\[COMPONENT\]: .*give a positive number"),
        (lambda h: h[0].header.update(EXTNAME="OTHER"), "not a component file: no image COMPONENT .it holds"),
        (lambda h: h["MASK"].__setattr__("data", np.zeros(3, np.uint8)), r"\[COMPONENT\]: .*the mask has shape \(3,\)"),
        (lambda h: h["WHITENING"].header.remove("LOGLAMHI"), r"bad.fits\[WHITENING\]: .*the domain is empty"),
        (lambda h: h[0].__setattr__("data", np.ones(5)), r"\[COMPONENT\]: has shape \(5,\); it needs \(comp, rest\)"),
    ],
)
def test_bad_files_say_what_is_wrong(tmp_path: Path, rng, change, message) -> None:
    with pytest.raises(FileError, match=message):
        io.read_component(altered(tmp_path, rng, change))


def test_what_is_no_component_file_is_refused(tmp_path: Path) -> None:
    io.write_basis(jaxz.Basis(np.ones((2, 9)), LogGrid(60000, 9)), tmp_path / "basis.fits")
    with pytest.raises(FileError, match=r"basis.fits: not a component file: .*write one with jaxz.io.write_component"):
        jaxz.load_component(tmp_path / "basis.fits")
    tmp_path.joinpath("text.fits").write_text("no FITS")
    with pytest.raises(FileError, match=r"text.fits"):
        jaxz.load_component(tmp_path / "text.fits")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(FileError, match=r"nope: no such component file or component; known components: "):
        jaxz.load_component("nope")
    for name in io.component_names():
        assert jaxz.load_component(name).spectype


def test_names_that_fits_cannot_spell_do_not_lose_the_component(tmp_path: Path) -> None:
    component = dataclasses.replace(gaussian.target(), name="Lyα", version="β")
    io.write_component(component, tmp_path / "c.fits", header={"SOURCES": "données.fits"})
    header = fits.getheader(tmp_path / "c.fits")
    assert (header["SOURCES"], header["COMPNAME"]) == (r"donn\xe9es.fits", r"Ly\u03b1")
    assert io.read_component(tmp_path / "c.fits").sha256 == component.sha256
