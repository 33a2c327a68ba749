"""ASHA with pauses: rungs, promotions, and what becomes of trials that cannot pause or report seldom."""

from __future__ import annotations

import math

from automl.stopping import Asha, Verdict


def paused_at(asha: Asha, step: int, losses: list[float]) -> list[Verdict]:
    return [asha.on_report(trial, step, loss, can_pause=True) for trial, loss in enumerate(losses)]


def test_rungs_grow_by_eta_below_the_full_budget() -> None:
    """The last rung lies below the budget: a trial at its end is never paused."""
    assert Asha(max_epochs=27).rungs == [2, 6, 18]
    assert Asha(max_epochs=18).rungs == [2, 6]
    assert Asha(max_epochs=2).rungs == []
    assert Asha(max_epochs=None).rungs[:4] == [2, 6, 18, 54]
    assert Asha(max_epochs=64, eta=4, first=1).rungs == [1, 4, 16]


def test_all_pause_and_the_best_third_is_promoted() -> None:
    """Nobody passes a rung before three have reached it; then the best one does, once."""
    asha = Asha(max_epochs=27)

    verdicts = paused_at(asha, 2, [0.5, 0.3, 0.9])

    assert verdicts == [Verdict.PAUSE] * 3
    assert asha.promote({0, 1, 2}) == 1
    assert asha.promote({0, 2}) is None


def test_the_best_third_goes_straight_on() -> None:
    """A trial that is among the best third on arrival needs no pause."""
    asha = Asha(max_epochs=27)
    paused_at(asha, 2, [0.5, 0.6])

    assert asha.on_report(2, 2, 0.1, can_pause=True) is Verdict.CONTINUE


def test_a_beaten_trial_is_promoted_when_the_rung_has_filled() -> None:
    """The second best of three waits; the second best of six goes on."""
    asha = Asha(max_epochs=27)
    paused_at(asha, 2, [0.1, 0.2, 0.9])
    assert asha.promote({0, 1, 2}) == 0
    assert asha.promote({1, 2}) is None

    for trial in (3, 4, 5):
        asha.on_report(trial, 2, 0.8, can_pause=True)

    assert asha.promote({1, 2, 3, 4, 5}) == 1


def test_the_highest_rung_comes_first() -> None:
    """Work that is nearly done comes before work that has hardly begun."""
    asha = Asha(max_epochs=27)
    paused_at(asha, 2, [trial / 10 for trial in range(9)])
    paused_at(asha, 6, [0.0, 0.1, 0.2])

    assert asha.promote(set(range(9))) == 0
    assert asha.promote({1, 2, 4}) is None


def test_without_checkpoints_trials_stop_instead() -> None:
    """What cannot pause is judged on arrival: the first goes on, a later one if among the best third."""
    asha = Asha(max_epochs=27)

    verdicts = [asha.on_report(trial, 2, loss, can_pause=False) for trial, loss in enumerate([0.5, 0.6, 0.7, 0.1])]

    assert verdicts == [Verdict.CONTINUE, Verdict.STOP, Verdict.STOP, Verdict.CONTINUE]


def test_without_pauses_a_checkpoint_changes_nothing() -> None:
    """With `pause=False` trials are judged on arrival even where they could pause."""
    stopping, without = Asha(max_epochs=27, pause=False), Asha(max_epochs=27)

    verdicts = paused_at(stopping, 2, losses := [0.5, 0.6, 0.7, 0.1])

    assert verdicts == [without.on_report(trial, 2, loss, can_pause=False) for trial, loss in enumerate(losses)]
    assert Verdict.PAUSE not in verdicts


def test_the_last_call_takes_the_furthest_then_the_best() -> None:
    """When nothing else is left, somebody goes on however few there are, but for those that diverged."""
    asha = Asha(max_epochs=27)
    paused_at(asha, 2, [0.5, 0.4, 0.6, math.inf])
    asha.on_report(2, 6, 0.6, can_pause=True)
    asha.on_report(3, 6, math.inf, can_pause=True)

    assert asha.promote({0, 2, 3}) is None
    assert asha.promote({0, 1, 2, 3}, last_call=True) == 2
    assert asha.promote({0, 1, 3}, last_call=True) == 1
    assert asha.promote({3}, last_call=True) is None
    assert asha.promote(set(), last_call=True) is None


def test_one_that_reports_seldom_counts_at_every_rung_it_passed() -> None:
    """A trial that reports every fifth step is judged at step 5 for the rung at 2, at step 20 for that at 18."""
    asha = Asha(max_epochs=27)

    assert asha.on_report(0, 1, 0.5, can_pause=True) is Verdict.CONTINUE
    assert asha.on_report(0, 5, 0.5, can_pause=True) is Verdict.PAUSE
    assert asha.on_report(0, 20, 0.4, can_pause=True) is Verdict.PAUSE
    assert [asha.on_report(trial, 6, 0.6, can_pause=True) for trial in (1, 2)] == [Verdict.PAUSE] * 2
    assert asha.on_report(3, 6, 0.1, can_pause=True) is Verdict.CONTINUE, "one of four is a third, rounded down"


class Counted(set[int]):
    """A set that counts how often it is asked whether it holds something."""

    asked = 0

    def __contains__(self, item: object) -> bool:
        self.asked += 1
        return super().__contains__(item)


def test_promotion_does_not_search_through_all_trials() -> None:
    """Among 3,000 paused trials, with hundreds that have ended, whom to promote is found by looking at a few."""
    asha = Asha(max_epochs=27)
    paused = Counted()
    for trial in range(3000):
        if asha.on_report(trial, 2, trial * 7919 % 3000 / 3000, can_pause=True) is Verdict.PAUSE:
            paused.add(trial)
        else:
            asha.on_end(trial, 0.5)
        while (promoted := asha.promote(paused)) is not None:
            paused.remove(promoted)
            asha.on_end(promoted, 0.5)
    paused.asked = 0

    assert asha.promote(paused) is None
    assert len(paused) > 1000
    assert paused.asked < 5
