"""Early stopping in a study: what becomes of it when drivers are killed, and when it fails itself."""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

import automl
from automl.attempt import Attempt, Ending
from automl.errors import ConfigError, StudyMismatchError
from automl.ledger.address import sqlite_url
from automl.stopping import EarlyStopping, Verdict, named
from automl.trial import AttemptState, Reason, Trial, TrialState
from tests.test_study import Bench, complete, report, take


class Live:
    """Drives a study by a random script that does not know whether the driver was killed meanwhile.

    Trials run side by side; one that was cut goes on where it was, as from a checkpoint. The answers are kept.
    """

    def __init__(self, bench: Bench, seed: int, **opened: Any) -> None:
        self._bench = bench
        self._rng = random.Random(seed)
        self.opened = opened
        self._running: dict[int, Attempt] = {}
        self._steps: dict[int, int] = {}
        self.answers: list[object] = []
        self.study = bench.open(**opened)

    def kill(self) -> None:
        """Leave the study as a killed driver does, once its reports are on disk, and open it again."""
        self._bench.clock.now += 1
        self.study.tick()
        self.study = self._bench.open(**self.opened)
        self._running = {attempt.trial: attempt for attempt in (take(self.study) for _ in self._running)}

    def act(self) -> None:
        """Let one thing happen."""
        if len(self._running) < 3 and self._rng.random() < 0.5:
            attempt = self.study.next_attempt(wait=True)
            self.answers.append(attempt and attempt.trial)
            if attempt is not None:
                self._running[attempt.trial] = attempt
        elif self._running:
            self._report(self._rng.choice(sorted(self._running)))

    def _report(self, trial: int) -> None:
        step = self._steps[trial] = self._steps.get(trial, 0) + self._rng.choice([1, 1, 2])
        loss = self._rng.choice([self._rng.random()] * 9 + [math.nan])
        checkpoint = self._rng.choice([step, None])
        said = replace(report(step, loss, checkpoint=checkpoint), values={"loss": loss, "size": trial % 7 + step})
        verdict = self.study.report(self._running[trial], [said])
        self.answers.append((trial, step, verdict))
        if verdict is Verdict.PAUSE:
            self._end(trial, Ending(state=AttemptState.PAUSED, checkpoint=step))
        elif verdict is Verdict.STOP:
            self._end(trial, Ending(state=AttemptState.RESULT, trial_state=TrialState.PRUNED))
        elif step >= 9:
            loss = self._rng.random()
            self._end(trial, replace(complete(loss), values={"loss": loss, "size": trial % 7 + step}))
        elif self._rng.random() < 0.05:
            failed = {"trial_state": TrialState.FAIL, "reason": Reason.RAISED, "message": "x"}
            self._end(trial, Ending(state=AttemptState.RESULT, **failed))

    def _end(self, trial: int, ending: Ending) -> None:
        self.study.end(self._running.pop(trial), ending)


class Chained(EarlyStopping):
    """Answers by everything that it was ever shown, in its order: the least difference in a replay changes them all."""

    def __init__(self) -> None:
        self.seen = 0

    def on_report(self, trial: int, step: int, loss: float, *, can_pause: bool) -> Verdict:
        self.seen = zlib.crc32(f"{self.seen} {trial} {step} {loss}".encode())
        if self.seen % 11 == 0:
            return Verdict.STOP
        return Verdict.PAUSE if can_pause and self.seen % 5 == 0 else Verdict.CONTINUE

    def on_end(self, trial: int, loss: float | None) -> None:
        self.seen = zlib.crc32(f"{self.seen} {trial} {loss}".encode())

    def promote(self, paused: Collection[int], *, last_call: bool = False) -> int | None:
        return min(paused, default=None) if last_call or self.seen % 3 == 0 else None


RULES = [
    "asha eta=2 first=1",
    "guarded eta=2 first=1",
    "hyperband eta=2 first=1",
    optuna.pruners.SuccessiveHalvingPruner(),
    Chained(),
]


@pytest.mark.parametrize("rule", RULES, ids=named)
def test_a_killed_driver_changes_no_verdict_and_no_promotion(tmp_path: Path, storage_url: str, rule: Any) -> None:
    """Early stopping answers the same whether the driver lives on or is killed and resumed again and again."""
    given = {"early_stopping": rule}
    options = {"early_stopping": named(rule), "n_trials": 40, "directions": ("maximize",)}
    lived = Live(Bench(tmp_path / "lived", sqlite_url(tmp_path / "lived.db"), **options), seed=5, **given)
    killed = Live(Bench(tmp_path / "killed", storage_url, **options), seed=5, **given)

    for number in range(160):
        lived.act()
        killed.act()
        if number % 30 == 29:
            killed.kill()

    assert killed.answers == lived.answers
    assert len(lived.answers) > 80


