"""Everything that is read from a ledger: by the driver when it resumes, and by every command that shows something.

    with Reader.open(url, "digits-1") as reader:
        reader.study().config["metric"]
        best = reader.leaderboard(1)

A reader sees one moment: all of its answers come from one transaction, so they agree with each other while the search
goes on. Call `refresh` to move to the present.
"""

from __future__ import annotations

import contextlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from automl.errors import StudyNotFoundError
from automl.ledger import lease, schema
from automl.ledger.address import shown
from automl.ledger.database import LedgerError, as_utc, connect, translated
from automl.ledger.patience import repeated
from automl.ledger.requests import Request
from automl.ledger.rows import AttemptRow, EventRow, MetricRow, StudyRow
from automl.trial import AttemptState, Reason, TrialRecord, TrialState

_S, _T, _A, _M, _E = schema.studies, schema.trials, schema.attempts, schema.metrics, schema.events


class Reader:
    """A consistent view of one study. Close it, or use it as a context manager."""

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self._engine = engine
        self._owns_engine = False
        with translated(engine.url):
            self._connection, self._id, version = repeated(lambda: _begin(engine, name), engine.url)
        self._moment: int | None = None  # the study's seq in what is seen now
        self._columns = [column for column in _S.c if column.info.get("since", "") <= version]

    @classmethod
    def open(cls, url: str, name: str) -> Self:
        """Open the ledger at `url` for reading.

        Raises:
            StudyNotFoundError: it has no study of that name.
        """
        engine = connect(url, waits=True)
        try:
            reader = cls(engine, name)
        except BaseException:
            engine.dispose()
            raise
        reader._owns_engine = True
        return reader

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back, and close the ledger unless it was open before."""
        self.refresh()._connection.close()
        if self._owns_engine:
            self._engine.dispose()

    @property
    def url(self) -> sa.URL:
        """Of the ledger, with its password."""
        return self._engine.url

    def refresh(self) -> Self:
        """Forget the moment that was seen, and a connection that broke: the next answer is of the present."""
        with contextlib.suppress(sa.exc.DBAPIError):
            self._connection.rollback()
        self._moment = None
        return self

    def study(self) -> StudyRow:
        """Return the study's own row, its state judged by whether its driver lives."""
        found = self._rows(sa.select(*self._columns).where(_S.c.id == self._id))
        if not found:
            raise StudyNotFoundError("the study has just been removed")
        (row,) = found
        owner = row["owner"]
        if owner:
            now = self._execute(sa.select(sa.func.now())).scalar_one()
            idle = (as_utc(now) - as_utc(row["renewed"])).total_seconds()
            owner = owner if lease.is_held(owner, idle) else None
        state = "running" if owner else "finished" if row["finished"] else "interrupted"
        result = row["result"]
        if result:
            result = result | {"test": {name: float(value) for name, value in result["test"].items()}}
        kept = {name: row[name] for name in ("id", "name", "uid", "created", "config", "seq")}
        return StudyRow(
            **kept,
            result=result,
            state=state,
            owner={k: owner[k] for k in ("host", "pid", "since")} if owner else None,
            has_died=bool(row["owner"]) and not owner,
            request=Request.read(row.get("request")) if owner else None,
        )

    def counts(self) -> dict[str, int]:
        """Return the number of trials of the search in each of the five states."""
        query = sa.select(_T.c.state, sa.func.count().label("n")).where(*self._searched()).group_by(_T.c.state)
        found = {row["state"]: row["n"] for row in self._rows(query)}
        return {state: found.get(state, 0) for state in TrialState}

    def size(self) -> int:
        """Return the number of all trials, those that confirm others included: their numbers are 0 to one less."""
        return int(self._scalar(sa.select(sa.func.count()).select_from(_T).where(_T.c.study_id == self._id)) or 0)

    def confirmations(self) -> dict[int, int]:
        """Return the trials that run another one again, none of them of the search, with that other's number."""
        return {event.trial: event.data["of"] for event in self.events(kind=schema.CONFIRMS) if event.trial is not None}

    def unfinished(self) -> list[int]:
        """Return the numbers of the trials that are not finished."""
        where = _T.c.state.not_in([state for state in TrialState if state.is_finished])
        return [row["number"] for row in self._rows(sa.select(_T.c.number).where(_T.c.study_id == self._id, where))]

    def paused(self) -> list[int]:
        """Return the numbers of the RUNNING trials that are paused: their last attempt ended so."""
        last = sa.select(_A.c.trial, sa.func.max(_A.c.number).label("number")).where(_A.c.study_id == self._id)
        latest = last.group_by(_A.c.trial).subquery()
        ends = _A.join(latest, (latest.c.trial == _A.c.trial) & (latest.c.number == _A.c.number))
        rows = ends.join(_T, (_T.c.study_id == _A.c.study_id) & (_T.c.number == _A.c.trial))
        where = (_A.c.study_id == self._id, _A.c.state == AttemptState.PAUSED, _T.c.state == TrialState.RUNNING)
        query = sa.select(_T.c.number).select_from(rows).where(*where).order_by(_T.c.number)
        return [row["number"] for row in self._rows(query)]

    def attempts(self, trial: int | None = None, *, after: int = -1) -> list[AttemptRow]:
        """Return the attempts of one trial or all, in order, that began or ended after seq `after`."""
        where = [_A.c.study_id == self._id, _A.c.seq > after, *([_A.c.trial == trial] if trial is not None else [])]
        return [
            AttemptRow(
                **{k: row[k] for k in ("trial", "number", "start_step", "checkpoint", "started", "ended", "resources")},
                seq=row["seq"],
                state=AttemptState(row["state"]),
                reason=Reason(row["reason"]) if row["reason"] else None,
            )
            for row in self._rows(sa.select(_A).where(*where).order_by(_A.c.trial, _A.c.number))
        ]

    def metrics(self, trial: int | None = None, *, after: int = -1, up_to: int | None = None) -> list[MetricRow]:
        """Return reported values, of one trial or all, in the order of their writing, after seq `after`."""
        return [
            MetricRow(
                **{k: row[k] for k in ("trial", "attempt", "name", "step", "time", "seq")},
                value=math.nan if row["value"] is None else row["value"],
            )
            for row in self._metric_rows(trial, after, up_to)
        ]

    def history(self) -> list[tuple[int, int | None, Any]]:
        """Return what early stopping learns from, in the order of its writing.

        That is (trial, step, value) of each report of the study's metric, its value None where it was NaN, and
        (trial, None, value) of each end of a trial, its value None unless the trial is COMPLETE. Where more than one
        metric counts, a value is all that was reported at once, or returned, of those that do, by name.
        """
        preference = self.study().preference
        columns = _M.c.seq, _M.c.trial, _M.c.step, _M.c.value, _M.c.attempt, _M.c.name
        reports = sa.select(*columns).where(_M.c.study_id == self._id, _M.c.name.in_(preference.names))
        told: list[tuple[int, int, int | None, Any]] = []  # with the seq of each
        last = None
        for seq, trial, step, value, attempt, name in self._execute(reports.order_by(_M.c.seq)):
            if preference.is_plain:
                told.append((seq, trial, step, value))
                continue
            if last != (trial, attempt, step):  # the metrics of a report are written one after the other
                told.append((seq, trial, step, {}))
            last = trial, attempt, step
            told[-1][3][name] = math.nan if value is None else value
        # Nothing touches the row of a trial after its end, so its seq is that of its end.
        finished = [state for state in TrialState if state.is_finished]
        ends = sa.select(_T.c.seq, _T.c.number, _T.c.value, _T.c["values"]).where(
            _T.c.study_id == self._id, _T.c.state.in_(finished)
        )
        for seq, trial, value, values in self._execute(ends):
            is_plain = preference.is_plain or value is None
            told.append((seq, trial, None, value if is_plain else _floats(values)))
        return [(trial, step, value) for _, trial, step, value in sorted(told, key=lambda row: row[0])]

    def ends(self) -> dict[int, int]:
        """Return the seq of the end of each trial that is finished."""
        # Nothing touches the row of a trial after its end.
        where = _T.c.study_id == self._id, _T.c.state.in_([state for state in TrialState if state.is_finished])
        return {number: seq for number, seq in self._execute(sa.select(_T.c.number, _T.c.seq).where(*where))}

    def seq_of_page(self, after: int, limit: int) -> int:
        """Return the seq up to which at most `limit` reported values are newer than `after`."""
        page = sa.select(_M.c.seq).where(_M.c.study_id == self._id, _M.c.seq > after).order_by(_M.c.seq)
        last = self._scalar(page.offset(limit).limit(1))
        return last - 1 if last is not None else self.study().seq

    def changed(self, after: int, up_to: int | None = None) -> list[int]:
        """Return the numbers of the trials whose row changed after seq `after`, the last time by seq `up_to`."""
        where = [_T.c.study_id == self._id, _T.c.seq > after, *([_T.c.seq <= up_to] if up_to is not None else [])]
        return [row["number"] for row in self._rows(sa.select(_T.c.number).where(*where).order_by(_T.c.number))]

    def waiting(self, after: int) -> int:
        """Return how many reported values are newer than seq `after`."""
        count = sa.select(sa.func.count()).select_from(_M).where(_M.c.study_id == self._id, _M.c.seq > after)
        return int(self._scalar(count) or 0)

    def events(self, *, after: int = -1, kind: str | None = None) -> list[EventRow]:
        """Return the events after seq `after`."""
        where = [_E.c.study_id == self._id, _E.c.seq > after, *([_E.c.kind == kind] if kind else [])]
        rows = self._rows(sa.select(_E).where(*where).order_by(_E.c.seq))
        return [EventRow(**{k: row[k] for k in ("seq", "time", "kind", "trial", "data")}) for row in rows]

    def records(self, numbers: Iterable[int] | None = None) -> list[TrialRecord]:
        """Return trials by number: all, or those of `numbers`."""
        chosen = None if numbers is None else list(numbers)

        def of(column: sa.Column[int]) -> list[sa.ColumnElement[bool]]:
            return [] if chosen is None else [column.in_(chosen)]

        preference = self.study().preference
        trials = self._rows(sa.select(_T).where(_T.c.study_id == self._id, *of(_T.c.number)).order_by(_T.c.number))
        attempts = defaultdict(list)
        for row in self._rows(
            sa.select(_A).where(_A.c.study_id == self._id, *of(_A.c.trial)).order_by(_A.c.trial, _A.c.number)
        ):
            attempts[row["trial"]].append(row)
        points: dict[int, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
        reports: dict[int, dict[int, float]] = defaultdict(dict)
        values = sa.select(_M.c.trial, _M.c.step, _M.c.name, _M.c.value).where(
            _M.c.study_id == self._id, _M.c.name.in_(preference.names), *of(_M.c.trial)
        )
        for trial, step, name, value in self._execute(values.order_by(_M.c.seq)):
            number = math.nan if value is None else value
            if name == preference.metrics[0]:
                reports[trial][step] = number
            if not preference.is_plain:
                points[trial][step][name] = number
        last = sa.select(_M.c.trial, sa.func.max(_M.c.step)).where(_M.c.study_id == self._id, *of(_M.c.trial))
        reached = {trial: step for trial, step in self._execute(last.group_by(_M.c.trial))}
        confirms = self.confirmations()
        numbers = [row["number"] for row in trials]
        return [
            _record(row, attempts[n], reports[n], {**points[n]}, reached.get(n, 0), confirms.get(n))
            for n, row in zip(numbers, trials, strict=True)
        ]

    def ranking(self) -> list[tuple[int, int, float]]:
        """Return (number, step, value of the first metric) of every trial of the search that has one, best first.

        COMPLETE trials come first; the others by the highest step they reached, then by their values at it, since
        values at different steps do not compare. Of several metrics it is the last step at which any was reported.
        """
        preference = self.study().preference
        first = preference.metrics[0]
        query = sa.select(_T.c.number, _T.c.value, _T.c["values"]).where(
            *self._searched(), _T.c.state == TrialState.COMPLETE
        )
        done = {n: {**_floats(values), first: value} for n, value, values in self._execute(query)}
        counts = _M.c.study_id == self._id, _M.c.name.in_(preference.names)
        last = sa.select(_M.c.trial, _M.c.name, sa.func.max(_M.c.step).label("step")).where(*counts)
        steps = last.group_by(_M.c.trial, _M.c.name).subquery()
        is_last = (steps.c.trial == _M.c.trial) & (steps.c.name == _M.c.name) & (steps.c.step == _M.c.step)
        at_last = sa.select(_M.c.trial, _M.c.step, _M.c.name, _M.c.value).join(steps, is_last).where(*counts)
        known: dict[int, dict[str, float | None]] = defaultdict(dict)
        reached: dict[int, int] = defaultdict(int)
        for trial, step, name, value in self._execute(at_last.order_by(_M.c.seq)):
            known[trial][name] = value
            reached[trial] = max(reached[trial], step)
        passed_over = self.confirmations()
        groups: dict[tuple[bool, int], dict[int, Mapping[str, float]]] = defaultdict(dict)  # what compares
        for number, values in {**known, **done}.items():
            if number not in passed_over and values.get(first) is not None:
                is_partial = number not in done
                there = {name: value for name, value in values.items() if value is not None}
                groups[is_partial, -reached[number] * is_partial][number] = there
        found = []
        for _, group in sorted(groups.items()):
            numbers = sorted(group)
            ranks = preference.order([group[number] for number in numbers])
            best_first = sorted(zip(ranks, numbers, strict=True))
            found += [(number, reached[number], group[number][first]) for _, number in best_first]
        return found

    def settled(self, after: int = 0) -> list[tuple[int, float | None, float]]:
        """Return (number, value or None, time of its end) of trials of the search from `after` on.

        They go up to the first that has not ended.
        """
        columns = (_T.c.number, _T.c.state, _T.c.value, _T.c.ended)
        query = sa.select(*columns).where(*self._searched(), _T.c.number >= after).order_by(_T.c.number)
        found = []
        for number, state, value, ended in self._execute(query):
            if not TrialState(state).is_finished:
                break
            found.append((number, value, ended))
        return found

    def steps_run(self) -> tuple[int, int]:
        """Return the number of steps reported in all attempts: of the search, and of trials that confirm others."""
        steps = sa.select(_M.c.trial, _M.c.attempt, _M.c.step).where(_M.c.study_id == self._id).distinct().subquery()
        query = sa.select(steps.c.trial, sa.func.count()).group_by(steps.c.trial)
        confirming = self.confirmations()
        found = [0, 0]
        for trial, n in self._execute(query):
            found[trial in confirming] += n
        return found[0], found[1]

    def last_time(self) -> float:
        """Return when something last happened to a trial, or when the study was made."""
        last = self._scalar(sa.select(sa.func.max(_A.c.ended)).where(_A.c.study_id == self._id))
        return float(last) if last is not None else self.study().created

    def run_times(self) -> tuple[float, float]:
        """Return (seconds spent in attempts, seconds in which any ran: a pause before a resume is in neither)."""
        ended = sa.func.coalesce(_A.c.ended, _A.c.started)
        query = sa.select(_A.c.started, ended).where(_A.c.study_id == self._id).order_by(_A.c.started)
        busy = wall = last = 0.0
        for start, end in self._execute(query):
            busy += end - start
            wall += max(0.0, end - max(start, last))
            last = max(last, end)
        return busy, wall

    def highest_seq(self) -> int:
        """Return the highest number that a row of the study has; never above the study's own seq."""
        of = [
            sa.select(sa.func.max(t.c.seq)).where(t.c.study_id == self._id).scalar_subquery() for t in (_T, _A, _M, _E)
        ]
        return max(found or 0 for found in self._execute(sa.select(*of)).one())

    def damage(self) -> list[str]:
        """Return what SQLite finds wrong with its file; other databases look after theirs."""
        if self._engine.dialect.name != "sqlite":
            return []
        found = self._execute(sa.text("PRAGMA quick_check(10)")).scalars()
        return [line for line in found if line != "ok"]

    def _searched(self) -> tuple[sa.ColumnElement[bool], ...]:
        """Return what holds for the trials of the search alone."""
        return _T.c.study_id == self._id, _T.c.number.not_in([*self.confirmations()])

    def _metric_rows(self, trial: int | None, after: int, up_to: int | None) -> list[Mapping[str, Any]]:
        where = [_M.c.study_id == self._id, _M.c.seq > after]
        where += [_M.c.trial == trial] if trial is not None else []
        where += [_M.c.seq <= up_to] if up_to is not None else []
        return self._rows(sa.select(_M).where(*where).order_by(_M.c.seq))

    def _rows(self, query: sa.Select[Any] | sa.CompoundSelect[Any]) -> list[Mapping[str, Any]]:
        return [dict(row) for row in self._execute(query).mappings()]

    def _scalar(self, query: sa.Select[Any]) -> Any:
        return self._execute(query).scalar()

    def _execute(self, query: sa.Executable) -> sa.Result[*tuple[Any, ...]]:
        with translated(self._engine.url):
            return repeated(lambda: self._answer(query), self._engine.url)

    def _answer(self, query: sa.Executable) -> sa.Result[*tuple[Any, ...]]:
        """Answer once. After a connection broke, the moment that was seen has to be there still."""
        connection = self._connection
        if connection.invalidated:
            connection.rollback()
        if not connection.in_transaction():
            seq = connection.scalar(sa.select(_S.c.seq).where(_S.c.id == self._id))
            if self._moment not in (None, seq):
                raise LedgerError("the study went on while its ledger could not be read; ask again")
            self._moment = seq
        return connection.execute(query)


def _begin(engine: sa.Engine, name: str) -> tuple[sa.Connection, int, str]:
    """Return a connection, and of a study its id and the version of the tables that it is in."""
    connection = engine.connect()
    try:
        study_id = connection.scalar(sa.select(_S.c.id).where(_S.c.name == name))
        if study_id is None:
            raise StudyNotFoundError(f"no study {name!r} in {shown(engine.url)}; see `automl ls`")
        version = str(connection.scalar(sa.text(f"SELECT version_num FROM {schema.VERSION_TABLE}")))
        connection.rollback()
    except BaseException:
        connection.close()
        raise
    return connection, study_id, version


def _floats(values: Mapping[str, Any] | None) -> dict[str, float]:
    """Return metrics from JSON, which has NaN and the infinities as text."""
    return {name: float(value) for name, value in (values or {}).items()}


def _record(
    row: Mapping[str, Any],
    attempts: list[Mapping[str, Any]],
    reports: Mapping[int, float],
    points: Mapping[int, Mapping[str, float]],
    reached: int,
    confirms: int | None,
) -> TrialRecord:
    state = TrialState(row["state"])
    checkpoints = [a["checkpoint"] for a in attempts if a["checkpoint"] is not None]
    return TrialRecord(
        number=row["number"],
        state=state,
        params=row["params"],
        value=row["value"],
        values=_floats(row["values"]),
        reports=reports,
        points=points,
        reached=reached,
        attempt=len(attempts),
        paused=state is TrialState.RUNNING and bool(attempts) and attempts[-1]["state"] == AttemptState.PAUSED,
        reason=Reason(row["reason"]) if row["reason"] else None,
        message=row["message"],
        seed=row["seed"],
        checkpoint=checkpoints[-1] if checkpoints else None,
        started=attempts[0]["started"] if attempts else None,
        ended=row["ended"],
        seconds=sum(a["ended"] - a["started"] for a in attempts if a["ended"] is not None),
        confirms=confirms,
    )
