"""MlflowTracker: the contract on a real store, and what goes wrong with one."""

from __future__ import annotations

import math
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import mlflow
import pytest
from mlflow import MlflowClient

from automl.testing import START, ReadableTrackerContract, RecordedRun
from trackers import MlflowTracker, Point, TrackerError
from trackers.mlflow import study_page
from trackers.mlflow_client import NAME_LIMIT, TAG_LIMIT, Experiment, stored_name, stored_text

VANISHED = "0" * 32  # a run id that no store ever gave


@pytest.fixture
def new_tracker(mlflow_uri: str, tmp_path: Path) -> Callable[..., MlflowTracker]:
    """Return a function that makes a tracker on the test's own store."""

    def make(**options: object) -> MlflowTracker:
        return MlflowTracker(mlflow_uri, experiment="digits", artifact_location=str(tmp_path / "artifacts"), **options)

    return make


@pytest.fixture
def client(mlflow_uri: str) -> MlflowClient:
    """Return MLflow's own client: the user's other hand on the store."""
    return MlflowClient(mlflow_uri)


def recorded(tracker: MlflowTracker, client: MlflowClient, uid: str, folder: Path) -> RecordedRun:
    """Read all that MLflow holds of a run."""
    summary = tracker.find_run(uid)
    assert summary is not None
    parent = summary.tags.get("mlflow.parentRunId")
    home = Path(client.download_artifacts(summary.run_id, "", dst_path=str(folder)))
    return RecordedRun(
        run_id=summary.run_id,
        name=summary.name,
        parent=client.get_run(parent).data.tags["automl.uid"] if parent else None,
        status=summary.status,
        params=summary.params,
        tags=summary.tags,
        points=tracker.points(summary.run_id),
        artifacts={str(f.relative_to(home)): f.read_bytes() for f in home.rglob("*") if f.is_file()},
    )


class TestContract(ReadableTrackerContract):
    """The contract on an SQLite store."""

    @pytest.fixture
    def read(
        self, new_tracker: Callable[[], MlflowTracker], client: MlflowClient, tmp_path_factory: pytest.TempPathFactory
    ) -> Callable[[str], RecordedRun]:
        return lambda uid: recorded(new_tracker(), client, uid, tmp_path_factory.mktemp("artifacts"))


