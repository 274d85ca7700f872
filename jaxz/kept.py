"""Programs kept on disk, beside JAX's compiled code: a process that finds one need not trace it again.

JAX finds compiled code by the program that Python's functions were traced and lowered to, which for one spectrum takes
longer than to measure it. Here that program is found, by what it follows from: the sources of this package, the
releases below it, JAX's settings, and the structure and shapes of what it is given. It holds no machine code. Nothing
is kept where JAX keeps nothing (`jax_compilation_cache_dir`, as the command sets it); what cannot be read or written is
traced instead.
"""

import functools
import hashlib
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


def traced_once(function: Callable[..., Any], given: tuple, name: object) -> Callable[..., Any]:
    """Return a function that does the same to arguments of the shapes of these, for `jax.jit` to compile.

    Args:
        function: of arrays in any structure; it is traced only if no earlier process has.
        given: its arguments.
        name: what tells it from other functions of such arguments; its `repr` has to say all.
    """
    place = _place(given, name)
    found = None if place is None else _read(place) or _made(function, given, place)
    if found is None:
        return function
    program, outputs = found
    structure = jax.tree.structure(outputs)
    return lambda *arguments: jax.tree.unflatten(structure, program.call(*jax.tree.leaves(arguments)))


def _read(place: Path) -> tuple[export.Exported, Any] | None:
    """Return the program of a file, from leaves to leaves, and its output with numbers for leaves."""
    try:
        program, outputs = pickle.loads(place.read_bytes())
        return export.deserialize(program), outputs
    except Exception:  # noqa: BLE001 - whatever is wrong with a file, the function can be traced
        return None


def _made(function: Callable[..., Any], given: tuple, place: Path) -> tuple[export.Exported, Any] | None:
    """Return the same of a function, and keep it; None where it cannot be kept, or is at fault, which is said later."""
    leaves, structure = jax.tree.flatten(given)
    outputs = []

    def flat(*arguments: Any) -> list:
        every, tree = jax.tree.flatten(function(*jax.tree.unflatten(structure, arguments)))
        outputs.append(jax.tree.unflatten(tree, range(len(every))))
        return every

    try:
        program = export.export(jax.jit(flat))(*leaves)
        content = pickle.dumps((program.serialize(), outputs[0]))
    except Exception:  # noqa: BLE001 - it can be traced again, without
        return None
    _keep(place, content)
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
    settings = jax.config.values
    folder = settings["jax_compilation_cache_dir"]
    if not folder or not settings["jax_enable_compilation_cache"]:
        return None
    leaves, structure = jax.tree.flatten(given)
    shapes = [(leaf.shape, str(leaf.dtype), leaf.weak_type) for leaf in leaves]
    text = repr((_this(), sorted(settings.items()), structure, shapes, name))
    # An address is another one in the next process.
    return None if " at 0x" in text else Path(folder) / FOLDER / hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def _this() -> str:
    """Return what tells this package and the releases below it from others."""
    sources = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        sources.update(path.read_bytes())
    releases = [module.__version__ for module in (jax, jaxlib, equinox, np)]
    return repr((sources.hexdigest(), releases, platform.python_version()))
