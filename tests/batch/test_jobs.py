"""What is finished is kept, and the catalog is the same however it came about."""

import dataclasses
import json

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from jaxz import Spectra, batch, io
from jaxz.batch import plan, work
from tests.batch import fake


class Stopped(Exception):
    """As if the process had been killed."""


class StopsAfter:
    """A watcher that stops a run when some parts are finished."""

    def __init__(self, parts):
        self.left, self.before = parts, None

    def began(self, finished, parts, failures):
        self.before = finished

    def working(self, share):
        assert 0 <= share <= 1

    def finished(self, record):
        self.left -= 1
        if self.left == 0:
            raise Stopped


@pytest.fixture
def whole(files, job, tmp_path):
    """Return the catalog of a run that nothing disturbed."""
    batch.run_job(job(fake.Method()), files, tmp_path / "whole.fits")
    return (tmp_path / "whole.fits").read_bytes()


def test_the_catalog_is_what_one_piece_gives(files, job, tmp_path, monkeypatch):
    begun = job(fake.Method(), curves=True)
    report = batch.run_job(begun, files, tmp_path / "a.fits", curves=tmp_path / "ac.fits")
    assert (report.rows, report.measured, report.warned, report.failures) == (10, 10, 0, ())
    assert not (tmp_path / "a.fits.parts").exists()
    spectra = io.read(files)
    io.write(fake.found_in(spectra), tmp_path / "b.fits", header=begun.cards())
    io.write_curves(fake.curves_of(spectra), tmp_path / "bc.fits")
    for a, b in (("a.fits", "b.fits"), ("ac.fits", "bc.fits")):
        assert (tmp_path / a).read_bytes() == (tmp_path / b).read_bytes()
    # However it is cut.
    monkeypatch.setattr(plan, "PART_BYTES", 10**9)
    monkeypatch.setattr(plan, "PART_FILES", 4)
    batch.run_job(dataclasses.replace(begun, group=2), files, tmp_path / "c.fits", curves=tmp_path / "cc.fits")
    assert (tmp_path / "c.fits").read_bytes() == (tmp_path / "a.fits").read_bytes()


def test_columns_reach_the_reader(job, tmp_path):
    (tmp_path / "x.csv").write_text("l,f,df\n4000,1,0.5\n4001,2,0.5\n4002,3,0.5\n")
    (part,), _ = plan.plan([tmp_path / "x.csv"])
    columns = {"wave": "l", "flux": "f", "error": "df"}
    loaded = work.load(job(fake.Method(), columns=columns), part)
    assert loaded.pieces[0].ivar[0].tolist() == [4, 4, 4]
    # The open file of other columns is another.
    other = work.load(job(fake.Method(), columns=columns | {"flux": "df"}), part)
    assert other.pieces[0].flux[0].tolist() == [0.5, 0.5, 0.5]
    assert work.load(job(fake.Method()), part).failures


def test_a_large_file_is_measured_in_shares(many, spectra, job, tmp_path):
    batch.run_job(job(fake.Method()), [many], tmp_path / "out.fits")
    np.testing.assert_array_equal(fits.getdata(tmp_path / "out.fits")["Z"], fake.found_in(spectra).z)


@pytest.mark.parametrize("after", [1, 2, 4])
def test_a_run_that_was_stopped_goes_on(files, job, whole, tmp_path, after):
    out, method = tmp_path / "out.fits", fake.Method()
    with pytest.raises(Stopped):
        batch.run_job(job(fake.Method()), files, out, watcher=StopsAfter(after))
    assert not out.exists()
    with pytest.raises(io.FileError, match=r"out.fits.parts: holds the parts of a run that was not finished"):
        batch.run_job(job(method), files, out)
    watcher = StopsAfter(-1)
    batch.run_job(job(method), files, out, resume=True, watcher=watcher)
    assert watcher.before >= after
    assert len(method.groups) == 5 - watcher.before
    assert out.read_bytes() == whole


def test_beginning_anew_uses_nothing_of_before(files, job, whole, tmp_path):
    out, method = tmp_path / "out.fits", fake.Method()
    with pytest.raises(Stopped):
        batch.run_job(job(fake.Method()), files, out, watcher=StopsAfter(2))
    batch.run_job(job(method), files, out, overwrite=True)
    assert len(method.groups) == 5
    assert out.read_bytes() == whole


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"settings": {"ZMAX": 0.5}}, "ZMAX = 0.25, this run has 0.5"),
        ({"format": "table"}, "FORMAT = , this run has table"),
        ({"medium": "air"}, "MEDIUM = , this run has air"),
        ({"columns": {"flux": "ivar"}}, "COLUMNS = , this run has flux=ivar"),
        ({"choice": batch.Choice(count=1)}, "CHOICE = , this run has ntargets=1"),
        ({"curves": True}, "CURVES = False, this run has True"),
    ],
)
def test_parts_of_other_settings_are_refused(files, job, tmp_path, other, said):
    out, begun = tmp_path / "out.fits", job(fake.Method())
    with pytest.raises(Stopped):
        batch.run_job(begun, files, out, watcher=StopsAfter(2))
    curves = {"curves": tmp_path / "curves.fits"} if "curves" in other else {}
    with pytest.raises(io.FileError, match=f"its parts were made with {said}"):
        batch.run_job(dataclasses.replace(begun, **other), files, out, resume=True, **curves)


