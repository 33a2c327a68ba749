"""The process that delivers beside a search: one that dies is replaced, and what it says reaches the listeners."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from automl import courier, driver, mirrors
from automl.home import Home
from automl.trial import Trial


def objective(trial: Trial) -> float:
    """Be done at once."""
    return float(trial.params["x"])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """Return the home of a finished study "s" that nobody has delivered."""
    with monkeypatch.context() as patch:
        patch.setattr(driver, "beside", lambda home, name, trackers, **more: contextlib.nullcontext(tuple))
        options: dict[str, Any] = {
            "direction": "minimize",
            "n_trials": 2,
            "executor": "local",
            "tracker": "jsonl",
            "listeners": (),
        }
        driver.search(objective, {"x": "0.0..1.0"}, name="s", home=tmp_path / "home", **options)
    return Home(tmp_path / "home")


def test_one_that_dies_is_replaced(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill of the process that delivers costs nothing but time, and no more than a look of its driver."""
    monkeypatch.setattr(courier, "RESTART_SECONDS", 0.0)
    with contextlib.closing(courier._Courier(home, "s", "jsonl", dict(os.environ))) as process:
        first = process._process
        first.kill()
        first.wait()

        process.keep_alive()
        process.tell_to_end()
        process.wait(60)

    assert process._process.pid != first.pid
    with home.read("s") as reader:
        (mirror,) = mirrors.of(home, reader.study())
    assert mirror.position().closed == mirror.study.seq


def test_listeners_hear_of_an_outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the function returns that `beside` yields is told to everybody who listens, with a time, once a second."""
    away = {"event": "tracker-away", "tracker": "mlflow", "title": "MLflow", "message": "MLflow: Connection refused"}
    events = [[away]]
    look = contextlib.nullcontext(lambda: events.pop() if events else [])
    monkeypatch.setattr(driver, "beside", lambda home, name, trackers, **more: look)
    heard: list[Mapping[str, Any]] = []
    is_told = threading.Event()

    def listen(event: Mapping[str, Any]) -> None:
        if event["event"] == "tracker-away":
            heard.append(event)
            is_told.set()

    def waiting(trial: Trial) -> float:
        assert is_told.wait(60)
        return objective(trial)

    options: dict[str, Any] = {"direction": "minimize", "n_trials": 2, "executor": "local", "tracker": "jsonl"}
    driver.search(waiting, {"x": "0.0..1.0"}, name="s", home=tmp_path / "home", listeners=[listen], **options)

    assert [{**event, "time": None} for event in heard] == [away | {"time": None}]
