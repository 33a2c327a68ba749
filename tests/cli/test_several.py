"""Several objectives and a constraint with early stopping, through Ray, as whoever types it and looks at it sees it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from automl.home import Home
from automl.preference import Preference
from automl.report import figures
from tests.cli.conftest import Run

SEARCH = ["search", "digits", "--trials", "8", "--max-epochs", "4", "--arch", "mlp", "--seed", "1", "--name", "s"]
WISHES = ["--metric", "val_acc", "--metric", "n_params", "--constraint", "seconds <= 60"]
EARLY = ["--early-stopping", "asha eta=2 first=1", "--sampler", "tpe", "--parallel", "2", "-q"]
PREFERENCE = Preference.of(["val_acc", "n_params"], ["maximize", "minimize"], ["seconds <= 60"])


@pytest.mark.slow
def test_a_search_with_several_objectives(run: Run, mlflow_template: Path) -> None:
    """The set of those that none is better than comes first everywhere; MLflow has how it grew."""
    home = Home(Path("automl_runs").absolute())
    home.path.mkdir()
    shutil.copyfile(mlflow_template, home.path / "mlflow.db")

    searched = run(*SEARCH, *WISHES, *EARLY, "-f", "json")

    assert searched.code == 0, searched.err
    status, rows = run("status", "s", "-f", "json").json, run("top", "s", "-n", "20", "-f", "json").json
    assert (status["metric"], status["directions"]) == (["val_acc", "n_params"], ["maximize", "minimize"])
    assert status["constraints"] == ["seconds <= 60"]
    assert status["counts"]["PRUNED"] > 0
    done = [row for row in rows if row["state"] == "COMPLETE"]
    front = [done[at]["number"] for at in PREFERENCE.pareto(row["values"] for row in done)]
    assert [one["number"] for one in status["best"]] == [row["number"] for row in rows if row["pareto"]] == front
    assert [row["number"] for row in rows[: len(front)]] == front
    assert all(row["feasible"] and row["values"].keys() >= {"val_acc", "n_params", "seconds"} for row in done)
    (line,) = run("ls", "-f", "json").json
    assert line["best"]["n_params"] == min(row["values"]["n_params"] for row in done)
    assert run("doctor", "s", "-f", "json").json["problems"] == []
    _check_tables(run, front)
    _check_page(home, front)


def _check_tables(run: Run, front: list[int]) -> None:
    top = run("top", "s").out.splitlines()

    assert top[0].split()[:8] == ["trial", "state", "pareto", "val_acc", "n_params", "seconds", "feasible", "step"]
    assert top[1].split()[:3] == [str(front[0]), "COMPLETE", "*"]
    wishes = "metric       val_acc, maximize\n             n_params, minimize\nconstraints  seconds <= 60\n"
    assert wishes in run("status", "s").out
    tested = re.search(r"^test  .*\(trial (\d+), on data that no trial saw\)$", run("show", "s").out, re.MULTILINE)
    assert tested is not None
    assert int(tested[1]) in front


def _check_page(home: Home, front: list[int]) -> None:
    client = MlflowClient(home.tracking_uri)
    (experiment,) = [each for each in client.search_experiments() if each.name == "digits"]
    runs: Any = client.search_runs([experiment.experiment_id])
    (parent,) = [each for each in runs if "mlflow.parentRunId" not in each.data.tags]

    grown = [point.value for point in sorted(client.get_metric_history(parent.info.run_id, "hypervolume"), key=_step)]
    assert grown == sorted(grown)
    assert grown[-1] > 0
    assert parent.data.params["direction"] == "maximize, minimize"
    description = parent.data.tags["mlflow.note.content"]
    assert "maximize `val_acc`, minimize `n_params`, `seconds <= 60` of `digits`" in description
    assert f"trial {front[0]}, COMPLETE" in description
    names = {item.path for item in client.list_artifacts(parent.info.run_id, "figures")}
    assert "figures/pareto.html" in names
    assert {item.path for item in client.list_artifacts(parent.info.run_id, f"winner/{front[0]}")}
    with home.read("s") as reader:
        figure = figures.pareto(reader.records(), reader.study())
    assert figure is not None
    assert len(figure.data[-1].x) == len(front)


def _step(point: Any) -> int:
    return int(point.step)
