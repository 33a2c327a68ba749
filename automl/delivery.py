"""Delivery: a process of its own that copies a study from the ledger to a tracker, while it runs and after.

    python -m automl.delivery HOME STUDY mlflow PID         started by the driver, which holds its standard input
    Delivery(mirrors.of(home, study)[0]).catch_up()         in this process: `automl sync`

It reads what is newer than its cursor, writes it to the tracker with the ledger's own timestamps, and moves the cursor.
Each step may be repeated without effect, so a kill anywhere, a lost cursor or a tracker that was down for a day cost
time and nothing else. Trials never wait for it: a tracker that is slow, down or gone is only this process's trouble.
Several trackers have a process each: none waits for another either.

It ends when its input does, once it has caught up; if the driver is dead, after a few seconds in any case.
"""

from __future__ import annotations

import contextlib
import fcntl
import math
import os
import select
import subprocess
import sys
import threading
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from automl import crash, mirrors, private
from automl.errors import AutomlError
from automl.home import Home
from automl.ledger.queries import EventRow, MetricRow, StudyRow
from automl.mirrors import Mirror, Position, trial_uid
from automl.redaction import redacted, without_password
from automl.report import page
from automl.trial import TrialRecord, TrialState
from trackers import Point, Run, Tracker, TrackerError

PAGE = 5000  # reported values in one go
POLL_SECONDS = 1.0  # each look takes from training what is worth a hundredth of a core
PATIENCE = 30.0  # seconds that a driver waits for it in the end
HURRY = 5.0  # the same for a driver that was interrupted
ORPHAN_SECONDS = 8.0  # that it goes on after its driver died
LONGEST_PAUSE = 15.0  # between tries while the tracker is down


class Delivery:
    """Copies one study to one tracker: what that has not got yet, or with `rebuild` everything again.

    What the tracker has already stays as it is, so that a rebuild only adds what is missing.

    Args:
        mirror: the study, and which of its copies.
        tracker: to use instead of the mirror's own.
        rebuild: whether to begin at the beginning.
    """

    def __init__(self, mirror: Mirror, *, tracker: Tracker | None = None, rebuild: bool = False) -> None:
        self._mirror = mirror
        self._folder = mirror.home.study(mirror.study.name)
        self._position = Position(uri=mirror.uri) if rebuild else mirror.position()
        self._tracker = tracker or mirror.make_tracker(self._position.runs)
        self._sent = page.Sent()
        self._reader = mirror.home.read(mirror.study.name)

    def step(self) -> bool:
        """Deliver the next page; return whether there may be more.

        Raises:
            TrackerError: the tracker does not take it now.
        """
        try:
            return self._step(self._reader.refresh().study())
        finally:
            self._reader.refresh()  # a snapshot that is kept keeps the ledger's WAL from being reused

    def _step(self, study: StudyRow) -> bool:
        position = self._position
        if position.cursor >= study.seq and (position.closed >= study.seq or study.state == "running"):
            return False
        try:
            parent = self._start(study, study.uid, name=study.name, time=study.created, params=page.params(study))
            if position.runs.get(study.uid) not in (None, parent.id):  # it had vanished and was made anew
                position.closed, self._sent = -1, page.Sent()
            position.runs[study.uid] = parent.id
            if position.cursor < study.seq:
                self._deliver_page(study, parent)
            elif study.state != "running":
                self._close(study, parent)
            position.error = None
        except TrackerError as error:
            position.error = str(error)
            raise
        finally:
            crash.here(crash.Point.DELIVERY_BEFORE_CURSOR)
            self._mirror.keep(position)
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
        changed = self._reader.changed(position.cursor, up_to)
        for record in self._reader.records({*points, *changed}):
            self._deliver_trial(study, record, points[record.number], is_settled=record.number in changed)
        for event in self._reader.events(after=position.cursor, kind="artifact"):
            if event.seq <= up_to and event.trial is not None:
                (record,) = self._reader.records([event.trial])
                self._upload_artifact(self._run(study, record), event)
        page.curve(self._reader, study, parent, self._sent)
        position.cursor = up_to

    def _deliver_trial(self, study: StudyRow, record: TrialRecord, rows: list[MetricRow], *, is_settled: bool) -> None:
        uid = trial_uid(study, record.number)
        known = self._position.runs.get(uid)
        run = self._run(study, record)
        self._write_trial(study, record, run, rows, is_settled=is_settled)
        if known not in (None, run.id):  # it had vanished and was made anew: what was delivered before is gone
            self._position.states.pop(uid, None)
            self._write_trial(study, record, run, self._reader.metrics(record.number), is_settled=True)
            for event in self._reader.events(kind="artifact"):
                if event.trial == record.number:
                    self._upload_artifact(run, event)
        self._position.runs[uid] = run.id  # not before it has everything: the next try would take it for the old one

    def _write_trial(
        self, study: StudyRow, record: TrialRecord, run: Run, rows: list[MetricRow], *, is_settled: bool
    ) -> None:
        states, uid = self._position.states, trial_uid(study, record.number)
        points = [Point(row.name, row.value, row.step, row.time) for row in rows]
        if is_settled and record.state.is_finished:
            points += page.best(study, record)
        if points:
            run.log(points)
            crash.here(crash.Point.DELIVERY_AFTER_POINTS)
        if not is_settled:
            return
        if record.reason is not None:
            run.tag({"automl.reason": record.reason, "automl.message": record.message or ""})
        if states.get(uid, TrialState.RUNNING) != record.state:
            run.finish(record.state, record.ended or record.started or study.created)
            crash.here(crash.Point.DELIVERY_AFTER_FINISH)
        states[uid] = record.state

    def _run(self, study: StudyRow, record: TrialRecord) -> Run:
        return self._start(
            study,
            trial_uid(study, record.number),
            name=f"trial {record.number}",
            time=record.started or study.created,
            parent=study.uid,
            params=record.params,
            tags={"automl.trial": str(record.number), "automl.seed": str(record.seed)},
        )

    def _start(self, study: StudyRow, uid: str, **about: Any) -> Run:
        about["tags"] = {"automl.study": study.name, **about.get("tags", {})}
        crash.here(crash.Point.DELIVERY_BEFORE_RUN)
        run = self._tracker.start_run(uid, **about)
        crash.here(crash.Point.DELIVERY_AFTER_RUN)
        return run

    def _close(self, study: StudyRow, parent: Run) -> None:
        """Complete the study's own run: what was asked, what came of it, figures, the winner's files."""
        crash.here(crash.Point.DELIVERY_BEFORE_CLOSE)
        with page.files(self._reader, study, self._folder) as files:
            for name, path in files.items():
                self._upload(parent, path, name)
        parent.tag(page.tags(self._reader, study))
        parent.log(page.test_points(study, self._reader))
        state = TrialState.COMPLETE if study.state == "finished" else TrialState.WAITING
        parent.finish(state, self._reader.last_time())
        crash.here(crash.Point.DELIVERY_AFTER_CLOSE)
        self._position.closed = study.seq

    def _upload_artifact(self, run: Run, event: EventRow) -> None:
        self._upload(run, self._folder / event.data["path"], event.data["name"])
        crash.here(crash.Point.DELIVERY_AFTER_ARTIFACT)

    def _upload(self, run: Run, path: Path, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):  # `doctor` names a missing artifact; it stops nothing
            run.artifact(path, name)


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


