"""What becomes of attempts that ended: by themselves, or with a driver that died.

`write_ending` puts an ending into the ledger, for a living study and for one that is picked up again alike; `recover`
ends all that a dead driver left running. A trial is run again without counting against it, unless its worker left a
result file: then the result stands and nothing is run twice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from automl import attempt as attempts
from automl.attempt import Ending
from automl.ledger.queries import Reader
from automl.ledger.writer import Writer
from automl.trial import AttemptState, TrialState

RETRIES = 1


def write_ending(ledger: Writer, trial: int, number: int, ending: Ending, metric: str, *, waits: bool) -> None:
    """Add to the next transaction how an attempt ended, and its trial unless that goes on."""
    ledger.end(
        trial=trial, attempt=number, state=ending.state, checkpoint=ending.checkpoint, reason=ending.reason, waits=waits
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


def count_retries(reader: Reader) -> Counter[int]:
    """Return how often each trial was retried because of the machine it ran on."""
    return Counter(row.trial for row in reader.attempts() if row.reason is not None and row.reason.is_retried)


def recover(ledger: Writer, reader: Reader, folder: Path) -> dict[str, int]:
    """End the attempts that a dead driver left running: take the results they left, let the others run again."""
    found: Counter[str] = Counter()
    metric = reader.study().metric
    retries = count_retries(reader)
    for row in reader.attempts():
        if row.state is not AttemptState.STARTED:
            continue
        points = [point for point in reader.metrics(row.trial) if point.attempt == row.number]
        trial_folder = folder / "trials" / str(row.trial)
        ending = attempts.read_result(trial_folder, row.number)
        left = attempts.read_reports(trial_folder, row.number)
        known = {(point.name, point.step) for point in points}
        for report in [*left, *([ending.final] if ending and ending.final else [])]:
            missing = {name: value for name, value in report.values.items() if (name, report.step) not in known}
            ledger.report(trial=row.trial, attempt=row.number, report=replace(report, values=missing))
        if ending is None:
            last = max([row.started, *(point.time for point in points), *(report.time for report in left)])
            ledger.end(trial=row.trial, attempt=row.number, state=AttemptState.LOST, waits=True, time=last)
            found["cut"] += 1
            continue
        waits = is_retried(ending, retries[row.trial])
        write_ending(ledger, row.trial, row.number, ending, metric, waits=waits)
        found["finished"] += 1
    return dict(found)


def is_retried(ending: Ending, retries: int) -> bool:
    """Whether the trial gets another attempt: the machine was to blame, and not too often."""
    return ending.reason is not None and ending.reason.is_retried and retries < RETRIES
