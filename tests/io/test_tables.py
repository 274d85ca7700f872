from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import io

FLAM = u.erg / (u.s * u.cm**2 * u.Angstrom)
WRITERS: dict[str, Callable[[Table, Path], Path]] = {
    "fits": lambda table, folder: _written(table, folder / "x.fits", "fits"),
    "ecsv": lambda table, folder: _written(table, folder / "x.ecsv", "ascii.ecsv"),
    "csv": lambda table, folder: _written(table, folder / "x.csv", "ascii.csv"),
}


def _written(table: Table, path: Path, form: str) -> Path:
    table.write(path, format=form)
    return path


@pytest.fixture
def plain(pixels: Any) -> Table:
    """Return a table of one spectrum with one row a pixel."""
    return Table({"wave": pixels.wave, "flux": pixels.flux, "ivar": 1 / pixels.variance})


def read(table: Table, folder: Path, form: str = "ecsv") -> Any:
    return io.read(WRITERS[form](table, folder))


@pytest.mark.parametrize("form", WRITERS)
def test_one_row_a_pixel(plain: Table, tmp_path: Path, pixels: Any, form: str) -> None:
    spectra = read(plain, tmp_path, form)
    assert spectra.ids == ("x",)
    for name, expected in (("wave", pixels.wave), ("flux", pixels.flux), ("ivar", 1 / pixels.variance)):
        np.testing.assert_allclose(getattr(spectra, name)[0], expected, rtol=1e-15)


@pytest.mark.parametrize("form", ["fits", "ecsv"])
def test_one_row_a_spectrum(tmp_path: Path, pixels: Any, form: str) -> None:
    table = Table(
        {
            "ID": ["near", "far"],
            "TARGETID": np.array([2**60 + 1, -5]),
            "RA": [1.0, 2.0],
            "DEC": [3.0, 4.0],
            "WAVELENGTH": np.array([pixels.wave, pixels.wave + 1]),
            "FLUX": np.array([pixels.flux, -pixels.flux]),
            "VARIANCE": np.array([pixels.variance, 2 * pixels.variance]),
        }
    )
    spectra = read(table, tmp_path, form)
    assert spectra.ids == ("near", "far")
    assert spectra.meta["TARGETID"].tolist() == [2**60 + 1, -5]
    assert spectra.meta["RA"].tolist() == [1.0, 2.0]
    assert spectra.meta["DEC"].tolist() == [3.0, 4.0]
    np.testing.assert_allclose(spectra.wave[1] - spectra.wave[0], 1.0)
    np.testing.assert_allclose(spectra.ivar[1], 0.5 / pixels.variance)


def test_rows_without_ids_are_numbered(tmp_path: Path) -> None:
    wave = np.tile([4000.0, 5000.0, 6000.0], (2, 1))
    assert read(Table({"wave": wave, "flux": wave, "ivar": wave}), tmp_path, "fits").ids == ("x-0", "x-1")
    table = Table({"TARGETID": [39, 40], "wave": wave, "flux": wave, "ivar": wave})
    assert io.read(_written(table, tmp_path / "y.fits", "fits")).ids == ("39", "40")


@pytest.mark.parametrize("noise", ["error", "Sigma", "FLUX_ERR", "variance", "VAR", "IVAR"])
@pytest.mark.parametrize("wave", ["Wave", "LAMBDA", "wavelength", "loglam"])
def test_synonyms_in_any_case(tmp_path: Path, pixels: Any, noise: str, wave: str) -> None:
    values = {"e": np.sqrt(pixels.variance), "s": np.sqrt(pixels.variance), "f": np.sqrt(pixels.variance)}
    values |= {"v": pixels.variance, "i": 1 / pixels.variance}
    along = np.log10(pixels.wave) if wave == "loglam" else pixels.wave
    spectra = read(Table({wave: along, "Flux": pixels.flux, noise: values[noise[0].lower()]}), tmp_path)
    np.testing.assert_allclose(spectra.wave[0], pixels.wave, rtol=1e-14)
    np.testing.assert_allclose(spectra.ivar[0], 1 / pixels.variance, rtol=1e-14)


