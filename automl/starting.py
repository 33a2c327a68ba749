"""What comes next of a study becomes an attempt that a worker can run, and enters the ledger as such.

starting = Starting(ledger, agenda, config, folder, shares=ONE_CPU)
starting.ask(proposal)                          # a trial that is new
attempt, events = starting.start(0)             # nothing is committed yet
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from automl.agenda import Agenda
from automl.attempt import Attempt
from automl.config import StudyConfig
from automl.ledger.writer import Writer
from automl.recovery import DAMAGED, start_point
from automl.samplers import Proposal
from automl.shares import Shares


class Starting:
    """Begins trials and attempts. Not thread-safe.

    Args:
        ledger: of the study.
        agenda: of the study.
        config: its settings.
        folder: of its files.
        shares: what each trial gets of the machine.
    """

    def __init__(self, ledger: Writer, agenda: Agenda, config: StudyConfig, folder: Path, *, shares: Shares) -> None:
        self._ledger = ledger
        self._agenda = agenda
        self._config = config
        self._folder = folder
        self._shares = shares
        self._checked: set[int] = set()  # trials whose checkpoints were read whole, or made, under this driver

    def ask(self, proposal: Proposal) -> None:
        """Add a trial that tries what is proposed."""
        number = len(self._agenda.records)
        seed = random.Random(f"{self._config.seed}-trial-{number}").randrange(2**31)
        self._ledger.ask(number=number, params=proposal.params, seed=seed)
        if proposal.notes:
            self._ledger.event("sampler", trial=number, notes=proposal.notes)
        self._agenda.add(number, proposal.params, seed=seed)

    def start(self, number: int) -> tuple[Attempt, Sequence[Mapping[str, Any]]]:
        """Record that a trial runs once more; return the attempt, and events of checkpoints that are damaged."""
        record, folder = self._agenda.records[number], self._folder / "trials" / str(number)
        restored, damaged = start_point(self._ledger, record, folder, thorough=number not in self._checked)
        self._checked.add(number)
        attempt = self._agenda.attempt(
            number,
            self._config,
            folder,
            start_step=restored.step if restored else 0,
            resources=self._shares.of(self._agenda.retried[number], retries=self._config.retries),
        )
        self._ledger.start(
            trial=number, attempt=attempt.number, start_step=attempt.start_step, resources=attempt.resources
        )
        return attempt, [{"event": DAMAGED, **each} for each in damaged]
