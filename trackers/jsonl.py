"""Runs as text: one `.jsonl` file a run, one JSON object a line. Writing takes nothing but Python, reading any tool.

    tracker = JsonlTracker("runs", experiment="digits")
    run = tracker.start_run("first", name="first", params={"lr": 0.1}, time=1767225600.0)
    run.log([Point("loss", 0.5, step=1, time=1767225601.0)])        # a line of runs/first.jsonl
    run.artifact("history.html")                                    # runs/first/history.html

    pandas.read_json("runs/first.jsonl", lines=True).query("event == 'point'")
    jq 'select(.event == "point" and .name == "loss") | .value' runs/first.jsonl

What a line is about stands in `event`:

    start     id, uid, name, parent, experiment, time, params, tags: the first line; another one adds what it lacked
    point     name, value, step, time
    artifact  name: of a file in the folder beside
    tags      tags: the last one of a name wins
    status    status, time: the last one is how the run stands

JSON has no word for NaN and the infinities: they are the strings "NaN", "Infinity" and "-Infinity", which pandas and
`float` read. Times are seconds since the epoch.
"""

from __future__ import annotations

import collections
import contextlib
import hashlib
import json
import math
import os
import secrets
import shutil
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from trackers.base import Point, ReadableTracker, Run, RunSummary, Status, TrackerError, as_artifact, as_status

_LONGEST_STEM = 180  # characters; file systems take 255 bytes for a name
_RECENT = 64  # runs that are kept in memory, though no caller holds them; the file of another one is read again
_DAMAGE = (AttributeError, KeyError, TypeError, ValueError)  # what a line raises that we have not written, or not whole
_FOR_GOOD = (FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)


class JsonlTracker(ReadableTracker):
    """Keeps each run in a file of one folder, and the run's artifacts in a folder beside that file.

    Only whole lines are appended, so a process that is killed leaves at most one torn line, the last; it goes when the
    run is opened again. Lines are handed to the operating system, and forced to disk when the run's status is set: a
    power cut may take the last seconds of a run that goes on. A run has one writer at a time; different runs may have
    different ones. A file that somebody removed is begun anew by the next call to its run, which then has another id.

    Args:
        folder: where the files go; it is made when the first run is.
        experiment: what the runs belong to; it stands in the first line of each.
    """

    def __init__(self, folder: str | Path, *, experiment: str = "") -> None:
        self._folder = Path(folder).absolute()
        self._experiment = experiment
        self._runs: weakref.WeakValueDictionary[str, _JsonlRun] = weakref.WeakValueDictionary()
        self._recent: collections.deque[_JsonlRun] = collections.deque(maxlen=_RECENT)

    def file(self, uid: str) -> Path:
        """Return the file of the run of `uid`, which is there once the run was started.

        It is named after the uid: "/" becomes "+"; what may trouble a file system, dots included, "%" and its code.
        """
        return self._folder / f"{_stem(uid)}.jsonl"

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
        """See `Tracker.start_run`. Params may be whatever JSON can hold; other values are written as text."""
        run = self._runs.get(uid)
        if run is None:
            if parent is not None and not self.file(parent).is_file():
                message = f"no run in {self._folder} has the uid {parent!r}; start the parent before its children"
                raise TrackerError(message, retryable=False)
            about = {"uid": uid, "name": name, "parent": parent, "experiment": self._experiment, "time": time}
            run = _JsonlRun(self.file(uid), about | {"params": _plain(params), "tags": _texts(tags)})
            self._runs[uid] = run
        self._recent.append(run)
        return run

    def find_run(self, uid: str) -> RunSummary | None:
        """See `ReadableTracker.find_run`."""
        content, _ = _read(self.file(uid))
        return content.summary() if content.id else None

    def runs(self, parent: str) -> list[RunSummary]:
        """See `ReadableTracker.runs`."""
        contents = [_read(path)[0] for path in sorted(self._folder.glob("*.jsonl"))]
        found = [content for content in contents if content.id and content.parent == parent]
        return [content.summary() for content in sorted(found, key=lambda content: content.time)]

    def points(self, run_id: str) -> list[Point]:
        """See `ReadableTracker.points`; in the order in which they were logged."""
        path = self._folder / f"{run_id.partition(':')[0]}.jsonl"
        content, _ = _read(path)
        if content.id != run_id:
            raise TrackerError(f"{path} has no run of the id {run_id!r}", retryable=False)
        return content.points

    def drop_doubles(self, uid: str, *, keep: str | None = None) -> int:
        """See `ReadableTracker.drop_doubles`: a uid has one file, so there are none."""
        return 0

    def stored_params(self, params: Mapping[str, object]) -> dict[str, str]:
        """See `ReadableTracker.stored_params`: names as they are, values as text."""
        return _texts(json.loads(_line(_plain(params))))

    def stored_point(self, point: Point) -> Point:
        """See `ReadableTracker.stored_point`: points are stored as they are."""
        return point


