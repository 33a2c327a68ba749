"""Samplers on spaces with relations: whatever they suggest, what is tried is feasible, and is what they remember."""

from __future__ import annotations

import random
import warnings
from typing import Any

import optuna
import pytest

from automl import samplers
from automl.config import SAMPLERS, StudyConfig
from automl.errors import ConfigError
from automl.samplers import Sampler, make
from automl.samplers.base import feasible
from automl.samplers.optuna_study import OptunaSampler
from automl.trial import TrialRecord, TrialState
from search_spaces import Constant, SearchSpace

# A twentieth of the points is feasible, so that most suggestions are not.
NARROW = SearchSpace(
    {
        "x": "0.0..1.0",
        "y": "0.0..1.0",
        "arch": "mlp|cnn",
        "depth": "1..8 when arch=cnn",
        "width": "8..512 log when arch=cnn",
        "fixed": "=0.5",
    },
    require=["abs(x - y) <= 0.05 * fixed", "depth * width <= 256"],
    forbid=["arch=cnn and depth=1"],
)
FIVE = SearchSpace({"kind": "a|b|c", "n": "1..4"}, require=["n != 3"], forbid=[{"kind": ["b", "c"], "n": [1, 2]}])
OWN: list[tuple[str, dict[str, Any]]] = [
    ("RandomSampler", {}),
    ("TPESampler", {}),
    ("NSGAIISampler", {"population_size": 5}),
    ("NSGAIIISampler", {"population_size": 5}),
    ("QMCSampler", {"warn_independent_sampling": False}),
]


def tried(sampler: Sampler, space: SearchSpace, n: int) -> list[TrialRecord]:
    """Run `n` trials of a bowl, or as many as there are."""
    records: list[TrialRecord] = []
    while len(records) < n and (proposal := sampler.propose(len(records))):
        space.validate(proposal.params)
        value = sum(v for v in proposal.params.values() if isinstance(v, float))
        records.append(TrialRecord(number=len(records), state=TrialState.COMPLETE, params=proposal.params, value=value))
        sampler.observe(records[-1])
    return records


def remembered(sampler: Sampler) -> list[dict[str, Any]]:
    assert isinstance(sampler, OptunaSampler)
    return [trial.params for trial in sampler._study.trials]


def varying(records: list[TrialRecord], space: SearchSpace) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in record.params.items() if not isinstance(space[name], Constant)}
        for record in records
    ]


@pytest.mark.parametrize("name", SAMPLERS)
def test_named_samplers_propose_feasible_points(name: str) -> None:
    """Each of them, its random start over, and none twice; what Optuna remembers is what was tried."""
    space = NARROW.fix(width=32) if name == "grid" else NARROW
    sampler = make(name, space=space, direction="minimize", seed=1, records=[])

    records = tried(sampler, space, 11)

    assert len({str(record.params) for record in records}) == 11
    if isinstance(sampler, OptunaSampler):
        assert remembered(sampler) == varying(records, space)


@pytest.mark.parametrize(("name", "arguments"), OWN)
def test_any_sampler_of_optuna_is_kept_to_feasible_points(name: str, arguments: dict[str, Any]) -> None:
    """They know nothing of relations: what they suggest is asked for again, or repaired, and told to them so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        made = getattr(optuna.samplers, name)(seed=1, **arguments)
    sampler = OptunaSampler(made, space=NARROW, direction="minimize")

    records = tried(sampler, NARROW, 16)

    assert len(records) == 16
    assert remembered(sampler) == varying(records, NARROW)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_finite_space_is_tried_whole(name: str) -> None:
    """The feasible points are tried once each, also when the study is resumed half way; then there is nothing left."""
    first = tried(make(name, space=FIVE, direction="minimize", seed=1, records=[]), FIVE, 2)

    sampler = make(name, space=FIVE, direction="minimize", seed=1, records=first)
    records = list(first)
    while proposal := sampler.propose(len(records)):
        FIVE.validate(proposal.params)
        records.append(TrialRecord(number=len(records), state=TrialState.COMPLETE, params=proposal.params, value=1.0))
        sampler.observe(records[-1])

    assert len(records) == len({str(record.params) for record in records}) == FIVE.size() == 5


@pytest.mark.parametrize("name", ["random", "qmc"])
def test_what_needs_no_history_follows_from_the_number(name: str) -> None:
    """Repair draws from the seed and the trial's number alone, so that a resumed study goes on where it was."""
    whole = make(name, space=NARROW, direction="minimize", seed=3, records=[])
    records = tried(whole, NARROW, 8)

    resumed = make(name, space=NARROW, direction="minimize", seed=3, records=records[:5])
    later = [resumed.propose(number) for number in range(5, 8)]

    assert [proposal.params for proposal in later if proposal] == [record.params for record in records[5:]]


def test_the_first_infeasible_suggestion_is_repaired() -> None:
    """What a sampler thinks best is not thrown away: as much of it stays as can."""
    first = {"x": 0.9, "y": 0.1, "arch": "cnn", "depth": 7, "width": 33, "fixed": 0.5}
    others = [{"x": 0.4, "y": 0.1, "arch": "mlp", "fixed": 0.5}] * 9

    for seed in range(9):
        (repaired,) = feasible(NARROW, [first, *others], random.Random(seed))

        NARROW.validate(repaired)
        assert {name: repaired[name] for name in ("arch", "depth", "width")} == {"arch": "cnn", "depth": 7, "width": 33}
        assert list(feasible(NARROW, [repaired], random.Random(1))) == [repaired]


@pytest.mark.parametrize(
    ("sampler", "space", "problem"),
    [
        (
            "tpe",
            {"require": ["x + y <= 1e-6"]},
            "none fulfils the relations; require x \\+ y <= 1e-06 failed most often",
        ),
        (
            optuna.samplers.RandomSampler(),
            {"require": ["x + y <= 0.05"]},
            "only .* fulfil the relations; require x \\+ y <= 0.05",
        ),
        (
            "grid",
            {"require": ["0.3 < x < 0.4"]},
            "--sampler grid: no point of a grid of 5 values fulfils the relations",
        ),
    ],
)
def test_a_space_without_points_is_refused(sampler: Any, space: dict[str, Any], problem: str) -> None:
    """Before anything is created."""
    with pytest.raises(ConfigError, match=problem):
        samplers.check(sampler, SearchSpace({"x": "0.0..1", "y": "0.0..1"}, **space))


def test_settings_keep_relations() -> None:
    """What a study was asked is written down with them, and read as the same."""
    config = StudyConfig(target="t", space=NARROW, metrics=("value",), directions=("minimize",))

    again = StudyConfig.from_dict(config.to_dict())

    assert again == config
    assert again.space.require == NARROW.require
    assert again.space.forbid == NARROW.forbid
