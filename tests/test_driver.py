"""The one place that puts a study together: what happens around the trials themselves."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from automl import driver, removal
from automl.errors import LeaseLostError, MissingDependencyError
from automl.executors import Capacity
from automl.executors.local import LocalExecutor
from automl.home import Home
from automl.ledger.database import connect
from automl.ledger.writer import create_study
from automl.result import SearchResult
from automl.study import Study
from automl.trial import Trial, TrialState
from search_spaces import SearchSpace


class Clock:
    """The time, which can be moved on."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


class Task:
    """An objective with a test part, whose first trial is quick and whose second one lasts until it is cut."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.tested: list[str] = []

    def __call__(self, trial: Trial) -> dict[str, float]:
        step = 0
        while trial.number:
            step += 1
            self.clock.ahead = 3600.0
            trial.report(step, loss=1.0)
        Path("model.safetensors").write_text("weights")
        trial.artifact("model.safetensors")
        return {"loss": 0.5}

    def evaluate_winner(self, params: Mapping[str, Any], weights: Path) -> Mapping[str, float]:
        self.tested.append(weights.read_text())
        return {"test_loss": 0.75}


class Layers:
    """An objective that wants a list of layers, and remembers which one was tested."""

    def __init__(self) -> None:
        self.tested: list[Any] = []

    def __call__(self, trial: Trial) -> dict[str, float]:
        Path("model.safetensors").write_text("weights")
        trial.artifact("model.safetensors")
        return {"loss": float(sum(trial.params["layers"]))}

    def evaluate_winner(self, params: Mapping[str, Any], weights: Path) -> Mapping[str, float]:
        self.tested.append(params["layers"])
        return {"test_loss": 0.0}


def test_an_objective_gets_what_choices_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network is built from the list of layers; the ledger, and so trackers and samplers, have its name."""
    monkeypatch.chdir(tmp_path)
    objective = Layers()
    space = {"layers": "small=[64, 64]|big=[256]"}

    result = driver.search(
        objective, space, metric="loss", n_trials=2, home=tmp_path, tracker="none", executor="local", listeners=[]
    )

    assert {trial.params["layers"]: trial.value for trial in result.trials} == {"small": 128.0, "big": 256.0}
    assert result.best_trial.params == {"layers": "small"}
    assert SearchSpace(space).values_of(result.best_trial.params) == {"layers": [64, 64]}
    assert objective.tested == [[64, 64]]


def test_the_winner_is_tested_after_a_timeout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A study that ran out of time is finished: its winner has a test result like any other."""
    clock = Clock()
    monkeypatch.setattr(Study, "open", functools.partial(Study.open, clock=clock))
    objective = Task(clock)

    result = driver.search(
        objective,
        {"x": "0.0..1.0"},
        metric="loss",
        n_trials=9,
        timeout=1800.0,
        executor="local",
        tracker="none",
        home=tmp_path,
        listeners=(),
    )

    assert result.state == "finished"
    assert [trial.state for trial in result.trials] == [TrialState.COMPLETE, TrialState.PRUNED]
    assert (result.test, objective.tested) == ({"test_loss": 0.75}, ["weights"])


@pytest.fixture
def search(tmp_path: Path) -> Callable[..., SearchResult]:
    """Return a function that searches for one trial in this process, without a tracker."""
    settings: dict[str, Any] = {"n_trials": 1, "name": "s", "executor": "local", "tracker": "none", "listeners": ()}

    def search(**options: Any) -> SearchResult:
        chosen = {"home": tmp_path, **settings, **options}
        return driver.search(value, {"x": "0.0..1.0"}, direction="minimize", **chosen)

    return search


def value(trial: Trial) -> float:
    return float(trial.params["x"])


def test_a_signal_while_the_study_is_made_leaves_nothing(
    search: Callable[..., SearchResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a ledger would hold the name, and be no study."""
    make = create_study

    def interrupted(url: str, name: str, config: Mapping[str, Any]) -> None:
        connect(url, create=True).dispose()
        os.kill(os.getpid(), signal.SIGINT)
        make(url, name, config)

    monkeypatch.setattr("automl.home.create_study", interrupted)

    with pytest.raises(KeyboardInterrupt):
        search(home=tmp_path / "home")

    assert not (tmp_path / "home").exists()


