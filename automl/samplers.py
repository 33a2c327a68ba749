"""Samplers: which params to try next, given what happened so far.

Every sampler here is a function of history: `observe` takes in what became of a trial, `propose` gives params for the
next. What Optuna's samplers see of stopped, paused and failed trials is decided in one place, `history`; the Optuna
study they work on lives in memory and is rebuilt from the ledger when a study is resumed.

    sampler = make("tpe", space=space, direction="minimize", seed=7, records=[])
    params = sampler.propose(0)

`random` and `grid` need no history and no Optuna. `auto` is TPE for now.
"""

from __future__ import annotations

import concurrent.futures
import random
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from automl.config import Direction
from automl.errors import ConfigError
from automl.trial import TrialRecord, TrialState
from search_spaces import SearchSpace
from search_spaces.convert import to_optuna

if TYPE_CHECKING:
    import optuna

Params = Mapping[str, Any]


class Sampler(Protocol):
    """Proposes params from history."""

    def propose(self, number: int) -> Params | None:
        """Return params for trial `number`, the next one, or None when there is nothing left to try."""

    def observe(self, record: TrialRecord) -> None:
        """Take in that a trial was paused, promoted or ended."""


class RandomSampler:
    """Independent draws. Trial n gets the same params whatever happened before it, resumed or not."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        self._space = space
        self._seed = seed

    def propose(self, number: int) -> Params:
        return self._space.sample(random.Random(f"{self._seed}-{number}"))

    def observe(self, record: TrialRecord) -> None:
        pass


class GridSampler:
    """Every combination once, in the space's order; `per_axis` points of each continuous parameter."""

    def __init__(self, space: SearchSpace, per_axis: int = 5) -> None:
        self._space = space
        self._per_axis = per_axis
        self._points: Iterator[Params] = iter(())
        self._next = -1

    def propose(self, number: int) -> Params | None:
        if number != self._next:
            self._points = iter(self._space.grid(self._per_axis))
            for _ in range(number):
                next(self._points, None)
        self._next = number + 1
        return next(self._points, None)

    def observe(self, record: TrialRecord) -> None:
        pass


