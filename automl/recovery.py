"""What becomes of attempts that ended: by themselves, or with a driver that died.

`write_ending` puts an ending into the ledger, for a living study and for one that is picked up again alike; `recover`
ends all that a dead driver left running. A trial is run again without counting against it, unless its worker left a
result file: then the result stands and nothing is run twice. `Files` knows what is on disk: where a trial goes on, and
what a worker did not come to tell.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from automl import attempt as attempts
from automl import remains
from automl.attempt import Attempt, Ending
from automl.ledger.queries import Reader
from automl.ledger.writer import Writer
from automl.trial import (
    AttemptState,
    Reason,
    Report,
    TrialRecord,
    TrialState,
    checkpoint_steps,
    newest_checkpoint,
    remove_checkpoints,
)

DAMAGED = "checkpoint-damaged"
"""Kind of the event that says so: `step`, `path` in the study's folder, `fallback` (a step, 0 for the start)."""


def write_ending(
    ledger: Writer, trial: int, number: int, ending: Ending, metric: str, *, waits: bool, time: float | None = None
) -> None:
    """Add to the next transaction how an attempt ended (now, or at `time`), and its trial unless that goes on."""
    state, reason = ending.state, ending.reason
    ledger.end(
        trial=trial,
        attempt=number,
        state=state,
        checkpoint=ending.checkpoint,
        reason=reason,
        waits=waits,
        time=time,
    )
    if ending.trial_state is not None and not waits:
        is_complete = ending.trial_state is TrialState.COMPLETE
        ledger.tell(
            trial=trial,
            state=ending.trial_state,
            value=ending.values[metric] if is_complete else None,
            values=ending.values,
            reason=ending.reason,
            message=ending.message,
        )
    for name, path in ending.artifacts.items():
        # Relative to the study's folder, which may be moved.
        ledger.event("artifact", trial=trial, name=name, path=f"trials/{trial}/{path}")


def after(record: TrialRecord, ending: Ending, metric: str, *, waits: bool, now: float) -> TrialRecord:
    """Return how a trial stands after an attempt: what `write_ending` puts into the ledger, as memory has it."""
    is_complete = ending.trial_state is TrialState.COMPLETE
    return replace(
        record,
        state=TrialState.WAITING if waits else ending.trial_state or TrialState.RUNNING,
        paused=ending.state is AttemptState.PAUSED,
        value=ending.values[metric] if is_complete else None,
        values=ending.values,
        reason=ending.reason,
        message=ending.message,
        checkpoint=ending.checkpoint,
        ended=now,
    )


def reasons_to_retry(reader: Reader) -> dict[int, list[Reason]]:
    """Return why each trial ran once more, or could have: because of the machine it ran on."""
    found: defaultdict[int, list[Reason]] = defaultdict(list)
    for row in reader.attempts():
        if row.reason is not None and row.reason.is_retried:
            found[row.trial].append(row.reason)
    return found


