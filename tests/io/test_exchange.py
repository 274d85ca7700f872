"""Spectra of other packages in memory are those of the plain arrays, and of the same file."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import astropy.units as u
import hypothesis.strategies as st
import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import InverseVariance, StdDevUncertainty, UnknownUncertainty, VarianceUncertainty
from astropy.table import MaskedColumn, QTable, Table
from hypothesis import given

from jaxz import Spectra, io

FLAM = u.Unit("1e-17 erg / (s cm2 Angstrom)")
WAVE = np.linspace(5000.0, 5100.0, 41)
UNCERTAINTIES: dict[type, int] = {StdDevUncertainty: 1, VarianceUncertainty: 2, InverseVariance: -2}


def same(one: Spectra, other: Spectra, rtol: float = 0) -> None:
    for name in ("wave", "flux", "ivar"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=rtol)


@pytest.fixture
def plain(rng: np.random.Generator) -> Spectra:
    flux, ivar = rng.normal(size=(3, len(WAVE))), rng.uniform(1, 2, (3, len(WAVE)))
    meta = {"RA": np.array([1.0, 2.0, np.nan]), "TARGETID": np.arange(3), "FIELD": np.array(["a", "b", ""])}
    return Spectra(WAVE, np.float32(flux) * FLAM, np.float32(ivar), ids=["x", "y", "1"], meta=meta)


def standing_in(
    flux: Any, uncertainty: Any, axis: Any = WAVE * u.AA, mask: Any = None, meta: Any = None, **more: Any
) -> Any:
    """Return what has the attributes of a specutils.Spectrum that count."""
    known = {"flux": flux, "uncertainty": uncertainty, "spectral_axis": axis, "mask": mask, "meta": meta or {}}
    return SimpleNamespace(**{"wcs": None, **known, **more})


@pytest.fixture(params=["stand-in", "specutils"])
def spectrum(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Return a function that makes a spectrum of specutils, or what stands in for one."""
    if request.param == "stand-in":
        return standing_in
    specutils = pytest.importorskip("specutils", reason="needs specutils: pip install specutils")
    kind = getattr(specutils, "Spectrum", None) or specutils.Spectrum1D

    def make(
        flux: Any, uncertainty: Any, axis: Any = WAVE * u.AA, mask: Any = None, meta: Any = None, **more: Any
    ) -> Any:
        assert not more
        return kind(flux=flux, uncertainty=uncertainty, spectral_axis=axis, mask=mask, meta=meta)

    return make


@pytest.mark.parametrize("kind", UNCERTAINTIES)
@pytest.mark.parametrize("unit", [None, 1e-19])
def test_specutils_of_each_uncertainty(
    plain: Spectra, spectrum: Callable[..., Any], kind: type, unit: float | None
) -> None:
    power = UNCERTAINTIES[kind]
    values = plain.ivar[0] ** (power / -2)
    given = kind(values) if unit is None else kind(values * 100.0**power, unit=(FLAM / 100) ** power)
    mask = np.arange(len(WAVE)) == 7
    found = Spectra.from_specutils(spectrum(plain.flux[0] * FLAM, given, (WAVE / 10) * u.nm, mask))
    same(found, Spectra(WAVE, plain.flux[0], np.where(mask, 0, plain.ivar[0])), rtol=1e-5)
    assert found.flux.dtype == np.float32
    assert found.ids == ("0",)


def test_specutils_of_several_rows_and_lists(plain: Spectra, spectrum: Callable[..., Any]) -> None:
    mask = np.zeros(plain.flux.shape, bool)
    mask[1, :5] = True
    rows = spectrum(plain.flux * FLAM, InverseVariance(plain.ivar), mask=mask)
    found = Spectra.from_specutils(rows)
    same(found, Spectra(WAVE, plain.flux, np.where(mask, 0, plain.ivar)))
    assert found.ids == ("0", "1", "2")
    short = spectrum(plain.flux[0, :9] * FLAM, InverseVariance(plain.ivar[0, :9]), WAVE[:9] * u.AA, meta={"ID": "s"})
    both = Spectra.from_specutils([short, rows])
    assert both.ids == ("s", "1", "2", "3")
    assert both.npixels.tolist() == [9, 41, 36, 41]


