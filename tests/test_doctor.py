"""The auditor: it finds nothing in a healthy study, and every single fault in one that is not."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow import MlflowClient

from automl import driver, durable, guard, mirrors
from automl.delivery import Delivery
from automl.doctor import Audit, audit
from automl.errors import LeaseLostError, StudyNotFoundError
from automl.home import Home
from automl.interrupts import Interrupted
from automl.ledger import lease
from automl.ledger.database import connect
from automl.mending import mend
from automl.mirrors import Mirror, position_of
from automl.study import Study
from automl.trial import Trial, TrialRecord, newest_checkpoint
from trackers import JsonlTracker

SPACE = {"x": "0..1", "arch": "a|b", "width": "1..9 when arch=a"}
EPOCHS = 4
TABLES = {"metrics": "trial", "attempts": "trial", "trials": "number"}
CUT = 3  # the trial that `interrupted` ends in


def objective(trial: Trial) -> float:
    """Report numbers of every kind, leave a checkpoint at each step and an artifact at the end."""
    for step in range(trial.restored.step + 1 if trial.restored else 1, EPOCHS + 1):
        with trial.checkpoint(step) as folder:
            (folder / "weights").write_text(str(step))
        odd = {1: math.nan, 2: math.inf, 3: -0.0}.get(step, 0.1)
        trial.report(step, loss=trial.params["x"] + 1 / step, **{"odd %": odd})
    Path("note.txt").write_text("kept")
    trial.artifact("note.txt")
    return float(trial.params["x"])


def objective_cut(trial: Trial) -> float:
    """Do the same, until somebody presses Ctrl-C."""
    if trial.number == CUT:
        raise Interrupted
    return objective(trial)


def run(home: Path, *, tracker: str = "none", function: object = objective, storage: str | None = None) -> None:
    """Make the study "s" of six trials, of which early stopping pauses some."""
    driver.search(
        function,  # type: ignore[arg-type]
        SPACE,
        name="s",
        metric="loss",
        direction="minimize",
        n_trials=6,
        max_epochs=EPOCHS,
        sampler="random",
        early_stopping="asha",
        seed=3,
        executor="local",
        tracker=tracker,
        home=home,
        storage=storage,
        listeners=(),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, mlflow_template: Path) -> Path:
    """Return a folder with three homes to copy: a finished study, an interrupted one, and one that MLflow has too."""
    folder = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run(folder / "finished")
        with pytest.raises(KeyboardInterrupt):
            run(folder / "interrupted", function=objective_cut)
        (folder / "mirrored").mkdir()
        shutil.copyfile(mlflow_template, folder / "mirrored" / "mlflow.db")
        run(folder / "mirrored", tracker="mlflow,jsonl")
    return folder


@pytest.fixture
def finished(made: Path, tmp_path: Path) -> Home:
    """Return the home of a finished study, the test's own."""
    return Home(shutil.copytree(made / "finished", tmp_path / "home"))


@pytest.fixture
def interrupted(made: Path, tmp_path: Path) -> Home:
    """Return the home of a study that was interrupted, with paused trials and one that waits."""
    return Home(shutil.copytree(made / "interrupted", tmp_path / "home"))


@pytest.fixture
def mirrored(made: Path, tmp_path: Path) -> Home:
    """Return the home of a finished study that was delivered to MLflow and as JSON lines."""
    home = Home(shutil.copytree(made / "mirrored", tmp_path / "home"))
    position_is_about(home, home.tracking_uri)
    return home


@pytest.fixture
def client(mirrored: Home) -> MlflowClient:
    """Return the other hand on the store of `mirrored`."""
    return MlflowClient(mirrored.tracking_uri)


def edit(home: Home, *statements: str) -> None:
    """Change the ledger behind everyone's back."""
    with sqlite3.connect(home.study("s") / "ledger.db") as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0, f"{statement} touches nothing"
    connection.close()


