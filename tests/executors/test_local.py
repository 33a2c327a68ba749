"""The local executor: the contract, with a driver that dies with its objective."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from automl import driver
from automl.ledger.database import LedgerError
from automl.study import Study
from automl.testing import ExecutorContract


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
