"""Audits a study: whether ledger, files and tracker agree with themselves and with each other.

    found = audit(Home.find(), "digits-1")
    found.ok, [problem.code for problem in found.problems]      # False, ["run-missing"]

What users ask with `automl doctor` is what the tests ask after every fault: nothing lost, nothing doubled, nothing left
running. It only reads. A problem is something that should never be; a note is something that time or another command
will mend, such as points that wait for a tracker that is down.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from automl import attempt as attempts
from automl import durable, guard, mirrors
from automl.errors import ConfigError, StudyNotFoundError
from automl.fingerprint import STARTED
from automl.home import Home
from automl.ledger import lease
from automl.ledger.database import LedgerError, translated
from automl.ledger.queries import Reader
from automl.ledger.rows import AttemptRow, EventRow, MetricRow, StudyRow
from automl.mirrors import Mirror, trial_uid
from automl.remains import ASIDE, lost_trials
from automl.space_history import SpaceHistory
from automl.trial import AttemptState, TrialRecord, TrialState, checkpoint_steps
from search_spaces import SearchSpaceError
from trackers import Point, ReadableTracker, RunSummary, TrackerError

MOST_DRIVERS = 5
"""How many drivers back processes are looked for."""
_RESTORE = "the ledger was edited or damaged: go back to a copy of it"
_Key = tuple[str, int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that should never be."""

    code: str
    """Which check found it; never changes."""
    trial: int | None
    message: str
    """What was seen, what was expected, and what to do."""
    tracker: str | None = None
    """Whose copy it is about, if it is about a copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit found."""

    problems: tuple[Problem, ...]
    notes: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


def audit(home: Home, study: str) -> Audit:
    """Check everything about a study that can be checked.

    Raises:
        StudyNotFoundError: this home has none of that name.
    """
    try:
        with home.read(study) as reader, translated(reader.url):
            if damage := reader.damage():
                return _damaged(f"SQLite finds it damaged: {'; '.join(damage)}")
            seen = _Seen.read(reader, home)
    except StudyNotFoundError:
        if not home.has_folder(study):
            raise
        message = f"its ledger has no such study: deleted, never made, or its folder renamed; {home.way_out(study)}"
        return Audit(problems=(_problem("study-missing", None, message),), notes=())
    except ConfigError:
        raise
    except (LedgerError, ValueError) as error:
        return _damaged(error)
    notes: list[str] = []
    searched = [record for record in seen.records if record.confirms is None]
    if outside := [record.number for record in searched if not seen.spaces.shown(record).params]:
        notes.append(
            f"{_count(outside, 'trial')} outside of the search space since that was changed; samplers leave them out"
        )
    notes += _left(seen)
    found = [*_check_ledger(seen), *_check_files(seen, notes)]
    for mirror in mirrors.of(home, seen.study):
        found += [replace(problem, tracker=mirror.tracker) for problem in _check_mirror(seen, mirror, notes)]
    return Audit(problems=tuple(found), notes=tuple(notes))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """All of a ledger at one moment."""

    study: StudyRow
    spaces: SpaceHistory
    folder: Path
    records: Sequence[TrialRecord]
    attempts: Mapping[int, Sequence[AttemptRow]]
    points: Mapping[int, Sequence[MetricRow]]
    artifacts: Sequence[EventRow]
    highest_seq: int
    marks: Sequence[str]
    """Of the processes of drivers that are gone."""
    lost: Sequence[int]
    """Trials with attempts that only their files know of."""
    waiting: Mapping[str, int]
    """Tracker -> reported values that it has not got yet."""

    @classmethod
    def read(cls, reader: Reader, home: Home) -> _Seen:
        by_trial: dict[int, list[AttemptRow]] = defaultdict(list)
        for attempt in reader.attempts():
            by_trial[attempt.trial].append(attempt)
        points: dict[int, list[MetricRow]] = defaultdict(list)
        for point in reader.metrics():
            points[point.trial].append(point)
        study, folder, records = reader.study(), home.study(reader.study().name), reader.records()
        return cls(
            study=study,
            spaces=SpaceHistory.read(reader),
            folder=folder,
            records=records,
            attempts=by_trial,
            points=points,
            artifacts=reader.events(kind="artifact"),
            highest_seq=reader.highest_seq(),
            marks=_marks(reader),
            lost=lost_trials(folder, records) if study.state != "running" else (),
            waiting={mirror.tracker: mirror.waiting(reader) for mirror in mirrors.of(home, study)},
        )

    @property
    def is_running(self) -> bool:
        return self.study.state == "running"


