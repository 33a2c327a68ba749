"""A measured run: a fresh process with a folder of its own, which prints when things happened.

    times = measure("tests.benchmarks.peers.floor", folder, trials=200, reports=20)     # in the harness
    child(search)                                                                       # in the run's own module
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PARAMETERS = 12
PARALLEL = 2
WARM = 2 * PARALLEL
"""Trials told before a search counts as started up: every worker has ended one and is at the next."""
LIMIT_SECONDS = 600
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


@dataclass(kw_only=True)
class Times:
    """When things happened in one run, in seconds since the epoch."""

    began: float = 0.0
    """Its process was started."""
    asked: list[float] = field(default_factory=list)
    """Of each trial: its params were there."""
    told: list[float] = field(default_factory=list)
    """Of each trial: sampler and storage knew its value."""
    first_report: float = 0.0
    """The driver held the first reported value."""
    visible: float = 0.0
    """The last point could be seen in MLflow; 0 without one."""

    def report(self) -> None:
        """Note that a value arrived."""
        self.first_report = self.first_report or time.time()

    @property
    def clock_a(self) -> float:
        """Seconds a trial, from the first ask to the last tell."""
        return (max(self.told) - min(self.asked)) / len(self.told)

    @property
    def clock_b(self) -> float:
        """Seconds a trial until the last point was visible in MLflow, after start-up."""
        return self.after_start_up(self.visible)

    def after_start_up(self, end: float | None = None) -> float:
        """Seconds a trial from the moment all workers were warm to `end`, by default the last tell."""
        told = sorted(self.told)
        return ((end or told[-1]) - told[WARM - 1]) / (len(told) - WARM)


def measure(module: str, folder: Path, **options: Any) -> Times:
    """Run `module` in a fresh process and return what it printed."""
    folder.mkdir(parents=True)
    began = time.time()
    row = json.loads(_python(module, folder, folder=str(folder), **options))
    return Times(**row | {"began": began})


def seconds(module: str, folder: Path, **options: Any) -> float:
    """Run `module` in a fresh process and return the one number it printed."""
    folder.mkdir(parents=True)
    return float(_python(module, folder, folder=str(folder), **options))


def child(run: Callable[..., Times | float]) -> None:
    """Call `run` with the options that the harness passed, and print what it returns."""
    options = json.loads(sys.argv[1])
    result = run(Path(options.pop("folder")), **options)
    print("\n" + json.dumps(dataclasses.asdict(result) if isinstance(result, Times) else result), flush=True)


def environment() -> dict[str, str]:
    """Return the environment of every measured process: nobody is called home, no option of automl is set."""
    return {name: value for name, value in os.environ.items() if not name.startswith("AUTOML_")} | _QUIET


def _python(module: str, folder: Path, **options: Any) -> str:
    """Run a module to its end and return the last line it printed."""
    done = subprocess.run(
        [sys.executable, "-m", module, json.dumps(options)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    if done.returncode:
        raise RuntimeError(f"{module} {options} ended with exit code {done.returncode}:\n{done.stderr[-4000:]}")
    return done.stdout.strip().splitlines()[-1]
