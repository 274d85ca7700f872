"""`jaxz lae`: the catalog is what the library finds with calibrated errors, and bad input is one line."""

import dataclasses

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

import jaxz
from jaxz import Madgics, ZWarn, io
from tests import gaussian, test_rivals
from tests.cli.conftest import write_spectrum
from tests.plot.drawn import panel, texts

ZTRUE = np.array([2.05, 2.1, 2.2])
SCALE, CALIBRATION = 0.5, 1.7


@pytest.fixture
def sky(rng):
    return gaussian.sky(rng)


@pytest.fixture
def lae():
    return gaussian.target(scale=40.0)


@pytest.fixture
def spectra(rng, sky, lae):
    """Return three lines on sky residuals, and how bright they are."""
    return gaussian.lattice_spectra(rng, [sky, lae], 3, z=ZTRUE, coeff=[0.5, 0.1])[0]


@pytest.fixture
def files(spectra, tmp_path):
    (tmp_path / "in").mkdir()
    return [write_spectrum(tmp_path / "in" / f"g{row}.fits", spectra, row) for row in range(3)]


@pytest.fixture
def options(sky, lae, tmp_path):
    io.write_component(sky, tmp_path / "sky.fits")
    io.write_component(lae, tmp_path / "lae.fits")
    parts = "--target", tmp_path / "lae.fits", "--sky", tmp_path / "sky.fits"
    return *parts, "--zmin", gaussian.ZMIN, "--zmax", gaussian.ZMAX, "--amplitude", SCALE, "--basis", "none"


def test_catalog_is_what_the_library_finds(run, files, options, sky, lae, tmp_path):
    result = run("lae", *files, "-o", tmp_path / "out.fits", *options, "--curves", tmp_path / "curves.fits")
    assert result.exit_code == 0
    assert "3 redshifts, 0 of them with warnings; 0 spectra without a redshift; 0 inputs not read" in result.stdout
    group, model = io.read(files), Madgics(lae.scaled(SCALE), [sky])
    scan = jaxz.madgics_scan(
        group, target=model.target, nuisance=[sky], zmin=gaussian.ZMIN, zmax=gaussian.ZMAX, emission=True
    )
    found = jaxz.find_redshifts(scan, group)
    catalog = Table.read(tmp_path / "out.fits", "REDSHIFTS")
    np.testing.assert_allclose(catalog["Z"], ZTRUE, atol=1e-3)
    np.testing.assert_array_equal(catalog["Z"], found.z)
    assert set(catalog["SPECTYPE"]) == {"LAE"}
    np.testing.assert_allclose(catalog["ZERR_RAW"], found.zerr)
    np.testing.assert_allclose(catalog["ZERR"], CALIBRATION * found.zerr, rtol=1e-6)
    np.testing.assert_allclose(catalog["DETECTION_RAW"], found.detection, rtol=1e-6)
    np.testing.assert_allclose(catalog["DETECTION"], found.detection / CALIBRATION**2)
    np.testing.assert_allclose(catalog["CHI2_NULL"] - catalog["CHI2"], found.detection, atol=1e-2)
    np.testing.assert_allclose(catalog["COEFF"], SCALE * found.coeff, rtol=1e-6)
    header = fits.getheader(tmp_path / "out.fits", "REDSHIFTS")
    assert (header["TARGSHA"], header["NUISSHA0"]) == (lae.sha256, sky.sha256)
    assert (header["CALIBRAT"], header["AMPLITUD"], header["EMISSION"]) == (CALIBRATION, SCALE, True)
    np.testing.assert_array_equal(fits.getdata(tmp_path / "curves.fits", "CHI2"), scan.chi2)


def test_line_flux_is_that_of_the_line(run, files, options, lae, tmp_path):
    """In the unit of the flux times Å, within its error."""
    run("lae", *files, "-o", tmp_path / "out.fits", *options)
    catalog = Table.read(tmp_path / "out.fits", "REDSHIFTS")
    grid = gaussian.SKY_GRID
    for row, z in zip(catalog, ZTRUE, strict=True):
        true = np.array([0.5, 0.1]) @ lae.at(float(z)).in_flux(grid) @ np.gradient(grid.wave)
        assert abs(row["LINEFLUX"] - true) < 5 * row["LINEFLUX_ERR"] < 0.5 * true


