"""Calibration files: what is written is read, and what is none says so."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

import jaxz
from jaxz import Calibration, ErrorModel, NonNegative, io
from jaxz.calibration import PLAIN, fingerprint

MADE = Calibration(2.5, 3.0, 11.5, 1.4, 30.0, 150.0, 0.97, name="made", models=("a" * 64, "b" * 64))


@pytest.mark.parametrize("calibration", [MADE, Calibration(), PLAIN])
def test_what_was_written_is_read(calibration: Calibration, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    io.write_calibration(calibration, path, note="é")
    assert io.load_calibration(path) == calibration
    with pytest.raises(io.FileError, match="exists already"):
        io.write_calibration(calibration, path)


@pytest.mark.parametrize("name", io.calibration_names())
def test_shipped_ones_are_for_the_shipped_models(name: str) -> None:
    """A new basis or error model needs new calibrations: `python -m benchmarks.calibrations`."""
    found = jaxz.load_calibration(name)
    models = [NonNegative(jaxz.load_basis(one), error=ErrorModel()) for one in ("galaxy", "star", "qso")]
    assert found.name == name
    assert found.models == tuple(map(fingerprint, models))


def test_the_default_has_a_name() -> None:
    assert io.load_calibration("default") == Calibration()


def test_an_unknown_name_lists_the_known_ones() -> None:
    known = ", ".join(["default", *io.calibration_names()])
    with pytest.raises(
        io.FileError, match=f"nonsense: no such calibration file or calibration; .*: {re.escape(known)}$"
    ):
        io.load_calibration("nonsense")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"temperature": None}, "not a calibration file: no temperature: learn it again"),
        ({"temperature": "hot"}, "temperature: needs a number"),
        ({"temperature": True}, "temperature: needs a number"),
        ({"temperature": 0}, "temperature=0.*: use a positive number"),
        ({"level": 1.5}, "level=1.5: use a share"),
        ({"optical": float("nan")}, "optical=nan: use 0 or more"),
        ({"models": "abc"}, "models: needs a number, and a list of models"),
    ],
)
def test_wrong_entries_are_named(changed: dict[str, object], message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    io.write_calibration(MADE, path)
    stored = json.loads(path.read_text()) | changed
    path.write_text(json.dumps({key: value for key, value in stored.items() if value is not None}))
    with pytest.raises(io.FileError, match=rf"x\.json: .*{message}"):
        io.read_calibration(path)


@pytest.mark.parametrize(("text", "message"), [("{", "no JSON"), ("[1]", "no JSON object"), ("\udcff", "no JSON")])
def test_other_files_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(io.FileError, match=message):
        io.read_calibration(tmp_path / "x.json")
    with pytest.raises(io.FileError, match="cannot be opened: No such file"):
        io.read_calibration(tmp_path / "y.json")


def test_a_fingerprint_is_of_basis_and_error_model() -> None:
    basis = jaxz.load_basis("star")
    one = fingerprint(NonNegative(basis, error=ErrorModel()))
    assert one == fingerprint(NonNegative(jaxz.load_basis("star"), error=ErrorModel()))
    assert one != fingerprint(NonNegative(basis, error=ErrorModel(0.2)))
    assert one != fingerprint(NonNegative(basis))
    vectors = np.array(basis.vectors)
    vectors[0, 0] += 1e-3
    assert one != fingerprint(NonNegative(dataclasses.replace(basis, vectors=vectors), error=ErrorModel()))