def keep(home: Home, **changes: object) -> None:
    """Change what delivery has written down about itself."""
    path = home.study("s") / "delivery-mlflow.json"
    row = durable.read_sealed(path)
    assert row is not None
    durable.write_json(path, row | changes, sealed=True)


def position_is_about(home: Home, uri: str) -> None:
    """Make delivery believe that what it has delivered went to `uri`."""
    keep(home, uri=uri)


def numbers(home: Home, where: str) -> list[int]:
    """Return the numbers of the trials that a condition in SQL holds for."""
    with sqlite3.connect(home.study("s") / "ledger.db") as connection:
        rows = connection.execute(f"SELECT number FROM trials WHERE {where} ORDER BY number").fetchall()
    connection.close()
    assert rows, f"no trial has {where}"
    return [number for (number,) in rows]


def run_id(home: Home, number: int) -> str:
    """Return MLflow's id of a trial's run."""
    runs = position_of(home.study("s")).runs
    assert runs is not None
    return next(found for uid, found in runs.items() if uid.endswith(f"/{number}"))


def copies(home: Home) -> list[Mirror]:
    """Return where the study is copied to."""
    with home.read("s") as reader:
        return mirrors.of(home, reader.study())


def rebuild(home: Home) -> None:
    """Do what `automl sync --rebuild` does."""
    for mirror in copies(home):
        Delivery(mirror, rebuild=True).catch_up()


def codes(found: Audit) -> list[tuple[str, int | None]]:
    """Return what was found, in short."""
    return [(problem.code, problem.trial) for problem in found.problems]


class TestHealthy:
    """No fault, no problem."""

    @pytest.mark.parametrize("kind", ["finished", "interrupted", "mirrored"])
    def test_a_healthy_study_is_ok(self, kind: str, request: pytest.FixtureRequest) -> None:
        """Finished, interrupted with paused trials, or delivered with NaN and infinities: all is well."""
        found = audit(request.getfixturevalue(kind), "s")

        assert found == Audit(problems=(), notes=())
        assert found.ok

    def test_postgresql_is_audited_alike(self, tmp_path: Path, postgres_url: str) -> None:
        """NaN, infinities and all: nothing is found before an edit, and the edit after it."""
        run(tmp_path / "home", storage=postgres_url)
        home = Home(tmp_path / "home", postgres_url)

        before = audit(home, "s")
        with connect(postgres_url, create=True).begin() as connection:
            connection.exec_driver_sql("DELETE FROM trials WHERE number = 1")

        assert before == Audit(problems=(), notes=())
        assert ("trial-missing", 1) in codes(audit(home, "s"))

    def test_what_only_files_know_is_taken_from_them(self, mirrored: Home) -> None:
        """A ledger that has lost its end is not healthy, and runs of trials that it has lost are none to delete."""
        before = [record.number for record in records(mirrored)]
        edit(mirrored, *(f"DELETE FROM {table} WHERE {key} >= 4" for table, key in TABLES.items()))

        found = audit(mirrored, "s")
        mended = {(each.code, each.trial) for each in mend(mirrored, "s")}

        assert codes(found) == [("trial-lost", 4), ("trial-lost", 5)]
        assert mended >= {("trial-missing", 4), ("trial-missing", 5)}
        assert [record.number for record in records(mirrored)] == before

    def test_a_study_that_runs_is_ok(self, interrupted: Home) -> None:
        """What is RUNNING has a driver that lives."""
        study = Study.open(interrupted.ledger_url("s"), "s", folder=interrupted.study("s"))
        assert study.next_attempt(wait=True) is not None

        found = audit(interrupted, "s")
        study.close()

        assert found.ok

    def test_a_tracker_is_not_compared_while_the_study_runs(self, mirrored: Home) -> None:
        """The two are read at different moments, so they may differ; a note says that this was left out."""
        study = Study.open(mirrored.ledger_url("s"), "s", folder=mirrored.study("s"), changes={"n_trials": 9})

        found = audit(mirrored, "s")
        study.close()

        assert (found.ok, len(found.notes)) == (True, 2)
        assert all("running" in note for note in found.notes)

    def test_an_unknown_study_is_said_so(self, finished: Home) -> None:
        """There is nothing to audit."""
        with pytest.raises(StudyNotFoundError, match="no study 'other'"):
            audit(finished, "other")

    def test_a_folder_without_its_study_is_one_problem(self, finished: Home) -> None:
        """Whoever made it was killed before the study was in it; that hides no other study."""
        (finished.path / "ghost").mkdir()
        connect(finished.ledger_url("ghost"), create=True).dispose()

        found = audit(finished, "ghost")

        assert codes(found) == [("study-missing", None)]
        assert "`automl rm ghost` removes its folder" in found.problems[0].message

    def test_without_a_tracker_mlflow_is_not_loaded(self, finished: Home) -> None:
        """Importing it would cost a second."""
        code = (
            "import sys; from automl.home import Home; from automl.doctor import audit; "
            f"assert audit(Home.find({str(finished.path)!r}), 's').ok; "
            "print({'mlflow', 'ray', 'torch'} & set(sys.modules))"
        )

        printed = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
        )

        assert printed.stdout.strip() == "set()"


