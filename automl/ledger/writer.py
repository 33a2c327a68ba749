"""The only writer of a study: every change is one row with one sequence number, in a transaction fenced by the lease.

    ledger = Writer.open(engine, "digits-1")                # takes the lease or says who holds it
    ledger.ask(number=0, params={"lr": 0.1}, seed=7)        # changes wait in memory ...
    ledger.start(trial=0, attempt=1, start_step=0, resources={})
    ledger.commit()                                         # ... and go to disk together

Each transaction begins with one statement that counts the study's `seq` up where the `epoch` is still ours. If it
touches no row, another driver has taken the study and nothing is written. The same statement numbers the rows, which is
all that delivery and watchers need to find what is new. And since it counts from the seq that the writer knows, a
commit is never written twice, though it is repeated when the connection broke before its answer came.
"""

from __future__ import annotations

import contextlib
import math
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from automl import crash
from automl.crash import Point
from automl.errors import AutomlError, LeaseLostError, StudyMismatchError, StudyNotFoundError
from automl.ledger import integrity, lease, schema
from automl.ledger.address import shown
from automl.ledger.database import LedgerError, as_utc, connect, database_time, translated
from automl.ledger.patience import Said, log, repeated
from automl.ledger.requests import Request
from automl.trial import AttemptState, Reason, Report, TrialState

Clock = Callable[[], float]

_S, _T, _A = schema.studies, schema.trials, schema.attempts


def _update(table: sa.Table, *keys: str) -> sa.Update:
    # Keys are bound as "key_...": a row's other names are the columns that it sets.
    return sa.update(table).where(*(table.c[key] == sa.bindparam(f"key_{key}") for key in ("study_id", *keys)))


_COUNT_UP = (
    sa.update(_S)
    .where(
        _S.c.id == sa.bindparam("key_id"),
        _S.c.uid == sa.bindparam("key_uid"),
        _S.c.epoch == sa.bindparam("key_epoch"),
        _S.c.seq == sa.bindparam("key_seq"),
    )
    .values(seq=sa.bindparam("to_seq"))
    .returning(_S.c.seq)
)
_ASK = sa.insert(_T)
_MOVE = _update(_T, "number")
_TELL = _update(_T, "number")
_START = sa.insert(_A)
_END = _update(_A, "trial", "number")
_REPORT = sa.insert(schema.metrics)
_EVENT = sa.insert(schema.events)
_IN_ORDER = (_ASK, _START, _REPORT, _EVENT, _MOVE, _END, _TELL)
_TAKEN = "another driver has taken the study over; nothing more is written from here"
_KINDS = {_ASK: "ask", _START: "start", _REPORT: "report", _END: "end", _TELL: "tell"}


def _pass(when: str, kinds: Iterable[str]) -> None:
    """Pass the crash points of a transaction that changes things of these kinds."""
    for kind in sorted(kinds):
        crash.here(Point(f"driver-{when}-{kind}"))


def _as_json(values: Mapping[str, float]) -> dict[str, float | str]:
    """Return metrics as JSON, which has no NaN nor infinity: they become text, and `float` reads it."""
    return {name: value if math.isfinite(value) else str(value) for name, value in values.items()}


def create_study(url: str, name: str, config: Mapping[str, Any], *, clock: Clock = time.time) -> None:
    """Add a study without trials, held by this process: nobody else takes or deletes it before its `Writer` is opened.

    Raises:
        StudyMismatchError: the name is taken.
    """
    engine = connect(url, create=True)
    now = clock()
    row = {"name": name, "uid": uuid.uuid4().hex, "created": now, "config": dict(config)}
    row |= {"owner": lease.this_process(since=now)}

    def create() -> None:
        with engine.begin() as connection:
            uid = connection.scalar(sa.select(_S.c.uid).where(_S.c.name == name))
            if uid is None:
                connection.execute(sa.insert(_S).values(renewed=sa.func.now()), row)
                crash.here(Point.DRIVER_WITHIN_CREATE)
            elif uid != row["uid"]:  # else an earlier try has made it, whose answer was lost
                raise StudyMismatchError(
                    f"study {name!r} exists: go on with `automl resume {name}`, or choose another --name"
                )

    crash.here(Point.DRIVER_BEFORE_CREATE)
    try:
        with translated(engine.url):
            repeated(create, engine.url)
        crash.here(Point.DRIVER_AFTER_CREATE)
    except LedgerError as error:
        if isinstance(error.__cause__, sa.exc.IntegrityError):
            raise StudyMismatchError(f"study {name!r} was just made by another process") from error
        raise
    finally:
        engine.dispose()


