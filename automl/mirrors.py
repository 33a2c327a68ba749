"""The copies of a study: which trackers have one, where each lies, and how far it has come.

    for mirror in mirrors.of(home, study):              # two of `--tracker mlflow,jsonl`, none of `--tracker none`
        print(mirror.title, mirror.where, mirror.waiting(reader))

Each has a position of its own, so that an outage of one tracker neither delays nor loses what another one gets. Naming
a mirror loads no tracker; `make_tracker` is what does.
"""

from __future__ import annotations

import abc
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from automl import durable
from automl.config import tracker_names
from automl.home import Home
from automl.ledger.queries import Reader
from automl.ledger.rows import StudyRow
from automl.redaction import without_password
from trackers import JsonlTracker, MlflowTracker, ReadableTracker

URI_VARIABLE = "AUTOML_TRACKING_URI"


@dataclass(kw_only=True)
class Position:
    """How far delivery to one tracker is; kept in two small files beside the ledger. Losing them costs only time."""

    uri: str | None = None
    """Of the tracker that this is about; another one begins at the beginning."""
    cursor: int = -1
    """Seq up to which everything is delivered."""
    closed: int = -1
    """Seq for which the study's own run is complete: figures, winner, description."""
    error: str | None = None
    """Why the tracker did not take the last page."""
    refused: dict[str, str] = field(default_factory=dict)
    """Trial, or `STUDY` -> what of it the tracker has refused for good, though it takes the rest, and why."""
    runs: dict[str, str] = field(default_factory=dict)
    """uid -> the tracker's run id."""
    unsaved: dict[str, str] | None = field(default=None, repr=False)
    """Those of `runs` that are in no file yet; None while the file is another position's."""

    @property
    def refusals(self) -> list[str]:
        """What the tracker has refused for good, in words."""
        return [f"{who if who == STUDY else f'trial {who}'}: {why}" for who, why in self.refused.items()]

    def note(self, uid: str, run_id: str) -> None:
        """Remember a run's id."""
        if self.runs.get(uid) != run_id:
            self.runs[uid] = run_id
            if self.unsaved is not None:
                self.unsaved[uid] = run_id


