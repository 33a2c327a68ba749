"""Where people browse runs: one small protocol, and the trackers that speak it.

    from trackers import JsonlTracker, MlflowTracker, Point, TrackerGroup

    mlflow = MlflowTracker("sqlite:////data/mlflow.db", experiment="digits")
    tracker = TrackerGroup([mlflow, JsonlTracker("/data/runs", experiment="digits")])
    run = tracker.start_run("study-1/0", name="trial 0", params={"lr": 0.1}, time=1767225600.0)
    run.log([Point("val_loss", 0.31, step=1, time=1767225601.5)])
    run.finish("COMPLETE", time=1767225602.0)

Every call may be repeated without effect, so a copy that was cut short is mended by sending all of it again. The
package stands alone: importing it loads nothing but the standard library, and it knows nothing of who calls it.
"""

from trackers.base import (
    NullTracker,
    Point,
    ReadableTracker,
    Run,
    RunSummary,
    Status,
    Tracker,
    TrackerError,
    TrackerGroup,
    as_artifact,
    as_status,
)
from trackers.jsonl import JsonlTracker
from trackers.mlflow import MlflowTracker

__all__ = [
    "JsonlTracker",
    "MlflowTracker",
    "NullTracker",
    "Point",
    "ReadableTracker",
    "Run",
    "RunSummary",
    "Status",
    "Tracker",
    "TrackerError",
    "TrackerGroup",
    "as_artifact",
    "as_status",
]
