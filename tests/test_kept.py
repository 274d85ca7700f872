"""Programs that are kept between processes: found again only where they are the same, and never needed."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxz
from jaxz import kept
from jaxz.kept import traced_once
from jaxz.models.error import ErrorModel
from tests import small


class Pair(NamedTuple):
    sine: jax.Array
    total: jax.Array


class Task(eqx.Module):
    factor: jax.Array
    order: int = eqx.field(static=True)


@pytest.fixture
def folder(tmp_path):
    """A cache of its own, which JAX is told of."""
    before = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    yield tmp_path / kept.FOLDER
    jax.config.update("jax_compilation_cache_dir", before)


class Counted:
    """A function that knows how often it was traced."""

    def __init__(self):
        self.times = 0

    def __call__(self, task, x):
        self.times += 1
        return Pair(jnp.sin(x) * task.factor**task.order, jnp.sum(x))


def given(order=2, size=5, dtype=np.float32):
    return Task(jnp.float32(3.0), order), jnp.arange(size, dtype=dtype)


def test_a_program_is_traced_by_one_process_alone(folder):
    arguments, first, second = given(), Counted(), Counted()
    wanted = first(*arguments)
    one = jax.jit(traced_once(first, arguments, "f"))(*arguments)
    other = jax.jit(traced_once(second, arguments, "f"))(*arguments)
    assert (first.times, second.times) == (2, 0)
    assert len([*folder.iterdir()]) == 1
    for found in (one, other):
        assert isinstance(found, Pair)
        np.testing.assert_allclose(found.sine, wanted.sine, rtol=1e-6)
        assert found.total == wanted.total


@pytest.mark.parametrize("change", [{"order": 3}, {"size": 6}, {"dtype": np.int32}, {"name": "g"}])
def test_what_is_not_the_same_is_another_program(folder, change):
    traced_once(Counted(), given(), "f")
    name, other = change.pop("name", "f"), Counted()
    arguments = given(**change)
    found = jax.jit(traced_once(other, arguments, name))(*arguments)
    assert other.times == 1
    assert len([*folder.iterdir()]) == 2
    np.testing.assert_allclose(found.sine, other(*arguments).sine, rtol=1e-6)


def test_other_sources_or_settings_are_other_programs(folder, monkeypatch):
    traced_once(Counted(), given(), "f")
    monkeypatch.setattr(kept, "_this", lambda: "another release")
    again = Counted()
    traced_once(again, given(), "f")
    assert again.times == 1
    before = jax.config.jax_default_matmul_precision
    jax.config.update("jax_default_matmul_precision", "float32")
    traced_once(again, given(), "f")
    jax.config.update("jax_default_matmul_precision", before)
    assert again.times == 2


@pytest.mark.parametrize("content", [b"", b"not a pickle", b"\x80\x04N."])
def test_a_damaged_file_is_replaced(folder, content):
    traced_once(Counted(), given(), "f")
    (file,) = folder.iterdir()
    file.write_bytes(content)
    again, other = Counted(), Counted()
    assert jax.jit(traced_once(again, given(), "f"))(*given()).total == 10
    traced_once(other, given(), "f")
    assert (again.times, other.times) == (1, 0)


def test_where_nothing_can_be_kept_the_function_itself_is_used(folder, monkeypatch):
    function = Counted()
    # Its address, which is in its name, is another one in the next process.
    assert traced_once(function, given(), object()) is function
    folder.write_text("a file where the folder should be")
    assert jax.jit(traced_once(Counted(), given(), "f"))(*given()).total == 10
    monkeypatch.setattr(kept, "_place", lambda given, name: None)
    assert traced_once(function, given(), "f") is function


def test_all_that_is_static_in_a_task_is_in_the_name_of_its_program(folder):
    """Of which the `repr` of a structure is a part: settings that no array shows."""
    spectra, _ = small.spectra(np.random.default_rng(1), 0.1, 20.0)
    settings = [
        {"zmax": 0.2},
        {"zmax": 0.21},
        {"zmax": 0.2, "zmin": 0.01},
        {"zmax": 0.2, "error": ErrorModel(order=4)},
        {"zmax": 0.2, "error": ErrorModel(order=4, fwhm=2.0)},
        {"zmax": 0.2, "weighting": "uniform"},
        {"zmax": 0.2, "solver": "gradient"},
    ]
    names = set()
    for one in settings:
        options = dict(one)
        zmin, zmax = options.pop("zmin", 0.0), options.pop("zmax")
        model = jaxz.NonNegative(small.basis(), **options)
        trials = jaxz.scan(spectra, model, zmin=zmin, zmax=zmax).trials
        task = model.curves(trials, 1024, 32768, precision="float32", engine=None, own=None)
        names.add(kept._place(jax.tree.map(jnp.asarray, (task,)), "batch"))
    assert len(names) == len(settings)
    assert None not in names
