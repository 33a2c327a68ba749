"""Our own searches, as users have them: `automl.simulate` with the budget of a cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import automl
from tests.benchmarks.peers.clock import Seen
from tests.benchmarks.quality.rows import Cell
from tests.benchmarks.quality.tasks import Task

if TYPE_CHECKING:
    import optuna


def search(
    task: Task,
    cell: Cell,
    *,
    sampler: str | optuna.samplers.BaseSampler,
    early_stopping: str,
    metrics: Sequence[str],
    most_trials: int,
) -> list[Seen]:
    """Search a task and return what was reported, in order."""
    budget: dict[str, Any] = {"n_trials": round(cell.budget)}
    if cell.unit == "trainings":
        budget = {"n_trials": most_trials, "timeout": cell.budget * task.seconds}
    found = automl.simulate(
        task.curve,
        task.space,
        metric=list(metrics) if len(metrics) > 1 else metrics[0],
        direction=["minimize"] * len(metrics) if len(metrics) > 1 else "minimize",
        parallel=cell.workers,
        max_epochs=task.n_steps,
        sampler=sampler,
        early_stopping=early_stopping,
        seed=cell.seed,
        **budget,
    )
    params = {trial.number: trial.params for trial in found.trials}
    return [
        Seen(time, trial, step, values, params[trial])
        for time, trial, step, values in found.reports
        if step is not None
    ]