def discard_study(url: str, name: str) -> bool:
    """Remove a study that this process holds, if nothing was ever written in it; return whether it was removed."""
    engine = connect(url, create=True, waits=True)

    def discard() -> bool:
        with engine.begin() as connection:
            unused = sa.select(_S.c.uid, _S.c.owner).where(_S.c.name == name, _S.c.seq == 0)
            found = connection.execute(unused).one_or_none()
            if found is None or not found.owner or not lease.is_ours(found.owner):
                return False
            connection.execute(sa.delete(_S).where(_S.c.uid == found.uid))
            return True

    try:
        with translated(engine.url):
            return repeated(discard, engine.url)
    finally:
        engine.dispose()


def _take(engine: sa.Engine, name: str, owner: Mapping[str, Any], *, takeover: bool, clock: Clock) -> Mapping[str, Any]:
    """Make `owner` the driver of a study, unless an earlier try has; return the study's row as a `Writer` needs it."""
    with engine.begin() as connection:
        integrity.check_pages(connection)
        # Of two that come at once the second waits here, and then sees who holds it; SQLite's BEGIN has done so.
        locked = sa.select(_S).where(_S.c.name == name).with_for_update()
        found = connection.execute(locked).mappings().one_or_none()
        if found is None:
            raise StudyNotFoundError(f"no study {name!r} in {shown(engine.url)}; see `automl ls`")
        row: dict[str, Any] = {**found, "fenced": None}
        held = row["owner"]
        if held and owner.items() <= held.items():  # only the answer was lost, and with it whom this fenced
            return row
        if held and not (row["epoch"] == 0 and lease.is_ours(held)):  # else we have just made it
            idle = (database_time(connection) - as_utc(row["renewed"])).total_seconds()
            if lease.is_held(held, idle):
                if not takeover:
                    raise lease.refusal(name, held)
                row["fenced"] = {key: held[key] for key in ("host", "pid", "since")}
            # It has said no word of its end; when it last renewed it was alive. The database has a clock of its own.
            since, until = held["since"], clock() - idle
            if not held.get("searched"):
                row["used"] += max(0.0, until - since)
            owner = {**owner, "before": [*(_inherited(held, row["seq"]) or (since, until)), row["seq"]]}
        row |= {"epoch": row["epoch"] + 1, "owner": owner}
        taken = {key: row[key] for key in ("epoch", "used", "owner")}
        connection.execute(
            sa.update(_S).where(_S.c.id == row["id"]).values(**taken, renewed=sa.func.now(), request=None)
        )
        crash.here(Point.DRIVER_WITHIN_TAKE)
    return row


def _inherited(owner: Mapping[str, Any], seq: int) -> tuple[float, float] | None:
    """Return from when to when the driver lived whose attempts `owner` has still to end, if any.

    Who takes a study up ends them with the first that it writes; while the seq stands where it was, the next has to.
    """
    since, until, found = owner.get("before", (math.inf, -math.inf, None))
    return (since, until) if seq == found else None


