"""What people write today: Ray Tune, its OptunaSearch and its MLflowLoggerCallback, here with actors reused."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

os.environ |= {"RAY_AIR_NEW_OUTPUT": "0"}

import optuna
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.search.optuna import OptunaSearch

from tests.benchmarks.measured import PARAMETERS, Times, child
from tests.benchmarks.peers.tuned import connect, fit


class Timed(OptunaSearch):
    """Notes when its hooks are called."""

    def __init__(self) -> None:
        super().__init__(metric="loss", mode="min", sampler=optuna.samplers.TPESampler(seed=0))
        self.times = Times()

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        params: dict[str, Any] | None = super().suggest(trial_id)
        self.times.note_ask()
        return params

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        super().on_trial_result(trial_id, result)
        self.times.note_report()

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        super().on_trial_complete(trial_id, result, error)
        self.times.note_tell()


def search(folder: Path, *, trials: int, reports: int) -> Times:
    """Run one search on the MLflow store in `folder`; what it logs is visible as soon as it is logged."""
    connect()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    searcher = Timed()
    tracker = MLflowLoggerCallback(
        tracking_uri=f"sqlite:///{folder}/mlflow.db", experiment_name="bench", save_artifact=False
    )
    space = {f"x{i}": tune.uniform(0, 1) for i in range(PARAMETERS)}
    fit(folder, trials=trials, reports=reports, searcher=searcher, space=space, callbacks=[tracker])
    searcher.times.visible = time.time()
    return searcher.times


if __name__ == "__main__":
    child(search)
