"""Writing output files: claimed before the work, never half a file, never over an existing one unasked, never lost."""

import contextlib
import errno
import hashlib
import os
import platform
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from jaxz.io.files import FileError

LONGEST = 100
"""Bytes of an ending that names beside an output take over; file systems allow 255 in a name."""


_OTHERS = {
    ".csv", ".dat", ".ecsv", ".h5", ".hdf5", ".html", ".json", ".npy", ".npz", ".pdf", ".png", ".tsv", ".txt", ".vot",
    ".xlsx", ".xml",
}  # fmt: skip
"""Of names of files that are no FITS."""


def check_output(path: str | Path, *, overwrite: bool = False, inputs: Sequence[str | Path] = ()) -> Path:
    """Return `path` if a file can be written there; to be called before a long computation, too.

    Args:
        path: of the file to be written.
        overwrite: whether it may replace an existing file.
        inputs: files that it must not be.

    Raises:
        FileError: if it is a folder, a device, a pipe, a link or one of the inputs; if it exists and `overwrite` is
            False; or if its folder is missing or not writable, or its name too long.

    Example:
        >>> jaxz.io.check_output("redshifts.fits").name
        'redshifts.fits'
    """
    path = Path(path)
    try:
        if path.is_symlink():
            raise FileError(f"{path}: is a link to {os.readlink(path)}: give the name of the file itself")
        if path.is_dir():
            raise FileError(f"{path}: is a folder: give the name of a file in it")
        if path.exists() and not path.is_file():
            raise FileError(f"{path}: is a device or a pipe: give the name of a file")
        if path.exists() and any(_same(path, given) for given in inputs):
            raise FileError(f"{path}: is one of the inputs: choose another name for the output")
        if path.exists() and not overwrite:
            raise FileError(f"{path}: exists already: choose another name or ask to overwrite it")
        if not path.parent.is_dir():
            raise FileError(f"{path}: the folder {path.parent} does not exist: create it first")
        probe = _beside(path, "probe")
        probe.touch()
        probe.unlink()
    except FileError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"{path}: cannot write in the folder {path.parent}: {reason}") from error
    return path


def check_kind(path: str | Path) -> None:
    """Refuse to write FITS under a name that says it is something else.

    Raises:
        FileError: naming the suffix.
    """
    suffix = Path(str(path).removesuffix(".gz")).suffix.lower()
    if suffix in _OTHERS:
        raise FileError(f"{path}: FITS is written, or Parquet if the name ends in .parquet: let it end in .fits")


def _same(path: Path, other: str | Path) -> bool:
    try:
        return path.samefile(other)
    except (OSError, ValueError):
        return False


@contextmanager
def claimed(path: str | Path) -> Iterator[None]:
    """Keep other processes from writing `path` while the block runs, by a lock that ends with this process.

    Raises:
        FileError: if another process has claimed it.

    Example:
        >>> with jaxz.io.claimed("redshifts.fits"):
        ...     text = "no other process writes it now"
    """
    path = Path(path)
    name = _beside(path.absolute(), "lock", own=False)
    lock = FileLock(name)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise FileError(f"{path}: another run is writing it: wait for it, or choose another name") from None
    except NotImplementedError:
        pass  # a file system without locks: there is none to hold
    except OSError as error:
        raise FileError(f"{path}: cannot be claimed ({name}): {error.strerror or error}") from error
    try:
        yield
    finally:
        # Removed while it is held, so that no other process has just claimed it.
        name.unlink(missing_ok=True)
        lock.release()


@contextmanager
def replacing(path: str | Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary name in the folder of `path` to write to; it becomes `path` only if all went well.

    A file that is replaced hands on its mode. Where the file is complete but cannot be put in place, because another
    appeared there meanwhile, say, it is kept under another name, which the error tells.

    Raises:
        FileError: as `check_output`, or if writing fails (a full disk).
    """
    path = check_output(path, overwrite=overwrite)
    unfinished = _beside(path, "unfinished")
    try:
        yield unfinished
        _flush(unfinished)
        _put(unfinished, path, overwrite=overwrite)
    except FileError:
        raise
    except OSError as error:
        raise FileError(f"{path}: could not be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Bring a file to the disk before it gets its name, so that a loss of power leaves no empty one there."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())


def _put(unfinished: Path, path: Path, *, overwrite: bool) -> None:
    try:
        if overwrite:
            with contextlib.suppress(FileNotFoundError):
                unfinished.chmod(stat.S_IMODE(path.stat().st_mode))
            os.replace(unfinished, path)
        else:
            _put_if_absent(unfinished, path)
    except OSError as error:
        rescue = path.with_name(f"{path.name[:LONGEST]}.rescued-{os.getpid()}")
        os.replace(unfinished, rescue)
        raise FileError(
            f"{path}: could not be put in place: {error.strerror or error}: the complete file is {rescue}: rename it"
        ) from error


def _put_if_absent(unfinished: Path, path: Path) -> None:
    try:
        os.link(unfinished, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        # No links on this file system. The name is taken first, so that the file of another is never replaced.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        os.replace(unfinished, path)


def _beside(path: Path, what: str, *, own: bool = True) -> Path:
    """Return a hidden name in the folder of `path`, no longer than file systems allow, with the ending of `path`.

    Astropy compresses what ends in ``.gz``.

    Args:
        path: of an output.
        what: for a reader of the folder.
        own: whether the name is of this process alone.
    """
    # Jobs of an array share a folder, and have equal numbers on different machines.
    number = f"{platform.node()}.{os.getpid()}." if own else ""
    name = path.name
    if len(name.encode()) > LONGEST:
        name = hashlib.sha256(name.encode()).hexdigest()[:16] + "".join(path.suffixes)[-20:]
    return path.with_name(f".{number}{what}.{name}")
