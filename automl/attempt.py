"""One execution of a trial, on whatever worker: what it is given, how it is run, what it gives back.

    ending = attempt.run(spec, objective, send=reports.append)

A trial may need several attempts: paused and promoted, cut and resumed, lost and retried are all the same thing here.
The result is written to the trial's folder before it is returned, so one that was reached is never lost: a driver that
resumes finds it with `read_result`.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from automl import durable
from automl.errors import TrialPaused, TrialPruned
from automl.trial import AttemptState, BadValueError, Reason, Report, Trial, TrialState, outcome

Objective = Callable[[Trial], float | Mapping[str, float] | None]
"""Called once per attempt; returns the study's metric, several metrics by name, or None for those last reported.

Whatever it raises fails its trial, but for `TrialPruned` and `TrialPaused`: `trial.report` raises them, let them pass.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What a worker needs to know to run a trial once more."""

    trial: int
    number: int
    """From 1; each execution of the trial has its own."""
    params: Mapping[str, Any]
    seed: int
    metric: str
    max_epochs: int | None
    folder: str
    start_step: int
    """Step of the checkpoint to go on from, 0 for the beginning."""
    decision_steps: frozenset[int] | None
    """Steps whose report waits for a verdict; None for every step."""


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
    """Name -> absolute path."""
    final: Report | None = None
    """Metrics that were returned and never reported, at the last step."""


def run(attempt: Attempt, objective: Objective, *, send: Callable[[Report], None]) -> Ending:
    """Run the objective in this thread, and leave the result in the trial's folder.

    `send` is called with each report; to end the attempt it raises TrialPruned or TrialPaused.
    """
    reports: list[Report] = []

    def keep_and_send(report: Report) -> None:
        reports.append(report)
        send(report)

    folder = Path(attempt.folder)
    trial = Trial(
        number=attempt.trial,
        params=attempt.params,
        folder=folder,
        seed=attempt.seed,
        max_epochs=attempt.max_epochs,
        restore_step=attempt.start_step,
        decision_steps=attempt.decision_steps or frozenset(),
        send=keep_and_send,
    )
    ending = _judge(trial, objective, attempt.metric, folder / "log")
    result = {"ending": asdict(ending), "reports": [asdict(report) for report in reports]}
    durable.write_json(_result_path(folder, attempt.number), result)
    return ending


def read_result(folder: Path, number: int) -> tuple[Ending, Sequence[Report]] | None:
    """Return the result that attempt `number` left in the trial's folder, with all of its reports, if it got so far."""
    row = durable.read_json(_result_path(folder, number))
    if not isinstance(row, dict):
        return None
    ending, reports = row["ending"], row["reports"]
    ending["state"] = AttemptState(ending["state"])
    ending["trial_state"] = TrialState(ending["trial_state"]) if ending["trial_state"] else None
    ending["reason"] = Reason(ending["reason"]) if ending["reason"] else None
    ending["final"] = Report(**ending["final"]) if ending["final"] else None
    return Ending(**ending), [Report(**report) for report in reports]


@contextlib.contextmanager
def output_to(path: Path) -> Iterator[None]:
    """Send all that this process prints, its children included, to the end of the file `path` meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(descriptor) for descriptor in (1, 2)]
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for descriptor in (1, 2):
            os.dup2(log, descriptor)
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        for descriptor, original in zip((1, 2), kept, strict=True):
            os.dup2(original, descriptor)
            os.close(original)
        os.close(log)


def _judge(trial: Trial, objective: Objective, metric: str, log: Path) -> Ending:
    """Call the objective and say what its way of ending means; a traceback goes to the log."""

    def fail(reason: Reason, message: str) -> dict[str, Any]:
        return {"trial_state": TrialState.FAIL, "reason": reason, "message": message}

    state = AttemptState.RESULT
    found: dict[str, Any] = {}
    try:
        values, reason, message = outcome(objective(trial), metric=metric, last=trial.last_values)
        extra = {name: value for name, value in values.items() if name not in trial.last_values}
        final = Report(step=max(trial.last_step, 1), values=extra, time=time.time()) if extra else None
        found = {"values": values, "final": final}
        found |= fail(reason, message) if reason else {"trial_state": TrialState.COMPLETE}
    except TrialPaused:
        state = AttemptState.PAUSED
    except TrialPruned:
        found = {"trial_state": TrialState.PRUNED}
    except BadValueError as error:
        found = fail(Reason.BAD_VALUE, str(error))
    except SystemExit as error:
        found = fail(Reason.EXIT, f"the objective called sys.exit({error.code!r})")
    except MemoryError as error:
        _keep_traceback(log)
        found = fail(Reason.OOM, f"MemoryError: {error}")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        _keep_traceback(log)
        is_gpu = type(error).__name__ == "OutOfMemoryError"  # torch's; importing torch to ask would cost a second
        text = f"{type(error).__name__}: {error}".strip()
        found = fail(Reason.GPU_OOM if is_gpu else Reason.RAISED, text)
    return Ending(state=state, checkpoint=trial.newest, artifacts=dict(trial.artifacts), **found)


def _keep_traceback(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        traceback.print_exc(file=file)


def _result_path(folder: Path, number: int) -> Path:
    return folder / f"attempt-{number}.json"
