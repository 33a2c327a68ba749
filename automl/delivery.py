"""Delivery: a process of its own that copies a study from the ledger to the tracker, while it runs and after.

    python -m automl.delivery HOME STUDY PID        started by the driver, which holds its standard input
    Delivery(home, "digits-1").catch_up()           in this process: `automl sync`

It reads what is newer than its cursor, writes it to the tracker with the ledger's own timestamps, and moves the cursor.
Each step may be repeated without effect, so a kill anywhere, a lost cursor or a tracker that was down for a day cost
time and nothing else. Trials never wait for it: a tracker that is slow, down or gone is only this process's trouble.

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
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from automl import durable
from automl.errors import AutomlError
from automl.home import Home
from automl.ledger.queries import MetricRow, StudyRow
from automl.report import page, summary
from automl.trial import TrialRecord, TrialState
from trackers import MlflowTracker, NullTracker, Point, Run, Tracker, TrackerError

PAGE = 5000  # reported values in one go
POLL_SECONDS = 0.5
PATIENCE = 30.0  # seconds that a driver waits for it in the end
HURRY = 5.0  # the same for a driver that was interrupted
ORPHAN_SECONDS = 8.0  # that it goes on after its driver died
LONGEST_PAUSE = 15.0  # between tries while the tracker is down


def make_tracker(home: Home, config: Mapping[str, Any], run_ids: Mapping[str, str] | None = None) -> Tracker:
    """Return the tracker that a study's settings name."""
    if config["tracker"] == "none":
        return NullTracker()
    uri = config["tracking_uri"]
    return MlflowTracker(
        uri or home.tracking_uri,
        experiment=experiment(config),
        artifact_location=None if uri else home.artifacts.as_uri(),
        run_ids=run_ids,
    )


def experiment(config: Mapping[str, Any]) -> str:
    """Return the name of the experiment that a study belongs to: its target, without the folder it lies in."""
    return Path(config["target"]).name


def trial_uid(study: StudyRow, number: int) -> str:
    """Return the name under which a trial's run is found, for ever."""
    return f"{study.uid}/{number}"


@dataclass(kw_only=True)
class Position:
    """How far delivery is; kept in a small file beside the ledger. Losing it costs only time."""

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


def position_of(folder: Path) -> Position:
    """Return how far delivery is with the study in `folder`, or the beginning if that cannot be read."""
    row = durable.read_json(folder / "delivery.json")
    known = {each.name for each in fields(Position)}
    return Position(**row) if isinstance(row, dict) and row.keys() <= known else Position()


def position_for(home: Home, study: StudyRow) -> Position:
    """Return how far delivery is with the tracker that the study has now; of another one nothing counts."""
    position = position_of(home.study(study.name))
    uri = summary.tracking_uri(home, study)
    return position if position.uri == uri else Position(uri=uri)