def _damaged(why: object) -> Audit:
    """Return the one thing there is to say of a ledger that cannot be trusted."""
    message = (
        f"the ledger cannot be read ({' '.join(str(why).split())}): if nothing else helps, go back to a copy of it"
    )
    return Audit(problems=(_problem("ledger-damaged", None, message),), notes=())


def _problem(code: str, trial: int | None, message: str) -> Problem:
    return Problem(code=code, trial=trial, message=message)


# The ledger with itself.


def _check_ledger(seen: _Seen) -> Iterator[Problem]:
    if seen.highest_seq > seen.study.seq:
        message = f"a row has seq {seen.highest_seq}, above the study's own {seen.study.seq}; {_RESTORE}"
        yield _problem("seq-ahead", None, message)
    yield from _check_numbers(seen)
    for record in seen.records:
        yield from _check_trial(seen, record)
        yield from _check_attempts(seen, record)
        try:
            seen.spaces.of(record.origin).validate(record.params)
        except SearchSpaceError as error:
            message = f"its params are no point of the space it was asked in ({'; '.join(error.problems)}); {_RESTORE}"
            yield _problem("params-invalid", record.number, message)


def _check_numbers(seen: _Seen) -> Iterator[Problem]:
    numbers = {record.number for record in seen.records}
    asked, budget = sum(record.confirms is None for record in seen.records), seen.study.config["n_trials"]
    for number in sorted(set(range(max(numbers, default=-1) + 1)) - numbers):
        yield _problem("trial-missing", number, f"trials go up to {max(numbers)}, but this one is gone; {_RESTORE}")
    if asked > budget:
        message = (
            f"{asked} trials were asked, the budget is {budget}: `automl resume {seen.study.name} --trials {asked}`"
        )
        yield _problem("too-many-trials", None, message)
    for number in sorted((seen.attempts.keys() | seen.points.keys()) - numbers):
        yield _problem("trial-unknown", number, f"there are attempts or values of it, but no such trial; {_RESTORE}")


def _check_trial(seen: _Seen, record: TrialRecord) -> Iterator[Problem]:
    number, state, study = record.number, record.state, seen.study
    resume = f"`automl resume {study.name}`"
    has_value = record.value is not None and math.isfinite(record.value)
    last = seen.attempts[number][-1].state if number in seen.attempts else None
    if study.state == "finished" and not state.is_finished:
        yield _problem("trial-unfinished", number, f"it is {state}, though the study is finished: {resume} --trials +1")
    elif state is TrialState.RUNNING and not record.paused and not seen.is_running:
        yield _problem("trial-orphaned", number, f"it is RUNNING, but its driver is gone: {resume}")
    if state is TrialState.COMPLETE and not has_value:
        yield _problem(
            "value-missing", number, f"it is COMPLETE with the value {record.value}, not a number; {_RESTORE}"
        )
    if state is not TrialState.COMPLETE and record.value is not None:
        yield _problem("value-unexpected", number, f"it is {state}, yet has the value {record.value}; {_RESTORE}")
    if state is TrialState.COMPLETE and last is not AttemptState.RESULT:
        yield _problem(
            "result-missing", number, f"it is COMPLETE, but its last attempt is {last or 'gone'}; {_RESTORE}"
        )
    if state in (TrialState.PRUNED, TrialState.FAIL) and record.reason is None:
        yield _problem("reason-missing", number, f"it is {state} without a reason; {_RESTORE}")


