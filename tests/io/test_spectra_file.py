"""Spectra that are written are read again to the bit."""

import dataclasses
from pathlib import Path

import astropy.units as u
import hypothesis.strategies as st
import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings

from jaxz import Spectra, io

FLAM = u.Unit("1e-17 erg / (s cm2 Angstrom)")


def same(again: Spectra, spectra: Spectra) -> None:
    assert again.ids == spectra.ids
    for name in ("wave", "flux", "ivar", "resolution"):
        one, other = getattr(again, name), getattr(spectra, name)
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype
    assert set(again.meta) == {*spectra.meta, "FILE"}
    for name in set(spectra.meta) - {"FILE"}:
        np.testing.assert_array_equal(again.meta[name], spectra.meta[name])
        assert again.meta[name].dtype.kind == np.asarray(spectra.meta[name]).dtype.kind
        assert again.meta[name].dtype.isnative


@settings(max_examples=25)
@given(
    st.integers(1, 4),
    st.integers(1, 40),
    st.integers(0, 2**32),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from([np.float32, np.float64]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, FLAM, u.Unit("W / (m2 um)"), u.Unit("3e-17 erg / (s cm2 Angstrom)")]),
)
def test_all_arrays_are_read_again_to_the_bit(
    tmp_path_factory: pytest.TempPathFactory,
    nspec: int,
    npix: int,
    seed: int,
    flux_type: type,
    ivar_type: type,
    one_grid: bool,
    with_resolution: bool,
    unit: u.UnitBase | None,
) -> None:
    rng = np.random.default_rng(seed)
    wave = 3600 + np.cumsum(rng.uniform(0.1, 3, (1 if one_grid else nspec, npix)), axis=1)
    flux = rng.normal(size=(nspec, npix)).astype(flux_type)
    ivar = np.where(rng.uniform(size=flux.shape) < 0.2, 0, rng.uniform(size=flux.shape)).astype(ivar_type)
    spectra = Spectra(
        wave[0] if one_grid else wave,
        flux if unit is None else flux * unit,
        ivar,
        ids=[f"s {i}" for i in range(nspec)],
        resolution=rng.uniform(size=(nspec, 5, npix)).astype(flux_type) if with_resolution else None,
        meta={
            "TARGETID": rng.integers(-(2**62), 2**62, nspec),
            "RA": np.where(rng.uniform(size=nspec) < 0.5, np.nan, rng.uniform(size=nspec)),
            "ZWARN": rng.integers(0, 2**20, nspec).astype(np.int32),
            "FIBERMAP.OBJTYPE": rng.choice(["TGT", "SKY", ""], nspec),
            "FIBERMAP.FLUX": rng.normal(size=(nspec, 3)).astype(np.float32),
            "GOOD": rng.uniform(size=nspec) < 0.5,
            "flux": rng.integers(0, 9, nspec).astype(np.uint16),
        },
    )
    path = tmp_path_factory.mktemp("written") / "x.fits"
    io.write(spectra, path)
    same(io.read(path), spectra)
    io.write(io.read(path), path, overwrite=True)
    same(io.read(path), spectra)
    same(io.read(path, format="jaxz"), spectra)


@pytest.fixture
def spectra(rng: np.random.Generator) -> Spectra:
    flux = rng.normal(size=(3, 50)).astype(np.float32)
    return Spectra(np.linspace(5000, 6000, 50), flux * FLAM, np.ones_like(flux), ids=["a", "b", "é"])


def test_units_are_in_the_headers(spectra: Spectra, tmp_path: Path) -> None:
    io.write(spectra, tmp_path / "x.fits", header={"ORIGIN": "here", "LONGKEYWORD": 3})
    with fits.open(tmp_path / "x.fits") as hdus:
        assert (hdus[0].header["ORIGIN"], hdus[0].header["LONGKEYWORD"]) == ("here", 3)
        assert hdus["WAVE"].header["BUNIT"] == "Angstrom"
        columns = hdus["SPECTRA"].columns
        assert u.Unit(columns["FLUX"].unit, format="fits") == FLAM
        assert u.Unit(columns["IVAR"].unit, format="fits") == FLAM**-2
        assert columns["FLUX"].format == columns["IVAR"].format == "50E"
    several = Spectra(spectra.wave + np.arange(3)[:, None], spectra.flux, spectra.ivar)
    io.write(several, tmp_path / "y.fits")
    with fits.open(tmp_path / "y.fits") as hdus:
        assert hdus["SPECTRA"].columns["WAVE"].unit == "Angstrom"


