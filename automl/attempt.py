"""One execution of a trial, on whatever worker: what it is given, how it is run, what it gives back.

    ending = attempt.run(spec, objective, send=reports.append)

A trial may need several attempts: paused and promoted, cut and resumed, lost and retried are all the same thing here.
Reports and result are written to the trial's folder before they are passed on, so what was reached is never lost: a
driver that resumes finds them with `read_reports` and `read_result`. Both are sealed, so that damage shows, and say
whose they are, so that even a trial that the ledger has lost is known again (`read_origin`). Once it has read them,
`supersede` keeps a worker that still lives, after a takeover for one, from leaving anything beside the next attempt's.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import IO, Any, Self

from automl import crash, durable, trial_log
from automl.crash import Point
from automl.errors import NO_SPACE, AutomlError, TrialPaused, TrialPruned
from automl.interrupts import Interrupted
from automl.redaction import redacted
from automl.trial import AttemptState, BadValueError, Reason, Report, Trial, TrialState, outcome

LONGEST_MESSAGE = 4000
_FILE = re.compile(r"attempt-([1-9]\d{0,8})\.(json|jsonl|over)")
_REPORT = tuple(each.name for each in fields(Report))
_MALFORMED = (ArithmeticError, AttributeError, KeyError, TypeError, ValueError)  # what JSON of another shape raises
LEAST_SPACE = 2**16
"""Bytes. With less a disk counts as full."""

Objective = Callable[[Trial], float | Mapping[str, float] | None]
"""Called once per attempt; returns the study's metric, metrics by name, or None for those last reported.

Whatever it raises fails its trial, but for `TrialPruned` and `TrialPaused`: `trial.report` raises them, let them pass.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What a worker needs to know to run a trial once more."""

    trial: int
    number: int
    """From 1; each execution of the trial has its own."""
    params: Mapping[str, Any]
    """What the objective gets: of named choices the values."""
    sampled: Mapping[str, Any] = field(default_factory=dict)
    """What was sampled: of named choices the names."""
    seed: int
    metrics: tuple[str, ...]
    """All that have to be known of it in the end; the first stands for the study."""
    max_epochs: int | None
    folder: str
    start_step: int
    """Step of the checkpoint to go on from, 0 for the beginning."""
    last_values: Mapping[str, float] = field(default_factory=dict)
    """What had been reported at `start_step`."""
    decision_steps: frozenset[int] | None
    """Steps whose report waits for a verdict; None for every step."""
    resources: Mapping[str, float] = field(default_factory=dict)
    """What it gets of the machine: "cpus" and "gpus"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What became of an attempt, told by its worker or, if that died, by whoever noticed."""

    state: AttemptState
    trial_state: TrialState | None = None
    """The trial's final state, None where it is to go on."""
    values: Mapping[str, float] = field(default_factory=dict)
    reason: Reason | None = None
    message: str | None = None
    checkpoint: int | None = None
    artifacts: Mapping[str, str] = field(default_factory=dict)
    """Name -> path in the trial's folder."""
    final: Report | None = None
    """Metrics that were returned and never reported, at the last step."""
    no_space: str | None = None
    """Why files could not be written where it ran, if the disk was full: no fault of the trial's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Whose files these are; all that is needed to enter an attempt into a ledger that knows nothing of it."""

    trial: int
    attempt: int
    params: Mapping[str, Any]
    """As sampled."""
    seed: int
    start_step: int
    started: float
    """Seconds since the epoch, by the worker's clock."""
    resources: Mapping[str, float] = field(default_factory=dict)
    """That it was given, as the ledger has them."""


def run(attempt: Attempt, objective: Objective, *, send: Callable[[Report], None]) -> Ending:
    """Run the objective in this thread, and leave reports and result in the trial's folder.

    `send` is called with each report; to end the attempt it raises TrialPruned or TrialPaused. A trial that was told to
    stop leaves no result: why it was is known to who told it, and if that died, the trial goes on. Where files cannot
    be written, reports and ending are passed on all the same.

    Raises:
        AutomlError: `send` did. The objective is not to blame, and has left no result.
    """
    folder = Path(attempt.folder)
    origin = Origin(
        trial=attempt.trial,
        attempt=attempt.number,
        params=attempt.sampled,
        seed=attempt.seed,
        start_step=attempt.start_step,
        started=time.time(),
        resources=attempt.resources,
    )
    process = os.getpid()
    broken: list[AutomlError] = []

    fence = str(_fence(folder, attempt.number))

    def check() -> None:
        if os.path.exists(fence):
            raise TrialPruned

    with _Reports(folder, origin) as reports:

        def keep_and_send(report: Report) -> None:
            if os.getpid() != process:
                raise RuntimeError("report from the process in which the objective was called, not from its child")
            check()
            reports.keep(report)
            crash.here(Point.WORKER_AFTER_REPORT)
            try:
                send(report)
            except TrialPruned:
                crash.here(Point.WORKER_AFTER_VERDICT)
                raise
            except AutomlError as error:
                broken.append(error)
                raise

        trial = Trial(
            number=attempt.trial,
            params=attempt.params,
            folder=folder,
            seed=attempt.seed,
            max_epochs=attempt.max_epochs,
            restore_step=attempt.start_step,
            last_values=attempt.last_values,
            decision_steps=attempt.decision_steps or frozenset(),
            send=keep_and_send,
            check=check,
        )
        crash.here(Point.WORKER_BEFORE_OBJECTIVE)
        ending = _judge(trial, objective, attempt.metrics, folder / "log")
    if os.getpid() != process:  # a child that the objective forked has come back from it: it is no second worker
        os._exit(0)
    is_failed = ending.trial_state is TrialState.FAIL
    if broken and is_failed:
        raise broken[0]
    ending = replace(ending, no_space=ending.no_space or reports.trouble)
    if ending.trial_state is TrialState.PRUNED or (is_failed and ending.no_space):
        return ending
    return _left(ending, folder, origin)


