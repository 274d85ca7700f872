"""Calibration files, and the calibrations that come with jaxz: JSON, one object of numbers and words."""

import dataclasses
import json
from importlib import resources
from pathlib import Path

from jaxz.calibration import Calibration
from jaxz.io.files import FileError, damage_named, opened
from jaxz.io.output import replacing

_SHIPPED = resources.files("jaxz") / "data"
_NUMBERS = tuple(field.name for field in dataclasses.fields(Calibration) if field.name not in ("name", "models"))


def calibration_names() -> list[str]:
    """Return the names of the calibrations that come with jaxz.

    Example:
        >>> "vandels" in jaxz.io.calibration_names()
        True
    """
    names = [item.name for item in _SHIPPED.iterdir()]
    return sorted(name[len("calibration-") : -len(".json")] for name in names if name.startswith("calibration-"))


def load_calibration(name_or_path: str | Path) -> Calibration:
    """Return a calibration by name, or from a file.

    Args:
        name_or_path: one of `calibration_names`, "default", or the path of a file of `write_calibration`.

    Raises:
        FileError: if there is neither such a calibration nor such a file (the message lists the known names), or the
            file is not one.

    Example:
        >>> jaxz.load_calibration("vandels").name
        'vandels'
    """
    if name_or_path == "default":
        return Calibration()
    if name_or_path in calibration_names():
        with resources.as_file(_SHIPPED / f"calibration-{name_or_path}.json") as path:
            return read_calibration(path)
    if not Path(name_or_path).is_file():
        known = ", ".join(["default", *calibration_names()])
        raise FileError(f"{name_or_path}: no such calibration file or calibration; known calibrations: {known}")
    return read_calibration(name_or_path)


def read_calibration(path: str | Path) -> Calibration:
    """Read a calibration file.

    Args:
        path: of the file.

    Raises:
        FileError: if it cannot be read, is no JSON object, or lacks an entry or holds a wrong one.

    Example:
        >>> jaxz.io.write_calibration(jaxz.Calibration(), "mine.json", overwrite=True)
        >>> jaxz.io.read_calibration("mine.json") == jaxz.Calibration()
        True
    """
    with damage_named(path):
        return _calibration(Path(path))


def _calibration(path: Path) -> Calibration:
    try:
        with opened(path) as stream:
            stored = json.loads(stream.read())
    except ValueError as error:
        raise FileError(f"{path}: not a calibration file: no JSON ({error}): give one of `jaxz calibrate`") from error
    if not isinstance(stored, dict):
        raise FileError(f"{path}: not a calibration file: no JSON object: give one of `jaxz calibrate`")
    missing = [name for name in ("name", "models", *_NUMBERS) if name not in stored]
    if missing:
        raise FileError(
            f"{path}: not a calibration file: no {', '.join(missing)}: learn it again with `jaxz calibrate`"
        )
    wrong = [name for name in _NUMBERS if type(stored[name]) not in (int, float)]
    if wrong or not isinstance(stored["models"], list):
        raise FileError(f"{path}: {', '.join(wrong) or 'models'}: needs a number, and a list of models: correct it")
    try:
        numbers = {name: float(stored[name]) for name in _NUMBERS}
        return Calibration(**numbers, name=str(stored["name"]), models=tuple(map(str, stored["models"])))
    except ValueError as error:
        raise FileError(f"{path}: {error}") from error


def write_calibration(calibration: Calibration, path: str | Path, *, note: str = "", overwrite: bool = False) -> None:
    """Write a calibration; `read_calibration` returns an equal one.

    Args:
        calibration: what to write.
        path: of the file; it appears only when it is complete.
        note: what it was learned from, in words.
        overwrite: whether to replace an existing file.

    Raises:
        FileError: as `check_output`.

    Example:
        >>> jaxz.io.write_calibration(jaxz.Calibration(), "mine.json", overwrite=True)
    """
    numbers = {name: float(getattr(calibration, name)) for name in _NUMBERS}
    stored = {"name": calibration.name, "note": note, **numbers, "models": list(calibration.models)}
    with replacing(path, overwrite=overwrite) as unfinished:
        Path(unfinished).write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
