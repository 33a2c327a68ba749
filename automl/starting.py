"""What comes next of a study becomes an attempt that a worker can run, and enters the ledger as such.

starting = Starting(ledger, agenda, config, Files(folder), shares=ONE_CPU)
attempt, events = starting.start(0, proposal)   # a trial that is new; nothing is committed yet
attempt, events = starting.start(0)             # the same once more
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from automl.agenda import PROMOTED, PROPOSED, Agenda
from automl.attempt import Attempt
from automl.config import StudyConfig
from automl.ledger.writer import Writer
from automl.recovery import DAMAGED, Files
from automl.samplers import Proposal
from automl.shares import Shares


class Starting:
    """Begins trials and attempts. Not thread-safe.

    Args:
        ledger: of the study.
        agenda: of the study.
        config: its settings.
        files: what its trials have on disk.
        shares: what each trial gets of the machine.
    """

    def __init__(self, ledger: Writer, agenda: Agenda, config: StudyConfig, files: Files, *, shares: Shares) -> None:
        self._ledger = ledger
        self._agenda = agenda
        self._config = config
        self._files = files
        self._shares = shares

    def _ask(self, number: int, proposal: Proposal) -> None:
        seed = random.Random(f"{self._config.seed}-trial-{number}").randrange(2**31)
        self._ledger.ask(number=number, params=proposal.params, seed=seed, confirms=proposal.confirms)
        if proposal.confirms is None:
            self._ledger.event(PROPOSED, trial=number, seen=proposal.seq, notes=proposal.notes)
        self._agenda.add(number, proposal.params, seed=seed, confirms=proposal.confirms)

    def start(self, number: int, proposal: Proposal | None = None) -> tuple[Attempt, Sequence[Mapping[str, Any]]]:
        """Record that a trial runs, maybe once more; return the attempt, and events of checkpoints that are damaged.

        One that is new has a `proposal`, and is added first.
        """
        if proposal is not None:
            self._ask(number, proposal)
        record = self._agenda.records[number]
        start_step, damaged = self._files.start_step(self._ledger, record)
        attempt = self._agenda.attempt(
            number,
            self._config,
            self._files.of(number),
            start_step=start_step,
            resources=self._shares.of(self._agenda.retried[number], retries=self._config.retries),
        )
        self._ledger.start(
            trial=number, attempt=attempt.number, start_step=attempt.start_step, resources=attempt.resources
        )
        if record.paused:
            self._ledger.event(PROMOTED, trial=number, attempt=attempt.number)
        return attempt, [{"event": DAMAGED, **each} for each in damaged]