def recover(ledger: Writer, reader: Reader, folder: Path, *, retries: int) -> dict[str, int]:
    """End the attempts that a dead driver left running: take the results they left, let the others run again.

    Attempts and trials that the ledger has lost and their files have not are among them. `retries` is how often a trial
    may be retried. Nothing is committed yet, and all of it may be done again. Returns how many attempts were "finished"
    or "cut", how many trials were "entered" from files, how many folders set "aside", and how many results were
    "damaged".
    """
    preference = reader.study().preference
    metric, metrics = preference.metrics[0], preference.names
    retried = reasons_to_retry(reader)
    entered, found = remains.bring_up_to_files(ledger, reader, folder)
    since, until = ledger.lived
    running = [row for row in reader.attempts() if row.state is AttemptState.STARTED] + entered
    last_of = {row.trial: row.number for row in sorted(running, key=lambda row: row.number)}
    for row in running:
        points = [point for point in reader.metrics(row.trial) if point.attempt == row.number]
        trial_folder = folder / "trials" / str(row.trial)
        attempts.supersede(trial_folder, row.number)  # first: what is read next is all that it leaves
        ending = attempts.read_result(trial_folder, row.number, metrics=metrics)
        left = attempts.read_reports(trial_folder, row.number)
        left += [ending.final] if ending and ending.final else []
        known = {(point.name, point.step) for point in points}
        for report in left:
            missing = {name: value for name, value in report.values.items() if (name, report.step) not in known}
            ledger.report(trial=row.trial, attempt=row.number, report=replace(report, values=missing))
        alive = [until] if row.started >= since else []  # it ran as long as its driver did, heard of or not
        last = max([row.started, *alive, *(point.time for point in points), *(report.time for report in left)])
        if ending is None:
            newest = max((report.checkpoint or 0 for report in left), default=0) or None
            ledger.end(
                trial=row.trial, attempt=row.number, state=AttemptState.LOST, checkpoint=newest, waits=True, time=last
            )
            found["cut"] += 1
            found["damaged"] += attempts.is_damaged(trial_folder, row.number, metrics=metrics)
            continue
        waits = row.number < last_of[row.trial] or is_retried(ending, len(retried.get(row.trial, ())), retries)
        # Nobody knows better when it ended; what passed until the ledger hears of it is no time of the trial's.
        write_ending(ledger, row.trial, row.number, ending, metric, waits=waits, time=last)
        found["finished"] += 1
    return dict(+found)


class Files:
    """What the trials of a study have on disk, in `folder`. Trials that are simulated have nothing there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._checked: set[int] = set()  # trials whose checkpoints were read whole, or made, under this driver

    def of(self, number: int) -> Path:
        """Return the folder of a trial."""
        return self._folder / "trials" / str(number)

    def start_step(self, ledger: Writer, record: TrialRecord) -> tuple[int, list[dict[str, Any]]]:
        """Return the step of the checkpoint that a trial goes on from, 0 for the start, and what to say of newer ones.

        That is an event for each that is damaged or gone, added to the next transaction; the trial's log has it too.
        The files of a checkpoint are read whole once in the life of a driver.
        """
        folder, thorough = self.of(record.number), record.number not in self._checked
        self._checked.add(record.number)
        if not record.attempt:
            return 0, []
        restored = newest_checkpoint(folder, record.reached, thorough=thorough)
        start = restored.step if restored else 0
        bad: list[dict[str, Any]] = [
            {"trial": record.number, "step": step, "path": _checkpoint(record.number, step), "fallback": start}
            for step in checkpoint_steps(folder, record.reached, heard_of=record.checkpoint)
            if step > start
        ]
        for each in bad:
            ledger.event(DAMAGED, **each)
            with contextlib.suppress(OSError), (folder / "log").open("a", encoding="utf-8") as log:
                on = f"goes on from that of step {start}" if start else "begins again"
                log.write(f"# the checkpoint of step {each['step']} is damaged or gone; the trial {on}\n")
        return start, bad

    def left_by(self, attempt: Attempt) -> tuple[list[Report], Ending | None]:
        """Return what the worker of an attempt has left, which leaves nothing more: its reports, and how it ended."""
        folder = self.of(attempt.trial)
        attempts.supersede(folder, attempt.number)  # first: what is read next is all that it leaves
        reports = attempts.read_reports(folder, attempt.number)
        return reports, attempts.read_result(folder, attempt.number, metrics=attempt.metrics)

    def forget(self, number: int) -> None:
        """Remove what a trial would have gone on from."""
        remove_checkpoints(self.of(number))


def _checkpoint(number: int, step: int) -> str:
    return f"trials/{number}/checkpoints/{step}"


def is_retried(ending: Ending, retries: int, most: int) -> bool:
    """Whether the trial gets another attempt: it was cut, or the machine to blame, fewer than `most` times so far."""
    if ending.state is AttemptState.LOST and ending.trial_state is None:
        return True
    return ending.reason is not None and ending.reason.is_retried and retries < most
