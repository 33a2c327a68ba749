"""Where people browse runs: one small protocol, and the trackers that speak it.

    from trackers import MlflowTracker, Point

    tracker = MlflowTracker("sqlite:////data/mlflow.db", experiment="digits")
    run = tracker.start_run("study-1/0", name="trial 0", params={"lr": 0.1}, time=1767225600.0)
    run.log([Point("val_loss", 0.31, step=1, time=1767225601.5)])
    run.finish("COMPLETE", time=1767225602.0)

Every call may be repeated without effect, so a copy that was cut short is mended by sending all of it again. The
package stands alone: importing it loads nothing but the standard library, and it knows nothing of who calls it.
"""

from trackers.base import NullTracker, Point, Run, Status, Tracker, TrackerError
from trackers.mlflow import MlflowTracker

__all__ = ["MlflowTracker", "NullTracker", "Point", "Run", "Status", "Tracker", "TrackerError"]
