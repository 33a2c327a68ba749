"""`automl doctor STUDY --fix`: puts right what can be put right without running a trial, and says each thing it did.

    for done in mend(Home.find(), "digits-1"):
        print(done.code, done.trial, done.message)          # trial-orphaned 3 it was RUNNING without a driver, ...

All of it is what a resume, a `sync` or a look at the process table would do too; each step may be cut and done again.
What is left to a person (a damaged ledger, an artifact that is gone) stays in the audit, with its advice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from automl import delivery, durable, guard, interrupts, mirrors, private
from automl.config import StudyConfig
from automl.delivery import Delivery
from automl.doctor import Problem, audit, left_by_drivers
from automl.errors import LeaseLostError
from automl.home import Home
from automl.ledger.database import LedgerError, connect
from automl.ledger.queries import Reader
from automl.ledger.writer import Writer
from automl.mirrors import Mirror, trial_uid
from automl.recovery import recover
from automl.trial import TrialRecord
from trackers import TrackerError

_REBUILT = {"parent-missing", "run-missing", "status-differs", "points-missing"}
"""What delivering everything again puts right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """One thing that was put right."""

    code: str
    """Of the problem that it was."""
    trial: int | None
    message: str
    """What was seen, and what was done."""


@private.files()
def mend(home: Home, study: str) -> list[Mended]:
    """Repair a study, and return each thing that was done.

    Raises:
        StudyNotFoundError: this home has none of that name.
        LeaseLostError: a driver that lives runs it, or its delivery is at work; nothing was touched.
    """
    return list(_mend(home, study))


def _mend(home: Home, study: str) -> Iterator[Mended]:
    try:
        yield from _end_processes(home, study)
        yield from _mend_ledger(home, study)
    except LedgerError:
        return  # what is wrong with it the audit says; all else is measured by it
    yield from _remove_leftovers(home.study(study))
    with home.read(study) as reader:
        copies = mirrors.of(home, reader.study())
    for mirror in copies:
        yield from _mend_mirror(home, study, mirror)


def _end_processes(home: Home, study: str) -> Iterator[Mended]:
    """End what drivers that are gone have left running, before what it may still write is read."""
    for mark, pids in left_by_drivers(home, study).items():
        guard.end(mark)
        names = ", ".join(map(str, pids))
        text = f"process {names} of a driver that is gone was still there; ended"
        yield Mended(code="process-left", trial=None, message=text)


def _mend_ledger(home: Home, study: str) -> Iterator[Mended]:
    """Do what a resume begins with: take the lease back from a dead driver, and end what that left running."""
    url, folder = home.ledger_url(study), home.study(study)
    with home.read(study) as reader:
        before, had = reader.study(), _records(reader)
    with interrupts.shielded():
        ledger = Writer.open(connect(url, create=True, waits=True), study)
        try:
            with Reader.open(url, study) as reader:
                retries = StudyConfig.from_dict(before.config).retries
                recovered = recover(ledger, reader, folder, retries=retries)
            if recovered:
                ledger.event("study-mended", recovered=recovered)
            ledger.release(finished=before.state == "finished" and not recovered)
        except BaseException:
            ledger.abandon()
            raise
    if before.has_died:
        yield Mended(code="lease-dead", trial=None, message="its driver had died; nobody holds the study now")
    with home.read(study) as reader:
        has = _records(reader)
    for number, record in has.items():
        old = had.get(number)
        if old is None:
            text = f"the ledger had lost it; from its files it is {record.state}"
            yield Mended(code="trial-missing", trial=number, message=text)
        elif (old.state, old.paused, old.attempt) != (record.state, record.paused, record.attempt):
            on = "" if record.state.is_finished else ": it goes on at the next resume"
            text = f"it was {old.state} without a driver; by its files it is {record.state}{on}"
            yield Mended(code="trial-orphaned", trial=number, message=text)


def _records(reader: Reader) -> dict[int, TrialRecord]:
    return {record.number: record for record in reader.records()}


def _remove_leftovers(folder: Path) -> Iterator[Mended]:
    for path in durable.leftovers(folder):
        durable.remove(path)
        yield Mended(code="file-left", trial=None, message=f"{path} was left by a writer that was killed; removed")


def _mend_mirror(home: Home, study: str, mirror: Mirror) -> Iterator[Mended]:
    """Bring one tracker up to the ledger. One that is down stays as it is; the audit says what waits."""
    with delivery.only_one(home.study(study), [mirror.tracker]) as is_ours:
        if not is_ours:
            raise LeaseLostError(f"study {study!r} is being delivered to its tracker; try again when that is through")
        try:
            with home.read(study) as reader:
                waiting, was_gone = mirror.waiting(reader), mirror.is_gone
            _deliver(mirror)
            if was_gone:
                text = f"{mirror.where} was gone; everything was delivered there again"
                yield Mended(code="store-missing", trial=None, message=text)
            elif waiting:
                text = f"{waiting} reported values waited; they are delivered to {mirror.where}"
                yield Mended(code="points-waiting", trial=None, message=text)
            found = [problem for problem in audit(home, study).problems if problem.tracker == mirror.tracker]
            yield from _drop_doubles(mirror, found)
            if again := [problem for problem in found if problem.code in _REBUILT]:
                _deliver(mirror, rebuild=True)
                for problem in again:
                    text = f"everything was delivered to {mirror.where} again"
                    yield Mended(code=problem.code, trial=problem.trial, message=text)
        except TrackerError:
            return


def _deliver(mirror: Mirror, *, rebuild: bool = False) -> None:
    sender = Delivery(mirror, rebuild=rebuild)
    try:
        sender.catch_up()
    finally:
        sender.close()


def _drop_doubles(mirror: Mirror, found: Sequence[Problem]) -> Iterator[Mended]:
    runs = mirror.position().runs
    for number in dict.fromkeys(problem.trial for problem in found if problem.code == "run-doubled"):
        assert number is not None
        uid = trial_uid(mirror.study, number)
        dropped = mirror.make_tracker(runs).drop_doubles(uid, keep=runs.get(uid))
        text = f"{dropped} younger run of it in {mirror.title} deleted, with the tag automl.double-of"
        yield Mended(code="run-doubled", trial=number, message=text)
