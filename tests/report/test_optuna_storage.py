"""A ledger seen through Optuna: the same truth, its plots, importance and dashboard; and nothing can be written."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna import importance
from optuna.storages import BaseStorage
from optuna.trial import TrialState as OptunaState

import automl
from automl.attempt import Attempt, Ending
from automl.config import StudyConfig
from automl.errors import ConfigError, ReadOnlyError, StudyNotFoundError
from automl.home import LEDGER
from automl.ledger.writer import create_study
from automl.result import SearchResult
from automl.study import Study
from automl.trial import AttemptState, Reason, Report, Trial, TrialState
from search_spaces import SearchSpace

ROOT = Path(automl.__file__).parents[1]
TRIALS = 100
SPACE = SearchSpace({"arch": "mlp|cnn", "x": "0.0..1.0", "width": "8..64 log when arch=cnn", "fixed": "=3"})


def objective(trial: Trial) -> dict[str, float]:
    """A parabola with a curve of five steps, a little lower for a cnn of 32; trial 3 fails."""
    if trial.number == 3:
        raise ValueError("no luck")
    loss = (trial.params["x"] - 0.3) ** 2 + 0.001 * abs(trial.params.get("width", 48) - 32)
    for step in range(1, 6):
        trial.report(step, loss=loss + 1 / step)
    return {"loss": loss, "acc": 1 - loss}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    """Return the result of a search that has stopped about half of its trials, in a home of its own."""
    options: dict[str, Any] = {"metric": "loss", "n_trials": TRIALS, "max_epochs": 5, "early_stopping": "median"}
    options |= {"executor": "local", "tracker": "none", "seed": 1, "listeners": ()}
    return automl.search(objective, SPACE, home=tmp_path_factory.mktemp("home"), name="s", **options)


@pytest.fixture
def study(found: SearchResult) -> optuna.Study:
    return optuna.load_study(study_name="s", storage=automl.open_storage(found.home.path))


def drive(url: str, folder: Path) -> Study:
    """Return a study that is running, with a trial of every state."""
    space = SearchSpace({"x": "0.0..1.0", "fixed": "=3"})
    config = StudyConfig(
        target="t", space=space, metrics=("loss",), directions=("maximize",), sampler="random", n_trials=6, max_epochs=9
    )
    create_study(url, "s", config.to_dict())
    study = Study.open(url, "s", folder=folder)

    def end(attempt: Attempt, state: TrialState, **fields: Any) -> None:
        study.end(attempt, Ending(state=AttemptState.RESULT, trial_state=state, **fields))

    def report(step: int, loss: float, checkpoint: int | None = None) -> Report:
        return Report(step=step, values={"loss": loss}, time=1000.0, checkpoint=checkpoint)

    attempts = [study.next_attempt(wait=True) for _ in range(6)]
    complete, failed, pruned, paused, lost, running = [attempt for attempt in attempts if attempt]
    end(complete, TrialState.COMPLETE, values={"loss": 0.5, "acc": 0.9})
    end(failed, TrialState.FAIL, reason=Reason.RAISED, message="ValueError: no")
    study.report(pruned, [report(1, 0.2)])
    end(pruned, TrialState.PRUNED)
    study.report(paused, [report(1, 0.3), report(2, 0.4, checkpoint=2)])
    study.end(paused, Ending(state=AttemptState.PAUSED, checkpoint=2))
    study.end(lost, Ending(state=AttemptState.LOST, trial_state=TrialState.FAIL, reason=Reason.WORKER_LOST))
    study.report(running, [report(1, float("nan"))])
    study.tick()
    study.keep_result({"trial": 0, "test": {}})  # writes what waits
    return study


def test_trials_are_those_of_the_ledger(tmp_path: Path, storage_url: str) -> None:
    """On SQLite and PostgreSQL: states, values, reports, times, and what else is known of a trial."""
    driven = drive(storage_url, tmp_path / "s")

    study = optuna.load_study(study_name="s", storage=automl.open_storage(storage_url))
    trials = study.trials
    driven.close()

    assert [trial.state for trial in trials] == [
        OptunaState.COMPLETE,
        OptunaState.FAIL,
        OptunaState.PRUNED,
        OptunaState.RUNNING,  # paused: it may go on
        OptunaState.WAITING,
        OptunaState.RUNNING,
    ]
    for trial in trials:
        trial._validate()
    assert [trial.params for trial in trials] == [{"x": record.params["x"]} for record in driven.records.values()]
    assert (study.best_trial.number, study.best_value, study.direction.name) == (0, 0.5, "MAXIMIZE")
    assert [trial.intermediate_values for trial in trials[2:4]] == [{1: 0.2}, {1: 0.3, 2: 0.4}]
    assert str(trials[5].intermediate_values) == "{1: nan}"
    shown = [{key: trial.user_attrs.get(key) for key in ("reason", "paused", "metrics/acc")} for trial in trials[:4]]
    assert shown == [
        {"reason": None, "paused": None, "metrics/acc": 0.9},
        {"reason": "raised", "paused": None, "metrics/acc": None},
        {"reason": "early-stopping", "paused": None, "metrics/acc": None},
        {"reason": None, "paused": True, "metrics/acc": None},
    ]
    assert trials[1].user_attrs["message"] == "ValueError: no"
    assert trials[0].user_attrs["attempts"] == 1
    assert trials[0].duration is not None
    assert (study.user_attrs["constants"], study.user_attrs["sampler"]) == ({"fixed": 3}, "random")


def test_what_is_read_is_the_present(tmp_path: Path, storage_url: str) -> None:
    """A study that was loaded follows its search; what has not changed is not read again."""
    driven = drive(storage_url, tmp_path / "s")
    storage = automl.open_storage(storage_url)
    study = optuna.load_study(study_name="s", storage=storage)
    before = study.get_trials(deepcopy=False)

    same = study.get_trials(deepcopy=False)
    driven.end(
        driven.running[5], Ending(state=AttemptState.RESULT, trial_state=TrialState.COMPLETE, values={"loss": 2})
    )
    after = study.get_trials(deepcopy=False)
    driven.close()

    assert same[0] is before[0]
    assert (before[5].state, after[5].state) == (OptunaState.RUNNING, OptunaState.COMPLETE)
    assert (study.best_value, study.user_attrs["state"]) == (2.0, "interrupted")


@pytest.mark.parametrize("method", sorted(name for name in BaseStorage.__abstractmethods__ if "get" not in name))
def test_nothing_can_be_written(found: SearchResult, method: str) -> None:
    """Whatever would change something says that this is a view."""
    storage = automl.open_storage(found.home.path)

    with pytest.raises(ReadOnlyError, match="can only be read"):
        getattr(storage, method)(0, "key", value=1)


def test_a_study_cannot_be_run_through_it(study: optuna.Study) -> None:
    """Nor by the verbs of a study."""
    with pytest.raises(ReadOnlyError, match="automl resume STUDY"):
        study.optimize(lambda trial: 1.0, n_trials=1)
    with pytest.raises(ReadOnlyError):
        study.set_user_attr("a", 1)


def test_whatever_names_studies_will_do(found: SearchResult, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name, a folder, a file, a home, a URL, or nothing for the default home; pickled, it still reads."""
    home = found.home.path
    monkeypatch.setenv("AUTOML_HOME", str(home))
    sources: list[str | Path | None] = [
        "s",
        home / "s",
        str(home / "s" / LEDGER),
        home,
        found.home.ledger_url("s"),
        None,
    ]

    storages = [pickle.loads(pickle.dumps(automl.open_storage(source))) for source in sources]

    for storage in storages:
        assert optuna.get_all_study_names(storage) == ["s"]
        assert len(optuna.load_study(study_name="s", storage=storage).trials) == TRIALS


