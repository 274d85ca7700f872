"""The one loop: rows of a sample → batches of one shape → devices → a function of one spectrum → rows again.

It alone turns on JAX's x64 mode, chooses between one spectrum after the other, which a CPU wants, whose cache holds the
arrays of one, and a batch side by side, which an accelerator wants, spreads batches over devices, and says how far it
is. What a function returns for a spectrum does not depend on the others, on the size of the batches or on their order.
"""

import functools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from jaxz._typing import Array, Device, Int
from jaxz.kept import traced_once
from jaxz.models.model import Task
from jaxz.pixels import PARTS, PIXELS, bucket, gather, layout
from jaxz.spectra import Spectra

SERIAL = 16
"""Spectra that one core of a CPU takes at a time; of fewer no more is computed than there are."""

Progress = Callable[[int, int], None]
"""Called with the number of spectra done and of all, after each batch."""


def run(
    task: Task,
    spectra: Spectra | None,
    rows: np.ndarray,
    inputs: Sequence[np.ndarray | Array] = (),
    *,
    step: float = 0.0,
    columns: np.ndarray | None = None,
    parts: int | None = PARTS,
    resident: bool = False,
    batch_size: int = 64,
    devices: Sequence[Device] | None = None,
    progress: Progress | None = None,
) -> Any:
    """Return what a task gives for some spectra, as NumPy arrays (spec, …): NaN, 0 or False in the other rows.

    What it gives for each pixel, the last axis, is as long as its input, which long spectra have longer than others:
    the ends of these are filled up likewise. `jaxz.pixels.native` puts it where the pixels are.

    Args:
        task: what to do with one spectrum.
        spectra: the sample; None for a task that works on `inputs` alone.
        rows: indices of the spectra wanted.
        inputs: (spec, …) arrays of which the task gets the row of its spectrum.
        step: of the lattice that pixels are measured on, dex.
        columns: (spec, comp, pix) of each spectrum's own in its native pixels, which the task gets after all else.
        parts: of a lattice pixel, in each of which pixels are put together (see `jaxz.pixels.gather`).
        resident: whether arrays of more than one number for each spectrum stay on an accelerator, the first, as JAX
            arrays. On a CPU there is no difference.
        batch_size: spectra on a device at a time.
        devices: that share the work; all that JAX shows if absent.
        progress: told after each batch.

    Raises:
        ValueError: if `batch_size` is not positive.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size={batch_size}: use 1 or more")
    devices = list(devices or jax.local_devices())
    serial = one_by_one(devices)
    nspec = len(spectra) if spectra is not None else len(inputs[0])
    with jax.enable_x64(True):
        tasks = [jax.device_put(task, device) for device in devices]

    def work(item: tuple[int, tuple[np.ndarray, int, int]]) -> Any:
        number, (part, batch, size) = item
        device = devices[number % len(devices)]
        with jax.enable_x64(True):
            count, given = jax.device_put((np.int32(len(part)), arguments(part, batch, size)), device)
            found = _compiled_once(tasks[number % len(devices)], serial, count, given, str(device))
            return jax.tree.map(lambda values: fetched(values[: len(part)]), found)

    def fetched(values: Array) -> np.ndarray | Array:
        return values if resident and not serial and values.ndim > 1 else np.asarray(values)

    def arguments(part: np.ndarray, batch: int, size: int) -> tuple:
        given = tuple(_filled(values[part], batch) for values in inputs)
        if spectra is None or where is None:
            return given
        pixels, own = gather(spectra, part, where, step, batch, size, parts=parts, columns=columns)
        return (pixels, *given) if own is None else (pixels, *given, own)

    where = None if spectra is None else layout(spectra, step)
    npix = np.zeros(nspec, dtype=int)
    if where is not None and spectra is not None:
        npix = where.end - where.first
        if parts == PARTS or (parts is not None and spectra.resolution is None):
            npix = np.minimum(npix, parts * where.size + 2)
    batches = _batches(rows, npix, batch_size, serial, len(devices))
    shares: list[tuple[np.ndarray, Any]] = []
    result, done = None, 0
    for (_, (part, *_)), found in each(work, enumerate(batches), workers(devices)):
        here, there = eqx.partition(found, lambda values: isinstance(values, np.ndarray))
        if result is None:
            result = jax.tree.map(lambda values: _blank(nspec, values), here)
        result = jax.tree.map(functools.partial(_put, rows=part), result, here)
        shares.append((part, jax.device_put(there, devices[0])))
        done += len(part)
        if progress is not None:
            progress(done, len(rows))
    if result is None:
        return _shapes(tasks[0], inputs, columns, nspec, spectra, serial)
    return eqx.combine(result, _joined(shares, nspec))


def _put(whole: np.ndarray, values: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return an array with some of its rows set; what is for each pixel grows to the longest spectrum so far."""
    if values.ndim == 1:
        whole[rows] = values
        return whole
    width = max(whole.shape[-1], values.shape[-1])
    if whole.shape[-1] < width:
        longer = _blank(len(whole), np.zeros((0, *whole.shape[1:-1], width), whole.dtype))
        longer[..., : whole.shape[-1]] = whole
        whole = longer
    whole[rows, ..., : values.shape[-1]] = values
    return whole


