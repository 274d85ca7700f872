"""What `import jaxz` loads and leaves alone, and the public list."""

import ast
import importlib.metadata
import inspect
import json
import subprocess
import sys

import pytest

import jaxz


def run_python(code: str) -> str:
    """Return what `code` prints in an interpreter of its own, untouched by the settings of these tests."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_import_is_light():
    loaded = json.loads(run_python("import json, sys, jaxz; print(json.dumps(list(sys.modules)))"))
    heavy = {"astropy", "bokeh", "dask", "jax", "matplotlib", "numba", "numpy", "optax", "rich", "typer"}
    heavy |= {"jaxz.io", "jaxz.plot"}
    assert "jaxz" in loaded
    assert not heavy & set(loaded)


def test_what_is_measured_with_needs_no_files_and_figures():
    loaded = json.loads(run_python("import json, sys, jaxz; jaxz.find_redshifts; print(json.dumps(list(sys.modules)))"))
    assert {"jax", "jaxz.kernels", "jaxz.redshift"} <= set(loaded)
    assert not {"astropy", "matplotlib", "optax", "typer", "jaxz.io", "jaxz.plot"} & set(loaded)


def test_names_are_those_that_type_checkers_see():
    tree = ast.parse(inspect.getsource(jaxz))
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name: node.module for node in checked.body for alias in node.names}
    named = {name: f"jaxz.{module}" for module, names in jaxz._NAMES.items() for name in names}
    assert seen == named | dict.fromkeys(jaxz._MODULES, "jaxz")


@pytest.mark.parametrize("name", ["scan", "compare", "rivals"])
def test_a_function_is_not_hidden_by_its_module(name):
    assert run_python(f"import jaxz, jaxz.{name}; print(callable(jaxz.{name}))").strip() == "True"


def test_import_leaves_jax_alone():
    code = """
import jax
before = dict(jax.config.values)
import jaxz
changed = {k for k, v in jax.config.values.items() if k in before and before[k] != v}
print(changed or "", *jax.live_arrays(), sep="")
"""
    assert run_python(code).strip() == ""


@pytest.mark.parametrize("name", ["inspect", "io", "mock", "plot", "validate"])
def test_modules_are_loaded_when_touched(name):
    assert run_python(f"import jaxz; print(jaxz.{name}.__name__)").strip() == f"jaxz.{name}"


def test_public_names_exist():
    public = {name for name in dir(jaxz) if not name.startswith("_")}
    assert {"Basis", "LogGrid", "Spectra", "find_redshifts", "io", "kernels", "load_basis", "nmf_scan"} <= public
    assert all(hasattr(jaxz, name) for name in public)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'jaxz' has no attribute 'nonsense'"):
        _ = jaxz.nonsense


def test_version_is_that_of_the_distribution():
    assert jaxz.__version__ == importlib.metadata.version("jaxz")


def test_module_runs_as_the_command():
    done = subprocess.run([sys.executable, "-m", "jaxz", "--help"], capture_output=True, text=True, check=True)
    assert "zfind" in done.stdout
