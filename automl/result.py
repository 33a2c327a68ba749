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
from automl.config import StudyConfig
from automl.confirming import Confirmation, Confirmed
from automl.enough import EndedBy, ended_by
from automl.home import Home
from automl.preference import Preference
from automl.trial import TrialRecord

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a search found. `trials` has every trial; values are of the study's metric, of several the first."""

    name: str
    home: Home
    trials: Sequence[TrialRecord]
    preference: Preference
    """Which of two trials is better."""
    state: str
    test: Mapping[str, float] | None
    """The winner's metrics on the test part, for built-in tasks."""
    seconds: float
    """Of this run of the driver."""
    waiting: int = 0
    """Reported values that a tracker has not got yet; of several trackers, the one that lacks most."""
    ended_by: EndedBy | None = None
    """Why the search has ended; None while it runs, and where its driver died."""
    confirmed: Sequence[Confirmed] = ()
    """What `confirm` found of the best trials, the winner first."""

    @property
    def metric(self) -> str:
        """What was made small or large; of several metrics the first."""
        return self.preference.metrics[0]

    @property
    def direction(self) -> str:
        """Which way that metric is better."""
        return self.preference.directions[0]

    @property
    def best_trials(self) -> Sequence[TrialRecord]:
        """The COMPLETE trials that none is better than, the best by the first metric first; of one metric mostly one.

        They keep the constraints; where none does, they are those that break them least.
        """
        done = [trial for trial in self.trials if trial.value is not None and trial.confirms is None]
        return [done[at] for at in self.preference.pareto(trial.values for trial in done)]

    @property
    def best_trial(self) -> TrialRecord:
        """The trial that has won: of those that were confirmed by the mean of these runs, else by its value.

        Of several objectives it is the first of `best_trials`.

        Raises:
            LookupError: no trial is COMPLETE.
        """
        if self.confirmed:
            return self.trials[self.confirmed[0].number]
        best = self.best_trials
        if not best:
            raise LookupError(f"no trial of {self.name} is COMPLETE; see `automl status {self.name}`")
        return best[0]

    @property
    def artifacts(self) -> Path:
        """The folder of the files that the best trial has kept.

        Raises:
            LookupError: no trial is COMPLETE.
        """
        return self.home.trial(self.name, self.best_trial.number) / "artifacts"

    def to_pandas(self) -> pandas.DataFrame:
        """Return a table with a row a trial; params are columns named `params_<name>`.

        Where trials were confirmed, `confirms` has the trial that one runs again; it is empty of those of the search.
        With several objectives there is a column `values_<metric>` for each, with constraints one for each of their
        metrics, and `feasible`: whether all of them are kept.
        """
        import pandas

        rows = [
            {"number": t.number, "state": t.state.value, "value": t.value}
            | self._values(t)
            | {"step": t.step, "seconds": t.seconds}
            | ({"confirms": t.confirms} if self.confirmed else {})
            | {f"params_{name}": value for name, value in t.params.items()}
            for t in self.trials
        ]
        return pandas.DataFrame(rows)

    def _values(self, trial: TrialRecord) -> dict[str, float | bool | None]:
        if self.preference.is_plain:
            return {}
        found: dict[str, float | bool | None] = {
            f"values_{name}": trial.values.get(name) if trial.value is not None else None
            for name in self.preference.names
        }
        if self.preference.constraints:
            found["feasible"] = None if trial.value is None else self.preference.violation(trial.values) == 0
        return found


def read_result(home: Home, name: str, *, seconds: float) -> SearchResult:
    """Return what a study has found so far."""
    with home.read(name) as reader:
        study, records = reader.study(), reader.records()
        test = study.result["test"] if study.result else None
        waiting = max((mirror.waiting(reader) for mirror in mirrors.of(home, study)), default=0)
        return SearchResult(
            name=name,
            home=home,
            trials=tuple(records),
            preference=study.preference,
            state=study.state,
            test=test,
            seconds=seconds,
            waiting=waiting,
            ended_by=ended_by(reader),
            confirmed=tuple(Confirmation.of(StudyConfig.from_dict(study.config)).judged(records)),
        )
