"""A study is given back: what runs, waits or is paused becomes what the next driver will find.

for event in give_back(ledger, agenda, files, cut=[attempt], is_finished=False):
    print(event["event"], event.get("trial"))       # to be told to listeners: the ledger has it by then
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from automl.agenda import Agenda
from automl.attempt import Attempt
from automl.ledger.writer import Writer
from automl.recovery import Files
from automl.trial import AttemptState, Reason, TrialState

ENDED = "study-ended"
"""Kind of the event that says so."""


def give_back(
    ledger: Writer, agenda: Agenda, files: Files, *, cut: Sequence[Attempt], is_finished: bool
) -> list[Mapping[str, Any]]:
    """Record that the driver goes, release its lease, and return the events to tell listeners of.

    Of a study that is finished all trials end PRUNED that have not ended yet. Otherwise what is cut becomes WAITING,
    and what is paused stays so.

    Args:
        ledger: whose lease is given back; it is closed then.
        agenda: of the study.
        files: what its trials have on disk.
        cut: the attempts that ran until now.
        is_finished: whether nothing is left to run.

    Raises:
        LeaseLostError: another driver has the study.
        LedgerError: the ledger does not work.
    """
    for attempt in cut:
        ledger.end(trial=attempt.trial, attempt=attempt.number, state=AttemptState.LOST, waits=True)
    given_up: dict[int, Reason] = {}
    if is_finished:
        given_up |= dict.fromkeys([*(each.trial for each in cut), *agenda.waiting], Reason.BUDGET)
        given_up |= dict.fromkeys(sorted(agenda.paused), Reason.EARLY_STOPPING)
    events: list[Mapping[str, Any]] = []
    for number, reason in given_up.items():
        ledger.tell(trial=number, state=TrialState.PRUNED, reason=reason)
        told = {"state": TrialState.PRUNED, "value": None, "step": agenda.records[number].step}
        events.append({"event": "trial-ended", "trial": number, **told, "reason": reason, "message": None})
    ledger.event(ENDED, finished=is_finished)
    ledger.release(finished=is_finished)
    for number in given_up:  # the ledger says that these do not go on, so they need nothing to go on from
        files.forget(number)
    return [*events, {"event": ENDED, "finished": is_finished}]