@pytest.mark.parametrize("name", ["asha", "hyperband", "screen trials=20", "guarded"])
def test_nor_where_several_metrics_count(tmp_path: Path, storage_url: str, name: str) -> None:
    """Trials ranked by vectors are ranked the same after a replay: what was last known of each metric counts."""
    options = {
        "early_stopping": f"{name} eta=2 first=1",
        "n_trials": 40,
        "metrics": ("loss", "size"),
        "directions": ("maximize", "minimize"),
        "constraints": ("size <= 9",),
    }
    lived = Live(Bench(tmp_path / "lived", sqlite_url(tmp_path / "lived.db"), **options), seed=6)
    killed = Live(Bench(tmp_path / "killed", storage_url, **options), seed=6)

    for number in range(120):
        lived.act()
        killed.act()
        if number % 30 == 29:
            killed.kill()

    assert killed.answers == lived.answers
    assert {answer[2] for answer in lived.answers if isinstance(answer, tuple)} == {*Verdict}


class Unsure:
    """A pruner that fails at the third report it is asked about."""

    asked = 0

    def prune(self, study: object, trial: object) -> bool:
        self.asked += 1
        if self.asked == 3:
            raise ZeroDivisionError("division by zero")
        return False


def test_early_stopping_that_fails_ends_the_search_not_the_trial(tmp_path: Path, storage_url: str) -> None:
    """A broken pruner is no trial's fault: the search ends, saying so, and the trial goes on when it is mended."""
    bench = Bench(tmp_path / "s", storage_url)
    study = bench.open(early_stopping=Unsure())
    attempt = take(study)

    verdict = study.report(attempt, [report(step, 0.5) for step in (1, 2, 3)])
    study.end(attempt, Ending(state=AttemptState.RESULT, trial_state=TrialState.PRUNED))

    assert verdict is Verdict.STOP
    assert study.should_stop
    assert "(Unsure) failed at step 3 of trial 0: ZeroDivisionError" in str(study.failure)
    assert not study.close()
    assert bench.states() == ["WAITING"]


def objective(trial: Trial) -> float:
    for step in range(1, 10):
        trial.report(step, value=trial.number + 1 / step)
    return float(trial.number)


def test_a_pruner_is_given_in_python_and_again_on_resume(tmp_path: Path) -> None:
    """A search stops trials by an Optuna pruner; to go on without it, or with another, is refused."""
    options = {"direction": "minimize", "max_epochs": 9, "executor": "local", "tracker": "none", "listeners": ()}
    pruner = optuna.pruners.MedianPruner(n_startup_trials=2)

    first = automl.search(
        objective, {"x": "0.0..1.0"}, name="s", home=tmp_path, n_trials=5, early_stopping=pruner, **options
    )
    with pytest.raises(ConfigError, match=r"the early stopping MedianPruner is an object that only Python"):
        automl.resume("s", objective, home=tmp_path, n_trials=8, listeners=())
    with pytest.raises(StudyMismatchError, match="has early_stopping 'own:MedianPruner', not 'asha'"):
        automl.resume("s", objective, home=tmp_path, n_trials=8, early_stopping="asha", listeners=())
    more = automl.resume("s", objective, home=tmp_path, n_trials=8, early_stopping=pruner, listeners=())

    assert [trial.state.value for trial in more.trials] == ["COMPLETE"] * 2 + ["PRUNED"] * 6
    assert more.trials[:5] == first.trials


def test_what_cannot_stop_trials_makes_no_study(tmp_path: Path) -> None:
    """A class instead of an object is refused before anything is made."""
    with pytest.raises(ConfigError, match=r"got <class .*MedianPruner"):
        automl.search(objective, {"x": "0.0..1.0"}, home=tmp_path / "home", early_stopping=optuna.pruners.MedianPruner)

    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("rule", ["asha", "screen", "guarded"])
def test_a_search_in_which_all_diverges_pays_for_the_first_rung_alone(rule: str) -> None:
    """While nothing is COMPLETE, trials that had no value where they paused are not run to their ends, one by one."""

    def diverging(params: object, seed: int) -> Iterator[tuple[float, dict[str, float]]]:
        yield from [(1.0, {"loss": math.nan})] * 27

    given: dict[str, Any] = {"direction": "minimize", "max_epochs": 27, "n_trials": 20, "sampler": "random"}

    found = automl.simulate(diverging, {"x": "0.0..1.0"}, metric="loss", early_stopping=f"{rule} first=2", **given)

    assert [(trial.state.value, trial.reached) for trial in found.trials] == [("PRUNED", 2)] * 20
