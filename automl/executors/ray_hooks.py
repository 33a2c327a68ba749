"""The three hooks by which Tune calls us: a searcher, a scheduler, a callback. Each hands on to the bridge.

Found out the hard way, so they stay as they are: a result with `done=True` skips the scheduler's `on_trial_result`; the
searcher's `on_trial_complete` is called with keywords; returning FINISHED while attempts may still come would make Tune
drop its warm processes; only identical resource requests share them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from ray import tune
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher as TuneSearcher

from automl.executors import ray_private
from automl.executors.ray_tune import Result

_Hook = TypeVar("_Hook", bound=Callable[..., Any])


def _guarded(default: Any) -> Callable[[_Hook], _Hook]:
    """Keep an exception of a hook for the main thread, and answer `default`."""

    def wrap(hook: _Hook) -> _Hook:
        @functools.wraps(hook)
        def guard(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return hook(self, *args, **kwargs)
            except BaseException as error:
                self.bridge.fail(error)
                return default

        return guard  # type: ignore[return-value]

    return wrap


class Searcher(TuneSearcher):
    """Answers "what next?" with an attempt."""

    def __init__(self, bridge: Any) -> None:
        super().__init__(metric=None, mode=None)
        self.bridge = bridge

    @_guarded(TuneSearcher.FINISHED)
    def suggest(self, trial_id: str) -> Any:
        if self.bridge.is_stopping:
            return self.FINISHED
        attempt = self.bridge.next_attempt(trial_id)
        if attempt is not None:
            return {"attempt": attempt}
        study = self.bridge.study
        return self.FINISHED if study.is_done or study.should_stop else None

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        pass

    def save(self, checkpoint_path: str) -> None:
        pass

    def restore(self, checkpoint_path: str) -> None:
        pass


class Scheduler(FIFOScheduler):
    """Brings what workers say to the bridge, and lets Tune decide nothing."""

    def __init__(self, bridge: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bridge = bridge

    def set_search_properties(self, metric: Any, mode: Any, **spec: Any) -> bool:
        return True

    @_guarded(None)
    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        self.bridge.controller = ray_private.controller_of(tune_controller)

    @_guarded(FIFOScheduler.CONTINUE)
    def on_trial_result(self, tune_controller: Any, trial: Any, result: Any) -> str:
        self.bridge.take(trial.trial_id, _read(result), ray_private.actor_of(trial))
        return str(FIFOScheduler.CONTINUE)

    @_guarded(None)
    def on_trial_complete(self, tune_controller: Any, trial: Any, result: Any) -> None:
        self.bridge.take(trial.trial_id, _read(trial.last_result), None)

    @_guarded(None)
    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        self.bridge.lose(trial.trial_id, ray_private.error_of(trial))

    def choose_trial_to_run(self, tune_controller: Any) -> None:
        return None  # FIFO's own goes through all trials; Tune starts what was suggested without it


class Hooks(tune.Callback):
    """Gives the study its ticks."""

    def __init__(self, bridge: Any) -> None:
        self.bridge = bridge

    @_guarded(None)
    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.bridge.start(trial.trial_id, ray_private.actor_of(trial))

    @_guarded(None)
    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        self.bridge.tick()
        if self.bridge.controller is not None:
            ray_private.forget_finished(trials, self.bridge.controller)


def _read(result: dict[str, Any]) -> Result:
    (ending,) = result.get("ending") or [None]
    return Result(result.get("reports") or [], ending)
