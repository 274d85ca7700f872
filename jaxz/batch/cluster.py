"""Parts on the workers of a Dask cluster, which share the folder of parts with the process that hands them out."""

import functools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax

from jaxz._typing import Device
from jaxz.batch.folder import Folder, Record
from jaxz.batch.jobs import Execute, Watcher
from jaxz.batch.plan import Failure, Part
from jaxz.batch.work import Job, done
from jaxz.io.files import FileError
from jaxz.run import share_cores

_JOB = "job.pickle"
LOCAL = "local:"
"""Before the number of processes on this machine, where the address of a scheduler may be."""

TIMEOUT = 10
"""Seconds that a scheduler may take to answer."""


@contextmanager
def connected(scheduler: str) -> Iterator[Execute]:
    """Give what does parts on a cluster while the block runs.

    Args:
        scheduler: address of a scheduler, as ``tcp://host:8786``; or "local:N" for N processes on this machine, which
            share its cores, and each of which takes an accelerator of its own where there are several.

    Raises:
        FileError: if dask.distributed is not installed, or no scheduler answers at the address.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise FileError(f"scheduler {scheduler}: needs dask.distributed: pip install 'jaxz[cluster]'") from error
    if not scheduler.startswith(LOCAL):
        try:
            client = Client(scheduler, timeout=TIMEOUT, set_as_default=False)
        except (OSError, ValueError) as error:
            raise FileError(
                f"scheduler {scheduler}: does not answer ({error}): start one with `dask scheduler`, or use "
                f"{LOCAL}N for N processes on this machine"
            ) from error
        with client:
            yield on_cluster(client)
        return
    count = scheduler.removeprefix(LOCAL)
    if not (count.isdecimal() and int(count)):
        raise FileError(f"scheduler {scheduler}: give {LOCAL}N with the number of processes")
    # Several processes on one accelerator, and this one beside them, must not each take most of its memory.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    options = {"n_workers": int(count), "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    with LocalCluster(**options) as cluster, Client(cluster, set_as_default=False) as client:
        yield on_cluster(client, local=int(count))


def on_cluster(client: Any, *, local: int | None = None) -> Execute:
    """Return what does parts with a ``distributed.Client``.

    A worker that is lost loses the parts that it held, and others do them. A part that costs four workers their lives
    is given up: its files are told as not read.

    Args:
        client: connected to workers that see the folder of parts and the files under the same names.
        local: number of workers that share this machine; None for workers that have theirs to themselves.
    """

    def execute(
        job: Job, folder: Folder, todo: Sequence[tuple[str, Part]], watcher: Watcher | None
    ) -> Iterator[Record]:
        import cloudpickle
        from distributed import KilledWorker, as_completed

        path = folder.path.absolute() / _JOB
        path.write_bytes(cloudpickle.dumps((job, Folder(folder.output.absolute()))))
        stamp = path.stat().st_mtime_ns
        parts = {
            client.submit(_do, str(path), stamp, key, part, local, pure=False, key=f"jaxz-{key}"): (key, part)
            for key, part in todo
        }
        for future in as_completed(list(parts), loop=client.loop):
            key, part = parts.pop(future)
            try:
                yield future.result()
            except KilledWorker as error:
                reason = f"every worker that measured it was killed ({error}): its spectra may need more memory"
                failures = [Failure(entry.file, f"{entry.file}: {reason}") for entry in part.entries]
                yield folder.keep(key, None, failures, [], job.cards())

    return execute


def _do(path: str, stamp: int, key: str, part: Part, local: int | None) -> Record:
    job, folder = _job(path, stamp)
    return done(job, folder, key, part, devices=None if local is None else _own_share(local))


@functools.lru_cache(maxsize=1)
def _job(path: str, stamp: int) -> tuple[Job, Folder]:
    import cloudpickle

    return cloudpickle.loads(Path(path).read_bytes())


@functools.cache
def _own_share(count: int) -> list[Device]:
    """Return the device of this worker of several on one machine, having left the others their cores."""
    from distributed import get_worker

    share_cores(count)
    devices = jax.local_devices()
    return [devices[int(get_worker().name) % len(devices)]]