@pytest.mark.parametrize("form", ["fits", "ecsv"])
@pytest.mark.parametrize(
    ("noise", "unit"),
    [("error", 1e-19 * FLAM), ("variance", (1e-19 * FLAM) ** 2), ("ivar", (1e-19 * FLAM) ** -2)],
)
def test_noise_in_another_unit_than_the_flux_is_converted(
    tmp_path: Path, pixels: Any, form: str, noise: str, unit: u.Quantity
) -> None:
    power = {"error": 1, "variance": 2, "ivar": -2}[noise]
    values = (100 * np.sqrt(pixels.variance)) ** power
    table = Table({"wave": pixels.wave / 10, "flux": pixels.flux, noise: values})
    table["wave"].unit, table["flux"].unit, table[noise].unit = u.nm, u.Unit(1e-17 * FLAM), u.Unit(unit)
    spectra = read(table, tmp_path, form)
    np.testing.assert_allclose(spectra.ivar[0], 1 / pixels.variance, rtol=1e-12)
    np.testing.assert_allclose(spectra.wave[0], pixels.wave, rtol=1e-14)


def test_flux_per_frequency_becomes_flux_per_wavelength(tmp_path: Path, pixels: Any) -> None:
    table = Table({"wave": pixels.wave, "flux": pixels.flux, "error": np.sqrt(pixels.variance)})
    table["flux"].unit = table["error"].unit = u.uJy
    spectra = read(table, tmp_path)
    light_speed = 2.99792458e18  # Å/s
    expected = pixels.flux * 1e-29 * light_speed / pixels.wave**2
    np.testing.assert_allclose(spectra.flux[0], expected, rtol=1e-12)
    np.testing.assert_allclose(spectra.flux[0] ** 2 * spectra.ivar[0], pixels.flux**2 / pixels.variance, rtol=1e-12)


def test_tiny_cgs_fluxes_keep_their_signal_to_noise(tmp_path: Path, pixels: Any) -> None:
    table = Table({name: np.float32(x * 1e-20) for name, x in (("flux", pixels.flux), ("error", pixels.variance))})
    table["wave"] = pixels.wave
    spectra = read(table, tmp_path, "fits")
    np.testing.assert_allclose(spectra.flux[0] * np.sqrt(spectra.ivar[0]), pixels.flux / pixels.variance, rtol=1e-6)


@pytest.mark.parametrize("form", ["fits", "ecsv"])
@pytest.mark.parametrize("meta", [{"AIRORVAC": "air"}, {"VACUUM": False}, {"vacuum": "F"}])
def test_tables_in_air_become_vacuum(
    plain: Table, tmp_path: Path, pixels: Any, form: str, meta: dict[str, Any]
) -> None:
    plain.meta.update(meta)
    np.testing.assert_array_equal(read(plain, tmp_path, form).wave[0], io.airtovac(pixels.wave))


@pytest.mark.parametrize("meta", [{}, {"AIRORVAC": "vac"}, {"VACUUM": True}])
def test_tables_are_in_vacuum_unless_they_say_otherwise(
    plain: Table, tmp_path: Path, pixels: Any, meta: dict[str, Any]
) -> None:
    plain.meta.update(meta)
    np.testing.assert_array_equal(read(plain, tmp_path, "fits").wave[0], pixels.wave)


def test_the_table_may_be_called_data(plain: Table, tmp_path: Path, pixels: Any) -> None:
    hdus = [fits.PrimaryHDU(), fits.ImageHDU(np.zeros((2, 2))), fits.BinTableHDU(plain, name="DATA")]
    fits.HDUList(hdus).writeto(tmp_path / "x.fits")
    np.testing.assert_array_equal(io.read(tmp_path / "x.fits").flux[0], pixels.flux)


def test_the_primary_header_counts_too(plain: Table, tmp_path: Path, pixels: Any) -> None:
    primary = fits.PrimaryHDU()
    primary.header.update(AIRORVAC="air", RA=150.0, DEC=2.0)
    fits.HDUList([primary, fits.BinTableHDU(plain)]).writeto(tmp_path / "x.fits")
    spectra = io.read(tmp_path / "x.fits")
    np.testing.assert_array_equal(spectra.wave[0], io.airtovac(pixels.wave))
    assert (spectra.meta["RA"][0], spectra.meta["DEC"][0]) == (150.0, 2.0)


def test_bad_pixels_do_not_count(plain: Table, tmp_path: Path) -> None:
    plain["flux"][:2] = [np.nan, np.inf]
    plain["ivar"][2:5] = [np.nan, np.inf, -1]
    assert np.flatnonzero(read(plain, tmp_path).ivar[0] == 0).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("noise", ["error", "variance"])
def test_noise_that_is_not_positive_does_not_count(tmp_path: Path, pixels: Any, noise: str) -> None:
    values = np.ones(200)
    values[:3] = [0, -1, np.nan]
    spectra = read(Table({"wave": pixels.wave, "flux": pixels.flux, noise: values}), tmp_path, "fits")
    assert np.flatnonzero(spectra.ivar[0] == 0).tolist() == [0, 1, 2]


