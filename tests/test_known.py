"""What a study was told stands in its ledger: it is tried once and first, whatever ends the driver, and may grow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import automl
from automl.errors import ConfigError
from automl.home import Home
from automl.known import Known

SPACE = {"x": "0.0..1.0 default 0.5", "n": "1..9", "opt": "a|b"}
HERE: dict[str, Any] = {"executor": "local", "tracker": "none", "listeners": [], "metric": "loss", "name": "s"}


def loss(trial: automl.Trial) -> dict[str, float]:
    return {"loss": abs(trial.params["x"] - 0.3) + 0.1 * trial.params["n"]}


def tried(result: automl.SearchResult) -> list[tuple[float, int, str]]:
    return [(trial.params["x"], trial.params["n"], trial.params["opt"]) for trial in result.trials]


@pytest.mark.parametrize("sampler", ["random", "tpe", "grid"])
def test_tries_come_first_and_go_on_after_a_resume(sampler: str) -> None:
    """Those that the first driver did not come to are next, then those that are added; then the default point."""
    tries = ["x=0.1, n=1", {"x": 0.2}, {"x": 0.1, "n": "1"}, {"opt": "b"}]
    first = automl.search(loss, SPACE, n_trials=2, sampler=sampler, tries=tries, seed=1, **HERE)

    second = automl.resume("s", loss, n_trials=6, tries=[{"x": 0.9, "n": 9}], listeners=[])

    with Home.find().read("s") as reader:
        told, early = Known.read(reader), Known.read(reader, up_to=reader.events(kind="tries")[0].seq)
    assert tried(first) == [(0.1, 1, "a"), (0.2, 5, "a")]
    assert tried(second)[2:4] == [(0.5, 5, "b"), (0.9, 9, "a")]
    assert sampler == "grid" or tried(second)[4] == (0.5, 5, "a")
    assert len(set(tried(second))) == 6
    assert [len(early.tries), len(told.tries)] == [3, 4]


def test_a_try_outside_of_a_new_space_is_left_out() -> None:
    """A study goes on in a narrower space with those that are points of it."""
    automl.search(loss, SPACE, n_trials=1, sampler="random", tries=[{"n": n} for n in (1, 7, 2)], **HERE)

    result = automl.resume("s", loss, n_trials=3, space={**SPACE, "n": "1..3"}, listeners=[])

    assert [trial.params["n"] for trial in result.trials][:2] == [1, 2]


@pytest.mark.parametrize(
    ("tries", "said"),
    [
        ([{"x": 7}, {"y": 1}], "--try {'x': 7}: x: 7 is outside 0.0..1\n--try {'y': 1}: y: unknown parameter"),
        ("x=0.1", "--try must be a list of points"),
        ([7], "--try 7: must map names to values"),
    ],
)
def test_what_cannot_be_tried_is_refused(tries: Any, said: str) -> None:
    """Before anything is created."""
    with pytest.raises(ConfigError, match=said):
        automl.search(loss, SPACE, tries=tries, **HERE)

    assert not Path("automl_runs").exists()