def supersede(folder: Path, number: int) -> None:
    """Let attempt `number` be over: its worker, if it still lives, leaves nothing more in the trial's folder."""
    with contextlib.suppress(OSError):  # on a full disk it cannot be, nor can the worker leave much
        folder.mkdir(parents=True, exist_ok=True)
        _fence(folder, number).touch()


def unrun(attempt: Attempt, error: BaseException) -> Ending:
    """Return the ending of an attempt that could not be run to an end of its own: the machine's fault, if a file is."""
    is_ours = isinstance(error, OSError)
    return Ending(
        state=AttemptState.LOST if is_ours else AttemptState.RESULT,
        trial_state=TrialState.FAIL,
        reason=Reason.WORKER_LOST if is_ours else Reason.RAISED,
        message=said(error),
        no_space=_no_space(error, Path(attempt.folder)) if is_ours else None,
    )


def _left(ending: Ending, folder: Path, origin: Origin) -> Ending:
    """Return `ending`, which now lies in the trial's folder, or says why it does not."""
    fence = _fence(folder, origin.attempt)

    def check() -> None:
        if fence.exists():
            raise TrialPruned

    crash.here(Point.WORKER_BEFORE_RESULT)
    try:
        check()
        result = {"origin": asdict(origin)} | asdict(ending)
        durable.write_json(_result_path(folder, origin.attempt), result, sealed=True, check=check)
    except TrialPruned:  # another attempt has taken over
        return ending
    except OSError as error:
        return replace(ending, no_space=_no_space(error, folder) or said(error))
    crash.here(Point.WORKER_AFTER_RESULT)
    return ending


def read_result(folder: Path, number: int, *, metrics: Collection[str]) -> Ending | None:
    """Return how attempt `number` ended, if it got so far; its worker left that in the trial's folder.

    One that is COMPLETE has a value for each of `metrics`, or is damaged.
    """
    row = durable.read_sealed(_result_path(folder, number)) or {}
    row.pop("origin", None)
    try:
        row["state"] = AttemptState(row["state"])
        row["trial_state"] = TrialState(row["trial_state"]) if row["trial_state"] else None
        row["reason"] = Reason(row["reason"]) if row["reason"] else None
        row["final"] = _as_report(row["final"]) if row["final"] else None
        row["values"] = {str(name): float(value) for name, value in row["values"].items()}
        row["artifacts"] = {str(name): str(path) for name, path in row["artifacts"].items()}
        is_complete = row["trial_state"] is TrialState.COMPLETE
        return None if is_complete and not {*metrics} <= {*row["values"]} else Ending(**row)
    except _MALFORMED:
        return None  # there is none, it is damaged, or somebody has edited it


def is_damaged(folder: Path, number: int, *, metrics: Collection[str]) -> bool:
    """Whether attempt `number` has left a result that cannot be used."""
    return _result_path(folder, number).exists() and read_result(folder, number, metrics=metrics) is None


def read_reports(folder: Path, number: int) -> list[Report]:
    """Return what attempt `number` reported, as far as its worker wrote it down; damaged lines do not count."""
    reports = []
    for line in _lines(_reports_path(folder, number)):
        row = durable.unseal(line)
        if row is not None and "origin" not in row:
            with contextlib.suppress(*_MALFORMED):
                reports.append(_as_report(row))
    return reports


def read_origin(folder: Path, number: int) -> Origin | None:
    """Return whose files those of attempt `number` are, by whichever of them is whole."""
    rows = [durable.read_sealed(_result_path(folder, number))]
    rows += [durable.unseal(line) for line in _lines(_reports_path(folder, number))[:1]]
    for row in rows:
        with contextlib.suppress(*_MALFORMED):
            if row is not None:
                return Origin(**row["origin"])
    return None


def with_files(folder: Path) -> list[int]:
    """Return the numbers of the attempts that have left files in the trial's folder."""
    names = os.listdir(folder) if folder.is_dir() else []
    return sorted({int(match[1]) for name in names if (match := _FILE.fullmatch(name))})