@pytest.mark.parametrize(
    ("source", "error", "problem"),
    [
        (
            None,
            StudyNotFoundError,
            "there are no studies in .*automl_runs; give a study, its folder, its home or a URL",
        ),
        (".", StudyNotFoundError, "there are no studies in"),
        ("nowhere", StudyNotFoundError, "no study 'nowhere' in .*which has no studies"),
        ("home/nowhere", StudyNotFoundError, "there is no .*/home/nowhere; give a study, its folder"),
        ("sqlite:////nowhere.db", StudyNotFoundError, "there are no studies in sqlite:////nowhere.db"),
        ("mysql://db/x", ConfigError, "only SQLite, and PostgreSQL by psycopg 3, are supported"),
    ],
)
def test_what_is_not_there(source: str | None, error: type[Exception], problem: str) -> None:
    """It is said at once, not when a plot is drawn, and nothing is made."""
    with pytest.raises(error, match=problem):
        automl.open_storage(source)

    assert list(Path.cwd().iterdir()) == []


def test_unknown_studies_and_trials(found: SearchResult, tmp_path: Path) -> None:
    """They are KeyErrors, as Optuna has it, and so is a study that was removed meanwhile; others keep their ids."""
    home = tmp_path / "home"
    for name in ("a", "b"):
        shutil.copytree(found.home.study("s"), home / name)
        with contextlib.closing(sqlite3.connect(home / name / LEDGER)) as database:
            database.execute("UPDATE studies SET name = ?", [name])
            database.commit()
    storage = automl.open_storage(home)
    first, second = (storage.get_study_id_from_name(name) for name in ("a", "b"))

    shutil.rmtree(home / "a")

    with pytest.raises(KeyError, match="there is b"):
        storage.get_study_id_from_name("a")
    with pytest.raises(KeyError, match="no study 'a'"):
        storage.get_all_trials(first)
    with pytest.raises(KeyError, match=f"'b' has no trial {TRIALS}"):
        storage.get_trial_id_from_study_id_trial_number(second, TRIALS)
    with pytest.raises(KeyError, match="no study has the id 7"):
        storage.get_study_directions(7)
    assert storage.get_trial(storage.get_trial_id_from_study_id_trial_number(second, TRIALS - 1)).number == TRIALS - 1
    assert [study.study_name for study in storage.get_all_studies()] == ["b"]