class _Content:
    """What the lines of a file add up to."""

    id = ""
    """Names the run, and tells it from an earlier one of the same uid; "" before the first line."""
    uid = ""
    name = ""
    parent: str | None = None
    time = 0.0
    status: tuple[Status, float] = ("RUNNING", 0.0)

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self.tags: dict[str, str] = {}
        self.points: list[Point] = []
        self.artifacts: set[str] = set()
        self._keys: set[tuple[str, int, float, str]] = set()

    def has(self, row: Mapping[str, Any]) -> bool:
        """Say whether a line would change nothing."""
        match row["event"]:
            case "start":
                is_child = self.parent is not None or row["parent"] is None
                is_told = row["params"].keys() <= self.params.keys() and row["tags"].keys() <= self.tags.keys()
                return bool(self.id) and is_child and is_told
            case "point":
                return _key(_point(row)) in self._keys
            case "artifact":
                return row["name"] in self.artifacts
            case "tags":
                return bool(row["tags"].items() <= self.tags.items())
            case "status":
                return (row["status"], row["time"]) == self.status
        return False

    def add(self, row: Mapping[str, Any]) -> None:
        """Take in a line; raise one of `_DAMAGE`, and change nothing, when it is not whole."""
        match row["event"]:
            case "start":
                params, tags = row["params"] | self.params, row["tags"] | self.tags
                if not self.id:
                    self.uid, self.name, self.time, self.id = row["uid"], row["name"], float(row["time"]), row["id"]
                self.parent, self.params, self.tags = self.parent or row["parent"], params, tags
            case "point":
                point = _point(row)
                self.points.append(point)
                self._keys.add(_key(point))
            case "artifact":
                self.artifacts.add(row["name"])
            case "tags":
                self.tags |= row["tags"]
            case "status":
                self.status = as_status(row["status"]), row["time"]

    def summary(self) -> RunSummary:
        return RunSummary(
            uid=self.uid,
            run_id=self.id,
            name=self.name,
            status=self.status[0],
            params=_texts(self.params),
            tags=dict(self.tags),
        )


class _JsonlRun:
    def __init__(self, path: Path, about: Mapping[str, Any]) -> None:
        self._path = path
        self._about = about
        self._content = _Content()
        self._is_open = False
        self._write([])

    @property
    def id(self) -> str:
        return self._content.id

    def log(self, points: Iterable[Point]) -> None:
        self._write(
            {
                "event": "point",
                "name": point.name,
                "value": _plain(float(point.value)),
                "step": int(point.step),
                "time": float(point.time),
            }
            for point in points
        )

    def artifact(self, path: str | Path, name: str | None = None) -> None:
        path, name = as_artifact(path, name)
        copy, target = self._path.with_suffix(".tmp"), self._path.with_suffix("") / name
        with _translated(self._path):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            copy.replace(target)
        self._write([{"event": "artifact", "name": name}])

    def tag(self, tags: Mapping[str, str]) -> None:
        self._write([{"event": "tags", "tags": _texts(tags)}])

    def finish(self, status: str, time: float) -> None:
        self._write([{"event": "status", "status": as_status(status), "time": float(time)}])
        with _translated(self._path), self._path.open("rb") as file:
            os.fsync(file.fileno())

    def _write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append the lines that say something new, to a file that is there and whole."""
        with _translated(self._path):
            if not self._is_open or not self._path.is_file():
                self._open()
            news = []
            self._is_open = False  # until all of it is written: after an error the file may have less than the content
            for row in rows:
                if not self._content.has(row):
                    self._content.add(row)
                    news.append(_line(row))
            if news:
                with self._path.open("r+b") as file:
                    file.seek(0, 2)
                    file.writelines(news)
            self._is_open = True

    def _open(self) -> None:
        """Read the file, and put a whole one in its place if a line is torn or something about the run is missing."""
        self._content, lines = _read(self._path)
        start = {"event": "start", "id": self.id or f"{self._path.stem}:{secrets.token_hex(4)}", **self._about}
        if not self.id:  # not even the first line is whole
            self._content, lines = _Content(), []
        if not self._content.has(start):
            self._content.add(start)
            lines.append(_line(start))
        whole = b"".join(lines)
        if not self._path.is_file() or self._path.read_bytes() != whole:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            copy = self._path.with_suffix(".tmp")
            copy.write_bytes(whole)
            copy.replace(self._path)


def _read(path: Path) -> tuple[_Content, list[bytes]]:
    """Return what a file says, and its lines without those that are not whole; nothing of both if there is no file."""
    content, lines = _Content(), []
    with _translated(path):
        found = path.read_bytes() if path.exists() else b""
    for line in found.split(b"\n"):
        try:
            content.add(json.loads(line))
        except _DAMAGE:
            continue
        lines.append(line + b"\n")
    return content, lines


def _line(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, allow_nan=False).encode() + b"\n"


def _plain(value: Any) -> Any:
    """Return `value` as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in values.items()}


def _point(row: Mapping[str, Any]) -> Point:
    return Point(row["name"], float(row["value"]), row["step"], row["time"])


def _key(point: Point) -> tuple[str, int, float, str]:
    """Return what makes a point one point: NaN, which is not itself, included."""
    return point.name, point.step, point.time, repr(point.value)


def _stem(uid: str) -> str:
    """Return the name of a uid's file; no two uids have one, and none has a dot, which begins a suffix."""
    stem = quote(uid, safe="", errors="surrogatepass").replace(".", "%2E").replace("%2F", "+")
    if 0 < len(stem) <= _LONGEST_STEM:
        return stem
    return f"{stem[: _LONGEST_STEM - 33]}={hashlib.sha256(stem.encode()).hexdigest()[:32]}"


@contextlib.contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turn what the file system raises into a TrackerError."""
    try:
        yield
    except OSError as error:
        raise TrackerError(f"JSON lines in {path}: {error}", retryable=not isinstance(error, _FOR_GOOD)) from error
