"""What a study runs next, without a ledger: the order of what is cut, promoted and new, and who learns of what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from automl import stopping
from automl.agenda import Agenda, Choice
from automl.enough import Enough
from automl.preference import Preference
from automl.samplers import Proposal
from automl.space_history import SpaceHistory
from automl.trial import Reason, TrialRecord, TrialState
from search_spaces import SearchSpace


class Counting:
    """A sampler that proposes the number of the trial, `last` times, and notes whom it hears of."""

    def __init__(self, last: int = 100) -> None:
        self.heard: list[tuple[int, TrialState, bool]] = []
        self._last = last

    def propose(self, number: int) -> Proposal | None:
        return Proposal(params={"x": number}) if number < self._last else None

    def observe(self, record: TrialRecord) -> None:
        self.heard.append((record.number, record.state, record.paused))


def trial(number: int, state: TrialState, **about: Any) -> TrialRecord:
    return TrialRecord(number=number, state=state, params={"x": number}, seed=0, reports={}, **about)


def agenda(*records: TrialRecord, n_trials: int = 9, sampler: Counting | None = None) -> Agenda:
    judge = stopping.make("asha", maximize=False, max_epochs=9)
    made = sampler or Counting()
    spaces = SpaceHistory(current=SearchSpace({"x": "0..99"}))
    preference = Preference.of("loss", "minimize")
    parts: dict[str, Any] = {"spaces": spaces, "sampler": made, "judge": judge, "preference": preference}
    return Agenda(n_trials=n_trials, records=records, retried={}, enough=Enough(preference), **parts)


def pause(made: Agenda, number: int, loss: float) -> None:
    made.judge.on_report(number, 2, loss, can_pause=True)
    made.note(trial(number, TrialState.RUNNING, paused=True))


def following(made: Agenda, *, is_idle: bool) -> Choice:
    """Return what comes next, however long the sampler's thread takes on this machine."""
    while (choice := made.next(is_idle=is_idle, seq=0)).is_pending:
        made.wait(60)
    return choice


def test_what_was_cut_comes_first_then_the_promoted_then_the_new() -> None:
    """Old work before new work: what has cost something already is brought to its end."""
    made = agenda(trial(0, TrialState.WAITING))
    for number, loss in ((1, 0.5), (2, 0.1), (3, 0.9)):
        pause(made, number, loss)

    chosen = []
    for _ in range(3):
        choice = following(made, is_idle=False)
        assert choice.number is not None
        made.note(trial(choice.number, TrialState.RUNNING))
        chosen.append(choice)

    assert [choice.number for choice in chosen] == [0, 2, 4]
    assert [choice.proposal for choice in chosen] == [None, None, Proposal(params={"x": 4})]
    made.close()


def test_the_last_call_is_for_the_best_when_nothing_else_is_left() -> None:
    """While something runs, or a trial is COMPLETE, nobody is promoted who has not earned it."""
    made = agenda(n_trials=1)
    pause(made, 0, 0.5)

    assert following(made, is_idle=False) == Choice()
    assert following(made, is_idle=True) == Choice(number=0)
    made.note(trial(1, TrialState.COMPLETE, value=0.1))
    assert following(made, is_idle=True) == Choice()
    made.close()


def test_an_exhausted_sampler_ends_the_new() -> None:
    """What is left of the number of trials is not asked for again."""
    made = agenda(sampler=Counting(last=0))

    assert following(made, is_idle=True) == Choice()
    assert made.is_exhausted
    assert not made.has_more
    made.close()


def test_who_learns_of_what() -> None:
    """The sampler hears of a pause, a promotion and an end; not of a start, nor of a trial that runs once more."""
    sampler = Counting()
    made = agenda(sampler=sampler)
    running = trial(0, TrialState.RUNNING)
    failed = replace(running, state=TrialState.WAITING, reason=Reason.OOM)

    for record in (running, failed, running, replace(running, paused=True), running):
        made.note(record)
    made.note(replace(running, state=TrialState.COMPLETE, value=0.5))
    told = list(sampler.heard)
    choices = [following(made, is_idle=False) for _ in range(2)]

    assert told == [], "it learns when it is to propose something, and not before"
    assert [choice.number for choice in choices] == [0, 1]
    assert sampler.heard == [
        (0, TrialState.RUNNING, True),
        (0, TrialState.RUNNING, False),
        (0, TrialState.COMPLETE, False),
    ]
    assert made.retried == {0: [Reason.OOM]}
    assert made.paused == set()
    made.close()