PLOTS: list[Callable[[optuna.Study], Any]] = [
    optuna.visualization.plot_contour,
    optuna.visualization.plot_edf,
    optuna.visualization.plot_intermediate_values,
    optuna.visualization.plot_optimization_history,
    optuna.visualization.plot_parallel_coordinate,
    optuna.visualization.plot_param_importances,
    optuna.visualization.plot_rank,
    optuna.visualization.plot_slice,
    optuna.visualization.plot_timeline,
]


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.__name__)
def test_optunas_plots_are_drawn(study: optuna.Study, plot: Callable[[optuna.Study], Any]) -> None:
    """Every plot of one objective has something in it."""
    figure = plot(study)

    assert len(figure.data) > 0


@pytest.mark.parametrize(
    "evaluator",
    [
        importance.PedAnovaImportanceEvaluator(),
        importance.FanovaImportanceEvaluator(seed=0),
        importance.MeanDecreaseImpurityImportanceEvaluator(seed=0),
    ],
    ids=lambda evaluator: type(evaluator).__name__,
)
def test_optunas_importance(study: optuna.Study, evaluator: Any) -> None:
    """All three evaluators judge the parameters that vary."""
    found = importance.get_param_importances(study, evaluator=evaluator)

    assert {"arch", "x"} <= set(found) <= {"arch", "x", "width"}
    assert sum(found.values()) == pytest.approx(1)


def test_a_table_of_trials(study: optuna.Study, found: SearchResult) -> None:
    """Optuna's data frame has a row a trial, with the values of the ledger."""
    frame = study.trials_dataframe()

    best = frame.loc[frame["value"].idxmin()]
    assert len(frame) == TRIALS
    assert (best["number"], best["params_x"]) == (found.best_trial.number, found.best_trial.params["x"])
    assert set(frame["state"]) == {"COMPLETE", "PRUNED", "FAIL"}


SERVER = """
import sys
from wsgiref.simple_server import make_server

import automl
import optuna_dashboard

with make_server("127.0.0.1", 0, optuna_dashboard.wsgi(automl.open_storage(sys.argv[1]))) as server:
    print(server.server_port, flush=True)
    server.serve_forever()
"""


@pytest.fixture
def dashboard(found: SearchResult) -> Iterator[str]:
    """Return the address of a dashboard on the home, on loopback, in a process that is ended after the test."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(found.home.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    with process.stdout:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        process.terminate()
        process.wait()


def test_optunas_dashboard_shows_a_home(dashboard: str, found: SearchResult) -> None:
    """It lists the studies and the trials with their curves; deleting a study there deletes nothing."""

    def ask(path: str) -> Any:
        with urllib.request.urlopen(dashboard + path, timeout=60) as answer:
            return json.load(answer)

    (listed,) = ask("/api/studies")["study_summaries"]
    detail = ask(f"/api/studies/{listed['study_id']}")
    connection = http.client.HTTPConnection(dashboard.removeprefix("http://"), timeout=60)
    connection.request("DELETE", f"/api/studies/{listed['study_id']}", headers={"Content-Type": "application/json"})
    refused = connection.getresponse().status
    connection.close()

    assert (listed["study_name"], listed["directions"]) == ("s", ["minimize"])
    assert [trial["number"] for trial in detail["trials"]] == list(range(TRIALS))
    assert detail["best_trials"][0]["number"] == found.best_trial.number
    assert max(len(trial["intermediate_values"]) for trial in detail["trials"]) == 5
    assert refused == 500
    assert len(ask("/api/studies")["study_summaries"]) == 1
