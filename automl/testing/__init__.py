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
"""

from __future__ import annotations

from automl.testing.executors import ExecutorContract
from automl.testing.trackers import START, RecordedRun, TrackerContract

__all__ = ["START", "ExecutorContract", "RecordedRun", "TrackerContract"]
