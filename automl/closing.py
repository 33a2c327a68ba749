"""What a search leaves: trials that run, wait or are paused end with it, or become what the next driver will find.

records = settle(ledger, agenda, files, cut=[attempt], is_finished=True, commit=ledger.commit)
[record.reason for record in records]               # [Reason.BUDGET]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from automl.agenda import Agenda
from automl.attempt import Attempt
from automl.ledger.writer import Writer
from automl.recovery import Files
from automl.trial import AttemptState, Reason, TrialRecord, TrialState


def settle(
    ledger: Writer,
    agenda: Agenda,
    files: Files,
    *,
    cut: Sequence[Attempt],
    is_finished: bool,
    commit: Callable[[], object],
) -> list[TrialRecord]:
    """Record what becomes of the trials that have not ended, and return those that have ended by it.

    Of a search that is finished they end PRUNED. Otherwise what is cut becomes WAITING, and what is paused stays so.

    Args:
        ledger: of the study.
        agenda: of the search; what ends here has ended there too.
        files: what its trials have on disk.
        cut: the attempts that ran until now.
        is_finished: whether nothing is left to run.
        commit: writes all of it.
    """
    for attempt in cut:
        ledger.end(trial=attempt.trial, attempt=attempt.number, state=AttemptState.LOST, waits=True)
    given_up: dict[int, Reason] = {}
    if is_finished:
        given_up |= dict.fromkeys([*(each.trial for each in cut), *agenda.waiting], Reason.BUDGET)
        given_up |= dict.fromkeys(sorted(agenda.paused), Reason.EARLY_STOPPING)
    told: list[TrialRecord] = []
    for number, reason in given_up.items():
        ledger.tell(trial=number, state=TrialState.PRUNED, reason=reason)
        record = replace(agenda.records[number], state=TrialState.PRUNED, reason=reason, paused=False)
        agenda.records[number] = record
        told.append(record)
    commit()
    for number in given_up:  # the ledger says that these do not go on, so they need nothing to go on from
        files.forget(number)
    return told
