"""From a data file to a task, and back from a trial's artifacts to predictions."""

from __future__ import annotations

import json
import pickle
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from automl import tasks
from automl.errors import ConfigError, StudyMismatchError
from automl.objectives.task import TaskObjective
from automl.tasks.base import stratified
from automl.tasks.tables import load_predictor, open_table
from automl.trial import Report, Trial

PARAMS: dict[str, Any] = {"arch": "mlp", "mlp.n_layers": 1, "mlp.width": 64, "lr": 0.01, "batch_size": 32}


def run(
    task: tasks.Task, folder: Path, *, epochs: int, params: dict[str, Any] = PARAMS
) -> tuple[Trial, dict[str, float]]:
    """Train one network, and return its trial and what it returned."""
    reports: list[Report] = []
    trial = Trial(number=0, params=params, folder=folder, max_epochs=epochs, send=reports.append)
    return trial, TaskObjective(task=task, seed=0, metric=task.metric)(trial)


def test_a_table_becomes_a_task(small: Path) -> None:
    """What was found in it is said as JSON: classes, kinds of columns, what is left out and why."""
    task = open_table(str(small), column="left")

    facts = json.loads(json.dumps(task.facts))
    assert (task.name, task.archs, task.metric) == ("customers", ("mlp",), "val_acc")
    assert (facts["rows"], facts["rows_without_target"], facts["problem"]) == (198, 2, "classification")
    assert facts["path"] == str(small)
    assert sum(facts["classes"].values()) == pytest.approx(1)
    assert facts["columns"] == {"number": ["age", "spent"], "category": ["plan", "active"], "date": ["joined"]}
    assert set(facts["left_out"]) == {"customer_id", "country"}


def test_looking_through_a_table_loads_no_torch(small: Path) -> None:
    """The driver needs no more than pandas; networks are the workers' affair."""
    code = "import sys; from automl import tasks; tasks.find(sys.argv[1], column='left'); print('torch' in sys.modules)"
    root = Path(__file__).parents[3]

    done = subprocess.run([sys.executable, "-c", code, small], cwd=root, capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


def test_parts_are_stratified_and_prepared_by_the_training_part(small: Path) -> None:
    """60, 20 and 20 % of each class; a category that only other parts have is unknown."""
    frame = pd.read_csv(small)
    split = open_table(str(small), column="left").load(seed=0)
    unseen = frame["plan"].copy()

    shares = [part.targets.float().mean().item() for part in split.parts]

    assert [len(part.targets) for part in split.parts] == [119, 40, 39]
    assert max(shares) - min(shares) < 0.05
    assert all(part.inputs.isfinite().all() for part in split.parts)
    assert split.train.inputs[:, -2].max() <= unseen.nunique()
    assert split.cardinalities == (4, 3)
    assert split.network(PARAMS)(split.val.inputs).shape == (40, 2)


def test_nothing_of_the_test_part_is_learnt(small: Path) -> None:
    """Changing rows of the test part changes neither scales nor categories."""
    task = open_table(str(small), column="spent")
    frame = pd.read_csv(small)
    whole = task.load(seed=0)
    inner = whole.test.inputs.shape[0]
    chosen = stratified(torch.zeros(len(frame), dtype=torch.int64), seed=0)[2].numpy()
    frame.loc[chosen, "age"] = 1e6
    frame.loc[chosen, "plan"] = "secret"
    frame.to_csv(small, index=False)

    changed = open_table(str(small), column="spent").load(seed=0)

    assert len(chosen) == inner
    assert torch.equal(changed.train.inputs, whole.train.inputs)
    assert changed.preparation == whole.preparation
    assert not torch.equal(changed.test.inputs, whole.test.inputs)


def test_numbers_are_standardized_by_the_training_part(small: Path) -> None:
    """Targets of the training part have mean 0 and deviation 1; the metric is in the table's own units."""
    task = open_table(str(small), column="spent")

    split = task.load(seed=0)

    assert task.metric == "val_rmse"
    assert (split.train.targets.mean().item(), split.train.targets.std().item()) == pytest.approx((0, 1), abs=0.01)
    spread = split.goal.measure(torch.zeros(40, 1), split.val.targets)["rmse"]
    assert 10 < spread < 50
    assert "label_smoothing" not in task.space()
    assert "label_smoothing" in open_table(str(small), column="left").space()


def test_the_metric_chooses_between_classes_and_numbers(abalone: Path) -> None:
    """Whole numbers are what the metric that is asked for takes."""
    few = open_table(str(abalone), column="sex")

    assert few.facts is not None
    assert few.facts["problem"] == "classification"
    assert open_table(str(abalone), column="rings").metric == "val_rmse"
    with pytest.raises(ConfigError, match="of 28 classes 7 have fewer than the 4 rows"):
        open_table(str(abalone), column="rings", metric="accuracy")


def test_every_problem_of_a_table_at_once(tmp_path: Path) -> None:
    """Two bad columns and a bad target are three lines."""
    frame = pd.DataFrame({"price": ["$1", "$2"] * 9, "ratio": [1.5, np.inf] * 9, "y": ["a"] * 17 + ["b"]})
    frame.to_csv(tmp_path / "t.csv", index=False)

    with pytest.raises(ConfigError) as caught:
        open_table(str(tmp_path / "t.csv"), column="y")

    assert len(caught.value.problems) == 3
    assert [problem.partition(":")[0] for problem in caught.value.problems[1:]] == ["t.csv", "t.csv"]


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (
            None,
            r"--target is needed \(`target_column:` in a study file\): which column of customers.csv is to be "
            r"predicted\? It has customer_id, plan, age",
        ),
        (
            "lfet",
            r"--target 'lfet': customers.csv has no such column; did you mean 'left'\? \(it has customer_id, plan",
        ),
        ("country", "--target 'country': always 'CH'; there is nothing to predict"),
        ("joined", "--target 'joined' holds dates"),
    ],
)
def test_columns_that_cannot_be_the_target(small: Path, column: str | None, said: str) -> None:
    """An absent one lists those that there are and names the nearest."""
    with pytest.raises(ConfigError, match=said):
        open_table(str(small), column=column)


