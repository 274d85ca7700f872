"""`jaxz target` on catalogs whose confirmed targets are known."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import io, validate
from jaxz.status import ZWarn
from jaxz.validate import Bootstrap

COUNT = 400


@pytest.fixture
def columns(rng):
    """Return the columns of catalog and FIBERMAP: emitters are brighter than 24.2 and bluer than -0.6."""
    magnitude, colour = rng.uniform(22, 26, COUNT), rng.normal(-0.5, 0.8, COUNT)
    emitter = (magnitude < 24.2) & (colour < -0.6) & (rng.uniform(size=COUNT) < 0.9)
    targetid = 39627700000000000 + np.arange(COUNT)
    catalog = {
        "TARGETID": targetid,
        "Z": rng.uniform(2, 4, COUNT),
        "ZWARN": np.zeros(COUNT, dtype=np.int32),
        "PCONF": np.where(emitter, 0.999, 0.4),
        "ID": targetid.astype(str),
        "DETECTION": np.where(emitter, 60.0, 12.0),
    }
    fibermap = {
        "TARGETID": targetid,
        "FLUX_R": 10 ** ((22.5 - magnitude) / 2.5),
        "FLUX_G": 10 ** ((22.5 - magnitude - colour) / 2.5),
    }
    return catalog, fibermap


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a catalog, with its FIBERMAP if there is one."""

    def write(catalog, fibermap=None):
        tables = {"REDSHIFTS": catalog} | ({} if fibermap is None else {"FIBERMAP": fibermap})
        hdus = [fits.BinTableHDU(Table(one), name=name) for name, one in tables.items()]
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / "z.fits", overwrite=True)
        return tmp_path / "z.fits"

    return write


def words(text):
    return [line.split() for line in text.splitlines()]


