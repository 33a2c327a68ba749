"""What is trained where figures ask how busy workers are: a small network, the same in a search and without one.

    python -m tests.benchmarks.training '{"folder": "/tmp/x", "trials": 12}'     a search with everything on

Each trial leaves a file that says when it ran, and each worker one with its steps; nobody else is asked.
"""

from __future__ import annotations

import dataclasses
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import automl
from automl.trial import Trial
from search_spaces import Float, SearchSpace
from tests.benchmarks.measured import PARALLEL, Times, child
from tests.benchmarks.turns import Stretch

STEPS = 10
BATCHES = 20
"""Of a step, which then takes about an eighth of a second."""


@dataclass(frozen=True)
class Span:
    """One trial on its worker, in seconds since the epoch."""

    began: float
    first_report: float
    ended: float


@dataclass(frozen=True)
class Objective:
    """Trains a network of fixed size, and leaves its span in `folder`."""

    folder: str

    def __call__(self, trial: Trial) -> float:
        folder = Path(self.folder)
        loss, span = train(trial.params["lr"], lambda step, loss: trial.report(step, loss=loss), folder=folder)
        (folder / f"{trial.number}.json").write_text(json.dumps(dataclasses.astuple(span)))
        return loss


def train(lr: float, report: Callable[[int, float], None], *, folder: Path) -> tuple[float, Span]:
    """Train for `STEPS` steps on one core, and return the last loss and when it happened."""
    import torch
    from torch import nn

    began, first = time.time(), 0.0
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    inputs = torch.randn(512, 256)
    targets = inputs[:, :1]
    loss = torch.zeros(())
    with (folder / f"{os.getpid()}.steps").open("a", buffering=1) as steps:
        for step in range(1, STEPS + 1):
            step_began = time.time()
            for _ in range(BATCHES):
                optimizer.zero_grad()
                loss = nn.functional.mse_loss(model(inputs), targets)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
            report(step, loss.item())
            first = first or time.time()
            print(step_began, time.time(), file=steps)
    return loss.item(), Span(began, first, time.time())


def steps(folder: Path) -> list[tuple[float, float]]:
    """Return when each step of every worker began, and when it was over and reported."""
    lines = [line.split() for file in folder.rglob("*.steps") for line in file.read_text().splitlines()]
    return [(float(began), float(ended)) for began, ended in lines]


def seconds_a_step(folder: Path, stretches: Sequence[Stretch]) -> list[float]:
    """Return how long a step took in each stretch, of those that lie in it as a whole."""
    done = steps(folder)
    return [
        statistics.fmean(ended - began for began, ended in done if first <= began and ended <= last)
        for first, last in stretches
    ]


def idle_share(times: Times) -> float:
    """Return what part of their time workers waited, from the first report until fewer trials remained than workers."""
    spans = [Span(*span) for span in times.spans]
    first = min(span.first_report for span in spans)
    last = sorted(span.ended for span in spans)[-PARALLEL]
    busy = sum(max(0.0, min(span.ended, last) - max(span.began, first)) for span in spans)
    return 1 - busy / (PARALLEL * (last - first))


def search(folder: Path, *, trials: int) -> Times:
    """Run one search with everything on."""
    spans = folder / "spans"
    spans.mkdir()
    space = SearchSpace({"lr": Float(1e-4, 1e-2, log=True)})
    options: dict[str, Any] = {"metric": "loss", "direction": "minimize", "sampler": "tpe", "early_stopping": "none"}
    automl.search(
        Objective(str(spans)),
        space,
        name="bench",
        n_trials=trials,
        home=folder,
        parallel=PARALLEL,
        listeners=[],
        **options,
    )
    return Times(spans=[json.loads(file.read_text()) for file in spans.glob("*.json")])


if __name__ == "__main__":
    child(search)
