"""Examples in docstrings give what they say; they begin with `import jaxz` and `import numpy as np`."""

import doctest
import importlib
import pkgutil

import jax
import numpy as np
import pytest

import jaxz

MODULES = sorted(one.name for one in pkgutil.walk_packages(jaxz.__path__, "jaxz.") if one.name != "jaxz.__main__")


def examples(name):
    module = importlib.import_module(name)
    found = doctest.DocTestFinder(exclude_empty=True).find(module, globs={"jaxz": jaxz, "np": np})
    return [one for one in found if one.examples]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for one in examples(name):
        # Users have JAX as it is, not as strict as these tests.
        with jax.numpy_dtype_promotion("standard"):
            failed, _ = doctest.DocTestRunner(verbose=False).run(one)
        assert not failed, f"the example of {one.name} gives something else"


def test_there_are_examples():
    assert len(examples("jaxz.validate.metrics")) >= 7
