"""The copies of a study: which trackers have one, where each lies, and how far it has come.

    for mirror in mirrors.of(home, study):              # two of `--tracker mlflow,jsonl`, none of `--tracker none`
        print(mirror.title, mirror.where, mirror.waiting(reader))

Each has a position of its own, so that an outage of one tracker neither delays nor loses what another one gets. Naming
a mirror loads no tracker; `make_tracker` is what does.
"""

from __future__ import annotations

import abc
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import ClassVar

from automl import durable
from automl.config import tracker_names
from automl.home import Home
from automl.ledger.queries import Reader, StudyRow
from automl.redaction import without_password
from trackers import JsonlTracker, MlflowTracker, ReadableTracker

URI_VARIABLE = "AUTOML_TRACKING_URI"


@dataclass(kw_only=True)
class Position:
    """How far delivery to one tracker is; kept in a small file beside the ledger. Losing it costs only time."""

    uri: str | None = None
    """Of the tracker that this is about; another one begins at the beginning."""
    cursor: int = -1
    """Seq up to which everything is delivered."""
    closed: int = -1
    """Seq for which the study's own run is complete: figures, winner, description."""
    runs: dict[str, str] = field(default_factory=dict)
    """uid -> the tracker's run id."""
    states: dict[str, str] = field(default_factory=dict)
    """uid -> the state last delivered."""
    error: str | None = None
    """Why the tracker did not take the last page."""


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
        return False

    @abc.abstractmethod
    def make_tracker(self, run_ids: Mapping[str, str] | None = None) -> ReadableTracker:
        """Return the tracker; `run_ids`, by uid, saves some of them to look for runs."""

    def position(self) -> Position:
        """Return how far delivery is, or the beginning if that cannot be read or was somewhere else."""
        position = position_of(self._folder, self.tracker)
        return position if position.uri == self.uri else Position(uri=self.uri)

    def keep(self, position: Position) -> None:
        """Write down how far delivery is."""
        durable.write_json(_file(self._folder, self.tracker), asdict(position))

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
    def is_gone(self) -> bool:
        if not self.store.startswith("sqlite"):
            return False
        import sqlalchemy

        path = sqlalchemy.make_url(self.store).database
        return path is not None and path != ":memory:" and not Path(path).is_file()

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
    def is_gone(self) -> bool:
        return not Path(self.where).is_dir()

    def make_tracker(self, run_ids: Mapping[str, str] | None = None) -> JsonlTracker:
        return JsonlTracker(self.where, experiment=experiment(self.study))


_KINDS: dict[str, type[Mirror]] = {kind.tracker: kind for kind in (MlflowMirror, JsonlMirror)}


def of(home: Home, study: StudyRow) -> list[Mirror]:
    """Return the copies that a study's settings ask for, MLflow's first."""
    asked = tracker_names(study.config["tracker"])
    return [kind(home=home, study=study) for name, kind in _KINDS.items() if name in asked]


def position_of(folder: Path, tracker: str = MlflowMirror.tracker) -> Position:
    """Return what the study in `folder` has written down of its delivery to a tracker, or the beginning."""
    row = durable.read_json(_file(folder, tracker))
    known = {each.name for each in fields(Position)}
    return Position(**row) if isinstance(row, dict) and row.keys() <= known else Position()


def experiment(study: StudyRow) -> str:
    """Return the name of the experiment that a study belongs to: its target, without the folder it lies in."""
    return Path(study.config["target"]).name


def trial_uid(study: StudyRow, number: int) -> str:
    """Return the name under which a trial's run is found, for ever."""
    return f"{study.uid}/{number}"


def _file(folder: Path, tracker: str) -> Path:
    return folder / f"delivery-{tracker}.json"
