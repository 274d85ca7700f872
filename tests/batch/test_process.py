"""Real processes are stopped at whatever they do, and what they had finished is not done again."""

import signal
import subprocess
import sys
import time

import pytest

from jaxz import batch
from tests.batch import fake

RUN = """
import sys
from pathlib import Path
from jaxz import batch
from jaxz.batch import plan
from jaxz.cli.interrupt import ends_at_once
from tests.batch import fake

plan.PART_BYTES, plan.PART_FILES, plan.ANCHOR = 60_000, 3, 4
folder, out, pause = sys.argv[1:]
with ends_at_once("--resume goes on"):
    batch.run_job(batch.Job(fake.Method(float(pause)), {"ZMAX": 0.25}), [folder], out, resume=True)
"""


@pytest.fixture
def start(files, tmp_path):
    """Return a function that starts a run in a process of its own, each group of spectra taking some seconds."""
    running = []

    def start(pause):
        arguments = [sys.executable, "-c", RUN, files[0].parent, tmp_path / "out.fits", str(pause)]
        running.append(subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True))
        return running[-1]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def records(tmp_path):
    return len(list((tmp_path / "out.fits.parts").glob("part-*.json")))


def wait_for(records_wanted, tmp_path):
    end = time.monotonic() + 60
    while records(tmp_path) < records_wanted and time.monotonic() < end:
        time.sleep(0.02)
    assert records(tmp_path) >= records_wanted


@pytest.fixture
def whole(files, job, tmp_path):
    batch.run_job(job(fake.Method()), [files[0].parent], tmp_path / "whole.fits")
    return (tmp_path / "whole.fits").read_bytes()


def test_killed_again_and_again(start, whole, tmp_path):
    for finished in (1, 3):
        process = start(0.5)
        wait_for(finished, tmp_path)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (tmp_path / "out.fits").exists()
    kept = records(tmp_path)
    process = start(0)
    assert process.wait(60) == 0
    assert kept >= 3
    assert (tmp_path / "out.fits").read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out.fits", "whole.fits"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_to_stop_ends_it_at_once_in_one_line(start, tmp_path, number):
    process = start(30)
    wait_for(0, tmp_path)
    end = time.monotonic() + 60
    while not (tmp_path / "out.fits.parts" / "manifest.json").exists() and time.monotonic() < end:
        time.sleep(0.02)
    process.send_signal(number)
    before = time.monotonic()
    _, said = process.communicate(timeout=20)
    # A group takes 30 seconds: it was not waited for.
    assert time.monotonic() - before < 15
    assert process.returncode == 128 + number
    assert said == f"jaxz: stopped by {number.name}: --resume goes on\n"


def test_a_second_run_is_told_at_once(start, files, job, tmp_path):
    start(30)
    end = time.monotonic() + 60
    while not (tmp_path / "out.fits.parts" / "manifest.json").exists() and time.monotonic() < end:
        time.sleep(0.02)
    with pytest.raises(OSError, match="another run is writing it"):
        batch.run_job(job(fake.Method()), files, tmp_path / "out.fits", resume=True)