class Writer:
    """The driver's hold on one study: its lease and the rows that wait for the next commit."""

    GROUP_SECONDS = 0.5
    """Longest time that a report waits in memory."""

    def __init__(
        self, engine: sa.Engine, taken: Mapping[str, Any], *, gathers: int = 0, clock: Clock = time.time
    ) -> None:
        self.engine = engine
        self.study_id: int = taken["id"]
        self.epoch: int = taken["epoch"]
        self.seq: int = taken["seq"]
        self.fenced: Mapping[str, Any] | None = taken["fenced"]
        """The driver that lived and held the study until it was taken over: host, pid, since."""
        self.lived: tuple[float, float] = _inherited(taken["owner"], taken["seq"]) or (math.inf, -math.inf)
        """From when to when the driver is known to have lived whose attempts are to be ended, if any; else never."""
        self.said: Said = log
        """Told when the ledger makes the driver wait."""
        self.clock = clock
        self.used_seconds: float = taken["used"]
        """How long drivers before this one have held the study for its search."""
        self._owner: Mapping[str, Any] = taken["owner"]
        self._uid = taken["uid"]
        self._there = integrity.Presence(engine.url)
        self._opened = clock()
        self._gathers = gathers
        self._changes: list[tuple[sa.Insert | sa.Update, dict[str, Any]]] = []
        self._oldest = math.inf
        self._is_over = False  # the lease was given back
        self._search_ended: float | None = None

    @classmethod
    def open(
        cls, engine: sa.Engine, name: str, *, takeover: bool = False, gathers: int = 0, clock: Clock = time.time
    ) -> Writer:
        """Take the lease of a study, with `takeover` from a driver that lives too: its next write fails.

        A commit waits until it `gathers` so many changes: for a study that nobody else looks at while it runs.

        Raises:
            StudyNotFoundError: there is no study of that name.
            LeaseLostError: a driver that lives holds it.
            LedgerError: it is damaged.
        """
        owner = lease.this_process(since=clock())
        crash.here(Point.DRIVER_BEFORE_TAKE)
        with translated(engine.url):
            taken = repeated(lambda: _take(engine, name, owner, takeover=takeover, clock=clock), engine.url)
        crash.here(Point.DRIVER_AFTER_TAKE)
        return cls(engine, taken, gathers=gathers, clock=clock)

    def ask(self, *, number: int, params: Mapping[str, Any], seed: int, confirms: int | None = None) -> None:
        """Record a new trial, WAITING; one that `confirms` another is none of the search."""
        row = {"number": number, "params": dict(params), "seed": seed, "state": TrialState.WAITING}
        self._add(_ASK, row | {"created": self.clock()})
        if confirms is not None:
            self.event(schema.CONFIRMS, trial=number, of=confirms)

    def start(
        self, *, trial: int, attempt: int, start_step: int, resources: Mapping[str, float], time: float | None = None
    ) -> None:
        """Record that an attempt begins (now, or at `time`), and with it that the trial is RUNNING."""
        row = {"trial": trial, "number": attempt, "state": AttemptState.STARTED, "start_step": start_step}
        self._add(_START, row | {"resources": dict(resources), "started": self.clock() if time is None else time})
        self._add(_MOVE, {"key_number": trial, "state": TrialState.RUNNING})

    def report(self, *, trial: int, attempt: int, report: Report) -> None:
        """Record every metric of a report."""
        for name, value in report.values.items():
            key = {"trial": trial, "attempt": attempt, "name": name, "step": report.step}
            self._add(_REPORT, key | {"value": None if math.isnan(value) else value, "time": report.time})

    def end(
        self,
        *,
        trial: int,
        attempt: int,
        state: AttemptState,
        checkpoint: int | None = None,
        reason: Reason | None = None,
        waits: bool = False,
        time: float | None = None,
    ) -> None:
        """Record how an attempt ended (now, or at `time`); the trial is WAITING again if `waits`, else as it was."""
        key = {"key_trial": trial, "key_number": attempt}
        ended = self.clock() if time is None else time
        self._add(_END, key | {"state": state, "checkpoint": checkpoint, "ended": ended, "reason": reason})
        if waits:
            self._add(_MOVE, {"key_number": trial, "state": TrialState.WAITING})

    def tell(
        self,
        *,
        trial: int,
        state: TrialState,
        value: float | None = None,
        values: Mapping[str, float] | None = None,
        reason: Reason | None = None,
        message: str | None = None,
    ) -> None:
        """Record the final state of a trial."""
        kept = _as_json(values) if values else None
        row = {"state": state, "value": value, "values": kept, "reason": reason, "message": message}
        self._add(_TELL, {"key_number": trial} | row | {"ended": self.clock()})

    def keep_result(self, *, trial: int, test: Mapping[str, float]) -> None:
        """Write what the winner's metrics on the test part are, with all that waits."""
        crash.here(Point.DRIVER_BEFORE_RESULT)
        self.commit(result={"trial": trial, "test": _as_json(test)})
        crash.here(Point.DRIVER_AFTER_RESULT)

    def event(self, kind: str, *, trial: int | None = None, **data: Any) -> None:
        """Record something that is no row elsewhere: the driver came or went, a file is worth showing."""
        self._add(_EVENT, {"kind": kind, "trial": trial, "time": self.clock(), "data": data})

    @property
    def position(self) -> int:
        """The study's seq once all that waits is written."""
        return self.seq + len(self._changes)

    @property
    def is_due(self) -> bool:
        """Whether a change has waited long enough."""
        return self.clock() - self._oldest >= self.GROUP_SECONDS

    def commit(self, **study: Any) -> int:
        """Write all that waits, in one transaction, and set the columns `study` of the study's own row.

        Returns the study's seq. On an error nothing is written and the changes wait on. So do they where more are to be
        gathered and the row needs no other change.

        Raises:
            LeaseLostError: another driver has taken the study since, or the ledger's file is gone.
        """
        if len(self._changes) < self._gathers and study.keys() <= {"renewed"}:
            return self.seq
        kinds = {_KINDS[statement] for statement, _ in self._changes if statement in _KINDS}
        kinds |= {"release"} if "finished" in study and "owner" in study else set()
        _pass("before", kinds)
        with translated(self.engine.url):
            self.seq = repeated(lambda: self._write(study, kinds), self.engine.url, said=self.said)
        _pass("after", kinds)
        self._changes.clear()
        self._oldest = math.inf
        return self.seq

    def _write(self, study: Mapping[str, Any], kinds: Iterable[str]) -> int:
        """Write the changes unless an earlier try, whose answer was lost, already has; return the study's seq."""
        self._there.check()
        to = self.seq + len(self._changes)
        with self.engine.begin() as connection:
            key = {"key_id": self.study_id, "key_uid": self._uid, "key_epoch": self.epoch, "key_seq": self.seq}
            if connection.scalar(_COUNT_UP, key | {"to_seq": to}) is None:
                return self._written_before(connection, to)
            for statement, rows in self._numbered(self.seq + 1):
                connection.execute(statement, rows)
            if study:
                connection.execute(sa.update(_S).where(_S.c.id == self.study_id).values(**study))
            _pass("within", kinds)
        return to

    def _written_before(self, connection: sa.Connection, to: int) -> int:
        """Return the seq `to` if an earlier try brought the study there; else nothing may be written."""
        mine = _S.c.id == self.study_id, _S.c.uid == self._uid
        found = connection.execute(sa.select(_S.c.epoch, _S.c.seq).where(*mine)).one_or_none()
        if found is None or found.epoch > self.epoch:
            raise LeaseLostError(_TAKEN if found else "the study was deleted while it ran; the search ends here")
        if found.epoch < self.epoch or found.seq != to:
            raise LedgerError(
                f"the ledger is at seq {found.seq}, not {self.seq}: the database has lost commits, or was replaced by "
                "an older copy; nothing is written to it; see `automl doctor`, then resume"
            )
        return to

    def renew(self) -> None:
        """Say that the driver lives, for drivers on other hosts."""
        self.commit(renewed=sa.func.now())

    def request(self) -> Request | None:
        """Return what somebody has asked of this driver since it took the lease.

        Raises:
            LeaseLostError: another driver has taken the study since, or the ledger's file is gone.
        """
        self._there.check()
        query = sa.select(_S.c.request, _S.c.epoch).where(_S.c.id == self.study_id)
        with translated(self.engine.url), self.engine.connect() as connection:
            found = connection.execute(query).one_or_none()
        if found is not None and found.epoch > self.epoch:
            raise LeaseLostError(_TAKEN)
        return Request.read(found.request) if found else None

    def end_search(self) -> None:
        """Write what waits; the time from now on is none that the search has used, however this driver ends."""
        self._search_ended = self.clock()
        self.commit(used=self._used, owner={**self._owner, "searched": True})

    @property
    def _used(self) -> float:
        return self.used_seconds + (self._search_ended or self.clock()) - self._opened

    def release(self, *, finished: bool) -> None:
        """Write what waits, give the lease back, and close the ledger."""
        self._is_over = True
        try:
            self.commit(owner=None, finished=finished, used=self._used, request=None)
        finally:
            self.engine.dispose()

    def erase(self) -> None:
        """Delete the study: its row, and with it all that belongs to it.

        Raises:
            LeaseLostError: another driver has taken the study since.
        """
        with translated(self.engine.url):
            repeated(self._erase, self.engine.url, said=self.said)

    def _erase(self) -> None:
        mine = sa.delete(_S).where(_S.c.id == self.study_id, _S.c.epoch == self.epoch)
        with self.engine.begin() as connection:
            is_deleted = connection.execute(mine).rowcount > 0
            if not is_deleted and connection.scalar(sa.select(_S.c.id).where(_S.c.uid == self._uid)) is not None:
                raise LeaseLostError("another driver has taken the study over; nothing was deleted")

    def abandon(self) -> None:
        """Give the lease back, unless that was done or it is gone, and drop what waits: the study was not run."""
        if self._is_over:
            return
        self._is_over = True
        self._changes.clear()
        left = {**self._owner, "searched": True, "left": True}
        with contextlib.suppress(AutomlError):
            self.commit(owner=left if _inherited(self._owner, self.seq) else None)
        self.engine.dispose()

    def _add(self, statement: sa.Insert | sa.Update, row: dict[str, Any]) -> None:
        if not self._changes:
            self._oldest = self.clock()
        self._changes.append((statement, row))

    def _numbered(self, first: int) -> list[tuple[sa.Insert | sa.Update, list[dict[str, Any]]]]:
        """Return each statement once, with all of its rows; every row has its number, and in their order they stay.

        Rows are there before they are changed, and what a trial becomes last is what its end made of it.
        """
        found: dict[sa.Insert | sa.Update, list[dict[str, Any]]] = {statement: [] for statement in _IN_ORDER}
        for seq, (statement, row) in enumerate(self._changes, start=first):
            name = "study_id" if isinstance(statement, sa.Insert) else "key_study_id"
            found[statement].append(row | {name: self.study_id, "seq": seq})
        return [(statement, rows) for statement, rows in found.items() if rows]