def _as_report(row: Mapping[str, Any]) -> Report:
    """Return a report from JSON; of what is none, raise one of `_MALFORMED`."""
    values = {str(name): float(value) for name, value in row["values"].items()}
    return Report(**{**row, "values": values, "step": int(row["step"]), "time": float(row["time"])})


def _lines(path: Path) -> list[bytes]:
    """Return the lines of a file as far as they are whole: not the last if it has no end."""
    try:
        return path.read_bytes().split(b"\n")[:-1]
    except OSError:
        return []


class _Reports:
    """A file with a line for each report: what the driver has not written yet outlives it there.

    Lines that a full disk does not take wait for the next report.
    """

    def __init__(self, folder: Path, origin: Origin) -> None:
        self.trouble: str | None = None
        """Why the last line is not there, if so."""
        self._path = _reports_path(folder, origin.attempt)
        self._file: IO[bytes] | None = None
        self._waiting = b""
        self._write({"origin": asdict(origin)})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()

    def keep(self, report: Report) -> None:
        self._write({name: getattr(report, name) for name in _REPORT})  # `asdict` copies, and doubles the cost of it

    def _write(self, row: Mapping[str, Any]) -> None:
        self._waiting += durable.seal(row).encode() + b"\n"
        try:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("wb", buffering=0)
            while self._waiting:
                self._waiting = self._waiting[self._file.write(self._waiting) :]
        except OSError as error:
            self.trouble = _no_space(error, self._path.parent) or said(error)
        else:
            self.trouble = None


def plain(text: str) -> str:
    """Return `text` as every database may hold it: valid Unicode without NUL or passwords, of bounded length."""
    return redacted(text).strip().encode("utf-8", "replace").decode().replace("\0", "")[:LONGEST_MESSAGE]


def _judge(trial: Trial, objective: Objective, metrics: Sequence[str], log: Path) -> Ending:
    """Call the objective and say what its way of ending means; a traceback goes to the log."""

    def fail(reason: Reason, message: str) -> dict[str, Any]:
        return {"trial_state": TrialState.FAIL, "reason": reason, "message": message}

    state = AttemptState.RESULT
    found: dict[str, Any] = {}
    try:
        values, reason, message = outcome(objective(trial), metrics=metrics, last=trial.last_values)
        extra = {name: value for name, value in values.items() if name not in trial.last_values}
        final = Report(step=max(trial.last_step, 1), values=extra, time=time.time()) if extra else None
        found = {"values": values, "final": final}
        found |= fail(reason, message) if reason else {"trial_state": TrialState.COMPLETE}
    except TrialPaused:
        state = AttemptState.PAUSED
    except TrialPruned:
        found = {"trial_state": TrialState.PRUNED}
    except BadValueError as error:
        found = fail(Reason.BAD_VALUE, plain(str(error)))
    except SystemExit as error:
        found = fail(Reason.EXIT, plain(f"the objective called sys.exit({_safe(repr, error.code)})"))
    except MemoryError as error:
        trial_log.keep_failure(log)
        found = fail(Reason.OOM, said(error))
    except Interrupted:  # a signal to this very process, which ends the search
        raise
    except KeyboardInterrupt:
        trial_log.keep_failure(log)
        found = fail(Reason.EXIT, "the objective raised KeyboardInterrupt")
    except BaseException as error:
        trial_log.keep_failure(log)
        found = {"no_space": _no_space(error, log.parent)}
        is_gpu = type(error).__name__ == "OutOfMemoryError"  # torch's; importing torch to ask would cost a second
        found |= fail(Reason.GPU_OOM if is_gpu else Reason.RAISED, said(error))
    return Ending(state=state, checkpoint=trial.newest, artifacts=dict(trial.artifacts), **found)


def said(error: BaseException) -> str:
    """Return an exception in words, as every database can hold them; it may be the user's and fail when it is asked."""
    return plain(f"{type(error).__name__}: {_safe(str, error)}".removesuffix(": "))


def _safe(words: Callable[[Any], str], value: Any) -> str:
    """Return `words(value)`, or what is wrong with that: it is the user's code that runs there."""
    try:
        return words(value)
    except Interrupted:
        raise
    except BaseException as error:
        return f"(its text cannot be had: {type(error).__name__})"


def _no_space(error: BaseException, folder: Path) -> str | None:
    """Return why `error` is the disk's fault, or None where it is not; `folder` is where the trial writes."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in NO_SPACE:
            return f"{cause.filename or folder}: {cause.strerror}"
        cause = cause.__cause__ or cause.__context__
    with contextlib.suppress(OSError):  # libraries, torch for one, say it in words of their own
        if shutil.disk_usage(folder).free < LEAST_SPACE:
            return f"{folder}: {said(error)}"
    return None


def _fence(folder: Path, number: int) -> Path:
    return folder / f"attempt-{number}.over"


def _reports_path(folder: Path, number: int) -> Path:
    return folder / f"attempt-{number}.jsonl"


def _result_path(folder: Path, number: int) -> Path:
    return folder / f"attempt-{number}.json"