class TestLedger:
    """Faults of the ledger itself."""

    @pytest.mark.parametrize(
        ("code", "trial", "statement"),
        [
            ("trial-missing", 1, "DELETE FROM trials WHERE number = 1"),
            ("trial-unknown", 1, "DELETE FROM trials WHERE number = 1"),
            ("too-many-trials", None, "UPDATE studies SET config = json_set(config, '$.n_trials', 5)"),
            ("seq-ahead", None, "UPDATE trials SET seq = 1000000 WHERE number = 2"),
            ("params-invalid", 2, "UPDATE trials SET params = json_set(params, '$.x', 7) WHERE number = 2"),
            ("trial-unfinished", 2, "UPDATE trials SET state = 'WAITING', value = NULL WHERE number = 2"),
            ("attempt-unknown", 2, "DELETE FROM attempts WHERE trial = 2 AND number = 1"),
            ("attempt-orphaned", 2, "UPDATE attempts SET state = 'STARTED' WHERE trial = 2 AND number = 1"),
        ],
    )
    def test_an_edit_is_found(self, finished: Home, code: str, trial: int | None, statement: str) -> None:
        """Each fault has its own code and names the trial."""
        edit(finished, statement)

        found = audit(finished, "s")

        assert (code, trial) in codes(found)
        assert not found.ok

    @pytest.mark.parametrize(
        ("code", "of", "change"),
        [
            ("value-missing", "COMPLETE", "value = NULL"),
            ("value-unexpected", "PRUNED", "value = 0.5"),
            ("reason-missing", "PRUNED", "reason = NULL"),
        ],
    )
    def test_a_state_and_what_belongs_to_it(self, finished: Home, code: str, of: str, change: str) -> None:
        """COMPLETE has a value and nothing else has; what was cut has a reason."""
        number = numbers(finished, f"state = '{of}'")[0]
        edit(finished, f"UPDATE trials SET {change} WHERE number = {number}")

        assert (code, number) in codes(audit(finished, "s"))

    def test_a_complete_trial_needs_a_result(self, finished: Home) -> None:
        """A trial whose last attempt was lost is not COMPLETE."""
        number = numbers(finished, "state = 'COMPLETE'")[0]
        edit(finished, f"UPDATE attempts SET state = 'LOST' WHERE trial = {number}")

        assert codes(audit(finished, "s")) == [("result-missing", number)]

    def test_an_attempt_that_is_gone_is_found(self, finished: Home) -> None:
        """Attempts are numbered from 1 without a gap."""
        number = numbers(finished, "(SELECT count(*) FROM attempts WHERE trial = trials.number) > 1")[0]
        edit(finished, f"DELETE FROM attempts WHERE trial = {number} AND number = 1")

        assert codes(audit(finished, "s")) == [("attempt-missing", number), ("attempt-unknown", number)]

    def test_what_runs_without_a_driver_is_found(self, interrupted: Home) -> None:
        """So a driver that was killed leaves the study, until it is resumed: the message says so."""
        edit(
            interrupted,
            f"UPDATE trials SET state = 'RUNNING' WHERE number = {CUT}",
            f"UPDATE attempts SET state = 'STARTED' WHERE trial = {CUT}",
        )

        found = audit(interrupted, "s")

        assert codes(found) == [("trial-orphaned", CUT)]
        assert "automl resume s" in found.problems[0].message

    def test_two_attempts_at_once_are_found(self, finished: Home) -> None:
        """A trial runs in one place."""
        number = numbers(finished, "(SELECT count(*) FROM attempts WHERE trial = trials.number) > 1")[0]
        edit(finished, f"UPDATE attempts SET state = 'STARTED' WHERE trial = {number}")

        assert ("attempt-doubled", number) in codes(audit(finished, "s"))

    @pytest.mark.parametrize("what", ["attempts", "ix_attempts_seq"])
    def test_a_damaged_page_is_found(self, finished: Home, what: str) -> None:
        """SQLite's own check runs first; what is read from a broken file means nothing."""
        path = finished.study("s") / "ledger.db"
        connection = sqlite3.connect(path)  # which moves the write-ahead log into the file when it closes
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", [what]).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        connection.close()
        with path.open("r+b") as file:
            file.seek((page - 1) * size)
            file.write(b"\xff" * size)

        assert codes(audit(finished, "s")) == [("ledger-damaged", None)]

    def test_a_file_that_is_no_database_is_found(self, finished: Home) -> None:
        """It is a problem of the study like any other, not a traceback."""
        path = finished.study("s") / "ledger.db"
        path.write_bytes(b"no database " * 1000)
        path.with_name("ledger.db-wal").unlink(missing_ok=True)

        assert codes(audit(finished, "s")) == [("ledger-damaged", None)]


