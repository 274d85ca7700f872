"""Programs kept on disk, beside JAX's compiled code: a process that finds one need not trace it again.

JAX finds compiled code by the program that Python's functions were traced and lowered to, which for one spectrum takes
longer than to measure it. Here that program is found, by what it follows from: the sources of this package, the
releases below it, and the structure and shapes of what it is given. It holds no machine code. Nothing is kept where JAX
keeps nothing (`jax_compilation_cache_dir`, as the command sets it); what cannot be read or written is traced instead.
"""

import functools
import hashlib
import os
import pickle
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox
import jax
import jaxlib
import numpy as np
from jax import export

FOLDER = "programs"
"""In that of compiled code."""


_SETTINGS = ("compilation_cache_dir", "enable_compilation_cache")


def traced_once(function: Callable[..., Any], given: tuple, name: object) -> Callable[..., Any]:
    """Return a function that does the same to arguments of the shapes of these, for `jax.jit` to compile.

    Args:
        function: of arrays in any structure; it is traced only if no earlier process has.
        given: its arguments.
        name: what tells it from other functions of such arguments; its `repr` has to say all.
    """
    place = _place(given, name)
    if place is None:
        return function
    try:
        program, outputs = pickle.loads(place.read_bytes())
        flat = export.deserialize(program).call
    except Exception:  # noqa: BLE001 - whatever is wrong with a file, the function can be traced
        try:
            program, outputs = _exported(function, given)
            flat = export.deserialize(program).call
        except Exception:  # noqa: BLE001 - so it can where it cannot be kept; if it is at fault, that is said then
            return function
        _keep(place, pickle.dumps((program, outputs)))
    structure = jax.tree.structure(outputs)
    return lambda *arguments: jax.tree.unflatten(structure, flat(*jax.tree.leaves(arguments)))


def _exported(function: Callable[..., Any], given: tuple) -> tuple[bytearray, Any]:
    """Return the program as bytes, from leaves to leaves, and its output with numbers for leaves."""
    leaves, structure = jax.tree.flatten(given)
    outputs = []

    def flat(*arguments: Any) -> list:
        every, tree = jax.tree.flatten(function(*jax.tree.unflatten(structure, arguments)))
        outputs.append(jax.tree.unflatten(tree, range(len(every))))
        return every

    program = export.export(jax.jit(flat))(*leaves).serialize()
    return program, outputs[0]


def _keep(place: Path, content: bytes) -> None:
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            (Path(folder) / place.name).write_bytes(content)
            (Path(folder) / place.name).replace(place)
    except OSError:
        return


def _place(given: tuple, name: object) -> Path | None:
    """Return the file of a program; None if there is to be none."""
    folder, enabled = (getattr(jax.config, f"jax_{name}", None) for name in _SETTINGS)
    if not folder or not enabled:
        return None
    leaves, structure = jax.tree.flatten(given)
    shapes = [(leaf.shape, str(leaf.dtype), leaf.weak_type) for leaf in leaves]
    text = repr((structure, shapes, name))
    # An address is another one in the next process.
    return None if " at 0x" in text else Path(folder) / FOLDER / hashlib.sha256(f"{_this()}{text}".encode()).hexdigest()


@functools.cache
def _this() -> str:
    """Return what tells this package, the releases below it and its settings from others."""
    sources = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        sources.update(path.read_bytes())
    releases = [module.__version__ for module in (jax, jaxlib, equinox, np)]
    settings = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("JAX_")]
    return repr((sources.hexdigest(), releases, platform.python_version(), settings))
