"""`jaxz demo`, `jaxz info`, the help, and that asking for help loads nothing slow."""

import importlib.metadata
import subprocess
import sys

import jax
import pytest

import jaxz
from jaxz import io
from jaxz.mock.galaxy import KINDS

COMMANDS = ("zfind", "evaluate", "plot", "prior", "demo", "info")


def test_demo(run, tmp_path):
    (tmp_path / "jaxz-demo.png").write_text("an earlier one")
    result = run("demo", "-n", 3, "--seed", 4, "-o", tmp_path)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    rows = [line for line in lines if line and line[0] in KINDS]
    assert len(rows) == 3
    for row in rows:
        assert abs(float(row[2]) - float(row[3])) < 0.005 * (1 + float(row[2]))
    assert any(line[:6] == ["within", "0.005(1+z):", "3", "of", "3", "(95"] for line in lines)
    assert (tmp_path / "jaxz-demo.png").read_bytes().startswith(b"\x89PNG")


def test_demo_into_a_folder_that_is_not_there(run, tmp_path):
    result = run("demo", "-o", tmp_path / "none")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"jaxz: {tmp_path}/none/jaxz-demo.png: the folder")
    assert result.stderr.count("\n") == 1


def test_info(run):
    result = run("info")
    assert result.exit_code == 0
    shown = dict(line.split(maxsplit=1) for line in result.stdout.splitlines() if line.strip())
    shown = {name: value.strip() for name, value in shown.items()}
    assert shown["jaxz"] == jaxz.__version__
    for package in ("jax", "jaxlib", "numpy", "astropy"):
        assert shown[package] == importlib.metadata.version(package)
    assert shown["devices"].startswith(jax.devices()[0].platform)
    assert shown["jax_enable_x64"] == "on"
    assert shown["bases"] == ", ".join(io.basis_names())
    assert shown["components"] == ", ".join(io.component_names()) == "desi-lae, desi-sky"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(run, command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"Usage: root {command}" in result.stdout or f" {command} " in result.stdout.splitlines()[1]


def test_without_a_command_the_commands_are_listed(run):
    result = run("--help")
    assert all(command in result.stdout for command in COMMANDS)


def test_the_command_itself_loads_nothing_slow():
    code = "import sys, jaxz; before = {*sys.modules}; import jaxz.cli; print(*{*sys.modules} - before)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "typer" in loaded
    assert not loaded & {"jax", "astropy", "matplotlib", "equinox", "numpy"}
