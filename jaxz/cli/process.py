"""What the command sets for its own process: a library must not, but a program may."""

import ctypes
import os
import sys
from pathlib import Path

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
"""Options of glibc's mallopt."""

_LARGE = 1 << 30


def prepare() -> None:
    """Keep compiled code between runs, and memory between spectra; JAX, which reads this, is loaded by who needs it.

    Compiled code is kept in JAX's persistent cache, in the user's cache folder, and what it was made of beside it (see
    `jaxz.kept`); ``JAX_COMPILATION_CACHE_DIR`` chooses
    another place, and ``JAX_ENABLE_COMPILATION_CACHE=0`` none. glibc gives arrays of megabytes back to the system as
    soon as they are free, and takes a tenth of the time of a scan to get them again, page by page.
    """
    folder = None if "JAX_COMPILATION_CACHE_DIR" in os.environ else cache_folder()
    if folder is not None:
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.1")
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_MMAP_THRESHOLD, _LARGE)
            mallopt(_TRIM_THRESHOLD, _LARGE)


def cache_folder() -> Path | None:
    """Return the folder for compiled code, ``jaxz`` in the user's cache folder; None where it cannot be made."""
    base = os.environ.get("XDG_CACHE_HOME") or ("~/Library/Caches" if sys.platform == "darwin" else "~/.cache")
    try:
        folder = Path(base).expanduser() / "jaxz"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):
        return None
    return folder if os.access(folder, os.W_OK) else None