def test_desi_files_keep_their_fibermap(run, spectra, options, tmp_path):
    """One target without data, which has a row and the bit; one on sky."""
    ivar = np.array(spectra.ivar)
    ivar[1] = 0
    table = Table({"TARGETID": np.array([11, 12, 13], dtype=np.int64), "OBJTYPE": ["TGT", "TGT", "SKY"]})
    images = {"BRZ_WAVELENGTH": spectra.wave[0], "BRZ_FLUX": spectra.flux, "BRZ_IVAR": ivar}
    hdus = [fits.ImageHDU(image, name=name) for name, image in images.items()]
    path = tmp_path / "coadd-x.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table, name="FIBERMAP"), *hdus]).writeto(path)
    result = run("lae", path, "-o", tmp_path / "out.fits", *options)
    assert result.exit_code == 0
    assert "12: no redshift: no pixel with a finite flux" in result.stderr
    catalog = Table.read(tmp_path / "out.fits", "REDSHIFTS")
    assert list(catalog["TARGETID"]) == [11, 12, 13]
    assert catalog["ZWARN"][1] & ZWarn.NODATA
    assert catalog["ZWARN"][2] & ZWarn.SKY
    rows = fits.getdata(tmp_path / "out.fits", "REDSHIFTS")
    assert np.isnan([rows[name][1] for name in ("Z", "LINEFLUX", "LINEFLUX_ERR", "DETECTION")]).all()
    assert list(Table.read(tmp_path / "out.fits", "FIBERMAP")["OBJTYPE"]) == ["TGT", "TGT", "SKY"]


def test_joins_and_no_sky(run, files, options, tmp_path):
    line = gaussian.LINE * (1 + ZTRUE[0])
    arguments = *options[:2], *options[4:], "--sky", "none", "--join", f"{line - 5:.1f}:{line + 5:.1f}"
    run("lae", files[0], "-o", tmp_path / "out.fits", *arguments)
    catalog = Table.read(tmp_path / "out.fits", "REDSHIFTS")
    assert fits.getheader(tmp_path / "out.fits", "REDSHIFTS")["NNUIS"] == 0
    assert catalog["ZWARN"][0] & ZWarn.CAMERA_JOIN
    result = run("lae", files[0], "-o", tmp_path / "two.fits", *options, "--join", "5800:5700")
    assert result.stderr == "jaxz: --join 5800:5700: LOW must be below HIGH\n"


def test_redshifts_that_the_spectra_do_not_cover(run, files, options, tmp_path):
    arguments = *options[:4], "--zmin", 4.0, "--zmax", 4.5
    result = run("lae", files[0], "-o", tmp_path / "out.fits", *arguments)
    assert result.exit_code == 0
    assert "g0: no redshift: the model covers no good pixel at any trial redshift: check zmin, zmax" in result.stderr


def test_components_that_do_not_fit_are_refused(run, files, options, sky, tmp_path):
    io.write_component(sky.with_step(2e-4), tmp_path / "coarse.fits")
    (tmp_path / "text.fits").write_text("no component")
    for name, message in (
        (
            "coarse.fits",
            f"{tmp_path}/lae.fits with {tmp_path}/coarse.fits: component 'sky' has a lattice step of 0.0002",
        ),
        ("text.fits", f"{tmp_path}/text.fits: "),
        ("nothing.fits", f"{tmp_path}/nothing.fits: no such component file or component; known components: "),
    ):
        result = run("lae", files[0], "-o", tmp_path / "out.fits", *options[:2], "--sky", tmp_path / name)
        assert result.exit_code == 1
        assert message in result.stderr
        assert result.stderr.count("\n") == 1
    result = run("lae", files[0], "-o", tmp_path / "out.fits", "--target", tmp_path / "sky.fits", "--sky", "none")
    assert "a target needs a reference_z" in result.stderr
    result = run("lae", files[0], "-o", tmp_path / "out.fits", *options, "--sky", "none", "--sky", "desi-sky")
    assert "give 'none' alone" in result.stderr


