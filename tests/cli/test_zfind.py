"""`jaxz zfind`: the catalog is what the library finds, and bad input is one line on standard error."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

import jaxz
from jaxz import ErrorModel, NonNegative, io
from jaxz.likelihood import best_fit
from tests import gaussian, small
from tests.cli.conftest import ZTRUE, write_spectrum


def rows_of(path: Path) -> fits.FITS_rec:
    return fits.getdata(path, "REDSHIFTS")


def same(one: Path, other: Path, rows: slice = slice(None)) -> None:
    """Assert that two catalogs hold the same values to the bit, the file names apart."""
    first, second = rows_of(one), rows_of(other)[rows]
    assert first.names == second.names
    for name in set(first.names) - {"FILE"}:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_catalog_is_what_the_library_finds(run, files, options, tmp_path):
    result = run("zfind", *files, "-o", tmp_path / "out.fits", *options)
    assert result.exit_code == 0
    assert "4 redshifts, 0 of them with warnings; 0 spectra without a redshift; 0 inputs not read" in result.stdout
    assert result.stderr == ""
    spectra, basis = io.read(files), small.basis()
    scan = jaxz.scan(spectra, NonNegative(basis, error=ErrorModel()), zmin=small.ZMIN, zmax=small.ZMAX)
    found = jaxz.find_redshifts(scan, spectra)
    catalog = rows_of(tmp_path / "out.fits")
    assert list(catalog["ID"]) == ["s0", "s1", "s2", "s3"]
    np.testing.assert_array_equal(catalog["Z"], found.z)
    np.testing.assert_array_equal(catalog["ZALT"], found.zalt)
    np.testing.assert_allclose(catalog["Z"], ZTRUE, atol=1e-3)
    assert list(catalog["FILE"]) == [str(file) for file in files]


def test_header_tells_how_the_catalog_was_made(run, files, options, tmp_path):
    run("zfind", *files[:1], "-o", tmp_path / "out.fits", *options, "--nminima", 3)
    header = fits.getheader(tmp_path / "out.fits", "REDSHIFTS")
    assert (header["ZMIN"], header["ZMAX"], header["NMINIMA"]) == (small.ZMIN, small.ZMAX, 3)
    assert (header["ENGINE"], header["WEIGHTS"], header["PRECIS"]) == ("fft", "ivar", "mixed")
    assert header["BASISSHA"] == small.basis().sha256
    assert rows_of(tmp_path / "out.fits")["ZALT"].shape == (1, 3)


def test_a_folder_is_its_files(run, files, options, tmp_path):
    run("zfind", files[0].parent, "-o", tmp_path / "folder.fits", *options)
    run("zfind", *files, "-o", tmp_path / "files.fits", *options)
    same(tmp_path / "folder.fits", tmp_path / "files.fits")


def test_good_files_beside_bad_ones_keep_their_results(run, files, options, tmp_path):
    bad = tmp_path / "bad.fits"
    bad.write_bytes(files[0].read_bytes()[:1500])
    missing, empty = tmp_path / "missing.fits", tmp_path / "folder"
    empty.mkdir()
    run("zfind", *files, "-o", tmp_path / "good.fits", *options)
    mixed = [missing, files[0], files[1], bad, empty, files[2], files[3]]
    result = run("zfind", *mixed, "-o", tmp_path / "mixed.fits", *options)
    assert result.exit_code == 1
    *lines, last = result.stderr.splitlines()
    assert len(lines) == 3
    assert last.startswith(f"jaxz: {tmp_path / 'mixed.fits.parts'} keeps the parts and what was not read")
    assert all(any(line.startswith(f"jaxz: {path}") for line in lines) for path in (bad, missing, empty))
    assert "3 inputs not read" in result.stdout
    same(tmp_path / "good.fits", tmp_path / "mixed.fits")


def test_a_spectrum_without_data_has_a_row_and_a_reason(run, files, options, spectra, tmp_path):
    blank = write_spectrum(tmp_path / "blank.fits", spectra, 0, ivar=np.zeros(spectra.ivar.shape[1]))
    run("zfind", *files, "-o", tmp_path / "good.fits", *options)
    result = run("zfind", blank, *files, "-o", tmp_path / "mixed.fits", *options)
    assert result.exit_code == 0
    assert result.stderr == "jaxz: blank: no redshift: no pixel with a finite flux and a positive inverse variance\n"
    catalog = rows_of(tmp_path / "mixed.fits")
    assert np.isnan(catalog["Z"][0])
    assert catalog["ZWARN"][0] & jaxz.ZWarn.NODATA
    same(tmp_path / "good.fits", tmp_path / "mixed.fits", slice(1, None))


def test_groups_do_not_change_results(run, files, options, tmp_path, monkeypatch):
    run("zfind", *files, "-o", tmp_path / "one.fits", "--curves", tmp_path / "one-c.fits", *options)
    monkeypatch.setattr("jaxz.batch.GROUP", 3)
    arguments = "--batch-size", 1, "--curves", tmp_path / "two-c.fits"
    run("zfind", *files, "-o", tmp_path / "two.fits", *options, *arguments)
    same(tmp_path / "one.fits", tmp_path / "two.fits")
    for name in ("Z", "CHI2"):
        one, two = (fits.getdata(tmp_path / f"{which}-c.fits", name) for which in ("one", "two"))
        np.testing.assert_array_equal(one, two)


def test_a_file_of_many_spectra_is_split_into_groups(run, spectra, files, options, tmp_path, monkeypatch):
    table = Table({"ID": list(spectra.ids), "wave": spectra.wave, "flux": spectra.flux, "ivar": spectra.ivar})
    table.write(tmp_path / "many.fits")
    run("zfind", *files, "-o", tmp_path / "files.fits", *options)
    monkeypatch.setattr("jaxz.batch.GROUP", 3)
    result = run("zfind", tmp_path / "many.fits", "-o", tmp_path / "many-z.fits", *options, "--batch-size", 1)
    assert result.exit_code == 0
    expected, found = (rows_of(tmp_path / name) for name in ("files.fits", "many-z.fits"))
    assert list(found["ID"]) == list(spectra.ids)
    np.testing.assert_array_equal(found["Z"], expected["Z"])


def test_desi_files_keep_their_fibermap_and_its_warnings(run, desi, files, options, tmp_path):
    out = tmp_path / "out.fits"
    assert run("zfind", files[0], desi, "-o", out, *options).exit_code == 0
    catalog, fibermap = rows_of(out), fits.getdata(out, "FIBERMAP")
    expected = [-1, 39633345008634465, 39633345008634466, -7, 616088619186127404]
    assert catalog["TARGETID"].tolist() == fibermap["TARGETID"].tolist() == expected
    assert catalog["TARGETID"].dtype == ">i8"
    assert fibermap["COADD_NUMEXP"].tolist() == [-1, 2, 2, 2, 2]
    assert list(fibermap["OBJTYPE"]) == ["", "TGT", "SKY", "TGT", "TGT"]
    assert "EXPID" not in fibermap.names
    assert not set(catalog.names) & {"OBJTYPE", "FIBERMAP.OBJTYPE"}
    np.testing.assert_allclose(catalog["Z"][[0, 1, 2, 4]], ZTRUE[[0, 0, 1, 3]], atol=1e-3)
    lost = jaxz.ZWarn.NODATA | jaxz.ZWarn.BAD_TARGET | jaxz.ZWarn.LITTLE_COVERAGE
    assert catalog["ZWARN"].tolist() == [0, 0, int(jaxz.ZWarn.SKY), int(lost), 0]
    assert np.isnan(catalog["Z"][3])


def test_a_real_desi_galaxy(run, data, tmp_path):
    path = data / "desi" / "coadd-4-80613-thru20210324.fits"
    assert run("zfind", path, "--classes", "galaxy", "-o", tmp_path / "out.fits").exit_code == 0
    catalog = rows_of(tmp_path / "out.fits")
    assert abs(catalog["Z"][0] - 0.36874) < 1e-3
    assert catalog["ZWARN"][0] == 0
    assert catalog["TARGETID"][0] == fits.getdata(tmp_path / "out.fits", "FIBERMAP")["TARGETID"][0]


def test_meta_columns_of_some_files_only(run, files, options, spectra, tmp_path, monkeypatch):
    table = Table({"TARGETID": [7], "wave": spectra.wave[:1], "flux": spectra.flux[:1], "ivar": spectra.ivar[:1]})
    table.write(tmp_path / "with.fits")
    monkeypatch.setattr("jaxz.batch.GROUP", 1)
    out = tmp_path / "out.fits"
    assert run("zfind", files[1], tmp_path / "with.fits", "-o", out, *options, "--batch-size", 1).exit_code == 0
    assert list(rows_of(out)["TARGETID"]) == [-1, 7]


def test_columns_that_are_named_are_read_and_drawn(run, spectra, options, tmp_path):
    columns = {"l": spectra.wave[0], "f": spectra.flux[0], "w": spectra.ivar[0], "flux": 0 * spectra.flux[0]}
    Table(columns).write(tmp_path / "x.fits")
    named = "wave=l,flux=f,ivar=w"
    result = run("zfind", tmp_path / "x.fits", "--columns", named, "-o", tmp_path / "z.fits", *options)
    assert result.exit_code == 0, result.stderr
    table = io.read_catalog(tmp_path / "z.fits")
    assert table["Z"][0] == pytest.approx(0.05, abs=1e-3)
    assert table.meta["COLUMNS"] == named
    result = run("plot", tmp_path / "z.fits", "--id", "x", "-o", tmp_path / "x.png")
    assert result.exit_code == 0, result.stderr


def test_curves_are_the_scan(run, files, options, tmp_path):
    result = run("zfind", *files, "-o", tmp_path / "out.fits", "--curves", tmp_path / "curves.fits", *options)
    assert result.exit_code == 0
    model = NonNegative(small.basis(), error=ErrorModel())
    scan = jaxz.scan(io.read(files), model, zmin=small.ZMIN, zmax=small.ZMAX)
    np.testing.assert_array_equal(fits.getdata(tmp_path / "curves.fits", "CHI2"), scan.chi2)
    np.testing.assert_array_equal(fits.getdata(tmp_path / "curves.fits", "Z"), scan.z)


def test_minima_are_found_again_without_a_scan(run, files, options, tmp_path, monkeypatch):
    curves = tmp_path / "curves.fits"
    assert run("zfind", *files[1:], "-o", tmp_path / "first.fits", "-d", curves, *options).exit_code == 0
    more = "--nminima", 8, "--prior", "gaussian:0.1:0.05"
    run("zfind", *files, "-o", tmp_path / "anew.fits", *options, *more)
    scanned = []

    def scan(spectra, *arguments, **named):
        scanned.extend(spectra.ids)
        return jaxz.scan(spectra, *arguments, **named)

    monkeypatch.setattr("jaxz.classes.scan", scan)
    result = run("zfind", *files, "-o", tmp_path / "again.fits", "--from-scan", curves, *options, *more)
    assert result.exit_code == 0, result.stderr
    assert scanned == ["s0"]
    same(tmp_path / "anew.fits", tmp_path / "again.fits")
    assert fits.getheader(tmp_path / "again.fits", 1)["FROMSCAN"] == str(curves)


def test_curves_of_all_classes_are_kept_and_taken_again(run, files, tmp_path, monkeypatch):
    options = "--zmax", 0.02, "--classes", "galaxy,star"
    curves = tmp_path / "curves.fits"
    run("zfind", *files[:2], "-o", tmp_path / "first.fits", "--details", curves, *options)
    with fits.open(curves) as hdus:
        assert [hdus["Z", version].header["SPECTYPE"] for version in (1, 2)] == ["GALAXY", "STAR"]
        assert hdus["CHI2", 2].shape == (2, *hdus["Z", 2].shape)
    monkeypatch.delattr("jaxz.classes.scan")
    result = run("zfind", *files[:2], "-o", tmp_path / "again.fits", "--from-scan", curves, *options)
    assert result.exit_code == 0, result.stderr
    same(tmp_path / "first.fits", tmp_path / "again.fits")


def test_curves_of_another_run_are_refused_before_the_work(run, files, options, tmp_path):
    curves, out = tmp_path / "curves.fits", tmp_path / "out.fits"
    run("zfind", *files, "-o", tmp_path / "first.fits", "-d", curves, *options)
    kept = curves.read_bytes()
    for given, message in (
        (("--error-floor", 0.2), "curves.fits: holds curves of "),
        (("--zmax", 0.2), "give --zmin 0.00000 --zmax "),
        (("-d", curves, "--overwrite"), "curves.fits: is one of the inputs"),
    ):
        result = run("zfind", *files, "-o", out, "--from-scan", curves, *options, *given)
        assert result.exit_code == 1
        assert message in result.stderr
        assert not out.exists()
    assert curves.read_bytes() == kept


def test_no_output_replaces_a_file_that_an_option_names(run, files, options, basis_file, tmp_path):
    before = basis_file.read_bytes()
    for output in (("-o", basis_file), ("-o", tmp_path / "out.fits", "--model", basis_file)):
        result = run("zfind", *files, *output, *options, "--overwrite")
        assert result.exit_code == 1
        assert f"{basis_file}: is one of the inputs" in result.stderr
    assert basis_file.read_bytes() == before


@pytest.mark.parametrize("option", [("--engine", "direct"), ("--precision", "float64"), ("--precision", "float32")])
def test_other_ways_to_the_same_redshifts(run, files, options, tmp_path, option):
    run("zfind", *files, "-o", tmp_path / "usual.fits", *options)
    run("zfind", *files, "-o", tmp_path / "other.fits", *options, *option)
    usual, other = (rows_of(tmp_path / f"{name}.fits") for name in ("usual", "other"))
    assert np.all(np.abs(usual["Z"] - other["Z"]) < 0.1 * usual["ZERR"])
    assert fits.getheader(tmp_path / "other.fits", 1)["ENGINE" if "--engine" in option else "PRECIS"] == option[1]


def test_a_prior_moves_redshifts(run, files, options, tmp_path):
    run("zfind", *files, "-o", tmp_path / "free.fits", *options)
    run("zfind", *files, "-o", tmp_path / "all.fits", *options, "--prior", "tophat:0.15:0.02")
    assert np.all(np.abs(rows_of(tmp_path / "all.fits")["Z"] - 0.15) < 0.011)
    table = Table({"ID": ["s3", "other"], "FUNCTION": ["tophat", "gaussian"], "Z": [0.1, 0.2], "SIGMA": [0.02, 1.0]})
    table.write(tmp_path / "priors.ecsv")
    run("zfind", *files, "-o", tmp_path / "one.fits", *options, "--prior", tmp_path / "priors.ecsv")
    free, one = (rows_of(tmp_path / name)["Z"] for name in ("free.fits", "one.fits"))
    np.testing.assert_array_equal(free[:3], one[:3])
    assert abs(one[3] - 0.1) < 0.011


def test_a_prior_from_a_table_of_known_redshifts(run, files, options, tmp_path):
    known = np.array([0.05, 0.06, 0.2])
    Table({"NAME": ["a", "b", "c"], "Z": known}).write(tmp_path / "known.ecsv")
    run("zfind", *files, "-o", tmp_path / "out.fits", *options, "--prior", tmp_path / "known.ecsv")
    spectra = io.read(files)
    scan = jaxz.scan(spectra, NonNegative(small.basis(), error=ErrorModel()), zmin=small.ZMIN, zmax=small.ZMAX)
    found = jaxz.find_redshifts(scan, spectra, prior=jaxz.posterior.population(known))
    catalog = rows_of(tmp_path / "out.fits")
    np.testing.assert_array_equal(catalog["Z"], found.z)
    np.testing.assert_array_equal(catalog["PCONF"], found.pconf.astype(np.float32))
    flat = jaxz.find_redshifts(scan, spectra)
    assert not np.array_equal(found.deltachi2, flat.deltachi2)


def test_residuals_of_the_sky_lie_beside_the_basis(run, files, options, tmp_path, rng):
    io.write_component(gaussian.sky(rng), tmp_path / "sky.fits")
    run("zfind", *files, "-o", tmp_path / "out.fits", *options, "--sky", tmp_path / "sky.fits")
    spectra, basis = io.read(files), small.basis()
    sky = io.load_component(tmp_path / "sky.fits").with_step(basis.grid.step)
    scan = jaxz.scan(spectra, NonNegative(basis, [sky], error=ErrorModel()), zmin=small.ZMIN, zmax=small.ZMAX)
    np.testing.assert_array_equal(rows_of(tmp_path / "out.fits")["Z"], jaxz.find_redshifts(scan, spectra).z)
    header = fits.getheader(tmp_path / "out.fits", "REDSHIFTS")
    assert (header["NNUIS"], header["NUISSHA0"]) == (1, sky.sha256)
    assert header["SKYARG0"].endswith("sky.fits")


def test_overwrite_replaces(run, files, options, tmp_path):
    out = tmp_path / "out.fits"
    out.write_text("old")
    assert run("zfind", *files[:1], "-o", out, *options, "--overwrite").exit_code == 0
    assert len(rows_of(out)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out.fits"]


def test_nothing_readable_writes_nothing(run, options, tmp_path):
    result = run("zfind", tmp_path / "missing.fits", "-o", tmp_path / "out.fits", *options)
    assert result.exit_code == 1
    assert (
        result.stderr.splitlines()[-1] == "jaxz: no spectrum could be read, or none was chosen: no catalog is written"
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--zmin", "3", "--zmax", "2"), "zmin must be below zmax"),
        (("--zmin", "-2"), "above -1"),
        (("--basis", "nonsense"), "nonsense: no such basis file or basis; known bases: continuum, galaxy"),
        (("--basis", "in/s0.fits"), "in/s0.fits: not a basis file"),
        (("-o", "there.fits"), "there.fits: exists already: choose another name or give --overwrite"),
        (("--curves", "there.fits"), "there.fits: exists already"),
        (("--curves", "curves.csv"), "curves.csv: FITS is written, or Parquet"),
        (("--curves", "out.fits"), "out.fits: the same name for two outputs"),
        (("-o", "in"), "in: is a folder"),
        (("-o", "none/out.fits"), "none/out.fits: the folder none does not exist"),
        (("-o", "there.fits/out.fits"), "there.fits/out.fits: the folder there.fits does not exist"),
        (("--format", "tiff"), "--format tiff: choose one of mpdaf, "),
        (("--columns", "colour=red"), "columns: unknown key 'colour': choose of wave, loglam, flux, ivar"),
        (("--prior", "gaussian:0.1"), "--prior gaussian:0.1: neither a file nor KIND:Z:SIGMA"),
        (("--sky", "nothing"), "nothing: no such component file or component; known components: "),
        (("--prior", "box:0.1:0.1"), "--prior box:0.1:0.1: neither"),
        (("--prior", "tophat:0.1:-1"), "SIGMA > 0"),
        (
            ("--prior", "in/s0.fits"),
            "in/s0.fits: needs a column Z of known redshifts alone, or TARGETID or ID, FUNCTION, Z and SIGMA",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_wrong_options_are_one_line_before_any_work(run, files, options, tmp_path, monkeypatch, arguments, message):
    def work(*args, **kwargs):
        raise AssertionError("scanned all the same")

    # The name jaxz.scan is that of the function.
    monkeypatch.setattr(importlib.import_module("jaxz.scan"), "nmf_scan", work)
    monkeypatch.chdir(tmp_path)
    Path("there.fits").write_text("old")
    before = sorted(tmp_path.rglob("*"))
    result = run("zfind", files[0], "-o", "out.fits", *options, *arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith("jaxz: ")
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    assert result.stdout == ""
    assert sorted(tmp_path.rglob("*")) == before
    assert Path("there.fits").read_text() == "old"


def test_a_folder_without_permission_to_write(run, files, options, tmp_path, monkeypatch):
    def touch(self, mode=0o666, exist_ok=True):
        raise PermissionError(13, "Permission denied")

    # Root may write anywhere; what the system says to others is said here. The real thing is in the tests of jaxz.io.
    monkeypatch.setattr(Path, "touch", touch)
    result = run("zfind", files[0], "-o", tmp_path / "out.fits", *options)
    assert result.exit_code == 1
    assert result.stderr == f"jaxz: {tmp_path}/out.fits: cannot write in the folder {tmp_path}: Permission denied\n"


def test_real_spectra(run, data, tmp_path):
    sources = [data / "muse_udf10" / f"udf10_{number:05d}.fits" for number in (4, 53)]
    result = run("zfind", *sources, "-o", tmp_path / "out.fits")
    assert result.exit_code == 0
    catalog = rows_of(tmp_path / "out.fits")
    assert list(catalog["TARGETID"]) == [4, 53]
    np.testing.assert_allclose(catalog["Z"], [0.76451, 4.77666], atol=0.005)
    evaluated = run("evaluate", tmp_path / "out.fits", data / "muse_udf10" / "truth.ecsv")
    assert evaluated.exit_code == 0
    assert "2 of 2" in evaluated.stdout
    assert "10 without a match: 11, 17, 9" in evaluated.stderr


def test_numbers_learned_with_a_basis_are_used_unless_told_otherwise(run, files, options, tmp_path):
    """A catalog says of each which it was made with."""
    learned = io.Numbers(ErrorModel(0.2, 0.3, 0.05), jaxz.Calibration(temperature=2.5, misfit=1.0, name="fine-tuned"))
    io.write_basis(small.basis(), tmp_path / "mine.fits", header=learned.cards())
    where = ("--zmin", small.ZMIN, "--zmax", small.ZMAX, "--overwrite")

    def header(*more):
        out = tmp_path / "out.fits"
        assert run("zfind", files[0], "-o", out, "--basis", tmp_path / "mine.fits", *where, *more).exit_code == 0
        return fits.getheader(out, "REDSHIFTS")

    cards = ("ERRFLOOR", "ERRLINES", "ERRCONT", "ZCALIB")
    assert [header()[card] for card in cards] == [0.2, 0.3, 0.05, "fine-tuned"]
    found = rows_of(tmp_path / "out.fits")
    spectra, model = io.read(files[0]), NonNegative(small.basis(), error=learned.error)
    scan = jaxz.scan(spectra, model, zmin=small.ZMIN, zmax=small.ZMAX)
    expected = jaxz.find_redshifts(scan, spectra, calibration=learned.calibration)
    np.testing.assert_array_equal(found["Z"], expected.z)
    np.testing.assert_array_equal(found["PCONF"], expected.pconf.astype(np.float32))
    assert found["TEMPERATURE"][0] >= 2.5
    assert [header("--error-floor", 0.4)[card] for card in cards] == [0.4, 0.3, 0.05, "fine-tuned"]
    plain = header("--plain")
    assert "ERRFLOOR" not in plain
    assert plain["ZCALIB"] == "none"


def test_best_fits_in_the_pixels_of_the_spectra(run, files, spectra, options, tmp_path):
    (tmp_path / "bad.fits").write_text("nothing")
    arguments = "zfind", files[0], tmp_path / "bad.fits", *files[1:], "-o", tmp_path / "z.fits", *options
    assert run(*arguments, "--model", tmp_path / "models.fits").exit_code == 1
    with fits.open(tmp_path / "models.fits") as hdus:
        assert [hdu.name for hdu in hdus[1:]] == ["REDSHIFTS", "WAVELENGTH", "MODEL"]
        z = hdus["REDSHIFTS"].data["Z"]
        np.testing.assert_array_equal(hdus["WAVELENGTH"].data, spectra.wave[0])
        expected = best_fit(spectra, NonNegative(small.basis(), error=ErrorModel()), np.asarray(z, dtype=float))
        np.testing.assert_allclose(hdus["MODEL"].data, expected, rtol=1e-5)
        zalt = np.array(hdus["REDSHIFTS"].data["ZALT"], dtype=float)
    again = "zfind", *files, "-o", tmp_path / "y.fits", *options, "--model", tmp_path / "m.fits"
    assert run(*again, "--nth", 2).exit_code == 0
    with fits.open(tmp_path / "m.fits") as hdus:
        expected = best_fit(spectra, NonNegative(small.basis(), error=ErrorModel()), zalt[:, 1])
        np.testing.assert_allclose(hdus["MODEL"].data, expected, rtol=1e-5)
        assert hdus["MODEL"].header["NTHBEST"] == 2
    for options_of_nth in (again[:-2], again):
        refused = run(*options_of_nth, "--overwrite", "--nth", 99)
        assert "--nth 99: needs --model, and --nminima 99" in refused.stderr
    refused = run("zfind", *files, "-o", tmp_path / "x.fits", *options, "--model", tmp_path / "n.fits", "--part", "1/2")
    assert "--model" in refused.stderr
    assert "not with a part of the work" in refused.stderr
