"""Early stopping: the published rules, and the same state from a replay as from living through it."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.config import EARLY_STOPPING
from automl.stopping import Asha, EarlyStopping, Median, NoStopping, Verdict, rule


def test_rungs_grow_by_eta_below_the_full_budget() -> None:
    """The last rung lies below the budget: a trial at its end is never paused."""
    assert Asha(max_epochs=27).rungs == [2, 6, 18]
    assert Asha(max_epochs=18).rungs == [2, 6]
    assert Asha(max_epochs=2).rungs == []
    assert Asha(max_epochs=None).rungs[:4] == [2, 6, 18, 54]


def test_asha_pauses_all_and_promotes_the_best_third() -> None:
    """Nobody passes a rung before three have reached it; then the best one does, once."""
    asha = Asha(max_epochs=27)

    verdicts = [asha.on_report(trial, 2, loss, can_pause=True) for trial, loss in enumerate([0.5, 0.3, 0.9])]

    assert verdicts == [Verdict.PAUSE] * 3
    assert asha.promote({0, 1, 2}) == 1
    assert asha.promote({0, 2}) is None


def test_asha_lets_the_best_third_go_straight_on() -> None:
    """A trial that is among the best third on arrival needs no pause."""
    asha = Asha(max_epochs=27)
    for trial, loss in enumerate([0.5, 0.6]):
        asha.on_report(trial, 2, loss, can_pause=True)

    assert asha.on_report(2, 2, 0.1, can_pause=True) is Verdict.CONTINUE


def test_asha_promotes_from_the_highest_rung_first() -> None:
    """Work that is nearly done comes before work that has hardly begun."""
    asha = Asha(max_epochs=27)
    for trial in range(9):
        asha.on_report(trial, 2, trial / 10, can_pause=True)
    for trial in range(3):
        asha.on_report(trial, 6, trial / 10, can_pause=True)

    assert asha.promote(set(range(9))) == 0
    assert asha.promote({1, 2, 4}) is None


def test_asha_without_checkpoints_stops_instead() -> None:
    """What cannot pause is judged on arrival: the first goes on, a later one if among the best third."""
    asha = Asha(max_epochs=27)

    verdicts = [asha.on_report(trial, 2, loss, can_pause=False) for trial, loss in enumerate([0.5, 0.6, 0.7, 0.1])]

    assert verdicts == [Verdict.CONTINUE, Verdict.STOP, Verdict.STOP, Verdict.CONTINUE]


def test_last_call_promotes_somebody() -> None:
    """When nothing else is left, the best of the highest rung goes on however few there are."""
    asha = Asha(max_epochs=27)
    asha.on_report(0, 2, 0.5, can_pause=True)
    asha.on_report(1, 2, 0.4, can_pause=True)

    assert asha.promote({0, 1}) is None
    assert asha.promote({0, 1}, last_call=True) == 1


def test_asha_judges_a_sparse_reporter_at_the_rungs_it_passed() -> None:
    """A trial that reports every fifth step is judged at step 5 for the rung at 2."""
    asha = Asha(max_epochs=27)

    assert asha.on_report(0, 1, 0.5, can_pause=True) is Verdict.CONTINUE
    assert asha.on_report(0, 5, 0.5, can_pause=True) is Verdict.PAUSE
    assert asha.on_report(0, 20, 0.5, can_pause=True) is Verdict.PAUSE


def test_nan_is_the_worst() -> None:
    """A diverged trial is never promoted before others."""
    asha = Asha(max_epochs=27)
    for trial, loss in enumerate([math.nan, 0.5, 0.6]):
        asha.on_report(trial, 2, loss, can_pause=True)

    assert asha.promote({0, 1, 2}) == 1


def test_median_stops_what_is_worse_than_the_middle() -> None:
    """After five others, a trial whose best is worse than their median stops; one that is better goes on."""
    median = Median(max_epochs=10)
    for trial, loss in enumerate([0.1, 0.2, 0.3, 0.4, 0.5]):
        assert median.on_report(trial, 2, loss, can_pause=False) is Verdict.CONTINUE

    assert median.on_report(5, 2, 0.35, can_pause=False) is Verdict.STOP
    assert median.on_report(6, 2, 0.05, can_pause=False) is Verdict.CONTINUE


def test_median_leaves_the_last_step_alone() -> None:
    """A trial at its full budget is COMPLETE, not stopped."""
    median = Median(max_epochs=2)
    for trial in range(6):
        median.on_report(trial, 2, 0.1, can_pause=False)

    assert median.on_report(7, 2, 9.0, can_pause=False) is Verdict.CONTINUE


@pytest.mark.parametrize("name", EARLY_STOPPING)
@given(seed=st.integers(0, 2**32))
def test_replay_equals_live(name: str, seed: int) -> None:
    """Feeding the same reports again, pauses unknown, leaves the same promotions and the same answers."""
    rng = random.Random(seed)
    live, replayed = rule(name, max_epochs=9), rule(name, max_epochs=9)
    reports = _history(live, rng)

    for trial, step, loss in reports:
        replayed.on_report(trial, step, loss, can_pause=False)

    paused = set(range(8))
    assert replayed.promote(paused) == live.promote(paused)
    assert replayed.promote(paused, last_call=True) == live.promote(paused, last_call=True)
    loss = rng.random()
    assert replayed.on_report(99, 2, loss, can_pause=True) == live.on_report(99, 2, loss, can_pause=True)


def test_every_name_of_the_configuration_has_a_rule() -> None:
    """The names that users may give are the names that exist."""
    rules: list[EarlyStopping] = [rule(name, max_epochs=9) for name in EARLY_STOPPING]

    assert [type(each) for each in rules] == [Asha, Median, NoStopping]


def _history(live: EarlyStopping, rng: random.Random) -> list[tuple[int, int, float]]:
    """Return reports of eight trials in some order, shown to `live`; cut trials repeat steps."""
    at = dict.fromkeys(range(8), 0)
    reports = []
    for _ in range(60):
        trial = rng.randrange(8)
        at[trial] = rng.choice([at[trial] + 1, max(1, at[trial] - 1)])
        if at[trial] <= 9:
            point = (trial, at[trial], rng.choice([rng.random(), math.nan]))
            live.on_report(*point, can_pause=rng.random() < 0.5)
            reports.append(point)
    return reports
