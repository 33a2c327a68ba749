"""Delivery: what the ledger says is what MLflow shows, whatever happened in between."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import itertools
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from automl import courier, driver, mirrors
from automl.delivery import Delivery
from automl.doctor import Audit, audit
from automl.home import Home
from automl.mirrors import JsonlMirror, Mirror, Position, position_of, trial_uid
from automl.result import SearchResult
from automl.trial import Trial, TrialState
from trackers import JsonlTracker, MlflowTracker, Point, TrackerError
from trackers.jsonl import _JsonlRun

DEAD = "http://127.0.0.1:9"


def objective(trial: Trial) -> dict[str, float]:
    """Trials of every ending: COMPLETE in one attempt or two, PRUNED, FAIL."""
    if trial.number == 1:
        raise ValueError("one of them fails")
    first = trial.restored.step + 1 if trial.restored else 1
    for step in range(first, 10):
        if trial.number % 2 == 0:
            with trial.checkpoint(step) as folder:
                (folder / "step").write_text(str(step))
        trial.report(step, loss=trial.params["x"] + 1 / step, other=float("nan") if step == 3 else step * 1.5)
    return {"loss": trial.params["x"] + 1 / 9, "extra": 1.0}


@pytest.fixture
def home(tmp_path: Path, mlflow_template: Path) -> Home:
    """A home whose MLflow store is there already, which saves seconds."""
    folder = tmp_path / "home"
    folder.mkdir()
    shutil.copyfile(mlflow_template, folder / "mlflow.db")
    return Home(folder)


@pytest.fixture
def search(home: Home) -> Callable[..., SearchResult]:
    """Return a function that searches in this process and delivers in another."""

    def search(**options: Any) -> SearchResult:
        settings: dict[str, Any] = {"n_trials": 8, "name": "s", "tracker": "mlflow", "executor": "local"}
        settings["home"] = home.path
        return driver.search(
            objective,
            {"x": "0.0..1.0", "kind": "a|b"},
            metric="loss",
            max_epochs=9,
            seed=1,
            listeners=(),
            **settings | options,
        )

    return search


def copy_of(home: Home, tracker: str = "mlflow", name: str = "s") -> Mirror:
    """Return one of a study's copies, as its settings say now."""
    with home.read(name) as reader:
        return next(mirror for mirror in mirrors.of(home, reader.study()) if mirror.tracker == tracker)


def deliver(mirror: Mirror, **options: Any) -> None:
    """Deliver, in this process, all that a copy has not got yet."""
    with contextlib.closing(Delivery(mirror, **options)) as copier:
        copier.catch_up()


def mirror(home: Home, uri: str | None = None) -> MlflowTracker:
    return MlflowTracker(uri or home.tracking_uri, experiment=objective.__qualname__)


def assert_equal(home: Home, name: str = "s", uri: str | None = None) -> None:
    """Compare every trial's state, params and every one of its points with its run."""
    tracker = mirror(home, uri)
    with home.read(name) as reader:
        study = reader.study()
        records = reader.records()
        runs = {run.uid: run for run in tracker.runs(study.uid)}
        assert sorted(runs) == sorted(trial_uid(study, record.number) for record in records)
        for record in records:
            run = runs[trial_uid(study, record.number)]
            told = [(m.name, m.step, repr(m.value), round(m.time * 1000)) for m in reader.metrics(record.number)]
            shown = [(p.name, p.step, repr(p.value), round(p.time * 1000)) for p in tracker.points(run.run_id)]
            assert Counter(told) == Counter(point for point in shown if not point[0].startswith("best/"))
            assert run.status == record.state.value
            assert run.params == {key: str(value) for key, value in record.params.items()}


def test_every_trial_is_mirrored(home: Home, search: Callable[..., SearchResult]) -> None:
    """One child a trial with its true status, params and all points, the best value beside the last."""
    result = search()

    assert result.waiting == 0
    assert {t.state for t in result.trials} == {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}
    assert_equal(home)
    tracker = mirror(home)
    with home.read("s") as reader:
        run = tracker.find_run(trial_uid(reader.study(), result.best_trial.number))
    assert run is not None
    best = [point.value for point in tracker.points(run.run_id) if point.name == "best/loss"]
    assert best == [min(result.best_trial.reports.values())]