def test_nothing_to_predict_from(tmp_path: Path) -> None:
    """A table whose other columns cannot help says why, each."""
    frame = pd.DataFrame({"id": range(20), "same": 1, "y": ["a", "b"] * 10})
    frame.to_csv(tmp_path / "t.csv", index=False)

    with pytest.raises(
        ConfigError, match=r"no column that could help to predict 'y': id: all different.*; same: always 1"
    ):
        open_table(str(tmp_path / "t.csv"), column="y")


def test_it_travels_to_a_worker_as_a_path(small: Path) -> None:
    """Pickled it holds no data, equals itself, and reads the same; a file that has changed since is refused."""
    task = open_table(str(small), column="left")
    content = pickle.dumps(TaskObjective(task=task, seed=0, metric=task.metric))

    again = pickle.loads(content).task

    assert len(content) < 3000
    assert again == task
    assert again.load(seed=0) is task.load(seed=0)
    small.write_text(small.read_text() + "1,free,30,2020-01-01,True,CH,1.0,no\n")
    with pytest.raises(StudyMismatchError, match="has changed since the study was made"):
        again.load(seed=1)


def test_a_tasks_name_or_a_data_file_is_found() -> None:
    """What names neither is left to others; a column belongs to a data file."""
    assert tasks.find("train.py:objective") is None
    assert tasks.find("digits") == tasks.task("digits")
    assert [tasks.is_table(text) for text in ("a.csv", "A.CSV.GZ", "b.parquet", "c.tsv", "csv", "d.csv.zip")] == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]
    with pytest.raises(ConfigError, match="--target 'y' names a column, but 'digits' is no data file"):
        tasks.find("digits", column="y")


# --- training and prediction ---


@pytest.mark.parametrize("seed", range(4))
def test_points_of_the_ready_space_train(small: Path, tmp_path: Path, seed: int) -> None:
    """Whatever the space of a table gives can be trained for an epoch, for classes and for numbers."""
    for column in ("left", "spent"):
        task = open_table(str(small), column=column)
        params = task.space().sample(random.Random(seed))

        trial, values = run(task, tmp_path / column, epochs=1, params=params)

        assert set(values) == set(task.metrics)
        assert list(trial.artifacts) == ["model.safetensors", "preparation.json"]


