"""What a study knows of the attempts that run now: how far each was heard of, and why it was told to end.

running = Running()
running.begin(attempt)
running.hear(attempt, step=3)
running.cut(attempt, Reason.EARLY_STOPPING)             # the first reason stands
running.why(attempt)                                    # Reason.EARLY_STOPPING
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from automl.attempt import Attempt
from automl.trial import Reason


@dataclass(slots=True)
class _Known:
    """What is known of one attempt."""

    step: int
    cut: Reason | None = None


class Running:
    """The attempts that run. Not thread-safe."""

    def __init__(self) -> None:
        self._attempts: dict[int, Attempt] = {}
        self._known: dict[int, _Known] = {}
        self.attempts: Mapping[int, Attempt] = MappingProxyType(self._attempts)
        """By trial; a view."""

    def begin(self, attempt: Attempt) -> None:
        """Take in that an attempt starts."""
        self._attempts[attempt.trial] = attempt
        self._known[attempt.trial] = _Known(attempt.start_step)

    def has(self, attempt: Attempt) -> bool:
        """Whether this very attempt of its trial runs."""
        return self._attempts.get(attempt.trial) == attempt

    def hear(self, attempt: Attempt, *, step: int) -> None:
        """Take in that an attempt reported."""
        self._known[attempt.trial].step = step

    def step(self, attempt: Attempt) -> int:
        """Return the last step that an attempt reported, or the one it started from."""
        return self._known[attempt.trial].step

    def cut(self, attempt: Attempt, reason: Reason) -> None:
        """Take in why an attempt is told to stop, unless it was told before."""
        known = self._known[attempt.trial]
        known.cut = known.cut or reason

    def why(self, attempt: Attempt) -> Reason | None:
        """Return why an attempt was told to stop, None if it was not."""
        return self._known[attempt.trial].cut

    def end(self, attempt: Attempt) -> None:
        """Forget an attempt."""
        del self._attempts[attempt.trial], self._known[attempt.trial]
