"""Hyperband: brackets of ASHA, and which trial is in which."""

from __future__ import annotations

from collections import Counter

import pytest

from automl.stopping import Asha, Hyperband, Verdict


def test_the_last_bracket_never_judges() -> None:
    """Bracket k has the rungs of ASHA from the k-th on, and as many trials as in the paper."""
    hyperband = Hyperband(max_epochs=27)

    assert [bracket.rungs for bracket in hyperband.brackets] == [[2, 6, 18], [6, 18], [18], []]
    assert hyperband.shares == [27, 12, 6, 4]
    assert hyperband.decision_steps == {2, 6, 18}


def test_the_papers_example() -> None:
    """81 steps, eta 3: the numbers of configurations in table 1 of the paper, and a first rung at every power of 3."""
    hyperband = Hyperband(max_epochs=81, first=1)

    assert hyperband.shares == [81, 34, 15, 8, 5]
    assert [bracket.rungs[:1] for bracket in hyperband.brackets] == [[1], [3], [9], [27], []]


@pytest.mark.parametrize("max_epochs", [1, 5, 27, 300, None])
def test_every_bracket_has_its_share_at_any_time(max_epochs: int | None) -> None:
    """However many trials there are, no bracket has two more or fewer than its share, and trial 0 begins bracket 0."""
    hyperband = Hyperband(max_epochs=max_epochs)
    total = sum(hyperband.shares)
    seen: Counter[int] = Counter()

    for trial in range(3000):
        seen[hyperband.bracket(trial)] += 1
        for bracket, share in enumerate(hyperband.shares):
            assert abs(seen[bracket] - (trial + 1) * share / total) < 3

    assert hyperband.bracket(0) == 0


def test_a_trial_is_judged_by_its_own_bracket() -> None:
    """At step 2 only those of bracket 0 pause; the others compete among themselves at their own first rung."""
    hyperband = Hyperband(max_epochs=27)
    trials = range(60)

    verdicts = [hyperband.on_report(trial, 2, 0.9, can_pause=True) for trial in trials]

    paused = {trial for trial in trials if verdicts[trial] is Verdict.PAUSE}
    assert paused == {trial for trial in trials if hyperband.bracket(trial) == 0}
    assert hyperband.promote(paused) in paused


def test_the_furthest_trial_is_promoted_first() -> None:
    """A trial promotable at step 18 comes before one promotable at step 2, whichever bracket they are in."""
    hyperband = Hyperband(max_epochs=27)
    by_bracket = [[trial for trial in range(100) if hyperband.bracket(trial) == bracket][:3] for bracket in range(3)]
    for step, bracket in ((2, 0), (18, 2), (6, 1)):
        for trial in by_bracket[bracket]:
            hyperband.on_report(trial, step, trial / 100, can_pause=True)
    paused = {trial for trials in by_bracket for trial in trials}

    promoted = [hyperband.promote(paused), hyperband.promote(paused, last_call=True)]

    assert promoted == [by_bracket[2][0]] * 2


def test_one_bracket_is_asha_without_judges_when_the_budget_is_small() -> None:
    """Where no rung fits, nothing is stopped, and it says so."""
    hyperband = Hyperband(max_epochs=2)

    assert hyperband.decision_steps == frozenset()
    assert str(hyperband) == str(Asha(max_epochs=2)).replace("asha", "hyperband")
