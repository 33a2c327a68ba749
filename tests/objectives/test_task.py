"""A built-in task as an objective: from params to metrics and weights, and the winner's test."""

from __future__ import annotations

import pickle
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from automl import tasks
from automl.objectives import Objective
from automl.objectives.task import TaskObjective
from automl.tasks import Split
from automl.training import Examples
from automl.trial import Report, Trial, outcome

PARAMS: dict[str, Any] = {"arch": "mlp", "mlp.width": 64, "mlp.norm": "batch", "lr": 0.01}


def make_trial(folder: Path, params: dict[str, Any], reports: list[Report] | None = None, **options: Any) -> Trial:
    send = [].append if reports is None else reports.append
    return Trial(number=0, params=params, folder=folder, **({"max_epochs": 3, "send": send} | options))


def objective_of(*, seed: int, metric: str = "val_acc", **options: Any) -> TaskObjective:
    return TaskObjective(task=tasks.task("digits"), seed=seed, metric=metric, **options)


def test_a_trial_from_params_to_weights(tmp_path: Path) -> None:
    """The objective returns validation metrics of the study's metric, and leaves weights that fit the params."""
    reports: list[Report] = []
    trial = make_trial(tmp_path, PARAMS, reports)
    objective: Objective = objective_of(seed=0)

    returned = objective(trial)

    values, reason, _ = outcome(returned, metrics=[tasks.task("digits").metric], last=trial.last_values)
    assert reason is None
    assert set(values) == {"val_acc", "val_loss"}
    assert len(reports) == 3
    assert list(trial.artifacts) == ["model.safetensors"]


def test_the_winner_is_tested_on_the_part_kept_for_it(tmp_path: Path) -> None:
    """The test metrics are those of the saved weights on the test part of the same split, and near the validation's."""
    objective = objective_of(seed=4)
    trial = make_trial(tmp_path, PARAMS)
    returned = objective(trial)

    values = objective.evaluate_winner(PARAMS, trial.folder / trial.artifacts["model.safetensors"])

    test = tasks.task("digits").load(seed=4).test
    assert set(values) == {"test_acc", "test_loss"}
    assert values["test_acc"] == pytest.approx(returned["val_acc"], abs=0.1)
    assert (values["test_acc"] * len(test.targets)) == pytest.approx(round(values["test_acc"] * len(test.targets)))
    assert values == objective.evaluate_winner(PARAMS, trial.folder / trial.artifacts["model.safetensors"])


def test_fresh_weights_are_worse_than_the_winners(tmp_path: Path) -> None:
    """The weights in the file are what is tested, not those the network begins with."""
    from safetensors.torch import save_file

    torch.manual_seed(0)
    save_file(tasks.task("digits").load(seed=0).network(PARAMS).state_dict(), tmp_path / "fresh.safetensors")

    values = objective_of(seed=0).evaluate_winner(PARAMS, tmp_path / "fresh.safetensors")

    assert values["test_acc"] < 0.4


def test_it_travels_to_a_worker(tmp_path: Path) -> None:
    """Pickled it is a few words, and unpickled it measures the same."""
    objective = objective_of(seed=0)
    expected = objective(make_trial(tmp_path / "here", PARAMS))

    content = pickle.dumps(objective)
    values = pickle.loads(content)(make_trial(tmp_path / "there", PARAMS))

    assert len(content) < 500
    assert values == expected


def test_trials_share_the_split_not_the_weights(tmp_path: Path) -> None:
    """Two seeds of trials give two networks on the same data; another seed of the study gives other data."""
    objective = objective_of(seed=0)

    one, two = (objective(make_trial(tmp_path / str(seed), PARAMS, seed=seed)) for seed in (1, 2))
    elsewhere = objective_of(seed=5)(make_trial(tmp_path / "other", PARAMS, seed=1))

    assert one["val_loss"] != two["val_loss"]
    assert one["val_loss"] != elsewhere["val_loss"]


def test_options_reach_the_training(tmp_path: Path) -> None:
    """Patience ends the trial, and the metric says which epoch is kept."""
    reports: list[Report] = []
    objective = objective_of(seed=0, metric="val_loss", patience=1)

    values = objective(make_trial(tmp_path, PARAMS | {"lr": 0.0, "mlp.norm": "none"}, reports, max_epochs=9))

    assert len(reports) == 2
    assert values["val_loss"] == reports[0].values["val_loss"]


class Params(dict[str, Any]):
    """Remembers which of its values somebody asked for by name."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)


def few_digits(seed: int) -> Split:
    """Return forty digits of each part."""
    split = tasks.task("digits").load(seed)
    train, val, test = (Examples(part.inputs[:40], part.targets[:40]) for part in split.parts)
    return replace(split, train=train, val=val, test=test)


@pytest.mark.parametrize("seed", range(20))
def test_no_param_is_passed_over(tmp_path: Path, seed: int) -> None:
    """Training asks for every param that a task says it reads; a network refuses what it has no argument for."""
    task = replace(tasks.task("digits"), read=few_digits)
    params = Params(task.known().sample(random.Random(seed)))
    reports: list[Report] = []
    trial = make_trial(tmp_path, {}, reports, max_epochs=1)
    trial.params = params

    TaskObjective(task=task, seed=0, metric="val_acc")(trial)

    assert {name for name in params if not name.startswith(f"{params['arch']}.")} <= params.asked


@pytest.mark.parametrize("seed", range(6))
def test_points_of_the_ready_space_train(tmp_path: Path, seed: int) -> None:
    """Whatever the task's own space gives can be trained for an epoch, and every param of it is known."""
    task = tasks.task("digits")
    params = task.space().sample(random.Random(seed))
    reports: list[Report] = []

    objective_of(seed=0)(make_trial(tmp_path, params, reports, max_epochs=1))

    assert [report.step for report in reports] == [1]