def test_a_ledger_on_postgresql_is_mirrored_alike(
    home: Home, search: Callable[..., SearchResult], postgres_url: str
) -> None:
    """The process that delivers finds the database, with its password."""
    result = search(storage=postgres_url)

    assert result.waiting == 0
    assert_equal(Home(home.path, postgres_url))


def test_any_folder_can_be_a_home(home: Home, search: Callable[..., SearchResult]) -> None:
    """What has a meaning in a URL is a letter like any other in the path of MLflow's store."""
    strange = Home(home.path.parent / "a b%41c?d#ü")
    home.path.rename(strange.path)

    result = search(n_trials=1, home=strange.path)

    assert result.waiting == 0
    assert_equal(strange)
    assert [path.parent.name for path in strange.path.parent.rglob("mlflow.db")] == [strange.path.name]


def test_the_studys_own_run_is_a_page(home: Home, search: Callable[..., SearchResult]) -> None:
    """Params, a curve of the best so far by trial number, a description, the study's files and the winner's."""
    result = search()

    client = MlflowClient(home.tracking_uri)
    tracker = mirror(home)
    with home.read("s") as reader:
        run = tracker.find_run(reader.study().uid)
    assert run is not None
    assert run.status == "COMPLETE"
    assert run.params["metric"] == "loss"
    assert f"trial {result.best_trial.number}, COMPLETE" in run.tags["mlflow.note.content"]
    curve = sorted((point.step, point.value) for point in tracker.points(run.run_id) if point.name == "best/loss")
    assert [step for step, _ in curve] == list(range(curve[0][0], 8))
    assert [value for _, value in curve] == sorted((value for _, value in curve), reverse=True)
    assert curve[-1][1] == result.best_trial.value
    files = {file.path for folder in ("", "winner", "figures") for file in client.list_artifacts(run.run_id, folder)}
    assert files >= {"study.yaml", "space.yaml", "winner/params.json", "figures/history.html"}


def test_a_lost_position_costs_only_time(home: Home, search: Callable[..., SearchResult]) -> None:
    """Everything again from the beginning adds nothing."""
    search()
    (home.study("s") / "delivery-mlflow.json").unlink()

    deliver(copy_of(home))

    assert_equal(home)


@pytest.mark.parametrize("cursor", [0, 7, 30, 60])
def test_a_kill_between_writing_and_remembering(home: Home, search: Callable[..., SearchResult], cursor: int) -> None:
    """A position that is older than what was sent leads to the same store."""
    search()
    position = position_of(home.study("s"))
    copy_of(home).keep(Position(uri=position.uri, cursor=cursor))

    deliver(copy_of(home))

    assert_equal(home)


def test_a_run_that_vanished_is_made_anew_in_full(home: Home, search: Callable[..., SearchResult]) -> None:
    """A run that MLflow no longer has comes back with all of its points when its trial is written to again."""
    search()
    position = position_of(home.study("s"))
    uid = next(uid for uid in position.runs if uid.endswith("/0"))
    with sqlite3.connect(home.path / "mlflow.db") as store:
        for table in ("metrics", "latest_metrics", "params", "tags", "runs"):
            store.execute(f"DELETE FROM {table} WHERE run_uuid = ?", (position.runs[uid],))
    store.close()
    (home.study("s") / "delivery-mlflow.json").unlink()

    deliver(copy_of(home))

    assert_equal(home)


def test_an_extended_study_goes_on_in_the_same_runs(home: Home, search: Callable[..., SearchResult]) -> None:
    """More trials, the same parent, and each trial still one run."""
    search(n_trials=4)

    driver.resume("s", objective, home=home.path, n_trials=8, listeners=())

    assert_equal(home)