def _check_attempts(seen: _Seen, record: TrialRecord) -> Iterator[Problem]:
    trial = record.number
    rows = seen.attempts.get(trial, ())
    numbers = [row.number for row in rows]
    started = [row.number for row in rows if row.state is AttemptState.STARTED]
    unknown = {point.attempt for point in seen.points.get(trial, ())}.difference(numbers)
    if numbers != list(range(1, len(rows) + 1)):
        yield _problem("attempt-missing", trial, f"its attempts are {numbers}, not 1 to {len(rows)}; {_RESTORE}")
    if len(started) > 1:
        yield _problem("attempt-doubled", trial, f"its attempts {started} run at once, only one may; {_RESTORE}")
    if started and record.state is not TrialState.RUNNING:
        yield _problem(
            "attempt-orphaned", trial, f"attempt {started[-1]} runs, but the trial is {record.state}; {_RESTORE}"
        )
    for number in sorted(unknown):
        yield _problem(
            "attempt-unknown", trial, f"there are values of attempt {number}, but no such attempt; {_RESTORE}"
        )


# The ledger with processes and files.


def left_by_drivers(home: Home, study: str) -> dict[str, list[int]]:
    """Return the processes, by mark, that drivers of a study have left: they were to end with them."""
    with home.read(study) as reader:
        return {mark: pids for mark in _marks(reader) if (pids := guard.marked(mark))}


def _marks(reader: Reader) -> list[str]:
    """Return the marks of the last few drivers, but for those that live: they may be at another study by now."""
    drivers = [event.data["driver"] for event in reader.events(kind=STARTED) if event.data.get("driver")]
    gone = [driver for driver in drivers[-MOST_DRIVERS:] if not lease.is_held(driver, math.inf)]
    return [driver["mark"] for driver in gone if driver["mark"]]


def _left(seen: _Seen) -> list[str]:
    """Say what is left of drivers and writers that were killed; time or `--fix` will end it, so it is no problem."""
    mend = f"`automl doctor {seen.study.name} --fix`"
    notes = []
    if pids := [pid for mark in seen.marks for pid in guard.marked(mark)]:
        notes.append(f"{_count(pids, 'process')} of a driver that is gone end within seconds, or by {mend}")
    if left := durable.leftovers(seen.folder):
        notes.append(f"{len(left)} temporary files of writers that were killed, first {left[0]}: {mend} removes them")
    return notes


def _check_files(seen: _Seen, notes: list[str]) -> Iterator[Problem]:
    for number in seen.lost:
        message = "its files tell of more than the ledger, which has lost its end"
        yield _problem("trial-lost", number, f"{message}: `automl resume {seen.study.name}` takes it from them")
    without: list[int] = []
    for record in seen.records:
        folder = seen.folder / "trials" / str(record.number)
        rows = seen.attempts.get(record.number)
        if record.state.is_finished and rows and rows[-1].state is AttemptState.RESULT:
            path = folder / f"attempt-{rows[-1].number}.json"
            if path.is_file():
                yield from _check_result(seen, record, path, rows[-1].number)
            elif record.state is TrialState.COMPLETE:
                without.append(record.number)
        yield from _check_reports(seen, record, folder)
        if not record.state.is_finished and not seen.is_running:
            yield from _check_checkpoint(record, folder)
    for event in seen.artifacts:
        path = seen.folder / event.data["path"]
        if not path.is_file():
            message = f"its artifact {path} is gone; put it back if you have a copy"
            yield _problem("artifact-missing", event.trial, message)
    if aside := list((seen.folder / ASIDE).glob("*")):
        notes.append(
            f"{len(aside)} folders in {seen.folder / ASIDE} are of no trial; delete them if you do not miss any"
        )
    if without:
        notes.append(f"{_count(without, 'COMPLETE trial')} without a result file; nothing needs these files any more")