def test_rates_and_cuts(run, columns, write, tmp_path):
    catalog, fibermap = columns
    emitter = catalog["DETECTION"] > 25
    result = run("target", write(catalog, fibermap), "FLUX_R", "FLUX_G-FLUX_R", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    assert ["confirmed,", "DETECTION", "≥", "25,", "ZWARN", "=", "0", str(emitter.sum()), "of", "400"] in words(
        result.stdout
    )
    cuts = io.read_table(tmp_path / "out" / "cuts.ecsv")
    assert cuts["AIM"].tolist() == [0.9, 0.7, 0.5]
    assert cuts.meta["AXIS_1"] == "mag(FLUX_R)"
    assert cuts.meta["CONFIRMED"] == "DETECTION ≥ 25, ZWARN = 0"
    first = cuts[0]
    assert (first["HIGH_1"], first["HIGH_2"]) == (pytest.approx(24.2, abs=0.3), pytest.approx(-0.6, abs=0.3))
    assert first["CUT"] in result.stdout
    # Numbers of the table are those of the half that did not choose the cut.
    values = np.column_stack([
        io.photometry("f", Table(fibermap), text).values for text in ("FLUX_R", "FLUX_G-FLUX_R")
    ])  # fmt: skip
    other = ~validate.halves(catalog["ID"])
    cut = validate.TargetCut((first["LOW_1"], first["LOW_2"]), (first["HIGH_1"], first["HIGH_2"]), first["SLOPE"])
    worth = validate.cut_quality(cut, values[other], emitter[other])
    assert (first["KEPT"], first["PURITY"], first["COMPLETENESS_LO"]) == (
        worth.purity.ntotal, pytest.approx(worth.purity.value), pytest.approx(worth.completeness.low)
    )  # fmt: skip
    rates = io.read_table(tmp_path / "out" / "rates.ecsv")
    assert rates["NTARGET"].sum() == COUNT
    assert rates["NCONFIRMED"].sum() == emitter.sum()
    assert (tmp_path / "out" / "targeting.png").stat().st_size > 5000
    again = run("target", tmp_path / "z.fits", "FLUX_R", "-o", tmp_path / "out")
    assert again.exit_code == 1
    assert "exists already" in again.stderr


def test_another_table_and_a_score(run, columns, write, tmp_path):
    """The order of the table says nothing, nor do its further rows."""
    catalog, fibermap = columns
    del catalog["DETECTION"]
    magnitude = 22.5 - 2.5 * np.log10(fibermap["FLUX_R"])
    order = np.random.default_rng(2).permutation(COUNT)
    table = Table({"ID": catalog["TARGETID"][order], "MAG": magnitude[order]})
    table.add_row({"ID": 7, "MAG": 3.0})
    table.write(tmp_path / "t.ecsv")
    result = run("target", write(catalog), "MAG", "--table", tmp_path / "t.ecsv", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    assert "PCONF ≥ 0.99" in result.stdout
    found = validate.fraction_in_bins(catalog["PCONF"] > 0.9, magnitude, validate.open_edges(magnitude))
    rates = io.read_table(tmp_path / "out" / "rates.ecsv")
    assert rates["NCONFIRMED"].tolist() == [one.ngood for one in found]
    lower = run("target", tmp_path / "z.fits", "MAG", "--table", tmp_path / "t.ecsv", "--score", "PCONF=0.3")
    assert "z.fits: all of 400 targets are confirmed (PCONF ≥ 0.3" in lower.stderr


def test_what_is_no_target_and_what_has_no_magnitude(run, columns, write):
    catalog, fibermap = columns
    catalog["ZWARN"][:3] = [ZWarn.SKY, ZWarn.NODATA, ZWarn.OTHER_LINE]
    catalog["DETECTION"][:3] = 99.0
    fibermap["FLUX_R"][10:14] = [0.0, -0.1, np.nan, -3.0]
    result = run("target", write(catalog, fibermap), "FLUX_R")
    assert result.exit_code == 0, result.stderr
    assert "2 rows are sky, or have no data, and are left out" in result.stderr
    assert "3 of 398 targets have a flux that is not above 0, and no mag(FLUX_R)" in result.stderr
    emitters = np.sum(catalog["DETECTION"][3:] > 25)
    assert f"{emitters} of 398" in result.stdout
    lost = np.sum(catalog["DETECTION"][10:14] > 25)
    assert ["no", "value", str(lost), "of", "4"] in [line[:5] for line in words(result.stdout)]


def test_the_best_of_several_spectra_counts(run, columns, write):
    catalog, fibermap = columns
    emitters = np.sum(catalog["DETECTION"] > 25)
    twice = {name: np.concatenate([column, column[:20]]) for name, column in catalog.items()}
    twice["DETECTION"][COUNT:] = 99.0
    # A higher score with a warning is not better.
    twice["ZWARN"][COUNT:] = np.where(np.arange(20) < 10, 0, ZWarn.OTHER_LINE)
    fibermap = {name: np.concatenate([column, column[:20]]) for name, column in fibermap.items()}
    result = run("target", write(twice, fibermap), "FLUX_R")
    assert "20 spectra of targets with a better one are left out" in result.stderr
    assert f"{emitters + np.sum(catalog['DETECTION'][:10] < 25)} of 400" in result.stdout


@pytest.mark.parametrize(
    ("change", "axes", "told"),
    [
        ({}, ["FLUX_Z"], "z.fits: no column FLUX_Z, and no two whose difference it is, among TARGETID, FLUX_R, FLUX_G"),
        ({"FLUX_R": np.full(COUNT, -1.0)}, ["FLUX_R"], "z.fits: none of 400 targets has a value of mag(FLUX_R)"),
        ({"TARGETID": np.arange(COUNT)}, ["FLUX_R"], "have no ID or TARGETID in common"),
        ({"TARGETID": np.full(COUNT, 39627700000000000)}, ["FLUX_R"], "has rows of 39627700000000000 that differ"),
        ({}, ["FLUX_R", "FLUX_G", "TARGETID"], "are 3 quantities: give one or two"),
        ({}, ["FLUX_R", "--score", "DETECTION"], "--score DETECTION: give COLUMN=LEAST, such as DETECTION=25"),
        ({}, ["FLUX_R", "--score", "SNR=3"], "--score SNR=3: "),
        (
            {},
            ["FLUX_R", "--score", "DETECTION=1e9"],
            "z.fits: none of 400 targets are confirmed (DETECTION ≥ 1e+09, ZWARN = 0)",
        ),
        ({}, ["FLUX_R", "--table", "missing.fits"], "missing.fits: "),
    ],
)
def test_what_cannot_be_used(run, columns, write, change, axes, told):
    catalog, fibermap = columns
    result = run("target", write(catalog, fibermap | change), *axes)
    assert result.exit_code == 1
    assert told in result.stderr.splitlines()[-1]
    assert result.stdout == ""


def test_too_few_targets(run, columns, write):
    catalog, fibermap = ({name: column[:6] for name, column in one.items()} for one in columns)
    catalog["DETECTION"] = np.array([90.0, 1, 1, 1, 1, 1])
    result = run("target", write(catalog, fibermap), "FLUX_R")
    assert result.exit_code == 1
    assert "z.fits: 1 of 6 targets are confirmed: too few of one kind" in result.stderr


@pytest.fixture
def exposures(columns, tmp_path):
    """Return a file of single exposures: three of the first 40 targets, one of the others."""
    targetid = np.r_[np.tile(columns[0]["TARGETID"][:40], 3), columns[0]["TARGETID"][40:50]]
    table = Table({"TARGETID": targetid, "OBJTYPE": ["TGT"] * 130, "EXPID": np.arange(130), "EXPTIME": [900.0] * 130})
    images = {"BRZ_WAVELENGTH": np.arange(3600.0, 3620), "BRZ_FLUX": np.ones((130, 20)), "BRZ_IVAR": np.ones((130, 20))}
    hdus = [fits.ImageHDU(image, name=name) for name, image in images.items()]
    path = tmp_path / "spectra-x.fits"
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU(table, name="FIBERMAP"), *hdus]).writeto(path)
    return path


