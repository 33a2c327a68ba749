"""Rows of a ledger as Python reads them: frozen values, with the words of the tables.

reader.study().metric                       # a StudyRow
[row.reason for row in reader.attempts(3)]  # AttemptRows
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from automl.ledger.requests import Request
from automl.preference import Preference, several
from automl.trial import AttemptState, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """The study itself."""

    id: int
    name: str
    uid: str
    created: float
    config: Mapping[str, Any]
    state: str
    """"running", "interrupted" or "finished"."""
    owner: Mapping[str, Any] | None
    """The living driver: host, pid, since."""
    has_died: bool
    """Whether its last driver went without a word."""
    request: Request | None
    """What somebody has asked of the living driver."""
    seq: int
    result: Mapping[str, Any] | None

    @property
    def preference(self) -> Preference:
        """Which of two results is better."""
        return Preference.of(self.config["metric"], self.config["direction"], self.config.get("constraints", ()))

    @property
    def metric(self) -> str:
        """The metric that is optimized; the first of several."""
        return several(self.config["metric"])[0]

    @property
    def sign(self) -> int:
        """1 where less of that metric is better, -1 where more is: `value * sign` is a loss."""
        return -1 if several(self.config["direction"])[0] == "maximize" else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One execution of a trial."""

    trial: int
    number: int
    state: AttemptState
    start_step: int
    checkpoint: int | None
    started: float
    ended: float | None
    reason: Reason | None
    resources: Mapping[str, float]
    """CPUs and GPUs that it had."""
    seq: int = 0
    """Of its end, once it has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """One reported value."""

    trial: int
    attempt: int
    name: str
    step: int
    value: float
    time: float
    seq: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """Something that is no row elsewhere."""

    seq: int
    time: float
    kind: str
    trial: int | None
    data: Mapping[str, Any]