def test_parts_of_files_that_changed_are_done_again(files, spectra, job, tmp_path):
    out, method = tmp_path / "out.fits", fake.Method()
    with pytest.raises(Stopped):
        batch.run_job(job(fake.Method()), files, out, watcher=StopsAfter(4))
    columns = {"wave": spectra.wave[0], "flux": 2 * spectra.flux[0], "ivar": spectra.ivar[0]}
    Table(columns).write(files[0], overwrite=True)
    batch.run_job(job(method), files, out, resume=True)
    assert len(method.groups) >= 2
    np.testing.assert_array_equal(fits.getdata(out)["Z"], fake.found_in(io.read(files)).z)


@pytest.mark.parametrize("damage", ["truncated", "gone", "not json", "other form"])
def test_a_part_that_was_damaged_is_done_again_or_refused(files, job, whole, tmp_path, damage):
    out = tmp_path / "out.fits"
    with pytest.raises(Stopped):
        batch.run_job(job(fake.Method()), files, out, watcher=StopsAfter(4))
    part, record = (sorted((tmp_path / "out.fits.parts").glob(f"part-*.{end}"))[0] for end in ("fits", "json"))
    if damage == "gone":
        part.unlink()
    elif damage == "not json":
        record.write_text("{")
    elif damage == "other form":
        record.write_text('{"form": 99, "rows": 2}')
    else:
        part.write_bytes(part.read_bytes()[:4000])
    batch.run_job(job(fake.Method()), files, out, resume=True)
    assert out.read_bytes() == whole


@pytest.mark.parametrize("text", ["", "{", "[]", '{"form": 1}', '{"form": 1, "settings": 3}', "\0\0"])
def test_a_manifest_edited_by_hand_is_refused(files, job, tmp_path, text):
    out = tmp_path / "out.fits"
    with pytest.raises(Stopped):
        batch.run_job(job(fake.Method()), files, out, watcher=StopsAfter(1))
    (tmp_path / "out.fits.parts" / "manifest.json").write_text(text)
    with pytest.raises(io.FileError, match=r"manifest.json: .*remove"):
        batch.run_job(job(fake.Method()), files, out, resume=True)


def test_files_that_were_not_read_are_told_and_tried_again(files, job, whole, tmp_path):
    out, good = tmp_path / "out.fits", files[4].read_bytes()
    files[4].write_bytes(good[:3000])
    report = batch.run_job(job(fake.Method()), [*files, tmp_path / "gone.fits"], out)
    assert report.rows == 9
    assert sorted(failure.file for failure in report.failures) == sorted([str(files[4]), f"{tmp_path}/gone.fits"])
    manifest = json.loads((tmp_path / "out.fits.parts" / "manifest.json").read_text())
    assert len(manifest["failed"]) == 2
    assert all(failure["reason"].startswith(failure["file"]) for failure in manifest["failed"])
    files[4].write_bytes(good)
    method = fake.Method()
    report = batch.run_job(job(method), files, out, retry_failed=True)
    assert report.failures == ()
    assert 1 <= len(method.groups) <= 3
    assert out.read_bytes() == whole
    assert not (tmp_path / "out.fits.parts").exists()
    with pytest.raises(io.FileError, match="nothing to try again"):
        batch.run_job(job(method), files, out, retry_failed=True)


def test_a_group_that_cannot_be_measured_stops_no_other(files, job, tmp_path):
    out = tmp_path / "out.fits"
    report = batch.run_job(job(fake.Method(fails_on="s3")), files, out)
    assert report.rows == 8
    assert {failure.file for failure in report.failures} == {str(files[2]), str(files[3])}
    assert "was read, but could not be measured (MemoryError: no room)" in report.failures[0].reason


