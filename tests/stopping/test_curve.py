"""Extrapolation of learning curves: what it predicts, whom it stops, and what it learns from having been wrong."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from automl.stopping import Curve, Verdict
from automl.stopping.curve import extrapolated

EPOCHS = 50


def power(end: float, drop: float = 1.0, speed: float = 0.7) -> Callable[[int], float]:
    return lambda step: end + drop * (step**-speed - EPOCHS**-speed)


def exponential(end: float, drop: float = 1.0, speed: float = 0.15) -> Callable[[int], float]:
    return lambda step: end + drop * (math.exp(-speed * step) - math.exp(-speed * EPOCHS))


def ran(rule: Curve, trial: int, curve: Callable[[int], float]) -> int:
    """Report a trial until it is stopped, and end it; return the step that it got to."""
    for step in range(1, EPOCHS + 1):
        if rule.on_report(trial, step, curve(step), can_pause=False) is Verdict.STOP:
            rule.on_end(trial, None)
            return step
    rule.on_end(trial, curve(EPOCHS))
    return EPOCHS


CURVES = {
    "power": power(0.2),
    "slow power": power(0.5, speed=0.2),
    "exponential": exponential(0.3),
    "steep power": power(0.1, drop=30.0),
}


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
@pytest.mark.parametrize("known", [8, 15, 30])
def test_ends_are_predicted(curve: Callable[[int], float], known: int) -> None:
    """Where a noisy curve of either family ends is nine times of ten within two deviations, which get small."""
    span = curve(1) - curve(EPOCHS)
    misses = []
    for seed in range(40):
        rng = random.Random(seed)
        seen = {step: curve(step) + rng.gauss(0, 0.01 * span) for step in range(1, known + 1)}

        prediction = extrapolated(seen, horizon=EPOCHS, ends=[0.1, 0.2, 0.3, 0.4])

        misses.append(prediction.miss(curve(EPOCHS)))
        assert prediction.below(curve(EPOCHS) + 0.5 * span) > 0.8
        assert prediction.below(curve(EPOCHS) - 0.5 * span) < (0.5 if known < 15 else 0.05)
    assert sum(miss < 4 for miss in misses) >= 36


def test_what_will_not_win_stops_and_what_may_goes_on() -> None:
    """Among curves of one kind, one that ends far above the best stops early, one that is about to win never."""
    rule = Curve(max_epochs=EPOCHS)
    for trial in range(5):
        assert ran(rule, trial, power(0.2 + trial / 20)) == EPOCHS

    assert ran(rule, 5, power(0.9)) < EPOCHS / 3
    assert ran(rule, 6, power(0.1)) == EPOCHS
    assert ran(rule, 7, power(0.1, speed=0.3)) == EPOCHS, "a slow curve whose values are bad for long"


def test_a_loss_that_is_no_number_stops() -> None:
    """NaN, shown as +inf, never ends below the best."""
    rule = Curve(max_epochs=EPOCHS)
    for trial in range(5):
        ran(rule, trial, power(0.2))

    assert ran(rule, 5, lambda step: math.inf) == 4
    assert ran(rule, 6, lambda step: power(0.1)(step) if step < 10 else math.inf) == 12


def test_nothing_is_judged_before_there_are_complete_trials() -> None:
    """The first `startup` trials run to their end, however bad they are."""
    rule = Curve(max_epochs=EPOCHS, startup=3)
    ran(rule, 0, power(0.1))

    ends = [ran(rule, trial, power(trial)) for trial in (1, 2, 3, 4)]

    assert ends[:2] == [EPOCHS] * 2
    assert max(ends[2:]) < EPOCHS


def broken(end: float) -> Callable[[int], float]:
    """Return a curve that lies flat for three quarters of the budget, then falls."""
    return lambda step: 1.0 if step < 0.75 * EPOCHS else end


def test_predictions_that_failed_are_trusted_less() -> None:
    """Where curves lie flat for long and then fall, the rule learns from complete trials to wait."""
    rule, trusting = Curve(max_epochs=EPOCHS), Curve(max_epochs=EPOCHS)
    for trial in range(5):
        ran(rule, trial, broken(0.5 + trial / 100))
        ran(trusting, trial, lambda step: 0.5)

    assert ran(rule, 5, broken(0.4)) == EPOCHS
    assert ran(trusting, 5, broken(0.4)) < EPOCHS / 2


def test_without_a_budget_the_longest_complete_trial_is_the_end() -> None:
    """Curves are extrapolated to where a complete trial has got, and not judged beyond."""
    rule = Curve(max_epochs=None)
    for trial in range(5):
        ran(rule, trial, power(0.2 + trial / 20))

    assert ran(rule, 5, power(0.9)) < EPOCHS / 3
    assert rule.on_report(6, EPOCHS + 1, 99.0, can_pause=False) is Verdict.CONTINUE
