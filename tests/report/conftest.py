"""Studies and trials made by hand, for what only reads them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest

from automl.ledger.rows import StudyRow
from automl.trial import TrialRecord, TrialState
from search_spaces import SearchSpace

MakeStudy = Callable[..., StudyRow]


@pytest.fixture
def make_study() -> MakeStudy:
    """Return a function that makes the row of a study of a space."""

    def make(space: SearchSpace, metric: str = "loss", direction: str = "minimize", name: str = "s") -> StudyRow:
        config = {"space": space.to_dict(), "metric": metric, "direction": direction}
        about = {"id": 1, "name": name, "uid": "u", "created": 0.0, "config": config, "seq": 1, "result": None}
        return StudyRow(**about, state="finished", owner=None, has_died=False, request=None)

    return make


@pytest.fixture
def space() -> SearchSpace:
    """Return a conditional space: what an mlp has, a cnn lacks."""
    return SearchSpace(
        {
            "arch": "mlp|cnn",
            "lr": "1e-4..1e-1 log",
            "dropout": "0.0..0.5",
            "cnn.width": "8..64",
            "mlp.units": "16..256",
        },
        when={"cnn.width": {"arch": "cnn"}, "mlp.units": {"arch": "mlp"}},
    )


@pytest.fixture
def records(space: SearchSpace) -> list[TrialRecord]:
    """Return 20 trials, every second one stopped after step 2 of 3; lr decides most, and cnn.width among CNNs."""
    rng = random.Random(1)
    made = []
    for number in range(20):
        params = space.sample(rng)
        lr = params["lr"]
        assert isinstance(lr, float)
        loss = (math.log10(lr) + 2.5) ** 2 - 0.01 * float(params.get("cnn.width", 0) or 0) + 2
        reports = {1: loss + 1, 2: loss + 0.5} | ({3: loss} if number % 2 else {})
        state = TrialState.COMPLETE if number % 2 else TrialState.PRUNED
        value = loss if state is TrialState.COMPLETE else None
        made.append(TrialRecord(number=number, state=state, params=params, value=value, reports=reports, attempt=1))
    return made
