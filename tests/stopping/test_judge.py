"""The judge: what every rule may rely on."""

from __future__ import annotations

import math

import pytest

from automl.errors import SearchAbortedError
from automl.preference import Preference
from automl.stopping import EarlyStopping, Judge, Verdict


class Recorder(EarlyStopping):
    """Stops everything, and remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, int, float]] = []
        self.ends: list[tuple[int, float | None]] = []

    def on_report(self, trial: int, step: int, loss: float, *, can_pause: bool) -> Verdict:
        self.shown.append((trial, step, loss))
        return Verdict.STOP

    def on_end(self, trial: int, loss: float | None) -> None:
        self.ends.append((trial, loss))


class Broken(EarlyStopping):
    """Raises whenever it is asked."""

    def on_report(self, trial: int, step: int, loss: float, *, can_pause: bool) -> Verdict:
        raise ZeroDivisionError("division by zero")

    def on_end(self, trial: int, loss: float | None) -> None:
        raise KeyError(trial)


def test_rules_see_losses() -> None:
    """Of a metric to maximize the negative; whatever is no finite number as +inf; of ends the same."""
    rule = Recorder()
    judge = Judge(rule, name="r", maximize=True)

    for step, value in enumerate([0.5, math.nan, math.inf, -math.inf], start=1):
        judge.on_report(0, step, value, can_pause=False)
    judge.on_end(0, 0.75)
    judge.on_end(1, None)

    assert rule.shown == [(0, 1, -0.5), (0, 2, math.inf), (0, 3, math.inf), (0, 4, math.inf)]
    assert rule.ends == [(0, -0.75), (1, None)]


def test_known_ground_is_not_shown_again() -> None:
    """An attempt that began again goes on unjudged up to the last step that was known; other trials are others."""
    rule = Recorder()
    judge = Judge(rule, name="r")

    answers = [judge.on_report(0, step, 1.0, can_pause=False) for step in (1, 3, 2, 3, 4)]
    judge.on_report(1, 1, 1.0, can_pause=False)

    assert [answer is Verdict.STOP for answer in answers] == [True, True, False, False, True]
    assert [(trial, step) for trial, step, _ in rule.shown] == [(0, 1), (0, 3), (0, 4), (1, 1)]


def test_the_full_budget_is_reached_in_peace() -> None:
    """At the last step and beyond the rule is shown the value, and its verdict is dropped."""
    rule = Recorder()
    judge = Judge(rule, name="r", max_epochs=3)

    answers = [judge.on_report(0, step, 1.0, can_pause=False) for step in (2, 3, 4)]

    assert answers == [Verdict.STOP, Verdict.CONTINUE, Verdict.CONTINUE]
    assert len(rule.shown) == 3


def test_without_a_known_budget_any_step_is_judged() -> None:
    """There is no last step to spare."""
    judge = Judge(Recorder(), name="r", max_epochs=None)

    assert judge.on_report(0, 10**6, 1.0, can_pause=False) is Verdict.STOP


def test_a_replay_shows_what_the_ledger_has() -> None:
    """Reports in their order, NaN included, and ends."""
    rule = Recorder()

    Judge(rule, name="r").replay([(0, 1, 0.5), (1, 1, None), (0, None, 0.25), (1, None, None)])

    assert rule.shown == [(0, 1, 0.5), (1, 1, math.inf)]
    assert rule.ends == [(0, 0.25), (1, None)]


def test_a_rule_that_fails_says_which_and_where() -> None:
    """The search cannot go on without it; the message has its name, the place and the exception."""
    judge = Judge(Broken(), name="Broken")

    with pytest.raises(
        SearchAbortedError, match=r"\(Broken\) failed at step 2 of trial 7: ZeroDivisionError: division"
    ):
        judge.on_report(7, 2, 0.5, can_pause=False)
    with pytest.raises(SearchAbortedError, match=r"\(Broken\) failed at the end of trial 7: KeyError"):
        judge.on_end(7, 0.5)


WISH = Preference.of(["acc", "size"], ["maximize", "minimize"], ["latency <= 5"])


def test_where_several_metrics_count_rules_that_rank_see_vectors() -> None:
    """What was last known of each metric counts; a report without an objective is none that is judged."""
    rule = Recorder()
    judge = Judge(rule, name="r", preference=WISH, ranks=True)

    unjudged = judge.on_report(0, 1, {"latency": 6.0}, can_pause=False)
    judge.on_report(0, 2, {"acc": 0.5}, can_pause=False)
    judge.on_report(0, 3, {"size": 7.0, "acc": 0.6}, can_pause=False)
    judge.on_end(0, {"acc": 0.7, "size": 7.0, "latency": 4.0, "other": 1.0})

    assert unjudged is Verdict.CONTINUE
    assert rule.shown == [(0, 2, (math.inf, -0.5, math.inf)), (0, 3, (pytest.approx(0.2), -0.6, 7.0))]
    assert rule.ends == [(0, (0.0, -0.7, 7.0))]


def test_with_one_objective_other_rules_look_at_that() -> None:
    """Whatever limits there are: a number cannot say whether they are kept."""
    rule = Recorder()
    judge = Judge(rule, name="r", preference=Preference.of("acc", "maximize", ["latency <= 5"]))

    judge.on_report(0, 1, {"acc": 0.5, "latency": 9.0}, can_pause=False)
    judge.on_report(0, 2, {"acc": math.nan}, can_pause=False)

    assert rule.shown == [(0, 1, -0.5), (0, 2, math.inf)]
