"""Training that is interrupted, at any iteration and in any way, goes on to the same basis."""

import os
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

from jaxz.train import Training, checkpoint, fit_basis
from tests import small

KEY = jax.random.key(0)
TRAINING = Training(step=4e-4, stage_iter=5, final_iter=12)
ITERATIONS = 3 * 6 + 13
"""Of a rank of 3, the state before the first iteration of each stage included."""


def sample():
    rng = np.random.default_rng(11)
    z = np.sort(rng.uniform(small.ZMIN, small.ZMAX, 20))
    return small.spectra(rng, z, 30.0)[0], z


def fitted(path=None, callback=None, **change):
    arguments = {"rank": 3, "key": KEY, "training": TRAINING, **change}
    return fit_basis(*sample(), checkpoint=path, callback=callback, **arguments)


@pytest.fixture(scope="module")
def whole():
    return fitted()


@pytest.fixture(autouse=True)
def at_every_iteration(monkeypatch):
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.0)


def interrupted_after(count):
    def callback(step):
        nonlocal count
        count -= 1
        if count == 0:
            raise KeyboardInterrupt

    return callback


@pytest.mark.parametrize("count", [1, 2, 6, 7, 13, 18, 19, 25, ITERATIONS])
def test_interrupted_training_goes_on_to_the_same_basis(whole, tmp_path, count):
    path = tmp_path / "run.npz"
    with pytest.raises(KeyboardInterrupt):
        fitted(path, interrupted_after(count))
    steps = []
    again = fitted(path, steps.append)
    assert again.sha256 == whole.sha256
    assert 0 < len(steps) <= ITERATIONS - count + 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.npz"]


LONG = Training(step=4e-4, stage_iter=300, final_iter=0, rtol=1e-3)
"""Of which the criterion ends the first stage."""


@pytest.mark.parametrize("before_the_end", [30, 1])
def test_interrupted_training_ends_a_stage_where_it_would_have(tmp_path, before_the_end):
    steps, again = [], []
    whole = fitted(callback=steps.append, rank=1, training=LONG)
    iterations = len(steps) - 1
    assert 100 < iterations <= 250
    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "run.npz", interrupted_after(iterations - before_the_end), rank=1, training=LONG)
    assert fitted(tmp_path / "run.npz", again.append, rank=1, training=LONG).sha256 == whole.sha256
    assert again == steps[-len(again) :]
    assert len(again) <= before_the_end + 3


def test_interrupted_again_and_again(whole, tmp_path):
    for _ in range(100):
        try:
            assert fitted(tmp_path / "run.npz", interrupted_after(5)).sha256 == whole.sha256
            break
        except KeyboardInterrupt:
            continue
    else:
        pytest.fail("training never ended")


def test_a_killed_process_leaves_a_whole_file(whole, tmp_path):
    path = tmp_path / "run.npz"
    program = (
        "import time; import jax; jax.config.update('jax_enable_x64', True)\n"
        "from jaxz.train import checkpoint; checkpoint.INTERVAL = 0.0\n"
        "from tests.train.test_checkpoint import fitted\n"
        f"fitted({str(path)!r}, lambda step: print(step.done, flush=True) or time.sleep(0.05))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=os.environ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) >= 8:
                time.sleep(0.02)
                child.send_signal(signal.SIGKILL)
                break
    assert child.returncode == -signal.SIGKILL
    steps = []
    assert fitted(path, steps.append).sha256 == whole.sha256
    assert len(steps) < ITERATIONS - 5


def test_a_finished_run_is_not_done_again(whole, tmp_path):
    fitted(tmp_path / "run.npz")
    steps = []
    assert fitted(tmp_path / "run.npz", steps.append).sha256 == whole.sha256
    assert len(steps) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rank": 4}, "rank 3, now 4"),
        ({"key": jax.random.key(5)}, r"key \[0, 0\], now \[0, 5\]"),
        ({"training": TRAINING._replace(final_iter=9)}, "final_iter 12, now 9"),
        ({"training": TRAINING._replace(error_floor=0.2)}, "error_floor 0.1, now 0.2, spectra"),
        ({"start": small.basis(), "rank": 4}, "start None, now"),
    ],
)
def test_a_checkpoint_of_another_configuration_is_refused(tmp_path, change, message):
    path = tmp_path / "run.npz"
    with pytest.raises(KeyboardInterrupt):
        fitted(path, interrupted_after(4))
    kept = path.read_bytes()
    with pytest.raises(ValueError, match=message):
        fitted(path, **change)
    assert path.read_bytes() == kept


def test_a_checkpoint_of_other_spectra_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    fitted(path)
    spectra, z = sample()
    with pytest.raises(ValueError, match=r"another run \(spectra"):
        fit_basis(spectra[1:], z[1:], rank=3, key=KEY, training=TRAINING, checkpoint=path)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 half a file"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "run.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"run\.npz: not a checkpoint of a training run"):
        fitted(path)
    assert path.read_bytes() == content


def test_writes_are_kept_apart(monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoint, "INTERVAL", 1e9)
    with pytest.raises(KeyboardInterrupt):
        fitted(tmp_path / "run.npz", interrupted_after(3))
    assert not (tmp_path / "run.npz").exists()
