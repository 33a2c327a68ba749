"""The one place that puts a study together: what happens around the trials themselves."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from automl import driver
from automl.study import Study
from automl.trial import Trial, TrialState


class Clock:
    """The time, which can be moved on."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Task:
    """An objective with a test part, whose first trial is quick and whose second one lasts until it is cut."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.tested: list[str] = []

    def __call__(self, trial: Trial) -> dict[str, float]:
        step = 0
        while trial.number:
            step += 1
            self.clock.ahead = 3600.0
            trial.report(step, loss=1.0)
        Path("model.safetensors").write_text("weights")
        trial.artifact("model.safetensors")
        return {"loss": 0.5}

    def evaluate_winner(self, params: Mapping[str, Any], weights: Path) -> Mapping[str, float]:
        self.tested.append(weights.read_text())
        return {"test_loss": 0.75}


def test_the_winner_is_tested_after_a_timeout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A study that ran out of time is finished: its winner has a test result like any other."""
    clock = Clock()
    monkeypatch.setattr(Study, "open", functools.partial(Study.open, clock=clock))
    objective = Task(clock)

    result = driver.search(
        objective,
        {"x": "0.0..1.0"},
        metric="loss",
        n_trials=9,
        timeout=1800.0,
        executor="local",
        tracker="none",
        home=tmp_path,
        listeners=(),
    )

    assert result.state == "finished"
    assert [trial.state for trial in result.trials] == [TrialState.COMPLETE, TrialState.PRUNED]
    assert (result.test, objective.tested) == ({"test_loss": 0.75}, ["weights"])
