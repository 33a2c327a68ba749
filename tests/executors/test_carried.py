"""An objective that cannot travel is refused by the name of the variable that holds it back."""

from __future__ import annotations

import functools
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest

import automl
from automl.errors import ConfigError
from automl.executors import carried
from automl.trial import Trial


def dump(value: Any, file: Any) -> None:
    from ray import cloudpickle

    cloudpickle.dump(value, file)


def using(**variables: Any) -> Callable[[Trial], float]:
    """Return an objective whose closure holds `variables`."""

    def objective(trial: Trial) -> float:
        return float(len(variables)) if held is not None else 0.0

    held = next(iter(variables.values()))
    return objective


class Model:
    """An objective with a state."""

    def __init__(self, lock: Any) -> None:
        self.rate = 0.1
        self.lock = lock

    def fit(self, trial: Trial) -> float:
        return self.rate

    __call__ = fit


LOCK = threading.Lock()


@pytest.mark.parametrize(
    ("objective", "name", "kind"),
    [
        (using(x=LOCK), "held", "lock"),
        (using(x=(n for n in "ab")), "held", "generator"),
        (using(x=sqlite3.connect(":memory:")), "held", "Connection"),
        (Model(LOCK), "lock", "lock"),
        (Model(LOCK).fit, "lock", "lock"),
        (functools.partial(Model.fit, LOCK), "argument 1", "lock"),
        (functools.partial(Model(1).fit, seed=LOCK), "seed", "lock"),
    ],
    ids=["closure", "generator", "database", "object", "method", "partial", "keyword"],
)
def test_what_cannot_be_sent_is_named(objective: Any, name: str, kind: str) -> None:
    """The variable, what it holds, pickle's own reason, and two ways out."""
    found = carried.problems(objective, dump=dump)

    assert any(f"uses {name!r}, a {kind} that cannot be sent" in line for line in found), found
    assert all("cannot pickle" in line and "executor='local'" in line for line in found)


def test_what_is_too_large_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An array that no worker should have to fetch, by its name."""
    monkeypatch.setattr(carried, "LARGEST", 2**20)

    (line,) = [line for line in carried.problems(using(x=numpy.zeros(2**18)), dump=dump) if "'held'" in line]

    assert "'held', a ndarray that cannot be sent to a worker process (larger than 1 MiB)" in line


@pytest.mark.parametrize("objective", [using(x=numpy.zeros(9)), Model(None), Model(None).fit, lambda trial: 1.0])
def test_what_can_be_sent(objective: Any) -> None:
    """Closures, objects, methods and lambdas travel."""
    assert carried.problems(objective, dump=dump) == []


def test_a_search_refuses_it_before_anything_is_made(tmp_path: Path) -> None:
    """No study, no home, no cluster."""
    with pytest.raises(ConfigError, match="uses 'held', a lock that cannot be sent to a worker process"):
        automl.search(using(x=LOCK), {"x": "0..1"}, direction="minimize", tracker="none", n_trials=1)

    assert list(tmp_path.iterdir()) == []
