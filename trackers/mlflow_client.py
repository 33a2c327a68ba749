"""How one MLflow experiment is reached, with MLflow's exceptions, log lines and limits kept on this side.

    experiment = Experiment("sqlite:////data/mlflow.db", name="digits")
    with translated(experiment.uri):                    # whatever MLflow raises leaves as a TrackerError
        experiment.client.set_tag(run_id, stored_name("lr @ start"), stored_text(text, limit=TAG_LIMIT))

MLflow is loaded by the first call, never by importing this module; its global state (`mlflow.set_tracking_uri`, the
active run) is never touched, so none of it reaches the processes that the caller starts.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import logging
import math
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trackers.base import TrackerError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment as StoredExperiment
    from mlflow.entities import Run as StoredRun

UID_TAG = "automl.uid"

NAME_LIMIT = 250
PARAM_LIMIT = 6000
TAG_LIMIT = 8000
"""Longest name, param and tag in characters: what MLflow 3 accepts (mlflow/utils/validation.py)."""

_MESSAGE_LIMIT = 600
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # a run whose creation timed out would be created twice; the caller retries
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # the default of 120 s hangs on a dead server
    "MLFLOW_TRUNCATE_LONG_VALUES": "false",  # else cut in silence; `stored_text` cuts and says so
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
_LOGGERS = ("mlflow.store.db.utils", "alembic", "urllib3.connectionpool")
"""Loggers that tell of migrations, and of errors and retries that a TrackerError tells of too."""
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_RETRYABLE = {
    "ABORTED",
    "DEADLINE_EXCEEDED",
    "INTERNAL_ERROR",
    "REQUEST_LIMIT_EXCEEDED",
    "RESOURCE_EXHAUSTED",
    "TEMPORARILY_UNAVAILABLE",
}
_PASSING = {401, 403, 404, 407, 408, 425, 429}
"""HTTP statuses that are about who asks, where and how often, not about what is sent."""


class Experiment:
    """One experiment of a tracking store. Opened by the first use; not for several threads.

    Its methods raise what MLflow raises, so calls belong in `translated(experiment.uri)`.
    """

    def __init__(
        self, uri: str, *, name: str, artifact_location: str | None = None, tags: Mapping[str, str] | None = None
    ) -> None:
        self.uri = uri
        self.epoch = 0
        """Grows at each `forget`: what was seen in an earlier epoch may be gone."""
        self._name = name
        self._artifact_location = artifact_location
        self._tags = dict(tags or {})
        self._client: MlflowClient | None = None
        self._id: str | None = None
        for variable, value in _ENVIRONMENT.items():  # here, since MLflow reads some of them when it is imported
            os.environ.setdefault(variable, value)

    @property
    def is_remote(self) -> bool:
        """Whether a server stands between."""
        return self.uri.startswith("http")

    @property
    def client(self) -> MlflowClient:
        """The client, opened if need be."""
        if self._client is None:
            self._client = _connect(self.uri)
        return self._client

    def forget(self) -> None:
        """Take nothing for granted any more, because a write was refused."""
        self.epoch += 1
        self._id = None

    def ensure(self) -> str:
        """Return MLflow's id of the experiment, made when missing and restored when deleted."""
        if self._id is None:
            found = self._find() or self._create()
            if found.lifecycle_stage != "active":
                self.client.restore_experiment(found.experiment_id)
            self._id = str(found.experiment_id)
        return self._id

    def search(self, tag: str, value: str, *, deleted: bool = False) -> Iterator[StoredRun]:
        """Yield the runs with that tag, oldest first; with `deleted` those in the bin too. Only reads."""
        if re.search(r"[\x00-\x1f'\"\\`]", value):
            raise ValueError(f"a uid must have no quotes, backslashes or control characters, got {value!r}")
        client = self.client
        experiment_id = self._id
        if experiment_id is None:
            experiment = self._find()
            if experiment is None:
                return
            experiment_id = experiment.experiment_id
        from mlflow.entities import ViewType

        token = None
        while True:
            page = client.search_runs(
                [experiment_id],
                f"tags.`{tag}` = '{value}'",
                run_view_type=ViewType.ALL if deleted else ViewType.ACTIVE_ONLY,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                return

    def find(self, uid: str, *, deleted: bool = False) -> StoredRun | None:
        """Return the oldest run of `uid`; with `deleted` one in the bin when there is no other. Only reads."""
        found = list(self.search(UID_TAG, uid, deleted=deleted))
        return min(found, key=lambda run: run.info.lifecycle_stage != "active", default=None)

    def _find(self) -> StoredExperiment | None:
        return self.client.get_experiment_by_name(self._name)

    def _create(self) -> StoredExperiment:
        from mlflow.exceptions import MlflowException

        try:
            return self.client.get_experiment(
                self.client.create_experiment(self._name, self._artifact_location, self._tags)
            )
        except MlflowException:
            if found := self._find():  # another process was faster
                return found
            raise


@contextlib.contextmanager
def translated(uri: str) -> Iterator[None]:
    """Turn every exception of the block into a TrackerError that names `uri`, without its password."""
    try:
        yield
    except TrackerError:
        raise
    except Exception as error:  # also what artifact stores of other vendors raise
        said = _silence(error) or " ".join(str(error).partition("[SQL:")[0].split()) or type(error).__name__
        message = re.sub(r"(://[^\s:/]*):[^\s/]*@", r"\1:***@", f"MLflow at {uri}: {said}")
        raise TrackerError(message[:_MESSAGE_LIMIT], retryable=_is_retryable(error)) from error


def stored_name(name: str) -> str:
    """Return the key under which MLflow keeps a metric, param or tag of this name.

    Names of letters, digits, "_", "-", ".", ":", " " and single "/" inside are kept. In others every other character
    becomes "_" and a tail of their hash is added, so that two names that differ stay two.
    """
    clean = "/".join(part for part in re.sub(r"[^\w\-.: /]", "_", name).split("/") if part.strip(". "))
    if name and name == clean and len(name) <= NAME_LIMIT:
        return name
    return f"{clean[: NAME_LIMIT - 9]}-{_hash(name)[:8]}"


def stored_text(text: str, *, limit: int) -> str:
    """Return `text`, or when it is longer than `limit` its beginning, its length and its SHA-256.

    The sum shows that something was cut, and whether two texts that begin alike are the same.
    """
    if len(text) <= limit:
        return text
    note = f"... [{len(text)} characters, sha256 {_hash(text)}]"
    return text[: limit - len(note)] + note


def stored_value(value: float) -> float:
    """Return what MLflow keeps of a metric's value: NaN as it is, an infinity as the largest float of its sign."""
    return math.copysign(sys.float_info.max, value) if math.isinf(value) else float(value)


def original_value(stored: float) -> float:
    """Undo `stored_value`."""
    return math.copysign(math.inf, stored) if abs(stored) == sys.float_info.max else stored


def _connect(uri: str) -> MlflowClient:
    with translated(uri), _alone(uri):
        from mlflow import MlflowClient

        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        _make(uri)
        _probe(uri)
        return MlflowClient(tracking_uri=uri)


def _make(uri: str) -> None:
    """Make the tables of a SQLite store that is not there yet, all of them or none.

    MLflow takes seconds for them, and refuses for ever the file that a process leaves which dies meanwhile: it begins
    anew with a table that exists already.
    """
    path = _sqlite_file(uri)
    if path is None or (path.exists() and path.stat().st_size):
        return
    from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    unfinished = path.with_name(f".{path.name}.tmp")  # nobody else is at it, see `_alone`
    for suffix in ("", "-journal", "-wal", "-shm"):
        unfinished.with_name(unfinished.name + suffix).unlink(missing_ok=True)
    where, mark, query = uri.partition("?")  # as it was written: MLflow makes folders of its text, escapes and all
    folder, _, name = where.rpartition("/")
    store = SqlAlchemyStore(f"{folder}/.{name}.tmp{mark}{query}", DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH)  # type: ignore[no-untyped-call]
    store.engine.dispose()  # else it would hold the file under its new name too
    unfinished.replace(path)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _silence(error: BaseException) -> str:
    """Return why there was no answer, in the system's own words; "" when there was one."""
    chain = [error]
    for each in chain:
        chain += [link for link in (each.__cause__, each.__context__) if link is not None and link not in chain]
    is_http = [type(each).__module__.startswith(("requests", "urllib3")) for each in chain]
    silence = [each for each, is_of in zip(chain, is_http, strict=True) if isinstance(each, OSError) and not is_of]
    return (silence[-1].strerror or str(silence[-1])) if any(is_http) and silence else ""


def _is_retryable(error: Exception) -> bool:
    code = getattr(error, "error_code", None)  # a MlflowException says what it is
    if code is not None:
        return code in _RETRYABLE
    status = getattr(getattr(error, "response", None), "status_code", None)  # what an artifact store says in HTTP
    if status is not None:
        return status >= 500 or status in _PASSING or status < 400
    from sqlalchemy.exc import ArgumentError

    return not isinstance(error, (ImportError, TypeError, ValueError, ArgumentError))


def _probe(uri: str) -> None:
    """Connect once to a database, since MLflow tries a dead one ten times in 100 seconds before it says so."""
    if uri.partition(":")[0].partition("+")[0] in _DATABASES:
        import sqlalchemy

        engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool)
        engine.connect().close()


@contextlib.contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Let one process at a time open a SQLite store: two that find it empty would both create its tables.

    The lock file stays beside it: were it removed, a third process could lock another file of the same name.
    """
    path = _sqlite_file(uri)
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW  # never what a link in its place leads to
    with os.fdopen(os.open(path.with_name(f"{path.name}.lock"), flags, 0o600), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sqlite_file(uri: str) -> Path | None:
    if not uri.startswith("sqlite"):
        return None
    from sqlalchemy import make_url

    database = make_url(uri).database
    return None if database in (None, "", ":memory:") else Path(database)