@contextlib.contextmanager
def beside(home: Home, name: str, trackers: Iterable[str], *, tracking_uri: str | None = None) -> Iterator[None]:
    """Run a delivery process a tracker beside the block; at its end, wait until all is delivered, or for `PATIENCE`.

    A block that raises, by Ctrl-C for one, is not kept from passing for longer than `HURRY`. The password of a
    `tracking_uri` reaches the processes by their environment: the ledger has none.
    """
    environment = {**os.environ, "AUTOML_STORAGE": home.storage or ""}  # no password where `ps` shows it
    if tracking_uri is not None and without_password(tracking_uri) != tracking_uri:
        environment[mirrors.URI_VARIABLE] = tracking_uri
    with contextlib.ExitStack() as running:
        ends = [running.enter_context(_process(home, name, tracker, environment)) for tracker in trackers]
        patience = HURRY
        try:
            yield
            patience = PATIENCE
        finally:
            deadline = time.monotonic() + patience
            for process in ends:
                assert process.stdin is not None
                process.stdin.close()
            for process in ends:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline - time.monotonic()))


@contextlib.contextmanager
def _process(home: Home, name: str, tracker: str, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with (home.study(name) / "delivery.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "automl.delivery", str(home.path), name, tracker, str(os.getpid())],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            umask=private.UMASK,
            start_new_session=True,  # Ctrl-C is for the driver; delivery ends when its input does
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def main(home: str, name: str, tracker: str, driver: str) -> None:
    """Deliver until the standard input ends, then for a while what is left. `driver` is the parent's process id."""
    os.nice(5)  # training comes first
    threading.Thread(target=_end_with, args=(int(driver),), daemon=True).start()
    found = Home.find(home)
    with found.read(name) as reader:
        (mirror,) = (mirror for mirror in mirrors.of(found, reader.study()) if mirror.tracker == tracker)
    while True:  # the delivery of a driver that was killed may not be through yet
        with only_one(found.study(name), [tracker]) as is_ours:
            if is_ours:
                _deliver(Delivery(mirror))
                return
        time.sleep(POLL_SECONDS)  # a lock of another process: there is no event to wait for


def _end_with(driver: int) -> None:
    """End this process some seconds after its driver has died, whatever it is doing; to stop it anywhere is safe."""
    while os.getppid() == driver:
        time.sleep(POLL_SECONDS)  # a parent that is killed sends no event
    time.sleep(ORPHAN_SECONDS)
    os._exit(0)


def _deliver(delivery: Delivery) -> None:
    pause, deadline = POLL_SECONDS, math.inf
    while time.monotonic() < deadline:
        try:
            has_more = delivery.step()
            pause = POLL_SECONDS
        except (TrackerError, AutomlError, OSError) as error:  # the disk may be full for a while
            _log(str(error))
            has_more, pause = False, min(pause * 2, LONGEST_PAUSE)
        if deadline < math.inf and not has_more:
            break
        if deadline == math.inf and _is_told_to_end(0 if has_more else pause):
            deadline = time.monotonic() + PATIENCE
    delivery.close()


def _log(text: str) -> None:
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {redacted(text)}", file=sys.stderr, flush=True)


def _is_told_to_end(seconds: float) -> bool:
    """Wait for the driver's word, or for its death, which closes the pipe."""
    ready, _, _ = select.select([sys.stdin.fileno()], [], [], seconds)
    return bool(ready)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except Exception:
        _log(traceback.format_exc())
        sys.exit(1)