class TestFiles:
    """Faults between the ledger and the study's folder."""

    def test_a_result_file_that_differs_is_found(self, finished: Home) -> None:
        """The worker said one thing, the ledger another."""
        number = numbers(finished, "state = 'COMPLETE'")[0]
        path = max(finished.trial("s", number).glob("attempt-*.json"))
        row = durable.read_sealed(path)
        assert row is not None
        row["values"]["loss"] += 1
        durable.write_json(path, row, sealed=True)

        assert codes(audit(finished, "s")) == [("result-differs", number)]

    @pytest.mark.parametrize(
        ("edited", "code"),
        [
            ("UPDATE metrics SET value = value + 1 WHERE trial = {} AND name = 'loss' AND step = 2", "value-differs"),
            ("UPDATE trials SET seed = seed + 1 WHERE number = {}", "result-differs"),
        ],
    )
    def test_a_ledger_that_was_edited_is_found(self, finished: Home, edited: str, code: str) -> None:
        """What the worker wrote down stands against it."""
        number = numbers(finished, "state = 'COMPLETE'")[0]
        edit(finished, edited.format(number))

        assert codes(audit(finished, "s")) == [(code, number)]

    @pytest.mark.parametrize("text", ["{", '{"ending": {}}', "[]"])
    def test_a_torn_result_file_is_found(self, finished: Home, text: str) -> None:
        """They are written whole or not at all."""
        number = numbers(finished, "state = 'COMPLETE'")[0]
        max(finished.trial("s", number).glob("attempt-*.json")).write_text(text)

        assert codes(audit(finished, "s")) == [("result-unreadable", number)]

    def test_a_result_file_that_was_deleted_is_only_noted(self, finished: Home) -> None:
        """Once told, nothing needs it: people may clear folders."""
        for number in numbers(finished, "state = 'COMPLETE'"):
            shutil.rmtree(finished.trial("s", number))

        found = audit(finished, "s")

        assert {code for code, _ in codes(found)} == {"artifact-missing"}
        assert "without a result file" in found.notes[0]

    def test_a_missing_artifact_is_found(self, finished: Home) -> None:
        """An artifact was worth keeping."""
        number = numbers(finished, "state = 'COMPLETE'")[0]
        (finished.trial("s", number) / "artifacts" / "note.txt").unlink()

        assert codes(audit(finished, "s")) == [("artifact-missing", number)]

    def test_a_broken_checkpoint_of_a_paused_trial_is_found(self, interrupted: Home) -> None:
        """The trial will go on from an earlier step than the ledger says."""
        number = numbers(interrupted, "state = 'RUNNING'")[0]
        newest = newest_checkpoint(interrupted.trial("s", number), up_to=EPOCHS)
        assert newest is not None
        (newest.folder / "weights").write_text("torn")

        assert codes(audit(interrupted, "s")) == [("checkpoint-broken", number)]


