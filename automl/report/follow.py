"""A study that another process runs, followed through its ledger: the events that the driver's own listeners hear.

    for reader, events in follow(home, "digits-1"):
        for event in events:
            print(event["event"], event.get("trial"))

Each look reads what has a higher `seq` than the last one saw, so that a look where nothing happened costs one row. What
came and went between two looks, such as a short attempt, is told all the same.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping
from typing import Any

from automl import interrupts
from automl.config import tracker_names
from automl.confirming import CONFIRMING, noted
from automl.enough import ENDED, ended_by
from automl.fingerprint import STARTED
from automl.home import Home
from automl.ledger.queries import Reader
from automl.ledger.requests import Request
from automl.ledger.rows import AttemptRow, StudyRow
from automl.mirrors import Event, Watch
from automl.recovery import DAMAGED
from automl.space_history import CHANGED
from automl.trial import AttemptState, TrialRecord

POLL_SECONDS = 0.5


def follow(home: Home, name: str) -> Generator[tuple[Reader, list[Event]], None, None]:
    """Yield what happens to a running study, with a reader of that moment, until its driver has ended it.

    A driver that dies ends nothing: the next one is waited for. Every look opens the ledger anew, and so finds it gone
    when the study was removed. Nothing is yielded when nothing has happened.

    Raises:
        StudyNotFoundError: there is no such study, or no more.
    """
    follower = Follower()
    watch: Watch | None = None
    while not follower.is_over:
        with interrupts.shielded(), home.read(name) as reader:  # a connection is not cut while it is used or closed
            watch = watch or Watch(home.study(name), tracker_names(reader.study().config["tracker"]))
            events = follower.look(reader)
            if not follower.is_over:  # then nobody delivers
                events += watch.look()
            if events:
                yield reader, events
        if not follower.is_over:
            time.sleep(POLL_SECONDS)  # another process's commits are no event here


class Follower:
    """What has been seen of a study so far."""

    def __init__(self) -> None:
        self.is_over = False
        """Whether the study has ended: it has no driver, and did not lose it."""
        self._seq = -1
        self._owner: Mapping[str, Any] | None = None
        self._is_lost = False
        self._request: Request | None = None
        self._running: dict[int, int] = {}  # trial -> attempt

    def look(self, reader: Reader) -> list[Event]:
        """Return what is new. The first look tells what runs now."""
        study = reader.study()
        is_first = self._seq < 0
        news = [] if study.seq == self._seq else self._first(reader) if is_first else self._news(reader)
        began = self._driver(reader, study)
        if not is_first:
            began += [
                {"event": event.kind, "time": event.time, "trial": event.trial, **event.data}
                for event in reader.events(after=self._seq)
                if event.kind in (CHANGED, DAMAGED, CONFIRMING)
            ]
        self._seq = study.seq
        ended = []
        if study.owner is None and study.has_died and not self._is_lost:
            ended.append({"event": "driver-lost", "time": time.time(), "name": study.name})
        if study.owner is None and not study.has_died:
            self.is_over = True
            about = {"finished": study.state == "finished", "ended_by": ended_by(reader)}
            ended.append({"event": ENDED, "time": reader.last_time(), **about})
        self._is_lost = study.has_died
        return [*began, *news, *self._asked(study), *ended]

    def _driver(self, reader: Reader, study: StudyRow) -> list[Event]:
        """Return the event of a driver that was not there before."""
        is_new = study.owner is not None and study.owner != self._owner
        self._owner = study.owner
        if not is_new or study.owner is None:
            return []
        counts = reader.counts()
        return [
            {
                "event": STARTED,
                "time": study.owner["since"],
                "name": study.name,
                "n_trials": study.config["n_trials"],
                "trials": sum(counts.values()),
                "ended": counts["COMPLETE"] + counts["PRUNED"] + counts["FAIL"],
                "paused": reader.paused(),
            },
            *([] if self._seq >= 0 else _confirming(reader)),
        ]

    def _asked(self, study: StudyRow) -> list[Event]:
        """Return the event of a request that was not there before."""
        is_new = study.request is not None and study.request is not self._request
        self._request = study.request
        if not is_new:
            return []
        is_now = study.request is Request.NOW
        return [{"event": "stop-requested", "time": time.time(), "now": is_now, "running": sorted(self._running)}]

    def _first(self, reader: Reader) -> list[Event]:
        """Return the trials that run, and what each has reported last."""
        rows = [row for row in reader.attempts() if row.state is AttemptState.STARTED]
        events: list[Event] = []
        metric = reader.study().metric
        for record, row in zip(reader.records([row.trial for row in rows]), rows, strict=True):
            self._running[row.trial] = row.number
            events.append(_started(row, record))
            if record.reports:
                step = max(record.reports)
                values = record.known(step) if record.points else {metric: record.reports[step]}
                events.append(
                    {"event": "report", "time": row.started, "trial": row.trial, "step": step, "values": values}
                )
        return events

    def _news(self, reader: Reader) -> list[Event]:
        """Return what has happened since the last look, attempt by attempt, those first that ended first."""
        rows = {(row.trial, row.number): row for row in reader.attempts(after=self._seq)}
        changed = reader.changed(self._seq)
        records = {record.number: record for record in reader.records({*changed, *(trial for trial, _ in rows)})}
        finished = {(n, records[n].attempt): records[n] for n in changed if records[n].state.is_finished}
        reports = _reports(reader, self._seq)
        ends = {key: row.ended for key, row in rows.items()} | {key: found.ended for key, found in finished.items()}
        events: list[Event] = []
        for key in sorted({**rows, **reports, **finished}, key=lambda key: (ends.get(key) or math.inf, key)):
            row, record = rows.get(key), finished.get(key)
            if row is not None and self._running.get(row.trial) != row.number:
                events.append(_started(row, records[row.trial]))
            events += reports.get(key, [])
            if row is not None:
                events += self._left(row, records[row.trial])
            if record is not None:
                events.append(_ended("trial-ended", record, record.ended))
        return events

    def _left(self, row: AttemptRow, record: TrialRecord) -> Iterator[Event]:
        """Take in whether an attempt runs, and yield how it ended without ending its trial."""
        if row.state is AttemptState.STARTED:
            self._running[row.trial] = row.number
            return
        self._running.pop(row.trial, None)
        if row.state is AttemptState.PAUSED:
            yield _ended("trial-paused", record, row.ended)
        elif row.number < record.attempt or not record.state.is_finished:
            kind = "trial-retried" if row.reason else "trial-cut"
            yield {"event": kind, "time": row.ended, "trial": row.trial, "reason": row.reason, "message": None}


def _confirming(reader: Reader) -> list[Event]:
    """Return the event with which it began that the best are confirmed, if that goes on, with what is left by now."""
    last = max(reader.events(kind=STARTED) + reader.events(kind=CONFIRMING), key=lambda event: event.seq, default=None)
    if last is None or last.kind != CONFIRMING:
        return []
    since = reader.records({*reader.confirmations()} & {*reader.changed(last.seq)})
    left = last.data["left"] - sum(record.state.is_finished for record in since)
    return [{"event": CONFIRMING, "time": last.time, **last.data, "left": left}]


def _started(row: AttemptRow, record: TrialRecord) -> dict[str, Any]:
    about = {"event": "trial-started", "time": row.started, "trial": row.trial, "attempt": row.number}
    return about | {"params": dict(record.params), "step": row.start_step, **noted(record)}


def _ended(event: str, record: TrialRecord, at: float | None) -> dict[str, Any]:
    return {"event": event, "time": at, **record.told()}


def _reports(reader: Reader, after: int) -> dict[tuple[int, int], list[Event]]:
    """Return the reports of each attempt (trial, number) after seq `after`."""
    found: dict[tuple[int, int], dict[int, dict[str, Any]]] = defaultdict(dict)
    for point in reader.metrics(after=after):
        about = {"event": "report", "time": point.time, "trial": point.trial, "step": point.step, "values": {}}
        event = found[point.trial, point.attempt].setdefault(point.step, about)
        event["values"][point.name] = point.value
    return {key: list(events.values()) for key, events in found.items()}
