"""Delivery: what copies a study from the ledger to a tracker, while it runs and after.

    with contextlib.closing(Delivery(mirrors.of(home, study)[0])) as delivery:      # `automl sync`
        delivery.catch_up()

It reads what is newer than its cursor, writes it to the tracker with the ledger's own timestamps, and moves the cursor.
Each step may be repeated without effect, so a kill anywhere, a lost cursor or a tracker that was down for a day cost
time and nothing else. While a search runs, `automl.courier` does this in a process of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import socket
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from automl import crash, private
from automl.confirming import noted
from automl.errors import LeaseLostError
from automl.ledger.rows import EventRow, MetricRow, StudyRow
from automl.mirrors import STUDY, Mirror, Position, trial_uid
from automl.report import page
from automl.trial import TrialRecord, TrialState
from trackers import Point, Run, TrackerError

PAGE = 5000  # reported values in one go
TRIES = 5  # of one thing, while the tracker takes others, before it is put aside


class Delivery:
    """Copies one study to one tracker: what that has not got yet, or with `rebuild` everything again.

    What the tracker has already stays as it is, so that a rebuild only adds what is missing. What it refuses for good,
    while it takes the rest, is put aside with the reason, and offered once more by the next process that delivers.

    Args:
        mirror: the study, and which of its copies.
        rebuild: whether to begin at the beginning, as it does by itself where the copy is gone.
        driver: process id, on this host, of the driver that it works for, if it does.
    """

    def __init__(self, mirror: Mirror, *, rebuild: bool = False, driver: int | None = None) -> None:
        self._mirror = mirror
        self._driver = driver
        self._folder = mirror.home.study(mirror.study.name)
        self._begin(Position(uri=mirror.uri) if rebuild or mirror.is_gone else mirror.position())
        self._refused = [*self._position.refused]  # to be offered once more
        self._is_offered = False
        self._reader = mirror.home.read(mirror.study.name)

    def _begin(self, position: Position) -> None:
        self._tries: Counter[tuple[str, str]] = Counter()
        self._position = position
        self._tracker = self._mirror.make_tracker(position.runs)
        self._sent = page.Sent()
        self._states: dict[str, TrialState] = {}  # uid -> the state last delivered by this process
        self._parent: Run | None = None
        self._unsure: set[str] = set()  # uids of runs that may have been made though the answer was lost

    @property
    def waiting(self) -> int:
        """How many reported values are not delivered yet."""
        return self._reader.refresh().waiting(self._position.cursor)

    @property
    def refused(self) -> list[str]:
        """What the tracker has refused for good, and why."""
        return self._position.refusals

    def step(self) -> bool:
        """Deliver the next page; return whether there may be more.

        Raises:
            TrackerError: the tracker does not take it now.
            LeaseLostError: another driver runs the study, and has a delivery of its own.
        """
        try:
            study = self._reader.refresh().study()
            mine = socket.gethostname(), self._driver
            if self._driver and study.owner and (study.owner["host"], study.owner["pid"]) != mine:
                raise LeaseLostError("another driver has taken the study over")
            return self._step(study)
        finally:
            self._reader.refresh()  # a snapshot that is kept keeps the ledger's WAL from being reused

    def _step(self, study: StudyRow) -> bool:
        position = self._position
        is_closed = position.closed >= study.seq or study.state == "running"
        if position.cursor >= study.seq and is_closed and not self._refused:
            return False
        known = position.runs.get(study.uid)
        self._parent = None
        try:
            parent = self._parent = self._start(
                study, study.uid, name=study.name, time=study.created, params=page.params(study)
            )
            position.note(study.uid, parent.id)
            if self._refused:
                self._offer_again(study)
            elif position.cursor < study.seq:
                self._deliver_page(study, parent)
            else:
                self._close(study, parent)
            position.error = None
        except TrackerError as error:
            position.error = str(error)
            raise
        finally:
            if self._parent is not None and known not in (None, self._parent.id):  # gone, and what lay under it too
                self._begin(Position(uri=position.uri, error=position.error))
            crash.here(crash.Point.DELIVERY_BEFORE_CURSOR)
            self._mirror.keep(self._position)
            crash.here(crash.Point.DELIVERY_AFTER_CURSOR)
        return True

    def catch_up(self, *, until: Callable[[], bool] = lambda: False) -> bool:
        """Deliver all that is there; return whether that was reached before `until` said stop.

        Raises:
            TrackerError: the tracker does not take it.
        """
        while self.step():
            if until():
                return False
        return True

    def close(self) -> None:
        """Close the ledger."""
        self._reader.close()

    def _deliver_page(self, study: StudyRow, parent: Run) -> None:
        position = self._position
        up_to = self._reader.seq_of_page(position.cursor, PAGE)
        points: dict[int, list[MetricRow]] = defaultdict(list)
        for row in self._reader.metrics(after=position.cursor, up_to=up_to):
            points[row.trial].append(row)
        files: dict[int, list[EventRow]] = defaultdict(list)
        for event in self._reader.events(after=position.cursor, kind="artifact"):
            if event.seq <= up_to and event.trial is not None:
                files[event.trial].append(event)
        changed = {*self._reader.changed(position.cursor, up_to)}
        for record in self._reader.records({*points, *changed, *files}):
            number = record.number
            self._deliver_trial(study, record, points[number], files[number], is_settled=number in changed)
        with self._sparing(STUDY, "its curve"):
            page.curve(self._reader, study, parent, self._sent)
        position.cursor = up_to

    def _deliver_trial(
        self, study: StudyRow, record: TrialRecord, rows: list[MetricRow], files: list[EventRow], *, is_settled: bool
    ) -> None:
        uid = trial_uid(study, record.number)
        known = self._position.runs.get(uid)
        with self._sparing(str(record.number), "its run"):
            run = self._run(study, record)
            self._write_trial(study, record, run, rows, files, is_settled=is_settled)
            if known not in (None, run.id):  # it had vanished and was made anew: what was delivered before is gone
                self._states.pop(uid, None)
                self._write_trial(study, record, run, *self._all_of(record.number), is_settled=True)
            self._position.note(uid, run.id)  # not before it has everything: the next try would take it for the old one

    def _all_of(self, number: int) -> tuple[list[MetricRow], list[EventRow]]:
        events = self._reader.events(kind="artifact")
        return self._reader.metrics(number), [event for event in events if event.trial == number]

    def _write_trial(
        self,
        study: StudyRow,
        record: TrialRecord,
        run: Run,
        rows: list[MetricRow],
        files: list[EventRow],
        *,
        is_settled: bool,
    ) -> None:
        uid, who = trial_uid(study, record.number), str(record.number)
        points = [Point(row.name, row.value, row.step, row.time) for row in rows]
        if is_settled and record.state.is_finished:
            points += page.best(study, record)
        if points:
            self._log(run, points, who)
            crash.here(crash.Point.DELIVERY_AFTER_POINTS)
        for event in files:
            self._upload(run, self._folder / event.data["path"], event.data["name"], who)
            crash.here(crash.Point.DELIVERY_AFTER_ARTIFACT)
        if not is_settled:
            return
        if record.reason is not None:
            run.tag({"automl.reason": record.reason, "automl.message": record.message or ""})
        is_new = uid not in self._position.runs  # so it is RUNNING: it was made a moment ago
        if self._states.get(uid, TrialState.RUNNING if is_new else None) != record.state:
            run.finish(record.state, record.ended or record.started or study.created)
            crash.here(crash.Point.DELIVERY_AFTER_FINISH)
        self._states[uid] = record.state

    def _log(self, run: Run, points: list[Point], who: str) -> None:
        """Log `points`, all but those that are refused for good, which are found by halving."""
        if len(points) < 2:
            for point in points:
                with self._sparing(who, f"{point.name} at step {point.step}"):
                    run.log(points)
            return
        what = f"{len(points)} values, the first {points[0].name} at step {points[0].step}"
        try:
            run.log(points)
        except TrackerError as error:
            self._check_it_is_not_everything(who, what, error)
            half = len(points) // 2
            self._log(run, points[:half], who)
            self._log(run, points[half:], who)

    def _run(self, study: StudyRow, record: TrialRecord) -> Run:
        return self._start(
            study,
            trial_uid(study, record.number),
            name=f"trial {record.number}" + ("" if record.confirms is None else f", confirms {record.confirms}"),
            time=record.started or study.created,
            parent=study.uid,
            params=record.params,
            tags={"automl.trial": str(record.number), "automl.seed": str(record.seed)}
            | {f"automl.{name}": str(number) for name, number in noted(record).items()},
        )

    def _start(self, study: StudyRow, uid: str, **about: Any) -> Run:
        about["tags"] = {"automl.study": study.name, **about.get("tags", {})}
        crash.here(crash.Point.DELIVERY_BEFORE_RUN)
        try:
            run = self._tracker.start_run(uid, **about)
        except TrackerError:
            self._unsure.add(uid)
            raise
        crash.here(crash.Point.DELIVERY_AFTER_RUN)
        return run

    def _close(self, study: StudyRow, parent: Run) -> None:
        """Complete the study's own run: what was asked, what came of it, figures, the winner's files."""
        crash.here(crash.Point.DELIVERY_BEFORE_CLOSE)
        self._drop_doubles()
        if self._position.refused and not self._is_offered:
            self._refused = [*self._position.refused]
            self._offer_again(study)
        with page.files(self._reader, study, self._folder) as files:
            for name, path in files.items():
                self._upload(parent, path, name, STUDY)
        with self._sparing(STUDY, "its description"):
            parent.tag(page.tags(self._reader, study))
        self._log(parent, page.test_points(study, self._reader), STUDY)
        self._log(parent, page.confirmed_points(self._reader, study), STUDY)
        state = TrialState.COMPLETE if study.state == "finished" else TrialState.WAITING
        parent.finish(state, self._reader.last_time())
        crash.here(crash.Point.DELIVERY_AFTER_CLOSE)
        self._position.closed = study.seq

    def _drop_doubles(self) -> None:
        """See to it that a run whose making was cut off, and maybe done all the same much later, is there once."""
        for uid in sorted(self._unsure):
            if uid in self._position.runs:
                self._tracker.drop_doubles(uid, keep=self._position.runs[uid])
            self._unsure.discard(uid)

    def _upload(self, run: Run, path: Path, name: str, who: str) -> None:
        with contextlib.suppress(FileNotFoundError), self._sparing(who, name):
            run.artifact(path, name)  # `doctor` names a missing artifact; it stops nothing

    @contextlib.contextmanager
    def _sparing(self, who: str, what: str) -> Iterator[None]:
        """Put aside what of a trial, or of the study, the tracker refuses for good: it holds up nothing else.

        Raises:
            TrackerError: the tracker does not take anything now.
        """
        try:
            yield
        except TrackerError as error:
            self._check_it_is_not_everything(who, what, error)
            self._position.refused.setdefault(who, f"{what}: {error}")

    def _check_it_is_not_everything(self, who: str, what: str, error: TrackerError) -> None:
        """Raise `error` unless it is about what was sent: then the study's own run can be written to all the same.

        An error that may pass is believed to be about what was sent when it has come back a few times.
        """
        self._tries[who, what] += 1
        if self._parent is None or (error.retryable and self._tries[who, what] < TRIES):
            raise error
        self._parent.tag({"automl.study": self._mirror.study.name})
        del self._tries[who, what]

    def _offer_again(self, study: StudyRow) -> None:
        """Deliver all of what was refused when it was tried last."""
        self._is_offered = True
        while self._refused:
            who = self._refused[-1]
            why = self._position.refused.pop(who, "")
            try:
                if who == STUDY:
                    self._position.closed, self._sent = -1, page.Sent()
                    self._position.cursor = min(self._position.cursor, study.seq - 1)  # its curve comes with a page
                for record in self._reader.records([int(who)] if who != STUDY else []):
                    self._deliver_trial(study, record, *self._all_of(record.number), is_settled=True)
            except TrackerError:
                self._position.refused.setdefault(who, why)
                raise
            self._refused.pop()


@contextlib.contextmanager
def only_one(folder: Path, trackers: Iterable[str]) -> Iterator[bool]:
    """Hold a study's deliveries to these trackers for the block; yield False when another process holds one."""
    with contextlib.ExitStack() as held:
        try:
            for tracker in trackers:
                file = held.enter_context(private.open_lock(folder / f"delivery-{tracker}.lock"))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