def _check_checkpoint(record: TrialRecord, folder: Path) -> Iterator[Problem]:
    """Check the checkpoint that a trial would go on from."""
    steps = checkpoint_steps(folder, record.reached, heard_of=record.checkpoint)
    newest = folder / "checkpoints" / str(max(steps, default=0))
    if steps and not durable.is_whole(newest):
        message = f"its newest checkpoint {newest} is gone or not whole; it will go on from an earlier one"
        yield _problem("checkpoint-broken", record.number, message)


def _check_reports(seen: _Seen, record: TrialRecord, folder: Path) -> Iterator[Problem]:
    """Check that the ledger has what workers wrote down. What it has not got came too late to count."""
    has = {(row.attempt, row.name, row.step): row.value for row in seen.points.get(record.number, ())}
    for attempt in {attempt for attempt, _, _ in has}:
        for report in attempts.read_reports(folder, attempt):
            for name, value in report.values.items():
                known = has.get((attempt, name, report.step), value)
                if repr(known + 0.0) != repr(value + 0.0):  # NaN equals itself, and databases know no -0.0
                    said = f"the ledger says {name} was {known} at step {report.step}, its worker's file {value}"
                    yield _problem("value-differs", record.number, f"{said}; one of them was edited")
                    return


def _check_result(seen: _Seen, record: TrialRecord, path: Path, attempt: int) -> Iterator[Problem]:
    try:
        ending = attempts.read_result(path.parent, attempt, metrics=seen.study.preference.names)
        if ending is None:
            raise ValueError("not whole")
        value = ending.values[seen.study.metric] if ending.trial_state is TrialState.COMPLETE else None
    except (AttributeError, KeyError, TypeError, ValueError):
        yield _problem("result-unreadable", record.number, f"{path} was edited or damaged; the ledger has what it said")
        return
    if ending.reason is not None and ending.reason.is_retried:
        return  # the driver decided what became of the trial
    origin = attempts.read_origin(path.parent, attempt)
    if origin is not None and (origin.params, origin.seed) != (record.params, record.seed):
        said = f"the ledger says params {record.params}, {path} says {origin.params}"
        yield _problem("result-differs", record.number, f"{said}; one of them was edited")
    if (ending.trial_state, value) != (record.state, record.value):
        said = f"the ledger says {record.state} {record.value}, {path} says {ending.trial_state} {value}"
        yield _problem("result-differs", record.number, f"{said}; one of them was edited")


# The ledger with a tracker.


def _check_mirror(seen: _Seen, mirror: Mirror, notes: list[str]) -> Iterator[Problem]:
    study, position = seen.study, mirror.position()
    if seen.is_running:
        notes.append(f"the study is running: {mirror.title} is compared when it has ended")
        return
    why = f" ({position.error})" if position.error else ""
    if position.cursor < study.seq:
        waiting = seen.waiting[mirror.tracker]
        what = f"{waiting} reported values wait" if waiting else "the present states of trials wait"
        notes.append(f"{what} for {mirror.title}{why}: `automl sync {study.name}`")
        return
    notes += [f"{mirror.title} refuses for good, {refusal}" for refusal in position.refusals]
    if position.closed < study.seq:
        notes.append(f"the study's own run in {mirror.title} is not complete yet{why}: `automl sync {study.name}`")
    if mirror.is_gone:
        yield _problem("store-missing", None, f"the store {mirror.where} is gone; {_redeliver(seen)}")
        return
    try:
        yield from _check_runs(seen, mirror, mirror.make_tracker(position.runs))
    except TrackerError as error:
        notes.append(f"{mirror.title} was not compared: {error}")


