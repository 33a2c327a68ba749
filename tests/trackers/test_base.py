"""The protocol itself, and the tracker that keeps nothing."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

from trackers import NullTracker, Point, Tracker, TrackerError


def test_null_tracker_takes_everything(tmp_path: Path) -> None:
    """It can stand wherever a tracker is asked for, and leaves nothing behind."""
    tracker: Tracker = NullTracker()

    run = tracker.start_run("u/0", name="trial", parent="u", params={"lr": 1}, tags={"a": "b"}, time=0.0)
    run.log([Point("loss", 0.5, 1, 0.0)])
    run.artifact(tmp_path / "file")
    run.tag({"a": "c"})
    run.finish("COMPLETE", 1.0)

    assert run.id == ""
    assert list(tmp_path.iterdir()) == []


def test_errors_cross_processes_whole() -> None:
    """A TrackerError that a delivery process sends home keeps its text and whether to try again."""
    error = pickle.loads(pickle.dumps(TrackerError("refused", retryable=False)))

    assert (str(error), error.retryable) == ("refused", False)


def test_importing_loads_nothing_heavy() -> None:
    """Naming a tracker costs only the standard library and says nothing of automl."""
    script = (
        "import sys; before = set(sys.modules); from trackers import MlflowTracker; import trackers.mlflow;"
        "MlflowTracker('sqlite:////nowhere/mlflow.db', experiment='x');"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert set(done.stdout.split()) <= {"trackers"}