def _joined(shares: Sequence[tuple[np.ndarray, Any]], nspec: int) -> Any:
    """Return arrays that are on a device as those of `nspec` spectra, NaN where there is none."""
    rows = np.concatenate([part for part, _ in shares])

    def whole(*values: Array) -> Array:
        together = jnp.concatenate(values)
        return jnp.full((nspec, *together.shape[1:]), jnp.nan, together.dtype).at[rows].set(together)

    with jax.enable_x64(True):
        return jax.tree.map(whole, *(found for _, found in shares))


def _batches(
    rows: np.ndarray, npix: np.ndarray, batch_size: int, serial: bool, ndevice: int
) -> Iterator[tuple[np.ndarray, int, int]]:
    """Yield rows of one shape, how many spectra their arrays hold, and how many pixels."""
    sizes = np.array([bucket(int(n), PIXELS) for n in npix[rows]], dtype=int)
    for size in np.unique(sizes):
        members = rows[sizes == size]
        # Long spectra are fewer at a time, so that they take no more memory.
        most = max((SERIAL if serial else batch_size) * PIXELS // int(size), 1)
        share = -(-len(members) // (cores() if serial else ndevice))
        taken = max(min(most, batch_size, share), 1)
        for begin in range(0, len(members), taken):
            part = members[begin : begin + taken]
            yield part, most if serial else min(most, 1 << (len(part) - 1).bit_length()), int(size)


def _filled(values: np.ndarray | Array, batch: int) -> np.ndarray | Array:
    missing = batch - len(values)
    if not missing:
        return values
    xp = jnp if isinstance(values, jax.Array) else np
    return xp.concatenate([values, xp.broadcast_to(values[:1], (missing, *values.shape[1:]))])


def _blank(nspec: int, values: np.ndarray) -> np.ndarray:
    fill = np.nan if values.dtype.kind == "f" else 0
    return np.full((nspec, *values.shape[1:]), fill, dtype=values.dtype)


def _shapes(
    task: Task, inputs: Sequence, columns: np.ndarray | None, nspec: int, spectra: Spectra | None, serial: bool
) -> Any:
    """Return what `run` returns where no row is wanted."""
    with jax.enable_x64(True):
        given = [jax.ShapeDtypeStruct(values.shape[1:], values.dtype) for values in inputs]
        if spectra is not None:
            blank = Spectra(np.arange(1.0, 3.0), np.ones((1, 2)), np.ones((1, 2)))
            one, _ = gather(blank, np.zeros(1, int), layout(blank, 0.1), 0.1, 1, PIXELS, parts=PARTS)
            given.insert(0, jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), one))
        if columns is not None:
            given.append(jax.ShapeDtypeStruct((columns.shape[1], PIXELS), np.float64))
        found = jax.eval_shape(functools.partial(task, serial), *given)
    return jax.tree.map(lambda s: _blank(nspec, np.zeros((0, *s.shape), s.dtype)), found)


