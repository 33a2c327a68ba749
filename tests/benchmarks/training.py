"""What is trained where figures ask how busy workers are: a small network, the same in a search and without one.

    python -m tests.benchmarks.training '{"folder": "/tmp/x", "trials": 12}'     a search with everything on

Each trial leaves a file that says when it ran; nobody else is asked.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import automl
from automl.trial import Trial
from search_spaces import Float, SearchSpace
from tests.benchmarks.measured import PARALLEL, WARM, Times, child

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
        loss, span = train(trial.params["lr"], lambda step, loss: trial.report(step, loss=loss))
        Path(self.folder, f"{trial.number}.json").write_text(json.dumps(dataclasses.astuple(span)))
        return loss


def train(lr: float, report: Callable[[int, float], None]) -> tuple[float, Span]:
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
    for step in range(1, STEPS + 1):
        for _ in range(BATCHES):
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(inputs), targets)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        report(step, loss.item())
        first = first or time.time()
    return loss.item(), Span(began, first, time.time())


def seconds_a_step(times: Times) -> float:
    """Return how long a step took on its worker, the report included, from when every worker was warm."""
    spans = sorted((Span(*span) for span in times.spans), key=lambda span: span.began)[WARM:]
    return sum(span.ended - span.began for span in spans) / (STEPS * len(spans))


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