def test_a_name_whose_study_was_never_made_is_free(search: Callable[..., SearchResult], tmp_path: Path) -> None:
    """Who was killed after making the tables leaves a ledger without a study."""
    (tmp_path / "s").mkdir()
    connect(Home(tmp_path).ledger_url("s"), create=True).dispose()

    assert search().state == "finished"


def test_what_was_asked_is_written_by_who_resumes(search: Callable[..., SearchResult], tmp_path: Path) -> None:
    """Both files, wherever in between who made the study was killed."""
    search()
    written = ("study.yaml", "space.yaml")
    for n_trials, name in enumerate(written, 2):
        (tmp_path / "s" / name).unlink()

        driver.resume("s", value, home=tmp_path, n_trials=n_trials, listeners=())

        assert {path.name for path in (tmp_path / "s").glob("*.yaml")} == set(written)


def test_a_second_driver_is_refused_before_anything_starts(
    search: Callable[..., SearchResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Ray it would be a cluster, and seconds, only to be told the same."""
    search()
    monkeypatch.setattr(LocalExecutor, "prepare", lambda self: pytest.fail("the executor was started"))
    study = Study.open(Home(tmp_path).ledger_url("s"), "s", folder=tmp_path / "s")

    with pytest.raises(LeaseLostError, match=f"is being run by process {os.getpid()} on .*`automl stop s` ends it"):
        driver.resume("s", value, home=tmp_path, n_trials=9)

    study.close()


def test_a_study_that_starts_is_nobody_elses(
    search: Callable[..., SearchResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While Ray comes up it is running, new or resumed: nobody removes it, nobody starts another Ray for it."""
    home = Home(tmp_path)
    seen: list[str] = []
    prepare = LocalExecutor.prepare

    def watched(self: LocalExecutor) -> Capacity:
        for intrude in (lambda: removal.look(home, "s"), lambda: driver.resume("s", value, home=tmp_path, n_trials=9)):
            with pytest.raises(LeaseLostError, match="is being run by process"):
                intrude()
        with home.read("s") as reader:
            seen.append(reader.study().state)
        return prepare(self)

    monkeypatch.setattr(LocalExecutor, "prepare", watched)

    search()
    driver.resume("s", value, home=tmp_path, n_trials=2, listeners=())

    assert seen == ["running", "running"]


def test_a_start_that_fails_gives_the_study_back(
    search: Callable[..., SearchResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new one is taken back whole; one that was there is free for the next driver, in this process too."""
    prepare = LocalExecutor.prepare
    search(name="old")
    monkeypatch.setattr(LocalExecutor, "prepare", lambda self: raising(MissingDependencyError("no cluster")))
    with pytest.raises(MissingDependencyError):
        search()
    with pytest.raises(MissingDependencyError):
        driver.resume("old", value, home=tmp_path, n_trials=2, listeners=())
    monkeypatch.setattr(LocalExecutor, "prepare", prepare)

    assert not (tmp_path / "s").exists()
    assert len(driver.resume("old", value, home=tmp_path, n_trials=2, listeners=()).trials) == 2


def test_a_study_that_vanishes_while_it_starts_is_not_made_anew(
    search: Callable[..., SearchResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody deleted its folder by hand: the search ends as one whose study was deleted, and leaves nothing."""
    prepare = LocalExecutor.prepare

    def vanishing(self: LocalExecutor) -> Capacity:
        shutil.rmtree(tmp_path / "s")
        return prepare(self)

    monkeypatch.setattr(LocalExecutor, "prepare", vanishing)

    with pytest.raises(LeaseLostError, match="was deleted while it was starting"):
        search()

    assert not (tmp_path / "s").exists()


def raising(error: Exception) -> Any:
    raise error


def test_delivery_begins_when_the_ledger_says_where_to(
    search: Callable[..., SearchResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A study that goes on with another tracking URI is delivered there from the first point on."""
    seen = []

    @contextlib.contextmanager
    def beside(home: Home, name: str, trackers: object, *, tracking_uri: str, grace: float) -> Iterator[None]:
        with home.read(name) as reader:
            seen.append((reader.study().state, reader.study().config["tracking_uri"]))
        yield

    monkeypatch.setattr(driver, "beside", beside)
    search(tracker="mlflow", tracking_uri="http://127.0.0.1:9/old")

    driver.resume("s", value, home=tmp_path, n_trials=2, tracking_uri="http://127.0.0.1:9/new", listeners=())

    assert seen == [("running", "http://127.0.0.1:9/old"), ("running", "http://127.0.0.1:9/new")]