@functools.cache
def _options() -> dict[str, bool]:
    """Return what makes XLA's compiler for CPUs quick, where this release knows it.

    Its older way of making loops of fused operations takes half the time, and the loops are as fast.
    """
    options = {"xla_cpu_use_fusion_emitters": False}
    try:
        jax.jit(lambda: 0, compiler_options=options).lower().compile()
    except jax.errors.JaxRuntimeError:
        return {}
    return options


def _batch(serial: bool, task: Task, count: Int[Array, ""], inputs: tuple) -> Any:
    """Apply a task to each of the first `count` rows of its inputs."""
    if not serial:
        return jax.vmap(functools.partial(task, serial))(*inputs)

    def one(row: Int[Array, ""]) -> Any:
        return task(serial, *jax.tree.map(lambda values: values[row], inputs))

    size = len(jax.tree.leaves(inputs)[0])
    start = jax.tree.map(lambda s: jnp.zeros((size, *s.shape), s.dtype), jax.eval_shape(one, jnp.int32(0)))
    put = functools.partial(jax.tree.map, lambda whole, values, row: whole.at[row].set(values))
    return jax.lax.fori_loop(
        0, count, lambda row, whole: put(whole, one(row), jax.tree.map(lambda _: row, whole)), start
    )


_ready: dict[Any, Callable[..., Any]] = {}
_lock = threading.Lock()


def _compiled_once(task: Task, serial: bool, count: Array, inputs: tuple, device: str) -> Any:
    """Call the program; where it has to be compiled, only one thread does so and the others wait for it."""
    leaves, structure = jax.tree.flatten((task, inputs))
    key = (structure, tuple((leaf.shape, str(leaf.dtype)) for leaf in leaves), serial, device)
    if key not in _ready:
        with _lock:
            if key not in _ready:
                _ready[key] = program(task, serial, count, inputs)
    return jax.block_until_ready(_ready[key](task, count, inputs))


def program(task: Task, serial: bool, count: Array, inputs: tuple) -> Callable[..., Any]:
    """Return the compiled function (task, count, inputs) → what the task gives for a batch of these shapes."""
    batch = functools.partial(_batch, serial)
    kept = traced_once(batch, (task, count, inputs), "batch") if serial else batch
    return jax.jit(kept, compiler_options=_options()).lower(task, count, inputs).compile()


def compiling() -> bool:
    """Return whether `run` waits for the compiler now."""
    return _lock.locked()


def programs() -> int:
    """Return how many programs this process has compiled for `run`: one for each task, size and device."""
    return len(_ready)


_processes = 1


def share_cores(processes: int) -> None:
    """Have this process use its part of the cores only, as one of several on a machine.

    It is not bound to some of them: XLA divides sums by the number of cores that it sees, and their last digit depends
    on it.
    """
    global _processes
    _processes = processes


def cores() -> int:
    """Return the number of processor cores that this process is to use."""
    seen = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(seen // _processes, 1)


def one_by_one(devices: Sequence[Device]) -> bool:
    """Return whether spectra are best taken one after the other: on a CPU, whose cache holds the arrays of one."""
    return devices[0].platform == "cpu"


def workers(devices: Sequence[Device]) -> int:
    """Return how many batches are in work at once.

    One for each core of a CPU, which is filled by many spectra, each on a core of its own, better than by the
    operations of one; two for each accelerator, so that the next is made ready while one is computed.
    """
    return cores() if one_by_one(devices) else 2 * len(devices)


Item = TypeVar("Item")
Result = TypeVar("Result")


def each(task: Callable[[Item], Result], items: Iterable[Item], nworker: int) -> Iterator[tuple[Item, Result]]:
    """Yield each item with the result of `task`, in order, `nworker` of them in work and no more waiting."""
    with ThreadPoolExecutor(nworker) as pool:
        pending: deque = deque()
        for item in items:
            pending.append((item, pool.submit(task, item)))
            if len(pending) > nworker:
                done, future = pending.popleft()
                yield done, future.result()
        for done, future in pending:
            yield done, future.result()
