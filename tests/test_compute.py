"""Budgets of compute, and what attempts have used."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given

from automl.compute import Budget, Usage
from automl.ledger.rows import AttemptRow
from automl.trial import AttemptState
from tests import strategies


@pytest.mark.parametrize(
    ("text", "kind", "seconds"),
    [("4cpuh", "cpus", 14400), ("0.5 GPUh", "gpus", 1800), ("90cpumin", "cpus", 5400), (".01gpuh", "gpus", 36)],
)
def test_a_budget_is_read(text: str, kind: str, seconds: float) -> None:
    """Hours or minutes of CPUs or GPUs; what it prints is read as the same again."""
    budget = Budget.parse(text)

    assert (budget.kind, budget.seconds) == (kind, seconds)
    assert Budget.parse(str(budget)) == budget


@pytest.mark.parametrize("text", ["", "4", "4h", "cpuh", "-1cpuh", "0gpuh", "4cpus", "1e3cpuh", "9" * 400 + "cpuh", 5])
def test_what_is_no_budget_is_refused(text: object) -> None:
    """It says what was expected."""
    with pytest.raises(ValueError, match="such as 4cpuh, 10gpuh or 90cpumin"):
        Budget.parse(text)


@given(strategies.attempts())
def test_usage_is_the_same_heard_live_or_read_afterwards(attempts: list[tuple[float, float, float]]) -> None:
    """Compute is the sum over attempts of their share by their time, and time that several share counts once."""
    rows = [
        AttemptRow(
            trial=number,
            number=1,
            state=AttemptState.RESULT,
            start_step=0,
            checkpoint=None,
            started=started,
            ended=started + seconds,
            reason=None,
            resources={"cpus": cpus, "gpus": 0.0},
        )
        for number, (started, seconds, cpus) in enumerate(attempts)
    ]
    last = max((row.ended or 0.0 for row in rows), default=0.0)
    moments = sorted({0.0, *(row.started for row in rows), *(row.ended or 0.0 for row in rows)})
    live = Usage()

    for now in moments:
        for row in rows:
            if row.started == now:
                live.begin(row.trial, row.resources, now=now)
        for row in rows:
            if row.ended == now:
                live.end(row.trial, now=now)
    read = Usage(rows)

    spent = sum(seconds * cpus for _, seconds, cpus in attempts)
    covered = sum(
        after - before
        for before, after in itertools.pairwise(moments)
        if any(row.started <= before and after <= (row.ended or 0.0) for row in rows)
    )
    for usage in (live, read):
        assert usage.compute("cpus", now=last) == pytest.approx(spent)
        assert usage.compute("gpus", now=last) == 0
        assert usage.seconds(now=last) == pytest.approx(covered)


def test_what_runs_now_counts() -> None:
    """An attempt uses compute from its first moment, not from its end."""
    usage = Usage()

    usage.begin((0, 1), {"cpus": 2.0, "gpus": 0.5}, now=100.0)

    assert usage.compute("cpus", now=110.0) == 20.0
    assert usage.compute("gpus", now=110.0) == 5.0
    assert usage.seconds(now=110.0) == 10.0


def test_a_clock_that_was_set_back_costs_nothing() -> None:
    """An attempt that seems to end before it began has used nothing, rather than run on for ever."""
    back: dict[str, Any] = {"started": 10.0, "ended": 9.9, "resources": {"cpus": 1.0, "gpus": 0.0}}
    row = AttemptRow(trial=0, number=1, state=AttemptState.RESULT, start_step=0, checkpoint=None, reason=None, **back)

    assert Usage([row]).compute("cpus", now=1e6) == 0


def test_nor_does_it_give_anything_back_while_attempts_run() -> None:
    """What earlier attempts have used stays used."""
    usage = Usage()
    usage.begin("first", {"cpus": 1.0}, now=0.0)
    usage.end("first", now=10.0)
    usage.begin("second", {"cpus": 1.0}, now=10.0)

    running = usage.compute("cpus", now=5.0), usage.seconds(now=5.0)
    usage.end("second", now=5.0)

    assert running == (usage.compute("cpus", now=5.0), usage.seconds(now=5.0)) == (10.0, 10.0)