class TestTracker:
    """Faults between the ledger and MLflow."""

    def test_a_run_deleted_by_hand_is_found_and_comes_back(self, mirrored: Home, client: MlflowClient) -> None:
        """The problem names the trial, and what its message advises mends it."""
        client.delete_run(run_id(mirrored, 2))

        found = audit(mirrored, "s")
        rebuild(mirrored)

        assert codes(found) == [("run-missing", 2)]
        assert "`automl sync s --rebuild`" in found.problems[0].message
        assert audit(mirrored, "s") == Audit(problems=(), notes=())

    def test_a_second_run_of_a_trial_is_found(self, mirrored: Home, client: MlflowClient) -> None:
        """One trial, one run."""
        run = client.get_run(run_id(mirrored, 1))
        client.create_run(run.info.experiment_id, tags=dict(run.data.tags))

        assert codes(audit(mirrored, "s")) == [("run-doubled", 1)]

    def test_a_run_of_no_trial_is_found(self, mirrored: Home, client: MlflowClient) -> None:
        """What stands under the study is of the study."""
        run = client.get_run(run_id(mirrored, 1))
        client.create_run(run.info.experiment_id, tags={"mlflow.parentRunId": run.data.tags["mlflow.parentRunId"]})

        assert codes(audit(mirrored, "s")) == [("run-unknown", None)]

    def test_a_deleted_parent_is_one_problem(self, mirrored: Home, client: MlflowClient) -> None:
        """Nothing can be said of its children then."""
        client.delete_run(client.get_run(run_id(mirrored, 1)).data.tags["mlflow.parentRunId"])

        assert codes(audit(mirrored, "s")) == [("parent-missing", None)]

    def test_a_status_that_differs_is_found(self, mirrored: Home, client: MlflowClient) -> None:
        """Of a trial, and of the study itself."""
        client.update_run(run_id(mirrored, 0), status="RUNNING")
        client.update_run(client.get_run(run_id(mirrored, 1)).data.tags["mlflow.parentRunId"], status="FAILED")

        assert codes(audit(mirrored, "s")) == [("status-differs", None), ("status-differs", 0)]

    def test_params_that_differ_are_found(self, mirrored: Home, client: MlflowClient) -> None:
        """The message says which, and both values."""
        client.log_param(run_id(mirrored, 0), "extra", "1")

        found = audit(mirrored, "s")

        assert codes(found) == [("params-differ", 0)]
        assert "extra is '1', not None" in found.problems[0].message

    def test_every_point_is_compared(self, mirrored: Home) -> None:
        """A point that is gone, or that has another value, step or time, is found: here NaN became 1."""
        with sqlite3.connect(mirrored.path / "mlflow.db") as connection:
            changed = connection.execute(
                "UPDATE metrics SET is_nan = 0, value = 1 WHERE is_nan = 1 AND run_uuid = ?", [run_id(mirrored, 0)]
            )
            gone = connection.execute(
                "DELETE FROM metrics WHERE key = 'loss' AND step = 2 AND run_uuid = ?", [run_id(mirrored, 1)]
            )
        connection.close()
        assert (changed.rowcount, gone.rowcount) == (1, 1)

        found = audit(mirrored, "s")

        assert codes(found) == [("points-missing", 0), ("points-extra", 0), ("points-missing", 1)]
        assert "first loss = " in found.problems[2].message
        assert "at step 2" in found.problems[2].message

    def test_a_point_that_somebody_added_is_found(self, mirrored: Home, client: MlflowClient) -> None:
        """The best value beside the last is delivery's own; everything else comes from the ledger."""
        client.log_metric(run_id(mirrored, 0), "mine", 1.0, step=1)

        assert codes(audit(mirrored, "s")) == [("points-extra", 0)]

    def test_points_that_wait_are_a_note(self, mirrored: Home) -> None:
        """They will be delivered; nothing is compared before."""
        (mirrored.study("s") / "delivery-mlflow.json").unlink()

        found = audit(mirrored, "s")

        assert found.ok
        assert found.notes[0].endswith("reported values wait for MLflow: `automl sync s`")
        assert int(found.notes[0].split()[0]) > 10

    def test_an_incomplete_study_run_is_a_note(self, mirrored: Home) -> None:
        """Figures and description come last; a delivery that was cut before them is completed by the next."""
        keep(mirrored, closed=-1)

        found = audit(mirrored, "s")

        assert (found.ok, len(found.notes)) == (True, 1)
        assert "own run in MLflow is not complete yet" in found.notes[0]

    def test_a_tracker_that_is_down_is_a_note(self, mirrored: Home) -> None:
        """It is no fault of the study; the note says what happened."""
        edit(mirrored, "UPDATE studies SET config = json_set(config, '$.tracking_uri', 'http://127.0.0.1:9')")
        position_is_about(mirrored, "http://127.0.0.1:9")

        found = audit(mirrored, "s")

        assert found.ok
        assert found.notes[0].startswith("MLflow was not compared: MLflow at http://127.0.0.1:9")

    def test_another_tracker_has_nothing_yet(self, mirrored: Home) -> None:
        """What one tracker got says nothing of another."""
        edit(mirrored, "UPDATE studies SET config = json_set(config, '$.tracking_uri', 'http://127.0.0.1:9')")

        found = audit(mirrored, "s")

        assert found.ok
        assert "reported values wait" in found.notes[0]

    def test_a_store_that_is_gone_is_found_and_not_made_anew(self, mirrored: Home) -> None:
        """Looking into an empty store would make one, and then miss every run."""
        (mirrored.path / "mlflow.db").unlink()

        assert codes(audit(mirrored, "s")) == [("store-missing", None)]
        assert not (mirrored.path / "mlflow.db").exists()


