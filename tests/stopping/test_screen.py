"""Screening: ASHA among the first trials, nothing for the others."""

from __future__ import annotations

import pytest

from automl.stopping import Screen, Verdict


@pytest.mark.parametrize(
    ("max_epochs", "rungs"), [(1, []), (9, [2, 6]), (52, [2, 6, 18]), (200, [8, 24, 72]), (None, [2, 6, 18])]
)
def test_the_first_rung_grows_with_the_budget(max_epochs: int | None, rungs: list[int]) -> None:
    """It is a 26th of the budget, and 2 where that is less or no budget is known."""
    assert Screen(max_epochs=max_epochs).rungs[:3] == rungs
    assert Screen(max_epochs=52, first=1).rungs == [1, 3, 9, 27]


def test_later_trials_run_to_their_end() -> None:
    """The worst trial of all is left alone when it comes after the screen, and changes no rank in it."""
    screen = Screen(max_epochs=27, trials=3)
    for trial, loss in enumerate([0.5, 0.3, 0.9]):
        assert screen.on_report(trial, 2, loss, can_pause=True) is Verdict.PAUSE

    later = [screen.on_report(trial, step, 9.0, can_pause=True) for trial in (3, 4, 5) for step in (2, 6, 18)]

    assert later == [Verdict.CONTINUE] * 9
    assert screen.promote({0, 1, 2}) == 1
    assert screen.promote({0, 2}) is None, "three later trials do not fill the rung"


def test_a_screen_with_failures_waits_for_nobody() -> None:
    """The best third of those who came to a rung goes on, whether the rest of the screen failed or has not begun."""
    screen = Screen(max_epochs=27, trials=30)
    for trial in range(27):
        screen.on_end(trial, None)

    verdicts = [screen.on_report(trial, 2, loss, can_pause=True) for trial, loss in [(27, 0.2), (28, 0.3), (29, 0.1)]]

    assert verdicts == [Verdict.PAUSE, Verdict.PAUSE, Verdict.CONTINUE]
    assert screen.promote({27, 28}) is None
    assert screen.promote({27, 28}, last_call=True) == 27


def test_one_of_the_screen_is_promoted_after_it() -> None:
    """A trial that paused goes on when its rung has filled, however many later trials have run by then."""
    screen = Screen(max_epochs=27, trials=3)
    screen.on_report(0, 2, 0.1, can_pause=True)
    screen.on_report(1, 2, 0.2, can_pause=True)
    for trial in range(3, 20):
        screen.on_report(trial, 27, 0.0, can_pause=True)
        screen.on_end(trial, 0.0)

    screen.on_report(2, 2, 0.3, can_pause=True)

    assert screen.promote({0, 1, 2}) == 0


def test_the_best_of_a_small_screen_runs_to_its_end() -> None:
    """A third of four is one, a third of one nobody: once all four have come, the best goes on all the same, alone."""
    screen = Screen(max_epochs=27, trials=4)
    paused = set()
    for trial, loss in enumerate([0.4, 0.1, 0.2]):
        paused.add(trial)
        screen.on_report(trial, 2, loss, can_pause=True)
    assert screen.promote(paused) == 1
    paused.remove(1)
    screen.on_report(1, 6, 0.1, can_pause=True)
    paused.add(1)
    before = screen.promote(paused)
    screen.on_end(3, None)

    after = screen.promote(paused)
    paused.remove(1)
    meanwhile = screen.promote(paused)
    screen.on_report(1, 27, 0.1, can_pause=True)
    screen.on_end(1, 0.1)

    assert (before, after, meanwhile) == (None, 1, None)
    assert screen.promote(paused) is None
