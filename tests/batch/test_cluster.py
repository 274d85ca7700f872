"""A real Dask cluster on the loopback address gives the same catalog, whatever becomes of its workers."""

import json
import subprocess
import sys

import pytest

from jaxz import batch
from jaxz.batch import cluster
from jaxz.io import FileError
from tests.batch import fake

pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")

KILLED = """
import json
import os
import signal
import sys

import jax
from distributed import Client, LocalCluster
from jaxz import batch
from jaxz.batch import plan
from jaxz.batch.cluster import on_cluster
from tests.batch import fake

plan.PART_BYTES, plan.PART_FILES, plan.ANCHOR = 60_000, 3, 4


class Kills:
    done = 0

    def began(self, finished, parts, failures):
        pass

    def working(self, share):
        pass

    def finished(self, record):
        self.done += 1
        if self.done == 1:
            os.kill(pids[0], signal.SIGKILL)


if __name__ == "__main__":
    folder, out = sys.argv[1:]
    options = {"n_workers": 4, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    with LocalCluster(**options) as workers, Client(workers, set_as_default=False) as client:
        pids = list(client.run(os.getpid).values())
        job = batch.Job(fake.Method(0.5), {"ZMAX": 0.25})
        report = batch.run_job(job, [folder], out, execute=on_cluster(client, local=4), watcher=Kills())
        print(json.dumps([report.rows, len(report.failures)]))
"""


def test_a_worker_that_is_killed_costs_nothing(files, job, tmp_path):
    (tmp_path / "killed.py").write_text(KILLED)
    out = tmp_path / "cluster.fits"
    command = [sys.executable, tmp_path / "killed.py", files[0].parent, out]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [10, 0]
    batch.run_job(job(fake.Method()), [files[0].parent], tmp_path / "one.fits")
    assert out.read_bytes() == (tmp_path / "one.fits").read_bytes()


@pytest.mark.parametrize(
    ("scheduler", "message"),
    [
        ("tcp://127.0.0.1:9", "does not answer"),
        ("local:0", "give local:N"),
        ("local:many", "give local:N"),
        ("nonsense://x", "does not answer"),
    ],
)
def test_a_scheduler_that_is_not_there(monkeypatch, scheduler, message):
    monkeypatch.setattr(cluster, "TIMEOUT", 0.5)
    with pytest.raises(FileError, match=message), cluster.connected(scheduler):
        pytest.fail("connected to nothing")
