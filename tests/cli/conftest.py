"""Commands run in this process or in one of their own, in a folder with a `train.py`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import automl
from automl.cli import main

ROOT = Path(automl.__file__).parents[1]

TRAIN = '''
import pathlib
import time

def objective(trial):
    """A parabola around 0.3, reported three times; trial 1 waits for the file `go` where there is the file `hold`."""
    here = pathlib.Path(__file__).parent
    print("trial", trial.number, "speaks")
    for step in range(1, 4):
        value = (trial.params["x"] - 0.3) ** 2 + 1 / step
        trial.report(step, val_loss=value, step_twice=2 * step)
        while trial.number == 1 and (here / "hold").exists() and not (here / "go").exists():
            time.sleep(0.01)
    return {"val_loss": value}

def failing(trial):
    raise ZeroDivisionError("first line\\nsecond \\x1b[31m[bold]")

def silent(trial):
    trial.report(1, accuracy=0.5)
'''

SEARCH = ["search", "train.py:objective", "-p", "x=0.0..1.0", "--metric", "val_loss"]
LOCAL = ["--executor", "local", "--tracker", "none"]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left: exit code and both streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, read as JSON."""
        return json.loads(self.out)

    @property
    def errors(self) -> list[str]:
        """The lines that say what was wrong."""
        return [line.removeprefix("error: ") for line in self.err.splitlines() if line.startswith("error: ")]


Run = Callable[..., Ran]


@pytest.fixture(autouse=True)
def _train(tmp_path: Path) -> None:
    """Put the objectives of `TRAIN` in `train.py`."""
    (tmp_path / "train.py").write_text(TRAIN)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs one command in this process."""

    def run(*arguments: str) -> Ran:
        capsys.readouterr()
        code = main(arguments)
        found = capsys.readouterr()
        return Ran(code, found.out, found.err)

    return run


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts one command in a process of its own; one that a failed test left is ended."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", "import sys; from automl.cli import main; sys.exit(main())", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


@pytest.fixture
def finished(run: Run) -> str:
    """Return the name of a finished study of four trials, in the default home."""
    ran = run(*SEARCH, *LOCAL, "--trials", "4", "--sampler", "random", "--seed", "3", "--early-stopping", "none", "-q")
    assert ran.code == 0, ran.err
    return "train-1"