class Delivery:
    """Copies one study to its tracker: what it has not got yet, or with `rebuild` everything again.

    What the tracker has already stays as it is, so that a rebuild only adds what is missing.
    """

    def __init__(self, home: Home, name: str, *, tracker: Tracker | None = None, rebuild: bool = False) -> None:
        self._home = home
        self._folder = home.study(name)
        self._reader = home.read(name)
        study = self._reader.study()
        self._position = Position(uri=summary.tracking_uri(home, study)) if rebuild else position_for(home, study)
        self._tracker = tracker or make_tracker(home, self._reader.study().config, self._position.runs)
        self._sent = page.Sent()

    def step(self) -> bool:
        """Deliver the next page; return whether there may be more.

        Raises:
            TrackerError: the tracker does not take it now.
        """
        study = self._reader.refresh().study()
        position = self._position
        if position.cursor >= study.seq and (position.closed >= study.seq or study.state == "running"):
            return False
        try:
            parent = self._start(study, study.uid, name=study.name, time=study.created, params=page.params(study))
            if position.cursor < study.seq:
                self._deliver_page(study, parent)
            elif study.state != "running":
                self._close(study, parent)
            position.error = None
        except TrackerError as error:
            position.error = str(error)
            raise
        finally:
            durable.write_json(self._folder / "delivery.json", asdict(position))
            self._reader.refresh()  # a snapshot that is kept keeps the ledger's WAL from being reused
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
                self._upload(self._run(study, event.trial), self._folder / event.data["path"], event.data["name"])
        page.curve(self._reader, study, parent, self._sent)
        position.cursor = up_to

    def _deliver_trial(self, study: StudyRow, record: TrialRecord, rows: list[MetricRow], *, is_settled: bool) -> None:
        run = self._run(study, record.number, record)
        known = run.id
        self._write_trial(study, record, run, rows, is_settled=is_settled)
        if run.id != known:  # it had vanished and was made anew: what was delivered before is gone
            self._write_trial(study, record, run, self._reader.metrics(record.number), is_settled=True)
        self._position.runs[trial_uid(study, record.number)] = run.id

    def _write_trial(
        self, study: StudyRow, record: TrialRecord, run: Run, rows: list[MetricRow], *, is_settled: bool
    ) -> None:
        states, uid = self._position.states, trial_uid(study, record.number)
        points = [Point(row.name, row.value, row.step, row.time) for row in rows]
        if is_settled and record.state.is_finished:
            points += page.best(study, record)
        if points:
            run.log(points)
        if not is_settled:
            return
        if record.reason is not None:
            run.tag({"automl.reason": record.reason, "automl.message": record.message or ""})
        if states.get(uid, TrialState.RUNNING) != record.state:
            run.finish(record.state, record.ended or record.started or study.created)
        states[uid] = record.state

    def _run(self, study: StudyRow, number: int, record: TrialRecord | None = None) -> Run:
        if record is None:
            (record,) = self._reader.records([number])
        return self._start(
            study,
            trial_uid(study, number),
            name=f"trial {number}",
            time=record.started or study.created,
            parent=study.uid,
            params=record.params,
            tags={"automl.trial": str(number), "automl.seed": str(record.seed)},
        )

    def _start(self, study: StudyRow, uid: str, **about: Any) -> Run:
        about["tags"] = {"automl.study": study.name, **about.get("tags", {})}
        run = self._tracker.start_run(uid, **about)
        self._position.runs[uid] = run.id
        return run

    def _close(self, study: StudyRow, parent: Run) -> None:
        """Complete the study's own run: what was asked, what came of it, figures, the winner's files."""
        with page.files(self._reader, study, self._folder) as files:
            for name, path in files.items():
                self._upload(parent, path, name)
        parent.tag(page.tags(self._reader, study))
        parent.log(page.test_points(study, self._reader))
        state = TrialState.COMPLETE if study.state == "finished" else TrialState.WAITING
        parent.finish(state, self._reader.last_time())
        self._position.closed = study.seq

    def _upload(self, run: Run, path: Path, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):  # `doctor` names a missing artifact; it stops nothing
            run.artifact(path, name)


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[bool]:
    """Hold the study's delivery for the block; yield False at once when another process holds it."""
    with (folder / "delivery.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


@contextlib.contextmanager
def beside(home: Home, name: str) -> Iterator[None]:
    """Run delivery as a process beside the block; at its end, wait until all is delivered, or for `PATIENCE`.

    A block that raises, by Ctrl-C for one, is not kept from passing for longer than `HURRY`.
    """
    with (home.study(name) / "delivery.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "automl.delivery", str(home.path), name, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for the driver; delivery ends when its input does
        )
    assert process.stdin is not None
    patience = HURRY
    try:
        yield
        patience = PATIENCE
    finally:
        try:
            process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)
        finally:
            process.terminate()
            process.wait()


def main(home: str, name: str, driver: str) -> None:
    """Deliver until the standard input ends, then for a while what is left. `driver` is the parent's process id."""
    os.nice(5)  # training comes first
    threading.Thread(target=_end_with, args=(int(driver),), daemon=True).start()
    found = Home.find(home)
    while True:  # the delivery of a driver that was killed may not be through yet
        with only_one(found.study(name)) as is_ours:
            if is_ours:
                _deliver(Delivery(found, name))
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
        except (TrackerError, AutomlError) as error:
            print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {error}", file=sys.stderr, flush=True)
            has_more, pause = False, min(pause * 2, LONGEST_PAUSE)
        if deadline < math.inf and not has_more:
            break
        if deadline == math.inf and _is_told_to_end(0 if has_more else pause):
            deadline = time.monotonic() + PATIENCE
    delivery.close()


def _is_told_to_end(seconds: float) -> bool:
    """Wait for the driver's word, or for its death, which closes the pipe."""
    ready, _, _ = select.select([sys.stdin.fileno()], [], [], seconds)
    return bool(ready)


if __name__ == "__main__":
    main(*sys.argv[1:])
