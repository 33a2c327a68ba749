"""The local executor: the contract, with a driver that dies with its objective."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import automl
from automl import driver
from automl.ledger.database import LedgerError
from automl.study import Study
from automl.testing import ExecutorContract
from automl.trial import Reason, Trial, TrialRecord, TrialState


class TestLocalExecutor(ExecutorContract):
    """Trials run in the driver's own process."""

    executor = "local"

    def survive(self, target: str, home: Path) -> None:
        code = f"from tests.executors.test_local import search; search({target!r}, {str(home)!r})"
        died = subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[2])
        assert died.returncode == -9

        driver.resume("s", home=home, listeners=())


def search(target: str, home: str) -> None:
    """Run what `survive` of the contract runs; in a process of its own."""
    ExecutorContract.survive(TestLocalExecutor(), target, Path(home))


def test_a_passing_error_ends_no_tick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """While a long trial keeps the thread busy, the lease is renewed and reports are written, even after an error."""
    ticks, works = [], threading.Event()
    tick = Study.tick

    def failing_first(study: Study) -> None:
        ticks.append(study)
        if len(ticks) <= 2:
            raise LedgerError("the ledger does not work: database is locked")
        tick(study)
        works.set()

    monkeypatch.setattr(Study, "tick", failing_first)
    result = driver.search(
        lambda trial: float(works.wait(30)),
        {"x": "0..1"},
        direction="minimize",
        n_trials=1,
        executor="local",
        tracker="none",
        home=tmp_path,
        listeners=(),
    )

    assert result.best_trial.value == 1.0


def test_two_trials_at_once_are_refused() -> None:
    """One process runs one trial; the message says who can do more."""
    with pytest.raises(driver.ConfigError, match="--executor ray"):
        driver.search(lambda trial: 1.0, {"x": "0..1"}, direction="minimize", executor="local", parallel=2)


def test_deadlines_hold_in_another_thread(tmp_path: Path) -> None:
    """Where nothing can interrupt an objective, as in a notebook's thread, its next report does."""
    steps = itertools.count(1)
    seen: list[TrialRecord] = []

    def objective(trial: Trial) -> None:
        while True:
            time.sleep(0.02)
            trial.report(next(steps), loss=1.0)

    def search() -> None:
        found = automl.search(
            objective,
            {"x": "0.0..1.0"},
            metric="loss",
            n_trials=1,
            executor="local",
            tracker="none",
            early_stopping="none",
            trial_timeout=0.3,
            home=tmp_path,
            listeners=(),
        )
        seen.extend(found.trials)

    thread = threading.Thread(target=search, daemon=True)
    thread.start()
    thread.join(30)

    assert [(trial.state, trial.reason) for trial in seen] == [(TrialState.FAIL, Reason.TIMEOUT)]