def test_evaluate_and_plot_read_the_catalog(run, files, options, tmp_path, monkeypatch):
    run("lae", *files, "-o", tmp_path / "out.fits", *options)
    Table({"ID": ["g0", "g1", "g2"], "Z": ZTRUE}).write(tmp_path / "truth.ecsv")
    result = run("evaluate", tmp_path / "out.fits", tmp_path / "truth.ecsv", "--tolerance", 0.001)
    assert result.exit_code == 0
    assert "3 of 3" in result.stdout
    from jaxz import plot

    drawn, plot_components = [], plot.plot_components
    monkeypatch.setattr(
        plot, "plot_components", lambda *args, **kw: drawn.append(plot_components(*args, **kw)) or drawn[-1]
    )
    monkeypatch.chdir(tmp_path)
    assert run("plot", tmp_path / "out.fits", "--id", "g1").stdout == "g1.png\n"
    assert (tmp_path / "g1.png").read_bytes().startswith(b"\x89PNG")
    title = drawn[0].get_suptitle()
    assert title.startswith("g1   LAE   z = 2.09")
    assert "   flux " in title
    bottom = panel(drawn[0], "curve")
    assert any(text.startswith("detection |Δχ²| = ") or "    detection |Δχ²| = " in text for text in texts(bottom))
    refused = run("plot", tmp_path / "out.fits", "--id", "g1", "--basis", "galaxy", "-o", "other.png")
    assert "made with components" in refused.stderr
    refused = run("plot", tmp_path / "out.fits", "--id", "g1", "--curves", "curves.fits", "-o", "other.png")
    assert refused.stderr.startswith("jaxz: curves.fits: ")


def test_a_real_emitter(run, data, tmp_path):
    """The survey's pipeline has it at 0.0073."""
    result = run("lae", data / "desi" / "coadd-special-dark-27247.fits", "-o", tmp_path / "out.fits")
    assert result.exit_code == 0
    catalog = Table.read(tmp_path / "out.fits", "REDSHIFTS")
    assert catalog["Z"][0] == pytest.approx(3.1484, abs=0.003)
    assert catalog["ZWARN"][0] == 0
    assert catalog["DETECTION"][0] > 100


def test_a_line_of_a_galaxy_gets_the_bit(run, tmp_path, rng):
    """The galaxy has two lines; what the library says of it is in the catalog."""
    spectra, found = test_rivals.observed(rng)
    model = found.models[0]
    io.write_component(model.target, tmp_path / "lae.fits")
    io.write_component(model.nuisance[0], tmp_path / "sky.fits")
    parts = "--target", tmp_path / "lae.fits", "--sky", tmp_path / "sky.fits", "--basis", tmp_path / "basis.fits"
    options = *parts, "--zmin", gaussian.ZMIN, "--zmax", gaussian.ZMAX, "--amplitude", 1
    files = [write_spectrum(tmp_path / f"{row}.fits", spectra, row) for row in range(2)]
    io.write_basis(test_rivals.galaxies(), tmp_path / "basis.fits")
    result = run("lae", *files, "-o", tmp_path / "out.fits", *options)
    assert result.exit_code == 0
    catalog = Table.read(tmp_path / "out.fits", "REDSHIFTS")
    assert [bool(bit & ZWarn.OTHER_LINE) for bit in catalog["ZWARN"]] == [False, True]
    assert catalog["Z_OTHER"][1] == pytest.approx(test_rivals.ZGALAXY, abs=1e-3)
    assert catalog["DELTACHI2_OTHER"][1] < -25 < catalog["DELTACHI2_OTHER"][0]
    assert fits.getheader(tmp_path / "out.fits", "REDSHIFTS")["OTHERARG"].endswith("basis.fits")


def test_amplitudes_are_positive():
    component = gaussian.target()
    np.testing.assert_array_equal(component.scaled(2.0).vectors, 2 * component.vectors)
    single = dataclasses.replace(component, vectors=component.vectors.astype(np.float32))
    assert single.scaled(0.3).vectors.dtype == np.float32
    with pytest.raises(ValueError, match="give a positive number"):
        component.scaled(0.0)


def test_what_sky_and_a_line_are_not_is_flagged(run, spectra, files, options, tmp_path):
    wave = spectra.wave[0]
    slope = 3 * np.sin(wave / 40) / np.sqrt(np.median(spectra.ivar[0]))
    odd = dataclasses.replace(spectra[:1], flux=spectra.flux[:1] + slope, ids=("odd",))
    write_spectrum(tmp_path / "odd.fits", odd, 0)
    run("lae", tmp_path / "odd.fits", files[0], "-o", tmp_path / "out.fits", *options)
    catalog = Table.read(tmp_path / "out.fits", "REDSHIFTS")
    assert [bool(bits & jaxz.ZWarn.BAD_FIT) for bits in catalog["ZWARN"].tolist()] == [True, False]