def test_pages_smaller_than_a_trial(
    home: Home, search: Callable[..., SearchResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However little goes over at a time, the result is the same."""
    monkeypatch.setattr(driver, "beside", lambda home, name, trackers, **more: contextlib.nullcontext(tuple))
    search()
    monkeypatch.setattr("automl.delivery.PAGE", 3)

    deliver(copy_of(home))

    assert_equal(home)


def lines(home: Home) -> dict[str, bytes]:
    """Return all files of the copy as text."""
    return {str(path): path.read_bytes() for path in home.runs("s").rglob("*") if path.is_file()}


class TestJsonLines:
    """The copy in the study's own folder."""

    def test_it_has_everything(self, home: Home, search: Callable[..., SearchResult]) -> None:
        """Every trial with all its points, the study's own run with figures, files and description."""
        result = search(tracker="jsonl")

        tracker = JsonlTracker(home.runs("s"))
        with home.read("s") as reader:
            uid = reader.study().uid
        files = {
            str(path.relative_to(tracker.file(uid).with_suffix("")))
            for path in map(Path, lines(home))
            if tracker.file(uid).with_suffix("") in path.parents
        }
        parent = tracker.find_run(uid)
        assert audit(home, "s") == Audit(problems=(), notes=())
        assert (result.waiting, len(tracker.runs(uid))) == (0, 8)
        assert files >= {"study.yaml", "space.yaml", "winner/params.json", "figures/history.html"}
        assert parent is not None
        assert f"trial {result.best_trial.number}, COMPLETE" in parent.tags["mlflow.note.content"]
        assert not (home.study("s") / "delivery-mlflow.json").exists()

    def test_deliveries_again_change_no_byte(self, home: Home, search: Callable[..., SearchResult]) -> None:
        """From wherever delivery starts over, each line is there once, and stays where it is."""
        search(tracker="jsonl")
        mirror, before = copy_of(home, "jsonl"), lines(home)
        figures = {name for name in before if name.endswith(".html")}

        for cursor in (-1, 7, 60):
            mirror.keep(Position(uri=mirror.uri, cursor=cursor))
            deliver(mirror)

        after = lines(home)
        assert after.keys() == before.keys()
        assert {name for name in after if after[name] != before[name]} <= figures  # they have an id drawn for each

    def test_a_file_that_vanished_is_written_in_full(self, home: Home, search: Callable[..., SearchResult]) -> None:
        """Delivery sees by the run's id that what it had sent before is gone, artifacts included."""
        search(tracker="jsonl")
        mirror = copy_of(home, "jsonl")
        position = mirror.position()
        for uid in position.runs:
            if uid != mirror.study.uid:
                JsonlTracker(home.runs("s")).file(uid).unlink()
        position.cursor = 3
        mirror.keep(position)

        deliver(mirror)

        assert audit(home, "s") == Audit(problems=(), notes=())

    def test_an_outage_while_a_file_that_vanished_is_written(
        self, home: Home, search: Callable[..., SearchResult], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Wherever it comes, what was there before is sent once more after it."""
        search(tracker="jsonl", n_trials=3)
        mirror, before, log = copy_of(home, "jsonl"), copy_of(home, "jsonl").position(), _JsonlRun.log
        for outage in (1, 2, 3):
            for uid in before.runs:
                JsonlTracker(home.runs("s")).file(uid).unlink()
            mirror.keep(dataclasses.replace(before, cursor=3))
            calls = itertools.count()

            def interrupted(run: _JsonlRun, points: Iterable[Point], calls: Any = calls, outage: int = outage) -> None:
                if next(calls) == outage:
                    raise TrackerError("the disk is away")
                log(run, points)

            monkeypatch.setattr(_JsonlRun, "log", interrupted)
            with pytest.raises(TrackerError):
                deliver(mirror)
            deliver(mirror)

            assert audit(home, "s") == Audit(problems=(), notes=())

    def test_what_the_file_system_refuses_for_a_while(
        self, home: Home, search: Callable[..., SearchResult], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Delivery's own files need room too; when there is some again, it goes on."""
        search(tracker="jsonl", n_trials=1)
        mirror = copy_of(home, "jsonl")
        (home.study("s") / "delivery-jsonl.json").unlink()
        tries = iter([OSError(errno.ENOSPC, "No space left on device")])
        keep = JsonlMirror.keep

        def refused(mirror: JsonlMirror, position: Position) -> None:
            for error in tries:
                raise error
            keep(mirror, position)

        monkeypatch.setattr(JsonlMirror, "keep", refused)
        monkeypatch.setattr(courier, "_limit_memory", lambda: None)  # it would be that of all tests after this one
        monkeypatch.setattr(courier, "_is_told_to_end", lambda seconds: seconds > 2 * courier.POLL_SECONDS - 0.1)

        courier._deliver(mirror, os.getpid())

        assert copy_of(home, "jsonl").position().error is None
        assert audit(home, "s") == Audit(problems=(), notes=())


class TestSeveralTrackers:
    """What one tracker goes through is nothing to another."""

    def test_one_that_is_down(self, home: Home, search: Callable[..., SearchResult]) -> None:
        """MLflow refuses; the copy as text is complete when the search ends, and the result says what waits."""
        result = search(tracker="mlflow,jsonl", tracking_uri=DEAD)

        with home.read("s") as reader:
            study, reported = reader.study(), len(reader.metrics())
        found = audit(home, "s")
        assert result.waiting == reported
        assert copy_of(home, "jsonl").position().closed == study.seq
        assert DEAD in (copy_of(home, "mlflow").position().error or "")
        assert found.ok
        assert len(found.notes) == 1
        assert f"{reported} reported values wait for MLflow (MLflow at {DEAD}" in found.notes[0]

    def test_one_that_never_answers(
        self, home: Home, search: Callable[..., SearchResult], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A server that takes a call and is silent holds up its own delivery only."""
        monkeypatch.setattr(driver, "beside", lambda home, name, trackers, **more: contextlib.nullcontext(tuple))
        monkeypatch.setattr(courier, "PATIENCE", 0.0)
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            search(tracker="mlflow,jsonl", tracking_uri=f"http://127.0.0.1:{silent.getsockname()[1]}")
            mirror = copy_of(home, "jsonl")

            with courier.beside(home, "s", ("mlflow", "jsonl")):
                deadline = time.monotonic() + 60
                while mirror.position().closed < mirror.study.seq and time.monotonic() < deadline:
                    time.sleep(0.05)  # another process's file: there is no event to wait for

        assert mirror.position().closed == mirror.study.seq
        assert copy_of(home, "mlflow").position().cursor == -1


def test_delivery_holds_no_moment_of_the_ledger(home: Home, search: Callable[..., SearchResult]) -> None:
    """Between steps, with news or without, it does not keep SQLite from beginning its write-ahead log anew."""
    search(tracker="jsonl")
    copier = Delivery(copy_of(home, "jsonl"))

    with contextlib.closing(sqlite3.connect(home.study("s") / "ledger.db", isolation_level=None)) as ledger:
        for has_news in (False, True):
            ledger.execute("UPDATE studies SET seq = seq + 1")
            copier.catch_up()
            if not has_news:
                assert not copier.step()
            ledger.execute("UPDATE studies SET seq = seq")
            is_busy, _, _ = ledger.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()

            assert not is_busy
    copier.close()


def test_delivery_ends_with_a_driver_that_was_killed(home: Home, search: Callable[..., SearchResult]) -> None:
    """Even one that waits for another delivery's lock does not outlive its driver for long."""
    search()
    code = "import automl.courier as d, sys; d.ORPHAN_SECONDS = 0.2; d.main(*sys.argv[1:])"
    with (home.study("s") / "delivery-mlflow.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        done = subprocess.run([sys.executable, "-c", code, str(home.path), "s", "mlflow", "1"], timeout=60, check=False)

    assert done.returncode == 0


@pytest.fixture
def port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def serve(home: Home, port: int) -> Iterator[Callable[[], str]]:
    """Return a function that starts MLflow's own server and waits until it answers."""
    processes: list[subprocess.Popen[bytes]] = []

    def serve() -> str:
        command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", home.tracking_uri]
        command += ["--artifacts-destination", str(home.artifacts), "--host", "127.0.0.1", "--port", str(port)]
        environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        processes.append(
            subprocess.Popen(
                [*command, "--workers", "1"],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        )
        uri = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{uri}/health", timeout=5).close()
                return uri
            except OSError:
                time.sleep(0.1)  # another process's port: there is no event to wait for
        raise TimeoutError(uri)

    yield serve
    for process in processes:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_dead_tracker_is_only_deliverys_trouble(
    home: Home, search: Callable[..., SearchResult], port: int, serve: Callable[[], str]
) -> None:
    """The search ends as ever and says what waits; when the tracker is back, it gets everything."""
    result = search(tracking_uri=f"http://127.0.0.1:{port}")

    assert result.state == "finished"
    assert result.seconds < 20
    with home.read("s") as reader:
        assert result.waiting == len(reader.metrics()) > 0
    assert str(port) in (position_of(home.study("s")).error or "")
    copier = Delivery(copy_of(home))
    with pytest.raises(TrackerError):
        copier.step()

    uri = serve()
    copier.catch_up()
    copier.close()

    assert_equal(home, uri=uri)
