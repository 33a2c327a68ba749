"""Optuna's pruners: what they are shown, and that they decide as they do in Optuna."""

from __future__ import annotations

import functools
import math
import random
import time
from collections.abc import Callable

import optuna
import pytest

from automl.stopping import Judge, Verdict, make
from automl.stopping.optuna_pruner import OptunaPruner


class Spy(optuna.pruners.BasePruner):
    """Remembers what it was asked about in a list of its own, which copies share."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int | None, dict[int, float]]] = []
        self.states: list[list[str]] = []

    def __deepcopy__(self, memo: object) -> Spy:
        return self

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        self.asked.append((trial.number, trial.last_step, dict(trial.intermediate_values)))
        self.states.append([each.state.name for each in study.get_trials(deepcopy=False)])
        return False


def follow(trial: optuna.Trial, curve: list[float]) -> float:
    """Report a curve to Optuna until it is pruned; the last step is nobody's to prune."""
    for step, value in enumerate(curve, start=1):
        trial.report(value, step)
        if step < len(curve) and trial.should_prune():
            raise optuna.TrialPruned
    return curve[-1]


def run(judge: Judge, number: int, curve: list[float]) -> int:
    """Report a curve to a judge until it is cut, and return the last step."""
    for step, value in enumerate(curve, start=1):
        if judge.on_report(number, step, value, can_pause=True) is not Verdict.CONTINUE:
            judge.on_end(number, None)
            return step
    judge.on_end(number, curve[-1])
    return len(curve)


def test_a_pruner_sees_the_study_as_it_is() -> None:
    """Values of the metric in its own direction, NaN for what is no number, all trials with their states."""
    spy = Spy()
    judge = make(spy, maximize=True, max_epochs=9)

    judge.on_report(1, 1, 0.5, can_pause=True)
    judge.on_report(1, 3, math.inf, can_pause=True)
    judge.on_end(1, 0.75)
    judge.on_report(0, 1, 0.25, can_pause=True)
    judge.on_end(0, None)
    judge.on_report(2, 2, 0.1, can_pause=True)

    assert [(number, step) for number, step, _ in spy.asked] == [(1, 1), (1, 3), (0, 1), (2, 2)]
    assert spy.asked[0][2] == {1: 0.5}
    assert math.isnan(spy.asked[1][2][3])
    assert spy.states[-1] == ["PRUNED", "COMPLETE", "RUNNING"]


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize(
    "make_pruner",
    [
        optuna.pruners.SuccessiveHalvingPruner,
        functools.partial(optuna.pruners.SuccessiveHalvingPruner, min_resource=2, reduction_factor=2),
        functools.partial(optuna.pruners.MedianPruner, n_startup_trials=2),
        functools.partial(optuna.pruners.ThresholdPruner, lower=0.3, upper=1.4),
    ],
    ids=["halving auto", "halving", "median", "threshold"],
)
def test_it_prunes_what_it_prunes_in_optuna(
    make_pruner: Callable[[], optuna.pruners.BasePruner], direction: str
) -> None:
    """The same curves are cut at the same steps as in `study.optimize`, in both directions."""
    rng = random.Random(3)
    curves = [[rng.random() + 1 / step for step in range(1, 10)] for _ in range(25)]
    study = optuna.create_study(
        pruner=make_pruner(), direction=direction, sampler=optuna.samplers.RandomSampler(seed=0)
    )
    judge = make(make_pruner(), maximize=direction == "maximize", max_epochs=9)

    study.optimize(lambda trial: follow(trial, curves[trial.number]), n_trials=25)
    cut = [run(judge, number, curve) for number, curve in enumerate(curves)]

    assert cut == [trial.last_step for trial in study.trials]
    assert 0 < sum(step < 9 for step in cut) < 25


def test_a_pruner_that_has_learnt_is_not_passed_on() -> None:
    """`min_resource="auto"` is worked out in a study; given to another, the pruner begins from nothing again."""
    pruner = optuna.pruners.SuccessiveHalvingPruner()
    first = make(pruner, max_epochs=900)
    for trial in range(5):
        for step in range(1, 801):
            first.on_report(trial, step, trial + 1 / step, can_pause=False)
        first.on_end(trial, trial)

    second = make(pruner, max_epochs=900)

    assert [second.on_report(trial, 500, trial, can_pause=False) for trial in range(5)] == [Verdict.CONTINUE] * 5


def test_warnings_about_nan_are_not_the_users() -> None:
    """A pruner that is at a loss with NaN says so to nobody, and prunes or not."""
    judge = make(optuna.pruners.MedianPruner(n_startup_trials=1), max_epochs=9)
    judge.on_report(0, 1, 0.5, can_pause=False)
    judge.on_end(0, 0.5)

    assert judge.on_report(1, 1, math.nan, can_pause=False) is Verdict.STOP


def test_the_adapter_costs_nothing_that_grows() -> None:
    """With a pruner that looks at nothing, the last of 2,000 trials with 10 reports is as quick as the first."""
    rule = OptunaPruner(optuna.pruners.NopPruner())

    def seconds(trials: range) -> float:
        began = time.process_time()
        for trial in trials:
            for step in range(1, 11):
                rule.on_report(trial, step, 0.5, can_pause=False)
            rule.on_end(trial, 0.5)
        return time.process_time() - began

    early, _, late = seconds(range(200)), seconds(range(200, 1800)), seconds(range(1800, 2000))

    assert late < 5 * early