class TestJsonLines:
    """The same faults in the copy as text, found by the same checks, while MLflow's copy is fine."""

    @pytest.fixture
    def tracker(self, mirrored: Home) -> JsonlTracker:
        """Return the other hand on the files."""
        return JsonlTracker(mirrored.runs("s"))

    def uid(self, home: Home, number: int) -> str:
        with home.read("s") as reader:
            return mirrors.trial_uid(reader.study(), number)

    def test_a_file_removed_by_hand_is_found_and_comes_back(self, mirrored: Home, tracker: JsonlTracker) -> None:
        """The problem names the trial, and what its message advises mends it, artifacts included."""
        number = numbers(mirrored, "state = 'COMPLETE'")[0]
        file = tracker.file(self.uid(mirrored, number))
        file.unlink()
        shutil.rmtree(file.with_suffix(""))

        found = audit(mirrored, "s")
        rebuild(mirrored)

        assert codes(found) == [("run-missing", number)]
        assert "gone from JSON lines" in found.problems[0].message
        assert audit(mirrored, "s") == Audit(problems=(), notes=())
        assert (file.with_suffix("") / "note.txt").read_text() == "kept"

    def test_every_line_is_compared(self, mirrored: Home, tracker: JsonlTracker) -> None:
        """A value that was edited, one that is there twice, another status, another param."""
        texts = {n: tracker.file(self.uid(mirrored, n)).read_text() for n in range(4)}
        twice = next(line for line in texts[1].splitlines() if '"point"' in line)
        edited = {
            0: texts[0].replace('"Infinity"', "0.5", 1),
            1: f"{texts[1]}{twice}\n",
            2: texts[2] + '{"event": "status", "status": "WAITING", "time": 1.0}\n',
            3: texts[3].replace('"arch"', '"arc"'),
        }
        for number, text in edited.items():
            tracker.file(self.uid(mirrored, number)).write_text(text)

        found = codes(audit(mirrored, "s"))

        assert found == [
            ("points-missing", 0),
            ("points-extra", 0),
            ("points-extra", 1),
            ("status-differs", 2),
            ("params-differ", 3),
        ]

    def test_a_folder_that_is_gone_is_found_and_not_made_anew(self, mirrored: Home) -> None:
        """As with MLflow's store."""
        shutil.rmtree(mirrored.runs("s"))

        assert codes(audit(mirrored, "s")) == [("store-missing", None)]
        assert not mirrored.runs("s").exists()

    def test_each_copy_is_judged_by_itself(self, mirrored: Home, tracker: JsonlTracker) -> None:
        """MLflow that has nothing yet is a note; a fault in the other copy is found all the same."""
        edit(mirrored, "UPDATE studies SET config = json_set(config, '$.tracking_uri', 'http://127.0.0.1:9')")
        tracker.file(self.uid(mirrored, 0)).unlink()

        found = audit(mirrored, "s")

        assert codes(found) == [("run-missing", 0)]
        assert [note for note in found.notes if "wait for MLflow" in note] == list(found.notes) != []

    def test_a_copied_folder_keeps_its_copy(self, mirrored: Home, tmp_path: Path) -> None:
        """A study's folder can be moved to another home: of MLflow it has nothing there, of JSON lines everything."""
        shutil.copytree(mirrored.study("s"), tmp_path / "other" / "s")

        found = audit(Home(tmp_path / "other"), "s")

        assert found.ok
        assert len(found.notes) == 1
        assert "wait for MLflow" in found.notes[0]


