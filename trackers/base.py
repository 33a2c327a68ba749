"""What every tracker does, so that whoever delivers runs need not know where they go.

A tracker is a mirror of a truth kept elsewhere. Its calls carry the times of that truth and are repeatable without
effect: start the same uid twice and it is the same run, log a point twice and there is one point. After a crash or an
outage the sender just sends again.

    def mirror(tracker: Tracker) -> None:
        run = tracker.start_run("study-1/0", name="trial 0", params={"lr": 0.1}, time=1767225600.0)
        run.log([Point("loss", 0.5, step=1, time=1767225601.0)])
        run.finish("COMPLETE", time=1767225602.0)

    mirror(TrackerGroup([NullTracker(), MlflowTracker("sqlite:////data/mlflow.db", experiment="digits")]))
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, TypeVar, get_args

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


def as_artifact(path: str | Path, name: str | None) -> tuple[Path, str]:
    """Return the file `path` and the name that a run keeps it under, for adapters to check what they are handed.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: `name` is absolute or leads out of the run's own files.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"artifact {path} is not a file")
    name = posixpath.normpath(name or path.name)
    if name == "." or name.startswith("/") or name.split("/")[0] == "..":
        raise ValueError(f"artifact name must be a relative path inside the run, got {name!r}")
    return path, name


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What a tracker holds of one run, points and artifacts aside; names and texts as it stores them."""

    uid: str
    run_id: str
    name: str
    status: Status
    params: Mapping[str, str]
    tags: Mapping[str, str]


class ReadableTracker(Tracker, Protocol):
    """A tracker that can be read back, so that what it holds can be compared with the truth that it mirrors."""

    def find_run(self, uid: str) -> RunSummary | None:
        """Return the run of `uid`, or None.

        Raises:
            TrackerError: the tracker cannot be reached.
        """

    def runs(self, parent: str) -> Sequence[RunSummary]:
        """Return the runs under the one of uid `parent`, oldest first.

        Raises:
            TrackerError: the tracker cannot be reached.
        """

    def points(self, run_id: str) -> Sequence[Point]:
        """Return every point of a run, named as the tracker stores it.

        Raises:
            TrackerError: the tracker cannot be reached, or has no such run.
        """

    def drop_doubles(self, uid: str, *, keep: str | None = None) -> int:
        """Delete all runs of `uid` but one, and return how many that were.

        A run is there twice when the answer to its making was lost, and the making itself done only after somebody had
        looked for it. What is deleted has a tag that says which run was kept.

        Args:
            uid: of the run.
            keep: id of the one to keep; default, or where there is none of that id: the oldest.

        Raises:
            TrackerError: the tracker cannot be reached, or refuses.
        """

    def stored_params(self, params: Mapping[str, object]) -> Mapping[str, str]:
        """Return what `RunSummary.params` has of a run that was started with `params`."""

    def stored_point(self, point: Point) -> Point:
        """Return what `points` has of a point that was logged; its time may be rounded to milliseconds."""


class NullTracker(Tracker):
    """Keeps nothing: what to pass where a tracker is asked for and none is wanted. A caller's mistakes are refused."""

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

    def artifact(self, path: str | Path, name: str | None = None) -> None:
        as_artifact(path, name)

    def tag(self, tags: Mapping[str, str]) -> None: ...

    def finish(self, status: str, time: float) -> None:
        as_status(status)


class TrackerGroup(Tracker):
    """Several trackers as one. Each gets every call, whatever becomes of the others.

    Where some fail, the call raises one TrackerError in the end that names them; calls can be repeated, so the same
    call again reaches those and changes nothing in the others. It is retryable while one of the failures is.

    Args:
        trackers: the trackers, which may be groups themselves.
    """

    def __init__(self, trackers: Iterable[Tracker]) -> None:
        self._trackers = [(type(tracker).__name__, tracker) for tracker in trackers]

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
        def start(tracker: Tracker) -> Run:
            return tracker.start_run(uid, name=name, parent=parent, params=params, tags=tags, time=time)

        return _GroupRun(_each(self._trackers, start))


class _GroupRun:
    def __init__(self, runs: Sequence[tuple[str, Run]]) -> None:
        self._runs = runs

    @property
    def id(self) -> str:
        return ",".join(run.id for _, run in self._runs if run.id)

    def log(self, points: Iterable[Point]) -> None:
        points = list(points)  # for each of them
        _each(self._runs, lambda run: run.log(points))

    def artifact(self, path: str | Path, name: str | None = None) -> None:
        _each(self._runs, lambda run: run.artifact(path, name))

    def tag(self, tags: Mapping[str, str]) -> None:
        _each(self._runs, lambda run: run.tag(tags))

    def finish(self, status: str, time: float) -> None:
        _each(self._runs, lambda run: run.finish(status, time))


_Member = TypeVar("_Member")
_Result = TypeVar("_Result")


def _each(members: Sequence[tuple[str, _Member]], call: Callable[[_Member], _Result]) -> Sequence[tuple[str, _Result]]:
    """Call every member, and return the results; raise afterwards what some of them raised, as one error."""
    results, errors = [], []
    for name, member in members:
        try:
            results.append((name, call(member)))
        except TrackerError as error:
            errors.append((name, error))
    if errors:
        said = "; ".join(f"{name}: {error}" for name, error in errors)
        raise TrackerError(
            f"{len(errors)} of {len(members)} trackers failed: {said}",
            retryable=any(error.retryable for _, error in errors),
        ) from ExceptionGroup("trackers", [error for _, error in errors])
    return results
