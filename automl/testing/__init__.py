"""Contract suites: what every implementation of an extension point must do, ours and yours.

Subclass a suite in your own tests and say how to make the thing under test; pytest does the rest. To prove a tracker:

    class TestMyTracker(TrackerContract):
        @pytest.fixture
        def new_tracker(self, tmp_path):
            return lambda: MyTracker(tmp_path)

        @pytest.fixture
        def read(self, tmp_path):
            def read(uid: str) -> RecordedRun: ...
            return read

One that nobody can read back runs TrackerCallContract and needs no `read`; one that implements `ReadableTracker` runs
ReadableTrackerContract.
"""

from __future__ import annotations

from automl.testing.executors import ExecutorContract
from automl.testing.stopping import EarlyStoppingContract
from automl.testing.trackers import (
    START,
    ReadableTrackerContract,
    RecordedRun,
    TrackerCallContract,
    TrackerContract,
)

__all__ = [
    "START",
    "EarlyStoppingContract",
    "ExecutorContract",
    "ReadableTrackerContract",
    "RecordedRun",
    "TrackerCallContract",
    "TrackerContract",
]
