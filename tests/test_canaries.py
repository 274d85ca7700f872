"""One canary for each net: each test here fails if the net that others rely on is not there."""

import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import jaxtyping
import pytest

from jaxz.kernels.nnls import nnls

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = Path(sys.executable).parent


def run(*command: str | Path, folder: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, input=stdin, capture_output=True, text=True, check=False)


def test_wrong_shape_raises():
    with pytest.raises(jaxtyping.TypeCheckError, match="rhs"):
        nnls(jnp.ones((2, 2, 1)), jnp.ones((3, 1)))


def test_x64_is_on():
    assert jnp.asarray(1.0).dtype == jnp.float64


def test_mixed_dtypes_raise():
    with pytest.raises(ValueError, match="strict"):
        jnp.ones(2, jnp.float32) + jnp.ones(2, jnp.float64)


def test_mixed_ranks_raise():
    with pytest.raises(ValueError, match="rank"):
        jnp.ones((2, 3)) + jnp.ones(3)


def test_warnings_are_errors():
    with pytest.raises(RuntimeWarning, match="planted"):
        warnings.warn("planted", RuntimeWarning, stacklevel=1)


def test_second_compilation_raises():
    @eqx.filter_jit
    @eqx.debug.assert_max_traces(max_traces=1)
    def double(x):
        return x + x

    double(jnp.ones(2))
    double(jnp.zeros(2))
    with pytest.raises(RuntimeError, match="traced"):
        double(jnp.ones(3))


@pytest.mark.parametrize(
    ("planted", "complaint"),
    [
        ("@pytest.mark.no_such_marker\ndef test(): pass", "no_such_marker"),
        ("@pytest.mark.xfail\ndef test(): pass", "XPASS(strict)"),
    ],
)
def test_pytest_is_strict(tmp_path, planted, complaint):
    tmp_path.joinpath("test_planted.py").write_text(f"import pytest\n\n{planted}\n")
    done = run(sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", tmp_path, folder=tmp_path)
    assert done.returncode != 0
    assert complaint in done.stdout


def test_ruff_finds_an_unused_import():
    check = [SCRIPTS / "ruff", "check", "--no-cache", "--stdin-filename", "jaxz/planted.py", "-"]
    clean = '"""A module."""\n'
    assert run(*check, folder=ROOT, stdin=clean).returncode == 0
    done = run(*check, folder=ROOT, stdin=clean + "\nimport os\n")
    assert done.returncode == 1
    assert "F401" in done.stdout


@pytest.mark.parametrize(
    ("module", "planted", "contract"),
    [
        ("spectra.py", "import jaxz.scan", "levels"),
        ("kernels/planted.py", "import astropy", "one home"),
        ("planted.py", "import jaxz.spectra", "levels"),
    ],
)
def test_import_linter_finds_a_planted_import(tmp_path, module, planted, contract):
    shutil.copytree(ROOT / "jaxz", tmp_path / "jaxz", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    lint = [SCRIPTS / "lint-imports", "--no-cache"]
    clean = run(*lint, folder=tmp_path)
    assert clean.returncode == 0, clean.stdout
    with tmp_path.joinpath("jaxz", module).open("a") as file:
        file.write(f"\n{planted}\n")
    done = run(*lint, folder=tmp_path)
    assert done.returncode == 1
    assert any(contract in line and "BROKEN" in line for line in done.stdout.splitlines()), done.stdout
