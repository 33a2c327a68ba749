"""Optuna's own database: ask, report and tell through RDBStorage on a SQLite file."""

from __future__ import annotations

from pathlib import Path

import optuna

from tests.benchmarks.measured import PARAMETERS, Times, child


def run(folder: Path, *, trials: int, reports: int) -> Times:
    """Ask for trials one after the other, report and tell them."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = optuna.storages.RDBStorage(f"sqlite:///{folder}/optuna.db")
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler())
    space = {f"x{i}": optuna.distributions.FloatDistribution(0, 1) for i in range(PARAMETERS)}
    times = Times()
    times.note_ask()
    for _ in range(trials):
        trial = study.ask(space)
        loss = trial.params["x0"]
        for step in range(1, reports + 1):
            trial.report(loss, step)
        study.tell(trial, loss)
        times.note_tell()
    return times


if __name__ == "__main__":
    child(run)