STUDY = "study"
Event = Mapping[str, Any]
"""Something that a listener of a study is told."""
_KEPT = ("uri", "cursor", "closed", "error", "refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror(abc.ABC):
    """One copy of a study."""

    home: Home
    study: StudyRow

    tracker: ClassVar[str]
    """Its name after `--tracker`."""
    title: ClassVar[str]
    """What people call it."""
    removal: ClassVar[str]
    """How a run of it is deleted for good."""

    @property
    @abc.abstractmethod
    def where(self) -> str:
        """Where it lies, for people to look, so without a password."""

    @property
    def uri(self) -> str:
        """What a position belongs to: it begins at the beginning when this changes."""
        return self.where

    @property
    def is_gone(self) -> bool:
        """Whether the place where it lies is missing; asking the tracker might make an empty one."""
        return self.inode == 0

    @property
    def inode(self) -> int | None:
        """Of the file or folder that it is, 0 where that is missing; None if it is neither."""
        return None

    @abc.abstractmethod
    def make_tracker(self, run_ids: Mapping[str, str] | None = None) -> ReadableTracker:
        """Return the tracker; `run_ids`, by uid, saves some of them to look for runs."""

    def position(self) -> Position:
        """Return how far delivery is, or the beginning if that cannot be read or was somewhere else."""
        position = position_of(self._folder, self.tracker)
        return position if position.uri == self.uri else Position(uri=self.uri)

    def keep(self, position: Position) -> None:
        """Write down how far delivery is: a page costs what is new in it, however many trials there are."""
        runs = _runs_file(self._folder, self.tracker)
        if position.unsaved is None:
            runs.unlink(missing_ok=True)
            position.unsaved = dict(position.runs)
        if position.unsaved:
            durable.append(runs, ({"uid": uid, "run": run_id} for uid, run_id in position.unsaved.items()))
            position.unsaved = {}
        row = {name: getattr(position, name) for name in _KEPT}
        durable.write_json(_file(self._folder, self.tracker), row, sealed=True)

    def waiting(self, reader: Reader) -> int:
        """Return how many reported values it has not got yet."""
        return reader.waiting(self.position().cursor)

    @property
    def _folder(self) -> Path:
        return self.home.study(self.study.name)


class MlflowMirror(Mirror):
    """A copy in MLflow: in the home's own store, or where `--tracking-uri` says."""

    tracker = "mlflow"
    title = "MLflow"
    removal = "`mlflow gc`"

    @property
    def where(self) -> str:
        return without_password(self.store)

    @property
    def store(self) -> str:
        """The tracking URI itself, with the password that $AUTOML_TRACKING_URI has for it: the ledger has none."""
        known, given = self.study.config["tracking_uri"], os.environ.get(URI_VARIABLE, "")
        if known and without_password(given) == without_password(known):
            return given
        return str(known or self.home.tracking_uri)

    @property
    def inode(self) -> int | None:
        if not self.store.startswith("sqlite"):
            return None
        import sqlalchemy

        path = sqlalchemy.make_url(self.store).database
        return None if path is None or path == ":memory:" else _inode(Path(path))

    def make_tracker(self, run_ids: Mapping[str, str] | None = None) -> MlflowTracker:
        is_ours = not self.study.config["tracking_uri"]
        return MlflowTracker(
            self.store,
            experiment=experiment(self.study),
            artifact_location=self.home.artifacts.as_uri() if is_ours else None,
            run_ids=run_ids,
        )


class JsonlMirror(Mirror):
    """A copy as text, in the study's own folder."""

    tracker = "jsonl"
    title = "JSON lines"
    removal = "its file"
    uri = "runs"  # the same wherever the study's folder is moved or copied to

    @property
    def where(self) -> str:
        return str(self.home.runs(self.study.name))

    @property
    def inode(self) -> int | None:
        return _inode(Path(self.where))

    def make_tracker(self, run_ids: Mapping[str, str] | None = None) -> JsonlTracker:
        return JsonlTracker(self.where, experiment=experiment(self.study))


_KINDS: dict[str, type[Mirror]] = {kind.tracker: kind for kind in (MlflowMirror, JsonlMirror)}


class Watch:
    """Tells when a tracker goes away and when it is back, by what its delivery writes down: it asks no tracker.

    Args:
        folder: of the study.
        trackers: names after `--tracker`.
        is_news: whether what is written there now is news already.
    """

    def __init__(self, folder: Path, trackers: Iterable[str], *, is_news: bool = True) -> None:
        self._folder = folder
        self._seen = {tracker: 0 if is_news else _changed(_file(folder, tracker)) for tracker in trackers}
        self._away: set[str] = set()

    def look(self) -> list[Event]:
        """Return the events since the last look."""
        events: list[Event] = []
        for tracker, seen in self._seen.items():
            changed = _changed(_file(self._folder, tracker))
            if changed == seen:
                continue
            self._seen[tracker] = changed
            row = durable.read_json(_file(self._folder, tracker))
            error = row.get("error") if isinstance(row, dict) else None
            about = {"tracker": tracker, "title": _KINDS[tracker].title}
            if error and tracker not in self._away:
                self._away.add(tracker)
                events.append({"event": "tracker-away", **about, "message": error})
            elif not error and tracker in self._away:
                self._away.remove(tracker)
                events.append({"event": "tracker-back", **about})
        return events


def of(home: Home, study: StudyRow) -> list[Mirror]:
    """Return the copies that a study's settings ask for, MLflow's first."""
    asked = tracker_names(study.config["tracker"])
    return [kind(home=home, study=study) for name, kind in _KINDS.items() if name in asked]


def position_of(folder: Path, tracker: str = MlflowMirror.tracker) -> Position:
    """Return what the study in `folder` has written down of its delivery to a tracker, or the beginning."""
    row = durable.read_sealed(_file(folder, tracker))
    if row is None or not _is_position(row):
        return Position()
    lines = durable.read_lines(_runs_file(folder, tracker))
    runs = {line["uid"]: line["run"] for line in lines if line.keys() == {"uid", "run"}}
    return Position(**row, runs=runs, unsaved={})


def _is_position(row: Mapping[str, Any]) -> bool:
    """Say whether somebody's file has what `keep` writes, in this version."""
    return (
        row.keys() == {*_KEPT}
        and all(type(row[name]) is int for name in ("cursor", "closed"))
        and all(row[name] is None or isinstance(row[name], str) for name in ("uri", "error"))
        and isinstance(row["refused"], dict)
    )


def experiment(study: StudyRow) -> str:
    """Return the name of the experiment that a study belongs to: its target, without the folder it lies in."""
    return Path(study.config["target"]).name


def trial_uid(study: StudyRow, number: int) -> str:
    """Return the name under which a trial's run is found, for ever."""
    return f"{study.uid}/{number}"


def _changed(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _file(folder: Path, tracker: str) -> Path:
    return folder / f"delivery-{tracker}.json"


def _runs_file(folder: Path, tracker: str) -> Path:
    return folder / f"delivery-{tracker}.runs.jsonl"
