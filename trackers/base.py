"""What every tracker does, so that whoever delivers runs need not know where they go.

A tracker is a mirror of a truth kept elsewhere. Its calls carry the times of that truth and are repeatable without
effect: start the same uid twice and it is the same run, log a point twice and there is one point. After a crash or an
outage the sender just sends again.

    def mirror(tracker: Tracker) -> None:
        run = tracker.start_run("study-1/0", name="trial 0", params={"lr": 0.1}, time=1767225600.0)
        run.log([Point("loss", 0.5, step=1, time=1767225601.0)])
        run.finish("COMPLETE", time=1767225602.0)

    mirror(NullTracker())
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, get_args

Status = Literal["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAIL"]
"""How a run stands, in Optuna's words; an adapter translates them into its own."""
STATUSES: tuple[Status, ...] = get_args(Status)


def as_status(word: str) -> Status:
    """Return `word`, for adapters to check what they are handed.

    Raises:
        ValueError: it is no status.
    """
    for status in STATUSES:
        if word == status:
            return status
    raise ValueError(f"status must be one of {', '.join(STATUSES)}, got {word!r}")


class Point(NamedTuple):
    """One measured value of one metric."""

    name: str
    value: float
    """Any float, NaN and the infinities included."""
    step: int
    time: float
    """Seconds since the epoch."""


class TrackerError(Exception):
    """The tracker cannot be reached or refuses. Send again later if `retryable`, else mend what the message names."""

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable


class Run(Protocol):
    """One run in a tracker. Every method may raise TrackerError, and may then be called again."""

    @property
    def id(self) -> str:
        """The tracker's own name for the run, "" where there is none.

        It changes when a run that vanished had to be made anew: then what was logged before is gone from the tracker.
        """

    def log(self, points: Iterable[Point]) -> None:
        """Add `points`; one that is there already, equal in all four fields, is not added again."""

    def artifact(self, path: str | Path, name: str | None = None) -> None:
        """Keep a copy of the file `path`, under `name` ("figures/history.html"; default: its own name).

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: `name` is absolute or leads out of the run's own files.
        """

    def tag(self, tags: Mapping[str, str]) -> None:
        """Set `tags`, replacing those of the same name."""

    def finish(self, status: str, time: float) -> None:
        """Set how the run stands since `time` (seconds since the epoch), in a word of `Status`; the last call wins.

        A run that goes on after all is set to RUNNING or WAITING again; a finished one can still be logged to.

        Raises:
            ValueError: `status` is another word.
        """


class Tracker(Protocol):
    """A place that keeps runs."""

    def start_run(
        self,
        uid: str,
        *,
        name: str,
        parent: str | None = None,
        params: Mapping[str, object] = {},
        tags: Mapping[str, str] = {},
        time: float,
    ) -> Run:
        """Return the run of `uid`, made RUNNING if there is none yet.

        Args:
            uid: the sender's name for the run, for ever. The same uid is the same run, from any process.
            name: what people read.
            parent: uid of the run that this one belongs under.
            params: values by name, recorded as text. They never change: those recorded already stay.
            tags: text by name; those recorded already stay, `Run.tag` changes them.
            time: when the run began, in seconds since the epoch.

        Raises:
            TrackerError: the tracker cannot be reached, refuses, or knows no run of `parent`.
        """


class NullTracker(Tracker):
    """Keeps nothing: what to pass where a tracker is asked for and none is wanted."""

    def start_run(
        self,
        uid: str,
        *,
        name: str,
        parent: str | None = None,
        params: Mapping[str, object] = {},
        tags: Mapping[str, str] = {},
        time: float,
    ) -> Run:
        return _NullRun()


class _NullRun:
    id = ""

    def log(self, points: Iterable[Point]) -> None: ...

    def artifact(self, path: str | Path, name: str | None = None) -> None: ...

    def tag(self, tags: Mapping[str, str]) -> None: ...

    def finish(self, status: str, time: float) -> None: ...
