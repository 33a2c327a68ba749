"""Runs in MLflow, written by explicit run id and never through MLflow's global state.

How a run is kept: the uid is the tag `automl.uid`, the parent is MLflow's own tag (so that its pages nest), and the
status is COMPLETE -> FINISHED, PRUNED -> KILLED with the tag `automl.state=PRUNED`, FAIL -> FAILED and WAITING ->
SCHEDULED. Names, texts and values that MLflow cannot hold are kept as `stored_name`, `stored_text` and `stored_value`
of `trackers.mlflow_client` say. MLflow's front page hides the children of a run: `study_page` is the address that
shows them, best first.

    tracker = MlflowTracker("sqlite:////data/mlflow.db", experiment="digits", artifact_location="/data/artifacts")
    run = tracker.start_run("study-1", name="study 1", time=1767225600.0)
    print(study_page("http://127.0.0.1:5000", tracker.experiment_id, run.id, "val_loss", "minimize"))
"""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from trackers.base import (
    Point,
    ReadableTracker,
    Run,
    RunSummary,
    Status,
    TrackerError,
    as_artifact,
    as_status,
)
from trackers.mlflow_client import (
    PARAM_LIMIT,
    TAG_LIMIT,
    UID_TAG,
    Experiment,
    original_value,
    stored_name,
    stored_text,
    stored_value,
    translated,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run as StoredRun

STATE_TAG = "automl.state"
PARENT_TAG = "mlflow.parentRunId"
DOUBLE_TAG = "automl.double-of"

_STATUSES: dict[Status, str] = {
    "WAITING": "SCHEDULED",
    "RUNNING": "RUNNING",
    "COMPLETE": "FINISHED",
    "PRUNED": "KILLED",
    "FAIL": "FAILED",
}
_OURS: dict[str, Status] = {theirs: ours for ours, theirs in _STATUSES.items()}


class MlflowTracker(ReadableTracker):
    """Keeps runs in one MLflow experiment. Opened by the first call; not for several threads.

    A run or experiment that somebody deleted comes back out of MLflow's bin with the next write to it; one that is gone
    altogether is made anew.

    Args:
        uri: tracking URI: `sqlite:////absolute/path.db`, another database, or `http://host:port` of a server.
        experiment: its name.
        artifact_location: folder or URI of the experiment's artifacts, used when it is made. Give one with a database
            URI: MLflow's own default is a folder of the current directory.
        tags: the experiment's tags, used when it is made.
        run_ids: uid -> run id of runs known from before, which saves looking for them. A stale one is found out and
            replaced when a write to it is refused.
    """

    def __init__(
        self,
        uri: str,
        *,
        experiment: str,
        artifact_location: str | None = None,
        tags: Mapping[str, str] | None = None,
        run_ids: Mapping[str, str] | None = None,
    ) -> None:
        # Without this tag MLflow takes the experiment for one of language models: traces, and no charts.
        kind = {"mlflow.experimentKind": "custom_model_development"}
        self._experiment = Experiment(
            uri, name=experiment, artifact_location=artifact_location, tags=kind | dict(tags or {})
        )
        self._run_ids = dict(run_ids or {})
        self._runs: dict[str, _MlflowRun] = {}

    @property
    def experiment_id(self) -> str:
        """MLflow's id of the experiment, which is made when missing and restored when deleted.

        Raises:
            TrackerError: MLflow cannot be reached.
        """
        with translated(self._experiment.uri):
            return self._experiment.ensure()

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
        """See `Tracker.start_run`. A run whose id is known costs no call of MLflow, a new one three."""
        if uid not in self._runs:
            start = _Start(
                uid=uid,
                name=name,
                parent=parent,
                params=self.stored_params(params),
                tags=_stored_tags(tags),
                time=_milliseconds(time),
            )
            run = _MlflowRun(self._experiment, start, parent_id=self._id_of, run_id=self._run_ids.get(uid, ""))
            run.open()
            self._runs[uid] = run
        return self._runs[uid]

    def find_run(self, uid: str) -> RunSummary | None:
        """See `ReadableTracker.find_run`; a deleted run does not count."""
        with translated(self._experiment.uri):
            found = self._experiment.find(uid)
            return None if found is None else _summary(found)

    def runs(self, parent: str) -> list[RunSummary]:
        """See `ReadableTracker.runs`; deleted ones do not count."""
        with translated(self._experiment.uri):
            found = self._experiment.find(parent)
            if found is None:
                return []
            return [_summary(run) for run in self._experiment.search(PARENT_TAG, found.info.run_id)]

    def points(self, run_id: str) -> list[Point]:
        """See `ReadableTracker.points`: metric by metric, each in the order of time; times are whole milliseconds."""
        with translated(self._experiment.uri):
            client = self._experiment.client
            return [
                Point(metric.key, original_value(metric.value), metric.step, metric.timestamp / 1000)
                for name in sorted(client.get_run(run_id).data.metrics)
                for metric in client.get_metric_history(run_id, name)
            ]

    def drop_doubles(self, uid: str, *, keep: str | None = None) -> int:
        """See `ReadableTracker.drop_doubles`; the deleted ones lie in MLflow's bin, with the tag `automl.double-of`."""
        with translated(self._experiment.uri):
            found = [run.info.run_id for run in self._experiment.search(UID_TAG, uid)]
            kept = keep if keep in found else found[0] if found else None
            doubles = [run_id for run_id in found if run_id != kept]
            for run_id in doubles:
                self._experiment.client.set_tag(run_id, DOUBLE_TAG, kept)
                self._experiment.client.delete_run(run_id)
            return len(doubles)

    def stored_params(self, params: Mapping[str, object]) -> dict[str, str]:
        """See `stored_name` and `stored_text` of `trackers.mlflow_client`."""
        return {stored_name(key): stored_text(str(value), limit=PARAM_LIMIT) for key, value in params.items()}

    def stored_point(self, point: Point) -> Point:
        """See `stored_name` and `stored_value` of `trackers.mlflow_client`; the time is in whole milliseconds."""
        value = original_value(stored_value(point.value))
        return Point(stored_name(point.name), value, point.step, _milliseconds(point.time) / 1000)

    def _id_of(self, uid: str) -> str:
        if uid in self._runs:
            return self._runs[uid].certain_id()
        found = self._experiment.find(uid)
        if found is None:
            raise TrackerError(f"no run has the uid {uid!r}; start the parent before its children", retryable=False)
        return str(found.info.run_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Start:
    """All it takes to make a run, as MLflow stores it; kept in case the run has to be made anew."""

    uid: str
    name: str
    parent: str | None
    params: Mapping[str, str]
    tags: Mapping[str, str]
    time: int


class _MlflowRun:
    def __init__(self, experiment: Experiment, start: _Start, *, parent_id: Callable[[str], str], run_id: str) -> None:
        self.id = run_id
        self._experiment = experiment
        self._start = start
        self._parent_id = parent_id
        self._epoch: int | None = None  # of the experiment, when the run was last seen to be there
        self._is_tagged: bool | None = None  # as pruned; None: not known

    def open(self) -> None:
        """Find or make the run, unless its id is known."""
        self._write(lambda client, run_id: None)

    def certain_id(self) -> str:
        """Return the id after making sure that the run is there."""
        if self._epoch != self._experiment.epoch:
            self._settle()
        return self.id

    def log(self, points: Iterable[Point]) -> None:
        from mlflow.entities import Metric

        metrics = [
            Metric(stored_name(point.name), stored_value(point.value), _milliseconds(point.time), int(point.step))
            for point in points
        ]

        def write(client: MlflowClient, run_id: str) -> None:
            client.log_batch(run_id, metrics=metrics)

        self._write(write)

    def artifact(self, path: str | Path, name: str | None = None) -> None:
        path, name = as_artifact(path, name)
        folder, file = posixpath.split(name)
        with tempfile.TemporaryDirectory() as temporary:
            link = Path(temporary) / file  # MLflow names an artifact after the file it reads
            link.symlink_to(path.resolve())

            def write(client: MlflowClient, run_id: str) -> None:
                client.log_artifact(run_id, str(link), folder or None)
                if self._experiment.is_remote:  # whatever stands between may answer an upload with 200
                    self._check_artifact(client, run_id, name, path.stat().st_size)

            self._write(write)

    def _check_artifact(self, client: MlflowClient, run_id: str, name: str, size: int) -> None:
        there = {file.path: file.file_size for file in client.list_artifacts(run_id, posixpath.dirname(name) or None)}
        if name not in there or there[name] not in (None, size):
            raise TrackerError(f"MLflow took the artifact {name}, but does not have it")

    def tag(self, tags: Mapping[str, str]) -> None:
        self._write(lambda client, run_id: _set_tags(client, run_id, _stored_tags(tags)))

    def finish(self, status: str, time: float) -> None:
        word = as_status(status)
        stored = _STATUSES[word]

        def write(client: MlflowClient, run_id: str) -> None:
            if word == "PRUNED":
                _set_tags(client, run_id, {STATE_TAG: word})
            elif self._is_tagged or (self._is_tagged is None and _is_tagged(client.get_run(run_id))):
                client.delete_tag(run_id, STATE_TAG)
            self._is_tagged = word == "PRUNED"
            if word in ("WAITING", "RUNNING"):  # MLflow keeps an end time that was set before
                client.update_run(run_id, status=stored)
            else:
                client.set_terminated(run_id, status=stored, end_time=_milliseconds(time))

        self._write(write)

    def _write(self, action: Callable[[MlflowClient, str], None]) -> None:
        """Do `action`; when MLflow refuses, see that the run is there and do it once more.

        Refusals are told apart from outages but not from each other: MLflow's codes do not tell a deleted run from bad
        input, and a second refusal costs little.
        """
        try:
            self._do(action)
        except TrackerError as error:
            if error.retryable:
                raise
            self._experiment.forget()
            self._settle()
            self._do(action)

    def _do(self, action: Callable[[MlflowClient, str], None]) -> None:
        with translated(self._experiment.uri):
            if not self.id:
                self._settle()
            action(self._experiment.client, self.id)

    def _settle(self) -> None:
        """Find the run, take it out of the bin or make it, and add what it lacks."""
        from mlflow.entities import Param

        experiment, start = self._experiment, self._start
        with translated(experiment.uri):
            client, experiment_id = experiment.client, experiment.ensure()
            tags = {**start.tags, UID_TAG: start.uid}
            if start.parent is not None:
                tags[PARENT_TAG] = self._parent_id(start.parent)
            run = experiment.find(start.uid, deleted=True)
            if run is None:
                run = client.create_run(experiment_id, start_time=start.time, tags=tags, run_name=start.name)
            elif run.info.lifecycle_stage != "active":
                client.restore_run(run.info.run_id)
            had = run.data
            params = [Param(key, value) for key, value in start.params.items() if key not in had.params]
            client.log_batch(run.info.run_id, params=params)
            missing = {k: v for k, v in tags.items() if k not in had.tags or (k == PARENT_TAG and had.tags[k] != v)}
            _set_tags(client, run.info.run_id, missing)
        self.id = run.info.run_id
        self._epoch = experiment.epoch
        self._is_tagged = _is_tagged(run)


def study_page(
    server: str, experiment_id: str, parent_run_id: str, metric: str, direction: Literal["minimize", "maximize"]
) -> str:
    """Return the address at which MLflow shows the children of a run as curves, best first.

    Args:
        server: address of `mlflow server`, such as "http://127.0.0.1:5000".
        experiment_id: id of the experiment.
        parent_run_id: id of the run whose children to show.
        metric: name of the metric that ranks them.
        direction: "minimize" puts the lowest first, "maximize" the highest.
    """
    query = {
        "workflowType": "machine_learning",  # wins over what the browser remembers
        "searchFilter": f"tags.`{PARENT_TAG}` = '{parent_run_id}'",
        "orderByKey": f"metrics.`{stored_name(metric)}`",
        "orderByAsc": "true" if direction == "minimize" else "false",
        "compareRunsMode": "CHART",
    }
    parts = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
    return f"{server.rstrip('/')}/#/experiments/{quote(experiment_id, safe='')}/runs?{parts}"


def run_page(server: str, experiment_id: str, run_id: str) -> str:
    """Return the address of one run's own page: description, params, curves, artifacts."""
    run = f"{quote(experiment_id, safe='')}/runs/{quote(run_id, safe='')}"
    return f"{server.rstrip('/')}/#/experiments/{run}?workflowType=machine_learning"


def _set_tags(client: MlflowClient, run_id: str, tags: Mapping[str, str]) -> None:
    from mlflow.entities import RunTag

    client.log_batch(run_id, tags=[RunTag(key, value) for key, value in tags.items()])


def _is_tagged(run: StoredRun) -> bool:
    return bool(run.data.tags.get(STATE_TAG) == "PRUNED")


def _stored_tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {stored_name(key): stored_text(str(value), limit=TAG_LIMIT) for key, value in tags.items()}


def _milliseconds(time: float) -> int:
    return max(1, round(time * 1000))  # MLflow 3.17 reads 0 as now


def _summary(run: StoredRun) -> RunSummary:
    return RunSummary(
        uid=run.data.tags.get(UID_TAG, ""),
        run_id=run.info.run_id,
        name=run.info.run_name,
        status=_OURS[run.info.status],
        params=dict(run.data.params),
        tags=dict(run.data.tags),
    )