def test_specutils_in_frequency_is_turned_round(plain: Spectra, spectrum: Callable[..., Any]) -> None:
    frequency = (WAVE[::-1] * u.AA).to(u.GHz, u.spectral())
    values = plain.flux[0, ::-1] * u.mJy, StdDevUncertainty(plain.ivar[0, ::-1])
    mask = np.arange(len(WAVE)) < 3
    found = Spectra.from_specutils(spectrum(*values, frequency, mask))
    ivar = np.where(mask[::-1], 0, plain.ivar[0].astype(float) ** -2)
    expected = Spectra(WAVE, plain.flux[0] * u.mJy, ivar)
    same(found, expected, rtol=1e-6)


def test_gaps_between_pixels_of_specutils_are_filled(plain: Spectra, spectrum: Callable[..., Any]) -> None:
    keep = (WAVE < 5030) | (WAVE > 5060)
    found = Spectra.from_specutils(
        spectrum(plain.flux[0, keep] * FLAM, InverseVariance(plain.ivar[0, keep]), WAVE[keep] * u.AA)
    )
    assert found.npixels.tolist() == [keep.sum()]
    assert found.ivar.shape == (1, keep.sum() + 2)
    again = Spectra.from_specutils(spectrum(found.flux[0] * FLAM, InverseVariance(found.ivar[0]), found.wave[0] * u.AA))
    same(again, found)


def test_wavelengths_of_specutils_in_air(plain: Spectra) -> None:
    expected = Spectra(WAVE, plain.flux[0], plain.ivar[0], air=True)
    values = plain.flux[0] * FLAM, InverseVariance(plain.ivar[0])
    same(Spectra.from_specutils(standing_in(*values), air=True), expected)
    wcs = SimpleNamespace(wcs=SimpleNamespace(ctype=["AWAV"]))
    same(Spectra.from_specutils(standing_in(*values, wcs=wcs)), expected)


def test_metadata_of_specutils(plain: Spectra, spectrum: Callable[..., Any]) -> None:
    header = fits.Header({"RA": 150.0, "DEC": 2.0, "ID": 7})
    meta = {"header": header, "ID": "x", "PLATE": 3, "NOTE": "n", "WHERE": 3 * u.m, "MORE": {"a": 1}, "NONE": None}
    found = Spectra.from_specutils(spectrum(plain.flux[0] * FLAM, InverseVariance(plain.ivar[0]), meta=meta))
    assert found.ids == ("x",)
    assert {name: column.tolist() for name, column in found.meta.items()} == {
        "RA": [150.0],
        "DEC": [2.0],
        "TARGETID": [7],
        "PLATE": [3],
        "NOTE": ["n"],
        "FLUXUNIT": [str(FLAM)],
    }


NOISE = InverseVariance(np.ones(len(WAVE)))
FLUX = np.ones(len(WAVE)) * FLAM
WRONG: dict[str, tuple[Any, str]] = {
    "no uncertainty": (standing_in(FLUX, None), "spectrum 0: its uncertainty is a NoneType: give it a StdDev"),
    "unknown": (standing_in(FLUX, UnknownUncertainty(np.ones(41))), "its uncertainty is a UnknownUncertainty"),
    "pixels": (standing_in(FLUX, NOISE, np.arange(41) * u.pix), "spectrum 0: its axis is in pix: give wavelengths"),
    "counts": (standing_in(FLUX.value * u.ct, NOISE), "flux is in ct: give f_λ"),
    "cube": (standing_in(np.ones((2, 2, 41)) * FLAM, NOISE), r"has the shape \(2, 2, 41\): take spectra out"),
    "nothing": ([], "no spectra to concatenate: give at least one"),
}


@pytest.mark.parametrize("case", WRONG)
def test_specutils_that_do_not_fit_are_refused(case: str) -> None:
    wrong, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        Spectra.from_specutils(wrong)


def test_a_collection_of_specutils(plain: Spectra) -> None:
    specutils = pytest.importorskip("specutils", reason="needs specutils: pip install specutils")
    wave = WAVE + np.arange(3)[:, None]
    mask = np.zeros(wave.shape, bool)
    mask[2, 5] = True
    collection = specutils.SpectrumCollection(
        flux=plain.flux * FLAM, spectral_axis=wave * u.AA, uncertainty=VarianceUncertainty(1 / plain.ivar), mask=mask
    )
    same(Spectra.from_specutils(collection), Spectra(wave, plain.flux, np.where(mask, 0, plain.ivar)), rtol=1e-6)


