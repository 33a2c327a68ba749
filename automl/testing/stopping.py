"""What every early stopping rule does: the suite, and a study in miniature that puts a rule through anything.

class TestMyRule(EarlyStoppingContract):
    @pytest.fixture
    def new_rule(self):
        return lambda max_epochs: MyRule()
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from automl.stopping import EarlyStopping, Judge, Verdict

NewRule = Callable[[int | None], EarlyStopping]
"""Returns a fresh rule for a full budget in steps, None for an unknown one."""

EPOCHS = 27
LONGEST = 60  # steps of a trial whose budget the rule does not know


class Call(NamedTuple):
    """What a judge was asked, and what it answered."""

    method: str
    args: tuple[Any, ...]
    options: Mapping[str, bool]
    answer: Verdict | int | None = None

    def repeat(self, judge: Judge, **options: bool) -> Verdict | int | None:
        """Ask another judge the same, but for `options`."""
        answer: Verdict | int | None = getattr(judge, self.method)(*self.args, **{**self.options, **options})
        return answer


class MiniatureStudy:
    """Asks a judge what a study may ask it, in any order that can happen, and checks that the answers are allowed.

    Trials run side by side, skip steps, begin again, fail, report NaN, lack checkpoints, are paused and promoted.
    """

    def __init__(self, judge: Judge, rng: random.Random, *, max_epochs: int | None) -> None:
        self.calls: list[Call] = []
        self._judge = judge
        self._rng = rng
        self._max_epochs = max_epochs
        self._running: dict[int, int] = {}  # trial -> the step its attempt is at
        self._reached: dict[int, int] = {}  # trial -> its highest step ever
        self._paused: set[int] = set()
        self._diverged: set[int] = set()  # trials whose last value was NaN
        self._quality: list[float] = []  # of each trial asked

    def run(self, rounds: int) -> list[Call]:
        """Let that many things happen; return every call of the judge."""
        for _ in range(rounds):
            action = self._rng.choice([self._start, self._report, self._report, self._report, self._report, self._fail])
            action()
        self._promote(last_call=not self._running)
        return self.calls

    def _start(self) -> None:
        if len(self._running) >= 4:
            return
        promoted = self._promote()
        if promoted is None:
            promoted = len(self._quality)
            self._quality.append(self._rng.choice([0.1, 0.5, self._rng.random()]))
        self._running[promoted] = self._reached.get(promoted, 0)

    def _report(self) -> None:
        if not self._running:
            return
        trial = self._rng.choice(sorted(self._running))
        at = self._running[trial]
        if at and self._rng.random() < 0.1:
            at = self._rng.randrange(at)  # the attempt was lost, and another begins at an older checkpoint, or none
        step = at + self._rng.choice([1, 1, 1, 2, 7])
        value = self._rng.choice([self._quality[trial] + 1 / step] * 8 + [self._rng.random(), math.nan])
        known, can_pause = self._reached.get(trial, 0), self._rng.random() < 0.6
        verdict = self._ask("on_report", trial, step, value, can_pause=can_pause)
        self._check(verdict, known, step, can_pause)
        if step > known:
            (self._diverged.add if math.isnan(value) else self._diverged.discard)(trial)
        self._running[trial] = step
        self._reached[trial] = max(known, step)
        if verdict is Verdict.PAUSE:
            del self._running[trial]
            self._paused.add(trial)
        elif verdict is Verdict.STOP:
            self._end(trial, None)
        elif step >= (self._max_epochs or LONGEST):
            self._end(trial, self._quality[trial])

    def _fail(self) -> None:
        if self._running and self._rng.random() < 0.1:
            self._end(self._rng.choice(sorted(self._running)), None)

    def _end(self, trial: int, value: float | None) -> None:
        del self._running[trial]
        self._ask("on_end", trial, value)

    def _promote(self, *, last_call: bool = False) -> int | None:
        promoted = self._ask("promote", frozenset(self._paused), last_call=last_call)
        assert promoted is None or promoted in self._paused, f"{promoted} was promoted, paused are {self._paused}"
        is_due = last_call and not self._paused <= self._diverged
        assert promoted is not None or not is_due, "nobody was promoted at the last call"
        if promoted is not None:
            self._paused.discard(int(promoted))
        return None if promoted is None else int(promoted)

    def _check(self, verdict: object, known: int, step: int, can_pause: bool) -> None:
        assert isinstance(verdict, Verdict), f"{verdict!r} is no verdict"
        if verdict is Verdict.CONTINUE:
            return
        decisive = self._judge.decision_steps
        assert decisive is None or any(known < each <= step for each in decisive), f"no decision is due at step {step}"
        assert verdict is Verdict.STOP or can_pause, "a trial without a checkpoint was paused"
        assert step > known, "known ground was judged again"
        assert step < (self._max_epochs or math.inf), "a trial was cut at its full budget"

    def _ask(self, method: str, *args: Any, **options: bool) -> Verdict | int | None:
        call = Call(method, args, options)
        self.calls.append(call._replace(answer=call.repeat(self._judge)))
        return self.calls[-1].answer


def replay(calls: Sequence[Call], judge: Judge) -> None:
    """Show a fresh judge what a resumed study shows it of `calls`: reports and ends, without checkpoints."""
    for call in calls:
        if call.method == "on_report":
            call.repeat(judge, can_pause=False)
        elif call.method == "on_end":
            call.repeat(judge)


def interleaved(curves: Sequence[Sequence[float]], rng: random.Random) -> list[tuple[int, int, float]]:
    """Return the reports of trials that ran side by side, (trial, step, loss), in an order in which they may come."""
    turns = [trial for trial, losses in enumerate(curves) for _ in losses]
    rng.shuffle(turns)
    at = [0] * len(curves)
    reports = []
    for trial in turns:
        at[trial] += 1
        reports.append((trial, at[trial], curves[trial][at[trial] - 1]))
    return reports


class EarlyStoppingContract:
    """What an `automl.stopping.EarlyStopping` does, seen through the judge that stands between it and every study.

    Fixture to give: `new_rule`. Set `cuts` to False for a rule that lets bad trials run to their end, and
    `is_order_free` to False for one that remembers who came first.
    """

    cuts = True
    is_order_free = True

    @pytest.fixture
    def new_judge(self, new_rule: NewRule) -> Callable[[int | None], Judge]:
        """Return a function from a full budget to a judge with a fresh rule."""
        return lambda max_epochs: Judge(new_rule(max_epochs), name="rule", max_epochs=max_epochs)

    def test_it_follows_the_protocol(self, new_rule: NewRule) -> None:
        """It has the methods, and its decision steps are steps."""
        rule = new_rule(EPOCHS)

        assert isinstance(rule, EarlyStopping)
        assert rule.decision_steps is None or all(step >= 1 for step in rule.decision_steps)

    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("max_epochs", [EPOCHS, None])
    def test_its_answers_are_allowed(
        self, new_judge: Callable[[int | None], Judge], max_epochs: int | None, seed: int
    ) -> None:
        """Whatever happens: verdicts only at decision steps, never at the full budget; promotion only of the paused.

        PAUSE is only for a trial that has a checkpoint. At the last call one of the paused that have a value goes on.
        """
        study = MiniatureStudy(new_judge(max_epochs), random.Random(seed), max_epochs=max_epochs)

        calls = study.run(400)

        assert {call.method for call in calls} >= {"on_report", "promote"}

    @pytest.mark.parametrize("seed", range(5))
    def test_it_is_a_function_of_history(self, new_judge: Callable[[int | None], Judge], seed: int) -> None:
        """A fresh rule to which history is replayed, from a ledger that forgot checkpoints, answers as the old one."""
        calls = MiniatureStudy(new_judge(EPOCHS), random.Random(seed), max_epochs=EPOCHS).run(400)
        resumed = new_judge(EPOCHS)
        cut = random.Random(seed).randrange(len(calls))
        replay(calls[:cut], resumed)

        answers = [call.repeat(resumed) for call in calls[cut:]]

        assert answers == [call.answer for call in calls[cut:]]

    @pytest.mark.parametrize("seed", range(5))
    def test_it_takes_reports_in_any_order(self, new_judge: Callable[[int | None], Judge], seed: int) -> None:
        """Trials that run side by side are as fast as they are: whatever the order of their reports, a replay is right.

        The order decides who is judged against whom. But once all have reported, a rule that does not remember who came
        first answers the same.
        """
        rng = random.Random(seed)
        curves = [[rng.random() + 1 / step for step in range(1, rng.randint(2, EPOCHS))] for _ in range(20)]
        ends = [(trial, losses[-1] if trial % 3 else None) for trial, losses in enumerate(curves[:12])]
        probe = [(90 + n, step, rng.random()) for n in range(5) for step in range(1, EPOCHS)]
        found = []
        for _ in range(2):
            reports = interleaved(curves, rng)
            live, resumed = new_judge(EPOCHS), new_judge(EPOCHS)
            for trial, step, loss in reports:
                live.on_report(trial, step, loss, can_pause=rng.random() < 0.5)
            for trial, value in ends:
                live.on_end(trial, value)
            resumed.replay([*reports, *((trial, None, value) for trial, value in ends)])

            answers = [self._answers(judge, probe, paused=set(range(12, 20))) for judge in (live, resumed)]

            assert answers[0] == answers[1]
            found.append(answers[0])
        assert found[0] == found[1] or not self.is_order_free

    @pytest.mark.parametrize("max_epochs", [1, 2, 3, EPOCHS])
    def test_a_trial_at_its_full_budget_is_left_alone(
        self, new_judge: Callable[[int | None], Judge], max_epochs: int
    ) -> None:
        """The worst of all is neither stopped nor paused there, not even if that is all that it reports."""
        judge = new_judge(max_epochs)
        for trial in range(12):
            judge.on_report(trial, max_epochs, trial / 100, can_pause=False)
            judge.on_end(trial, trial / 100)

        verdicts = [judge.on_report(12 + n, max_epochs, 1e9, can_pause=n % 2 == 0) for n in range(6)]

        assert verdicts == [Verdict.CONTINUE] * 6

    def test_nan_is_never_preferred(self, new_judge: Callable[[int | None], Judge]) -> None:
        """Of paused trials, one that has a value goes on before one that diverged, whichever way it did."""
        judge = new_judge(EPOCHS)
        paused = set()
        for step in range(1, EPOCHS):
            for trial, value in enumerate([math.nan, -math.inf, math.inf, 0.5] * 10):
                if trial not in paused and judge.on_report(trial, step, value, can_pause=True) is Verdict.PAUSE:
                    paused.add(trial)

        promoted = judge.promote(paused, last_call=True)

        assert promoted is None or promoted % 4 == 3

    def test_who_has_diverged_costs_no_more(self, new_judge: Callable[[int | None], Judge]) -> None:
        """However many have paused, nobody goes on while all are without a value: not even at the last call."""
        judge = new_judge(EPOCHS)
        paused = set()
        for trial in range(40):
            steps = (judge.on_report(trial, step, math.nan, can_pause=True) for step in range(1, EPOCHS))
            if Verdict.PAUSE in steps:  # nothing is reported after it
                paused.add(trial)

        promoted = [judge.promote(paused, last_call=last_call) for last_call in (False, True)]

        assert promoted == [None, None]

    def test_the_worst_are_cut(self, new_judge: Callable[[int | None], Judge]) -> None:
        """After trials that got better at each step, most of those that are bad and get worse do not get to the end."""
        judge = new_judge(EPOCHS)
        for trial in range(20):
            self._run_to_end(judge, trial, [1 / step + trial / 1000 for step in range(1, EPOCHS + 1)])

        ends = [self._run_to_end(judge, 20 + n, [1e3 + step for step in range(EPOCHS)]) for n in range(10)]

        assert (sum(step < EPOCHS for step in ends) > 5) is self.cuts

    def _answers(
        self, judge: Judge, probe: Sequence[tuple[int, int, float]], *, paused: set[int]
    ) -> list[Verdict | int | None]:
        """Return what a judge says of new reports, then whom it promotes until it promotes nobody."""
        answers: list[Verdict | int | None] = [judge.on_report(*report, can_pause=False) for report in probe]
        while (promoted := judge.promote(paused)) is not None:
            answers.append(promoted)
            paused.discard(promoted)
        return answers

    def _run_to_end(self, judge: Judge, trial: int, losses: Sequence[float]) -> int:
        """Report a trial's losses, step by step, until the judge cuts it; return the step that it got to."""
        for step, loss in enumerate(losses, start=1):
            if judge.on_report(trial, step, loss, can_pause=False) is not Verdict.CONTINUE:
                judge.on_end(trial, None)
                return step
        judge.on_end(trial, losses[-1])
        return len(losses)