class TestWhatMlflowShows:
    """How runs look to those who browse them with MLflow alone."""

    @pytest.mark.parametrize(
        ("status", "shown", "state"),
        [
            ("COMPLETE", "FINISHED", None),
            ("PRUNED", "KILLED", "PRUNED"),
            ("FAIL", "FAILED", None),
            ("WAITING", "SCHEDULED", None),
            ("RUNNING", "RUNNING", None),
        ],
    )
    def test_statuses_are_mlflows(
        self, new_tracker: Callable[[], MlflowTracker], client: MlflowClient, status: str, shown: str, state: str | None
    ) -> None:
        """MLflow has no word for pruned, so a tag tells a pruned trial from one that somebody killed."""
        run = new_tracker().start_run("u", name="u", time=START)

        run.finish(status, START + 1.5)

        found = client.get_run(run.id)
        assert (found.info.status, found.data.tags.get("automl.state")) == (shown, state)
        assert found.info.start_time == START * 1000
        assert found.info.end_time == (START * 1000 + 1500 if status in ("COMPLETE", "PRUNED", "FAIL") else None)

    def test_experiment_is_of_model_training(
        self, new_tracker: Callable[..., MlflowTracker], client: MlflowClient, tmp_path: Path
    ) -> None:
        """It is made once, with the kind that shows charts, the caller's tags and the caller's artifact folder."""
        experiment_id = new_tracker(tags={"mlflow.note.content": "# Digits"}).experiment_id

        again = new_tracker(tags={"mlflow.note.content": "other"}).experiment_id
        experiment = client.get_experiment(experiment_id)

        assert again == experiment_id
        assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
        assert experiment.tags["mlflow.note.content"] == "# Digits"
        assert experiment.artifact_location == str(tmp_path / "artifacts")

    def test_study_page_finds_exactly_the_children(
        self, new_tracker: Callable[[], MlflowTracker], client: MlflowClient
    ) -> None:
        """The filter and the order in the address are ones that MLflow understands, odd metric names included."""
        tracker = new_tracker()
        study = tracker.start_run("study", name="study", time=START)
        tracker.start_run("other", name="other", time=START)
        for number, loss in enumerate([0.5, 0.1, 0.9]):
            run = tracker.start_run(f"study/{number}", name=f"trial {number}", parent="study", time=START)
            run.log([Point("val loss@1", loss, 1, START)])

        page = study_page("http://127.0.0.1:5000/", tracker.experiment_id, study.id, "val loss@1", "minimize")

        address = urlsplit(page)
        assert (address.netloc, address.path) == ("127.0.0.1:5000", "/")
        path, _, question = address.fragment.partition("?")
        query = {name: value for name, [value] in parse_qs(question, strict_parsing=True).items()}
        order = f"{query['orderByKey']} {'ASC' if query['orderByAsc'] == 'true' else 'DESC'}"
        found = client.search_runs([tracker.experiment_id], query["searchFilter"], order_by=[order])
        assert path == f"/experiments/{tracker.experiment_id}/runs"
        assert [run.info.run_name for run in found] == ["trial 1", "trial 0", "trial 2"]
        assert (query["workflowType"], query["compareRunsMode"]) == ("machine_learning", "CHART")

    def test_study_page_is_this_very_address(self) -> None:
        """MLflow's page parses its fragment itself; this is the spelling that was seen to work in a browser."""
        page = study_page("http://127.0.0.1:5000", "1", "abc", "val_acc", "maximize")

        assert page == (
            "http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning"
            "&searchFilter=tags.%60mlflow.parentRunId%60%20%3D%20%27abc%27"
            "&orderByKey=metrics.%60val_acc%60&orderByAsc=false&compareRunsMode=CHART"
        )

    def test_global_state_is_left_alone(
        self, new_tracker: Callable[[], MlflowTracker], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing leaks into other users of mlflow, into child processes or into the current folder."""
        folder = tmp_path / "empty"
        folder.mkdir()
        monkeypatch.chdir(folder)
        before = mlflow.get_tracking_uri()

        run = new_tracker().start_run("u", name="u", time=START)
        run.log([Point("loss", 1.0, 1, START)])

        assert mlflow.get_tracking_uri() == before
        assert mlflow.active_run() is None
        assert "MLFLOW_TRACKING_URI" not in os.environ
        assert list(folder.iterdir()) == []


class TestReading:
    """The side that an auditor uses."""

    def test_runs_are_the_children_of_one_parent(
        self, new_tracker: Callable[[], MlflowTracker], client: MlflowClient
    ) -> None:
        """Oldest first, without deleted ones, without those of another study."""
        tracker = new_tracker()
        for study in ("a", "b"):
            tracker.start_run(study, name=study, time=START)
            for number in range(3):
                tracker.start_run(
                    f"{study}/{number}", name="t", parent=study, params={"n": number}, time=START + number
                )
        tracker.start_run("a/2", name="t", time=START).finish("PRUNED", START + 9)
        client.delete_run(tracker.start_run("a/1", name="t", time=START).id)

        found = new_tracker().runs("a")

        assert [(run.uid, run.status, run.params["n"]) for run in found] == [
            ("a/0", "RUNNING", "0"),
            ("a/2", "PRUNED", "2"),
        ]
        assert new_tracker().find_run("a/1") is None
        assert new_tracker().runs("unheard of") == []

    def test_runs_come_in_any_number(self, new_tracker: Callable[[], MlflowTracker], tmp_path: Path) -> None:
        """More children than one answer of MLflow holds (1,000) are all returned, each once."""
        tracker = new_tracker()
        tracker.start_run("study", name="study", time=START)
        seed = tracker.start_run("study/0", name="trial", parent="study", time=START)
        with sqlite3.connect(tmp_path / "mlflow.db") as store:  # a thousand calls would take seconds
            columns = [row[1] for row in store.execute("PRAGMA table_info(runs)") if row[1] != "run_uuid"]
            copied = ", ".join(columns)
            for number in range(1, 1005):
                run_id = f"{number:032}"
                store.execute(
                    f"INSERT INTO runs (run_uuid, {copied}) SELECT ?, {copied} FROM runs WHERE run_uuid = ?",
                    (run_id, seed.id),
                )
                store.execute(
                    "INSERT INTO tags (run_uuid, key, value) SELECT ?, key, iif(key = 'automl.uid', ?, value)"
                    " FROM tags WHERE run_uuid = ?",
                    (run_id, f"study/{number}", seed.id),
                )
        store.close()

        found = new_tracker().runs("study")

        assert {run.uid for run in found} == {f"study/{number}" for number in range(1005)}
        assert len(found) == 1005

    def test_reading_makes_nothing(self, new_tracker: Callable[[], MlflowTracker], client: MlflowClient) -> None:
        """An audit of a store neither makes an experiment nor takes one out of the bin."""
        assert new_tracker().find_run("u") is None
        assert client.get_experiment_by_name("digits") is None
        tracker = new_tracker()
        tracker.start_run("u", name="u", time=START)
        client.delete_experiment(tracker.experiment_id)

        found = new_tracker().find_run("u")

        assert found is None
        assert client.get_experiment_by_name("digits").lifecycle_stage == "deleted"

    def test_points_of_nowhere(self, new_tracker: Callable[[], MlflowTracker]) -> None:
        """A run id that is not there is an error, not an empty list."""
        with pytest.raises(TrackerError, match=VANISHED):
            new_tracker().points(VANISHED)


class TestWhenThingsVanish:
    """What people delete comes back with the next write, and nothing is doubled."""

    def test_known_ids_cost_no_call(self) -> None:
        """With its id given, a run is ready although no server answers."""
        tracker = MlflowTracker("http://127.0.0.1:1", experiment="digits", run_ids={"u": "abc"})

        assert tracker.start_run("u", name="u", time=START).id == "abc"

    def test_known_run_that_was_pruned_can_complete(
        self, new_tracker: Callable[..., MlflowTracker], client: MlflowClient
    ) -> None:
        """Though a known run is not looked at, no word of an earlier end is left on it."""
        first = new_tracker().start_run("u", name="u", time=START)
        first.finish("PRUNED", START + 1)

        run = new_tracker(run_ids={"u": first.id}).start_run("u", name="u", time=START)
        run.finish("COMPLETE", START + 2)

        found = client.get_run(run.id)
        assert (found.info.status, found.data.tags.get("automl.state")) == ("FINISHED", None)

    def test_stale_id_is_replaced_by_the_right_one(self, new_tracker: Callable[..., MlflowTracker]) -> None:
        """A cursor file from before a move finds the run by its uid."""
        right = new_tracker().start_run("u", name="u", time=START)

        run = new_tracker(run_ids={"u": VANISHED}).start_run("u", name="u", time=START)
        run.log([Point("loss", 0.5, 1, START)])

        assert run.id == right.id
        assert new_tracker().points(right.id) == [Point("loss", 0.5, 1, START)]

    @pytest.mark.parametrize("stale", [VANISHED, "no run id at all!"])
    def test_vanished_run_is_made_anew(
        self, new_tracker: Callable[..., MlflowTracker], client: MlflowClient, stale: str
    ) -> None:
        """Where the store lost a study and its trial, both are back under new ids, the trial below the study."""
        tracker = new_tracker(run_ids={"s": stale, "s/0": stale})
        study = tracker.start_run("s", name="study", time=START)
        run = tracker.start_run("s/0", name="trial", parent="s", params={"lr": 1}, tags={"a": "b"}, time=START)

        run.finish("COMPLETE", START + 1)

        found = client.get_run(run.id)
        assert stale not in (run.id, study.id)
        assert (found.info.status, found.data.params, found.data.tags["a"]) == ("FINISHED", {"lr": "1"}, "b")
        assert found.data.tags["mlflow.parentRunId"] == study.id == new_tracker().find_run("s").run_id
        assert [child.uid for child in new_tracker().runs("s")] == ["s/0"]

    def test_orphan_is_adopted(self, new_tracker: Callable[[], MlflowTracker], client: MlflowClient) -> None:
        """A child whose parent was made anew moves below the new one when it is sent again."""
        tracker = new_tracker()
        old = tracker.start_run("s", name="study", time=START)
        child = tracker.start_run("s/0", name="trial", parent="s", time=START)
        client.set_tag(old.id, "automl.uid", "lost")

        again = new_tracker()
        new = again.start_run("s", name="study", time=START)
        again.start_run("s/0", name="trial", parent="s", time=START)

        assert new.id != old.id
        assert client.get_run(child.id).data.tags["mlflow.parentRunId"] == new.id

    def test_deleted_run_is_restored(self, new_tracker: Callable[[], MlflowTracker], client: MlflowClient) -> None:
        """A run in the bin comes out of it with its history, for the tracker that had it and for a later one."""
        run = new_tracker().start_run("u", name="u", time=START)
        run.log([Point("loss", 0.5, 1, START)])
        client.delete_run(run.id)

        run.log([Point("loss", 0.25, 2, START)])
        client.delete_run(run.id)
        later = new_tracker().start_run("u", name="u", time=START)

        assert later.id == run.id
        assert client.get_run(run.id).info.lifecycle_stage == "active"
        assert {point.value for point in new_tracker().points(run.id)} == {0.5, 0.25}

    def test_deleted_experiment_is_restored(
        self, new_tracker: Callable[[], MlflowTracker], client: MlflowClient
    ) -> None:
        """An experiment in the bin comes out of it, whether a known run or a new one is written."""
        tracker = new_tracker()
        run = tracker.start_run("u", name="u", time=START)

        client.delete_experiment(tracker.experiment_id)
        run.log([Point("loss", 0.5, 1, START)])
        client.delete_experiment(tracker.experiment_id)
        tracker.start_run("v", name="v", time=START)

        assert new_tracker().find_run("u").run_id == run.id
        assert new_tracker().find_run("v") is not None
        assert new_tracker().experiment_id == tracker.experiment_id

    def test_uid_must_be_plain(self, new_tracker: Callable[[], MlflowTracker]) -> None:
        """A uid that would end MLflow's search filter early is refused, not searched for."""
        with pytest.raises(TrackerError, match="quotes") as caught:
            new_tracker().start_run("u' OR '1'='1", name="u", time=START)

        assert not caught.value.retryable


class TestWhenMlflowIsOut:
    """A store that cannot be used is a TrackerError, soon."""

    def test_dead_server(self, capfd: pytest.CaptureFixture[str]) -> None:
        """A server that is down is worth another try, said within seconds and nowhere but in the error."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            uri = f"http://user:secret@127.0.0.1:{free.getsockname()[1]}"
            tracker = MlflowTracker(uri, experiment="digits")
            began = time.monotonic()

            with pytest.raises(TrackerError, match=r"MLflow at http://user:\*\*\*@127\.0\.0\.1") as caught:
                tracker.start_run("u", name="u", time=START)

        assert time.monotonic() - began < 5
        assert caught.value.retryable
        assert "secret" not in str(caught.value)
        assert capfd.readouterr() == ("", "")

    def test_unusable_file(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        """A path that is no database is said at once, not after MLflow's ten tries."""
        (tmp_path / "text.db").write_text("This is no database, and long enough to look at. " * 9)
        (tmp_path / "folder.db").mkdir()
        for name in ("text.db", "folder.db"):
            tracker = MlflowTracker(f"sqlite:///{tmp_path / name}", experiment="digits")
            began = time.monotonic()

            with pytest.raises(TrackerError, match=name):
                tracker.find_run("u")

            assert time.monotonic() - began < 5
        assert capfd.readouterr() == ("", "")

    @pytest.mark.parametrize("uri", ["runs", "file:runs", "http://[", "postgresql+nodriver://h/d", "gopher://h"])
    def test_unusable_uri(
        self, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """An address that can never work is refused for good."""
        monkeypatch.chdir(tmp_path)

        with pytest.raises(TrackerError) as caught:
            MlflowTracker(uri, experiment="digits").start_run("u", name="u", time=START)

        assert not caught.value.retryable
        assert capfd.readouterr() == ("", "")

    def test_removed_file(
        self, new_tracker: Callable[[], MlflowTracker], tmp_path: Path, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """A store that goes while it is in use is an error too, and no write into nowhere."""
        run = new_tracker().start_run("u", name="u", time=START)
        (tmp_path / "mlflow.db").unlink()

        with pytest.raises(TrackerError, match="readonly database") as caught:
            run.log([Point("loss", 0.5, 1, START)])

        assert caught.value.retryable
        assert capfd.readouterr() == ("", "")


class TestFreshStore:
    """A store that does not exist yet."""

    def test_two_processes_make_it_together(self, tmp_path: Path) -> None:
        """Both get through, one experiment results, and no line of migrations reaches the terminal."""
        script = (
            "import sys\n"
            "from trackers import MlflowTracker\n"
            "tracker = MlflowTracker(sys.argv[1], experiment='digits')\n"
            "tracker.start_run(sys.argv[2], name='study', time=1.0)\n"
            "sys.stdout.write(tracker.experiment_id)\n"
        )
        uri = f"sqlite:///{tmp_path}/new/mlflow.db"
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", script, uri, uid], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            for uid in ("a", "b")
        ]

        results = [process.communicate() for process in processes]

        assert results == [("1", ""), ("1", "")]
        assert {run.info.run_name for run in MlflowClient(uri).search_runs(["1"])} == {"study"}
        assert len(MlflowClient(uri).search_runs(["1"])) == 2

    def test_who_is_killed_while_making_it_leaves_none(self, tmp_path: Path) -> None:
        """MLflow refuses a store with half of its tables for ever, so there is a whole one or none."""
        uri = f"sqlite:///{tmp_path}/mlflow.db"
        script = "import sys; from trackers.mlflow_client import Experiment; Experiment(sys.argv[1], name='x').client"
        process = subprocess.Popen([sys.executable, "-c", script, uri])
        while process.poll() is None and not list(tmp_path.glob("*.db*-journal")) + list(tmp_path.glob(".*-journal")):
            time.sleep(0.001)  # a file of another process sends no event
        process.kill()
        assert process.wait() == -signal.SIGKILL

        assert not (tmp_path / "mlflow.db").exists()
        assert Experiment(uri, name="digits").ensure() == "1"
        assert not [path for path in tmp_path.iterdir() if path.name.endswith((".tmp", "-journal"))]


class TestServer:
    """The same through `mlflow server`."""

    @pytest.fixture
    def server(self, mlflow_uri: str, tmp_path: Path) -> Iterator[str]:
        """Run a server on the test's own store, on the loopback interface."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = f"--host 127.0.0.1 --port {port} --workers 1 --artifacts-destination {tmp_path}/served".split()
        process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", mlflow_uri, *options],
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stderr is not None
        for line in process.stderr:
            if "Uvicorn running on" in line:  # said after it began to listen
                break
        yield f"http://127.0.0.1:{port}"
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate()

    def test_a_life_through_a_server(self, server: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        """Start, log, tag, artifact, finish, go on, vanish and come back: what JSON over HTTP could spoil is kept."""
        tracker = MlflowTracker(server, experiment="digits")
        odd = {"a@b": "x" * 9000, "empty": ""}
        points = [Point("loss", value, step, START + step) for step, value in enumerate([0.1, math.inf, -math.inf])]
        points += [Point("a@b", step / 8, step, START + step) for step in range(1200)]
        (tmp_path / "file.txt").write_text("hello")

        tracker.start_run("s", name="study", time=START)
        run = tracker.start_run("s/0", name="trial", parent="s", params=odd, tags=odd, time=START)
        run.log([*points, Point("nan", math.nan, 1, START)])
        run.log(points)
        run.artifact(tmp_path / "file.txt", "deep/er/other.txt")
        run.finish("PRUNED", START + 1)
        MlflowClient(server).delete_run(run.id)
        run.finish("RUNNING", START + 2)
        run.finish("COMPLETE", START + 3)

        assert capfd.readouterr() == ("", "")
        (tmp_path / "read").mkdir()
        read = recorded(MlflowTracker(server, experiment="digits"), MlflowClient(server), "s/0", tmp_path / "read")
        assert (read.run_id, read.name, read.parent, read.status) == (run.id, "trial", "s", "COMPLETE")
        assert read.params == {stored_name("a@b"): stored_text("x" * 9000, limit=6000), "empty": ""}
        assert read.tags[stored_name("a@b")] == stored_text("x" * 9000, limit=TAG_LIMIT)
        stored = [point for point in read.points if point.name != "nan"]
        assert sorted(stored) == sorted(point._replace(name=stored_name(point.name)) for point in points)
        assert [str(point.value) for point in read.points if point.name == "nan"] == ["nan"]
        assert read.artifacts == {"deep/er/other.txt": b"hello"}


class TestStoredNames:
    """What the adapter makes of names and texts that MLflow refuses."""

    @pytest.mark.parametrize("name", ["lr", "best/val_loss", "cnn.width", "a b", "a:b-c", "größe", "x" * NAME_LIMIT])
    def test_good_names_are_kept(self, name: str) -> None:
        """Nearly every name is shown as it was given."""
        assert stored_name(name) == name

    def test_long_text_says_that_it_was_cut(self) -> None:
        """The beginning stays readable and the length is told."""
        text = stored_text("x" * 9000, limit=TAG_LIMIT)

        assert len(text) == TAG_LIMIT
        assert text.startswith("xxx")
        assert "9000 characters, sha256" in text