def test_empty_cells_of_csv_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("wave,flux,ivar\n4000,1,1\n4001,,1\n4002,3,\n4003,4,1\n")
    assert io.read(tmp_path / "x.csv").ivar[0].tolist() == [1, 0, 0, 1]


def test_three_pixels_are_read(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("wave,flux,ivar\n4000,1,1\n4001,2,1\n4002,3,1\n")
    assert io.read(tmp_path / "x.csv").npixels.tolist() == [3]


def _change(plain: Table, name: str, values: Any, unit: str | None = None) -> None:
    plain[name] = values
    plain[name].unit = unit


def _log(plain: Table) -> None:
    plain["loglam"] = np.log(plain["loglam"])


BAD: dict[str, tuple[Callable[[Table], None], str]] = {
    "no noise": (lambda t: t.remove_column("ivar"), "no variance: beside flux, add a column ivar .* or error"),
    "not increasing": (lambda t: t.reverse(), "spectrum 'x': wavelengths must be finite, positive and strictly"),
    "equal": (lambda t: _change(t, "wave", np.full(200, 5000.0)), "strictly increasing"),
    "no wavelength": (lambda t: _change(t, "wave", np.full(200, np.nan)), "no pixel has a wavelength"),
    "Å called um": (lambda t: _change(t, "wave", t["wave"], "um"), r"\[wave\]: wavelengths run .* with the unit um"),
    "um without unit": (lambda t: _change(t, "wave", t["wave"] / 1e4), "from 0.475 to .* give the right unit"),
    "Å called log10": (lambda t: t.rename_column("wave", "loglam"), "no pixel has a wavelength"),
    "ln called log10": (lambda t: (t.rename_column("wave", "loglam"), _log(t)), "wavelengths run from 2.9.*e.08"),
    "frequency": (lambda t: _change(t, "wave", t["wave"], "Hz"), "'Hz' is not a unit of wavelength"),
    "other error unit": (
        lambda t: (_change(t, "flux", t["flux"], "Jy"), _change(t, "ivar", t["ivar"], "1/Jy")),
        r"\[ivar\]: unit 1 / Jy does not fit the flux in Jy: it needs 1 / Jy2",
    ),
    "air or vacuum": (lambda t: t.meta.update(AIRORVAC="maybe"), "AIRORVAC is 'maybe': set it to 'air' or 'vac'"),
    "no rows": (lambda t: t.remove_rows(slice(None)), "the table has no rows"),
    "words": (lambda t: _change(t, "ivar", np.full(200, "good")), r"\[ivar\]: needs one number"),
    "vectors beside numbers": (
        lambda t: _change(t, "flux", np.ones((200, 200))),
        r"\[wave\]: each pixel of the flux needs a wavelength",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_refused(plain: Table, tmp_path: Path, case: str) -> None:
    change, message = BAD[case]
    change(plain)
    with pytest.raises(io.FileError, match=message) as caught:
        read(plain, tmp_path)
    assert str(tmp_path / "x.ecsv") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", ["PD()", "QD()", "PE()"])
def test_cells_of_different_lengths(tmp_path: Path, form: str) -> None:
    cells = np.array([np.arange(4000.0, 4003.0), np.arange(4000.0, 4005.0)], dtype=object)
    bad = np.array([np.array([0, 1, 0]), np.array([0, 0, 0, 0, 1])], dtype=object)
    columns = [fits.Column(name, form, array=cells) for name in ("WAVE", "FLUX", "IVAR")]
    columns.append(fits.Column("MASK", "PJ()", array=bad))
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "x.fits")
    spectra = io.read(tmp_path / "x.fits")
    assert spectra.npixels.tolist() == [2, 4]
    np.testing.assert_array_equal(spectra.flux[1], [4000, 4001, 4002, 4003, 0])


def test_cells_that_do_not_fit_each_other_are_refused(tmp_path: Path) -> None:
    long, short = (np.array([np.arange(4000.0, 4003.0), np.arange(4000.0, end)], dtype=object) for end in (4005, 4004))
    columns = [fits.Column(name, "PD()", array=long) for name in ("WAVE", "FLUX")]
    columns.append(fits.Column("IVAR", "PD()", array=short))
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "x.fits")
    with pytest.raises(io.FileError, match=r"\[IVAR\]: has another length than FLUX in some row"):
        io.read(tmp_path / "x.fits")


@pytest.mark.parametrize(("wanted", "missing"), [("wave", "flux"), ("flux", "wavelength")])
def test_a_missing_column_is_named(tmp_path: Path, wanted: str, missing: str) -> None:
    (tmp_path / "x.csv").write_text(f"{wanted},ivar\n4000,1\n")
    with pytest.raises(io.FileError, match=f"no column for the {missing}.* .there are {wanted}, ivar"):
        io.read(tmp_path / "x.csv")


@pytest.mark.parametrize("fill", [0.0, np.nan, -1.0])
def test_pixels_without_a_wavelength_are_none(plain: Table, tmp_path: Path, fill: float) -> None:
    plain["wave"][:20] = plain["wave"][-30:] = plain["wave"][100] = fill
    spectra = read(plain, tmp_path)
    assert spectra.npixels.tolist() == [149]
    known = np.asarray(plain["flux"])[20:-30]
    np.testing.assert_array_equal(spectra.flux[0, spectra.ivar[0] > 0], np.delete(known, 80))


@pytest.mark.parametrize("fill", [0.0, np.nan])
def test_short_and_empty_rows(tmp_path: Path, pixels: Any, fill: float) -> None:
    """Those of shorter rows go on, without data; what other rows give is not touched."""
    wave = np.stack([pixels.wave] * 3)
    wave[1, 150:], wave[2] = fill, fill
    rows = {"FLUX": np.stack([pixels.flux] * 3), "IVAR": np.ones((3, 200))}
    spectra = read(Table({"WAVE": wave, **rows}), tmp_path, "fits")
    alone = read(Table({"WAVE": wave[:1], "FLUX": rows["FLUX"][:1], "IVAR": rows["IVAR"][:1]}), tmp_path, "ecsv")
    assert spectra.npixels.tolist() == [200, 150, 0]
    np.testing.assert_array_equal(spectra.flux[0], alone.flux[0])
    np.testing.assert_array_equal(spectra.wave[1], pixels.wave)


@pytest.mark.parametrize(
    ("unit", "scale"),
    [
        ("ANGSTROMS", 1),
        ("A", 1),
        ("NM", 0.1),
        ("nanometre", 0.1),
        ("NANOMETERS", 0.1),
        ("MICRON", 1e-4),
        ("Microns", 1e-4),
        ("UM", 1e-4),
        ("MICROMETRES", 1e-4),
        ("m", 1e-10),
        ("0.1 nm", 1),
    ],
)
def test_spellings_of_units(plain: Table, tmp_path: Path, pixels: Any, unit: str, scale: float) -> None:
    hdu = fits.BinTableHDU(Table({**{n: plain[n] for n in plain.colnames}, "wave": plain["wave"] * scale}))
    hdu.header["TUNIT1"] = unit
    hdu.writeto(tmp_path / "x.fits")
    np.testing.assert_allclose(io.read(tmp_path / "x.fits").wave[0], pixels.wave, rtol=1e-12)


@pytest.mark.parametrize(
    "name",
    ["ERR_FLUX", "ERRFLUX", "E_FLUX", "FLUX_UNC", "FLUX_STD", "UNC", "std", "fluxsig", "FLAM_ERROR", "Uncertainty"],
)
def test_names_of_errors(plain: Table, tmp_path: Path, pixels: Any, name: str) -> None:
    plain[name] = plain["ivar"] ** -0.5
    plain.remove_column("ivar")
    np.testing.assert_allclose(read(plain, tmp_path).ivar[0], 1 / pixels.variance, rtol=1e-12)


@pytest.mark.parametrize("name", ["E", "stderr_flag", "flux_fit", "reflux", "fluxes"])
def test_what_is_no_error_is_refused_with_the_columns_that_there_are(plain: Table, tmp_path: Path, name: str) -> None:
    plain.rename_column("ivar", name)
    with pytest.raises(io.FileError, match=rf"no variance: .*there are wave, flux, {name}"):
        read(plain, tmp_path)


def test_the_caller_says_what_a_table_does_not(plain: Table, tmp_path: Path) -> None:
    path = WRITERS["ecsv"](plain, tmp_path)
    air = io.read(path, medium="air").wave
    np.testing.assert_allclose(air / io.read(path).wave - 1, 2.8e-4, rtol=0.02)
    plain.meta["AIRORVAC"] = "vac"
    np.testing.assert_array_equal(
        io.read(_written(plain, tmp_path / "y.ecsv", "ascii.ecsv"), medium="air").wave, io.read(path).wave
    )
