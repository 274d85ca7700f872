"""The public names, for tests that ask something of each."""

import importlib
import inspect
from types import ModuleType
from typing import Any

import jaxz


def public_objects() -> dict[str, Any]:
    """Return the public functions and classes by where users find them: `jaxz`, else one of its public modules."""
    found = {name: getattr(jaxz, name) for name in sorted(jaxz._HOME)}
    for name in jaxz._MODULES:
        module = importlib.import_module(f"jaxz.{name}")
        found |= {f"{name}.{key}": value for key, value in vars(module).items() if is_public(key, value, module)}
    # What `jaxz` and a module both name is the user's under the shorter name.
    return {name: value for name, value in found.items() if "." not in name or value not in map(found.get, jaxz._HOME)}


def is_public(name: str, value: Any, module: ModuleType) -> bool:
    """Tell whether a name of a module is meant for users: all of a package are, and what is defined in a module."""
    if name.startswith("_") or not (inspect.isclass(value) or inspect.isfunction(value)):
        return False
    return value.__module__.startswith("jaxz.") if hasattr(module, "__path__") else value.__module__ == module.__name__
