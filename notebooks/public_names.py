"""The public names of jaxz, for its reference and for the tests."""

import importlib
import inspect
import pkgutil
from types import ModuleType
from typing import Any

import jaxz


def public_modules() -> list[str]:
    """Return the public modules, `jaxz` first, the kernels last."""
    kernels = [f"jaxz.kernels.{one.name}" for one in pkgutil.iter_modules(jaxz.kernels.__path__)]
    return ["jaxz", *(f"jaxz.{name}" for name in jaxz._MODULES if name != "kernels"), *kernels]


def public_names(path: str) -> dict[str, Any]:
    """Return the public classes and functions of a public module.

    Those of `jaxz` are in its list, those of a package what it imports, those of a module what it defines. What `jaxz`
    has under a shorter name is not the module's.

    Args:
        path: of the module, such as "jaxz.io".
    """
    short = {name: getattr(jaxz, name) for name in jaxz._HOME}
    if path == "jaxz":
        return short
    module = importlib.import_module(path)
    found = {name: value for name, value in vars(module).items() if _is_public(name, value, module)}
    return {name: value for name, value in found.items() if all(value is not other for other in short.values())}


def _is_public(name: str, value: Any, module: ModuleType) -> bool:
    if name.startswith("_") or not (inspect.isclass(value) or inspect.isfunction(value)):
        return False
    is_package = hasattr(module, "__path__")
    return value.__module__.startswith("jaxz.") if is_package else value.__module__ == module.__name__