def _check_runs(seen: _Seen, mirror: Mirror, tracker: ReadableTracker) -> Iterator[Problem]:
    study, title = seen.study, mirror.title
    parent = tracker.find_run(study.uid)
    if parent is None:
        yield _problem("parent-missing", None, f"the study's own run is gone from {title}; {_redeliver(seen)}")
        return
    status = "COMPLETE" if study.state == "finished" else "WAITING"
    if mirror.position().closed >= study.seq and parent.status != status:
        message = f"the study's own run in {title} is {parent.status}, not {status}; {_redeliver(seen)}"
        yield _problem("status-differs", None, message)
    runs: dict[str, list[RunSummary]] = defaultdict(list)
    for run in tracker.runs(study.uid):
        runs[run.uid].append(run)
    for number in seen.lost:
        if number >= len(seen.records):
            runs.pop(trial_uid(study, number), None)  # it is of a trial that will be there again
    for record in seen.records:
        found = runs.pop(trial_uid(study, record.number), [])
        if not found:
            yield _problem("run-missing", record.number, f"its run is gone from {title}; {_redeliver(seen)}")
        for run in found[1:]:
            message = f"it has a second run {run.run_id} in {title} beside {found[0].run_id}: delete one of them"
            yield _problem("run-doubled", record.number, message)
        if found:
            yield from _check_run(seen, record, found[0], mirror, tracker)
    for run in (run for found in runs.values() for run in found):
        message = f"run {run.run_id} ({run.name}) in {title} stands under the study, but is of no trial: delete it"
        yield _problem("run-unknown", None, message)


def _check_run(
    seen: _Seen, record: TrialRecord, run: RunSummary, mirror: Mirror, tracker: ReadableTracker
) -> Iterator[Problem]:
    number, where = record.number, f"run {run.run_id} in {mirror.title}"
    anew = f"delete the run for good ({mirror.removal}), {_redeliver(seen)}"
    if run.status != record.state:
        message = f"{where} is {run.status}, the trial {record.state}; {_redeliver(seen)}"
        yield _problem("status-differs", number, message)
    params = tracker.stored_params(record.params)
    if params != run.params:
        names = sorted(name for name in {*params, *run.params} if params.get(name) != run.params.get(name))
        seen_there = ", ".join(f"{name} is {run.params.get(name)!r}, not {params.get(name)!r}" for name in names)
        yield _problem("params-differ", number, f"params of {where} differ ({seen_there}); {anew}")
    reported = [Point(row.name, row.value, row.step, row.time) for row in seen.points.get(number, ())]
    expected = {_key(tracker.stored_point(point)) for point in reported}
    found = Counter(map(_key, tracker.points(run.run_id)))
    # The best value beside the last is delivery's own; a metric of the user's that has its name is among the expected.
    own = tracker.stored_point(Point(f"best/{seen.study.metric}", 0.0, 0, 0.0)).name
    missing = expected - found.keys()
    extra = {key for key, n in found.items() if n > 1 or (key not in expected and key[0] != own)}
    if missing:
        lacking = f"{len(missing)} of its {len(expected)} values are not in {mirror.title}, first {_first(missing)}"
        yield _problem("points-missing", number, f"{lacking}; {_redeliver(seen)}")
    if extra:
        message = f"{mirror.title} has {len(extra)} values that the ledger has not, first {_first(extra)}; {anew}"
        yield _problem("points-extra", number, message)


def _key(point: Point) -> _Key:
    """Return what makes a point one point; time is whole milliseconds, and NaN equals itself."""
    return point.name, point.step, max(1, round(point.time * 1000)), repr(point.value + 0.0)


def _first(keys: set[_Key]) -> str:
    name, step, _, value = min(keys, key=lambda key: (key[1], key))
    return f"{name} = {value} at step {step}"


def _redeliver(seen: _Seen) -> str:
    return f"`automl sync {seen.study.name} --rebuild` delivers everything again"


def _count(numbers: Sequence[int], what: str) -> str:
    shown = ", ".join(map(str, numbers[:5])) + (", ..." if len(numbers) > 5 else "")
    return f"{len(numbers)} {what}{'s' if len(numbers) > 1 else ''} ({shown})"
