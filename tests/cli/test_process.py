"""What the command sets for its own process."""

import subprocess
import sys

import pytest

from jaxz.cli import process

WORK = """
from jaxz.cli import process
process.prepare()
import jax

@jax.jit
def long_to_compile(x):
    for _ in range(60):
        x = jax.numpy.sort(jax.numpy.sin(x @ x))
    return x

long_to_compile(jax.numpy.ones((30, 30)))
print(jax.config.jax_compilation_cache_dir)
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    return tmp_path


def work():
    return subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, check=True).stdout.strip()


def test_compiled_code_is_kept_in_the_users_cache(home):
    assert work() == str(home / "cache" / "jaxz")
    assert any((home / "cache" / "jaxz").iterdir())


def test_the_users_own_choice_is_kept(home, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(home / "mine"))
    assert work() == str(home / "mine")


def test_a_cache_that_cannot_be_made_is_done_without(home, monkeypatch):
    (home / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "file"))
    assert process.cache_folder() is None
    assert work() == "None"


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["zfind", "--help"], ["prior", "sky", "--help"]])
def test_help_does_not_wait_for_jax(arguments):
    code = f"""
import sys
from jaxz.cli import app
app({arguments}, standalone_mode=False)
print([name for name in ("jax", "astropy", "matplotlib") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