class OptunaSampler:
    """Any Optuna sampler, on a study in memory whose trials are replaced as they change."""

    def __init__(
        self,
        sampler: optuna.samplers.BaseSampler,
        space: SearchSpace,
        direction: Direction,
        records: Iterable[TrialRecord],
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = space
        self._distributions = _distributions(space)
        self._study = optuna.create_study(storage=_memory(), sampler=sampler, direction=direction)
        for trial in history(records, space):
            self._put(trial)

    def propose(self, number: int) -> Params:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # notes to whoever wrote the sampler's arguments: that is us
            trial = self._study.ask()
            assert trial.number == number, f"asked for trial {number}, the sampler is at {trial.number}"
            return self._space.suggest(trial)

    def observe(self, record: TrialRecord) -> None:
        self._put(_frozen(record, self._distributions))

    def _put(self, trial: optuna.trial.FrozenTrial) -> None:
        self._study._storage.put(self._study._study_id, trial)  # type: ignore[attr-defined]


def history(records: Iterable[TrialRecord], space: SearchSpace) -> list[optuna.trial.FrozenTrial]:
    """Return what a sampler is shown of trials: the only place where that is decided.

    - COMPLETE: its value.
    - PRUNED and paused alike: PRUNED, with every report; never the value of a trial that was cut as if it were final.
    - RUNNING and WAITING: RUNNING, so that a sampler that models pending trials keeps away from them.
    - FAIL: FAIL, which Optuna's samplers leave out.
    """
    distributions = _distributions(space)
    return [_frozen(record, distributions) for record in records]


def _frozen(record: TrialRecord, distributions: Mapping[str, Any]) -> optuna.trial.FrozenTrial:
    import datetime

    from optuna.trial import FrozenTrial
    from optuna.trial import TrialState as OptunaState

    if record.state is TrialState.COMPLETE:
        state = OptunaState.COMPLETE
    elif record.state is TrialState.PRUNED or record.paused:
        state = OptunaState.PRUNED
    elif record.state is TrialState.FAIL:
        state = OptunaState.FAIL
    else:
        state = OptunaState.RUNNING
    started = datetime.datetime.fromtimestamp(record.started or 0.0)
    ended = datetime.datetime.fromtimestamp(record.ended or record.started or 0.0)
    chosen = {name: value for name, value in record.params.items() if name in distributions}
    return FrozenTrial(
        number=record.number,
        trial_id=record.number,
        state=state,
        value=record.value,
        datetime_start=started,
        datetime_complete=ended if state.is_finished() else None,
        params=chosen,
        distributions={name: distributions[name] for name in chosen},
        user_attrs={},
        system_attrs={},
        intermediate_values=dict(record.reports),
    )


def _distributions(space: SearchSpace) -> dict[str, Any]:
    from search_spaces import Constant

    return {name: to_optuna(item) for name, item in space.items() if not isinstance(item, Constant)}


def _memory() -> optuna.storages.InMemoryStorage:
    """Return Optuna's storage in memory, with one thing more: a trial can be replaced."""
    from optuna.storages import InMemoryStorage

    class Memory(InMemoryStorage):
        def put(self, study_id: int, trial: optuna.trial.FrozenTrial) -> None:
            with self._lock:
                if trial.number == len(self._studies[study_id].trials):
                    self.create_new_trial(study_id, template_trial=trial)
                else:
                    self._set_trial(trial._trial_id, trial)
                self._update_cache(trial._trial_id, study_id)

    return Memory()


def make(
    sampler: str | optuna.samplers.BaseSampler,
    *,
    space: SearchSpace,
    direction: Direction,
    seed: int,
    records: Sequence[TrialRecord],
) -> Sampler:
    """Return a sampler by its name in `config.SAMPLERS`, or any Optuna sampler, that knows what `records` tell.

    Raises:
        ConfigError: the sampler cannot work on this space.
    """
    if sampler == "random":
        return RandomSampler(space, seed)
    if sampler == "grid":
        return GridSampler(space)
    if isinstance(sampler, str):
        # A resumed study must not draw the same numbers again.
        drawn = random.Random(f"{seed}-{len(records)}").randrange(2**32)
        sampler = _optuna_sampler(sampler, space, drawn)
    return OptunaSampler(sampler, space, direction, records)


def explain(name: str, space: SearchSpace) -> str:
    """Return why this sampler was chosen, in a few words."""
    size = space.size()
    points = "continuous" if isinstance(size, str) else f"{size:,} points"
    parameters = f"{len(space)} parameter{'s' if len(space) > 1 else ''}, {points}"
    return f"tpe (auto: {parameters})" if name == "auto" else f"{name} ({parameters})"


def _optuna_sampler(name: str, space: SearchSpace, seed: int) -> optuna.samplers.BaseSampler:
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name == "gp":
            return optuna.samplers.GPSampler(seed=seed, warn_independent_sampling=False)
        # Without groups a parameter that some trials lack would be sampled on its own, never with the others.
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, group=bool(space.conditions))


class Proposals:
    """Takes proposals from a sampler without making the driver's loop wait for a slow one.

    A proposal is computed in a thread. One that took longer than `PATIENCE` is followed at once by the next, so that it
    is ready before a worker is free.
    """

    PATIENCE = 0.03
    """Seconds that the loop may wait."""

    def __init__(self, sampler: Sampler, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self.sampler = sampler
        self._clock = clock
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="sampler")
        self._ahead: concurrent.futures.Future[tuple[Params | None, float]] | None = None

    def take(self, number: int, *, wait: bool, another: bool) -> tuple[bool, Params | None]:
        """Return (True, params) for trial `number`, (True, None) at the end of a grid, or (False, None): not yet.

        Args:
            number: the next trial; ask for the same one until it is there.
            wait: stay until it is there.
            another: whether a further trial will be wanted.
        """
        if self._ahead is None:
            self._ahead = self._thread.submit(self._timed, number)
        try:
            params, seconds = self._ahead.result(None if wait else self.PATIENCE)
        except concurrent.futures.TimeoutError:
            return False, None
        is_slow = seconds > self.PATIENCE and another and params is not None
        self._ahead = self._thread.submit(self._timed, number + 1) if is_slow else None
        return True, params

    def close(self) -> None:
        """End the thread; what it works on is dropped."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _timed(self, number: int) -> tuple[Params | None, float]:
        started = self._clock()
        params = self.sampler.propose(number)
        return params, self._clock() - started


def check(sampler: str, space: SearchSpace) -> None:
    """Refuse a sampler that cannot work on `space` before anything is created.

    Raises:
        ConfigError: it cannot.
    """
    if sampler in ("tpe", "gp", "auto") and not _distributions(space):
        raise ConfigError(f"every parameter is fixed, so --sampler {sampler} has nothing to choose; use --sampler grid")
