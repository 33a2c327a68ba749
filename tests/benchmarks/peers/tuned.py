"""What the peers on Ray Tune share: the objective, the cluster, and one way to run them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray
from ray import tune

from tests.benchmarks.measured import PARALLEL


def objective(reports: int) -> Callable[[dict[str, Any]], None]:
    """Return a function for Tune that reports and returns, at once."""

    def train(config: dict[str, Any]) -> None:
        loss = sum(config.values())
        for step in range(1, reports + 1):
            tune.report({"loss": loss / step})

    return train


def fit(
    folder: Path,
    *,
    trials: int,
    reports: int,
    searcher: tune.search.Searcher,
    space: dict[str, Any] | None = None,
    callbacks: list[tune.Callback] | None = None,
) -> None:
    """Run one search with actors reused."""
    tune.Tuner(
        objective(reports),
        param_space=space,
        tune_config=tune.TuneConfig(
            search_alg=searcher, num_samples=trials, max_concurrent_trials=PARALLEL, reuse_actors=True
        ),
        run_config=tune.RunConfig(storage_path=str(folder), verbose=0, callbacks=callbacks),
    ).fit()


def connect() -> None:
    """Start Ray on this machine, as small as ours."""
    ray.init(num_cpus=PARALLEL, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