def test_rows_in_different_units_say_so_each(spectra: Spectra, tmp_path: Path) -> None:
    both = Spectra.concatenate([spectra, Spectra(spectra.wave[0], spectra.flux[0], spectra.ivar[0])])
    io.write(both, tmp_path / "x.fits")
    assert io.read(tmp_path / "x.fits").meta["FLUXUNIT"].tolist() == [*spectra.meta["FLUXUNIT"], ""]
    with fits.open(tmp_path / "x.fits") as hdus:
        assert hdus["SPECTRA"].columns["FLUX"].unit is None


@pytest.mark.parametrize("name", ["é", "Δ α", "𝛼", r"C:\xe9", r"\u0394", "\\"])
def test_letters_that_fits_has_not_come_back(spectra: Spectra, tmp_path: Path, name: str) -> None:
    io.write(dataclasses.replace(spectra, ids=("a", "b", name)), tmp_path / "x.fits")
    assert io.read(tmp_path / "x.fits").ids == ("a", "b", name)
    with fits.open(tmp_path / "x.fits") as hdus:
        assert str(hdus["SPECTRA"].data["ID"][2]).isascii()


def test_what_could_not_be_read_again_is_refused(spectra: Spectra, tmp_path: Path) -> None:
    for wrong, message in (
        (spectra[[]], "x.fits: no spectra to write"),
        (Spectra(spectra.wave[0] * 1e3, spectra.flux[0], spectra.ivar[0]), "x.fits: wavelengths run from 5e.06"),
    ):
        with pytest.raises(io.FileError, match=message):
            io.write(wrong, tmp_path / "x.fits")
    io.write(spectra, tmp_path / "x.fits")
    with pytest.raises(io.FileError, match=r"x\.fits: exists already"):
        io.write(spectra, tmp_path / "x.fits")
    assert [path.name for path in tmp_path.iterdir()] == ["x.fits"]


def test_parts_that_do_not_fit_are_one_line(spectra: Spectra, tmp_path: Path) -> None:
    io.write(spectra, tmp_path / "x.fits")
    with fits.open(tmp_path / "x.fits") as hdus:
        hdus["META"].data = hdus["META"].data[:2]
        hdus.writeto(tmp_path / "y.fits")
    with pytest.raises(io.FileError, match=r"y\.fits: .*meta column 'FLUXUNIT' has 2 values for 3 spectra"):
        io.read(tmp_path / "y.fits")


def test_names_and_units_that_are_put_right_elsewhere_come_back_as_they_are(tmp_path: Path) -> None:
    ones = np.ones((3, 5), np.float32)
    meta = {"TARGETID": np.array([1, -(2**63), -1]), "FLUXUNIT": np.array(["Jy", "Jy", "Jy"])}
    spectra = Spectra(np.linspace(5000, 5004, 5), ones, 2 * ones, ids=["", "a", ""], meta=meta)
    io.write(spectra, tmp_path / "x.fits")
    same(io.read(tmp_path / "x.fits"), spectra)


@pytest.mark.parametrize("kind", ["muse_udf10", "sdss", "desi"])
def test_real_spectra(data: Path, tmp_path: Path, kind: str) -> None:
    found = [path for path in io.expand(data / kind) if path.suffix == ".fits"][:2]
    spectra = io.read(found)
    assert all(u.Unit(unit).is_equivalent(FLAM) for unit in spectra.meta["FLUXUNIT"])
    io.write(spectra, tmp_path / "x.fits")
    same(io.read(tmp_path / "x.fits"), spectra)
