"""Our side of the ledger's figure: the life cycle of trials through `Study`, without an executor."""

from __future__ import annotations

import time
from pathlib import Path

from automl.attempt import Ending
from automl.config import StudyConfig
from automl.home import Home
from automl.ledger.writer import create_study
from automl.study import Study
from automl.trial import AttemptState, Report, TrialState
from search_spaces import Float, SearchSpace
from tests.benchmarks.measured import PARAMETERS, Times, child


def run(folder: Path, *, trials: int, reports: int) -> Times:
    """Ask for trials one after the other, report and tell them."""
    config = StudyConfig(
        target="bench",
        space=SearchSpace({f"x{i}": Float(0, 1) for i in range(PARAMETERS)}),
        metrics=("loss",),
        directions=("minimize",),
        n_trials=trials,
        sampler="random",
        early_stopping="none",
    )
    home, times = Home(folder), Times()
    create_study(home.ledger_url("bench"), "bench", config.to_dict())
    study = Study.open(home.ledger_url("bench"), "bench", folder=home.study("bench"))
    times.note_ask()
    while attempt := study.next_attempt(wait=True):
        loss = float(attempt.params["x0"])
        for step in range(1, reports + 1):
            study.report(attempt, [Report(step=step, values={"loss": loss}, time=time.time())])
            study.tick()  # as executors do
        study.end(attempt, Ending(state=AttemptState.RESULT, trial_state=TrialState.COMPLETE, values={"loss": loss}))
        times.note_tell()
    study.close()
    return times


if __name__ == "__main__":
    child(run)
