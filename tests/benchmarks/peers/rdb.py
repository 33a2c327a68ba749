"""Optuna's own database: ask, report and tell through RDBStorage on a SQLite file."""

from __future__ import annotations

import time
from pathlib import Path

import optuna

from tests.benchmarks.measured import PARAMETERS, child


def trials(folder: Path, *, trials: int, reports: int) -> float:
    """Return the seconds that a trial's ask, reports and tell take."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder}/optuna.db")
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler())
    space = {f"x{i}": optuna.distributions.FloatDistribution(0, 1) for i in range(PARAMETERS)}
    began = time.perf_counter()
    for _ in range(trials):
        trial = study.ask(space)
        loss = trial.params["x0"]
        for step in range(1, reports + 1):
            trial.report(loss, step)
        study.tell(trial, loss)
    return (time.perf_counter() - began) / trials


if __name__ == "__main__":
    child(trials)
