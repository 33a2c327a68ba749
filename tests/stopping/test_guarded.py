"""ASHA on its guard: whom it spares, when it leaves a rung out, and what that saves."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from automl.stopping import Asha, EarlyStopping, Guarded, Verdict

EPOCHS = 27


def loss_at(step: int, quality: float, *, turns: int) -> float:
    """Return a curve's loss: before step `turns` the best trials look worst."""
    return (1 - quality if step < turns else quality) + 1 / step


def best_found(rule: EarlyStopping, qualities: list[float], *, turns: int, steps: int) -> float:
    """Run one trial after the other for so many steps in all; return the best quality among those that finished."""
    reached: dict[int, int] = {}
    paused: set[int] = set()
    finished: list[float] = []
    trial: int | None = None
    for _ in range(steps):
        if trial is None:
            promoted = rule.promote(paused)
            trial = len(reached) if promoted is None else promoted
            paused.discard(trial)
        step = reached[trial] = reached.get(trial, 0) + 1
        loss = loss_at(step, qualities[trial], turns=turns)
        verdict = rule.on_report(trial, step, loss, can_pause=True)
        if step == EPOCHS:
            rule.on_end(trial, loss)
            finished.append(qualities[trial])
        elif verdict is Verdict.PAUSE:
            paused.add(trial)
        if step == EPOCHS or verdict is Verdict.PAUSE:
            trial = None
    return min(finished, default=1.0)


def mean_found(new_rule: Callable[[], EarlyStopping], *, turns: int) -> float:
    """Return the best quality that 20 full budgets find, from 0 to 1, averaged over 20 orders of the trials."""
    found = []
    for seed in range(20):
        rng = random.Random(seed)
        found.append(best_found(new_rule(), [rng.random() for _ in range(600)], turns=turns, steps=20 * EPOCHS))
    return sum(found) / len(found)


def test_where_ranks_are_right_it_finds_nearly_what_asha_finds() -> None:
    """And a fraction of what is left over without early stopping, which expects 1/21 of 20 random trials."""
    asha = mean_found(lambda: Asha(max_epochs=EPOCHS), turns=0)
    guarded = mean_found(lambda: Guarded(max_epochs=EPOCHS), turns=0)

    assert asha < 0.01
    assert guarded < 0.02


@pytest.mark.parametrize("turns", [7, EPOCHS])
def test_where_ranks_are_reversed_it_finds_what_no_stopping_finds(turns: int) -> None:
    """ASHA keeps the worst trials to the end. One rung that comes after the turn is used, none if there is none."""
    asha = mean_found(lambda: Asha(max_epochs=EPOCHS), turns=turns)
    guarded = mean_found(lambda: Guarded(max_epochs=EPOCHS), turns=turns)

    assert asha > 0.3
    assert guarded < 1 / 21 + 0.03


def spared(rule: Guarded, n: int) -> int:
    """Report trials that get worse and worse at the first rung; return how many of them go on."""
    verdicts = [rule.on_report(trial, 2, 1.0 + trial, can_pause=True) for trial in range(n)]
    return verdicts.count(Verdict.CONTINUE)


def test_the_spared_grow_with_the_root_of_the_compute() -> None:
    """Of 450 trials that reach step 2 of 27, the compute of 33 full trainings, 1.5 times its root are spared."""
    assert spared(Guarded(max_epochs=EPOCHS, first=2), 450) == math.floor(1.5 * math.sqrt(900 / EPOCHS))
    assert spared(Guarded(max_epochs=EPOCHS, doubt=0), 450) == 0


def test_one_that_diverged_is_not_spared() -> None:
    """A loss that is no number at a rung is no doubtful case."""
    rule = Guarded(max_epochs=EPOCHS, first=2)

    verdicts = [rule.on_report(trial, 2, math.inf, can_pause=True) for trial in range(100)]

    assert Verdict.CONTINUE not in verdicts[3:]


def test_a_rung_that_would_have_cut_the_best_is_left_out() -> None:
    """Then trials pass it, and who paused there goes on, the oldest first, until the kept ones are the best again."""
    rule = Guarded(max_epochs=9, eta=3, first=2, doubt=0)
    for trial, early in enumerate([0.5, 0.6, 0.1, 0.7, 0.8, 0.2]):
        rule.on_report(trial, 2, early, can_pause=True)
    rule.on_end(2, 0.5)
    rule.on_end(5, 0.4)
    assert rule.promote({0, 1, 3, 4}) is None

    for trial in (0, 1):  # as if they had been spared: they looked bad at step 2, and end best
        rule.on_end(trial, 0.1)

    assert rule.promote({3, 4}) == 3
    assert rule.on_report(6, 2, 9.0, can_pause=True) is Verdict.CONTINUE
    assert rule.on_report(7, 6, 9.0, can_pause=True) is Verdict.PAUSE, "only two have come to step 6"
    for trial, final in [(8, 0.05), (9, 0.01)]:
        rule.on_report(trial, 2, 0.01, can_pause=True)
        rule.on_end(trial, final)
    assert rule.on_report(10, 2, 9.0, can_pause=True) is Verdict.PAUSE


def test_without_a_budget_the_longest_complete_trial_counts() -> None:
    """As long as none is complete, nobody is spared."""
    rule = Guarded(max_epochs=None, first=2)

    assert spared(rule, 50) == 0
    rule.on_report(60, 20, 0.1, can_pause=False)
    rule.on_end(60, 0.1)

    assert rule.on_report(61, 2, 99.0, can_pause=True) is Verdict.CONTINUE
