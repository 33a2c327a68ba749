"""Our side of the figures that are about whole searches: `automl.search` with an objective that does nothing."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import automl
from automl.mirrors import position_of
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
    folder: Path,
    *,
    trials: int,
    reports: int,
    executor: str = "ray",
    sampler: str = "tpe",
    tracker: str = "mlflow",
    home: str | None = None,
    after: int = 0,
) -> Times:
    """Run one search and say when things happened; or that in `home`, which has a copy, `after` so many trials."""
    times = Times()

    def listen(event: Mapping[str, Any]) -> None:
        if event["event"] == "report":
            times.note_report()
        elif event["event"] == "trial-ended":
            times.note_tell()

    if home is not None:
        shutil.copytree(Path(home) / "bench", folder / "bench")
    how: dict[str, Any] = {"home": folder, "listeners": [listen], "n_trials": after + trials}
    with _watched(folder / "bench", times):
        if home is not None:
            result = automl.resume("bench", Objective(reports), **how)
        else:
            result = automl.search(
                Objective(reports),
                SPACE,
                name="bench",
                metric="loss",
                direction="minimize",
                sampler=sampler,
                early_stopping="none",
                executor=executor,
                parallel=PARALLEL if executor == "ray" else None,
                tracker=tracker,
                **how,
            )
    if len(times.told) != trials or result.waiting:
        raise RuntimeError(f"{len(times.told)} of {trials} trials ended, {result.waiting} points were not delivered")
    times.asked = result.trials[0].started or 0.0
    return times


@contextlib.contextmanager
def _watched(study: Path, times: Times) -> Iterator[None]:
    """Note when delivery last moved its cursor: what it has passed is visible in MLflow."""
    file, over, last = study / "delivery-mlflow.json", threading.Event(), [0.0, -1.0]

    def watch() -> None:
        while not over.wait(0.05):
            modified = file.stat().st_mtime if file.exists() else 0.0
            if modified > last[0]:
                cursor = position_of(study).cursor
                if cursor > last[1]:
                    times.visible = modified
                last[:] = modified, cursor

    thread = threading.Thread(target=watch, name="watch")
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


if __name__ == "__main__":
    child(search)
