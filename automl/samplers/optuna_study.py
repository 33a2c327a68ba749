"""Optuna's samplers at work: on a study in memory that is rebuilt from the ledger, and never the truth itself.

    sampler = OptunaSampler(optuna.samplers.TPESampler(seed=7), space=space, direction="minimize", records=records)
    sampler.propose(len(records))

What a sampler sees of stopped, paused and failed trials is decided in one place, `history`. What it writes down for
itself (Optuna's system attributes: the generation of a trial, the cell of a grid) leaves with the next proposal as its
`notes`, and comes back when the study is resumed. Only what Optuna would unpickle stays behind: whoever may write to a
ledger could run code in the driver of whoever resumes it. CMA-ES, which keeps its state so, starts anew then and learns
from the trials again, a generation at each proposal.

To the samplers that have a name here, an Ordinal is the position of its choice, a whole number: so they see which
choices are neighbours. A sampler of the user's own sees the choices themselves.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import random
import warnings
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.samplers import BaseGASampler, BaseSampler
from optuna.study._constrained_optimization import _CONSTRAINTS_KEY
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from automl.config import Direction
from automl.errors import SearchAbortedError
from automl.preference import Preference
from automl.samplers.base import Note, Params, Proposal, Untried, feasible
from automl.trial import TrialRecord, TrialState
from search_spaces import Constant, Ordinal, SearchSpace, SearchSpaceError
from search_spaces.convert import to_optuna

_SCRATCH = "tpe:relative_params"
"""TPE's note of what it is about to suggest, for others who ask meanwhile. The params tell it once they are there."""
_OURS = (_SCRATCH, f"{_CONSTRAINTS_KEY}:")
"""What a trial that takes another's place does not take over: it brings its own."""
_PICKLES = ("cma:optimizer", "sepcma:optimizer", "cmawm:optimizer")
"""Notes of CmaEsSampler's that it reads with `pickle.loads`: memory of this process, never given to another one."""