def test_an_array_of_jobs_is_merged(files, job, whole, tmp_path):
    out = tmp_path / "out.fits"
    for share in ("2/3", "1/3"):
        assert not batch.run_job(job(fake.Method()), files, out, part=share).complete
    with pytest.raises(io.FileError, match=r"1 of 5 parts are missing \(3\)"):
        batch.merge(out)
    batch.run_job(job(fake.Method()), files, out, part="3/3")
    method = fake.Method()
    batch.run_job(job(method), files, out, part="3/3")
    assert method.groups == []
    report = batch.merge(out)
    assert report.rows == 10
    assert out.read_bytes() == whole
    with pytest.raises(io.FileError, match="holds no parts"):
        batch.merge(tmp_path / "other.fits")
    batch.run_job(job(fake.Method()), files, tmp_path / "again.fits", part="1/2")
    with pytest.raises(io.FileError, match="begun for other files"):
        batch.run_job(job(fake.Method()), files[1:], tmp_path / "again.fits", part="2/2")


def test_one_long_spectrum_makes_no_others_long(files, spectra, job, tmp_path):
    wave = np.linspace(3800.0, 5200.0, 100_000)
    long = tmp_path / "in" / "s4x.fits"
    Table({"wave": wave, "flux": np.ones_like(wave), "ivar": np.ones_like(wave)}).write(long)
    method = fake.Method()
    batch.run_job(job(method), [*files[:5], long, *files[5:]], tmp_path / "out.fits")
    assert max(shape[0] * shape[1] for shape, _ in method.groups) <= 100_000
    assert list(fits.getdata(tmp_path / "out.fits")["ID"]) == [f"s{i}" for i in range(5)] + ["s4x"] + [
        f"s{i}" for i in range(5, 10)
    ]


def test_resolution_matrices_are_not_lent_to_neighbours(spectra):
    from jaxz.batch.work import _groups

    resolved = Spectra(spectra.wave, spectra.flux, spectra.ivar, resolution=np.ones((10, 3, spectra.flux.shape[1])))
    groups = list(_groups([spectra[:4], resolved[:3], spectra[4:6]], 512))
    assert [(list(place), group.resolution is None) for place, group in groups] == [
        ([0, 1, 2, 3, 7, 8], True),
        ([4, 5, 6], False),
    ]


def test_nothing_to_measure_leaves_nothing(job, tmp_path):
    report = batch.run_job(job(fake.Method()), [tmp_path / "gone.fits"], tmp_path / "out.fits")
    assert report.rows == 0
    assert list(tmp_path.iterdir()) == []


def test_outputs_are_checked_before_any_work(files, job, tmp_path):
    method = fake.Method()
    (tmp_path / "link.fits").symlink_to(files[0])
    (tmp_path / "there.fits").write_text("")
    for name, reason in (
        ("link.fits", "is a link to"),
        ("in", "is a folder"),
        ("there.fits", "exists already"),
        ("in/s0.fits", "exists already"),
        ("none/out.fits", "does not exist"),
    ):
        with pytest.raises(io.FileError, match=reason):
            batch.run_job(job(method), files, tmp_path / name)
    with pytest.raises(io.FileError, match="is one of the inputs"):
        batch.run_job(job(method), files, files[0], overwrite=True)
    with io.claimed(tmp_path / "out.fits"), pytest.raises(io.FileError, match="another run is writing it"):
        batch.run_job(job(method), files, tmp_path / "out.fits")
    assert method.groups == []


def test_a_full_disk_keeps_what_is_finished(files, job, whole, tmp_path, monkeypatch):
    out, write, left = tmp_path / "out.fits", batch.folder.write, [3]

    def full(*arguments, **options):
        left[0] -= 1
        if left[0] < 0:
            raise io.FileError("part.fits: could not be written: No space left on device")
        write(*arguments, **options)

    with monkeypatch.context() as now:
        now.setattr(batch.folder, "write", full)
        with pytest.raises(io.FileError, match="No space left"):
            batch.run_job(job(fake.Method()), files, out)
    method = fake.Method()
    batch.run_job(job(method), files, out, resume=True)
    assert out.read_bytes() == whole


def test_a_run_that_was_stopped_when_all_was_done_goes_on(files, job, whole, tmp_path, monkeypatch):
    out = tmp_path / "out.fits"

    def stopped(self):
        raise Stopped

    with monkeypatch.context() as now:
        now.setattr(batch.Folder, "remove", stopped)
        with pytest.raises(Stopped):
            batch.run_job(job(fake.Method()), files, out)
    assert out.read_bytes() == whole
    method = fake.Method()
    batch.run_job(job(method), files, out, resume=True)
    assert method.groups == []
    assert out.read_bytes() == whole
    assert not (tmp_path / "out.fits.parts").exists()
    with pytest.raises(io.FileError, match="exists already"):
        batch.run_job(job(method), files, out, resume=True)