@pytest.mark.parametrize("unit", [FLAM, None])
def test_there_and_back_through_specutils_to_the_bit(plain: Spectra, unit: u.UnitBase | None) -> None:
    pytest.importorskip("specutils", reason="needs specutils: pip install specutils")
    ivar = np.where(np.arange(len(WAVE)) % 7 == 3, 0, plain.ivar)
    flux = plain.flux if unit is None else plain.flux * unit
    meta = {name: column for name, column in plain.meta.items() if name != "FLUXUNIT"}
    spectra = Spectra(plain.wave + np.arange(3)[:, None], flux, ivar, ids=plain.ids, meta=meta)
    listed = spectra.to_specutils()
    assert [one.meta["ID"] for one in listed] == ["x", "y", "1"]
    assert listed[0].flux.unit == (u.dimensionless_unscaled if unit is None else unit)
    np.testing.assert_array_equal(listed[2].mask, ivar[2] == 0)
    again = Spectra.from_specutils(listed)
    same(again, spectra)
    assert again.flux.dtype == again.ivar.dtype == np.float32
    assert again.ids == spectra.ids
    for name, column in spectra.meta.items():
        np.testing.assert_array_equal(again.meta[name], column)
    assert set(again.meta) == set(spectra.meta)


def test_without_specutils_the_message_says_how_to_install_it(plain: Spectra, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "specutils", None)
    with pytest.raises(ImportError, match="to_specutils needs specutils: pip install"):
        plain.to_specutils()


@given(st.booleans(), st.booleans(), st.sampled_from(["ivar", "var", "error"]), st.integers(0, 2**32))
def test_tables_are_the_plain_arrays(rows: bool, quantities: bool, kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (3, len(WAVE)) if rows else WAVE.shape
    flux, noise, masked = rng.normal(size=shape), rng.uniform(1, 2, shape), rng.uniform(size=shape) < 0.2
    power = {"ivar": -2, "var": 2, "error": 1}[kind]
    table = QTable() if quantities else Table()
    table["LAMBDA"] = (np.broadcast_to(WAVE, shape) / 10) * u.nm
    table["FLUX"] = MaskedColumn(flux, mask=masked, unit=FLAM)
    table["SCATTER"] = noise * FLAM**power
    table["IVAR"] = np.full(shape, 7.0)
    found = Spectra.from_table(table, {kind: "SCATTER"})
    noises: Any = {kind: noise}
    same(found, Spectra(WAVE, np.ma.array(flux, mask=masked), **noises), rtol=1e-12)
    assert set(found.meta["FLUXUNIT"]) == {str(FLAM)}
    assert "FILE" not in found.meta
    assert found.ids == (("0", "1", "2") if rows else ("0",))
    assert table.colnames == ["LAMBDA", "FLUX", "SCATTER", "IVAR"]
    assert (np.asarray(table["FLUX"].mask) == masked).all()


def test_a_table_in_memory_is_as_its_file(tmp_path: Path, plain: Spectra) -> None:
    table = Table({"ID": plain.ids, "RA": plain.meta["RA"], "wave": plain.wave, "flux": plain.flux, "ivar": plain.ivar})
    table["flux"].unit = FLAM
    table.write(tmp_path / "x.fits")
    one, other = Spectra.from_table(table), io.read(tmp_path / "x.fits")
    same(one, other)
    assert one.ids == other.ids == plain.ids
    assert set(one.meta) == set(other.meta) - {"FILE"} == {"RA", "FLUXUNIT"}


def test_a_masked_wavelength_of_a_table_is_no_pixel() -> None:
    table = Table(
        {"wave": np.ma.array(WAVE, mask=WAVE > 5090), "flux": np.ones(len(WAVE)), "error": np.ones(len(WAVE))}
    )
    found = Spectra.from_table(table)
    np.testing.assert_array_equal(found.wave[0], WAVE[WAVE <= 5090])


def test_tables_in_air() -> None:
    table = Table({"wave": WAVE, "flux": np.ones(len(WAVE)), "ivar": np.ones(len(WAVE))})
    expected = Spectra(WAVE, table["flux"], table["ivar"], air=True)
    same(Spectra.from_table(table, air=True), expected)
    table.meta["AIRORVAC"] = "air"
    same(Spectra.from_table(table), expected)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"wave": "nowhere"}, r"table: no column 'nowhere' \(there are wave, flux, ivar\): correct the names"),
        ({"variance": "ivar"}, "unknown key 'variance': choose of wave, loglam, flux, ivar, var, error, mask"),
        ({"flux": "name"}, "no column 'name'"),
    ],
)
def test_columns_that_are_not_there_are_refused(columns: dict[str, str], message: str) -> None:
    table = Table({"wave": WAVE, "flux": np.ones(len(WAVE)), "ivar": np.ones(len(WAVE))})
    with pytest.raises(ValueError, match=message):
        Spectra.from_table(table, columns)


