"""A measured run: a fresh process that prints when things happened.

The harness starts it, and it hands what it did to `child`:

    times = measure("tests.benchmarks.peers.floor", folder="/tmp/x", trials=200, reports=20)
"""

from __future__ import annotations

import dataclasses
import json
import os
import resource
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
    asked: float = 0.0
    """The params of the first trial were there."""
    first_report: float = 0.0
    """The driver held the first reported value."""
    told: list[float] = field(default_factory=list)
    """Of each trial: sampler and storage knew its value."""
    visible: float = 0.0
    """The last point could be seen in MLflow; 0 without MLflow."""
    memory: float = 0.0
    """The most that the process held, in bytes; its workers and delivery are other processes."""
    spans: list[list[float]] = field(default_factory=list)
    """Where workers are watched: when each trial began on its worker, first reported, and ended."""

    def note_ask(self) -> None:
        """Params were proposed."""
        self.asked = self.asked or time.time()

    def note_report(self) -> None:
        """A value arrived."""
        self.first_report = self.first_report or time.time()

    def note_tell(self) -> None:
        """A trial is over."""
        self.told.append(time.time())

    @property
    def per_trial(self) -> float:
        """Seconds from the first ask to the last tell, a trial."""
        return (self.told[-1] - self.asked) / len(self.told)

    @property
    def until_visible(self) -> float:
        """Seconds from when all workers were warm until the last point was visible, a trial."""
        return (self.visible - self.told[WARM - 1]) / (len(self.told) - WARM)

    def stretch(self, first: int, last: int) -> float:
        """Return the seconds a trial from tell number `first` to `last`."""
        return (self.told[last - 1] - self.told[first - 1]) / (last - first)


def measure(module: str, **options: Any) -> Times:
    """Run `module` in a fresh process, with `options`, and return what it printed.

    Raises:
        RuntimeError: it failed.
    """
    began = time.time()
    process = start_run(module, **options)
    out, err = process.communicate(timeout=LIMIT_SECONDS)
    if process.returncode:
        raise RuntimeError(f"{module} {options} ended with exit code {process.returncode}:\n{err[-4000:]}")
    return Times(**json.loads(out.splitlines()[-1]) | {"began": began})


def start_run(module: str, **options: Any) -> subprocess.Popen[str]:
    """Start `module` in a fresh process, with `options`."""
    command = [sys.executable, "-m", module, json.dumps(options)]
    return subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def child(run: Callable[..., Times]) -> None:
    """Call `run` with the options that the harness passed, and print what it returns."""
    options = json.loads(sys.argv[1])
    times = run(Path(options.pop("folder")), **options)
    times.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0
    print("\n" + json.dumps(dataclasses.asdict(times)), flush=True)


def environment() -> dict[str, str]:
    """Return the environment of every measured process: nobody is called home, no option of automl is set.

    Python may keep its bytecode, as it does where people install a package.
    """
    dropped = ("AUTOML_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)} | _QUIET


def note(text: str) -> None:
    """Say on stderr what goes on."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
