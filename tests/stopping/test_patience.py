"""Patience: a trial against itself."""

from __future__ import annotations

import math

from automl.stopping import Patience, Verdict


def verdicts(patience: Patience, losses: dict[int, float]) -> dict[int, str]:
    return {step: patience.on_report(0, step, loss, can_pause=True).value for step, loss in losses.items()}


def test_it_stops_what_has_not_improved_for_so_many_steps() -> None:
    """The steps are counted from the last improvement, and others do not matter."""
    patience = Patience(steps=2)
    patience.on_report(1, 1, 0.0, can_pause=True)

    answers = verdicts(patience, {1: 0.5, 2: 0.6, 3: 0.4, 4: 0.4, 5: 0.5})

    assert answers == {1: "CONTINUE", 2: "CONTINUE", 3: "CONTINUE", 4: "CONTINUE", 5: "STOP"}


def test_a_small_gain_is_none_until_it_adds_up() -> None:
    """Less than min_delta below the last improvement does not count; several small gains together do."""
    patience = Patience(steps=3, min_delta=0.1)

    answers = verdicts(patience, {1: 1.0, 2: 0.95, 3: 0.89, 4: 0.85, 5: 0.82, 6: 0.80})

    assert answers[5] == "CONTINUE"
    assert answers[6] == "STOP"


def test_one_that_reports_seldom_has_no_more_patience() -> None:
    """Steps count, not reports."""
    assert verdicts(Patience(steps=5), {5: 0.5, 10: 0.5}) == {5: "CONTINUE", 10: "STOP"}


def test_nan_is_no_improvement() -> None:
    """A trial that diverged at once stops when its patience is over."""
    assert verdicts(Patience(steps=3), dict.fromkeys([1, 2, 3], math.inf)) == {1: "CONTINUE", 2: "CONTINUE", 3: "STOP"}


def test_it_never_pauses() -> None:
    """What has converged will not be promoted later."""
    assert Verdict.PAUSE not in verdicts(Patience(steps=1), dict.fromkeys(range(1, 9), 0.5)).values()