def test_winner_predicts_classes_of_new_rows(credit: Path, tmp_path: Path) -> None:
    """Weights and preparation in a folder give what was measured on the test part, which beats the majority."""
    task = open_table(str(credit), column="Status")
    trial, _ = run(task, tmp_path / "trial", epochs=4)
    objective = TaskObjective(task=task, seed=0, metric=task.metric)
    measured = objective.evaluate_winner(PARAMS, trial.folder / trial.artifacts["model.safetensors"])
    frame = pd.read_csv(credit)
    rows = stratified(torch.tensor((frame["Status"] == "good").to_numpy(), dtype=torch.int64), seed=0)[2]
    test = frame.iloc[rows.numpy()]

    predictor = load_predictor(trial.folder / "artifacts")
    predicted = predictor(test.drop(columns="Status").assign(more=1)[::-1])
    shares = predictor.probabilities(test)

    right = (predicted[::-1] == test["Status"]).mean()
    assert right == pytest.approx(measured["test_acc"])
    assert right > (test["Status"] == "good").mean() + 0.03
    assert set(predicted) == {"bad", "good"}
    assert list(shares.columns) == ["bad", "good"]
    assert shares.sum(axis=1).to_numpy() == pytest.approx(1)


def test_winner_predicts_numbers_in_their_units(abalone: Path, tmp_path: Path) -> None:
    """The error on the test part is what was measured, and less than that of guessing the mean."""
    task = open_table(str(abalone), column="rings")
    trial, _ = run(task, tmp_path / "trial", epochs=3)
    measured = TaskObjective(task=task, seed=0, metric=task.metric).evaluate_winner(
        PARAMS, trial.folder / trial.artifacts["model.safetensors"]
    )
    frame = pd.read_csv(abalone)
    test = frame.iloc[stratified(torch.zeros(len(frame), dtype=torch.int64), seed=0)[2].numpy()]

    predicted = load_predictor(trial.folder / "artifacts")(test)

    error = ((predicted - test["rings"]) ** 2).mean() ** 0.5
    assert error == pytest.approx(measured["test_rmse"], rel=1e-4)
    assert error < 0.85 * test["rings"].std()
    assert measured["test_r2"] > 0.3


def test_new_rows_may_lack_values_but_no_column(small: Path, tmp_path: Path) -> None:
    """Missing and unheard-of values are predicted from; a missing column, or a missing file, is an error."""
    trial, _ = run(open_table(str(small), column="left"), tmp_path / "trial", epochs=1)
    predictor = load_predictor(trial.folder / "artifacts")
    row = {"plan": "unheard of", "age": "?", "joined": None, "active": None, "spent": np.inf}

    predicted = predictor(pd.DataFrame([row], index=[77]))

    assert predicted.loc[77] in ("no", "yes")
    with pytest.raises(ConfigError, match="the rows lack the columns age, spent"):
        predictor(pd.DataFrame({"plan": ["pro"], "joined": [None], "active": [True]}))
    with pytest.raises(ConfigError, match=r"has no model.safetensors and no preparation.json"):
        load_predictor(tmp_path)


def test_a_number_has_no_probabilities(small: Path, tmp_path: Path) -> None:
    """Asked for those of a regression, it says so."""
    trial, _ = run(open_table(str(small), column="spent"), tmp_path / "trial", epochs=1)

    with pytest.raises(ConfigError, match="'spent' is a number"):
        load_predictor(trial.folder / "artifacts").probabilities(pd.read_csv(small))


def test_training_that_diverged_keeps_nothing(small: Path, tmp_path: Path) -> None:
    """A trial without weights has no preparation either."""
    task = open_table(str(small), column="spent")

    trial, values = run(task, tmp_path, epochs=2, params=PARAMS | {"optimizer": "sgd", "lr": 1e30})

    assert all(np.isnan(value) for value in values.values())
    assert trial.artifacts == {}
