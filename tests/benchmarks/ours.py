"""Our side of the figures that are about whole searches: `automl.search`, everything on, an objective that does nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import automl
from automl.trial import Trial
from search_spaces import Float, SearchSpace
from tests.benchmarks.measured import PARALLEL, PARAMETERS, Times, child

SPACE = SearchSpace({f"x{i}": Float(0, 1) for i in range(PARAMETERS)})


@dataclass(frozen=True)
class Objective:
    """Reports and returns, at once."""

    reports: int

    def __call__(self, trial: Trial) -> float:
        loss = sum(trial.params.values())
        for step in range(1, self.reports + 1):
            trial.report(step, loss=loss / step)
        return loss


def search(
    folder: Path, *, trials: int, reports: int, executor: str = "ray", sampler: str = "tpe", tracker: str = "mlflow"
) -> Times:
    """Run one search and say when things happened. Everything is visible when delivery last moved its cursor."""
    times = Times()

    def listen(event: Mapping[str, Any]) -> None:
        if event["event"] == "report":
            times.note_report()
        elif event["event"] == "trial-ended":
            times.note_tell()

    result = automl.search(
        Objective(reports),
        SPACE,
        name="bench",
        metric="loss",
        direction="minimize",
        n_trials=trials,
        sampler=sampler,
        home=folder,
        listeners=[listen],
        early_stopping="none",
        executor=executor,
        parallel=PARALLEL if executor == "ray" else None,
        tracker=tracker,
    )
    if len(times.told) != trials or result.waiting:
        raise RuntimeError(f"{len(times.told)} of {trials} trials ended, {result.waiting} points were not delivered")
    times.asked = result.trials[0].started or 0.0
    if tracker == "mlflow":
        times.visible = (folder / "bench" / "delivery.json").stat().st_mtime
    return times


if __name__ == "__main__":
    child(search)
