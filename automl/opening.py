"""A study is taken up: what a dead driver left is ended, and all that its ledger knows becomes memory again.

found = take_up(ledger, reader, folder, changes={"n_trials": 40})
found.agenda.next(is_idle=True, seq=ledger.position)
[event["event"] for event in found.events]          # ["study-started", ...], to be told when the study is there
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl import guard, policy, stopping
from automl.agenda import Agenda
from automl.compute import Usage
from automl.config import StudyConfig
from automl.fingerprint import STARTED, Fingerprint
from automl.known import Known
from automl.ledger import lease
from automl.ledger.queries import Reader
from automl.ledger.writer import Writer
from automl.recovery import recover
from automl.samplers.past import Past
from automl.space_history import CHANGED, SpaceChange
from automl.trial import remove_checkpoints

if TYPE_CHECKING:
    import optuna


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenUp:
    """What there is to go on with."""

    config: StudyConfig
    agenda: Agenda
    usage: Usage
    """Of the search so far."""
    events: Sequence[Mapping[str, Any]]
    """What listeners are to be told of it."""


def take_up(
    ledger: Writer,
    reader: Reader,
    folder: Path,
    *,
    changes: Mapping[str, Any],
    fingerprint: Fingerprint | None = None,
    sampler: optuna.samplers.BaseSampler | None = None,
    early_stopping: stopping.Rule | None = None,
    pasts: Sequence[Past] = (),
    works_ahead: bool = True,
    parallel: int | None = None,
) -> TakenUp:
    """Record that a driver has come, with what it changes, and rebuild the agenda; what may be repeated is.

    Args:
        ledger: whose lease is taken.
        reader: of the same study.
        folder: of its files.
        changes: options of `config.CHANGEABLE` with new values.
        fingerprint: what its trials run on now.
        sampler: an Optuna sampler to use instead of the one the study names.
        early_stopping: a rule or an Optuna pruner to use instead of the rule that the study names.
        pasts: what other studies found, to learn from.
        works_ahead: whether a slow sampler may think about a trial before it is wanted.
        parallel: trials at once, if that is known: what `auto` means may hang on it.

    Raises:
        ConfigError: early stopping was given as an object once, and is not now.
    """
    name, clock = reader.study().name, ledger.clock
    config = StudyConfig.from_dict(reader.study().config).changes(**changes)
    recovered = recover(ledger, reader, folder, retries=config.retries)
    differs = fingerprint.differences(Fingerprint.last(reader)) if fingerprint else []
    ledger.event(
        STARTED,
        recovered=recovered,
        fingerprint=fingerprint.to_dict() if fingerprint else None,
        fenced=ledger.fenced,
        driver=lease.this_process(since=clock()) | {"mark": guard.mark()},
    )
    change = SpaceChange.look(reader, config.space)
    if change is not None:
        ledger.event(CHANGED, before=change.before.to_dict(), **change.to_dict())
    Known.read(reader).added(ledger, tries=config.tries, pasts=pasts)
    if policy.read(reader) is None and (chosen := policy.choose(config, parallel=parallel)):
        ledger.event(policy.CHOSEN, **chosen.to_dict())
    ledger.commit(config=config.to_dict(), finished=False)
    agenda = Agenda.rebuilt(
        reader.refresh(), config, sampler=sampler, early_stopping=early_stopping, works_ahead=works_ahead
    )
    ended = [record for record in agenda.records.values() if record.state.is_finished]
    for record in ended:  # the driver before may have died before it came to that
        remove_checkpoints(folder / "trials" / str(record.number))
    counted = sum(record.confirms is None for record in ended)
    about = {"n_trials": config.n_trials, "trials": len(agenda.records), "ended": counted}
    events: list[dict[str, Any]] = [
        {"event": STARTED, "name": name, **about, "paused": sorted(agenda.paused), "recovered": recovered}
    ]
    last = len(agenda.records) - 1
    events += [{"event": "study-differs", **asdict(each), "message": each.told(trial=last)} for each in differs]
    if ledger.fenced is not None:
        events.append({"event": "taken-over", **ledger.fenced})
    if change is not None:
        events.append({"event": CHANGED, **change.to_dict()})
    confirming = reader.confirmations()
    usage = Usage(row for row in reader.attempts() if row.trial not in confirming)
    return TakenUp(config=config, agenda=agenda, usage=usage, events=events)