HEADER = {"TARGARG": "desi-lae", "SKYARG0": "desi-sky", "NNUIS": 1, "AMPLITUD": 0.5, "ZMIN": 2.1, "ZMAX": 3.9,
          "EMISSION": False}  # fmt: skip


def test_exposures_that_are_needed(run, columns, write, exposures, tmp_path, monkeypatch):
    """Of confirmed targets alone, drawn with the model that their catalog names."""
    catalog, fibermap = columns
    path = write(catalog, fibermap)
    with fits.open(path, mode="update") as hdus:
        hdus["REDSHIFTS"].header.update(HEADER)
    given = []

    def drawn(spectra, model, *, counts, **options):
        given.append((spectra, model, counts, options))
        names = tuple(dict.fromkeys(spectra.ids))
        z = np.zeros((len(names), len(counts), 2))
        z[0, 0, 0] = 0.1
        exptime = np.tile(3600.0 * np.array(counts), (len(names), 1))
        return Bootstrap(names, np.array(counts), z, np.arange(float(len(names))), exptime)

    monkeypatch.setattr("jaxz.validate.bootstrap_exposures", drawn)
    result = run("target", path, "FLUX_R", "--exposures", exposures, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    [(spectra, model, counts, options)] = given
    emitters = catalog["ID"][:50][catalog["DETECTION"][:50] > 25]
    assert set(spectra.ids) == set(emitters)
    assert counts == [1, 2]
    assert (options["zmin"], options["zmax"], options["emission"]) == (2.1, 3.9, False)
    assert [part.name for part in (model.target, *model.nuisance)] == ["desi-lae", "desi-sky"]
    plain = io.load_component("desi-lae")
    np.testing.assert_allclose(model.target.vectors, 0.5 * np.asarray(plain.vectors), rtol=1e-6)
    number = len(emitters)
    assert ["1", "1.00", "h", str(number - 1), "of", str(number)] in [line[:6] for line in words(result.stdout)]
    assert (tmp_path / "out" / "exposures.png").stat().st_size > 5000
    # A file that cannot be read leaves the others.
    (tmp_path / "bad.fits").write_text("nothing")
    files = ["--exposures", tmp_path / "bad.fits", "--exposures", exposures]
    again = run("target", path, "FLUX_R", *files, "-o", tmp_path / "again")
    assert again.exit_code == 1
    assert "bad.fits: " in again.stderr
    assert set(given[1][0].ids) == set(emitters)
    assert (tmp_path / "again" / "exposures.png").exists()


def test_exposures_need_a_model_and_targets(run, columns, write, exposures):
    catalog, fibermap = columns
    result = run("target", write(catalog, fibermap), "FLUX_R", "--exposures", exposures)
    assert result.exit_code == 1
    assert "--exposures needs a catalog of `jaxz lae`" in result.stderr
    catalog["DETECTION"][:50] = 1.0
    path = write(catalog, fibermap)
    with fits.open(path, mode="update") as hdus:
        hdus["REDSHIFTS"].header.update(HEADER)
    result = run("target", path, "FLUX_R", "--exposures", exposures)
    assert result.exit_code == 1
    assert "spectra-x.fits: no exposure of a confirmed target" in result.stderr
