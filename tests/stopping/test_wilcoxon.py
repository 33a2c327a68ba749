"""Wilcoxon's test over folds: who is worse, and who only had the harder folds."""

from __future__ import annotations

import math
import random

import pytest
import scipy.stats

from automl.stopping import Verdict, Wilcoxon
from automl.stopping.wilcoxon import differences, p_value

HARD = [0.1, 0.5, 0.2, 0.9, 0.3, 0.8, 0.4, 0.7]  # how hard each fold is
STOP, CONTINUE = Verdict.STOP, Verdict.CONTINUE


def cross_validated(rule: Wilcoxon, trial: int, losses: list[float]) -> list[Verdict]:
    """Report a trial fold by fold until it is stopped, and end it."""
    verdicts: list[Verdict] = []
    for step, loss in enumerate(losses, start=1):
        verdicts.append(rule.on_report(trial, step, loss, can_pause=False))
        if verdicts[-1] is STOP:
            rule.on_end(trial, None)
            return verdicts
    rule.on_end(trial, sum(losses) / len(losses))
    return verdicts


def test_a_trial_that_is_worse_on_each_fold_stops_at_the_fourth() -> None:
    """Four of four have a p-value of 1/16, although its losses lie far within the spread of the folds."""
    rule = Wilcoxon()
    cross_validated(rule, 0, HARD)

    verdicts = cross_validated(rule, 1, [loss + 0.01 * fold for fold, loss in enumerate(HARD, start=1)])

    assert verdicts == [CONTINUE] * 3 + [STOP]


def test_a_trial_that_only_began_with_hard_folds_goes_on() -> None:
    """It is compared on equal folds only, whichever come first, and with the best trial rather than the last."""
    rule = Wilcoxon()
    cross_validated(rule, 0, HARD)
    cross_validated(rule, 1, [loss + 0.3 for loss in HARD])

    verdicts = [rule.on_report(2, step, HARD[step - 1] - 0.01, can_pause=False) for step in (2, 4, 6, 8)]
    others = [rule.on_report(3, step, 9.0, can_pause=False) for step in (9, 10, 11, 12)]

    assert verdicts == [CONTINUE] * 4
    assert others == [CONTINUE] * 4, "the best trial does not have these steps"


def test_one_bad_fold_does_not_stop_what_is_better_on_the_others() -> None:
    """Nor does a mean that is better, with most folds a little worse."""
    rule = Wilcoxon(p=0.5)
    cross_validated(rule, 0, HARD)

    assert CONTINUE in cross_validated(rule, 1, [loss - 0.05 for loss in HARD[:7]] + [9.0])
    assert cross_validated(rule, 2, [HARD[0] - 5, *(loss + 0.01 for loss in HARD[1:])]) == [CONTINUE] * 8


def test_nan_is_worse_than_any_fold() -> None:
    """Trials show NaN as +inf: four such folds stop one, even against a best trial that has one itself."""
    rule = Wilcoxon()
    cross_validated(rule, 0, [math.inf, *HARD])

    verdicts = cross_validated(rule, 1, [math.inf] * 9)

    assert verdicts[:4] == [CONTINUE] * 4
    assert verdicts[-1] is STOP


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(2, 1), (3, 1), (4, 1), (5, 1)], 1 / 16),
        ([(1, 2), (3, 1), (4, 1), (5, 1)], 2 / 16),
        ([(1, 2), (1, 3), (1, 4), (1, 5)], 1.0),
        ([(math.inf, 1), (3, 1), (4, 1), (5, 1)], 1 / 16),
    ],
)
def test_p_values(pairs: list[tuple[float, float]], expected: float) -> None:
    """Small samples have the exact p-value: the share of the 2**n signs that give as large a sum of ranks."""
    assert p_value(differences(pairs)) == pytest.approx(expected)


@pytest.mark.parametrize("n", [5, 20, 60, 150])
@pytest.mark.parametrize("decimals", [1, 6])
def test_p_values_are_those_of_scipy(n: int, decimals: int) -> None:
    """With ties and zeros (one decimal) or without; where SciPy approximates, nearly."""
    rng = random.Random(n)
    given = [round(rng.gauss(0.1, 0.5), decimals) for _ in range(n)]
    is_exact = decimals == 6 and n <= 60

    expected = scipy.stats.wilcoxon(
        given, alternative="greater", zero_method="zsplit", method="exact" if is_exact else "asymptotic"
    )

    assert p_value(given) == pytest.approx(expected.pvalue, abs=1e-9 if is_exact else 0.05 if n < 20 else 0.01)
