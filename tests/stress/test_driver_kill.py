"""A search on Ray workers whose driver is killed with -9, with its ledger in PostgreSQL; and the plan of all rounds."""

from __future__ import annotations

from collections import Counter

import pytest

from automl.crash import Point
from tests.stress import driver_kill
from tests.stress.driver_kill import ON_RAY, ROUNDS, Plan


@pytest.mark.slow
def test_on_postgresql(postgres_url: str) -> None:
    """Nothing is lost, nothing doubled, one run each, doctor content; no worker has the password."""
    plan = Plan(101, 1, "random", 0, ("lines:25",), executor="ray", real=True, early_stopping="asha")

    found = driver_kill.play(plan, storage=postgres_url)

    assert found["ok"], found
    assert found["killed"] == 1


def test_plan_has_every_point() -> None:
    """A whole helping kills at each crash point at its first and at a later hit, and has enough rounds on Ray."""
    plans = driver_kill.plan(3)

    assert len(plans) >= ROUNDS
    assert Counter(plan.executor for plan in plans)["ray"] >= ON_RAY
    assert [plan.round for plan in plans] == list(range(1, len(plans) + 1))
    for later in (False, True):
        hits = {plan.point for plan in plans if (plan.hit > 1 if later else plan.hit == 1)}
        assert hits == {str(point) for point in Point}
    assert driver_kill.plan(3) == plans
