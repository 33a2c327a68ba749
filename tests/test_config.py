"""Settings of a study: checked once, all problems at a time."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from automl.config import StudyConfig, default_direction
from automl.errors import ConfigError
from search_spaces import SearchSpace


def config(**options: Any) -> StudyConfig:
    space = SearchSpace({"x": "0.0..1.0", "arch": "a|b", "y": "1..3 when arch=b"})
    return StudyConfig(**{"target": "t", "space": space, "metrics": ("loss",), "directions": ("minimize",)} | options)


TWO: dict[str, Any] = {"metrics": ("loss", "size"), "directions": ("minimize", "minimize")}


def test_round_trip_through_json() -> None:
    """What the ledger keeps is what was asked."""
    asked = config(n_trials=7, timeout=2.5, cpus=0.5, tracking_uri="http://localhost:5000")

    assert StudyConfig.from_dict(json.loads(json.dumps(asked.to_dict()))) == asked


def test_several_objectives_go_through_json_too() -> None:
    """As lists, where a single one is text: so ledgers from before there could be several are read as ever."""
    asked = config(**TWO, constraints=["latency_ms<=5.0"])
    row = json.loads(json.dumps(asked.to_dict()))

    assert StudyConfig.from_dict(row) == asked
    assert (row["metric"], row["direction"]) == (["loss", "size"], ["minimize", "minimize"])
    assert (asked.metric, asked.direction, asked.constraints) == ("loss", "minimize", ("latency_ms <= 5",))
    assert {"metric": "loss", "direction": "minimize"}.items() <= config().to_dict().items()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_trials": 0}, "--trials must be a whole number from 1 to 1000000000, got 0"),
        ({"n_trials": 1.5}, "--trials must be a whole number from 1 to 1000000000, got 1.5"),
        ({"n_trials": True}, "got True"),
        ({"max_epochs": -1}, "--max-epochs must be a whole number from 1 to 1000000000, got -1"),
        ({"retries": -1}, "--retries must be a whole number from 0 to 1000000000, got -1"),
        ({"max_failures": 0}, "--max-failures must be a whole number from 1 to 1000000000, got 0"),
        ({"trial_timeout": 0}, "--trial-timeout must be a time above 0 seconds, got 0"),
        ({"stall_timeout": math.inf}, "--stall-timeout must be a time above 0 seconds, got inf"),
        ({"timeout": math.nan}, "--timeout must be a time above 0 seconds, got nan"),
        ({"gpus": -0.5}, "--gpus must be a number from 0.01, got -0.5"),
        ({"sampler": "tpee"}, "--sampler 'tpee' is unknown; did you mean 'tpe'"),
        ({"early_stopping": "x"}, "--early-stopping 'x' is unknown; known: asha, guarded, hyperband,"),
        ({"early_stopping": "asha eta=1"}, "--early-stopping asha: eta must be a whole number >= 2, got '1'"),
        ({"early_stopping": 3}, "--early-stopping '3' is unknown"),
        ({"directions": ("maximise",)}, "did you mean 'maximize'"),
        (
            {"metrics": ("loss", "size")},
            "paired by position: got 2 of the one (loss, size) and 1 of the other (minimize)",
        ),
        ({"metrics": ("a", "a"), "directions": ("minimize",) * 2}, "--metric 'a' is given twice"),
        ({"metrics": ("",)}, "--metric must be 1 to 250 printable characters, got ''"),
        ({"constraints": ("size < 5",)}, "--constraint must be a metric, <= or >=, and a number"),
        ({"constraints": ("size <= 1", "size >= 2")}, "--constraint size <= 1 and size >= 2: no value keeps both"),
        ({**TWO, "early_stopping": "median"}, "--early-stopping median judges a trial by one number"),
        (
            {**TWO, "early_stopping": "own:MedianPruner"},
            "use one that ranks trials (asha, guarded, hyperband, screen, none)",
        ),
        ({**TWO, "confirm": 2}, "--confirm compares means of one metric, and there are 2 objectives"),
        ({"space": SearchSpace({})}, "search space is empty"),
        ({"seed": -1}, "--seed must be"),
        ({"executor": "local", "parallel": 2}, "--executor ray"),
        ({"tracker": "mlflow,json"}, "--tracker 'json' is unknown; did you mean 'jsonl'? known: mlflow, jsonl, none"),
        ({"tracker": ""}, "--tracker '' is unknown"),
        ({"tracker": "jsonl,"}, "--tracker '' is unknown"),
        ({"tracker": "mlflow,none"}, "--tracker 'mlflow,none' names a tracker and none"),
        ({"tracker": "jsonl, mlflow,jsonl"}, "--tracker 'jsonl, mlflow,jsonl' names 'jsonl' twice"),
    ],
)
def test_problems_name_the_option_and_the_value(options: dict[str, Any], words: str) -> None:
    """Each mistake has its line."""
    with pytest.raises(ConfigError) as caught:
        config(**options)

    assert len(caught.value.problems) == 1
    assert words in caught.value.problems[0]


def test_all_problems_at_once() -> None:
    """Two mistakes, two lines, one run."""
    with pytest.raises(ConfigError) as caught:
        config(n_trials=0, sampler="x")

    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("tracker", "names"),
    [
        ("none", ()),
        ("mlflow", ("mlflow",)),
        ("mlflow,jsonl", ("mlflow", "jsonl")),
        ("jsonl, mlflow", ("jsonl", "mlflow")),
    ],
)
def test_trackers_are_named_with_commas(tracker: str, names: tuple[str, ...]) -> None:
    """One text says all of them, and none of them is a choice too."""
    assert config(tracker=tracker).trackers == names


def test_no_gpu_is_a_number_of_gpus() -> None:
    """Zero keeps a trial off the GPUs."""
    assert config(gpus=0).gpus == 0


@pytest.mark.parametrize(
    ("metric", "direction"),
    [("loss", "minimize"), ("val_loss", "minimize"), ("test-error", "minimize"), ("rmse", "minimize"), ("acc", None)],
)
def test_losses_are_minimized(metric: str, direction: str | None) -> None:
    """A name that says loss, error, rmse or mae needs no direction; others do."""
    assert default_direction(metric) == direction


@pytest.mark.parametrize(
    ("target", "stem"),
    [("digits", "digits"), ("/home/ada/train.py:objective", "train"), ("package.module:function", "module")],
)
def test_a_study_is_named_after_its_target(target: str, stem: str) -> None:
    """The short name of what is evaluated."""
    assert config(target=target).stem == stem
