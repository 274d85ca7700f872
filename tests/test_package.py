"""What `import jaxz` loads and leaves alone, and the public list."""

import importlib.metadata
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
    heavy = {"astropy", "bokeh", "dask", "matplotlib", "numba", "optax", "rich", "typer", "jaxz.io", "jaxz.plot"}
    assert "jaxz.kernels" in loaded
    assert not heavy & set(loaded)


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
