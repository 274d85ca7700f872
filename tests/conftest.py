"""What every test stands on: strict JAX, fixed seeds, and the real data where they are at hand."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import jax
import numpy as np
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

# The first call of an example compiles, so a deadline would measure the compiler.
hypothesis.settings.register_profile("jaxz", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("jaxz")

ROOT = Path(__file__).resolve().parents[1]


MAPS, MOST_MAPS = Path("/proc/self/maps"), 40_000
"""Mappings of memory of this process, of which Linux allows 65,530: each compiled program has several."""


@pytest.fixture(scope="module", autouse=True)
def room_for_programs() -> Iterator[None]:
    """Forget what is compiled before there is no room for more, as the compiler would abort."""
    yield
    # Imported late, as the type checker has to come first.
    from jaxz import run

    if MAPS.exists() and len(MAPS.read_bytes().splitlines()) > MOST_MAPS:
        jax.clear_caches()
        run._ready.clear()


@pytest.fixture(scope="session")
def data() -> Path:
    """Return the folder of real spectra; skip where there is none."""
    folder = Path(os.environ.get("JAXZ_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}: set JAXZ_DATA to the real data to run this test")
    return folder


@pytest.fixture
def rng() -> np.random.Generator:
    """Return random numbers that are the same in every run."""
    return np.random.default_rng(20260101)
