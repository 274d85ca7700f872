"""The parts of a sample follow from names and sizes alone, and every spectrum is in one of them."""

import os

import pytest

from jaxz.batch import plan
from jaxz.io import FileError


def test_small_files_go_together_and_a_large_one_is_cut(files, many):
    parts, failures = plan.plan([*files, many])
    assert failures == []
    *small, first, second = parts
    assert all(sum(entry.size for entry in part.entries) <= plan.PART_BYTES for part in small)
    assert len(small) < len(files)
    assert [entry.file for part in small for entry in part.entries] == [str(file) for file in files]
    (one,), (two,) = first.entries, second.entries
    assert one.shares == two.shares == many.stat().st_size // plan.PART_BYTES == 2
    assert [*one.rows(7), *two.rows(7)] == list(range(7))


def test_no_part_has_more_files_than_it_may(files, monkeypatch):
    monkeypatch.setattr(plan, "PART_BYTES", 10**9)
    monkeypatch.setattr(plan, "ANCHOR", 2**64)
    assert [len(part.entries) for part in plan.plan(files)[0]] == [3, 3, 3, 1]


def test_a_part_is_known_by_its_files_and_settings(files):
    (one, *_), _ = plan.plan(files)
    assert one.key({"ZMAX": 1}) == plan.plan(files)[0][0].key({"ZMAX": 1})
    assert one.key({"ZMAX": 1}) != one.key({"ZMAX": 2})
    os.utime(files[0], ns=(0, 0))
    assert one.key({"ZMAX": 1}) != plan.plan(files)[0][0].key({"ZMAX": 1})


def test_a_file_that_is_not_there_is_told(files, tmp_path):
    parts, (failure,) = plan.plan([tmp_path / "gone.fits", files[0]])
    assert len(parts) == 1
    assert failure.reason == f"{tmp_path}/gone.fits: cannot be opened: No such file or directory"


@pytest.mark.parametrize("job", ["0/3", "4/3", "1", "1/0", "-1/3", "a/b", "1/3/5", ""])
def test_shares_are_i_of_n(job):
    with pytest.raises(FileError, match="give i/n, the number of the job"):
        plan.share_of(job)


def test_share_of():
    assert plan.share_of("3/20") == (3, 20)


def test_a_file_more_changes_only_the_parts_near_it(tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "ANCHOR", 16)
    monkeypatch.setattr(plan, "PART_FILES", 10)
    files = [tmp_path / f"f{number:03d}" for number in range(200)]
    for file in files:
        file.write_bytes(b"0")
    before = {part.key({}) for part in plan.plan(files)[0]}
    after = {part.key({}) for part in plan.plan(files[:50] + files[51:])[0]}
    assert len(after & before) > len(after) - 10
