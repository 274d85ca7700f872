"""Examples in docstrings give what they say; they begin with `import jaxz` and `import numpy as np`.

Every public name has one, but for records, which are their fields, and for interfaces and exceptions.
"""

import doctest
import importlib
import inspect
import pkgutil
from dataclasses import is_dataclass
from typing import Any

import equinox as eqx
import jax
import numpy as np
import pytest

import jaxz
from notebooks.public_names import public_modules, public_names

MODULES = sorted(one.name for one in pkgutil.walk_packages(jaxz.__path__, "jaxz.") if one.name != "jaxz.__main__")


def examples(name):
    module = importlib.import_module(name)
    found = doctest.DocTestFinder(exclude_empty=True).find(module, globs={"jaxz": jaxz, "np": np})
    return [one for one in found if one.examples]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    for one in examples(name):
        (tmp_path / one.name).mkdir()
        monkeypatch.chdir(tmp_path / one.name)
        # Users have JAX as it is, not as strict as these tests.
        with jax.numpy_dtype_promotion("standard"):
            failed, _ = doctest.DocTestRunner(verbose=False).run(one)
        assert not failed, f"the example of {one.name} gives something else"


def is_record(value: Any) -> bool:
    """Tell whether a class is fields and nothing else: its docstring says what each is, and functions return it."""
    if not inspect.isclass(value) or issubclass(value, eqx.Module):
        return False
    fields = getattr(value, "_fields", ()) or (is_dataclass(value) and value.__dataclass_fields__) or ()
    own = {name for name in vars(value) if not name.startswith("_")}
    return bool(fields) and own <= set(fields)


def is_interface(value: Any) -> bool:
    """Tell whether a class is one that users write, or that is raised: where it is used there is an example."""
    return inspect.isclass(value) and (getattr(value, "_is_protocol", False) or issubclass(value, (OSError, Warning)))


@pytest.mark.parametrize("module", public_modules())
def test_every_public_name_has_an_example(module):
    shown = {
        name: value for name, value in public_names(module).items() if not (is_record(value) or is_interface(value))
    }
    assert [name for name, value in shown.items() if ">>>" not in inspect.getdoc(value)] == []


def test_there_are_public_names():
    assert {"jaxz", "jaxz.io", "jaxz.posterior", "jaxz.kernels.nnls"} <= set(public_modules())
    assert {"Spectra", "find_redshifts", "load_basis"} <= set(public_names("jaxz"))
    assert {"read", "write"} <= set(public_names("jaxz.io"))
    assert "load_basis" not in public_names("jaxz.io")


def test_there_are_examples():
    assert len(examples("jaxz.validate.metrics")) >= 7
