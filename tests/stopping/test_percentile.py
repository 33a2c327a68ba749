"""The percentile rule, and the median rule as its middle."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl.stopping import EarlyStopping, Percentile, Verdict, rule
from automl.stopping.percentile import quantile


def seen(rule: EarlyStopping, step: int, losses: list[float]) -> list[Verdict]:
    return [rule.on_report(trial, step, loss, can_pause=False) for trial, loss in enumerate(losses)]


def test_median_stops_what_is_worse_than_the_middle() -> None:
    """After five others, a trial whose best is worse than their median stops; one that is better goes on."""
    median = rule("median", max_epochs=10)
    assert seen(median, 2, [0.1, 0.2, 0.3, 0.4, 0.5]) == [Verdict.CONTINUE] * 5

    assert median.on_report(5, 2, 0.35, can_pause=False) is Verdict.STOP
    assert median.on_report(6, 2, 0.05, can_pause=False) is Verdict.CONTINUE


def test_a_percentile_keeps_the_best_part() -> None:
    """Of ten others, the best quarter ends between the third and the fourth."""
    percentile = Percentile(keep=25)
    seen(percentile, 2, [trial / 10 for trial in range(10)])  # the quarter: 0.225

    assert percentile.on_report(10, 2, 0.22, can_pause=False) is Verdict.CONTINUE
    assert percentile.on_report(11, 2, 0.24, can_pause=False) is Verdict.STOP


def test_what_counts_is_the_best_so_far() -> None:
    """A trial that was good once is not stopped for one bad step."""
    percentile = Percentile(keep=50)
    for step in (2, 3):
        seen(percentile, step, [0.1, 0.2, 0.3, 0.4, 0.5])
    percentile.on_report(5, 2, 0.05, can_pause=False)

    assert percentile.on_report(5, 3, 9.0, can_pause=False) is Verdict.CONTINUE


@pytest.mark.parametrize(("startup", "warmup", "verdict"), [(5, 1, "STOP"), (6, 1, "CONTINUE"), (5, 2, "CONTINUE")])
def test_the_guards(startup: int, warmup: int, verdict: str) -> None:
    """Nothing is stopped before enough others have reached the step, nor during the warmup."""
    percentile = Percentile(keep=50, startup=startup, warmup=warmup)
    seen(percentile, 2, [0.1, 0.2, 0.3, 0.4, 0.5])

    assert percentile.on_report(5, 2, 9.0, can_pause=False) == verdict


def test_a_step_where_nobody_else_reported_is_not_judged() -> None:
    """Trials are compared at equal steps, so one that reports elsewhere runs on."""
    percentile = Percentile(keep=50)
    seen(percentile, 2, [0.1, 0.2, 0.3, 0.4, 0.5])

    assert percentile.on_report(5, 3, 9.0, can_pause=False) is Verdict.CONTINUE


def test_nan_stops_once_most_others_are_better() -> None:
    """Among diverged trials a diverged one goes on; among good ones it stops."""
    bad, good = Percentile(keep=50), Percentile(keep=50)
    seen(bad, 2, [math.inf] * 4 + [0.1])
    seen(good, 2, [0.1] * 4 + [math.inf])

    assert bad.on_report(5, 2, math.inf, can_pause=False) is Verdict.CONTINUE
    assert good.on_report(5, 2, math.inf, can_pause=False) is Verdict.STOP


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1), share=st.floats(0, 1))
def test_a_quantile_lies_where_it_should(values: list[float], share: float) -> None:
    """One half is the median; more is never less; it is never NaN, not with infinities either."""
    ordered = sorted(values)

    assert quantile(ordered, 0.5) == pytest.approx(statistics.median(ordered))
    assert ordered[0] <= quantile(ordered, share) <= ordered[-1] or quantile(ordered, share) == pytest.approx(
        ordered[-1]
    )
    assert not math.isnan(quantile([*ordered, math.inf, math.inf], share))