def kill_driver(home: Home, *, trial: int) -> None:
    """Leave the study as a driver that was killed while `trial` ran for the first time does."""
    owner = {"host": socket.gethostname(), "boot": "an earlier one", "pid": 1, "started": 0.0, "since": 1000.0}
    edit(
        home,
        f"UPDATE studies SET owner = '{json.dumps(owner)}', renewed = '2020-01-01 00:00:00', finished = 0",
        f"UPDATE trials SET state = 'RUNNING', value = NULL WHERE number = {trial}",
        f"UPDATE attempts SET state = 'STARTED', ended = NULL WHERE trial = {trial}",
    )


class TestMending:
    """What `automl doctor --fix` does, and says that it does."""

    def test_what_a_dead_driver_left_is_ended(self, finished: Home) -> None:
        """Its lease is taken back, a trial with a result stands, one without goes on later; once is enough."""
        number = numbers(finished, "state = 'COMPLETE'")[0]
        kill_driver(finished, trial=number)
        (finished.study("s") / ".ledger.json.999999999.tmp").touch()

        done = mend(finished, "s")

        assert [(each.code, each.trial) for each in done] == [
            ("lease-dead", None),
            ("trial-orphaned", number),
            ("file-left", None),
        ]
        assert "by its files it is COMPLETE" in done[1].message
        assert audit(finished, "s") == Audit(problems=(), notes=())
        assert mend(finished, "s") == []

    def test_what_outlived_its_driver_is_ended(self, finished: Home) -> None:
        """A process that carries the mark of a driver that is gone is a note; one of a driver that lives is let be."""
        driver = lease.this_process(since=0.0)
        of = {"gone": driver | {"pid": 999_999_999, "mark": "of-one-gone"}, "lives": driver | {"mark": "of-one-alive"}}
        for kind, about in zip(("study-started", "study-ended"), of.values(), strict=True):
            data = json.dumps({"recovered": {}, "driver": about})
            edit(finished, f"UPDATE events SET kind = 'study-started', data = '{data}' WHERE kind = '{kind}'")
        with contextlib.ExitStack() as ending:
            processes = {name: sleeping(about["mark"]) for name, about in of.items()}
            for process in processes.values():
                ending.callback(process.wait)
                ending.callback(process.kill)

            found = audit(finished, "s")
            done = mend(finished, "s")

            assert (found.ok, [str(processes["gone"].pid) in note for note in found.notes]) == (True, [True])
            assert [each.code for each in done] == ["process-left"]
            assert processes["gone"].wait(10) != 0
            assert processes["lives"].poll() is None

    def test_a_tracker_is_brought_up_to_the_ledger(self, mirrored: Home, client: MlflowClient) -> None:
        """A run that is gone is made anew, of two the younger goes, and a folder that is gone is filled again."""
        first, second = numbers(mirrored, "state = 'COMPLETE'")[:2]
        doubled = client.get_run(run_id(mirrored, second))
        tags = {name: text for name, text in doubled.data.tags.items() if name.startswith(("automl.", "mlflow.parent"))}
        younger = client.create_run(doubled.info.experiment_id, tags=tags)
        client.delete_run(run_id(mirrored, first))
        shutil.rmtree(mirrored.runs("s"))

        done = mend(mirrored, "s")

        assert {("run-doubled", second), ("run-missing", first), ("store-missing", None)} <= {
            (each.code, each.trial) for each in done
        }
        assert client.get_run(younger.info.run_id).data.tags["automl.double-of"] == doubled.info.run_id
        assert audit(mirrored, "s").ok
        assert mend(mirrored, "s") == []

    def test_a_study_that_runs_is_left_alone(self, interrupted: Home) -> None:
        """Its driver would fight over every row."""
        study = Study.open(interrupted.ledger_url("s"), "s", folder=interrupted.study("s"))

        with pytest.raises(LeaseLostError, match="is being run by process"):
            mend(interrupted, "s")
        study.close()

    def test_what_cannot_be_mended_stays_a_problem(self, finished: Home) -> None:
        """A damaged ledger is not touched."""
        (finished.study("s") / "ledger.db").write_bytes(b"damaged")

        assert mend(finished, "s") == []
        assert codes(audit(finished, "s")) == [("ledger-damaged", None)]

    def test_it_may_be_killed_anywhere(self, finished: Home) -> None:
        """Three times in a row, at another place each: what was left to do is done the fourth time, once."""
        number = numbers(finished, "state = 'COMPLETE'")[0]
        kill_driver(finished, trial=number)
        before = [record.value for record in records(finished) if record.number != number]

        for point in ("driver-within-take", "driver-within-tell", "driver-after-tell"):
            ended = fix(finished, AUTOML_CRASH=f"{point}:1")
            assert ended.returncode == -signal.SIGKILL, ended.stderr
        last = fix(finished)

        assert json.loads(last.stdout)["ok"], last.stdout
        assert [record.value for record in records(finished) if record.number != number] == before
        assert records(finished)[number].state == "COMPLETE"
        assert len(records(finished)) == 6


def sleeping(mark: str) -> subprocess.Popen[bytes]:
    """Return a process that a driver with this mark has started."""
    return subprocess.Popen(["sleep", "60"], env={**os.environ, guard.VARIABLE: mark})


def records(home: Home) -> list[TrialRecord]:
    """Return the trials of the study."""
    with home.read("s") as reader:
        return reader.records()


def fix(home: Home, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `automl doctor s --fix` as a process of its own."""
    call = "import sys; from automl.cli import main; sys.exit(main())"
    arguments = ["doctor", "s", "--fix", "--home", str(home.path), "-f", "json"]
    return subprocess.run(
        [sys.executable, "-c", call, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
