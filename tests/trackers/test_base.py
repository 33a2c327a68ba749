"""The protocol itself, the tracker that keeps nothing, and several as one."""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from automl.testing import START, RecordedRun, TrackerCallContract, TrackerContract
from tests.trackers.test_jsonl import recorded
from trackers import JsonlTracker, MlflowTracker, NullTracker, Point, Tracker, TrackerError, TrackerGroup

DEAD = "http://127.0.0.1:9"


class TestNullTracker(TrackerCallContract):
    """It can stand wherever a tracker is asked for."""

    @pytest.fixture
    def new_tracker(self) -> Callable[[], Tracker]:
        return NullTracker

    def test_it_leaves_nothing(self, tmp_path: Path) -> None:
        """No run has an id, and no file appears."""
        run = NullTracker().start_run("u/0", name="trial", parent="u", params={"lr": 1}, tags={"a": "b"}, time=0.0)
        run.log([Point("loss", 0.5, 1, 0.0)])
        run.tag({"a": "c"})
        run.finish("COMPLETE", 1.0)

        assert run.id == ""
        assert list(tmp_path.iterdir()) == []


class TestTrackerGroup(TrackerContract):
    """Several trackers are one: each holds what it would hold alone."""

    @pytest.fixture
    def new_tracker(self, tmp_path: Path) -> Callable[[], Tracker]:
        def new_tracker() -> Tracker:
            inner = TrackerGroup([NullTracker(), JsonlTracker(tmp_path / "two")])
            return TrackerGroup([JsonlTracker(tmp_path / "one"), inner])

        return new_tracker

    @pytest.fixture
    def read(self, tmp_path: Path) -> Callable[[str], RecordedRun]:
        def read(uid: str) -> RecordedRun:
            one, two = (recorded(tmp_path / name, uid) for name in ("one", "two"))
            assert repr(dataclasses.replace(two, run_id=one.run_id)) == repr(one)
            return dataclasses.replace(one, run_id=f"{one.run_id},{two.run_id}")

        return read


class TestGroupWithAFailure:
    """One that fails neither keeps the others from their calls nor goes unsaid."""

    def test_a_tracker_that_is_down(self, tmp_path: Path) -> None:
        """The one that works has the run; the error says how many of them failed, which, and why."""
        works, broken = JsonlTracker(tmp_path), MlflowTracker(DEAD, experiment="digits")
        group = TrackerGroup([broken, works])

        with pytest.raises(TrackerError, match=f"1 of 2 trackers failed: MlflowTracker: MLflow at {DEAD}") as caught:
            group.start_run("u", name="u", time=START)

        assert caught.value.retryable
        assert works.find_run("u") is not None

    def test_every_call_reaches_the_others(self, tmp_path: Path) -> None:
        """Log, artifact, tag and finish are made on what works, in whatever order the trackers stand."""
        for number, is_first in enumerate((True, False)):
            works, stuck = JsonlTracker(tmp_path / f"works-{number}"), JsonlTracker(tmp_path / f"stuck-{number}")
            run = TrackerGroup([stuck, works] if is_first else [works, stuck]).start_run("u", name="u", time=START)
            stuck.file("u").unlink()
            stuck.file("u").parent.rmdir()
            stuck.file("u").parent.touch()
            calls = (
                lambda run=run: run.log(iter([Point("loss", 0.5, 1, START)])),
                lambda run=run: run.artifact(Path(__file__), "test.py"),
                lambda run=run: run.tag({"a": "b"}),
                lambda run=run: run.finish("COMPLETE", START + 1),
            )

            for call in calls:
                with pytest.raises(TrackerError, match="1 of 2 trackers failed: JsonlTracker") as caught:
                    call()
                assert not caught.value.retryable

            found = recorded(tmp_path / f"works-{number}", "u")
            assert (found.points, found.tags, found.status) == ([Point("loss", 0.5, 1, START)], {"a": "b"}, "COMPLETE")
            assert list(found.artifacts) == ["test.py"]

    def test_all_failures_are_named(self, tmp_path: Path) -> None:
        """Each has its words; another try is worth it while one of them says so."""
        (tmp_path / "file").touch()
        group = TrackerGroup([MlflowTracker(DEAD, experiment="digits"), JsonlTracker(tmp_path / "file")])

        with pytest.raises(TrackerError, match=r"2 of 2 trackers failed: MlflowTracker: .*; JsonlTracker: ") as caught:
            group.start_run("u", name="u", time=START)

        assert caught.value.retryable
        assert isinstance(caught.value.__cause__, ExceptionGroup)
        assert len(caught.value.__cause__.exceptions) == 2


def test_errors_cross_processes_whole() -> None:
    """A TrackerError that a delivery process sends home keeps its text and whether to try again."""
    error = pickle.loads(pickle.dumps(TrackerError("refused", retryable=False)))

    assert (str(error), error.retryable) == ("refused", False)


def test_importing_loads_nothing_heavy() -> None:
    """Naming a tracker costs only the standard library and says nothing of automl."""
    script = (
        "import sys; before = set(sys.modules); import trackers, trackers.mlflow as mlflow;"
        "one = trackers.MlflowTracker('sqlite:////nowhere/mlflow.db', experiment='x');"
        "trackers.TrackerGroup([one, trackers.JsonlTracker('nowhere'), trackers.NullTracker()]);"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert set(done.stdout.split()) <= {"trackers"}
