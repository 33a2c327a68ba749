"""The local executor: the contract, with a driver that dies with its objective."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from automl import driver
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


def test_two_trials_at_once_are_refused() -> None:
    """One process runs one trial; the message says who can do more."""
    with pytest.raises(driver.ConfigError, match="--executor ray"):
        driver.search(lambda trial: 1.0, {"x": "0..1"}, direction="minimize", executor="local", parallel=2)
