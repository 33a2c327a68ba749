"""Our own searches, as users have them: `automl.simulate` with the budget of a cell, told of another search or not."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import automl
from tests.benchmarks.peers.clock import Params, Seen
from tests.benchmarks.quality.rows import Cell
from tests.benchmarks.quality.tasks import Finals, Step, Task

if TYPE_CHECKING:
    import optuna

LEARNT = 50
"""Full trainings of a study that another one learns from."""


class Opposite(Finals):
    """Another task with its losses negated: what is good there is bad here."""

    def curve(self, params: Params, seed: int) -> Iterator[Step]:
        for after, values in super().curve(params, seed):
            yield after, values | {"loss": -values["loss"]}


def search(
    task: Task,
    cell: Cell,
    *,
    sampler: str | optuna.samplers.BaseSampler,
    early_stopping: str,
    metrics: Sequence[str],
    most_trials: int,
    past: Task | None = None,
) -> list[Seen]:
    """Search a task, knowing what 50 trials of `past` found, and return what was reported, in order."""
    budget: dict[str, Any] = {"n_trials": round(cell.budget)}
    if cell.unit == "trainings":
        budget = {"n_trials": most_trials, "timeout": cell.budget * task.seconds}
    shared: dict[str, Any] = {
        "metric": list(metrics) if len(metrics) > 1 else metrics[0],
        "direction": ["minimize"] * len(metrics) if len(metrics) > 1 else "minimize",
        "sampler": sampler,
        "seed": cell.seed,
    }
    with tempfile.TemporaryDirectory(prefix="bench-search-") as home:
        if past is not None:
            options = shared | {"early_stopping": "none", "n_trials": LEARNT, "max_epochs": past.n_steps}
            automl.simulate(past.curve, past.space, home=home, name="past", **options)
            shared |= {"home": home, "name": "present", "warm_start": ["past"]}
        found = automl.simulate(
            task.curve,
            task.space,
            early_stopping=early_stopping,
            parallel=cell.workers,
            max_epochs=task.n_steps,
            **shared,
            **budget,
        )
    params = {trial.number: trial.params for trial in found.trials}
    return [
        Seen(time, trial, step, values, params[trial])
        for time, trial, step, values in found.reports
        if step is not None
    ]
