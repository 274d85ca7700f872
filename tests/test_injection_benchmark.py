"""The injection benchmark runs at a tiny size, and stops where lines are lost or errors do not fit."""

import dataclasses

import numpy as np
import pytest

from benchmarks import injection
from benchmarks.common import WrongAnswerError


@pytest.fixture(scope="module")
def on():
    model = injection.simulated_components(40, 40)
    return injection.setting(injection.Madgics(model.target.scaled(0.1), model.nuisance), 24)


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(injection, "SNRS", (4.0, 9.0))
    monkeypatch.setattr(injection, "SKY_SNRS", (9.0,))


def test_one_table_and_the_calibrations(on):
    report, s, velocity = injection.run(on, loss=0.3, spread=0.9)
    assert [row["lines in"] for row in report.rows] == ["constant noise"] * 4 + ["sky residuals"] * 2
    bright = report.rows[1]
    assert float(bright["recovered"]) > 0.9
    assert float(bright["difference"]) == pytest.approx(float(bright["recovered"]) - float(bright["ideal filter"]))
    assert 0.3 < s < 1.5
    assert 0 < velocity < 200
    assert len(report.notes) == 5 + len(injection.THRESHOLDS)


def test_lost_lines_are_refused(on, monkeypatch):
    search = injection.search
    monkeypatch.setattr(injection, "search", lambda *args: dataclasses.replace(found := search(*args), z=found.z + 0.1))
    with pytest.raises(WrongAnswerError, match="of the lines that an ideal filter finds"):
        injection.run(on, loss=0.1, spread=0.9)


def test_a_threshold_for_blank_spectra(on):
    kept = injection.threshold(on, on.sky(5)[:3], snr=12.0)
    assert kept.recovered > 0.8
    assert kept.blank.shape == (3,)
    assert np.median(kept.blank) < kept.level
