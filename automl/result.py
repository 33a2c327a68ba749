"""What a search found, as Python users get it: the trials, the best of them, what waits for a tracker.

result = automl.search(objective, space, metric="loss", n_trials=20)
result.best_trial.params, result.to_pandas(), result.artifacts
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from automl import mirrors
from automl.home import Home
from automl.trial import TrialRecord

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a search found. `trials` has every trial; values are of the study's metric."""

    name: str
    home: Home
    trials: Sequence[TrialRecord]
    metric: str
    direction: str
    state: str
    test: Mapping[str, float] | None
    """The winner's metrics on the test part, for built-in tasks."""
    seconds: float
    """Of this run of the driver."""
    waiting: int = 0
    """Reported values that a tracker has not got yet; of several trackers, the one that lacks most."""
    is_exhausted: bool = False
    """Whether the search ended because nothing was left to try."""

    @property
    def best_trial(self) -> TrialRecord:
        """The COMPLETE trial with the best value.

        Raises:
            LookupError: no trial is COMPLETE.
        """
        done = [trial for trial in self.trials if trial.value is not None]
        if not done:
            raise LookupError(f"no trial of {self.name} is COMPLETE; see `automl status {self.name}`")
        sign = -1 if self.direction == "maximize" else 1
        return min(done, key=lambda trial: (trial.value or 0.0) * sign)

    @property
    def artifacts(self) -> Path:
        """The folder of the files that the best trial has kept.

        Raises:
            LookupError: no trial is COMPLETE.
        """
        return self.home.trial(self.name, self.best_trial.number) / "artifacts"

    def to_pandas(self) -> pandas.DataFrame:
        """Return a table with a row a trial; params are columns named `params_<name>`."""
        import pandas

        rows = [
            {"number": t.number, "state": t.state.value, "value": t.value, "step": t.step, "seconds": t.seconds}
            | {f"params_{name}": value for name, value in t.params.items()}
            for t in self.trials
        ]
        return pandas.DataFrame(rows)


def read_result(home: Home, name: str, *, seconds: float, is_exhausted: bool = False) -> SearchResult:
    """Return what a study has found so far."""
    with home.read(name) as reader:
        study = reader.study()
        test = study.result["test"] if study.result else None
        waiting = max((mirror.waiting(reader) for mirror in mirrors.of(home, study)), default=0)
        return SearchResult(
            name=name,
            home=home,
            trials=tuple(reader.records()),
            metric=study.metric,
            direction=study.config["direction"],
            state=study.state,
            test=test,
            seconds=seconds,
            waiting=waiting,
            is_exhausted=is_exhausted,
        )