class OptunaSampler:
    """Any Optuna sampler, on a study in memory whose trials are replaced as they change.

    Args:
        sampler: of Optuna.
        space: what it chooses from.
        direction: of a study with one metric.
        preference: which of two results is better, where that is said by more than a direction.
        records: the trials so far.
        notes: what it wrote down when it proposed them.
        untried: keeps it from repeating itself. Without, as for a sampler of the user's own, it may do as it likes, and
            its proposals are checked.
        first: points to try before the sampler is asked, for one of the user's own; `untried` knows its own. To
            Optuna they are trials that were enqueued.
        startup: trials with a value that the sampler needs before it has a model; until then points are drawn from the
            space, so that its priors count.
    """

    ASKS = 10
    """Times that a sampler is asked for a point which is new, before one is drawn."""

    def __init__(
        self,
        sampler: BaseSampler,
        *,
        space: SearchSpace,
        direction: Direction = "minimize",
        preference: Preference | None = None,
        records: Iterable[TrialRecord] = (),
        notes: Iterable[Note] = (),
        untried: Untried | None = None,
        first: Iterable[Params] = (),
        startup: int = 0,
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        records = list(records)
        self._space = space
        self._may_repeat = untried is None
        self._untried = untried or Untried(space, seed=0, records=records, first=first)
        self._startup = startup
        self._orders = {name: item for name, item in space.items() if isinstance(item, Ordinal) and untried is not None}
        positions = {name: IntDistribution(0, item.size() - 1) for name, item in self._orders.items()}
        self._distributions = distributions(space) | positions
        self._storage = _Memory()
        self._preference = preference or Preference.of("value", direction)
        self._storage.create_new_study(directions(self._preference), "study")
        self._study = _Study("study", self._storage, sampler, optuna.pruners.NopPruner())
        self._storage.hidden = frozenset(record.number for record in records if not record.params)
        for trial in history(map(self._shown, records), self._distributions, self._preference):
            self._put(trial)
        self._storage.restore(notes)
        ended = [record for record in records if record.state.is_finished and record.params]
        if ended:  # told again, so that a sampler which has come to its end can say so
            last = max(ended, key=lambda record: record.ended or 0.0)
            self._put(self._frozen(last, OptunaState.RUNNING))
            self.observe(last)

    def propose(self, number: int) -> Proposal | None:
        if self._study.is_stopped:
            return None
        with self._blamed(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # notes to whoever wrote the sampler's arguments
            guess = next(iter(self._untried.guesses()), None)
            asks = self._asks(number, guess)
            if self._may_repeat and guess is None:
                params: Params | None = next(feasible(self._space, asks, random.Random(number)))
            else:
                params = self._untried.choose(number, asks)
            if params is None:
                return None
            if self._may_repeat:
                self._space.validate(params)
        proposed = TrialRecord(number=number, state=TrialState.RUNNING, params=params)
        self._put(self._frozen(proposed, OptunaState.RUNNING))
        return Proposal(params=params, notes=self._storage.take_notes())

    def observe(self, record: TrialRecord) -> None:
        trial = self._frozen(record, _shown_state(record))
        try:
            if record.state.is_finished:
                is_told = trial.state is not OptunaState.FAIL and not record.is_infeasible
                values = trial.values or [record.last_value]
                told = [value for value in values if is_told and value is not None and math.isfinite(value)]
                pending = self._storage.get_trial(record.number)
                with self._blamed():
                    self._study.sampler.after_trial(self._study, pending, trial.state, told or None)
        finally:
            self._put(trial)

    def _asks(self, number: int, guess: Params | None) -> Iterator[Params]:
        """Yield what the sampler suggests for trial `number`, asked again and again; but nothing while it starts.

        A `guess` is what the trial tries instead. To samplers that have a name here it is their own suggestion, which
        nsga2 breeds from; to one of the user's own it is a trial that was enqueued, which a grid does not count.
        """
        if guess is not None and self._may_repeat:
            self._study.enqueue_trial(dict(guess))
        trial = self._study.ask()
        assert trial.number == number, f"asked for trial {number}, the sampler is at {trial.number}"
        suggested = self._space.suggest(_InOrder(trial, self._orders))  # nsga2 notes of which generation the trial is
        if guess is not None:
            yield guess
        if guess is not None or self._is_starting():
            return
        yield suggested
        for _ in range(self.ASKS - 1):
            blank = TrialRecord(number=number, state=TrialState.RUNNING, params={})
            self._put(frozen(blank, {}, OptunaState.RUNNING))
            again = optuna.trial.Trial(self._study, trial._trial_id)
            yield self._space.suggest(_InOrder(again, self._orders))

    def _is_starting(self) -> bool:
        if self._startup:
            informing = self._study.get_trials(deepcopy=False, states=(OptunaState.COMPLETE, OptunaState.PRUNED))
            if len(informing) >= self._startup:
                self._startup = 0  # once and for all: nobody counts the trials of a long study again and again
        return self._startup > 0

    def _shown(self, record: TrialRecord) -> TrialRecord:
        """Return a record as the sampler sees it: with the positions of ordered choices."""
        positions = {
            name: item.index(record.params[name]) for name, item in self._orders.items() if name in record.params
        }
        return replace(record, params={**record.params, **positions}) if positions else record

    def _frozen(self, record: TrialRecord, state: OptunaState) -> FrozenTrial:
        return frozen(self._shown(record), self._distributions, state, self._preference)

    def _put(self, trial: FrozenTrial) -> None:
        self._storage.put(self._study._study_id, trial)

    @contextlib.contextmanager
    def _blamed(self) -> Iterator[None]:
        """Say that it is the sampler that failed: nothing here can go on without it."""
        try:
            yield
        except SearchSpaceError as error:
            raise SearchAbortedError(
                [f"{self._name} proposes params outside of the search space: {line}" for line in error.problems]
            ) from error
        except Exception as error:
            raise SearchAbortedError(f"{self._name} failed with {type(error).__name__}: {error}") from error

    @property
    def _name(self) -> str:
        return f"the sampler {type(self._study.sampler).__name__}"


def first_generation(sampler: BaseSampler, n: int) -> list[Note]:
    """Return notes that make the first `n` trials the first generation of a sampler that breeds.

    What it noted down itself went with the space that it was about; without any it would leave these trials out. So the
    best of them are bred from, and if fewer are COMPLETE than a generation has, random ones come first.
    """
    if not isinstance(sampler, BaseGASampler):
        return []
    return [[number, sampler._get_generation_key(), 0] for number in range(n)]


def history(
    records: Iterable[TrialRecord], known: Mapping[str, BaseDistribution], preference: Preference | None = None
) -> list[FrozenTrial]:
    """Return what a sampler is shown of trials: the only place where that is decided.

    - COMPLETE: its value, or values.
    - PRUNED and paused alike: PRUNED, with every report; never the value of a trial that was cut as if it were final.
    - RUNNING and WAITING: RUNNING, so that a sampler that models pending trials keeps away from them.
    - FAIL because all memory there is was not enough: PRUNED without a report, which is worse than all others, so that
      a sampler keeps away from such params. Samplers that model COMPLETE trials only do not see it.
    - FAIL otherwise: FAIL, which Optuna's samplers leave out.

    With several objectives no reports are shown, which Optuna's samplers cannot compare then: what is PRUNED is worse
    than all others. How far a trial is beyond each constraint is shown of all that have ended, or paused.
    """
    return [frozen(record, known, _shown_state(record), preference) for record in records]


def _shown_state(record: TrialRecord) -> OptunaState:
    if record.paused or record.is_infeasible:
        return OptunaState.PRUNED
    return OptunaState[record.state] if record.state.is_finished else OptunaState.RUNNING


def directions(preference: Preference) -> list[optuna.study.StudyDirection]:
    """Return the directions of a study as Optuna has them."""
    return [optuna.study.StudyDirection[direction.upper()] for direction in preference.directions]


def frozen(
    record: TrialRecord,
    known: Mapping[str, BaseDistribution],
    state: OptunaState,
    preference: Preference | None = None,
) -> FrozenTrial:
    """Return a record as Optuna's trial in `state`; of its params, those that `known` distributions gave.

    Without a `preference` the study has one metric and no constraint.
    """
    started = datetime.datetime.fromtimestamp(record.started or 0.0)
    ended = datetime.datetime.fromtimestamp(record.ended or record.started or 0.0)
    chosen = {name: value for name, value in record.params.items() if name in known}
    names = preference.metrics if preference is not None else ()
    values = [record.value] if len(names) < 2 else [record.values[name] for name in names if name in record.values]
    has_values = state.is_finished() and record.value is not None
    return FrozenTrial(
        number=record.number,
        trial_id=record.number,
        state=state,
        value=None,
        values=[value for value in values if value is not None] if has_values else None,
        datetime_start=None if state is OptunaState.WAITING else started,
        datetime_complete=ended if state.is_finished() else None,
        params=chosen,
        distributions={name: known[name] for name in chosen},
        user_attrs={},
        system_attrs=_limits(record, preference) if preference is not None and state.is_finished() else {},
        intermediate_values={} if record.is_infeasible or len(names) > 1 else dict(record.reports),
    )


def _limits(record: TrialRecord, preference: Preference) -> dict[str, float]:
    """Return how far a trial is beyond each constraint, as Optuna's trials carry it; nothing unless all is known."""
    found = {f"{_CONSTRAINTS_KEY}:{limit}": limit.excess(record.standing) for limit in preference.constraints}
    return found if all(map(math.isfinite, found.values())) else {}


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """Return Optuna's distributions of all parameters that vary."""
    return {name: to_optuna(item) for name, item in space.items() if not isinstance(item, Constant)}


class _InOrder:
    """A trial of Optuna's that suggests ordered choices by their positions."""

    def __init__(self, trial: optuna.Trial, orders: Mapping[str, Ordinal]) -> None:
        self.suggest_float, self.suggest_int = trial.suggest_float, trial.suggest_int
        self._trial = trial
        self._orders = orders

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        if name in self._orders:
            return choices[self._trial.suggest_int(name, 0, len(choices) - 1)]
        return self._trial.suggest_categorical(name, choices)


class _Study(optuna.Study):
    """A study that its sampler can stop although nobody is inside of `optimize`."""

    is_stopped = False

    def stop(self) -> None:
        self.is_stopped = True


class _Memory(optuna.storages.InMemoryStorage):
    """Optuna's storage in memory, in which trials can be replaced, and which tells what samplers write down."""

    def __init__(self) -> None:
        super().__init__()
        self._notes: list[Note] = []
        self.hidden: frozenset[int] = frozenset()
        """Trials that are no points of the space: samplers such as BruteForceSampler trip over one without params."""

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[OptunaState] | None = None
    ) -> list[FrozenTrial]:
        trials = super().get_all_trials(study_id, deepcopy=deepcopy, states=states)
        return [trial for trial in trials if trial.number not in self.hidden] if self.hidden else trials

    def put(self, study_id: int, trial: FrozenTrial) -> None:
        """Add a trial, or replace it; what a sampler noted about it stays."""
        with self._lock:
            if trial.number == len(self._studies[study_id].trials):
                self.create_new_trial(study_id, template_trial=trial)
                return
            noted = self.get_trial(trial._trial_id).system_attrs
            trial.system_attrs |= {key: value for key, value in noted.items() if not key.startswith(_OURS)}
            self._set_trial(trial._trial_id, trial)
            self._update_cache(trial._trial_id, study_id)

    def set_study_system_attr(self, study_id: int, key: str, value: Any) -> None:
        with self._lock:
            super().set_study_system_attr(study_id, key, value)
            self._notes.append((None, key, value))

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        with self._lock:
            super().set_trial_system_attr(trial_id, key, value)
            if not key.startswith((_SCRATCH, *_PICKLES)):
                self._notes.append((trial_id, key, value))

    def take_notes(self) -> Sequence[Note]:
        """Return what was written down since the last time."""
        with self._lock:
            notes, self._notes = self._notes, []
            return notes

    def restore(self, notes: Iterable[Note]) -> None:
        """Take back what `take_notes` gave, whatever anybody may have added to it since."""
        for trial_id, key, value in notes:
            if key.startswith(_PICKLES):
                continue
            if trial_id is None:
                super().set_study_system_attr(0, key, value)
            else:
                self.get_trial(trial_id).system_attrs[key] = value