def test_units_of_a_table_that_do_not_fit_are_refused() -> None:
    ones = np.ones(len(WAVE))
    for name, unit in (("wave", u.GHz), ("ivar", u.Jy**-1), ("flux", u.ABmag)):
        table = Table({"wave": WAVE, "flux": ones, "ivar": ones}, units={"flux": u.Jy, name: unit})
        with pytest.raises(ValueError, match=rf"^table\[{name}\]: "):
            Spectra.from_table(table)


class _Axis:
    """What has the methods of an mpdaf.obj.WaveCoord that count."""

    unit = u.AA

    def __init__(self, ctype: str) -> None:
        self._ctype = ctype

    def coord(self) -> np.ndarray:
        return WAVE

    def get_ctype(self) -> str:
        return self._ctype


def of_mpdaf(plain: Spectra, row: int, ctype: str = "AWAV", **changed: Any) -> Any:
    mask = np.arange(len(WAVE)) == row
    known = {
        "data": np.ma.array(plain.flux[row], mask=mask),
        "var": np.ma.array(1 / plain.ivar[row], mask=mask),
        "unit": FLAM,
        "wave": _Axis(ctype),
        "filename": None,
        "primary_header": {"RA": 1.0, "ID": 3},
    }
    return SimpleNamespace(**{**known, **changed})


@pytest.mark.parametrize("ctype", ["AWAV", "WAVE"])
def test_mpdaf(plain: Spectra, ctype: str) -> None:
    ivar = np.where(np.arange(len(WAVE)) == [[0], [1]], 0, plain.ivar[:2])
    expected = Spectra(WAVE, plain.flux[:2], ivar, air=ctype == "AWAV")
    found = Spectra.from_mpdaf([of_mpdaf(plain, 0, ctype), of_mpdaf(plain, 1, ctype, filename="some/where.fits")])
    same(found, expected, rtol=1e-6)
    assert found.ids == ("0", "where")
    assert found.meta["TARGETID"].tolist() == [3, 3]
    assert found.meta["FLUXUNIT"].tolist() == [str(FLAM)] * 2
    same(Spectra.from_mpdaf(of_mpdaf(plain, 0, ctype)), expected[:1], rtol=1e-6)


def test_mpdaf_without_variance_or_medium_is_refused(plain: Spectra) -> None:
    with pytest.raises(ValueError, match="spectrum 0: has no variance: set its var"):
        Spectra.from_mpdaf(of_mpdaf(plain, 0, var=None))
    with pytest.raises(ValueError, match="spectrum 1: its wavelengths are LINEAR: set the ctype of its WaveCoord"):
        Spectra.from_mpdaf([of_mpdaf(plain, 0), of_mpdaf(plain, 1, "LINEAR")])


def test_mpdaf_is_as_its_file(data: Path) -> None:
    mpdaf = pytest.importorskip("mpdaf.obj", reason="needs mpdaf: pip install mpdaf")
    paths = sorted((data / "muse_udf10").glob("udf10*.fits"))[:2]
    found, read = Spectra.from_mpdaf([mpdaf.Spectrum(str(path)) for path in paths]), io.read(paths)
    same(found, read, rtol=1e-6)
    assert found.ids == read.ids
    assert set(found.meta) == set(read.meta) - {"FILE"}
    for name in found.meta:
        np.testing.assert_array_equal(found.meta[name], read.meta[name])
