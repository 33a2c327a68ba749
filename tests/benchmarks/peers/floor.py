"""The least that trials on Ray Tune cost: nothing is stored, logged or tracked, and Optuna works in memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ |= {"RAY_AIR_NEW_OUTPUT": "0", "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", "TUNE_GLOBAL_CHECKPOINT_S": "1e9"}

import optuna
from ray import tune

from tests.benchmarks.measured import PARAMETERS, Times, child
from tests.benchmarks.peers.tuned import connect, fit


class Tpe(tune.search.Searcher):
    """Asks Optuna and tells it, in memory."""

    def __init__(self) -> None:
        super().__init__(metric="loss", mode="min")
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.times = Times()
        self._study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
        self._space = {f"x{i}": optuna.distributions.FloatDistribution(0, 1) for i in range(PARAMETERS)}
        self._trials: dict[str, optuna.Trial] = {}

    def suggest(self, trial_id: str) -> dict[str, Any]:
        self._trials[trial_id] = self._study.ask(self._space)
        self.times.note_ask()
        return self._trials[trial_id].params

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        self.times.note_report()

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        assert result is not None
        self._study.tell(self._trials.pop(trial_id), result["loss"])
        self.times.note_tell()

    def save(self, checkpoint_path: str) -> None:
        pass

    def restore(self, checkpoint_path: str) -> None:
        pass


def search(folder: Path, *, trials: int, reports: int) -> Times:
    """Run one search and say when things happened."""
    connect()
    searcher = Tpe()
    fit(folder, trials=trials, reports=reports, searcher=searcher)
    return searcher.times


if __name__ == "__main__":
    child(search)
